//! `channels.pairing.*`: strangers who wait with a code, and the people who were let in.

use std::collections::BTreeMap;

use chela_channels::access::DmPolicy;
use chela_protocol::RpcError;
use chela_protocol::Scope;
use chela_protocol::methods::channels::{
    PairedPerson, PairedSenderParams, PairingAccount, PairingApprovedResult, PairingCodeParams, PairingDismissedResult,
    PairingLimits, PairingListParams, PairingListResult, PairingRequest, PendingSender,
};
use chela_store::{Ownership, PAIRING_KEEP_MS, PAIRINGS_MAX, PairedSender, PairingCode};
use jiff::Timestamp;
use serde_json::json;

use super::{Access, Call, Method, RpcResult, answer_of};
use crate::app::Gateway;
use crate::channels::{Listed, Notice, approve_pairing, names_owners, read_code};
use crate::rpc_error;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    let admin = Access::Holding(Scope::Admin);
    vec![
        Method::new("channels.pairing.list", admin, list),
        Method::new("channels.pairing.approve", admin, approve),
        Method::new("channels.pairing.reject", admin, reject),
        Method::new("channels.pairing.dismiss", admin, dismiss),
        Method::new("channels.pairing.remove", admin, remove),
    ]
}

async fn list(call: Call) -> RpcResult {
    let PairingListParams { channel, account_id } = call.params()?;
    let gateway = &call.gateway;
    let mut pending = gateway.store.pairing_codes(gateway.now_ms()).await.map_err(rpc_error::of_store)?;
    let mut paired = gateway.store.paired_senders().await.map_err(rpc_error::of_store)?;
    let command_owner_configured = names_owners(gateway) || paired.iter().any(|one| one.owner);
    let is_wanted = |its_channel: &str, its_account: &str| {
        channel.as_deref().is_none_or(|wanted| wanted == its_channel)
            && account_id.as_deref().is_none_or(|wanted| wanted == its_account)
    };
    pending.retain(|one| is_wanted(&one.channel, &one.account));
    paired.retain(|one| is_wanted(&one.channel, &one.account));
    let listed = gateway.channels.listed();
    let accounts = listed.iter().filter(|one| is_wanted(&one.name.channel, &one.name.account));
    answer_of(&PairingListResult {
        accounts: accounts.filter(|one| gives_codes(gateway, one)).map(account).collect(),
        requests: pending.iter().map(|asked| request(asked, &listed)).collect(),
        pending: pending.into_iter().map(pending_sender).collect(),
        paired: paired.into_iter().map(paired_person).collect(),
        command_owner_configured,
        limits: PairingLimits { pending_per_account: PAIRINGS_MAX, ttl_ms: PAIRING_KEEP_MS },
    })
}

async fn approve(call: Call) -> RpcResult {
    let PairingCodeParams { channel, code, notify, bootstrap_command_owner } = call.params()?;
    let ownership = if bootstrap_command_owner == Some(false) { Ownership::Nobody } else { Ownership::First };
    let notice = if notify == Some(false) { Notice::LeftOut } else { Notice::Sent };
    let paired =
        approve_pairing(&call.gateway, &channel, &code, ownership, notice).await.map_err(rpc_error::of_store)?;
    let person = paired_person(paired.ok_or_else(|| unknown_code(&channel, &code))?);
    let notification = match notice {
        Notice::Sent => "sent",
        Notice::LeftOut => "not-requested",
    };
    let bootstrap = match (person.owner, bootstrap_command_owner) {
        (true, _) => "configured",
        (false, Some(true)) => "already-configured",
        (false, _) => "not-requested",
    };
    answer_of(&PairingApprovedResult {
        request: PairingDismissedResult { request_id: code, sender_id: person.sender.clone() },
        person,
        notification: notification.to_owned(),
        command_owner_bootstrap: bootstrap.to_owned(),
    })
}

async fn reject(call: Call) -> RpcResult {
    answer_of(&pending_sender(turn_away(&call).await?))
}

async fn dismiss(call: Call) -> RpcResult {
    let asked = turn_away(&call).await?;
    answer_of(&PairingDismissedResult { request_id: asked.code, sender_id: asked.sender })
}

async fn remove(call: Call) -> RpcResult {
    let PairedSenderParams { channel, account_id, sender } = call.params()?;
    let gateway = &call.gateway;
    let paired = gateway.store.paired_senders().await.map_err(rpc_error::of_store)?;
    let named = paired.into_iter().filter(|one| {
        one.channel == channel && one.sender == sender && account_id.as_ref().is_none_or(|id| one.account == *id)
    });
    let mut removed = Vec::new();
    for one in named {
        let gone = gateway.store.unpair_sender(&channel, &one.account, &sender).await;
        // Also when it failed: whoever is shut out in the store must be so here.
        gateway.channels.people.changed();
        if gone.map_err(rpc_error::of_store)? {
            removed.push(one.account);
        }
    }
    if removed.is_empty() {
        return Err(RpcError::invalid(format!(
            "nobody with the id {sender} was let in on {channel}; `chela pairing list` shows who was"
        )));
    }
    Ok(json!({ "channel": channel, "sender": sender, "accountIds": removed }))
}

/// Drops the request that a call names.
async fn turn_away(call: &Call) -> Result<PairingCode, RpcError> {
    let PairingCodeParams { channel, code, .. } = call.params()?;
    let rejected = call.gateway.store.reject_pairing(&channel, &read_code(&code)).await.map_err(rpc_error::of_store)?;
    rejected.ok_or_else(|| unknown_code(&channel, &code))
}

fn gives_codes(gateway: &Gateway, listed: &Listed) -> bool {
    let open = gateway.channels.get(&listed.name.channel, &listed.name.account);
    open.is_some_and(|open| open.policy.load().access.dm == DmPolicy::Pairing)
}

fn account(listed: &Listed) -> PairingAccount {
    PairingAccount {
        channel: listed.name.channel.clone(),
        channel_label: listed.label.to_owned(),
        account_id: listed.name.account.clone(),
        notify_supported: true,
    }
}

fn request(asked: &PairingCode, listed: &[Listed]) -> PairingRequest {
    // An account may have left the configuration since.
    let label =
        listed.iter().find(|one| one.name.channel == asked.channel).map_or(asked.channel.as_str(), |one| one.label);
    let name = Some(&asked.name).filter(|name| !name.is_empty());
    PairingRequest {
        request_id: asked.code.clone(),
        channel: asked.channel.clone(),
        channel_label: label.to_owned(),
        account_id: asked.account.clone(),
        sender_id: asked.sender.clone(),
        sender_label: format!("{}UserId", asked.channel),
        metadata: name.map(|name| BTreeMap::from([("name".to_owned(), name.clone())])).unwrap_or_default(),
        created_at: rfc3339(asked.requested_at_ms),
        last_seen_at: rfc3339(asked.requested_at_ms),
        expires_at: rfc3339(asked.requested_at_ms + PAIRING_KEEP_MS),
        notify_supported: true,
    }
}

fn pending_sender(asked: PairingCode) -> PendingSender {
    PendingSender {
        channel: asked.channel,
        account_id: asked.account,
        sender: asked.sender,
        name: asked.name,
        code: asked.code,
        requested_at_ms: asked.requested_at_ms,
        expires_at_ms: asked.requested_at_ms + PAIRING_KEEP_MS,
    }
}

fn paired_person(paired: PairedSender) -> PairedPerson {
    PairedPerson {
        channel: paired.channel,
        account_id: paired.account,
        sender: paired.sender,
        name: paired.name,
        owner: paired.owner,
        approved_at_ms: paired.approved_at_ms,
    }
}

fn unknown_code(channel: &str, code: &str) -> RpcError {
    RpcError::invalid(format!(
        "nobody on {channel} waits with the code {code}; a code holds for one hour, and `chela pairing list` shows those that do"
    ))
}

fn rfc3339(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).unwrap_or_default().to_string()
}
