//! Takes secrets out of what is shown, and puts them back into what comes home.
//!
//! A value is secret when its schema says so (`x-secret`), when its key sounds like it, or when it is a URL that lets somebody in: by
//! a password or a name before its host, or by a key among its parameters.
//! References (`${VAR}`, `$VAR`, `SecretRef` objects) are no secrets themselves and stay.

use serde_json::Value;

use crate::path::KeyPath;
use crate::shape::{Shapes, children};
use crate::{substitute, url};

/// What clients of the control protocol see instead of a secret, and send back to leave it as it is.
pub const REDACTED: &str = "__OPENCLAW_REDACTED__";

/// Ends of key names, in lower case without `-` and `_`, under which secrets stand.
const SECRET_NAMES: &[&str] = &[
    "accesskey",
    "apikey",
    "authkey",
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "secretkey",
    "signingkey",
    "token",
];

/// A write that leaves a secret as it is, where there is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is left as it is ({REDACTED}), but nothing is stored there; write the value itself")]
pub struct NothingStored {
    pub path: String,
}

/// The value without its secrets. `schema` is that of the value, with its `$defs`; `true` where there is none.
pub fn redact(value: &Value, schema: &Value) -> Value {
    let mut redacted = value.clone();
    for path in secret_paths(value, schema) {
        if let Some(slot) = slot(&mut redacted, &path) {
            *slot = REDACTED.into();
        }
    }
    redacted
}

/// The secrets themselves, for whoever must recognise them in other texts; of a URL the secrets in it as well, since others take it
/// apart. References are not followed.
pub fn secrets_in(value: &Value, schema: &Value) -> Vec<String> {
    let paths = secret_paths(value, schema);
    let texts = paths.iter().filter_map(|path| path.get(value)?.as_str());
    texts.flat_map(|text| url::secrets(text).into_iter().chain([text.to_owned()])).collect()
}

/// Where secrets stand in a value.
fn secret_paths(value: &Value, schema: &Value) -> Vec<KeyPath> {
    let mut found = Vec::new();
    collect(Shapes::new(schema), value, &[schema], &KeyPath::root(), Hidden::No, &mut found);
    found
}

/// The new value with what is stored in the place of each [`REDACTED`]. Elements of lists are found by their `id`, else by
/// their place.
pub fn restore_redacted(new: &Value, stored: &Value) -> Result<Value, NothingStored> {
    let mut found = Vec::new();
    restore(new, Some(stored), &KeyPath::root(), &mut found)?;
    let mut restored = new.clone();
    for (path, value) in found {
        if let Some(slot) = slot(&mut restored, &path) {
            *slot = value;
        }
    }
    Ok(restored)
}

/// Whether a key of this name holds a secret by its sound.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let folded: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    SECRET_NAMES.iter().any(|end| folded.ends_with(end))
}

#[derive(Clone, Copy, PartialEq)]
enum Hidden {
    No,
    /// The key sounds secret: texts and lists of them right below it.
    ByName,
    /// The schema says so: every text inside.
    ByMark,
}

fn collect<'s>(
    shapes: Shapes<'s>,
    value: &Value,
    schemas: &[&'s Value],
    path: &KeyPath,
    hidden: Hidden,
    out: &mut Vec<KeyPath>,
) {
    let marked = schemas.iter().any(|schema| shapes.is_secret(schema));
    // A text or a list where an object of secrets belongs may be one of them.
    let in_their_place = || !value.is_object() && schemas.iter().any(|schema| shapes.holds_secret(schema));
    let hidden = if marked || in_their_place() { Hidden::ByMark } else { hidden };
    match value {
        Value::String(text) => {
            let secret = hidden != Hidden::No || url::holds_secret(text);
            if secret && !text.is_empty() && !is_reference(text) {
                out.push(path.clone());
            }
        }
        Value::Array(elements) => {
            let level: Vec<&Value> = schemas.iter().flat_map(|schema| shapes.whole_level(schema)).collect();
            let below = children(&level, None);
            for (index, element) in elements.iter().enumerate() {
                collect(shapes, element, &below, &path.index(index), hidden, out);
            }
        }
        Value::Object(map) if hidden != Hidden::No && is_secret_reference(map) => {}
        Value::Object(map) => {
            let level: Vec<&Value> = schemas.iter().flat_map(|schema| shapes.whole_level(schema)).collect();
            for (key, entry) in map {
                let inner = match hidden {
                    Hidden::ByMark => Hidden::ByMark,
                    _ if is_secret_name(key) => Hidden::ByName,
                    _ => Hidden::No,
                };
                let below = children(&level, Some(key));
                collect(shapes, entry, &below, &path.key(key), inner, out);
            }
        }
        _ => {}
    }
}

/// A `SecretRef`: it says where the secret stands, not what it is.
fn is_secret_reference(map: &serde_json::Map<String, Value>) -> bool {
    // Somebody may have put the secret itself into the wrong place of one.
    let names_source =
        map.get("source").is_some_and(|source| ["env", "file", "exec"].iter().any(|known| source == known));
    names_source
        && map.get("id").is_some_and(Value::is_string)
        && map.keys().all(|key| ["source", "provider", "id"].contains(&key.as_str()))
}

/// `${VAR}` or `$VAR`, and nothing else.
pub(crate) fn is_reference(text: &str) -> bool {
    let whole = substitute::reference(text).is_some_and(|(_, after)| after.is_empty());
    whole || text.strip_prefix('$').is_some_and(substitute::is_name) || text == REDACTED
}

fn restore(
    new: &Value,
    stored: Option<&Value>,
    path: &KeyPath,
    out: &mut Vec<(KeyPath, Value)>,
) -> Result<(), NothingStored> {
    match new {
        Value::String(text) if text == REDACTED => match stored {
            Some(value) if value != REDACTED => out.push((path.clone(), value.clone())),
            _ => return Err(NothingStored { path: path.to_string() }),
        },
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                restore(element, counterpart(element, index, stored), &path.index(index), out)?;
            }
        }
        Value::Object(map) => {
            for (key, entry) in map {
                restore(entry, stored.and_then(|stored| stored.get(key)), &path.key(key), out)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The stored element that a new one is about: by `id` where it has one, so that reordering moves no secret to another.
fn counterpart<'v>(element: &Value, index: usize, stored: Option<&'v Value>) -> Option<&'v Value> {
    let stored = stored?.as_array()?;
    match element.get("id") {
        Some(id) => stored.iter().find(|candidate| candidate.get("id") == Some(id)),
        None => stored.get(index),
    }
}

fn slot<'v>(root: &'v mut Value, path: &KeyPath) -> Option<&'v mut Value> {
    use crate::path::Segment;
    path.segments().iter().try_fold(root, |value, segment| match segment {
        Segment::Key(name) => value.get_mut(name),
        Segment::Index(index) => value.get_mut(index),
    })
}
