//! What must hold for any bytes that reach this crate: entry points for the crate `fuzz`, in no shipped build.

#![allow(clippy::missing_panics_doc, reason = "to panic is how these say that a promise is broken")]

use serde_json::Value;

use crate::methods::chat::ChatSendParams;
use crate::{AgentId, ConnectParams, RequestFrame, ResponseFrame, SESSION_KEY_MAX_BYTES, SessionKey};

/// A frame that can be read says the same once it is written and read again.
pub fn frames(data: &[u8]) {
    if let Ok(frame) = serde_json::from_slice::<RequestFrame>(data) {
        let written = serde_json::to_vec(&frame).expect("what was read can be written");
        let again: RequestFrame = serde_json::from_slice(&written).expect("what was written can be read");
        assert_eq!((&again.id, &again.method), (&frame.id, &frame.method));
        if let Some(params) = frame.params.filter(|params| !has_fraction(params)) {
            assert_eq!(again.params.as_ref().unwrap_or(&Value::Null), &params);
            // Tolerant readers: they refuse or they read, whatever stands there.
            let _ = serde_json::from_value::<ConnectParams>(params.clone());
            let _ = serde_json::from_value::<ChatSendParams>(params);
        }
    }
    if let Ok(frame) = serde_json::from_slice::<ResponseFrame>(data) {
        let written = serde_json::to_vec(&frame).expect("what was read can be written");
        let again: ResponseFrame = serde_json::from_slice(&written).expect("what was written can be read");
        assert_eq!((again.id, again.ok), (frame.id, frame.ok));
    }
}

/// A session key that is taken is canonical: it reads as itself, and its parts are all of it.
pub fn session_keys(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(key) = SessionKey::parse(text, &AgentId::new("main")) else { return };
    assert!(key.as_str().len() <= SESSION_KEY_MAX_BYTES);
    assert!(!key.as_str().chars().any(char::is_control));
    assert_eq!(SessionKey::parse(key.as_str(), &AgentId::new("other")).as_ref(), Ok(&key));
    assert_eq!(SessionKey::scoped(&key.agent(), key.place()), key);
    assert!(!key.agent().as_str().is_empty() && !key.place().is_empty());
    let written = serde_json::to_string(&key).expect("a key is a text");
    assert_eq!(serde_json::from_str::<SessionKey>(&written).ok(), Some(key));
}

/// Numbers with a fraction may come back a little different.
fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(list) => list.iter().any(has_fraction),
        Value::Object(map) => map.values().any(has_fraction),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}
