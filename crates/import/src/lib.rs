//! Moves the state dir of the system that this one replaces in: configuration, credentials, conversations, automations, devices, people,
//! workspaces and skills (G40).
//!
//! Reads both of its forms, files (January 2026) and SQLite (September 2026; reference §5). Never writes to the source. Tells of every
//! key and every file what became of it, and what can't be read is told and skipped. What is here already is left as it is, so that the
//! same import again changes nothing. Refuses a state dir on which a gateway runs.

mod configuration;
mod convert;
mod credentials;
mod cron;
mod databases;
mod devices;
mod entries;
mod error;
mod leftovers;
mod lines;
mod outline;
mod people;
mod report;
mod sessions;
mod source;
mod transcript;
mod trees;

use std::path::PathBuf;

use chela_config::{Environment, Loaded, Places, Problem};
use chela_store::{DATABASE_FILE, InstanceInfo, InstanceLock, OpenOptions, Store, WriterMode};
pub use error::ImportError;
pub use report::{ConversationReport, Counts, FAULTS_MAX, FileFate, FileReport, ImportFault, ImportReport};
use serde_json::Value;
pub use source::{Source, find_sources};

use crate::report::Ledger;

/// What to move, and where to.
pub struct ImportRequest<'r> {
    pub source: Source,
    pub to: Places,
    /// What variables in the configuration stand for.
    pub environment: Environment,
    /// A folder of the caller's, which removes it: databases that can't be read in place are copied there.
    pub scratch: PathBuf,
    pub mode: ImportMode,
    /// The schema of the whole configuration.
    pub schema: Value,
    /// What the owners of the configuration's sections find.
    pub findings: &'r dyn Fn(&Loaded) -> Vec<Problem>,
    pub now_ms: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ImportMode {
    /// Only says what would be done. What the database here holds is not looked at.
    #[default]
    DryRun,
    Write,
}

/// Moves everything, and says what became of it.
pub async fn import(request: ImportRequest<'_>) -> Result<ImportReport, ImportError> {
    let dry_run = request.mode == ImportMode::DryRun;
    let _lock = if dry_run { None } else { Some(lock(&request)?) };
    let store = if dry_run { None } else { Some(open(&request)?) };
    let mut ledger = Ledger::new(&request.source.dir, &request.to.state_dir, dry_run);

    let databases = databases::Databases::open(&request, &mut ledger);
    let moved = configuration::move_in(&request, &databases, &mut ledger)?;
    trees::copy_workspaces(&request, &moved, &mut ledger);
    trees::copy_skills(&request, &mut ledger);
    sessions::move_in(&request, &moved, &databases, store.as_ref(), &mut ledger).await?;
    cron::move_in(&request, &databases, store.as_ref(), &mut ledger).await?;
    devices::move_in(&request, &databases, store.as_ref(), &mut ledger).await?;
    people::move_in(&request, &moved, &databases, store.as_ref(), &mut ledger).await?;
    leftovers::tell(&request.source, &databases, &mut ledger);
    if let Some(store) = &store {
        store.close().await?;
    }
    Ok(ledger.finish())
}

fn lock(request: &ImportRequest<'_>) -> Result<InstanceLock, ImportError> {
    let info = InstanceInfo { pid: std::process::id(), started_at_ms: request.now_ms, address: None };
    Ok(InstanceLock::acquire(&request.to.state_dir, info)?)
}

fn open(request: &ImportRequest<'_>) -> Result<Store, ImportError> {
    let path = request.to.state_dir.join(DATABASE_FILE);
    Ok(Store::open(OpenOptions { path, writer: WriterMode::Thread })?)
}
