//! The web page at `/`.

use std::sync::Arc;

use axum::Router;

use crate::server::Front;

/// The routes of this interface.
pub(crate) fn router() -> Router<Arc<Front>> {
    Router::new()
}
