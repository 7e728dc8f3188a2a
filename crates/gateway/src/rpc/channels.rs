//! `channels.*`: how accounts on chat platforms stand, starting and stopping them, dead letters. Pairing has a file of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chela_agent::Reply;
use chela_channels::access::DmPolicy;
use chela_channels::{ConnectionState, FailureKind, Transport};
use chela_protocol::methods::channels::{
    ChannelAccountStatus, ChannelChangedResult, ChannelIssue, ChannelLogoutResult, ChannelParams, ChannelProbe,
    ChannelsStatusParams, ChannelsStatusResult, DeadLetter, DeadLetterParams, DeadLettersChangedResult,
    DeadLettersParams, DeadLettersResult, WebLoginParams,
};
use chela_protocol::{RpcError, Scope};
use chela_store::{OutboxId, OutboxRow};
use futures_util::future::join_all;

use super::{Access, Call, Method, RpcResult, answer_of};
use crate::app::Gateway;
use crate::channels::{ByHand, Listed};
use crate::rpc_error;

/// How long a platform may take to answer a probe, when the client doesn't say; and at most.
const PROBE_DEFAULT: Duration = Duration::from_secs(10);
const PROBE_MAX: Duration = Duration::from_secs(30);

/// Dead letters of one list.
const LETTERS: usize = 100;
const LETTERS_MAX: usize = 1_000;

/// Characters of a dead letter that a list shows.
const SHOWN_CHARS: usize = 200;

/// Issues of one status, as in the reference system.
const ISSUES_MAX: usize = 50;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    let (read, admin) = (Access::Holding(Scope::Read), Access::Holding(Scope::Admin));
    vec![
        Method::new("channels.status", read, status),
        Method::new("channels.start", admin, |call| async move { by_hand(&call, ByHand::Start) }),
        Method::new("channels.stop", admin, |call| async move { by_hand(&call, ByHand::Stop) }),
        Method::new("channels.logout", admin, |call| async move { logout(&call) }),
        Method::new("web.login.start", admin, |call| async move { web_login(&call) }),
        Method::new("web.login.wait", admin, |call| async move { web_login(&call) }),
        // Who waits with which code is for whom may approve it.
        Method::new("channels.deadLetters.list", read, dead_letters),
        Method::new("channels.deadLetters.retry", admin, retry),
        Method::new("channels.deadLetters.discard", admin, discard),
    ]
}

/// How every account stands, without asking a platform.
pub(crate) fn snapshot(gateway: &Gateway, channel: Option<&str>) -> ChannelsStatusResult {
    let now_ms = gateway.now_ms();
    let mut result = ChannelsStatusResult { ts: now_ms, ..ChannelsStatusResult::default() };
    for listed in gateway.channels.listed() {
        let name = &listed.name;
        if channel.is_some_and(|wanted| wanted != name.channel) {
            continue;
        }
        if !result.channel_order.contains(&name.channel) {
            result.channel_order.push(name.channel.clone());
        }
        let account = account(gateway, &listed, now_ms);
        note_issues(&mut result, &listed, &account);
        result.channel_labels.insert(name.channel.clone(), listed.label.to_owned());
        result.channel_default_account_id.entry(name.channel.clone()).or_insert_with(|| name.account.clone());
        result.channels.entry(name.channel.clone()).or_insert_with(|| account.clone());
        result.channel_accounts.entry(name.channel.clone()).or_default().push(account);
    }
    result.warnings = gateway.channels.degraded(now_ms);
    result
}

async fn status(call: Call) -> RpcResult {
    let params: ChannelsStatusParams = call.params()?;
    let gateway = &call.gateway;
    let mut result = snapshot(gateway, params.channel.as_deref());
    if params.probe {
        let patience = params.timeout_ms.map_or(PROBE_DEFAULT, Duration::from_millis).min(PROBE_MAX);
        probe(gateway, &mut result, patience).await;
    }
    answer_of(&result)
}

/// Asks all platforms at once.
async fn probe(gateway: &Gateway, result: &mut ChannelsStatusResult, patience: Duration) {
    let accounts = result.channel_accounts.iter_mut();
    let each = accounts.flat_map(|(channel, accounts)| accounts.iter_mut().map(move |one| (channel, one)));
    let asking = each.map(|(channel, account)| async move {
        let open = gateway.channels.get(channel, &account.account_id);
        let Some(channel) = open.and_then(|open| open.speaker()) else { return };
        let began = Instant::now();
        let answer = tokio::time::timeout(patience, channel.probe()).await;
        let elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let failed = |error: String| ChannelProbe { error: Some(error), elapsed_ms, ..ChannelProbe::default() };
        account.last_probe_at = Some(gateway.now_ms());
        account.probe = Some(match answer {
            Err(_) => failed(format!("the platform did not answer within {} s", patience.as_secs())),
            Ok(Err(error)) => failed(error.to_string()),
            Ok(Ok(probe)) => ChannelProbe {
                ok: true,
                identity: Some(probe.identity).filter(|identity| !identity.is_empty()),
                error: None,
                warnings: probe.warnings,
                facts: probe.facts,
                elapsed_ms,
            },
        });
    });
    join_all(asking).await;
    // The short list shows the default account with its answer.
    for (channel, shown) in &mut result.channels {
        let accounts = result.channel_accounts.get(channel).into_iter().flatten();
        if let Some(asked) = accounts.into_iter().find(|one| one.account_id == shown.account_id) {
            *shown = asked.clone();
        }
    }
}

fn account(gateway: &Gateway, listed: &Listed, now_ms: i64) -> ChannelAccountStatus {
    let Listed { name, status, .. } = listed;
    let open = gateway.channels.get(&name.channel, &name.account);
    let is_healthy = status.is_healthy(now_ms);
    let has_no_token = status.state == ConnectionState::Failed && status.failure == Some(FailureKind::NoToken);
    ChannelAccountStatus {
        account_id: name.account.clone(),
        name: status.identity.clone(),
        enabled: listed.is_enabled,
        configured: !has_no_token && listed.closed.is_none(),
        running: listed.is_running,
        connected: is_healthy,
        health_state: health_word(status.state, is_healthy).to_owned(),
        reconnect_attempts: status.reconnects,
        last_connected_at: status.connected_at_ms,
        last_error: listed.closed.clone().or_else(|| status.last_error.clone()),
        last_start_at: open.as_ref().and_then(|open| open.opened_at_ms()),
        last_inbound_at: status.last_inbound_at_ms,
        last_outbound_at: status.last_outbound_at_ms,
        last_transport_activity_at: status.alive_at_ms,
        mode: transport_word(status.transport).to_owned(),
        dm_policy: open.map(|open| dm_word(open.policy.load().access.dm).to_owned()),
        token_source: listed.is_enabled.then(|| if listed.has_environment_token { "env" } else { "config" }.to_owned()),
        last_probe_at: None,
        probe: None,
    }
}

fn note_issues(result: &mut ChannelsStatusResult, listed: &Listed, account: &ChannelAccountStatus) {
    let mut issue = |kind: &str, message: &str| {
        if result.status_issues.len() < ISSUES_MAX {
            result.status_issues.push(ChannelIssue {
                channel: listed.name.channel.clone(),
                account_id: listed.name.account.clone(),
                kind: kind.to_owned(),
                message: message.to_owned(),
            });
        }
    };
    if let Some(error) = &account.last_error
        && !account.connected
    {
        let kind = if listed.closed.is_some() { "config" } else { "runtime" };
        issue(kind, error);
    }
    for warning in &listed.status.warnings {
        issue("permissions", warning);
    }
}

fn by_hand(call: &Call, what: ByHand) -> RpcResult {
    let ChannelParams { channel, account_id } = call.params()?;
    let names = call.gateway.channels.by_hand(&call.gateway, &channel, account_id.as_deref(), what);
    if names.is_empty() {
        let account = account_id.map(|account| format!("/{account}")).unwrap_or_default();
        return Err(RpcError::invalid(format!(
            "no account {channel}{account} is configured; `chela channels list` shows those that are"
        )));
    }
    answer_of(&ChannelChangedResult { channel, account_ids: names.into_iter().map(|name| name.account).collect() })
}

/// Stops an account. Its token stands in the configuration or the environment, and is the owner's to take out.
fn logout(call: &Call) -> RpcResult {
    let ChannelParams { channel, account_id } = call.params()?;
    let gateway = &call.gateway;
    if !gateway.outside.kinds.iter().any(|kind| kind.id == channel) {
        return Err(RpcError::invalid("invalid channels.logout channel"));
    }
    let of_channel = gateway.channels.listed().into_iter().filter(|listed| listed.name.channel == channel);
    let account = of_channel.into_iter().find(|one| account_id.as_ref().is_none_or(|id| one.name.account == *id));
    let Some(account) = account else {
        let message = format!("no such account of {channel} is configured; `chela channels list` shows those that are");
        return Err(RpcError::invalid(message));
    };
    let account_id = account.name.account;
    gateway.channels.by_hand(gateway, &channel, Some(&account_id), ByHand::Stop);
    let place = if account.has_environment_token { "the environment" } else { "the configuration" };
    let message = format!("{channel}/{account_id} is stopped; its token stands in {place} until you take it out there");
    answer_of(&ChannelLogoutResult {
        channel,
        account_id,
        cleared: false,
        logged_out: true,
        env_token: account.has_environment_token,
        message,
    })
}

/// No platform that is built in is logged into with a code on a screen.
fn web_login(call: &Call) -> RpcResult {
    let WebLoginParams { channel } = call.params()?;
    let known = call.gateway.outside.kinds.iter().find(|kind| Some(kind.id) == channel.as_deref());
    Err(RpcError::invalid(match known {
        Some(kind) => format!("web login is not supported by provider {}", kind.id),
        None => "web login provider is not available".to_owned(),
    }))
}

async fn dead_letters(call: Call) -> RpcResult {
    let DeadLettersParams { limit } = call.params()?;
    let limit = limit.unwrap_or(LETTERS).min(LETTERS_MAX);
    let letters = call.gateway.store.dead_letters(limit).await.map_err(rpc_error::of_store)?;
    answer_of(&DeadLettersResult { letters: letters.into_iter().map(letter).collect() })
}

async fn retry(call: Call) -> RpcResult {
    let gateway = &call.gateway;
    let ids = named_letters(&call).await?;
    let now_ms = gateway.now_ms();
    for id in &ids {
        gateway.store.outbox_retry(OutboxId(*id), "tried again by hand", now_ms).await.map_err(rpc_error::of_store)?;
    }
    gateway.delivery.wake();
    answer_of(&DeadLettersChangedResult { ids })
}

async fn discard(call: Call) -> RpcResult {
    let mut ids = named_letters(&call).await?;
    let mut discarded = Vec::new();
    for id in ids.drain(..) {
        if call.gateway.store.discard_dead(OutboxId(id)).await.map_err(rpc_error::of_store)? {
            discarded.push(id);
        }
    }
    answer_of(&DeadLettersChangedResult { ids: discarded })
}

/// The dead letters that the caller means, oldest first, so that they go out in their order.
async fn named_letters(call: &Call) -> Result<Vec<i64>, RpcError> {
    let DeadLetterParams { id } = call.params()?;
    let store = &call.gateway.store;
    let Some(id) = id else {
        let dead = store.dead_letters(LETTERS_MAX).await.map_err(rpc_error::of_store)?;
        let mut ids: Vec<i64> = dead.iter().map(|row| row.id.0).collect();
        ids.sort_unstable();
        return Ok(ids);
    };
    match store.dead_letter(OutboxId(id)).await.map_err(rpc_error::of_store)? {
        Some(row) => Ok(vec![row.id.0]),
        None => Err(RpcError::invalid(format!(
            "no dead letter has the number {id}; `chela channels dead-letters` shows those that there are"
        ))),
    }
}

fn letter(row: OutboxRow) -> DeadLetter {
    let text = Reply::from_body(&row.body).text;
    let mut shown: String = text.chars().take(SHOWN_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    DeadLetter {
        id: row.id.0,
        channel: row.channel,
        account_id: row.account,
        chat: row.chat,
        session_key: row.session.to_string(),
        text: shown,
        attempts: row.attempts,
        parts_sent: row.parts_sent,
        error: row.last_error,
        created_at_ms: row.created_at_ms,
    }
}

fn health_word(state: ConnectionState, is_healthy: bool) -> &'static str {
    match state {
        ConnectionState::Stopped => "stopped",
        ConnectionState::Connecting => "connecting",
        ConnectionState::Connected if is_healthy => "connected",
        ConnectionState::Connected => "silent",
        ConnectionState::Reconnecting => "reconnecting",
        ConnectionState::Failed => "failed",
    }
}

fn transport_word(transport: Transport) -> &'static str {
    match transport {
        Transport::Socket => "socket",
        Transport::Polling => "polling",
        Transport::Webhook => "webhook",
    }
}

fn dm_word(policy: DmPolicy) -> &'static str {
    match policy {
        DmPolicy::Pairing => "pairing",
        DmPolicy::Allowlist => "allowlist",
        DmPolicy::Open => "open",
        DmPolicy::Disabled => "disabled",
    }
}

/// Adds the accounts to a health snapshot.
pub(super) fn add_to_health(gateway: &Arc<Gateway>, health: &mut chela_protocol::methods::health::HealthSnapshot) {
    let ChannelsStatusResult { channel_order, channel_labels, channels, channel_accounts, .. } =
        snapshot(gateway, None);
    health.channel_labels = channel_labels.into_iter().map(|(channel, label)| (channel, label.into())).collect();
    health.channels = channels
        .into_iter()
        .map(|(channel, default)| {
            let accounts = channel_accounts.get(&channel).into_iter().flatten();
            let by_name =
                accounts.map(|one| (one.account_id.clone(), one.to_value())).collect::<serde_json::Map<_, _>>();
            let mut value = default.to_value();
            value["accounts"] = by_name.into();
            (channel, value)
        })
        .collect();
    health.channel_order = channel_order;
}
