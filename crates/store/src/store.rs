//! The handle that everybody shares, and how it is opened and closed.

use std::path::{Path, PathBuf};

use crate::StoreError;

/// Name of the database in the state dir.
pub const DATABASE_FILE: &str = "chela.db";

/// How to open the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOptions {
    pub path: PathBuf,
    pub writer: WriterMode,
}

/// Where commits run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriterMode {
    /// On a thread of their own, grouped: the real thing.
    Thread,
    /// In the caller, one at a time: for simulations on paused time, where no other thread may exist.
    Inline,
}

/// A handle; clones share one database.
#[derive(Clone)]
pub struct Store {}

impl Store {
    /// Opens (and, where needed, creates or migrates) the database. Takes a snapshot before the first migration.
    pub fn open(options: OpenOptions) -> Result<Self, StoreError> {
        todo!()
    }

    pub fn path(&self) -> &Path {
        todo!()
    }

    /// Commits what waits, checkpoints the WAL and closes the files. Later calls on clones give [`StoreError::Closed`].
    pub async fn close(&self) -> Result<(), StoreError> {
        todo!()
    }

    /// Checkpoints the WAL; called when the gateway is idle.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        todo!()
    }
}
