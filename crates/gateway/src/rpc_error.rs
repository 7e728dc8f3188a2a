//! Failures of the crates below, worded for the person at the other end of a connection.

use chela_protocol::{ErrorCode, RpcError};
use chela_store::StoreError;

use crate::intake::SubmitError;
use crate::pressure::{RETRY_AFTER, Scarce};
use crate::sessions::Refused;

/// What a client is told when the store could not do it. Details of the database stay in the log.
#[expect(clippy::needless_pass_by_value, reason = "callers hand it to `map_err`")]
pub(crate) fn of_store(error: StoreError) -> RpcError {
    match error {
        StoreError::NotFound { .. } => RpcError::invalid(error.to_string()),
        StoreError::DiskFull => {
            RpcError::new(ErrorCode::Unavailable, "the disk of the gateway is full; nothing was kept")
        }
        StoreError::TookTooLong => {
            RpcError::unavailable("it took the gateway too long to look through everything; ask for less")
        }
        StoreError::Closed => RpcError::unavailable("the gateway is stopping; try again when it is back"),
        StoreError::Open { .. } | StoreError::TooNew { .. } | StoreError::Database(_) => {
            tracing::error!(%error, "the store failed");
            RpcError::unavailable("the gateway's database failed; see its log")
        }
    }
}

/// What a client is told when there is no memory or no disk for what it asks.
pub(crate) fn of_scarce(scarce: Scarce) -> RpcError {
    let retry_after_ms = u64::try_from(RETRY_AFTER.as_millis()).ok();
    RpcError { retry_after_ms, ..RpcError::unavailable(scarce.to_string()) }
}

impl From<SubmitError> for RpcError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Refused(refused @ (Refused::Stopping | Refused::Busy)) => {
                Self { retry_after_ms: Some(1_000), ..Self::unavailable(refused.to_string()) }
            }
            SubmitError::Refused(Refused::Scarce(scarce)) => of_scarce(scarce),
            SubmitError::TooLong { .. } => Self::invalid(error.to_string()),
            SubmitError::Store(error) => of_store(error),
        }
    }
}
