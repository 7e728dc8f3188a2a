//! The conversations that automations begin for themselves go after their time (`cron.sessionRetention`); what came of each run
//! stays in its history.

use std::sync::Arc;
use std::time::Duration;

use chela_store::StoreError;
use tokio::time::sleep;

use crate::app::Gateway;
use crate::config::CronRetention;

/// How often what is too old is looked for: a small part of the usual time.
const EVERY: Duration = Duration::from_mins(30);

/// Conversations that go in one transaction: few enough that no turn waits for it.
const STEP: usize = 20;

/// Transactions of one look, so that a store full of old conversations is emptied over some hours and not at once.
const STEPS_MAX: usize = 50;

/// Between two transactions, so that turns come in between.
const PAUSE: Duration = Duration::from_millis(100);

/// Looks again and again, until the gateway stops.
pub(super) async fn run(gateway: Arc<Gateway>) {
    loop {
        sleep(EVERY).await;
        match look(&gateway).await {
            Ok(0) => {}
            Ok(gone) => tracing::info!(target: "cron", gone, "removed old conversations of automations"),
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::warn!(target: "cron", %error, "old conversations of automations could not be removed");
            }
        }
    }
}

async fn look(gateway: &Gateway) -> Result<usize, StoreError> {
    let CronRetention::For(kept) = gateway.config.load().cron.session_retention else { return Ok(0) };
    let before_ms = gateway.now_ms().saturating_sub(i64::try_from(kept.as_millis()).unwrap_or(i64::MAX));
    let mut gone = 0;
    for _ in 0..STEPS_MAX {
        let step = gateway.store.forget_sessions_of("cron", before_ms, STEP).await?;
        gone += step;
        if step < STEP {
            break;
        }
        sleep(PAUSE).await;
    }
    Ok(gone)
}
