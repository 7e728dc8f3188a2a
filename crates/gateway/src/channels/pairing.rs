//! Strangers: the code they are given, and what they are told. All words for them stand here.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chela_agent::Reply;
use chela_channels::InboundMessage;
use chela_protocol::SessionKey;
use chela_store::{
    NewOutbound, NewPairing, Ownership, PAIRING_KEEP_MS, PAIRINGS_MAX, PairedSender, PairingAsked, PairingCode,
    StoreError,
};

use super::{AccountName, OpenAccount, input};
use crate::app::Gateway;

/// Letters and digits that nobody takes for another: no 0 and O, no 1, I and L.
const ALPHABET: &[u8; 31] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";
const CODE_CHARS: usize = 8;

/// Gives a stranger a code and tells them what to do with it; once, however often they write. A flood of strangers writes nothing
/// into the store, and at most a line an hour into the log.
pub(super) async fn ask(
    gateway: &Arc<Gateway>,
    account: &OpenAccount,
    session: SessionKey,
    message: &InboundMessage,
) -> Result<(), StoreError> {
    let name = &account.name;
    let mut waiting = gateway.store.pairing_codes(gateway.now_ms()).await?;
    waiting.retain(|one| one.channel == name.channel && one.account == name.account);
    if waiting.iter().any(|one| one.sender == message.sender.id) {
        return Ok(());
    }
    if waiting.len() >= PAIRINGS_MAX {
        note_crowd(gateway, account);
        return Ok(());
    }
    let code = code(|bytes| gateway.outside.fill(bytes).is_ok());
    let Some(code) = code else {
        tracing::error!(target: "channels", "the system gives no random bytes, so {name} can give nobody a code");
        return Ok(());
    };
    let reply = Reply::to(&input::route(name, message), format!("pairing:{}", message.event), ask_text(name, &code));
    let now_ms = gateway.now_ms();
    let asked = NewPairing {
        channel: name.channel.clone(),
        account: name.account.clone(),
        sender: message.sender.id.clone(),
        name: input::shown_name(message),
        chat: message.chat.clone(),
        code,
        reply: outbound(name, &message.chat, session, &reply, now_ms),
        now_ms,
    };
    match gateway.store.ask_pairing(asked).await? {
        PairingAsked::New => {
            tracing::info!(
                target: "channels",
                "{name}: {} (id {}) asks to be let in; `chela pairing list` shows the code",
                input::shown_name(message),
                message.sender.id
            );
            gateway.delivery.wake();
        }
        PairingAsked::Waiting => {}
        PairingAsked::Full => note_crowd(gateway, account),
    }
    Ok(())
}

/// Whether somebody who is let in is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    Sent,
    LeftOut,
}

/// Lets the person with this code in. Nobody becomes an owner who would be the second. `None`: no such code, or too old.
pub(crate) async fn approve(
    gateway: &Arc<Gateway>,
    channel: &str,
    code: &str,
    wanted: Ownership,
    told: Notice,
) -> Result<Option<PairedSender>, StoreError> {
    let now_ms = gateway.now_ms();
    let session = SessionKey::main(&gateway.default_agent());
    let notice = move |asked: &PairingCode| {
        let name = AccountName { channel: asked.channel.clone(), account: asked.account.clone() };
        let run = format!("paired:{}:{}", asked.sender, asked.code);
        let reply = Reply { text: APPROVED.to_owned(), run, ..Reply::default() };
        (told == Notice::Sent).then(|| outbound(&name, &asked.chat, session, &reply, now_ms))
    };
    // Whom the configuration names is an owner, and then nobody becomes one by being the first.
    let ownership = if names_owners(gateway) { Ownership::Nobody } else { wanted };
    let paired = gateway.store.approve_pairing(channel, &read_code(code), ownership, now_ms, notice).await?;
    if paired.is_some() {
        gateway.channels.people.changed();
        gateway.delivery.wake();
    }
    Ok(paired)
}

/// Whether the configuration says who the owners are.
pub(crate) fn names_owners(gateway: &Gateway) -> bool {
    let owners = gateway.config.load().commands.owners();
    owners.0.iter().any(|entry| !matches!(entry.trim(), "" | "*"))
}

/// A code as people type it.
pub(crate) fn read_code(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase()
}

/// Tells the log, once in a while, that strangers are turned away.
fn note_crowd(gateway: &Gateway, account: &OpenAccount) {
    let now_ms = gateway.now_ms();
    let told_at_ms = account.crowd_told_at_ms.swap(now_ms, Ordering::Relaxed);
    if told_at_ms == 0 || now_ms.saturating_sub(told_at_ms) >= PAIRING_KEEP_MS {
        tracing::warn!(
            target: "channels",
            "{}: strangers get no code any more, since {PAIRINGS_MAX} wait already; `chela pairing list` shows them",
            account.name
        );
    } else {
        account.crowd_told_at_ms.store(told_at_ms, Ordering::Relaxed);
    }
}

/// What a person who was let in is told.
const APPROVED: &str = "You are let in. Write whatever you like; /help lists the commands.";

fn ask_text(name: &AccountName, code: &str) -> String {
    format!(
        "Hello! I don't know you yet, so I can't answer. If this assistant is yours, or its owner knows you, run this where it \
         runs:\n\n`chela pairing approve {} {code}`\n\nThe code holds for one hour.",
        name.channel
    )
}

fn outbound(name: &AccountName, chat: &str, session: SessionKey, reply: &Reply, now_ms: i64) -> NewOutbound {
    NewOutbound {
        channel: name.channel.clone(),
        account: name.account.clone(),
        chat: chat.to_owned(),
        session,
        body: reply.to_body(),
        created_at_ms: now_ms,
    }
}

/// A new code; `None` when there is no randomness. Bytes that would favour some letters are thrown away.
fn code(fill: impl Fn(&mut [u8]) -> bool) -> Option<String> {
    let mut code = String::new();
    // 32 bytes give 31 letters on average; eight are wanted.
    for _ in 0..4 {
        let mut bytes = [0; 32];
        if !fill(&mut bytes) {
            return None;
        }
        let fair = bytes.iter().filter(|byte| usize::from(**byte) < ALPHABET.len() * 8);
        code.extend(fair.map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])));
        if code.len() >= CODE_CHARS {
            code.truncate(CODE_CHARS);
            return Some(code);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_eight_letters_that_nobody_mistakes() {
        let made = code(|bytes| getrandom::fill(bytes).is_ok()).unwrap();
        assert_eq!(made.len(), CODE_CHARS);
        assert!(made.bytes().all(|letter| ALPHABET.contains(&letter)), "{made}");
        assert_ne!(Some(made), code(|bytes| getrandom::fill(bytes).is_ok()));
        assert_eq!(code(|_| false), None, "never a code that can be guessed");
        assert_eq!(
            code(|bytes| {
                bytes.fill(255);
                true
            }),
            None
        );
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        assert_eq!(read_code(" abcd-2345 "), "ABCD2345");
    }
}
