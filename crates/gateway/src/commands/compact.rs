//! `/compact` and `sessions.compact`: summarise the older part of a conversation now. Runs beside whatever turn is going on: the
//! newest turn always stays word for word.

use std::sync::Arc;

use chela_agent::{Compacted, CompactionError, CompactionOrder, Speaker, compact_session};
use chela_protocol::{AgentId, RunId, SessionKey};
use chela_store::{InboxRow, StoreError};
use serde_json::json;

use crate::app::Gateway;
use crate::sessions::session_changed;

/// What came of it; the store's failures are the caller's.
pub(crate) enum Ending {
    Compacted(Compacted),
    /// Another one is at work in this session.
    Busy,
    /// No summary could be had, and why.
    Failed(String),
}

pub(super) async fn reply(
    gateway: &Arc<Gateway>,
    row: &InboxRow,
    by: Speaker,
    focus: &str,
) -> Result<String, StoreError> {
    let order = CompactionOrder {
        id: format!("{}:summary", row.run).into(),
        run: row.run.clone(),
        by,
        focus: Some(focus.to_owned()).filter(|focus| !focus.is_empty()),
        keep_items: None,
    };
    Ok(match compact(gateway, &row.session, &row.agent, order).await? {
        Ending::Compacted(Compacted::Done(done)) => format!(
            "The older part of this conversation is summarised: its context went from about {} to {} tokens. The transcript keeps everything.",
            done.tokens_before, done.tokens_after
        ),
        Ending::Compacted(Compacted::Nothing) => {
            "There is nothing to summarise: everything stands in the newest turns.".to_owned()
        }
        Ending::Compacted(Compacted::Overtaken) | Ending::Busy => {
            "This conversation is being summarised already.".to_owned()
        }
        Ending::Failed(why) => {
            format!("The older part of this conversation could not be summarised: {why}. Nothing has changed.")
        }
    })
}

/// Carries out an order, unless one is at work in the session. A gateway that stops leaves it, as a crash would.
pub(crate) async fn compact(
    gateway: &Arc<Gateway>,
    session: &SessionKey,
    agent: &AgentId,
    order: CompactionOrder,
) -> Result<Ending, StoreError> {
    let Some(_claim) = gateway.sessions.claim_compaction(session) else { return Ok(Ending::Busy) };
    let stored = gateway.store.ensure_session(session, agent, gateway.now_ms()).await?;
    let run: RunId = order.run.clone();
    let book = gateway.sessions.agents(gateway);
    let world = book.world(gateway, &stored.agent).await;
    let compacted = tokio::select! {
        biased;
        () = gateway.shutdown.cancelled() => return Err(StoreError::Closed),
        compacted = compact_session(&world, &stored, order) => compacted,
    };
    match compacted {
        Ok(compacted) => {
            if matches!(compacted, Compacted::Done(_)) {
                session_changed(gateway, session, json!({ "reason": "compact", "runId": run }));
            }
            Ok(Ending::Compacted(compacted))
        }
        Err(CompactionError::Store(error)) => Err(error),
        Err(error) => {
            tracing::warn!(%error, %session, "a conversation was not summarised");
            Ok(Ending::Failed(error.to_string()))
        }
    }
}
