//! Why nothing, or not everything, was moved. What is wrong with single things stands in the report instead.

use std::path::PathBuf;

use chela_config::{EditError, PlaceError, WriteError};
use chela_store::{LockError, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("{} is no folder", .0.display())]
    NoFolder(PathBuf),
    #[error("{} holds nothing of OpenClaw, Clawdbot or KrabKrab: no configuration, no agents and no database", .0.display())]
    NothingThere(PathBuf),
    #[error("can't read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error("the configuration can't be brought over: {0}")]
    Edit(#[from] EditError),
    #[error(transparent)]
    Write(#[from] WriteError),
}
