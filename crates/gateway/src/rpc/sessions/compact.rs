//! `sessions.compact`: the older part of a session is summarised now.

use chela_agent::{Compacted, CompactionOrder, Speaker};
use chela_protocol::RpcError;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::commands::{self, CompactionEnding};
use crate::route::Target;
use crate::rpc::chat::target;
use crate::rpc::{Call, RpcResult};
use crate::rpc_error;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CompactParams {
    key: String,
    agent_id: Option<String>,
    /// At most so many entries stay word for word.
    max_lines: Option<usize>,
    /// What the summary should dwell on.
    instructions: Option<String>,
}

/// A summary that could not be had is no error of the call: `compacted` is false, and the session is as it was.
pub(super) async fn compact(call: Call) -> RpcResult {
    let params: CompactParams = call.params()?;
    if params.max_lines == Some(0) {
        return Err(RpcError::invalid("invalid sessions.compact params: maxLines is at least 1"));
    }
    let Target { agent, session } = target(&call, &params.key, params.agent_id.as_deref())?;
    let run = format!("compact-{}", Uuid::new_v4());
    let order = CompactionOrder {
        id: format!("{run}:summary").into(),
        run: run.into(),
        by: Speaker::Owner,
        focus: params.instructions,
        keep_items: params.max_lines,
    };
    let ending = commands::compact(&call.gateway, &session, &agent, order).await.map_err(rpc_error::of_store)?;
    let not = |reason: &str| json!({ "ok": true, "key": session, "compacted": false, "reason": reason });
    Ok(match ending {
        CompactionEnding::Compacted(Compacted::Done(done)) => json!({
            "ok": true,
            "key": session,
            "compacted": true,
            "result": {
                "summaryEntryId": done.id,
                "firstKeptSeq": done.first_kept,
                "tokensBefore": done.tokens_before,
                "tokensAfter": done.tokens_after,
            },
        }),
        CompactionEnding::Compacted(Compacted::Nothing) => {
            not("nothing to summarise: everything stands in the newest turns")
        }
        CompactionEnding::Compacted(Compacted::Overtaken) | CompactionEnding::Busy => not("being summarised already"),
        CompactionEnding::Failed(why) => not(&why),
    })
}
