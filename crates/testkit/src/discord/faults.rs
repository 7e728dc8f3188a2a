//! What the script breaks, and what the fake counts and remembers.

use std::time::Duration;

use serde_json::{Value, json};

use super::failure::{ConnectionPlan, DiscordFailure, Trap};
use super::gateway::LinkCommand;
use super::{DiscordRequest, FakeDiscord, MESSAGE_CONTENT, State};

/// What happened at the gateway since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewayStats {
    pub connections: usize,
    pub identifies: usize,
    /// Tries to resume.
    pub resumes: usize,
    /// Sessions that were resumed.
    pub resumed: usize,
    pub heartbeats: usize,
    /// Codes with which the client closed; 1005 where it named none.
    pub closes: Vec<u16>,
    /// Of the newest IDENTIFY.
    pub last_intents: u64,
}

impl FakeDiscord {
    /// Lets the next request of this route fail; calling it twice lets two fail. `*` in a route is any one segment:
    /// `fail_next("POST", "/channels/*/messages", DiscordFailure::CutAfter)`.
    pub fn fail_next(&self, method: &str, route: &str, failure: DiscordFailure) {
        let trap = Trap { method: method.to_owned(), route: route.to_owned(), failure };
        self.change(|state| state.traps.push(trap));
    }

    /// Failures that no request has met yet.
    pub fn failures_left(&self) -> usize {
        self.lock().traps.len()
    }

    /// How the next connections to the gateway go, one plan each; then all is as always.
    pub fn plan_connections(&self, plans: impl IntoIterator<Item = ConnectionPlan>) {
        self.change(|state| state.plans.extend(plans));
    }

    /// Closes every connection to the gateway with this code. After most codes the session can be resumed.
    pub fn close_gateway(&self, code: u16) {
        self.change(|state| state.hub.command(&LinkCommand::Close(code)));
    }

    /// Ends every connection to the gateway without a word, as a dying network does.
    pub fn drop_gateway(&self) {
        self.change(|state| state.hub.command(&LinkCommand::Drop));
    }

    /// Every connection to the gateway stands from here on, and nothing comes through. New ones work.
    pub fn black_hole_gateway(&self) {
        self.change(|state| state.hub.freeze());
    }

    /// As [`FakeDiscord::black_hole_gateway`], and new connections are no better, until [`FakeDiscord::heal`].
    pub fn silence_gateway(&self) {
        self.change(|state| {
            state.hub.is_silent = true;
            state.hub.freeze();
        });
    }

    /// Nothing is answered any more, by the gateway or by REST, and nothing is closed, until [`FakeDiscord::heal`].
    pub fn silence(&self) {
        self.silence_gateway();
        self.change(|state| state.is_silent = true);
    }

    /// Ends every connection without a word; new ones work.
    pub fn cut_connections(&self) {
        self.change(State::cut);
    }

    /// Is there again for new connections and requests; those that hang stay lost, and a revoked token stays revoked.
    pub fn heal(&self) {
        self.change(|state| {
            state.is_offline = false;
            state.is_silent = false;
            state.hub.is_silent = false;
            state.hub.withholds_acks = false;
            state.latency = Duration::ZERO;
            state.traps.clear();
            state.plans.clear();
        });
    }

    /// Events come, and heartbeats are not answered.
    pub fn withhold_acks(&self, withhold: bool) {
        self.change(|state| state.hub.withholds_acks = withhold);
    }

    /// Asks every client to come again and resume (op 7).
    pub fn ask_reconnect(&self) {
        self.op(7, &Value::Null);
    }

    /// Asks every client for a heartbeat now (op 1).
    pub fn ask_heartbeat(&self) {
        self.op(1, &Value::Null);
    }

    /// Tells every client that its session is no good (op 9).
    pub fn invalidate_sessions(&self, resumable: bool) {
        if !resumable {
            self.forget_sessions();
        }
        self.op(9, &json!(resumable));
    }

    /// No session can be resumed any more; events in between are lost.
    pub fn forget_sessions(&self) {
        self.change(|state| state.hub.sessions.clear());
    }

    /// Ends every connection, and takes none until [`FakeDiscord::heal`].
    pub fn go_down(&self) {
        self.change(|state| {
            state.is_offline = true;
            state.cut();
        });
    }

    /// Every answer and every event comes later by this.
    pub fn set_latency(&self, latency: Duration) {
        self.change(|state| state.latency = latency);
    }

    /// The token is good for nothing from here on; connections that stand are closed.
    pub fn revoke_token(&self) {
        self.change(|state| {
            state.options.token.push_str(".anew");
            state.hub.sessions.clear();
            state.hub.command(&LinkCommand::Close(4004));
        });
    }

    /// Switches the privileged intent of the portal; connections that stand keep theirs.
    pub fn allow_message_content(&self, allow: bool) {
        self.change(|state| {
            let intents = &mut state.options.allowed_intents;
            *intents = if allow { *intents | MESSAGE_CONTENT } else { *intents & !MESSAGE_CONTENT };
        });
    }

    /// From here on a nonce may come again: its window of some minutes is over.
    pub fn forget_nonces(&self) {
        self.change(|state| {
            for message in state.world.messages.values_mut() {
                message.nonce = None;
            }
        });
    }

    /// Tokens of interactions are no longer taken: their fifteen minutes are over.
    pub fn expire_interactions(&self) {
        self.change(|state| {
            for interaction in state.world.interactions.values_mut() {
                interaction.expired = true;
            }
        });
    }

    /// Keeps no requests from here on, for servers that run long.
    pub fn forget_requests(&self) {
        self.change(|state| state.forgets = true);
    }

    /// Every request that came, refused ones too.
    pub fn requests(&self) -> Vec<DiscordRequest> {
        self.lock().requests.clone()
    }

    /// The requests of one route; `*` is any one segment.
    pub fn requests_of(&self, method: &str, route: &str) -> Vec<DiscordRequest> {
        let trap = Trap { method: method.to_owned(), route: route.to_owned(), failure: DiscordFailure::Hang };
        let state = self.lock();
        state.requests.iter().filter(|request| trap.catches(&request.method, &request.path)).cloned().collect()
    }

    pub fn gateway_stats(&self) -> GatewayStats {
        self.lock().hub.stats.clone()
    }

    /// Sessions that are connected and hear events.
    pub fn live_sessions(&self) -> usize {
        self.lock().hub.sessions.values().filter(|session| session.link.is_some()).count()
    }

    /// What the client shows of itself, as it came.
    pub fn presence(&self) -> Option<Value> {
        self.lock().hub.presence.clone()
    }

    /// What a careful client never does.
    pub fn faults(&self) -> Vec<String> {
        self.lock().faults.clone()
    }

    /// As [`FakeDiscord::faults`], and forgets them: for tests that mean them.
    pub fn take_faults(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().faults)
    }

    /// # Panics
    /// When the client did what a careful client never does.
    pub fn assert_clean(&self) {
        let faults = self.faults();
        assert!(faults.is_empty(), "Discord would have refused: {faults:#?}");
    }

    fn op(&self, op: u8, data: &Value) {
        let frame = json!({"t": null, "s": null, "op": op, "d": data}).to_string();
        self.change(|state| state.hub.command(&LinkCommand::Send(frame)));
    }
}

impl State {
    fn cut(&mut self) {
        self.hub.command(&LinkCommand::Drop);
        std::mem::take(&mut self.connections).cancel();
    }

    /// The portal's switches, as the application shows them: each in its form for bots in few servers.
    pub(super) fn application_flags(&self) -> u64 {
        let switches = [(1 << 8, 1 << 13), (1 << 1, 1 << 15), (MESSAGE_CONTENT, 1 << 19)];
        switches.iter().filter(|(intent, _)| self.options.allowed_intents & intent != 0).map(|(_, flag)| flag).sum()
    }
}
