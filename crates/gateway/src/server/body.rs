//! Bodies of requests that are JSON objects.

use serde::de::{DeserializeOwned, Error as _};

/// Reads a JSON object. An array is refused: without this, one whose items happen to fit a struct's fields would be taken
/// for it.
pub(crate) fn json_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    match bytes.trim_ascii_start().first() {
        None => Err(serde_json::Error::custom("it is empty; expected a JSON object")),
        Some(b'[') => Err(serde_json::Error::custom("it is an array; expected a JSON object")),
        Some(_) => serde_json::from_slice(bytes),
    }
}
