//! `agents.*` and `agent.identity.get`: the configured personas.

mod change;
mod files;

use chela_agent::{AgentProfile, SessionScope};
use chela_protocol::methods::agents::{
    AgentIdentity, AgentIdentityParams, AgentIdentityResult, AgentModel, AgentRow, AgentsListResult,
};
use chela_protocol::{MAIN, RpcError, Scope};

use super::{Access, Call, Method, RpcResult, answer_of};
use crate::route::client_target;
use crate::sessions::next_model;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("agents.list", Access::Holding(Scope::Read), list),
        Method::new("agents.create", Access::Holding(Scope::Admin), change::create),
        Method::new("agents.update", Access::Holding(Scope::Admin), change::update),
        Method::new("agents.delete", Access::Holding(Scope::Admin), change::delete),
        // What an agent is told is for whoever may read its conversations.
        Method::new("agents.files.list", Access::Holding(Scope::Read), files::list),
        Method::new("agents.files.get", Access::Holding(Scope::Read), files::get),
        Method::new("agents.files.set", Access::Holding(Scope::Admin), files::set),
        Method::new("agent.identity.get", Access::Holding(Scope::Read), identity),
    ]
}

async fn list(call: Call) -> RpcResult {
    let book = call.gateway.sessions.agents(&call.gateway);
    let scope = match book.scope() {
        SessionScope::PerSender => "per-sender",
        SessionScope::Global => "global",
    };
    answer_of(&AgentsListResult {
        default_id: book.default_agent().id.to_string(),
        main_key: MAIN.to_owned(),
        scope: scope.to_owned(),
        agents: book.agents().iter().map(|agent| row(&call, agent)).collect(),
    })
}

async fn identity(call: Call) -> RpcResult {
    let params: AgentIdentityParams = call.params()?;
    let book = call.gateway.sessions.agents(&call.gateway);
    let target = client_target(&book, params.session_key.as_deref(), params.agent_id.as_deref())?;
    let agent = book.profile_or_default(&target.agent);
    let named = agent.identity.name.is_some() || agent.name != agent.id.as_str();
    answer_of(&AgentIdentityResult {
        agent_id: agent.id.to_string(),
        name: agent.identity.name.clone().unwrap_or_else(|| agent.name.clone()),
        name_source: if named { "config" } else { "default" }.to_owned(),
        avatar: agent.identity.avatar.clone(),
        emoji: agent.identity.emoji.clone(),
    })
}

fn not_found(id: &str) -> RpcError {
    RpcError::invalid(format!("agent \"{id}\" not found"))
}

/// With the model that answers next: clients refuse to send while none is named.
fn row(call: &Call, agent: &AgentProfile) -> AgentRow {
    let identity = &agent.identity;
    AgentRow {
        id: agent.id.to_string(),
        name: Some(agent.name.clone()),
        identity: Some(AgentIdentity {
            name: identity.name.clone(),
            theme: identity.theme.clone(),
            emoji: identity.emoji.clone(),
            avatar: identity.avatar.clone(),
        }),
        workspace: Some(agent.workspace.display().to_string()),
        model: Some(AgentModel {
            primary: Some(next_model(&call.gateway.models.load(), agent, None).to_string()),
            fallbacks: agent.model.fallbacks.iter().map(|text| agent.model_text(text).to_owned()).collect(),
        }),
    }
}
