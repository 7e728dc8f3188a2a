//! How a job is read: 2026.9 as it is, 2026.1 turned into it, and what the house doesn't do refused by name.

use serde_json::{Map, Value, json};

use super::{
    CRON_NAME_MAX, CRON_TEXT_MAX, CronAlertChoice, CronDelivery, CronDeliveryMode, CronFailureAlert, CronPayload,
    CronSpec, CronTarget,
};

/// Why a text of JSON is no job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronSpecError {
    /// The house doesn't do this.
    #[error("{0} is not supported here")]
    Unsupported(String),
    #[error("{0}")]
    Invalid(String),
}

impl CronSpec {
    /// Reads a job of 2026.9 or 2026.1, with its defaults filled in. Fields that mean nothing here are passed over.
    pub fn read(value: &Value) -> Result<Self, CronSpecError> {
        let mut value = value.as_object().cloned().ok_or_else(|| invalid("a job is an object"))?;
        refuse_unsupported(&value)?;
        read_schedule(&mut value)?;
        read_payload(&mut value)?;
        let is_event = value["payload"]["kind"] == "systemEvent";
        value.retain(|_, field| !field.is_null());
        value.entry("enabled").or_insert(json!(true));
        value.entry("wakeMode").or_insert(json!("now"));
        value.entry("sessionTarget").or_insert(json!(if is_event { "main" } else { "isolated" }));
        let spec: Self = serde_json::from_value(Value::Object(value)).map_err(|error| invalid(&error.to_string()))?;
        spec.checked()
    }

    /// The job with these changes: a field replaces, `null` removes, and `payload`, `delivery` and `failureAlert` are changed field by
    /// field as long as their kind stays.
    pub fn patched(&self, patch: &Value) -> Result<Self, CronSpecError> {
        let patch = patch.as_object().ok_or_else(|| invalid("`patch` is an object"))?;
        let mut value = serde_json::to_value(self).map_err(|error| invalid(&error.to_string()))?;
        for (key, change) in patch {
            let field = &mut value[key.as_str()];
            let merges = matches!(key.as_str(), "payload" | "delivery" | "failureAlert");
            match (field.as_object_mut(), change.as_object()) {
                (Some(object), Some(change)) if merges && has_same_kind(object, change) => {
                    object.extend(change.clone());
                    object.retain(|_, field| !field.is_null());
                }
                _ => *field = change.clone(),
            }
        }
        Self::read(&value)
    }

    fn checked(self) -> Result<Self, CronSpecError> {
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > CRON_NAME_MAX || name.chars().any(char::is_control) {
            return Err(invalid(&format!("`name` has 1 to {CRON_NAME_MAX} characters in one line")));
        }
        let text = self.payload.text();
        if text.trim().is_empty() || text.len() > CRON_TEXT_MAX {
            return Err(invalid(&format!("what a job says has 1 to {CRON_TEXT_MAX} bytes")));
        }
        if let Some(CronDelivery { mode: CronDeliveryMode::Webhook, to, .. }) = &self.delivery
            && to.as_ref().is_none_or(|to| to.trim().is_empty())
        {
            return Err(invalid("`delivery.to` is missing: the address that a webhook posts to"));
        }
        match &self.failure_alert {
            Some(CronAlertChoice::Never(true)) => return Err(invalid("`failureAlert` is `false` or an object")),
            Some(CronAlertChoice::When(CronFailureAlert { after: Some(0), .. })) => {
                return Err(invalid("`failureAlert.after` is at least 1"));
            }
            Some(CronAlertChoice::Never(false) | CronAlertChoice::When(_)) | None => {}
        }
        match (&self.payload, &self.session_target) {
            (CronPayload::AgentTurn { .. }, CronTarget::Main) => {
                Err(invalid("sessionTarget `main` takes a payload of kind `systemEvent`; an `agentTurn` runs isolated"))
            }
            (CronPayload::SystemEvent { .. }, CronTarget::Isolated) => Err(invalid(
                "sessionTarget `isolated` takes a payload of kind `agentTurn`; a `systemEvent` goes to `main`",
            )),
            (CronPayload::AgentTurn { .. } | CronPayload::SystemEvent { .. }, _) => Ok(self),
        }
    }
}

fn invalid(why: &str) -> CronSpecError {
    CronSpecError::Invalid(why.to_owned())
}

fn has_same_kind(field: &Map<String, Value>, change: &Map<String, Value>) -> bool {
    change.get("kind").is_none_or(|kind| field.get("kind") == Some(kind))
}

fn refuse_unsupported(job: &Map<String, Value>) -> Result<(), CronSpecError> {
    let is_asked = |key: &str| job.get(key).is_some_and(|field| !field.is_null() && *field != json!(false));
    let asked = ["trigger", "pacing"].into_iter().find(|key| is_asked(key));
    let unsupported = |what: &str| CronSpecError::Unsupported(what.to_owned());
    if let Some(key) = asked {
        return Err(unsupported(&format!("`{key}`")));
    }
    let kind = |key: &str| job.get(key).and_then(|field| field.get("kind")).and_then(Value::as_str).unwrap_or_default();
    if let kind @ ("on-exit" | "stream") = kind("schedule") {
        return Err(unsupported(&format!("a schedule of kind `{kind}`")));
    }
    if let kind @ ("command" | "script" | "heartbeat") = kind("payload") {
        return Err(unsupported(&format!("a payload of kind `{kind}`")));
    }
    let is_webhook = |place: Option<&Value>| place.is_some_and(|place| place["mode"] == "webhook");
    let delivery = job.get("delivery");
    if delivery.and_then(|delivery| delivery.get("completionDestination")).is_some_and(|place| !place.is_null()) {
        return Err(unsupported("`delivery.completionDestination`"));
    }
    let told = [job.get("failureAlert"), delivery.and_then(|delivery| delivery.get("failureDestination"))];
    if told.into_iter().any(is_webhook) { Err(unsupported("a failure alert by webhook")) } else { Ok(()) }
}

/// 2026.1 wrote `atMs`, and left the kind away where the fields tell it.
fn read_schedule(job: &mut Map<String, Value>) -> Result<(), CronSpecError> {
    let schedule = job.get_mut("schedule").and_then(Value::as_object_mut);
    let schedule = schedule.ok_or_else(|| invalid("`schedule` is an object with a `kind`"))?;
    let at_ms = schedule.remove("atMs").or_else(|| schedule.get("at").filter(|at| at.is_number()).cloned());
    if let Some(at_ms) = at_ms.as_ref().and_then(Value::as_f64) {
        schedule.insert("at".to_owned(), json!(iso(at_ms)?));
    }
    if let Some(expr) = schedule.remove("cron") {
        schedule.entry("expr").or_insert(expr);
    }
    if !schedule.contains_key("kind") {
        let kinds = [("at", "at"), ("everyMs", "every"), ("expr", "cron")];
        let kind = kinds.into_iter().find(|(field, _)| schedule.contains_key(*field)).map(|(_, kind)| kind);
        schedule.insert("kind".to_owned(), json!(kind.ok_or_else(|| invalid("`schedule.kind` is missing"))?));
    }
    schedule.retain(|_, field| !field.is_null());
    Ok(())
}

/// Milliseconds as the text that a schedule holds. Without a calendar: the reader of schedules takes milliseconds too.
fn iso(at_ms: f64) -> Result<String, CronSpecError> {
    if !(0.0..=8_640_000_000_000_000.0).contains(&at_ms) {
        return Err(invalid("`schedule.atMs` is a time in Unix milliseconds"));
    }
    Ok(format!("{at_ms:.0}"))
}

/// 2026.1 wrote into the payload where its answer goes, and kinds in any case.
fn read_payload(job: &mut Map<String, Value>) -> Result<(), CronSpecError> {
    let payload = job.get_mut("payload").and_then(Value::as_object_mut);
    let payload = payload.ok_or_else(|| invalid("`payload` is an object with a `kind`"))?;
    let kind = payload.get("kind").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let kind = match kind.as_str() {
        "systemevent" => "systemEvent",
        "agentturn" => "agentTurn",
        "" if payload.contains_key("text") => "systemEvent",
        "" if payload.contains_key("message") => "agentTurn",
        other => return Err(invalid(&format!("`payload.kind` is `systemEvent` or `agentTurn`, not `{other}`"))),
    };
    payload.insert("kind".to_owned(), json!(kind));
    let old = ["deliver", "channel", "to", "bestEffortDeliver"].map(|key| payload.remove(key).filter(|v| !v.is_null()));
    payload.retain(|_, field| !field.is_null());
    let has_delivery = job.get("delivery").is_some_and(Value::is_object);
    if let ([Some(_), ..] | [_, _, Some(_), _], false) = (&old, has_delivery) {
        let [deliver, channel, to, best_effort] = old;
        let mode = if deliver == Some(json!(false)) { "none" } else { "announce" };
        let delivery = json!({ "mode": mode, "channel": channel, "to": to, "bestEffort": best_effort });
        job.insert("delivery".to_owned(), delivery);
    }
    if let Some(delivery) = job.get_mut("delivery").and_then(Value::as_object_mut) {
        // 2026.2 wrote `deliver`.
        if delivery.get("mode").is_none_or(|mode| mode.is_null() || mode == "deliver") {
            delivery.insert("mode".to_owned(), json!("announce"));
        }
        delivery.retain(|_, field| !field.is_null());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daily() -> Value {
        json!({
            "name": "brief", "enabled": true,
            "schedule": { "kind": "cron", "expr": "0 7 * * *", "tz": "Europe/Berlin" },
            "sessionTarget": "isolated", "wakeMode": "now",
            "payload": { "kind": "agentTurn", "message": "Sum up." },
            "delivery": { "mode": "announce", "channel": "last" },
        })
    }

    #[test]
    fn a_job_of_2026_9_is_written_as_it_was_read() {
        let spec = CronSpec::read(&daily()).unwrap();
        assert_eq!(serde_json::to_value(&spec).unwrap(), daily());
    }

    #[test]
    fn a_job_of_2026_1_becomes_one_of_2026_9() {
        let old = json!({
            "name": "call", "schedule": { "atMs": 1_800_000_000_000_i64 }, "sessionTarget": "isolated",
            "wakeMode": "next-heartbeat", "isolation": { "postToMainPrefix": "Cron" },
            "payload": { "kind": "agentturn", "message": "Remind me.", "deliver": true, "channel": "telegram", "to": "42" },
        });
        let new = json!({
            "name": "call", "enabled": true, "schedule": { "kind": "at", "at": "1800000000000" },
            "sessionTarget": "isolated", "wakeMode": "next-heartbeat",
            "payload": { "kind": "agentTurn", "message": "Remind me." },
            "delivery": { "mode": "announce", "channel": "telegram", "to": "42" },
        });
        assert_eq!(serde_json::to_value(CronSpec::read(&old).unwrap()).unwrap(), new);
        let event = json!({ "name": "x", "schedule": { "everyMs": 60_000 }, "payload": { "kind": "systemEvent", "text": "Tea." } });
        let event = CronSpec::read(&event).unwrap();
        assert_eq!((event.session_target, event.delivery), (CronTarget::Main, None));
    }

    #[test]
    fn an_alert_is_changed_field_by_field_and_put_away_by_false() {
        let mut job = daily();
        job["failureAlert"] = json!({ "after": 3, "cooldownMs": 60_000, "channel": "telegram", "to": "7" });
        let spec = CronSpec::read(&job).unwrap();
        assert_eq!(serde_json::to_value(&spec).unwrap(), job);
        let patched = spec.patched(&json!({ "failureAlert": { "after": 1, "to": null } })).unwrap();
        job["failureAlert"] = json!({ "after": 1, "cooldownMs": 60_000, "channel": "telegram" });
        assert_eq!(serde_json::to_value(&patched).unwrap(), job);
        let never = patched.patched(&json!({ "failureAlert": false })).unwrap();
        assert_eq!(never.failure_alert, Some(CronAlertChoice::Never(false)));
        assert_eq!(never.patched(&json!({ "failureAlert": null })).unwrap().failure_alert, None);
    }

    #[test]
    fn a_patch_changes_what_it_names_and_null_removes() {
        let spec = CronSpec::read(&daily()).unwrap();
        let patch = json!({
            "name": "evening", "payload": { "kind": "agentTurn", "model": "fast" }, "delivery": { "channel": null, "to": "7" },
            "schedule": { "kind": "every", "everyMs": 5_000 }, "description": "At night",
        });
        let patched = spec.patched(&patch).unwrap();
        let mut wanted = daily();
        wanted["name"] = json!("evening");
        wanted["description"] = json!("At night");
        wanted["schedule"] = json!({ "kind": "every", "everyMs": 5_000 });
        wanted["payload"]["model"] = json!("fast");
        wanted["delivery"] = json!({ "mode": "announce", "to": "7" });
        assert_eq!(serde_json::to_value(&patched).unwrap(), wanted);
        let removed = patched.patched(&json!({ "payload": { "model": null }, "description": null })).unwrap();
        assert_eq!((&removed.payload, &removed.description), (&spec.payload, &None));
        let event = json!({ "payload": { "kind": "systemEvent", "text": "Tea." }, "sessionTarget": "main" });
        assert_eq!(patched.patched(&event).unwrap().payload, CronPayload::SystemEvent { text: "Tea.".into() });
    }

    #[test]
    fn what_the_house_does_not_do_is_refused_by_name() {
        let refused = |key: &str, value: Value| {
            let mut job = daily();
            job[key] = value;
            CronSpec::read(&job).unwrap_err().to_string()
        };
        let unsupported = [
            refused("trigger", json!({ "script": "x" })),
            refused("schedule", json!({ "kind": "on-exit", "command": "x" })),
            refused("payload", json!({ "kind": "command", "argv": ["x"] })),
            refused(
                "delivery",
                json!({ "mode": "announce", "completionDestination": { "mode": "webhook", "to": "x" } }),
            ),
            refused("failureAlert", json!({ "mode": "webhook", "to": "https://example.test" })),
        ];
        for text in &unsupported {
            assert!(text.ends_with("is not supported here"), "{text}");
        }
        assert!(refused("name", json!(" ")).contains("`name`"));
        assert!(refused("sessionTarget", json!("main")).contains("systemEvent"));
        assert!(refused("payload", json!({ "kind": "agentTurn", "message": "" })).contains("bytes"));
        assert!(refused("schedule", json!({ "kind": "never" })).contains("never"));
        assert!(refused("delivery", json!({ "mode": "webhook" })).contains("`delivery.to`"));
        assert!(refused("failureAlert", json!(true)).contains("`false` or an object"));
        assert!(refused("failureAlert", json!({ "after": 0 })).contains("at least 1"));
    }
}
