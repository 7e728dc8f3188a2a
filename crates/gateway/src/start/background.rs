//! What the gateway does by itself while it runs: ticks, presence, health, reload, housekeeping. Each task ends with the gateway.

use std::sync::Arc;
use std::time::Duration;

use chela_protocol::{Tick, limits};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::housekeeping;
use crate::app::Gateway;
use crate::events::{Audience, Event};
use crate::{reload, rpc};

/// Presence changes within this time go out as one event: a page that reloads is one change, and so are a hundred clients that
/// come back together.
const PRESENCE_PAUSE: Duration = Duration::from_millis(500);
/// Time between two health snapshots, as in the reference system.
const HEALTH_INTERVAL: Duration = Duration::from_mins(1);

pub(super) fn spawn(gateway: &Arc<Gateway>) {
    gateway.tasks.spawn(until_stopped(gateway.clone(), tick(gateway.clone())));
    gateway.tasks.spawn(until_stopped(gateway.clone(), presence(gateway.clone())));
    gateway.tasks.spawn(until_stopped(gateway.clone(), health(gateway.clone())));
    gateway.tasks.spawn(until_stopped(gateway.clone(), reload::watch(gateway.clone())));
    gateway.tasks.spawn(until_stopped(gateway.clone(), housekeeping::sweep_daily(gateway.clone())));
    gateway.tasks.spawn(until_stopped(gateway.clone(), housekeeping::checkpoint_when_idle(gateway.clone())));
}

async fn until_stopped(gateway: Arc<Gateway>, task: impl Future<Output = ()>) {
    tokio::select! {
        biased;
        () = gateway.shutdown.cancelled() => {}
        () = task => {}
    }
}

async fn tick(gateway: Arc<Gateway>) {
    let mut every = interval(limits::TICK_INTERVAL);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        gateway.events.publish(&Event::new("tick", Audience::Everyone, &Tick { ts: gateway.now_ms() }));
    }
}

async fn presence(gateway: Arc<Gateway>) {
    loop {
        gateway.presence.changed.notified().await;
        gateway.events.publish(&gateway.presence.event());
        sleep(PRESENCE_PAUSE).await;
    }
}

async fn health(gateway: Arc<Gateway>) {
    loop {
        sleep(HEALTH_INTERVAL).await;
        if gateway.events.connected() > 0 {
            let event = rpc::health_event(&gateway).await;
            gateway.events.publish(&event);
        }
    }
}
