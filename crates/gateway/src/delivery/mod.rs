//! What goes out to chats: the outbox is drained, each reply rendered, cut, sent part by part, retried by its class, or given up
//! into the dead-letter list. And what shows before a reply is whole: typing, reactions, previews.
//!
//! ```text
//! finish_turn ──wake──▶ drain ──one task a chat──▶ parts ──▶ channel.send ──▶ record_sent
//! turn events ──live──▶ typing, status reactions, preview (part 0 of the run, edited until the reply takes its place)
//! ```
//!
//! A row is delivered at most by one task at a time. What a row of an earlier start may have sent already is looked for on the
//! platform before it is sent again, so that a kill between sending and recording doubles nothing.

mod call;
mod directives;
mod drain;
mod files;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod live;
mod plan;
mod reply;
mod retry;
mod whole;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chela_agent::DeliveryRoute;
use chela_channels::render::render;
use chela_channels::{Channel, DeliveryPolicy, OutboundPart, PartKey};
use chela_protocol::AgentId;
use chela_store::{OutboxId, StoreError};
use futures_util::FutureExt as _;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub(crate) use self::call::within;
pub(crate) use self::live::{Live, queued};
use crate::app::Gateway;

/// The delivery of the running gateway. Built empty.
#[derive(Default)]
pub(crate) struct Delivery {
    /// Told when a row may have been added, or an account came back.
    due: Notify,
    /// Told when a row was delivered, given up, or put off.
    row_ended: Notify,
    closing: CancellationToken,
    /// Rows whose next part this process may have sent without knowing. Those of earlier processes are all in doubt.
    doubts: Mutex<BTreeSet<OutboxId>>,
    /// What shows of runs that go on.
    stage: live::Stage,
}

impl Delivery {
    /// There may be something to deliver.
    pub(crate) fn wake(&self) {
        self.due.notify_one();
    }

    /// Delivers until it is closed. Started once, when the gateway is ready.
    pub(crate) async fn run(&self, gateway: Arc<Gateway>) {
        while !self.is_closing() {
            match gateway.store.last_outbox_id().await {
                Ok(inherited) => {
                    let drain = drain::Drain::new(gateway.clone(), inherited).run();
                    // What was being sent is in doubt for the next one, as after a restart.
                    if AssertUnwindSafe(drain).catch_unwind().await.is_err() {
                        tracing::error!("the delivery panicked; it begins again");
                    }
                }
                Err(error) => tracing::error!(%error, "the outbox can't be read; trying again"),
            }
            tokio::select! {
                biased;
                () = self.closing.cancelled() => {}
                () = tokio::time::sleep(retry::pause(0)) => {}
            }
        }
    }

    /// Begins no further part; what is being sent gets a moment. Rows that are left wait for the next start.
    pub(crate) fn close(&self) {
        self.closing.cancel();
    }

    /// Returns when nothing is left to be delivered to a chat.
    pub(crate) async fn is_through(&self, gateway: &Gateway, route: &DeliveryRoute) -> Result<(), StoreError> {
        loop {
            let row_ended = self.row_ended.notified();
            tokio::pin!(row_ended);
            row_ended.as_mut().enable();
            if !gateway.store.outbox_waits(&route.channel, &route.account, &route.chat).await? {
                return Ok(());
            }
            row_ended.await;
        }
    }

    fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }

    fn doubt(&self, row: OutboxId) {
        self.doubts().insert(row);
    }

    fn settled(&self, row: OutboxId) {
        self.doubts().remove(&row);
    }

    fn is_doubtful(&self, row: OutboxId) -> bool {
        self.doubts().contains(&row)
    }

    fn doubts(&self) -> MutexGuard<'_, BTreeSet<OutboxId>> {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A text as the one message that it makes; `None` when it makes several, or nothing of it is visible.
pub(crate) fn single(channel: &dyn Channel, policy: &DeliveryPolicy, chat: &str, text: &str) -> Option<OutboundPart> {
    let capabilities = channel.capabilities();
    let mut parts = render(text, capabilities.dialect, plan::limits(capabilities, policy));
    let content = parts.pop().filter(|content| parts.is_empty() && !content.plain.trim().is_empty())?;
    Some(OutboundPart {
        key: PartKey { run: String::new(), part: 0 },
        chat: chat.to_owned(),
        content,
        media: None,
        reply_to: None,
        via: None,
        buttons: Vec::new(),
        silent: false,
        link_preview: policy.link_preview,
    })
}

/// What stands before the answers of an agent; empty for nothing.
fn prefix(gateway: &Gateway, policy: &DeliveryPolicy, agent: &AgentId) -> String {
    let config = gateway.config.load();
    let Some(prefix) = policy.response_prefix.as_ref().or(config.messages.response_prefix.as_ref()) else {
        return String::new();
    };
    let agents = gateway.sessions.agents(gateway);
    let name = &agents.profile_or_default(agent).name;
    match prefix.as_str() {
        "auto" => format!("[{name}]"),
        prefix => prefix.replace("{identityName}", name),
    }
}
