//! What an automation does and when, as flags say it, in the fields of the methods.

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::failure::Failure;

/// What an automation does, and when.
#[derive(Debug, Args)]
pub(super) struct What {
    /// Once, at a time (2027-01-31T09:00:00+01:00) or after a while (20m)
    #[arg(long, conflicts_with_all = ["every", "cron"])]
    at: Option<String>,
    /// Again and again, as in 10m, 1h or 1d
    #[arg(long, value_parser = duration, conflicts_with = "cron")]
    every: Option<SignedDuration>,
    /// By a cron expression of five fields, or six with seconds first
    #[arg(long)]
    cron: Option<String>,
    /// Time zone of the expression, as in Europe/Berlin
    #[arg(long, requires = "cron")]
    tz: Option<String>,
    /// How much later it may come, so that not all come at once: each has its own part of it
    #[arg(long, value_parser = duration, requires = "cron")]
    stagger: Option<SignedDuration>,
    /// At the very time, also where that is the full of each hour
    #[arg(long, requires = "cron", conflicts_with = "stagger")]
    exact: bool,
    /// What the agent is to do, in a conversation of its own
    #[arg(long, short, conflicts_with = "system_event")]
    message: Option<String>,
    /// What the agent is told in its main conversation
    #[arg(long)]
    system_event: Option<String>,
    /// Where it runs: main, isolated, current or session:<key>
    #[arg(long)]
    session: Option<String>,
    /// Which agent; the default one if none is named
    #[arg(long)]
    agent: Option<String>,
    /// Which model, for this automation only
    #[arg(long)]
    model: Option<String>,
    /// How long it thinks: off, minimal, low, medium, high
    #[arg(long)]
    thinking: Option<String>,
    /// How long a run takes at most; 0 for as long as a turn may
    #[arg(long)]
    timeout_seconds: Option<u64>,
    /// Where the answer goes: to a chat, or only into its conversation
    #[arg(long)]
    delivery: Option<DeliveryArg>,
    /// The channel that it goes to; last is where you last wrote
    #[arg(long)]
    channel: Option<String>,
    /// The chat that it goes to
    #[arg(long)]
    to: Option<String>,
    /// The account of the channel
    #[arg(long)]
    account: Option<String>,
    /// Post its end to an address, instead of to a chat
    #[arg(long, value_name = "URL", conflicts_with_all = ["delivery", "channel", "to", "account"])]
    webhook: Option<String>,
    #[arg(long)]
    description: Option<String>,
    /// Keep it after its only run
    #[arg(long)]
    keep_after_run: bool,
    #[command(flatten)]
    alert: FailureFlags,
}

/// What is told of its failures.
#[derive(Debug, Args)]
struct FailureFlags {
    /// Tell a chat of its failures, as the configuration says if no other flag does
    #[arg(long)]
    failure_alert: bool,
    /// Tell no chat of its failures but that it is turned off
    #[arg(long, conflicts_with_all = ["failure_alert", "failure_alert_after", "failure_alert_cooldown", "failure_alert_channel", "failure_alert_to"])]
    no_failure_alert: bool,
    /// After so many failures in a row
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    failure_alert_after: Option<u32>,
    /// Not again for so long, as in 1h
    #[arg(long, value_parser = duration)]
    failure_alert_cooldown: Option<SignedDuration>,
    /// The channel that it goes to
    #[arg(long)]
    failure_alert_channel: Option<String>,
    /// The chat that it goes to
    #[arg(long)]
    failure_alert_to: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DeliveryArg {
    Announce,
    None,
}

impl What {
    /// The fields of a job that were named.
    pub(super) fn fields(&self) -> Result<Map<String, Value>, Failure> {
        let mut fields = Map::new();
        put(&mut fields, "schedule", self.schedule()?);
        put(&mut fields, "payload", self.payload()?);
        put(&mut fields, "delivery", self.delivery());
        put(&mut fields, "failureAlert", self.alert.value());
        put(&mut fields, "sessionTarget", self.session.clone());
        put(&mut fields, "agentId", self.agent.clone());
        put(&mut fields, "description", self.description.clone());
        put(&mut fields, "deleteAfterRun", self.keep_after_run.then_some(false));
        Ok(fields)
    }

    fn schedule(&self) -> Result<Option<Value>, Failure> {
        if let Some(text) = &self.at {
            let at = match duration(text) {
                Ok(while_) => Timestamp::now()
                    .checked_add(while_)
                    .map_err(|_| Failure::usage(format!("--at {text} is too far away")))?
                    .to_string(),
                Err(_) => text.clone(),
            };
            return Ok(Some(json!({ "kind": "at", "at": at })));
        }
        if let Some(every) = self.every {
            let every_ms = i64::try_from(every.as_millis()).unwrap_or(i64::MAX);
            return Ok(Some(json!({ "kind": "every", "everyMs": every_ms })));
        }
        let Some(expr) = &self.cron else { return Ok(None) };
        let mut schedule = json!({ "kind": "cron", "expr": expr });
        if let Some(tz) = &self.tz {
            schedule["tz"] = json!(tz);
        }
        let stagger = self.stagger.map(|stagger| i64::try_from(stagger.as_millis()).unwrap_or(i64::MAX));
        if let Some(stagger_ms) = stagger.or(self.exact.then_some(0)) {
            schedule["staggerMs"] = json!(stagger_ms);
        }
        Ok(Some(schedule))
    }

    fn payload(&self) -> Result<Option<Value>, Failure> {
        if let Some(text) = &self.system_event {
            return Ok(Some(json!({ "kind": "systemEvent", "text": text })));
        }
        let mut payload = Map::new();
        put(&mut payload, "message", self.message.clone());
        put(&mut payload, "model", self.model.clone());
        put(&mut payload, "thinking", self.thinking.clone());
        put(&mut payload, "timeoutSeconds", self.timeout_seconds);
        if payload.is_empty() {
            return Ok(None);
        }
        payload.insert("kind".to_owned(), json!("agentTurn"));
        Ok(Some(Value::Object(payload)))
    }

    fn delivery(&self) -> Option<Value> {
        if let Some(url) = &self.webhook {
            return Some(json!({ "mode": "webhook", "to": url }));
        }
        let mut delivery = Map::new();
        put(&mut delivery, "channel", self.channel.clone());
        put(&mut delivery, "to", self.to.clone());
        put(&mut delivery, "accountId", self.account.clone());
        let mode = match self.delivery {
            Some(DeliveryArg::None) => "none",
            None if delivery.is_empty() => return None,
            Some(DeliveryArg::Announce) | None => "announce",
        };
        delivery.insert("mode".to_owned(), json!(mode));
        Some(Value::Object(delivery))
    }
}

impl FailureFlags {
    fn value(&self) -> Option<Value> {
        if self.no_failure_alert {
            return Some(json!(false));
        }
        let cooldown_ms = self.failure_alert_cooldown.map(|span| u64::try_from(span.as_millis()).unwrap_or(0));
        let mut alert = Map::new();
        put(&mut alert, "after", self.failure_alert_after);
        put(&mut alert, "cooldownMs", cooldown_ms);
        put(&mut alert, "channel", self.failure_alert_channel.clone());
        put(&mut alert, "to", self.failure_alert_to.clone());
        (self.failure_alert || !alert.is_empty()).then_some(Value::Object(alert))
    }
}

pub(super) fn put(fields: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        fields.insert(key.to_owned(), value.into());
    }
}

/// `90s`, `10m`, `1h`, `1d`.
pub(super) fn duration(text: &str) -> Result<SignedDuration, String> {
    let text = text.trim();
    let unit = text.chars().last().unwrap_or_default();
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => 0,
    };
    let count = text.strip_suffix(unit).and_then(|count| count.parse::<i64>().ok()).filter(|count| *count > 0);
    let total = count.and_then(|count| count.checked_mul(seconds)).filter(|total| *total > 0);
    total
        .map(SignedDuration::from_secs)
        .ok_or_else(|| format!("`{text}` is no duration; write it as in 90s, 10m, 1h or 1d"))
}
