//! Events over any bytes. See [`crate::fuzzing`].

#![allow(clippy::missing_panics_doc, reason = "to panic is how these say that a promise is broken")]

use serde::de::DeserializeOwned;

use super::dispatch::Frame;
use super::names::Names;
use super::normalise::{self, Us};
use super::wire::{Channel, Guild, Interaction, Message, Reaction, Ready, ThreadList, made_at_ms, order};

/// Whatever the gateway sends is read or passed over, and means the same each time.
pub fn discord_events(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(frame) = serde_json::from_str::<Frame<'_>>(text) {
        let _ = frame.heartbeat_interval();
        check(frame.data());
    }
    check(text);
}

fn check(data: &str) {
    let us = Us { id: "1000".to_owned(), application: "1001".to_owned(), name: "chela".to_owned() };
    let names = Names::default();
    if let Some(guild) = read::<Guild>(data) {
        names.learn_guild(&guild, &us.id);
    }
    if let Some(channel) = read::<Channel>(data) {
        names.learn_channel(&channel, Some("10"));
        names.forget_channel(&channel.id);
    }
    let _ = (read::<Ready>(data), read::<ThreadList>(data));
    if let Some(message) = read::<Message>(data) {
        let said = normalise::message(&us, &names, &message);
        assert_eq!(normalise::message(&us, &names, &message), said);
        if let Some(said) = said {
            assert!(said.event.starts_with("m:") && !said.sender.id.is_empty());
            assert_eq!(said.sent_at_ms, made_at_ms(&message.id));
        }
        let _ = (normalise::edited(&us, &names, &message), order(&message.id));
    }
    if let Some(reaction) = read::<Reaction>(data) {
        let _ = normalise::reaction(&us, &names, "r:s:1".to_owned(), &reaction, true);
    }
    if let Some(interaction) = read::<Interaction>(data) {
        let meant = normalise::interaction(&names, &interaction, &[]);
        assert!(meant.is_none_or(|meant| meant.event.starts_with("i:")));
    }
}

fn read<T: DeserializeOwned>(data: &str) -> Option<T> {
    serde_json::from_str(data).ok()
}
