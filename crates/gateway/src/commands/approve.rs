//! `/approve`: an owner decides on a call that waits.

use std::sync::Arc;

use chela_agent::TurnInput;
use chela_protocol::methods::approvals::{ApprovalDecision, ApprovalResolver, ApprovalStatus};
use chela_store::{InboxRow, StoreError};

use crate::app::Gateway;
use crate::approvals::{ApprovalDesk, DecideError};

/// Characters of each question in the overview.
const OVERVIEW_CHARS: usize = 200;

const USAGE: &str = "Say which question and what may happen: `/approve <id> allow-once`, `allow-always` or `deny`.";

pub(super) async fn reply(gateway: &Arc<Gateway>, row: &InboxRow, args: &str) -> Result<String, StoreError> {
    let words: Vec<&str> = args.split_whitespace().collect();
    let (id, decision) = match words[..] {
        [] => return Ok(overview(gateway)),
        [id, decision] => (id, decision),
        _ => return Ok(USAGE.to_owned()),
    };
    // Both orders are typed.
    let read = decision_of(decision).map(|decision| (id, decision));
    let Some((id, decision)) = read.or_else(|| decision_of(id).map(|first| (decision, first))) else {
        return Ok(USAGE.to_owned());
    };
    let by = ApprovalResolver { kind: "channel".to_owned(), id: Some(who(row)) };
    match ApprovalDesk::decide(gateway, id, decision, by, None).await {
        Ok(view) => Ok(match (view.status, decision) {
            (ApprovalStatus::Allowed, ApprovalDecision::AllowAlways) => {
                "Allowed, now and whenever it is asked for exactly like this.".to_owned()
            }
            (ApprovalStatus::Allowed, _) => "Allowed, this once.".to_owned(),
            _ => "Denied.".to_owned(),
        }),
        Err(DecideError::Store(error)) => Err(error),
        Err(error) => Ok(format!("{error}.")),
    }
}

fn decision_of(word: &str) -> Option<ApprovalDecision> {
    match word.to_ascii_lowercase().as_str() {
        "allow-once" | "allow" | "once" | "yes" => Some(ApprovalDecision::AllowOnce),
        "allow-always" | "always" => Some(ApprovalDecision::AllowAlways),
        "deny" | "no" | "reject" => Some(ApprovalDecision::Deny),
        _ => None,
    }
}

fn overview(gateway: &Gateway) -> String {
    let waiting = gateway.approvals.waiting();
    if waiting.is_empty() {
        return "Nothing waits for a decision.".to_owned();
    }
    let line = |one: &chela_protocol::methods::approvals::PendingApproval| {
        let command: String = one.request.command.chars().take(OVERVIEW_CHARS).collect();
        let rest = if command.len() < one.request.command.len() {
            " […] (only its beginning; see the question)"
        } else {
            ""
        };
        format!("- `{}`: `{}`{rest}", one.id, command.replace('`', "'").replace('\n', " "))
    };
    let lines: Vec<_> = waiting.iter().map(line).collect();
    format!("Waiting:\n{}\n\n{USAGE}", lines.join("\n"))
}

/// Who typed it, for the history.
fn who(row: &InboxRow) -> String {
    let input = TurnInput::from_body(&row.body);
    match input.origin.sender_name.or(input.origin.client_id) {
        Some(name) => format!("{}:{name}", row.channel),
        None => row.channel.clone(),
    }
}
