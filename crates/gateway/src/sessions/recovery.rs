//! What a start does with the messages that the last one left open: it answers them, oldest first.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chela_protocol::SessionKey;
use chela_protocol::methods::chat::QueueMode;
use chela_store::{InboxRow, InboxState};

use super::{Mail, Refused};
use crate::app::Gateway;
use crate::commands;
use crate::config::QueueConfig;

/// How long a full mailbox gets before its next message is tried.
const FULL_MAILBOX_PAUSE: Duration = Duration::from_millis(100);

/// A row that is younger may be between its commit and its mailbox.
const FORGOTTEN_AFTER_MS: i64 = 5_000;

/// Where rows come from whose turn is never shared: the OpenAI endpoints, hooks, automations.
const OF_PROGRAMS: [&str; 3] = ["http", "hooks", "cron"];

/// Hands every open row to its session's task. A store that can't be read is reported; the gateway goes on with new work.
pub(super) async fn resume(gateway: &Arc<Gateway>) {
    let open = match gateway.store.open_inbox().await {
        Ok(open) => open,
        Err(error) => {
            tracing::error!(%error, "open messages could not be read; they wait for the next start");
            return;
        }
    };
    if !open.is_empty() {
        tracing::info!(messages = open.len(), "taking up messages that were not answered yet");
    }
    let (commands, messages) = open.into_iter().partition(|row| commands::is_command(&row.body));
    let commands: Vec<InboxRow> = commands;
    for row in commands {
        gateway.tasks.spawn(commands::execute(gateway.clone(), row));
    }
    feed_all(gateway, messages).await;
}

/// Hands over the open rows, of one session or of all, that no task has. Such are left when a turn's end could not be written or a
/// session's task died.
pub(super) async fn take_up_forgotten(gateway: &Arc<Gateway>, session: Option<&SessionKey>) {
    let open = match session {
        Some(session) => gateway.store.open_inbox_of(session).await,
        None => gateway.store.open_inbox().await,
    };
    let mut open = match open {
        Ok(open) => open,
        Err(error) => {
            tracing::warn!(%error, "open messages could not be read; they wait for the next look");
            return;
        }
    };
    let newest = gateway.now_ms() - FORGOTTEN_AFTER_MS;
    let is_forgotten = |row: &InboxRow| row.received_at_ms <= newest && !gateway.sessions.runs.contains(&row.run);
    // A command that runs long is in no table; what is left of one is taken up at the next start.
    open.retain(|row| is_forgotten(row) && !commands::is_command(&row.body));
    if !open.is_empty() {
        tracing::info!(messages = open.len(), "taking up messages that were left open");
        feed_all(gateway, open).await;
    }
}

async fn feed_all(gateway: &Arc<Gateway>, open: Vec<InboxRow>) {
    let mut by_session = BTreeMap::<SessionKey, Vec<InboxRow>>::new();
    for row in open {
        by_session.entry(row.session.clone()).or_default().push(row);
    }
    for (session, mut rows) in by_session {
        // A turn that had begun stands in the transcript already, and goes on before anything else is asked there.
        rows.sort_by_key(|row| row.state != InboxState::Running);
        // The first of each session is in its mailbox before this returns, so that a new message comes after it.
        let queue = queue_of(gateway, &session).await;
        let mut rows = rows.into_iter();
        let rest = feed(gateway, &session, &queue, &mut rows);
        if let Some(first) = rest {
            gateway.tasks.spawn(feed_slowly(gateway.clone(), session, queue, first, rows));
        }
    }
}

/// Hands rows over until the mailbox is full; returns the one that found no place.
fn feed(
    gateway: &Arc<Gateway>,
    session: &SessionKey,
    queue: &QueueConfig,
    rows: &mut impl Iterator<Item = InboxRow>,
) -> Option<InboxRow> {
    for row in rows {
        match gateway.sessions.reserve(gateway, session) {
            Ok(place) => {
                let mode = mode_of(queue, &row);
                gateway.sessions.deliver(place, Mail { row, mode }, None);
            }
            Err(Refused::Busy | Refused::Scarce(_)) => return Some(row),
            Err(Refused::Stopping) => return None,
        }
    }
    None
}

async fn feed_slowly(
    gateway: Arc<Gateway>,
    session: SessionKey,
    queue: QueueConfig,
    mut first: InboxRow,
    mut rows: impl Iterator<Item = InboxRow> + Send,
) {
    loop {
        tokio::time::sleep(FULL_MAILBOX_PAUSE).await;
        match feed(&gateway, &session, &queue, &mut std::iter::once(first).chain(rows.by_ref())) {
            Some(row) => first = row,
            None => return,
        }
    }
}

/// What the configuration says of messages that wait, and somebody chose for this session.
async fn queue_of(gateway: &Gateway, session: &SessionKey) -> QueueConfig {
    let queue = gateway.config.load().messages.queue.clone();
    match gateway.store.session(session).await {
        Ok(Some(stored)) => queue.chosen(&stored.settings.queue),
        Ok(None) => queue,
        Err(error) => {
            tracing::warn!(%error, %session, "what waits goes on as the configuration says");
            queue
        }
    }
}

/// How a row goes on that was accepted before the restart. What waited to be collected still does; anything else gets its own turn,
/// and so does what was begun, and what programs sent: they wanted that from the beginning.
fn mode_of(queue: &QueueConfig, row: &InboxRow) -> QueueMode {
    match queue.mode_of(&row.channel) {
        QueueMode::Collect if row.attempts == 0 && !OF_PROGRAMS.contains(&row.channel.as_str()) => QueueMode::Collect,
        QueueMode::Collect | QueueMode::Followup | QueueMode::Steer | QueueMode::Interrupt => QueueMode::Followup,
    }
}

#[cfg(test)]
mod tests {
    use chela_store::SessionQueue;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_chosen_for_a_session_holds_after_a_restart() {
        let row = |channel: &str, attempts: u32| InboxRow {
            id: chela_store::InboxId(1),
            channel: channel.to_owned(),
            account: "default".to_owned(),
            platform_id: "1".to_owned(),
            session: SessionKey::main(&chela_protocol::AgentId::new("main")),
            agent: chela_protocol::AgentId::new("main"),
            run: chela_protocol::RunId::new("r"),
            state: InboxState::Queued,
            body: json!({}),
            received_at_ms: 0,
            attempts,
            closed_at_ms: None,
            result: None,
        };
        let configured: QueueConfig = serde_json::from_value(json!({ "mode": "collect" })).unwrap();
        let chosen = |mode: &str| {
            configured.clone().chosen(&SessionQueue { mode: Some(mode.to_owned()), ..SessionQueue::default() })
        };
        let rows = [
            (configured.clone(), row("telegram", 0), QueueMode::Collect),
            (chosen("followup"), row("telegram", 0), QueueMode::Followup),
            (chosen("collect"), row("telegram", 0), QueueMode::Collect),
            (chosen("collect"), row("telegram", 1), QueueMode::Followup),
            (chosen("collect"), row("http", 0), QueueMode::Followup),
            (chosen("collect"), row("hooks", 0), QueueMode::Followup),
        ];
        for (queue, row, mode) in rows {
            assert_eq!(mode_of(&queue, &row), mode, "{} {}", row.channel, row.attempts);
        }
    }
}
