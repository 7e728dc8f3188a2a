//! A run that is posted to an address: once for each run, by its name, however often that takes. The run's row is open until it is over,
//! so that a restart posts again what nobody knows to have arrived; the receiver knows it by its `Idempotency-Key`.

use std::time::Duration;

use chela_config::SecretResolver;
use chela_protocol::methods::cron::{CronDelivered, CronEvent, CronPlace, CronRunDelivery};
use chela_tools::{Posting, SsrfPolicy, Webhook, WebhookError};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::app::Gateway;

/// What stands in the place of a channel where a run is posted to an address.
const CHANNEL: &str = "webhook";

/// Where the policy stands in the configuration.
const SECTION: &str = "cron.webhookSsrfPolicy";

/// Pauses before the tries after the first: a receiver that restarts is back by then, and no place among the running jobs is held longer.
const PAUSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(30)];

/// An address, as the entry of a run names it.
pub(super) fn place_of(url: &str) -> CronRunDelivery {
    let (channel, to, account_id) = (CHANNEL.to_owned(), url.to_owned(), String::new());
    CronRunDelivery { resolved: CronPlace { channel, to, account_id, ok: true } }
}

/// The address of a place that is none of a chat.
pub(super) fn address_of(place: &CronPlace) -> Option<&str> {
    (place.channel == CHANNEL).then_some(place.to.as_str())
}

/// Why an address can't be posted to; known before anything is due.
pub(super) fn check(gateway: &Gateway, url: &str) -> Result<(), WebhookError> {
    webhook(gateway)?.check(url).map(drop)
}

/// Posts the end of a run, and says what became of it.
pub(super) async fn post(
    gateway: &Gateway,
    url: &str,
    run: &str,
    event: &CronEvent,
) -> (CronDelivered, Option<String>) {
    let body = serde_json::to_value(event).unwrap_or(Value::Null);
    let mut pauses = PAUSES.into_iter();
    loop {
        let error = match once(gateway, url, run, &body).await {
            Ok(()) => return (CronDelivered::Delivered, None),
            Err(error) => error,
        };
        tracing::warn!(target: "cron", run, %error, "a run could not be posted");
        match pauses.next().filter(|_| error.may_pass()) {
            Some(pause) => tokio::time::sleep(pause).await,
            None if matches!(error, WebhookError::Lost(_)) => return (CronDelivered::Unknown, Some(error.to_string())),
            None => return (CronDelivered::NotDelivered, Some(error.to_string())),
        }
    }
}

async fn once(gateway: &Gateway, url: &str, run: &str, body: &Value) -> Result<(), WebhookError> {
    let token = token(gateway).await?;
    webhook(gateway)?.post(Posting { url, token: token.as_deref(), key: run, body }).await
}

fn webhook(gateway: &Gateway) -> Result<Webhook, WebhookError> {
    let policy: SsrfPolicy = gateway.config.load().cron.webhook_ssrf_policy.clone();
    Webhook::new(&gateway.tools, policy, SECTION)
}

/// The configuration's token; one that can't be had now may be had later.
async fn token(gateway: &Gateway) -> Result<Option<String>, WebhookError> {
    let Some(written) = gateway.config.load().cron.webhook_token.clone() else { return Ok(None) };
    let resolver = SecretResolver::new(&gateway.loaded.load(), &gateway.environment, &gateway.places, &mut Vec::new());
    // A secret may come from a program, which takes its time.
    let fetched = tokio::task::spawn_blocking(move || resolver.resolve(&written)).await;
    let lost = |why: String| WebhookError::Lost(format!("cron.webhookToken: {why}"));
    let token = fetched.map_err(|error| lost(error.to_string()))?.map_err(|error| lost(error.to_string()))?;
    let token = token.expose_secret().trim().to_owned();
    gateway.logs.hide(&token);
    Ok(Some(token))
}
