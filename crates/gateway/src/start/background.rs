//! What the gateway does by itself while it runs: ticks, presence, health, reload, housekeeping. Each task ends with the gateway.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chela_protocol::{Tick, limits};
use futures_util::FutureExt as _;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::housekeeping;
use crate::app::Gateway;
use crate::events::{Audience, Event};
use crate::{budgets, cron, pressure, reload, rpc};

/// Presence changes within this time go out as one event: a page that reloads is one change, and so are a hundred clients that
/// come back together.
const PRESENCE_PAUSE: Duration = Duration::from_millis(500);
/// Time between two health snapshots, as in the reference system.
const HEALTH_INTERVAL: Duration = Duration::from_mins(1);

/// Pause before a task that panicked begins again: one that always does must not take a core or fill the log.
const RESTART_PAUSE: Duration = Duration::from_secs(5);

pub(super) fn spawn(gateway: &Arc<Gateway>) {
    keep(gateway, "tick", tick);
    keep(gateway, "presence", presence);
    keep(gateway, "health", health);
    keep(gateway, "reload", reload::watch);
    keep(gateway, "sweep", housekeeping::sweep_daily);
    keep(gateway, "checkpoint", housekeeping::checkpoint_when_idle);
    keep(gateway, "memory", pressure::watch_memory);
    keep(gateway, "disk", pressure::watch_disk);
    keep(gateway, "budgets", budgets::tell);
    keep(gateway, "cron sessions", cron::keep_small);
}

/// What works by the clock. It begins when the chats are known in which it answers.
pub(super) fn automate(gateway: &Arc<Gateway>) {
    keep(gateway, "cron", cron::run);
    keep(gateway, "cron tool", cron::serve_tool);
}

/// Runs a task until the gateway stops. One that panics dies alone and begins again.
fn keep<T>(gateway: &Arc<Gateway>, name: &'static str, task: fn(Arc<Gateway>) -> T)
where
    T: Future<Output = ()> + Send + 'static,
{
    let (for_task, shutdown) = (gateway.clone(), gateway.shutdown.clone());
    gateway.tasks.spawn(async move {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = begun_again(name, || task(for_task.clone())) => {}
        }
    });
}

async fn begun_again<T: Future<Output = ()>>(name: &str, begin: impl Fn() -> T) {
    while AssertUnwindSafe(async { begin().await }).catch_unwind().await.is_err() {
        tracing::error!(target: "gateway", "the task `{name}` panicked; it begins again");
        sleep(RESTART_PAUSE).await;
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_begins_again() {
        let begun = Cell::new(0);
        begun_again("test", || {
            begun.set(begun.get() + 1);
            let count = begun.get();
            async move { assert!(count > 2, "it dies twice") }
        })
        .await;
        assert_eq!(begun.get(), 3);
    }
}
