//! In which conversation an automation runs, and where its answer goes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chela_agent::DeliveryRoute;
use chela_protocol::methods::cron::{CronDelivery, CronTarget};
use chela_protocol::{AgentId, SessionKey};
use chela_store::StoreError;
use serde::Deserialize as _;
use serde_json::Value;

use super::job::Job;
use crate::app::Gateway;

/// Where the store keeps, by agent, in which chat an owner last spoke with it.
const NAMESPACE: &str = "cron.last_place";

/// Where owners last spoke with each agent, as far as it is known since the start.
#[derive(Default)]
pub(crate) struct LastPlaces(Mutex<BTreeMap<AgentId, DeliveryRoute>>);

/// Where an answer goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Into the conversation only.
    Nowhere,
    Chat(DeliveryRoute),
    /// It was to go to a chat, and there is none, for this reason.
    Missing(String),
}

/// Who hears an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hearers {
    OwnerAlone,
    /// The chat is none of which it is known that an owner is alone there.
    Others,
}

impl LastPlaces {
    /// An owner speaks with this agent in a direct chat. Written down when it is another chat than before.
    pub(crate) fn note(&self, gateway: &Arc<Gateway>, agent: &AgentId, route: &DeliveryRoute) {
        let place = DeliveryRoute { reply_to: None, via: None, ..route.clone() };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(agent) == Some(&place) {
            return;
        }
        known.insert(agent.clone(), place.clone());
        drop(known);
        let (gateway, agent) = (gateway.clone(), agent.to_string());
        gateway.clone().tasks.spawn(async move {
            let Ok(value) = serde_json::to_value(&place) else { return };
            if let Err(error) = gateway.store.kv_put(NAMESPACE, &agent, value).await {
                tracing::warn!(%error, agent, "can't write down where an owner speaks with this agent");
            }
        });
    }

    pub(super) async fn of(&self, gateway: &Gateway, agent: &AgentId) -> Result<Option<DeliveryRoute>, StoreError> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(agent).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let kept = gateway.store.kv_get(NAMESPACE, agent.as_str()).await?;
        Ok(kept.and_then(|place| DeliveryRoute::deserialize(place).ok()))
    }
}

/// The conversation of a job. The error says why there is none.
pub(super) fn session_of(job: &Job, agent: &AgentId) -> Result<SessionKey, String> {
    let own = || SessionKey::scoped(agent, &format!("cron:{}", job.id));
    let named = |text: &str| {
        let key = SessionKey::parse(text, agent).map_err(|error| error.to_string())?;
        if key.agent() == *agent { Ok(key) } else { Err(format!("the session {key} belongs to another agent")) }
    };
    match &job.spec.session_target {
        CronTarget::Main => Ok(SessionKey::main(agent)),
        CronTarget::Isolated => Ok(own()),
        CronTarget::Current => match &job.spec.session_key {
            Some(key) => named(key),
            None if job.is_event() => Ok(SessionKey::main(agent)),
            None => Ok(own()),
        },
        CronTarget::Session(key) => named(key),
    }
}

/// Where the answer of a job goes now.
pub(super) async fn destination_of(gateway: &Gateway, job: &Job, agent: &AgentId) -> Result<Destination, StoreError> {
    if !job.wants_delivery() {
        return Ok(Destination::Nowhere);
    }
    let last = gateway.cron.last_places.of(gateway, agent).await?;
    Ok(match &job.spec.delivery {
        // Nobody asked for a chat, so the conversation, which the page shows, is enough where there is none.
        None => last.map_or(Destination::Nowhere, Destination::Chat),
        Some(delivery) if is_open(delivery) && last.is_none() && gateway.channels.all().is_empty() => {
            Destination::Nowhere
        }
        Some(delivery) => match asked(gateway, delivery, last) {
            Ok(route) => Destination::Chat(route),
            Err(why) => Destination::Missing(why),
        },
    })
}

/// Who hears what goes there.
pub(super) async fn hearers_of(
    gateway: &Gateway,
    agent: &AgentId,
    route: Option<&DeliveryRoute>,
) -> Result<Hearers, StoreError> {
    let Some(route) = route else { return Ok(Hearers::OwnerAlone) };
    let last = gateway.cron.last_places.of(gateway, agent).await?;
    let is_owners = last.is_some_and(|last| last.is_same_place(route));
    Ok(if is_owners { Hearers::OwnerAlone } else { Hearers::Others })
}

/// Where words go that belong to no chat: to the place that a delivery names, or where an owner last spoke with the agent.
pub(crate) async fn place_of(
    gateway: &Gateway,
    delivery: &CronDelivery,
    agent: &AgentId,
) -> Result<Destination, StoreError> {
    let last = gateway.cron.last_places.of(gateway, agent).await?;
    if is_open(delivery) {
        return Ok(last.map_or(Destination::Nowhere, Destination::Chat));
    }
    Ok(asked(gateway, delivery, last).map_or_else(Destination::Missing, Destination::Chat))
}

/// Whether a delivery names no place of its own.
fn is_open(delivery: &CronDelivery) -> bool {
    delivery.to.is_none() && delivery.channel.as_deref().is_none_or(|channel| channel == "last")
}

/// The place that a delivery names, with what it leaves open taken from where an owner last spoke.
fn asked(gateway: &Gateway, delivery: &CronDelivery, last: Option<DeliveryRoute>) -> Result<DeliveryRoute, String> {
    let accounts = gateway.channels.all();
    let is_channel = |name: &str| accounts.iter().any(|account| account.name.channel == name);
    let named =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let (mut channel, mut to) = (named(&delivery.channel).filter(|channel| channel != "last"), named(&delivery.to));
    if let Some((prefix, rest)) = to.as_deref().and_then(|to| to.split_once(':'))
        && channel.as_deref().is_none_or(|channel| channel == prefix)
        && is_channel(prefix)
    {
        (channel, to) = (Some(prefix.to_owned()), Some(rest.to_owned()));
    }
    let last = last.filter(|last| channel.as_ref().is_none_or(|channel| *channel == last.channel));
    let Some(channel) = channel.or_else(|| last.as_ref().map(|last| last.channel.clone())) else {
        return Err("no owner has spoken with this agent on a channel yet; name `delivery.channel` and `delivery.to`"
            .to_owned());
    };
    let of_last = last.filter(|_| to.is_none());
    let first =
        || accounts.iter().find(|account| account.name.channel == channel).map(|found| found.name.account.clone());
    let account =
        named(&delivery.account_id).or_else(|| of_last.as_ref().map(|last| last.account.clone())).or_else(first);
    let account = account.ok_or_else(|| format!("the channel `{channel}` is not configured"))?;
    if gateway.channels.get(&channel, &account).is_none() {
        return Err(format!("the account {channel}/{account} is not configured"));
    }
    let chat = match (to, of_last) {
        (Some(to), _) => chat_of(&channel, &to, delivery.thread_id.as_ref()),
        (None, Some(last)) => last.chat,
        (None, None) => return Err(format!("`delivery.to` is missing: no owner has spoken on {channel} yet")),
    };
    Ok(DeliveryRoute { channel, account, chat, reply_to: None, via: None })
}

/// A chat as its channel names it, of the forms that the reference system takes.
pub(crate) fn chat_of(channel: &str, to: &str, thread: Option<&Value>) -> String {
    let thread = thread.and_then(|thread| match thread {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    let to = to.strip_prefix("channel:").unwrap_or(to);
    match (channel, thread) {
        ("telegram", Some(thread)) => format!("{to}:{thread}"),
        ("telegram", None) => to.replace(":topic:", ":"),
        // A thread is a channel of its own.
        (_, Some(thread)) => thread,
        (_, None) => to.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn chats_are_named_as_their_channels_do() {
        assert_eq!(chat_of("telegram", "-100:topic:7", None), "-100:7");
        assert_eq!(chat_of("telegram", "-100", Some(&json!(7))), "-100:7");
        assert_eq!(chat_of("discord", "channel:42", None), "42");
        assert_eq!(chat_of("discord", "42", Some(&json!("43"))), "43");
    }
}
