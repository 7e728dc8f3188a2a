//! `agents.create`, `agents.update`, `agents.delete`: agents as they stand in the configuration file. Only the keys that change are
//! touched, so comments and order stay; the folder of an agent that goes is moved aside, never erased.

use std::path::{Path, PathBuf};

use chela_agent::{AgentProfile, agent_id, ensure_workspace};
use chela_config::{EditError, KeyPath, Loaded, edit};
use chela_protocol::methods::agents::{
    AgentCreateParams, AgentCreateResult, AgentDeleteParams, AgentDeleteResult, AgentUpdateParams, AgentUpdateResult,
    KeptFolder, RemovedFolder,
};
use chela_protocol::{AgentId, MAIN, RpcError};
use serde_json::{Map, Value, json};

use super::not_found;
use crate::app::Gateway;
use crate::config_write::{self, EditRefused};
use crate::rpc::{Call, RpcResult, answer_of};

/// Longest name, text of an identity, model or folder.
const TEXT_MAX: usize = 1_024;

/// Where folders of agents that were deleted go, in the state dir.
const TRASH: &str = "trash";

/// Where an agent stands in the file.
enum Place {
    /// Nowhere: it is the agent that is there when none is written.
    Unwritten,
    At(KeyPath),
}

pub(super) async fn create(call: Call) -> RpcResult {
    let params: AgentCreateParams = call.params()?;
    let gateway = &call.gateway;
    let name = text("name", &params.name)?;
    if !name.chars().any(|letter| letter.is_ascii_alphanumeric()) {
        return Err(RpcError::invalid(format!(
            "agent name \"{name}\" has no letter or digit from which an id is made"
        )));
    }
    let id = agent_id(&name);
    if gateway.agents().iter().any(|agent| agent.id == id) {
        return Err(RpcError::invalid(format!("agent \"{id}\" already exists")));
    }
    let entry = entry(&name, &params)?;
    let adding = {
        let id = id.clone();
        move |stored: &Loaded| added(stored, &id, entry)
    };
    config_write::change(gateway, None, adding).await?;
    let agent = profile(gateway, &id)?;
    make_folder(gateway, &agent).await?;
    answer_of(&AgentCreateResult {
        ok: true,
        agent_id: id.to_string(),
        name: agent.name,
        workspace: agent.workspace.display().to_string(),
        model: params.model,
    })
}

pub(super) async fn update(call: Call) -> RpcResult {
    let params: AgentUpdateParams = call.params()?;
    let gateway = &call.gateway;
    let id = profile(gateway, &AgentId::new(&params.agent_id))?.id;
    let changes = changes(&params)?;
    let changing = {
        let id = id.clone();
        move |stored: &Loaded| changed(stored, &id, changes)
    };
    config_write::change(gateway, None, changing).await?;
    answer_of(&AgentUpdateResult { ok: true, agent_id: id.to_string() })
}

pub(super) async fn delete(call: Call) -> RpcResult {
    let params: AgentDeleteParams = call.params()?;
    let gateway = &call.gateway;
    let agent = profile(gateway, &AgentId::new(&params.agent_id))?;
    let others: Vec<AgentProfile> = gateway.agents().into_iter().filter(|other| other.id != agent.id).collect();
    if others.is_empty() {
        let id = &agent.id;
        return Err(RpcError::invalid(format!("Agent \"{id}\" is the only configured agent and cannot be deleted.")));
    }
    let removed_bindings =
        gateway.config.load().bindings.iter().filter(|one| agent_id(&one.agent_id) == agent.id).count();
    let removing = {
        let id = agent.id.clone();
        move |stored: &Loaded| removed(stored, &id)
    };
    config_write::change(gateway, None, removing).await?;
    let mut result = AgentDeleteResult {
        ok: true,
        agent_id: agent.id.to_string(),
        removed_bindings,
        removed: Vec::new(),
        failed: Vec::new(),
    };
    if params.delete_files.unwrap_or(true) {
        let path = agent.workspace.display().to_string();
        let (state_dir, now_ms) = (gateway.facts.state_dir.clone(), gateway.now_ms());
        let moving = move || put_aside(&agent, &others, &state_dir, now_ms);
        match gateway.outside.off_thread(moving).await.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(method) => result.removed.push(RemovedFolder { path, method: method.to_owned() }),
            Err(reason) => result.failed.push(KeptFolder { path, reason }),
        }
    }
    answer_of(&result)
}

/// The agent of this id, in any spelling.
pub(super) fn profile(gateway: &Gateway, id: &AgentId) -> Result<AgentProfile, RpcError> {
    let wanted = agent_id(id.as_str());
    gateway.agents().into_iter().find(|agent| agent.id == wanted).ok_or_else(|| not_found(id.as_str()))
}

async fn make_folder(gateway: &Gateway, agent: &AgentProfile) -> Result<(), RpcError> {
    let (folder, seed) = (agent.workspace.clone(), agent.seed_workspace);
    let made = gateway.outside.off_thread(move || ensure_workspace(&folder, seed)).await;
    match made {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => {
            let folder = agent.workspace.display();
            Err(RpcError::unavailable(format!(
                "the agent is configured, but its folder {folder} can't be made: {error}"
            )))
        }
        Err(_) => Err(RpcError::unavailable("making the agent's folder failed")),
    }
}

/// A text on one line, without spaces around it.
fn text(name: &str, given: &str) -> Result<String, RpcError> {
    let given = given.trim();
    if given.is_empty() || given.len() > TEXT_MAX || given.chars().any(char::is_control) {
        return Err(RpcError::invalid(format!("`{name}` must be one line of 1 to {TEXT_MAX} bytes")));
    }
    Ok(given.to_owned())
}

fn entry(name: &str, params: &AgentCreateParams) -> Result<Map<String, Value>, RpcError> {
    let mut entry = Map::new();
    entry.insert("name".to_owned(), name.into());
    let optional = [("workspace", &params.workspace), ("model", &params.model)];
    for (key, value) in optional.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?))) {
        entry.insert(key.to_owned(), text(key, value)?.into());
    }
    let mut identity = Map::new();
    for (key, value) in [("emoji", &params.emoji), ("avatar", &params.avatar)] {
        if let Some(value) = value.as_deref().filter(|value| !value.trim().is_empty()) {
            identity.insert(key.to_owned(), text(key, value)?.into());
        }
    }
    if !identity.is_empty() {
        entry.insert("identity".to_owned(), identity.into());
    }
    Ok(entry)
}

/// What an update sets, and with `None` takes out, by the path below the agent.
fn changes(params: &AgentUpdateParams) -> Result<Vec<(&'static str, Option<String>)>, RpcError> {
    let mut changes = Vec::new();
    for (key, value) in [("name", &params.name), ("workspace", &params.workspace)] {
        if let Some(value) = value {
            changes.push((key, Some(text(key, value)?)));
        }
    }
    if let Some(model) = &params.model {
        changes.push(("model", model.as_deref().map(|model| text("model", model)).transpose()?));
    }
    for (key, value) in [("identity.emoji", &params.emoji), ("identity.avatar", &params.avatar)] {
        if let Some(value) = value {
            let is_cleared = value.trim().is_empty();
            changes.push((key, (!is_cleared).then(|| text(key, value)).transpose()?));
        }
    }
    Ok(changes)
}

/// The file with one more agent, in the form that it uses already.
fn added(stored: &Loaded, id: &AgentId, mut entry: Map<String, Value>) -> Result<String, EditRefused> {
    let file = own_text(stored)?;
    let agents = KeyPath::root().key("agents");
    if file["agents"]["entries"].is_object() {
        return set(&stored.raw, &agents.key("entries").key(id.as_str()), &entry.into());
    }
    entry.insert("id".to_owned(), id.as_str().into());
    let list = agents.key("list");
    match file["agents"]["list"].as_array().map_or(0, Vec::len) {
        // The agent that is there without being written would be gone when another is.
        0 => set(&stored.raw, &list, &json!([{ "id": MAIN }, entry])),
        count => set(&stored.raw, &list.index(count), &entry.into()),
    }
}

fn changed(stored: &Loaded, id: &AgentId, changes: Vec<(&'static str, Option<String>)>) -> Result<String, EditRefused> {
    let file = own_text(stored)?;
    let mut raw = stored.raw.clone();
    let agent = match place(&file, id)? {
        Place::At(path) => path,
        Place::Unwritten => {
            let list = KeyPath::root().key("agents").key("list");
            raw = set(&raw, &list, &json!([{ "id": id }]))?;
            list.index(0)
        }
    };
    for (key, value) in changes {
        let mut path = key.split('.').fold(agent.clone(), |path, key| path.key(key));
        match value {
            Some(value) => {
                if key == "model" && path.get(&file).is_some_and(Value::is_object) {
                    path = path.key("primary");
                }
                raw = set(&raw, &path, &value.into())?;
            }
            None => raw = unset(raw, &path)?,
        }
    }
    Ok(raw)
}

fn removed(stored: &Loaded, id: &AgentId) -> Result<String, EditRefused> {
    let file = own_text(stored)?;
    let mut raw = stored.raw.clone();
    if let Place::At(path) = place(&file, id)? {
        raw = unset(raw, &path)?;
    }
    let bindings = file["bindings"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (index, binding) in bindings.iter().enumerate().rev() {
        if binding["agentId"].as_str().is_some_and(|named| agent_id(named) == *id) {
            raw = unset(raw, &KeyPath::root().key("bindings").index(index))?;
        }
    }
    Ok(raw)
}

/// What the file itself says, without what it includes: that is what can be changed.
fn own_text(stored: &Loaded) -> Result<Value, RpcError> {
    let text = if stored.raw.trim().is_empty() { "{}" } else { &stored.raw };
    chela_config::parse(text).map_err(|error| RpcError::invalid(format!("invalid config: {error}")))
}

fn place(file: &Value, id: &AgentId) -> Result<Place, RpcError> {
    let agents = KeyPath::root().key("agents");
    let list = file["agents"]["list"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_it = |name: &str| agent_id(name) == *id;
    if let Some(index) = list.iter().position(|entry| entry["id"].as_str().is_some_and(is_it)) {
        return Ok(Place::At(agents.key("list").index(index)));
    }
    let entries = file["agents"]["entries"].as_object();
    if let Some(key) = entries.and_then(|entries| entries.keys().find(|key| is_it(key))) {
        return Ok(Place::At(agents.key("entries").key(key)));
    }
    let none_written = list.is_empty() && entries.is_none_or(Map::is_empty);
    if none_written && id.as_str() == MAIN {
        return Ok(Place::Unwritten);
    }
    Err(RpcError::invalid(format!("agent \"{id}\" stands in an included file; change it there")))
}

fn set(raw: &str, path: &KeyPath, value: &Value) -> Result<String, EditRefused> {
    Ok(edit::set(raw, path, value)?)
}

/// Without what stands at the path, also where nothing does.
fn unset(raw: String, path: &KeyPath) -> Result<String, EditRefused> {
    match edit::unset(&raw, path) {
        Ok(changed) => Ok(changed),
        Err(EditError::NotSet { .. }) => Ok(raw),
        Err(error) => Err(error.into()),
    }
}

/// Moves an agent's folder into the trash. A folder outside of the state dir, or one that is also another agent's, stays.
fn put_aside(
    agent: &AgentProfile,
    others: &[AgentProfile],
    state_dir: &Path,
    now_ms: i64,
) -> Result<&'static str, String> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (folder, root) = (real(&agent.workspace), real(state_dir));
    if !folder.exists() {
        return Ok("missing");
    }
    if folder == root || !folder.starts_with(&root) {
        return Err("it is not in the state dir; remove it by hand".to_owned());
    }
    let shares = |other: &AgentProfile| {
        let other = real(&other.workspace);
        other.starts_with(&folder) || folder.starts_with(&other)
    };
    if let Some(other) = others.iter().find(|other| shares(other)) {
        return Err(format!("agent \"{}\" works there as well", other.id));
    }
    let trash: PathBuf = root.join(TRASH);
    let moved = std::fs::create_dir_all(&trash)
        .and_then(|()| std::fs::rename(&folder, trash.join(format!("{}-{now_ms}", agent.id))));
    moved.map(|()| "trash").map_err(|error| error.to_string())
}
