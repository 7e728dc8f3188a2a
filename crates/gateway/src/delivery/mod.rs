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

use std::sync::Arc;

use chela_agent::TurnEvent;
use chela_store::InboxRow;
use tokio::sync::{Notify, mpsc};

use crate::app::Gateway;

/// The delivery of the running gateway. Built empty.
#[derive(Default)]
pub(crate) struct Delivery {
    /// Told when a row may have been added, or an account came back.
    due: Notify,
}

impl Delivery {
    /// There may be something to deliver.
    pub(crate) fn wake(&self) {
        self.due.notify_one();
    }

    /// Delivers until the gateway stops. Started once, when the gateway is ready.
    pub(crate) async fn run(&self, gateway: Arc<Gateway>) {
        let _ = (gateway, &self.due);
    }

    /// Shows a turn to the chat that it answers, while it runs; `None` when it answers none. The sender gets every event of the
    /// run; typing ends within two seconds of the run's end, whatever the end is (G38).
    pub(crate) fn live(&self, gateway: &Arc<Gateway>, row: &InboxRow) -> Option<mpsc::Sender<TurnEvent>> {
        let _ = (gateway, row);
        None
    }
}
