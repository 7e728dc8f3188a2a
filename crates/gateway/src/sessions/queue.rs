//! What waits behind a running turn, and which of it is answered together. Pure but for the parsing of rows.
//!
//! Whatever waits is durable already and is answered: the cap decides how, never whether. An answer goes to one place, so only rows
//! that want their answer at the same place are answered together.

use std::collections::VecDeque;

use chela_agent::{DeliveryRoute, TurnTools};
use chela_protocol::methods::chat::QueueMode;
use chela_store::InboxRow;
use serde::Deserialize as _;

use super::Mail;
use crate::config::{DropPolicy, QueueConfig};

/// Where the answer to a row goes besides the transcript.
pub(crate) fn route_of(row: &InboxRow) -> Option<DeliveryRoute> {
    row.body.get("deliver").and_then(|route| DeliveryRoute::deserialize(route).ok())
}

/// What narrows the tools of a row's turn. Rules that can't be read leave none.
pub(super) fn tools_of(row: &InboxRow) -> Vec<TurnTools> {
    let Some(tools) = row.body.get("tools") else { return Vec::new() };
    Vec::deserialize(tools).unwrap_or_else(|_| vec![TurnTools { deny: vec!["*".to_owned()], ..TurnTools::default() }])
}

/// Whether a row has a turn to itself: its answer may be a call of its client's own tool, which nobody else could make, and results of
/// such calls belong right behind them.
pub(super) fn is_clients_own(row: &InboxRow) -> bool {
    let holds =
        |field: &str| row.body.get(field).and_then(serde_json::Value::as_array).is_some_and(|list| !list.is_empty());
    holds("clientTools") || holds("clientResults")
}

/// Whether one answer may serve both.
pub(super) fn is_same_place(one: Option<&DeliveryRoute>, other: Option<&DeliveryRoute>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.is_same_place(other),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// What the parts of one message share; `None` where it has one part only.
pub(super) fn album_of(row: &InboxRow) -> Option<&str> {
    row.body.get("album").and_then(serde_json::Value::as_str)
}

/// Whether files of the row are still to be fetched.
pub(super) fn has_files_to_fetch(row: &InboxRow) -> bool {
    let files = row.body.get("attachments").and_then(serde_json::Value::as_array);
    files.is_some_and(|files| files.iter().any(|file| file.get("source").is_some_and(|source| !source.is_null())))
}

/// Takes the rows that are answered together with `first`: further parts of its message, those that wait to be collected, and as
/// many of the oldest as are above the cap, whatever their mode.
pub(super) fn take_together(first: &Mail, waiting: &mut VecDeque<Mail>, queue: &QueueConfig) -> Vec<InboxRow> {
    let above = match queue.drop {
        // At the door the newest were turned away.
        DropPolicy::New => 0,
        DropPolicy::Old | DropPolicy::Summarize => (waiting.len() + 1).saturating_sub(queue.cap()),
    };
    let (route, tools) = (route_of(&first.row), tools_of(&first.row));
    let (mut together, mut others, mut is_over) = (Vec::new(), VecDeque::new(), false);
    for mail in waiting.drain(..) {
        let is_same = is_same_place(route.as_ref(), route_of(&mail.row).as_ref());
        // Nobody gets the tools of another by being answered together with them.
        let is_equal = tools_of(&mail.row) == tools;
        let is_collected = first.mode == QueueMode::Collect && mail.mode == QueueMode::Collect;
        let is_part = album_of(&first.row).is_some() && album_of(&first.row) == album_of(&mail.row);
        // A row that was begun before goes on by itself, where it stood.
        let is_shared = !is_clients_own(&first.row) && !is_clients_own(&mail.row);
        let may =
            is_shared && (is_part || is_collected || together.len() < above) && mail.row.attempts == 0 && is_equal;
        // Answers of one place keep their order: behind a row that waits for its own turn, all do.
        is_over |= is_same && !may;
        if is_same && !is_over {
            together.push(mail.row);
        } else {
            others.push_back(mail);
        }
    }
    *waiting = others;
    together
}

#[cfg(test)]
mod tests {
    use chela_protocol::{AgentId, RunId, SessionKey};
    use chela_store::{InboxId, InboxState};
    use serde_json::json;

    use super::*;

    fn mail(id: i64, chat: &str, mode: QueueMode) -> Mail {
        let agent = AgentId::new("main");
        let row = InboxRow {
            id: InboxId(id),
            channel: "telegram".into(),
            account: "default".into(),
            platform_id: id.to_string(),
            session: SessionKey::main(&agent),
            agent,
            run: RunId::new(id.to_string()),
            body: json!({ "text": "x", "deliver": { "channel": "telegram", "account": "default", "chat": chat } }),
            state: InboxState::Queued,
            attempts: 0,
            received_at_ms: 0,
            closed_at_ms: None,
            result: None,
        };
        Mail { row, mode }
    }

    #[test]
    fn a_client_that_runs_tools_of_its_own_has_its_turn_to_itself() {
        use QueueMode::Collect;
        let with = |id: i64, field: &str| {
            let mut mail = mail(id, "1", Collect);
            mail.row.body[field] = json!([{}]);
            mail
        };
        let queue = QueueConfig::default();
        for field in ["clientTools", "clientResults"] {
            assert_eq!(taken(vec![with(1, field), mail(2, "1", Collect)], Collect, &queue), [0; 0], "{field}");
            let rows = take_together(&with(0, field), &mut vec![mail(1, "1", Collect)].into(), &queue);
            assert_eq!(rows, [], "{field}");
        }
    }

    fn taken(waiting: Vec<Mail>, mode: QueueMode, queue: &QueueConfig) -> Vec<i64> {
        let rows = take_together(&mail(0, "1", mode), &mut waiting.into(), queue);
        rows.into_iter().map(|row| row.id.0).collect()
    }

    #[test]
    fn rows_of_one_place_are_collected() {
        use QueueMode::{Collect, Followup};
        let queue = QueueConfig::default();
        let three =
            |modes: [QueueMode; 3]| [1, 2, 3].into_iter().zip(modes).map(|(id, mode)| mail(id, "1", mode)).collect();
        assert_eq!(taken(three([Collect; 3]), Collect, &queue), [1, 2, 3]);
        assert_eq!(taken(three([Collect, Followup, Collect]), Collect, &queue), [1]);
        assert_eq!(taken(three([Collect; 3]), Followup, &queue), [0; 0]);
        let elsewhere = vec![mail(1, "1", Collect), mail(2, "2", Collect), mail(3, "1", Collect)];
        assert_eq!(taken(elsewhere, Collect, &queue), [1, 3], "other places wait for their own answer");
        let mut begun = mail(1, "1", Collect);
        begun.row.attempts = 1;
        assert_eq!(taken(vec![begun], Collect, &queue), [0; 0]);
    }

    #[test]
    fn what_is_above_the_cap_is_answered_together() {
        let many = || (1..=6).map(|id| mail(id, "1", QueueMode::Followup)).collect::<Vec<_>>();
        let queue = |cap, drop| QueueConfig { cap: Some(cap), drop, ..QueueConfig::default() };
        assert_eq!(taken(many(), QueueMode::Followup, &queue(7, DropPolicy::Summarize)), [0; 0]);
        assert_eq!(taken(many(), QueueMode::Followup, &queue(5, DropPolicy::Summarize)), [1, 2]);
        assert_eq!(taken(many(), QueueMode::Followup, &queue(5, DropPolicy::Old)), [1, 2]);
        assert_eq!(taken(many(), QueueMode::Followup, &queue(5, DropPolicy::New)), [0; 0]);
    }
}
