//! Bearer authentication of plain HTTP requests.

use axum::http::request::Parts;
use axum::response::Response;

use crate::app::Gateway;
use crate::connection::Peer;

/// Checks the `Authorization: Bearer` header of a request against the gateway's secret or a device token.
/// The error is the response to send: 401 or 429 in OpenAI's error shape.
pub async fn authorise(gateway: &Gateway, parts: &Parts) -> Result<Peer, Box<Response>> {
    let _ = (gateway, parts);
    todo!("lands with the listener")
}
