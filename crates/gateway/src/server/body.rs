//! The body of a request: whole, bounded in size and in time, and a JSON object.

use std::error::Error;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use serde::de::{DeserializeOwned, Error as _};

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Larger than it may be; told without reading it where its length is announced.
    TooLarge,
    TimedOut,
    /// The framing is wrong, or the client went away.
    Broken,
}

/// Reads a body of at most `most` bytes, which must have arrived within `patience`.
pub(crate) async fn read_body(body: Body, most: usize, patience: Duration) -> Result<Bytes, BodyError> {
    if body.size_hint().lower() > most as u64 {
        return Err(BodyError::TooLarge);
    }
    match tokio::time::timeout(patience, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if came_from_the_wire(&error) => Err(BodyError::Broken),
        Ok(Err(_)) => Err(BodyError::TooLarge),
        Err(_) => Err(BodyError::TimedOut),
    }
}

/// Reads a JSON object. An array is refused: without this, one whose items happen to fit a struct's fields would be taken
/// for it.
pub(crate) fn json_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    match bytes.trim_ascii_start().first() {
        None => Err(serde_json::Error::custom("it is empty; expected a JSON object")),
        Some(b'[') => Err(serde_json::Error::custom("it is an array; expected a JSON object")),
        Some(_) => serde_json::from_slice(bytes),
    }
}

/// The other cause that reading knows is the limit.
fn came_from_the_wire(error: &axum::Error) -> bool {
    let first: &dyn Error = error;
    std::iter::successors(Some(first), |cause| (*cause).source()).any(<dyn Error>::is::<hyper::Error>)
}
