//! What must hold for any text of a configuration: entry points for the crate `fuzz`, in no shipped build.

#![allow(clippy::missing_panics_doc, reason = "to panic is how these say that a promise is broken")]

use serde_json::Value;

use crate::{Loaded, REDACTED, dotenv, edit, mask, parse, secrets_in, url};

/// No schema: secrets are known by their names.
const ANY: Value = Value::Bool(true);

/// Whatever stands in the file: it is taken up without a panic, shown without its secrets, and comes home as it was.
pub fn text(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if text.contains(REDACTED) {
        return;
    }
    assert_eq!(mask::unmask(&mask::mask(&text), &text).as_deref(), Ok(&*text), "a masked text comes home");
    let Ok(value) = parse(&text) else { return };
    let loaded = Loaded::from_value(value.clone());
    let _ = loaded.check(&ANY);
    if !value.is_object() {
        return;
    }
    let shown = edit::redacted(&text, &ANY);
    let seen = parse(&shown).expect("what is shown is a configuration");
    assert_eq!(secrets_in(&seen, &ANY), [""; 0], "what is shown holds no secret");
    if let Ok(home) = edit::unredacted(&shown, &text) {
        assert_eq!(parse(&home).as_ref(), Ok(&value), "what comes home says what was shown");
    }
}

/// An edit that is made says what it was to say, and nothing else. The bytes are a text, a path and a value, each up to a NUL.
pub fn edits(data: &[u8]) {
    let mut pieces = data.splitn(3, |byte| *byte == 0).map(String::from_utf8_lossy);
    let (Some(raw), Some(path), Some(value)) = (pieces.next(), pieces.next(), pieces.next()) else { return };
    let Ok(value) = serde_json::from_str::<Value>(&value) else { return };
    if [&raw, &path].iter().any(|text| text.contains(REDACTED)) || value.to_string().contains(REDACTED) {
        return;
    }
    if let Ok(path) = path.parse::<crate::KeyPath>() {
        assert_eq!(path.to_string().parse().as_ref(), Ok(&path), "a path reads as it is written");
        if let Ok(text) = edit::set(&raw, &path, &value) {
            let after = parse(&text).expect("an edited text is a configuration");
            assert_eq!(path.get(&after), Some(&value));
            assert_eq!(edit::set(&text, &path, &value).as_deref(), Ok(&*text), "the same edit again changes nothing");
        }
        if let Ok(text) = edit::unset(&raw, &path) {
            parse(&text).expect("an edited text is a configuration");
        }
    }
    if let Ok(text) = edit::merge_patch(&raw, &value) {
        parse(&text).expect("a patched text is a configuration");
        assert_eq!(edit::merge_patch(&text, &value).as_deref(), Ok(&*text), "the same patch again changes nothing");
    }
}

/// A `.env` gives names that a shell would take, and each line gives a variable, is empty or is complained about.
pub fn dotenv(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (pairs, wrong) = dotenv::parse(&text);
    assert!(pairs.len() + wrong.len() <= text.lines().count());
    for (name, _) in pairs {
        assert!(!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{name}");
    }
    for secret in url::secrets(&text) {
        assert!(!secret.is_empty());
    }
}
