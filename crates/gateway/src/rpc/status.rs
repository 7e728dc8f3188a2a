//! `status`: the overview for people.

use chela_protocol::Scope;
use chela_protocol::methods::status::{
    StatusDefaults, StatusHeartbeat, StatusHeartbeatAgent, StatusResult, StatusSessions,
};

use super::health::{Viewer, snapshot};
use super::{Access, Call, Method, RpcResult, answer_of};
use crate::config::AuthMode;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    vec![Method::new("status", Access::Holding(Scope::Read), status)]
}

async fn status(call: Call) -> RpcResult {
    let gateway = &call.gateway;
    let health = snapshot(gateway, Viewer::of(&call.peer)).await;
    let shown = |path: &std::path::Path| {
        if call.peer.holds(Scope::Admin) { path.display().to_string() } else { String::new() }
    };
    let agents = gateway.agents().into_iter().map(|agent| StatusHeartbeatAgent {
        agent_id: agent.id,
        enabled: false,
        every: "0".to_owned(),
        every_ms: 0,
    });
    let model = gateway.default_model();
    let context_tokens = gateway.models.load().info(&model).context_window;
    answer_of(&StatusResult {
        runtime_version: gateway.facts.version.to_owned(),
        uptime_ms: gateway.uptime_ms(),
        pid: std::process::id(),
        config_path: shown(&gateway.facts.config_path),
        state_dir: shown(&gateway.facts.state_dir),
        heartbeat: StatusHeartbeat { default_agent_id: health.default_agent_id, agents: agents.collect() },
        channel_summary: Vec::new(),
        queued_system_events: Vec::new(),
        sessions: StatusSessions {
            paths: Some(health.sessions.path).filter(|path| !path.is_empty()).into_iter().collect(),
            count: health.sessions.count,
            defaults: StatusDefaults { model: Some(model.to_string()), context_tokens: Some(context_tokens) },
            recent: health.sessions.recent,
        },
        problems: gateway.problems.load().iter().map(ToString::to_string).collect(),
    })
}

/// The mode in the configuration's words.
pub(crate) fn auth_mode_name(mode: AuthMode) -> &'static str {
    match mode {
        AuthMode::None => "none",
        AuthMode::Token => "token",
        AuthMode::Password => "password",
        AuthMode::TrustedProxy => "trusted-proxy",
    }
}
