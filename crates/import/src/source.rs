//! What a state dir of the reference system looks like, and where such ones are.

use std::fs;
use std::path::{Path, PathBuf};

use chela_config::{CONFIG_NAMES, FIRST_FILE};
use serde_json::Value;

use crate::ImportError;

/// Largest document that is read whole, in bytes: far more than a person's devices and automations take.
const DOCUMENT_MAX_BYTES: u64 = 64 << 20;

/// The database that holds what all agents share, in the newer form.
pub(crate) const STATE_DATABASE: &str = "state/openclaw.sqlite";
/// The database of one agent, in its folder.
pub(crate) const AGENT_DATABASE: &str = "agent/openclaw-agent.sqlite";

/// A state dir to move in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub dir: PathBuf,
    /// Its configuration, if it has one.
    pub config: Option<PathBuf>,
    /// Folders of agents, by id.
    pub agents: Vec<AgentFolder>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentFolder {
    pub id: String,
    pub dir: PathBuf,
}

impl Source {
    /// Looks at a folder. Its path is made free of links, so that files in it can be told from others.
    pub fn at(dir: &Path) -> Result<Self, ImportError> {
        let found = dir.canonicalize().ok().filter(|dir| dir.is_dir());
        let dir = found.ok_or_else(|| ImportError::NoFolder(dir.to_owned()))?;
        let agents = agents(&dir).map_err(|source| ImportError::Read { path: dir.join("agents"), source })?;
        let found = Self { config: config(&dir), agents, dir };
        if found.config.is_some() || found.has_data() { Ok(found) } else { Err(ImportError::NothingThere(found.dir)) }
    }

    /// Whether there is more than a configuration.
    pub fn has_data(&self) -> bool {
        let marks = [STATE_DATABASE, "credentials", "cron/jobs.json", "devices/paired.json"];
        !self.agents.is_empty() || marks.iter().any(|mark| self.dir.join(mark).exists())
    }
}

/// The state dirs of the reference system on this machine, the likeliest first: one that is ours by its place, then those of a home.
pub fn find_sources(state_dir: &Path, home: &Path) -> Vec<Source> {
    let homes = chela_config::FOREIGN_STATE_DIRS.iter().map(|name| home.join(name));
    let mut found: Vec<Source> = Vec::new();
    for dir in std::iter::once(state_dir.to_owned()).chain(homes) {
        if let Ok(source) = Source::at(&dir)
            && found.iter().all(|known| known.dir != source.dir)
        {
            found.push(source);
        }
    }
    found
}

/// The configuration by one of its foreign names. Ours says nothing of where the rest comes from.
fn config(dir: &Path) -> Option<PathBuf> {
    let foreign = CONFIG_NAMES.iter().skip(1).map(|name| dir.join(name));
    foreign.into_iter().find(|path| path.is_file() && fs::read(path).is_ok_and(|text| text != FIRST_FILE.as_bytes()))
}

fn agents(dir: &Path) -> std::io::Result<Vec<AgentFolder>> {
    let entries = match fs::read_dir(dir.join("agents")) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut agents = Vec::new();
    for entry in entries {
        let entry = entry?;
        // A name that is no text names no agent.
        if entry.path().is_dir()
            && let Ok(id) = entry.file_name().into_string()
        {
            agents.push(AgentFolder { id, dir: entry.path() });
        }
    }
    // The credentials and settings of the main agent win where two say different things.
    agents.sort_by(|a, b| (a.id != chela_protocol::MAIN, &a.id).cmp(&(b.id != chela_protocol::MAIN, &b.id)));
    Ok(agents)
}

/// Reads a document. `None` where there is no such file; the error says what is wrong, without its content.
pub(crate) fn document(path: &Path) -> Result<Option<Value>, String> {
    let found = match fs::metadata(path) {
        Ok(found) if found.is_file() => found,
        Ok(_) => return Err("it is no file".to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    if found.len() > DOCUMENT_MAX_BYTES {
        return Err(format!("it is larger than {} MB", DOCUMENT_MAX_BYTES >> 20));
    }
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    // Some of them may be written by hand, with comments.
    let strict = serde_json::from_str(&text);
    strict.or_else(|_| chela_config::parse(&text).map_err(|error| format!("it is no JSON: {error}"))).map(Some)
}
