//! Why the store could not do what it was asked.

use std::path::PathBuf;

/// What a caller can decide on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    #[error("can't open the database {path}: {message}", path = path.display())]
    Open { path: PathBuf, message: String },
    #[error(
        "the database {path} has schema version {found}, newer than this program's {known}; start the newer version again, or go back with `chela state rollback`",
        path = path.display()
    )]
    TooNew { path: PathBuf, found: i64, known: i64 },
    #[error("the disk is full, nothing was written")]
    DiskFull,
    #[error("{thing} `{id}` doesn't exist")]
    NotFound { thing: &'static str, id: String },
    #[error("it took too long to look through everything; ask for less")]
    TookTooLong,
    #[error("the store is closed")]
    Closed,
    #[error("the database failed: {0}")]
    Database(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::DiskFull,
            _ => Self::Database(error.to_string()),
        }
    }
}
