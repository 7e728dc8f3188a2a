//! Whole lives of a gateway in virtual time, from a seed: the real intake, access, routes, sessions, turns, store and delivery
//! between two simulated platforms and a scripted model, with everything that goes wrong in the world, and death at any step.
//!
//! A run is its seed and nothing else: one thread, time that stands until everybody waits, no hash's order, no other chance.
//! `cargo xtask sim --seeds N` runs many, and `--seed S` shows one with all that happens in it.

mod automations;
mod channel;
mod check;
mod dice;
mod life;
mod model;
mod platform;
mod play;
mod stage;
mod tests;

use std::sync::Arc;

use chela_channels::Kind;

use channel::kind;
use model::ScriptedModel;
use platform::Platform;
use play::Play;
use stage::{BEGIN_MS, Sabotage, Stage};

/// The platforms: the first takes an idempotency key, the second must be searched.
pub(super) static KINDS: [Kind; 2] = [kind("alpha"), kind("beta")];

/// What came of a run.
struct Ran {
    log: Vec<String>,
    /// Every promise that was broken.
    broken: Vec<String>,
}

fn run(seed: u64, sabotage: Option<Sabotage>) -> Ran {
    let stage = Arc::new(Stage::new(seed, sabotage));
    let platforms = [Platform::new(&stage, "alpha", true), Platform::new(&stage, "beta", false)];
    channel::enter(&platforms);
    let model = Arc::new(ScriptedModel::new(stage.clone()));
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut play = Play::new(&stage, platforms, model, dir.path());
    let mut at_ms = BEGIN_MS;
    loop {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without IO");
        let (ended, ended_at_ms) = runtime.block_on(play.live(at_ms));
        drop(runtime);
        if play.is_over(ended) {
            break;
        }
        // The next start takes a moment.
        at_ms = ended_at_ms + 1_000;
    }
    Ran { log: stage.log(), broken: stage.broken() }
}
