//! `/metrics` in Prometheus' text form. Counts only: nothing that names a person or a session.
//!
//! Scrapers of the same private network need no token; whoever comes through a proxy or from elsewhere does.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::front::Front;
use crate::app::Gateway;
use crate::auth::http::{PeerAddress, authorise};
use crate::auth::is_neighbour;

pub(super) async fn metrics(State(front): State<Arc<Front>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let peer = parts.extensions.get::<PeerAddress>();
    if !peer.is_some_and(|peer| is_neighbour(peer.0, &parts.headers)) {
        let Some(gateway) = front.gateway() else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
        if let Err(refusal) = authorise(gateway, &parts).await {
            return *refusal;
        }
    }
    let mut text = String::new();
    gauge(&mut text, "chela_uptime_seconds", "Time since start.", front.started.elapsed().as_secs());
    gauge(&mut text, "chela_ready", "1 when the gateway does its work.", u64::from(front.gateway().is_some()));
    if let Some(gateway) = front.gateway() {
        of_gateway(&mut text, gateway).await;
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

async fn of_gateway(text: &mut String, gateway: &Gateway) {
    let connected = gateway.events.connected() as u64;
    gauge(text, "chela_clients_connected", "Authenticated WebSocket clients.", connected);
    let degraded = gateway.degraded().len() as u64;
    gauge(text, "chela_degraded", "Things that are not as they should be.", degraded);
    let accounts = gateway.channels.counts(gateway.now_ms());
    gauge(text, "chela_channels_enabled", "Accounts on chat channels that are switched on.", accounts.enabled);
    gauge(text, "chela_channels_healthy", "Those of them that hear and speak.", accounts.healthy);
    if let Some(bytes) = resident_bytes() {
        gauge(text, "process_resident_memory_bytes", "Resident memory.", bytes);
    }
    let memory = gateway.pressure.memory();
    gauge(text, "chela_memory_used_bytes", "Memory in use, without what can be dropped.", memory.used);
    gauge(text, "chela_memory_high_water_bytes", "Memory above which nothing new is begun.", memory.high_water);
    gauge(text, "chela_memory_high", "1 while nothing new is begun for want of memory.", u64::from(memory.is_high));
    let disk = gateway.pressure.disk();
    gauge(text, "chela_state_bytes", "What the state dir takes.", disk.used);
    gauge(text, "chela_state_quota_bytes", "What it may take.", disk.quota);
    gauge(text, "chela_disk_level", "0 with room, 1 nearly full, 2 full.", disk.level as u64);
    if let Ok(stats) = gateway.store.stats().await {
        gauge(text, "chela_sessions", "Sessions.", stats.sessions);
        gauge(text, "chela_transcript_items", "Items in all transcripts.", stats.items);
        gauge(text, "chela_inbox_open", "Accepted messages without an answer.", stats.inbox_open);
        gauge(text, "chela_outbox_waiting", "Replies that wait for delivery.", stats.outbox_waiting);
        gauge(text, "chela_outbox_dead", "Replies that could not be delivered.", stats.outbox_dead);
        gauge(text, "chela_database_bytes", "Size of the database.", stats.database_bytes);
    }
}

fn gauge(text: &mut String, name: &str, help: &str, value: u64) {
    // Writing to a String can't fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
}

/// From the kernel; none where there is no `/proc`.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1024)
}
