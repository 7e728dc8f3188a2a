//! OpenAI's HTTP interfaces: `/v1/models`, `/v1/chat/completions`, `/v1/responses`.

use std::sync::Arc;

use axum::Router;

use crate::server::Front;

/// The routes of this interface.
pub(crate) fn router() -> Router<Arc<Front>> {
    Router::new()
}
