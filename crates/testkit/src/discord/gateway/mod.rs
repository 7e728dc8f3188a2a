//! The gateway: sessions that outlive connections, and the connections.

mod hub;
mod link;

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{RawQuery, State as Shares};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
pub(super) use hub::{Event, Hub, LinkCommand, Told};

use super::failure::ConnectionPlan;
use super::{Shared, wire};

/// Intents of direct chats and of servers, and the rest that the fake knows to tell apart.
pub(super) mod intents {
    pub(crate) const GUILDS: u64 = 1;
    pub(crate) const GUILD_MESSAGES: u64 = 1 << 9;
    pub(crate) const GUILD_REACTIONS: u64 = 1 << 10;
    pub(crate) const DIRECT_MESSAGES: u64 = 1 << 12;
    pub(crate) const DIRECT_REACTIONS: u64 = 1 << 13;
    /// Every bit that means something.
    pub(crate) const ALL: u64 = 0x1_ffff | 1 << 20 | 1 << 21 | 1 << 24 | 1 << 25;
}

/// Largest word of a client, in bytes.
const WORD_MAX: usize = 4096;

pub(super) async fn upgrade(
    Shares(shared): Shares<Arc<Shared>>,
    RawQuery(query): RawQuery,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return (StatusCode::NOT_FOUND, "a gateway: come with a WebSocket").into_response();
    };
    let query = wire::read_query(query.as_deref().unwrap_or_default());
    let plan = shared.change(|state| {
        if let Some((name, value)) = query.iter().find(|(name, _)| !matches!(name.as_str(), "v" | "encoding")) {
            state.faults.push(format!("gateway: the fake speaks plain JSON, not {name}={value}"));
            return ConnectionPlan::Refuse(400);
        }
        let always = if state.hub.is_silent { ConnectionPlan::Silent } else { ConnectionPlan::Normal };
        state.plans.pop_front().unwrap_or(always)
    });
    if let ConnectionPlan::Refuse(status) = plan {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        return status.into_response();
    }
    upgrade.on_upgrade(move |socket| link::run(socket, shared, plan, query))
}
