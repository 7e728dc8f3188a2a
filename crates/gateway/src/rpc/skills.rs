//! `skills.*`: which skills exist and which can run.

use chela_protocol::Scope;
use chela_protocol::methods::skills::SkillsStatusParams;
use serde_json::json;

use super::{Access, Call, Method, RpcResult};
use crate::route::client_target;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    vec![Method::new("skills.status", Access::Holding(Scope::Read), status)]
}

async fn status(call: Call) -> RpcResult {
    let params: SkillsStatusParams = call.params()?;
    let book = call.gateway.sessions.agents(&call.gateway);
    let target = client_target(&book, params.session_key.as_deref(), params.agent_id.as_deref())?;
    let agent = book.profile_or_default(&target.agent);
    let skills = book.skills(&call.gateway, agent).await;
    Ok(json!({
        "workspaceDir": agent.workspace,
        "managedSkillsDir": call.gateway.facts.state_dir.join("skills"),
        "agentId": agent.id,
        "skills": skills.statuses(),
    }))
}
