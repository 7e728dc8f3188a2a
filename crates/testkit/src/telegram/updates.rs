//! How the bot gets its updates: `getUpdates`, and the webhook's settings.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::params::Params;
use super::state::{Answer, ApiError, Hook, State, Update};
use super::{Shared, TelegramFailure};

/// Longest that a poll waits; a longer wish is cut.
const POLL_MAX_SECS: i64 = 50;
const BATCH_MAX: i64 = 100;

/// A poll that is counted as open while it waits, also when its connection goes away.
struct OpenPoll<'a>(&'a Shared);

/// Answers with updates, at once or as soon as there are some. An open poll is ended by another one, and never answered
/// while the server is to be a black hole.
pub(super) async fn get(shared: &Shared, params: &Params) -> Answer {
    let timeout = params.integer("timeout")?.unwrap_or_default().clamp(0, POLL_MAX_SECS);
    let limit = params.integer("limit")?.unwrap_or(BATCH_MAX);
    if !(1..=BATCH_MAX).contains(&limit) {
        return Err(ApiError::bad("Bad Request: invalid limit specified"));
    }
    let offset = params.integer("offset")?.unwrap_or_default();
    let allowed = params.json("allowed_updates")?;
    let deadline = Instant::now() + Duration::from_secs(timeout.unsigned_abs());
    let mine = shared.change(|state| begin(state, offset, allowed.as_ref()))?;
    let _open = OpenPoll(shared);
    let mut changed = shared.changed.subscribe();
    loop {
        changed.mark_unchanged();
        if let Some(answer) = shared.lock().look(mine, limit.unsigned_abs(), Instant::now() >= deadline) {
            return answer;
        }
        // Time and change are the only reasons to look again.
        let _ = tokio::time::timeout_at(deadline, changed.changed()).await;
        if shared.lock().hangs("getUpdates") {
            std::future::pending::<()>().await;
        }
    }
}

pub(super) fn set_webhook(state: &mut State, params: &Params) -> Answer {
    let url = params.text("url").unwrap_or_default();
    if params.flag("drop_pending_updates") {
        state.updates.waiting.clear();
    }
    if url.is_empty() {
        state.webhook = None;
        return Ok(json!(true));
    }
    let loopback = url.starts_with("http://127.0.0.1:");
    if !url.starts_with("https://") && !loopback {
        return Err(ApiError::bad("Bad Request: bad webhook: An HTTPS URL must be provided for webhook"));
    }
    let secret = params.text("secret_token");
    let unallowed = |c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-';
    if secret.as_ref().is_some_and(|secret| secret.is_empty() || secret.len() > 256 || secret.contains(unallowed)) {
        return Err(ApiError::bad("Bad Request: secret token contains unallowed characters"));
    }
    state.allow(params.json("allowed_updates")?.as_ref());
    let max_connections = params.integer("max_connections")?.unwrap_or(40);
    state.webhook = Some(Hook { url, secret, last_error: None, max_connections, calls: 0 });
    Ok(json!(true))
}

#[expect(clippy::unnecessary_wraps, reason = "a row of the table")]
pub(super) fn delete_webhook(state: &mut State, params: &Params) -> Answer {
    if params.flag("drop_pending_updates") {
        state.updates.waiting.clear();
    }
    state.webhook = None;
    Ok(json!(true))
}

#[expect(clippy::unnecessary_wraps, reason = "a row of the table")]
pub(super) fn webhook_info(state: &mut State, _: &Params) -> Answer {
    let mut info = json!({
        "url": "", "has_custom_certificate": false, "pending_update_count": state.updates.waiting.len(),
    });
    if let Some(hook) = &state.webhook {
        info["url"] = json!(hook.url);
        info["max_connections"] = json!(hook.max_connections);
        if let Some((date, message)) = &hook.last_error {
            info["last_error_date"] = json!(date);
            info["last_error_message"] = json!(message);
        }
    }
    if let Some(allowed) = &state.updates.allowed {
        info["allowed_updates"] = json!(allowed);
    }
    Ok(info)
}

fn begin(state: &mut State, offset: i64, allowed: Option<&Value>) -> Result<u64, ApiError> {
    if state.webhook.is_some() {
        return Err(ApiError::new(
            409,
            "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
        ));
    }
    state.allow(allowed);
    state.confirm(offset);
    state.poll_number += 1;
    state.polls.started += 1;
    state.polls.open += 1;
    Ok(state.poll_number)
}

impl State {
    fn look(&mut self, mine: u64, limit: u64, is_over: bool) -> Option<Answer> {
        if self.poll_number != mine {
            self.polls.conflicts += 1;
            return Some(Err(ApiError::new(
                409,
                "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
            )));
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let again = self.updates.again.drain(..).collect::<Vec<Update>>();
        let batch: Vec<Value> = again
            .into_iter()
            .chain(self.updates.waiting.iter().cloned())
            .take(limit)
            .map(|update| update.wire)
            .collect();
        if batch.is_empty() && !is_over {
            return None;
        }
        self.polls.answered += 1;
        Some(Ok(Value::Array(batch)))
    }

    /// Whether calls of this method are never answered at the moment.
    pub(super) fn hangs(&self, method: &str) -> bool {
        let hangs =
            |failure: &TelegramFailure| matches!(failure, TelegramFailure::HangBefore | TelegramFailure::HangAfter);
        self.black_hole || self.standing.get(method).is_some_and(hangs)
    }

    /// What is given on each call is kept for the next ones that give nothing.
    fn allow(&mut self, allowed: Option<&Value>) {
        if let Some(Value::Array(kinds)) = allowed {
            self.updates.allowed = Some(kinds.iter().filter_map(|kind| kind.as_str().map(str::to_owned)).collect());
        }
    }

    /// An offset forgets everything before it; a negative one everything but the last ones.
    fn confirm(&mut self, offset: i64) {
        let keep_last = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
        while let Some(first) = self.updates.waiting.front() {
            let confirmed = if offset < 0 { self.updates.waiting.len() > keep_last } else { first.id < offset };
            if !confirmed {
                break;
            }
            self.updates.confirmed.extend(self.updates.waiting.pop_front());
        }
    }
}

impl Drop for OpenPoll<'_> {
    fn drop(&mut self) {
        self.0.change(|state| state.polls.open -= 1);
    }
}
