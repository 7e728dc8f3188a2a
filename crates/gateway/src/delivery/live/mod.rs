//! What a chat sees of an answer before it is there: that it is being written, how far it is, its first words.
//!
//! ```text
//! observer ──happened──▶ Show (what is known of the run) ◀──reads── typing · preview · reactions
//!                          ▲
//! reply delivery ──settle──┘   waits until nothing of the run is under way, then speaks
//! ```
//!
//! Nothing here is needed for an answer to arrive, and nothing here holds a turn up: events change a few fields, and the calls to
//! the platform happen elsewhere.

mod preview;
mod reactions;
mod show;
mod typing;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chela_agent::{
    AbortReason, DeliveryRoute, InputOrigin, ReasoningLevel, Reply, TurnEnd, TurnEvent, TurnEventKind, VerboseLevel,
};
use chela_channels::{Channel, DeliveryPolicy};
use chela_protocol::{AgentId, RunId};
use chela_store::InboxRow;
use serde::Deserialize as _;
use tokio_util::sync::CancellationToken;

pub(crate) use self::reactions::queued;
use self::show::Show;
use crate::app::Gateway;
use crate::channels::OpenAccount;
use crate::delivery::call::CALL_MAX;
use crate::sessions::{Showing, route_of};

/// How long a reply waits for what is under way of its run's preview: a call, and another one where markup was refused. An answer
/// that went out before could find the preview behind itself.
const SETTLE_MAX: Duration = CALL_MAX.saturating_mul(2);

/// Runs that are remembered because nobody knows whether their preview was sent. Each is looked at once more when its answer goes out.
const DOUBTS_MAX: usize = 4096;

/// How often a run looks whether its account is open by now.
const OPEN_LOOK: Duration = Duration::from_millis(100);

/// The runs that show something now, by their names.
#[derive(Default)]
pub(super) struct Stage {
    shows: Mutex<BTreeMap<String, Arc<Show>>>,
    /// Runs whose first part may have been sent without anybody knowing.
    doubts: Mutex<BTreeSet<String>>,
}

/// A run that is shown. Dropping it is the run's end, however it came.
pub(crate) struct Live {
    show: Arc<Show>,
}

/// Everything that showing one run needs.
struct Scene {
    gateway: Arc<Gateway>,
    account: Arc<OpenAccount>,
    channel: Arc<dyn Channel>,
    policy: DeliveryPolicy,
    route: DeliveryRoute,
    row: ShownRow,
    show: Arc<Show>,
    showing: Showing,
}

/// What a show needs of its row. The rest stays with the turn: bodies may hold megabytes.
struct ShownRow {
    run: RunId,
    agent: AgentId,
    /// How often it was begun before.
    attempts: u32,
}

impl Live {
    /// Begins to show a run to the chat that it answers; `None` when it answers none, or keeps its answer back. An account that is not open yet, as after a
    /// start, is waited for as long as the run goes on. Typing ends within two seconds of the run's end, whatever the end is (G38).
    pub(crate) fn begin(gateway: &Arc<Gateway>, row: &InboxRow, showing: Showing) -> Option<Self> {
        let route = route_of(row).filter(|_| showing.sends)?;
        let account = gateway.channels.get(&route.channel, &route.account)?;
        let show = Arc::new(Show::new(&route));
        gateway.delivery.stage.shows().insert(row.run.to_string(), show.clone());
        let origin = origin_of(row);
        let row = ShownRow { run: row.run.clone(), agent: row.agent.clone(), attempts: row.attempts };
        let leaving = Leaving { gateway: gateway.clone(), run: row.run.to_string(), show: show.clone() };
        let live = Self { show: show.clone() };
        let gateway = gateway.clone();
        gateway.clone().tasks.spawn(async move {
            let _leaving = leaving;
            let Some(channel) = speaker(&account, &show).await else { return };
            let policy = account.policy.load().delivery.clone();
            let scene = Scene { gateway, account, channel, policy, route, row, show, showing };
            scene.play(reactions::Marks::of(&scene, &origin)).await;
        });
        Some(live)
    }

    /// Shows a run's end alone: somebody stopped it before it went on, and what an earlier try left in the chat is to say so.
    pub(crate) fn stopped(gateway: &Arc<Gateway>, row: &InboxRow) {
        let showing = Showing { sends: true, reasoning: ReasoningLevel::Off, verbose: VerboseLevel::Off };
        if let Some(live) = Self::begin(gateway, row, showing) {
            let end = TurnEnd::Aborted { text: String::new(), reason: AbortReason::User };
            live.show.happened(&TurnEventKind::Ended(end));
        }
    }

    /// Takes in what happened. Never waits.
    pub(crate) fn happened(&self, event: &TurnEvent) {
        self.show.happened(&event.kind);
    }

    /// The turn has not begun yet, but work for it has.
    pub(crate) fn works(&self) {
        self.show.works();
    }

    /// Another message is answered by this run as well.
    pub(crate) fn also(&self, row: &InboxRow) {
        if let Some(message) = route_of(row).and_then(|route| route.reply_to) {
            self.show.also(message);
        }
    }
}

/// Waits until the account is open; `None` when the run is over before.
async fn speaker(account: &OpenAccount, show: &Show) -> Option<Arc<dyn Channel>> {
    loop {
        if let Some(channel) = account.speaker() {
            return Some(channel);
        }
        show.over.run_until_cancelled(tokio::time::sleep(OPEN_LOOK)).await?;
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.show.close();
    }
}

/// Takes the run off the stage when its show is over, also by a panic.
struct Leaving {
    gateway: Arc<Gateway>,
    run: String,
    show: Arc<Show>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.show.close();
        self.show.quiet.cancel();
        let mut shows = self.gateway.delivery.stage.shows();
        // A later try of the same run may stand there by now.
        if shows.get(&self.run).is_some_and(|show| Arc::ptr_eq(show, &self.show)) {
            shows.remove(&self.run);
        }
    }
}

impl Scene {
    async fn play(&self, marks: reactions::Marks) {
        let speaking = async {
            let mode = self.gateway.config.load().agents.defaults.typing_mode;
            let typing = typing::run(&self.show, self.channel.as_ref(), &self.route.chat, mode);
            tokio::join!(typing, preview::run(self));
            // From here on the answer may go out.
            self.show.quiet.cancel();
        };
        tokio::join!(speaking, marks.run(self));
    }

    /// What the parts of this run have in common, without words yet.
    fn reply(&self) -> Reply {
        // What is half written may be anybody's; the answer says for itself.
        Reply { tainted: true, ..Reply::to(&self.route, self.row.run.as_str(), "") }
    }
}

impl Stage {
    /// Ends the show of a run and waits until nothing of it is under way.
    pub(super) async fn settle(&self, run: &str) {
        let Some(show) = self.shows().get(run).cloned() else { return };
        show.close();
        if tokio::time::timeout(SETTLE_MAX, show.quiet.cancelled()).await.is_err() {
            tracing::warn!(run, "a preview is stuck; the answer goes out without it");
        }
    }

    /// Whether the first part of a run may be there without being recorded.
    pub(super) fn is_doubtful(&self, run: &str) -> bool {
        self.doubts().contains(run)
    }

    fn doubt(&self, run: &str) {
        let mut doubts = self.doubts();
        if doubts.len() >= DOUBTS_MAX {
            doubts.pop_first();
        }
        doubts.insert(run.to_owned());
    }

    pub(super) fn clear(&self, run: &str) {
        self.doubts().remove(run);
    }

    fn shows(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Show>>> {
        self.shows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn doubts(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of a row's sender, without reading the rest of its body.
fn origin_of(row: &InboxRow) -> InputOrigin {
    row.body.get("origin").and_then(|origin| InputOrigin::deserialize(origin).ok()).unwrap_or_default()
}

/// Waits for the token, and a moment more.
async fn after(token: &CancellationToken, grace: Duration) {
    token.cancelled().await;
    tokio::time::sleep(grace).await;
}
