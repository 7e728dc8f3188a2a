//! Makes what a hook asks for durable: a row of the inbox for each turn, in a conversation that the rules allow.
//!
//! Nothing that comes by a hook speaks for an owner: its turns are tainted from their first word (G26).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chela_agent::{DeliveryRoute, InputOrigin, Provenance, Source, TURN_MAX, TurnInput};
use chela_protocol::methods::chat::QueueMode;
use chela_protocol::methods::cron::CronDelivery;
use chela_protocol::{AgentId, RunId, SessionKey};
use chela_store::{InboxState, StoreError};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::action::{Asked, ChosenAgent, ChosenKey, Wake, Work};
use super::keys::{AskedKey, KeyRefusal, KeySource};
use super::rules::HookRules;
use crate::app::Gateway;
use crate::cron::{Destination, place_of};
use crate::intake::{Inbound, SubmitError, SubmitState, submit};
use crate::sessions::UnknownAgent;

/// Where the rows of hooks are said to come from.
pub(super) const CHANNEL: &str = "hooks";
const ACCOUNT: &str = "default";

/// What one request repeats for all that it asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repeat<'a> {
    /// What follows the base path.
    pub path: &'a str,
    /// The sender's name of the request.
    pub key: Option<&'a str>,
    /// It is taken apart into pieces, which the sender sends again if one of them failed.
    pub is_batch: bool,
}

/// A turn that may begin.
#[derive(Debug)]
pub(super) struct Prepared(Inbound);

/// What became of a turn.
#[derive(Debug)]
pub(super) struct Dispatched {
    pub run: RunId,
    /// The same was asked for before.
    pub is_repeat: bool,
}

/// Why a turn may not begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotPrepared {
    #[error(transparent)]
    Agent(#[from] UnknownAgent),
    #[error("agentId is not allowed by hooks.allowedAgentIds")]
    AgentNotAllowed,
    #[error(transparent)]
    Key(#[from] KeyRefusal),
    #[error("{0}")]
    Place(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How a run ended, as `waitForCompletion` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Completion {
    Answered,
    Silent,
    Failed,
}

/// Checks everything about a turn without beginning it.
pub(super) async fn prepare(
    gateway: &Gateway,
    rules: &HookRules,
    asked: &Asked,
    repeat: Repeat<'_>,
) -> Result<Prepared, NotPrepared> {
    let run = Uuid::new_v4().to_string();
    let (agent, session, input) = match asked {
        Asked::Wake(wake) => prepare_wake(gateway, rules, wake).await?,
        Asked::Work(work) => prepare_work(gateway, rules, work, &run).await?,
    };
    let platform_id = identity(asked, &agent, repeat).unwrap_or_else(|| run.clone());
    Ok(Prepared(Inbound {
        channel: CHANNEL.to_owned(),
        account: ACCOUNT.to_owned(),
        platform_id,
        run: RunId::new(run),
        session,
        agent,
        input,
        // Never into a turn of an owner that goes on: it would taint that.
        mode: Some(QueueMode::Followup),
        watcher: None,
    }))
}

/// Begins the turn. When this returns, it is durable.
pub(super) async fn dispatch(gateway: &Arc<Gateway>, prepared: Prepared) -> Result<Dispatched, SubmitError> {
    let session = prepared.0.session.clone();
    let submitted = submit(gateway, prepared.0).await?;
    let is_repeat = !matches!(submitted.state, SubmitState::Started);
    tracing::info!(target: "hooks", run = %submitted.run, %session, is_repeat, "a hook gave work");
    Ok(Dispatched { run: submitted.run, is_repeat })
}

/// Waits until the run is over, however long it takes; `None` when the gateway stops first.
pub(super) async fn completion(gateway: &Arc<Gateway>, run: &RunId) -> Option<Completion> {
    loop {
        if let Some(mut outcome) = gateway.sessions.outcome(run) {
            let ended = async { outcome.wait_for(Option::is_some).await.is_ok() };
            tokio::select! {
                _ = ended => {}
                () = gateway.shutdown.cancelled() => return None,
            }
        }
        match gateway.store.inbox_by_run(run).await {
            Ok(Some(row)) if row.state.is_open() => {
                if gateway.shutdown.is_cancelled() {
                    return None;
                }
            }
            Ok(Some(row)) if row.state == InboxState::Done => {
                let has_words = row.result.is_some_and(|text| !text.trim().is_empty());
                return Some(if has_words { Completion::Answered } else { Completion::Silent });
            }
            Ok(_) => return Some(Completion::Failed),
            Err(error) => {
                tracing::warn!(target: "hooks", %error, %run, "a run that a hook waits for can't be read");
                return None;
            }
        }
        // Between its commit and its queue.
        gateway.sessions.until_handed_over(run).await;
    }
}

impl Completion {
    /// In the reference system's words. What became of the delivery is left out, which there means unknown.
    pub(super) fn shown(self) -> Value {
        match self {
            Self::Answered => json!({ "status": "ok", "replyDisposition": "visible" }),
            Self::Silent => json!({ "status": "ok", "replyDisposition": "empty" }),
            Self::Failed => json!({ "status": "error", "replyDisposition": "empty" }),
        }
    }
}

async fn prepare_wake(
    gateway: &Gateway,
    rules: &HookRules,
    wake: &Wake,
) -> Result<(AgentId, SessionKey, TurnInput), NotPrepared> {
    let agent = agent(gateway, rules, wake.agent.as_ref())?;
    let session = rules.keys.of_wake(&agent, asked_key(wake.key.as_ref()))?;
    let route = route(gateway, &agent, None, None, None).await?;
    let text = format!("[a program tells you this by a hook; no person said it]\n{}", wake.text);
    Ok((agent, session, TurnInput { deliver: route, ..input(text, "wake") }))
}

async fn prepare_work(
    gateway: &Gateway,
    rules: &HookRules,
    work: &Work,
    run: &str,
) -> Result<(AgentId, SessionKey, TurnInput), NotPrepared> {
    let agent = agent(gateway, rules, work.agent.as_ref())?;
    let session = rules.keys.of_work(&agent, asked_key(work.key.as_ref()), work.session_mode, run)?;
    let route = if work.delivers {
        route(gateway, &agent, work.channel.as_deref(), work.to.as_deref(), work.account.as_deref()).await?
    } else {
        None
    };
    let text = format!("[hook \"{}\": a program sent this; no person said it]\n{}", work.name, work.message);
    let longest = TURN_MAX.as_secs();
    let input = TurnInput {
        deliver: route,
        model: work.model.clone(),
        thinking: work.thinking,
        timeout_ms: work.timeout_seconds.map(|seconds| seconds.min(longest) * 1_000),
        ..input(text, &work.name)
    };
    Ok((agent, session, input))
}

fn input(text: String, name: &str) -> TurnInput {
    TurnInput {
        text,
        origin: InputOrigin {
            client_id: Some("hook".to_owned()),
            client_mode: Some("webhook".to_owned()),
            ..InputOrigin::default()
        },
        sender_is_owner: false,
        untrusted: vec![Provenance::new(Source::Other, format!("the hook {name}"))],
        ..TurnInput::default()
    }
}

/// An agent that a mapping names and nobody knows is the default one, as in the reference system: an agent that was taken away must not
/// end what its hooks brought. A request must name one that there is.
fn agent(gateway: &Gateway, rules: &HookRules, asked: Option<&ChosenAgent>) -> Result<AgentId, NotPrepared> {
    let book = gateway.sessions.agents(gateway);
    let named = asked.map(|asked| (book.profile(&AgentId::new(&asked.id)), asked.source));
    let agent = match named {
        Some((Ok(profile), _)) => profile.id.clone(),
        Some((Err(unknown), KeySource::Request)) => return Err(unknown.into()),
        Some((Err(unknown), KeySource::Mapping)) => {
            tracing::warn!(target: "hooks", %unknown, "a mapping's agent is not known; the default one answers");
            book.default_agent().id.clone()
        }
        None => book.default_agent().id.clone(),
    };
    if rules.admits(&agent) { Ok(agent) } else { Err(NotPrepared::AgentNotAllowed) }
}

fn asked_key(key: Option<&ChosenKey>) -> Option<AskedKey<'_>> {
    key.map(|key| AskedKey { text: &key.text, source: key.source })
}

async fn route(
    gateway: &Gateway,
    agent: &AgentId,
    channel: Option<&str>,
    to: Option<&str>,
    account: Option<&str>,
) -> Result<Option<DeliveryRoute>, NotPrepared> {
    let delivery = CronDelivery {
        channel: channel.map(str::to_owned),
        to: to.map(str::to_owned),
        account_id: account.map(str::to_owned),
        ..CronDelivery::announce()
    };
    match place_of(gateway, &delivery, agent).await? {
        Destination::Nowhere => Ok(None),
        Destination::Chat(route) => Ok(Some(route)),
        Destination::Missing(why) => Err(NotPrepared::Place(why)),
    }
}

/// What makes two requests the same: the sender's name for it together with all that it asks for. Without such a name, a piece of a
/// batch is known by the conversation that the request chose for it: whoever sends a batch again names its events again.
fn identity(asked: &Asked, agent: &AgentId, repeat: Repeat<'_>) -> Option<String> {
    let key = match asked {
        Asked::Wake(wake) => &wake.key,
        Asked::Work(work) => &work.key,
    };
    let names_event = repeat.is_batch && key.as_ref().is_some_and(|key| key.source == KeySource::Request);
    if repeat.key.is_none() && !names_event {
        return None;
    }
    let key = key.as_ref().map(|key| &key.text);
    let asks = match asked {
        Asked::Wake(wake) => json!(["wake", agent, key, wake.words]),
        Asked::Work(work) => json!([
            "agent",
            agent,
            key,
            work.words,
            work.name,
            work.delivers,
            [&work.channel, &work.to, &work.account, &work.model],
            work.thinking,
            work.timeout_seconds,
        ]),
    };
    let all = json!([repeat.path, repeat.key, asks]).to_string();
    Some(URL_SAFE_NO_PAD.encode(Sha256::digest(all.as_bytes())))
}
