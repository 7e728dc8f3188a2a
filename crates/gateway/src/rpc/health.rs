//! The gateway's own health: `health`, the `health` event, and the snapshot in the hello.

use std::sync::Arc;

use chela_protocol::Scope;
use chela_protocol::methods::health::{AgentHealth, ConfigReloadHealth, HealthSnapshot, RecentSession, SessionsHealth};

use super::{Access, Call, Method, RpcResult, answer_of, channels};
use crate::app::Gateway;
use crate::config::ReloadMode;
use crate::connection::Peer;
use crate::events::{Audience, Event};
use crate::rpc_error;

/// Sessions that are listed as recent.
const RECENT: usize = 5;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    vec![Method::new("health", Access::Open, health)]
}

async fn health(call: Call) -> RpcResult {
    answer_of(&snapshot(&call.gateway, Viewer::of(&call.peer)).await)
}

/// Who looks: everybody may know whether the gateway is well, not whose conversations it keeps and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Viewer {
    Anybody,
    /// Also sees the keys of recent sessions.
    Reader,
    /// Also sees the path of the database.
    Admin,
}

impl Viewer {
    pub(crate) fn of(peer: &Peer) -> Self {
        if peer.holds(Scope::Admin) {
            Self::Admin
        } else if peer.holds(Scope::Read) {
            Self::Reader
        } else {
            Self::Anybody
        }
    }
}

/// How the gateway is now, as far as this viewer may know.
pub(crate) async fn snapshot(gateway: &Arc<Gateway>, viewer: Viewer) -> HealthSnapshot {
    let started = std::time::Instant::now();
    let config = gateway.config.load();
    let default_agent_id = gateway.default_agent();
    let mut degraded = gateway.degraded();
    let sessions = match sessions(gateway, viewer).await {
        Ok(sessions) => sessions,
        Err(error) => {
            degraded.push(format!("store: {}", rpc_error::of_store(error).message));
            SessionsHealth::default()
        }
    };
    let agents = gateway.agents().into_iter().map(|agent| AgentHealth {
        is_default: agent.id == default_agent_id,
        agent_id: agent.id,
        sessions: sessions.clone(),
    });
    let mut snapshot = HealthSnapshot {
        ok: degraded.is_empty(),
        ts: gateway.now_ms(),
        uptime_ms: gateway.uptime_ms(),
        version: gateway.facts.version.to_owned(),
        config_reload: ConfigReloadHealth {
            hot_reload_status: match config.gateway.reload.mode {
                ReloadMode::Hybrid => "watching".to_owned(),
                ReloadMode::Off => "off".to_owned(),
            },
        },
        channels: serde_json::Map::new(),
        channel_order: Vec::new(),
        channel_labels: serde_json::Map::new(),
        heartbeat_seconds: 0,
        agents: agents.collect(),
        default_agent_id,
        sessions,
        degraded,
        duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    if viewer >= Viewer::Reader {
        channels::add_to_health(gateway, &mut snapshot);
    }
    snapshot
}

/// A fresh snapshot as an event.
pub(crate) async fn event(gateway: &Arc<Gateway>) -> Event {
    let snapshot = snapshot(gateway, Viewer::Reader).await;
    let version = gateway.presence.health_changed();
    Event::new("health", Audience::Holding(Scope::Read), &snapshot).with_state_version(version)
}

async fn sessions(gateway: &Gateway, viewer: Viewer) -> Result<SessionsHealth, chela_store::StoreError> {
    let now_ms = gateway.now_ms();
    let count = gateway.store.stats().await?.sessions;
    let path = match viewer {
        Viewer::Anybody => return Ok(SessionsHealth { count, ..SessionsHealth::default() }),
        Viewer::Reader => String::new(),
        Viewer::Admin => gateway.store.path().display().to_string(),
    };
    let recent = gateway.store.recent_sessions(RECENT).await?;
    Ok(SessionsHealth {
        path,
        count,
        recent: recent
            .into_iter()
            .map(|session| RecentSession {
                key: session.key.to_string(),
                updated_at: session.updated_at_ms,
                age: now_ms - session.updated_at_ms,
            })
            .collect(),
    })
}
