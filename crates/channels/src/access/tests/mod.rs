//! The rules as people know them, one table per question; and what must hold for every rule and every message.

mod always;
mod bots;
mod context;
mod meant;
mod people;
mod places;
mod tools;

use super::*;
use crate::inbound::{ChatKind, InboundMessage, Mention, PlaceName, Quoted, Sender};

const OWNER: &str = "1";
const FRIEND: &str = "2";
const PAIRED: &str = "3";
const STRANGER: &str = "9";

fn ask(rules: &AccessRules, message: &InboundMessage) -> &'static str {
    word(&decide(rules, facts(&list(&[OWNER])), message))
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Answer(granted) if granted.is_owner => "answer owner",
        Verdict::Answer(_) => "answer",
        Verdict::Overheard => "overheard",
        Verdict::Pair => "pair",
        Verdict::Ignore(_) => "ignore",
    }
}

fn facts(owners: &AllowList) -> Facts<'_> {
    Facts {
        channel: "telegram",
        paired: &|id| id == PAIRED,
        access_groups: &|name| match name {
            "family" => strings(&["7", "tg:2"]),
            "nested" => strings(&["accessGroup:family", "*"]),
            _ => Vec::new(),
        },
        called_by_name: false,
        always_active: None,
        owners,
        tools_by_sender: const { &BTreeMap::new() },
    }
}

fn direct(sender: &str) -> InboundMessage {
    InboundMessage { sender: Sender { id: sender.to_owned(), ..Sender::default() }, ..InboundMessage::default() }
}

/// A message in a channel of a server that mentions us.
fn mentioning(sender: &str) -> InboundMessage {
    InboundMessage {
        chat_kind: ChatKind::Channel,
        places: vec![step("server"), step("channel")],
        mention: Mention { us: true, others: false },
        ..direct(sender)
    }
}

fn step(id: &str) -> PlaceName {
    PlaceName { id: id.to_owned(), names: vec![format!("{id} name")] }
}

fn place(name: &str) -> Place {
    Place { name: name.to_owned(), ..Place::default() }
}

fn list(entries: &[&str]) -> AllowList {
    AllowList(strings(entries))
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
