//! The databases of the newer form, opened once for all who read them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chela_store::{OpenclawDatabase, OpenclawRow, OpenclawTable};

use crate::ImportRequest;
use crate::report::Ledger;
use crate::source::{AGENT_DATABASE, STATE_DATABASE};

/// A database with its place in the source.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    /// Locked for one read at a time, never over an await.
    pub(crate) database: Arc<Mutex<OpenclawDatabase>>,
}

pub(crate) struct Databases {
    pub(crate) state: Option<Opened>,
    /// By agent.
    pub(crate) agents: Vec<(String, Opened)>,
}

impl Databases {
    pub(crate) fn open(request: &ImportRequest<'_>, ledger: &mut Ledger) -> Self {
        let state = open(&request.source.dir.join(STATE_DATABASE), &request.scratch, ledger);
        let agents = request.source.agents.iter().filter_map(|agent| {
            let opened = open(&agent.dir.join(AGENT_DATABASE), &request.scratch, ledger)?;
            Some((agent.id.clone(), opened))
        });
        Self { state, agents: agents.collect() }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Opened> {
        self.state.iter().chain(self.agents.iter().map(|(_, opened)| opened))
    }

    pub(crate) fn of_agent(&self, id: &str) -> Option<&Opened> {
        self.agents.iter().find(|(agent, _)| agent == id).map(|(_, opened)| opened)
    }

    /// The rows of a table that all agents share.
    pub(crate) fn shared(&self, table: OpenclawTable, ledger: &mut Ledger) -> Vec<OpenclawRow> {
        self.state.as_ref().map(|opened| opened.rows(table, ledger)).unwrap_or_default()
    }
}

impl Opened {
    pub(crate) fn rows(&self, table: OpenclawTable, ledger: &mut Ledger) -> Vec<OpenclawRow> {
        let rows = self.database.lock().unwrap_or_else(PoisonError::into_inner).rows(table);
        rows.unwrap_or_else(|error| {
            ledger.fault(&self.path, None, format!("table {}: {error}", table.name()));
            Vec::new()
        })
    }

    /// How the report calls a table.
    pub(crate) fn table(&self, table: &str, ledger: &Ledger) -> String {
        format!("{}#{table}", ledger.name(&self.path))
    }
}

fn open(path: &Path, scratch: &Path, ledger: &mut Ledger) -> Option<Opened> {
    if !path.is_file() {
        return None;
    }
    // Its tables are told of one by one, and what stands beside it is part of it.
    for end in ["", "-wal", "-shm"] {
        let mut part = path.as_os_str().to_owned();
        part.push(end);
        ledger.claim(Path::new(&part));
    }
    match OpenclawDatabase::open(path, scratch) {
        Ok(database) => Some(Opened { path: path.to_owned(), database: Arc::new(Mutex::new(database)) }),
        Err(error) => {
            ledger.fault(path, None, error.to_string());
            None
        }
    }
}
