//! `agents.files.*`: the files in an agent's folder that tell it what to do; those and no others.
//!
//! The agent's own commands can put anything into that folder, so nothing is followed: a link is refused, a pipe is not waited for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use chela_agent::{AgentProfile, ensure_workspace, instruction_files, is_instruction_file};
use chela_config::hash;
use chela_protocol::methods::agents::{
    AgentFile, AgentFileParams, AgentFileResult, AgentFileSetParams, AgentFilesParams, AgentFilesResult,
};
use chela_protocol::{AgentId, RpcError};
use rustix::fs::OFlags;
use rustix::io::Errno;
use serde_json::json;
use uuid::Uuid;

use super::change::profile;
use crate::rpc::{Call, RpcResult, answer_of};

/// Largest file that is read or written, as in the reference system.
const FILE_MAX: u64 = 2 * 1024 * 1024;

/// One write at a time, so that a file can't change between the look at its hash and its replacement by another client.
static WRITING: Mutex<()> = Mutex::new(());

/// Why a file can't be shown or stored.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("unsafe workspace file \"{0}\"")]
    Unsafe(String),
    #[error("agent file \"{name}\" is larger than {FILE_MAX} bytes")]
    TooLarge { name: String },
    #[error("agent file \"{name}\" changed since it was read")]
    Conflict { name: String, current: Option<String> },
    #[error("agent file \"{name}\": {error}")]
    Io { name: String, error: io::Error },
}

/// What is wanted of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Facts,
    Whole,
}

pub(super) async fn list(call: Call) -> RpcResult {
    let AgentFilesParams { agent_id } = call.params()?;
    let agent = profile(&call.gateway, &AgentId::new(agent_id))?;
    let folder = agent.workspace.clone();
    let reading = move || {
        let names = instruction_files();
        // One that is not as it should be must not hide the others.
        names.map(|name| read(&folder, name, Shown::Facts).unwrap_or_else(|_| missing(&folder, name))).collect()
    };
    let files = call.gateway.outside.off_thread(reading).await.map_err(|_| failed())?;
    let workspace = agent.workspace.display().to_string();
    answer_of(&AgentFilesResult { agent_id: agent.id.to_string(), workspace, files })
}

pub(super) async fn get(call: Call) -> RpcResult {
    let AgentFileParams { agent_id, name } = call.params()?;
    let agent = profile(&call.gateway, &AgentId::new(agent_id))?;
    let name = supported(&name)?;
    let folder = agent.workspace.clone();
    let reading = move || read(&folder, &name, Shown::Whole);
    let file = call.gateway.outside.off_thread(reading).await.map_err(|_| failed())?;
    answer_of(&shown(&agent, file.map_err(|error| refused(&error))?, None))
}

pub(super) async fn set(call: Call) -> RpcResult {
    let params: AgentFileSetParams = call.params()?;
    let agent = profile(&call.gateway, &AgentId::new(params.agent_id))?;
    let name = supported(&params.name)?;
    let (folder, content, expected) = (agent.workspace.clone(), params.content, params.expected_hash);
    let writing = move || write(&folder, &name, &content, expected.as_deref());
    let file = call.gateway.outside.off_thread(writing).await.map_err(|_| failed())?;
    answer_of(&shown(&agent, file.map_err(|error| refused(&error))?, Some(true)))
}

fn shown(agent: &AgentProfile, file: AgentFile, ok: Option<bool>) -> AgentFileResult {
    let workspace = agent.workspace.display().to_string();
    AgentFileResult { ok, agent_id: agent.id.to_string(), workspace, file }
}

fn supported(name: &str) -> Result<String, RpcError> {
    let name = name.trim();
    if is_instruction_file(name) {
        Ok(name.to_owned())
    } else {
        Err(RpcError::invalid(format!("unsupported file \"{name}\"")))
    }
}

fn failed() -> RpcError {
    RpcError::unavailable("working with the agent's files failed")
}

fn refused(error: &FileError) -> RpcError {
    let message = error.to_string();
    match error {
        FileError::Conflict { name, current } => {
            let mut details = json!({ "type": "agent_file_conflict", "name": name });
            if let Some(current) = current {
                details["currentHash"] = current.as_str().into();
            }
            RpcError::invalid(message).with_details(details)
        }
        FileError::Unsafe(_) | FileError::TooLarge { .. } => RpcError::invalid(message),
        FileError::Io { .. } => RpcError::unavailable(message),
    }
}

fn missing(folder: &Path, name: &str) -> AgentFile {
    let path = folder.join(name).display().to_string();
    AgentFile { name: name.to_owned(), path, missing: true, ..AgentFile::default() }
}

fn read(folder: &Path, name: &str, wanted: Shown) -> Result<AgentFile, FileError> {
    let Some((bytes, updated_at_ms)) = bytes_of(folder, name)? else { return Ok(missing(folder, name)) };
    Ok(AgentFile {
        missing: false,
        size: Some(bytes.len() as u64),
        updated_at_ms,
        hash: Some(hash(&bytes)),
        content: (wanted == Shown::Whole).then(|| String::from_utf8_lossy(&bytes).into_owned()),
        ..missing(folder, name)
    })
}

/// What a file holds, and when it was written.
type Stored = (Vec<u8>, Option<i64>);

/// The bytes of a real file and when it was written; `None` when there is none.
fn bytes_of(folder: &Path, name: &str) -> Result<Option<Stored>, FileError> {
    let io = |error| FileError::Io { name: name.to_owned(), error };
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(folder.join(name)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            return Err(FileError::Unsafe(name.to_owned()));
        }
        Err(error) => return Err(io(error)),
    };
    let facts = file.metadata().map_err(io)?;
    if !facts.is_file() {
        return Err(FileError::Unsafe(name.to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(FileError::TooLarge { name: name.to_owned() });
    }
    let written = facts.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    Ok(Some((bytes, written.and_then(|since| i64::try_from(since.as_millis()).ok()))))
}

/// Replaces the file as a whole: readers see the old text or the new one.
fn write(folder: &Path, name: &str, content: &str, expected: Option<&str>) -> Result<AgentFile, FileError> {
    if content.len() as u64 > FILE_MAX {
        return Err(FileError::TooLarge { name: name.to_owned() });
    }
    let io = |error| FileError::Io { name: name.to_owned(), error };
    let _one = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    ensure_workspace(folder, false).map_err(io)?;
    let current = bytes_of(folder, name)?.map(|(bytes, _)| hash(&bytes));
    if expected.is_some_and(|expected| current.as_deref() != Some(expected)) {
        return Err(FileError::Conflict { name: name.to_owned(), current });
    }
    let new = folder.join(format!(".{name}.{}", Uuid::new_v4()));
    let stored = store(&new, content).and_then(|()| fs::rename(&new, folder.join(name)));
    if stored.is_err() {
        // What could not be put in its place is in nobody's way, but of no use.
        let _ = fs::remove_file(&new);
    }
    stored.map_err(io)?;
    read(folder, name, Shown::Whole)
}

fn store(path: &Path, content: &str) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}
