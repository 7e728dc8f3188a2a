//! What a chat is told of failures: when, where, and in which words. The words go out with the transaction that writes the failure.
//!
//! A run that fails says so where its answer would have gone, as every turn does. Told besides is what has failed so often in a row,
//! elsewhere, where somebody asked for that, and always that a job is turned off.

use chela_agent::{DeliveryRoute, Reply};
use chela_protocol::methods::cron::{
    CronAlertChoice, CronAlertPlace, CronDelivery, CronDeliveryMode, CronFailureAlert, CronSpec, CronState, CronStatus,
};
use chela_protocol::{AgentId, SessionKey};
use chela_store::{NewOutbound, StoreError};

use super::job::Job;
use super::places::{Destination, place_of, session_of};
use super::schedule::shown;
use crate::app::Gateway;
use crate::config::CronAlertConfig;

/// Failures in a row before an alert: one alone is often gone the next time. As in the reference system.
const AFTER: u32 = 2;

/// Least time between two alerts about a job. As in the reference system.
const COOLDOWN_MS: u64 = 60 * 60 * 1_000;

/// Characters of an error that an alert holds; the whole of it is in the history of the runs.
const ERROR_MAX: usize = 300;

/// What happened to a job that may be told.
pub(super) struct Occasion<'a> {
    /// The run, or what stands for it: names the alert for ever.
    pub run: &'a str,
    pub status: CronStatus,
    /// Whether the job was turned on before.
    pub was_on: bool,
    /// Where it was told already.
    pub told: Option<&'a DeliveryRoute>,
}

/// When alerts are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rules {
    after: u32,
    cooldown_ms: i64,
    includes_skipped: bool,
}

/// What a chat is to be told of a job as it is now. The job remembers that it was.
pub(super) async fn notice(
    gateway: &Gateway,
    job: &mut Job,
    occasion: Occasion<'_>,
) -> Result<Option<NewOutbound>, StoreError> {
    let now_ms = gateway.now_ms();
    let is_off = occasion.was_on && !job.spec.enabled && occasion.status != CronStatus::Ok;
    if is_off {
        let CronState { last_error: error, .. } = &job.state;
        tracing::error!(target: "cron", job = job.id, name = job.spec.name, error, "an automation is turned off");
    }
    let config = gateway.config.load().cron.failure_alert.clone();
    let rules = Rules::of(&job.spec, config.as_ref());
    if !is_off && !rules.is_some_and(|rules| rules.are_met(&job.state, occasion.status, now_ms)) {
        return Ok(None);
    }
    // A job whose agent is gone is told by the one that everybody has.
    let agent = job.agent(gateway).unwrap_or_else(|_| gateway.sessions.agents(gateway).default_agent().id.clone());
    let Some(route) = route_of(gateway, job, config.as_ref(), &agent).await? else {
        tracing::warn!(target: "cron", job = job.id, "no chat can be told that an automation fails");
        return Ok(None);
    };
    if !is_off && occasion.told.is_some_and(|told| told.is_same_place(&route)) {
        return Ok(None);
    }
    job.state.last_failure_alert_at_ms = Some(now_ms);
    let text = words(gateway, job, occasion.status, is_off);
    let reply = Reply { is_error: true, tainted: true, ..Reply::to(&route, format!("{}:alert", occasion.run), text) };
    Ok(Some(NewOutbound {
        channel: route.channel,
        account: route.account,
        chat: route.chat,
        session: session_of(job, &agent).unwrap_or_else(|_| SessionKey::main(&agent)),
        body: reply.to_body(),
        created_at_ms: now_ms,
    }))
}

impl Rules {
    /// `None` where nobody asked to be told.
    fn of(spec: &CronSpec, config: Option<&CronAlertConfig>) -> Option<Self> {
        let own = match &spec.failure_alert {
            Some(CronAlertChoice::Never(_)) => return None,
            Some(CronAlertChoice::When(own)) => Some(own),
            None => None,
        };
        let delivery = spec.delivery.as_ref();
        let is_off = config.is_some_and(|config| config.enabled == Some(false));
        let is_best_effort = delivery.is_some_and(|delivery| delivery.best_effort == Some(true));
        let has_place = delivery.is_some_and(|delivery| delivery.failure_destination.is_some());
        if own.is_none() && (is_off || is_best_effort || (config.is_none() && !has_place)) {
            return None;
        }
        let (none, nothing) = (CronFailureAlert::default(), CronAlertConfig::default());
        let (own, config) = (own.unwrap_or(&none), config.unwrap_or(&nothing));
        let cooldown_ms = own.cooldown_ms.or(config.cooldown_ms).unwrap_or(COOLDOWN_MS);
        Some(Self {
            after: own.after.or(config.after).unwrap_or(AFTER).max(1),
            cooldown_ms: i64::try_from(cooldown_ms).unwrap_or(i64::MAX),
            includes_skipped: own.include_skipped.unwrap_or(config.include_skipped),
        })
    }

    fn are_met(self, state: &CronState, status: CronStatus, now_ms: i64) -> bool {
        let times = match status {
            CronStatus::Error => state.consecutive_errors,
            CronStatus::Skipped if self.includes_skipped => state.consecutive_skipped,
            CronStatus::Ok | CronStatus::Skipped => 0,
        };
        let last = state.last_failure_alert_at_ms;
        times >= self.after && last.is_none_or(|last| now_ms.saturating_sub(last) >= self.cooldown_ms)
    }
}

/// The first place that is named, the nearest first; else where an owner last spoke.
async fn route_of(
    gateway: &Gateway,
    job: &Job,
    config: Option<&CronAlertConfig>,
    agent: &AgentId,
) -> Result<Option<DeliveryRoute>, StoreError> {
    let open = to(&CronAlertPlace::default());
    for delivery in [named(&job.spec, config).unwrap_or_else(|| open.clone()), open] {
        match place_of(gateway, &delivery, agent).await? {
            Destination::Chat(route) => return Ok(Some(route)),
            Destination::Nowhere => {}
            Destination::Missing(why) => {
                tracing::warn!(target: "cron", job = job.id, why, "a place for alerts is missing");
            }
        }
    }
    Ok(None)
}

fn named(spec: &CronSpec, config: Option<&CronAlertConfig>) -> Option<CronDelivery> {
    let delivery = spec.delivery.as_ref();
    let own = match &spec.failure_alert {
        Some(CronAlertChoice::When(own)) => Some(&own.place),
        Some(CronAlertChoice::Never(_)) | None => None,
    };
    let of_delivery = delivery.and_then(|delivery| delivery.failure_destination.as_ref());
    let of_all = config.map(CronAlertConfig::place);
    let places = [own.cloned(), of_delivery.cloned(), of_all];
    let named = places.into_iter().flatten().find(CronAlertPlace::is_named);
    let primary = || delivery.filter(|delivery| delivery.mode == CronDeliveryMode::Announce).cloned();
    named.map(|place| to(&place)).or_else(primary)
}

fn to(place: &CronAlertPlace) -> CronDelivery {
    let CronAlertPlace { channel, to, account_id, .. } = place.clone();
    CronDelivery { channel, to, account_id, ..CronDelivery::announce() }
}

fn words(gateway: &Gateway, job: &Job, status: CronStatus, is_off: bool) -> String {
    let name = job.spec.name.trim();
    let (what, times) = match status {
        CronStatus::Ok | CronStatus::Error => ("failed", job.state.consecutive_errors),
        CronStatus::Skipped => ("did not run", job.state.consecutive_skipped),
    };
    let times = if times > 1 { format!(" {times} times in a row") } else { String::new() };
    let error = job.state.last_error.as_deref().unwrap_or_default();
    let error: String = error.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(ERROR_MAX).collect();
    let then = match job.due_at_ms {
        Some(due_ms) => format!("It runs next at {}.", shown(due_ms, &job.zone(gateway))),
        None if is_off && job.is_once() => {
            format!("It is kept, turned off; `chela cron run {}` runs it after all.", job.id)
        }
        None if is_off => format!("It is turned off now; `chela cron enable {}` turns it on again.", job.id),
        None => return format!("The automation \"{name}\" {what}{times}: {error}"),
    };
    format!("The automation \"{name}\" {what}{times}: {error}\n\n{then}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn spec(more: &Value) -> CronSpec {
        let mut job = json!({
            "name": "x", "schedule": { "kind": "every", "everyMs": 60_000 },
            "payload": { "kind": "agentTurn", "message": "Look." }, "delivery": { "mode": "announce", "to": "home" },
        });
        job.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        CronSpec::read(&job).unwrap()
    }

    fn config(of: Value) -> CronAlertConfig {
        serde_json::from_value(of).unwrap()
    }

    #[test]
    fn nothing_is_told_that_nobody_asked_for() {
        let default = Rules { after: 2, cooldown_ms: 3_600_000, includes_skipped: false };
        let all = config(json!({ "after": 4 }));
        assert_eq!(Rules::of(&spec(&json!({})), None), None);
        assert_eq!(Rules::of(&spec(&json!({ "failureAlert": {} })), None), Some(default));
        assert_eq!(Rules::of(&spec(&json!({})), Some(&all)), Some(Rules { after: 4, ..default }));
        assert_eq!(Rules::of(&spec(&json!({ "failureAlert": { "after": 1 } })), Some(&all)).unwrap().after, 1);
        assert_eq!(Rules::of(&spec(&json!({ "failureAlert": false })), Some(&all)), None);
        let none = config(json!({ "enabled": false }));
        assert_eq!(Rules::of(&spec(&json!({})), Some(&none)), None);
        assert_eq!(Rules::of(&spec(&json!({ "failureAlert": {} })), Some(&none)), Some(default));
        let own_place = json!({ "delivery": { "mode": "none", "failureDestination": { "to": "7" } } });
        assert_eq!(Rules::of(&spec(&own_place), None), Some(default));
        let best_effort = json!({ "delivery": { "mode": "announce", "bestEffort": true } });
        assert_eq!(Rules::of(&spec(&best_effort), Some(&all)), None);
    }

    #[test]
    fn an_alert_waits_for_its_number_and_for_its_cooldown() {
        let rules = Rules { after: 2, cooldown_ms: 1_000, includes_skipped: false };
        let state = |errors, last| CronState {
            consecutive_errors: errors,
            consecutive_skipped: 9,
            last_failure_alert_at_ms: last,
            ..CronState::default()
        };
        assert!(!rules.are_met(&state(1, None), CronStatus::Error, 5_000));
        assert!(rules.are_met(&state(2, None), CronStatus::Error, 5_000));
        assert!(!rules.are_met(&state(3, Some(4_001)), CronStatus::Error, 5_000));
        assert!(rules.are_met(&state(3, Some(4_000)), CronStatus::Error, 5_000));
        assert!(!rules.are_met(&state(0, None), CronStatus::Skipped, 5_000));
        let skipped = Rules { includes_skipped: true, ..rules };
        assert!(skipped.are_met(&state(0, None), CronStatus::Skipped, 5_000));
    }

    #[test]
    fn the_nearest_place_that_is_named_is_told() {
        let of_all = config(json!({ "channel": "discord", "to": "all" }));
        let place = |more: Value, config| named(&spec(&more), config).and_then(|place: CronDelivery| place.to);
        let own = json!({ "failureAlert": { "to": "own" }, "delivery": { "mode": "none", "failureDestination": { "to": "its" } } });
        assert_eq!(place(own, Some(&of_all)).as_deref(), Some("own"));
        let its = json!({ "delivery": { "mode": "announce", "to": "home", "failureDestination": { "to": "its" } } });
        assert_eq!(place(its, Some(&of_all)).as_deref(), Some("its"));
        assert_eq!(place(json!({}), Some(&of_all)).as_deref(), Some("all"));
        assert_eq!(place(json!({ "failureAlert": { "after": 3 } }), None).as_deref(), Some("home"));
        assert_eq!(named(&spec(&json!({ "delivery": { "mode": "none" } })), None), None);
    }
}
