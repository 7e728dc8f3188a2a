//! `status`: the overview for people.

use chela_protocol::Scope;
use chela_protocol::methods::status::{
    StatusDefaults, StatusDisk, StatusHeartbeat, StatusHeartbeatAgent, StatusLimits, StatusMemory, StatusResult,
    StatusSessions,
};

use super::health::{Viewer, snapshot};
use super::{Access, Call, Method, RpcResult, answer_of, models};
use crate::app::Gateway;
use crate::channels::{Listed, in_words};
use crate::config::AuthMode;
use crate::pressure::DiskLevel;
use crate::{budgets, rpc_error};

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
        machine: gateway.facts.machine.clone(),
        heartbeat: StatusHeartbeat { default_agent_id: health.default_agent_id, agents: agents.collect() },
        channel_summary: summary(gateway),
        queued_system_events: Vec::new(),
        sessions: StatusSessions {
            paths: Some(health.sessions.path).filter(|path| !path.is_empty()).into_iter().collect(),
            count: health.sessions.count,
            defaults: StatusDefaults { model: Some(model.to_string()), context_tokens: Some(context_tokens) },
            recent: health.sessions.recent,
        },
        cooldowns: models::cooldowns(gateway),
        budgets: budgets::of_day(gateway).await.map_err(rpc_error::of_store)?,
        problems: problems(gateway),
        limits: limits(gateway),
        sandbox: sandbox(gateway).await,
    })
}

/// What commands run in. The first time, that is tried out.
async fn sandbox(gateway: &Gateway) -> String {
    let (sandbox, config) = (gateway.tools.sandbox.clone(), gateway.config.load().tools.sandbox.clone());
    let summary = tokio::task::spawn_blocking(move || sandbox.standing(&config).summary()).await;
    summary.unwrap_or_else(|error| error.to_string())
}

fn limits(gateway: &Gateway) -> StatusLimits {
    let (memory, disk) = (gateway.pressure.memory(), gateway.pressure.disk());
    let level = match disk.level {
        DiskLevel::Calm => "calm",
        DiskLevel::Near => "near",
        DiskLevel::Full => "full",
    };
    StatusLimits {
        memory: StatusMemory {
            used: memory.used,
            limit: memory.limit,
            high_water: memory.high_water,
            high: memory.is_high,
        },
        disk: StatusDisk { used: disk.used, quota: disk.quota, free: disk.free, level: level.to_owned() },
    }
}

/// What its owner should see to. Only a hosted machine is known to be replaced with all that is on its own disk.
fn problems(gateway: &Gateway) -> Vec<String> {
    let facts = &gateway.facts;
    let fleeting = facts.fleeting.as_ref().filter(|_| facts.machine.is_some());
    let lost = fleeting.map(|told| format!("the state dir {}; {}", told.why, told.mend()));
    let hooks = gateway.hooks.degraded();
    gateway.problems.load().iter().map(ToString::to_string).chain(hooks).chain(lost).collect()
}

/// One line an account: `telegram/default: connected as @chela_bot`.
fn summary(gateway: &Gateway) -> Vec<String> {
    let now_ms = gateway.now_ms();
    let line = |listed: &Listed| {
        let words = match &listed.closed {
            _ if !listed.is_enabled => "disabled".to_owned(),
            Some(reason) => reason.clone(),
            None => in_words(&listed.status, now_ms),
        };
        let identity = listed.status.identity.as_ref().filter(|_| words == "connected");
        let identity = identity.map(|identity| format!(" as {identity}")).unwrap_or_default();
        format!("{}: {words}{identity}", listed.name)
    };
    gateway.channels.listed().iter().map(line).collect()
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
