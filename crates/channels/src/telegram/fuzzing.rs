//! Updates over any bytes. See [`crate::fuzzing`].

#![allow(clippy::missing_panics_doc, reason = "to panic is how these say that a promise is broken")]

use serde_json::Value;

use super::normalise::{Meaning, Us, View, read_update, update_id};
use crate::inbound::InboundEvent;

/// What a webhook or a poll brings is read or refused, means the same each time, and never grows.
pub fn telegram_updates(data: &[u8]) {
    let Ok(update) = serde_json::from_slice::<Value>(data) else { return };
    let us = Us { id: 42, username: "chela_bot".to_owned() };
    let is_ours = |chat: i64, message: i32| (chat, message) == (7, 3);
    let former_id = |chat: i64| (chat == -1009).then_some(-9);
    let view = View { us: &us, is_ours: &is_ours, former_id: &former_id, now_ms: 5000 };
    let read = read_update(update.clone(), view);
    assert_eq!(read_update(update.clone(), view), read);
    match read {
        Err(words) => assert!(words.len() < 200, "{words}"),
        Ok(read) => {
            assert_eq!(update_id(&update), Some(read.id));
            if let Meaning::Events(events) = read.meaning {
                assert!(events.len() <= 8, "{}", events.len());
                for event in &events {
                    check(event, data.len());
                }
            }
        }
    }
}

fn check(event: &InboundEvent, size: usize) {
    if let InboundEvent::Message(message) | InboundEvent::Edited(message) = event {
        assert!(!message.event.is_empty() && !message.sender.id.is_empty());
        // Words for what is no text (a poll, a place, a contact) may be longer than the field that they stand for.
        assert!(message.text.len() <= size * 4 + 1000, "{} of {size}", message.text.len());
    }
}
