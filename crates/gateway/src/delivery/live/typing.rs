//! The sign that an answer is being written, for as long as it is and no moment longer (G38).

use std::time::Duration;

use chela_agent::TypingMode;
use chela_channels::SendErrorKind;
use tokio::time::Instant;

use super::show::{Phase, State};
use super::{Scene, after};
use crate::delivery::reply::within;

/// A run of which nothing was heard for this long writes nothing, whatever it does.
const SILENCE_MAX: Duration = Duration::from_mins(10);

/// A call that is under way when the run ends may still take this long. The answer waits for it: a sign that came after the answer
/// would stay there.
const GRACE: Duration = Duration::from_secs(1);

/// The share of its time after which the sign is renewed.
const RENEW: f64 = 0.6;

/// Shortest pause between two signs, whatever a channel says of itself.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// Keeps the sign up until the run is over or its words stand in the chat.
pub(super) async fn run(scene: &Scene) {
    let mode = scene.gateway.config.load().agents.defaults.typing_mode;
    let every = scene.channel.capabilities().typing_lasts.mul_f64(RENEW).max(PAUSE_MIN);
    while scene.show.until(|state| shows(mode, state).then_some(())).await.is_some() {
        let mut pause = every;
        let call = within(scene.channel.typing(&scene.route.chat));
        let answer = tokio::select! {
            biased;
            answer = call => answer,
            () = after(&scene.show.over, GRACE) => return,
        };
        if let Err(error) = answer {
            tracing::debug!(%error, chat = scene.route.chat, "the typing sign could not be shown");
            match error.kind {
                SendErrorKind::RateLimited { after } => pause = pause.max(after),
                SendErrorKind::Refused | SendErrorKind::Auth | SendErrorKind::Gone => return,
                SendErrorKind::Unreachable | SendErrorKind::Unknown | SendErrorKind::Markup => {}
            }
        }
        if !scene.show.pause_until(Instant::now() + pause).await {
            return;
        }
    }
}

fn shows(mode: TypingMode, state: &State) -> bool {
    let wanted = match mode {
        TypingMode::Never => false,
        TypingMode::Instant => true,
        TypingMode::Thinking => state.phase != Phase::Waiting || !state.steps.is_empty(),
        TypingMode::Message => !state.text.is_empty(),
    };
    wanted && state.works && !state.preview_stands && state.last_event.elapsed() < SILENCE_MAX
}
