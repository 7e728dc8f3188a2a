//! `sessions.search`: what was said in any conversation, also before a reset.

use chela_protocol::Scope;
use chela_protocol::methods::sessions::{SearchHitRow, SessionsSearchParams, SessionsSearchResult};
use chela_store::SearchHit;

use super::{Access, Call, Method, RpcResult, answer_of};
use crate::rpc_error;

/// Passages of one answer when the client doesn't say, and at most.
const LIMIT: usize = 20;
const LIMIT_MAX: usize = 200;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    vec![Method::new("sessions.search", Access::Holding(Scope::SessionsRead), search)]
}

async fn search(call: Call) -> RpcResult {
    let params: SessionsSearchParams = call.params()?;
    let limit = params.limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX);
    let hits = call.gateway.store.search(&params.query, limit).await.map_err(rpc_error::of_store)?;
    answer_of(&SessionsSearchResult { results: hits.into_iter().map(row).collect() })
}

fn row(hit: SearchHit) -> SearchHitRow {
    SearchHitRow {
        key: hit.session.to_string(),
        session_id: hit.session_id.to_string(),
        kind: hit.kind.as_str().to_owned(),
        at: hit.created_at_ms,
        snippet: hit.snippet,
    }
}
