//! `hooks.*`: the reference system's internal hooks. There are none here; hooks over HTTP are `gateway::hooks`.

use chela_protocol::Scope;
use chela_protocol::methods::hooks::{HooksStatusParams, HooksStatusResult};

use super::{Access, Call, Method, RpcResult, answer_of};
use crate::route::client_target;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    vec![Method::new("hooks.status", Access::Holding(Scope::Read), status)]
}

async fn status(call: Call) -> RpcResult {
    let params: HooksStatusParams = call.params()?;
    let book = call.gateway.sessions.agents(&call.gateway);
    let target = client_target(&book, None, params.agent_id.as_deref())?;
    answer_of(&HooksStatusResult {
        workspace_dir: book.profile_or_default(&target.agent).workspace.display().to_string(),
        managed_hooks_dir: call.gateway.facts.state_dir.join("hooks").display().to_string(),
        hooks: Vec::new(),
    })
}
