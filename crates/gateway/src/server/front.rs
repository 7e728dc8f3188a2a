//! What the HTTP side knows from the first millisecond, before the gateway behind it is built.

use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::app::Gateway;

/// State of the router. Listening starts before the store is open; until then [`Ready`] refuses.
#[derive(Default)]
pub struct Front {
    gateway: OnceLock<Arc<Gateway>>,
}

impl Front {
    /// The gateway, once it is built.
    pub fn gateway(&self) -> Option<&Arc<Gateway>> {
        self.gateway.get()
    }

    /// Opens the house. Later calls change nothing.
    pub fn open(&self, gateway: Arc<Gateway>) {
        let _ = self.gateway.set(gateway);
    }
}

/// Extractor for handlers that need the gateway: 503 while it starts.
pub struct Ready(pub Arc<Gateway>);

impl FromRequestParts<Arc<Front>> for Ready {
    type Rejection = Response;

    async fn from_request_parts(_: &mut Parts, front: &Arc<Front>) -> Result<Self, Response> {
        front.gateway().cloned().map(Self).ok_or_else(|| {
            let body = r#"{"error":{"message":"gateway starting; retry shortly","type":"unavailable"}}"#;
            let headers = [(header::CONTENT_TYPE, "application/json"), (header::RETRY_AFTER, "1")];
            (StatusCode::SERVICE_UNAVAILABLE, headers, body).into_response()
        })
    }
}
