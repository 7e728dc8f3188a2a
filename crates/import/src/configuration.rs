//! Moves the configuration in: the file as its owner wrote it, comments and old names included, with credentials added and the paths of
//! workspaces turned to where they are now. What each key comes to here is told by the configuration's own checks.

use std::fs;
use std::path::{Path, PathBuf};

use chela_config::{FIRST_FILE, KeyPath, Loaded, Places, Segment, edit, load};
use serde_json::Value;

use crate::databases::Databases;
use crate::report::{FileTold, Ledger};
use crate::trees::{Copied, copy_file};
use crate::{ImportError, ImportMode, ImportRequest, credentials};

/// What of the configuration others need to know.
pub(crate) struct Moved {
    /// What the source's configuration says; empty where there is none.
    pub(crate) loaded: Loaded,
    /// Workspaces below the source: where they stand, and where they go.
    pub(crate) workspaces: Vec<Workspace>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Workspace {
    pub(crate) from: PathBuf,
    pub(crate) to: PathBuf,
}

impl Moved {
    /// Where `session.store` says that an agent's list of sessions stands, if that is below the source.
    pub(crate) fn session_list(&self, source: &Path, agent: &str) -> Option<PathBuf> {
        let written = self.loaded.get("session.store")?.as_str()?.replace("{agentId}", agent);
        let inner = written.split_once("/.openclaw/").or_else(|| written.split_once("/.clawdbot/"));
        let path = inner.map_or_else(|| PathBuf::from(&written), |(_, inner)| source.join(inner));
        path.starts_with(source).then_some(path)
    }

    /// Whether the configuration names owners, so that nobody becomes one by being let in.
    pub(crate) fn names_owners(&self) -> bool {
        let owners = self.loaded.get("commands.ownerAllowFrom").and_then(Value::as_array);
        let is_name =
            |entry: &Value| !matches!(entry.as_str().map(str::trim), Some("" | "*") | None) || entry.is_number();
        owners.is_some_and(|owners| owners.iter().any(is_name))
    }
}

pub(crate) fn move_in(
    request: &ImportRequest<'_>,
    databases: &Databases,
    ledger: &mut Ledger,
) -> Result<Moved, ImportError> {
    let places = source_places(request);
    let mut environment = request.environment.clone();
    let loaded = load(&places, &mut environment);
    let mut found = credentials::collect(request, databases, ledger);
    let text = if loaded.exists { loaded.raw.clone() } else { "{}\n".to_owned() };
    if loaded.exists {
        ledger.keys(loaded.fates(&request.schema, &(request.findings)(&loaded)));
    }
    if loaded.safe_mode {
        for problem in &loaded.problems {
            ledger.fault(&loaded.path, None, problem.message.clone());
        }
        found.leave("the configuration can't be read");
        let why = "it can't be read; mend it there and run the import again";
        ledger.file(&loaded.path, FileTold::ignored(why, 1));
        found.tell(0, ledger);
        let workspaces = workspaces(request, &places, &loaded);
        return Ok(Moved { loaded, workspaces });
    }
    let workspaces = workspaces(request, &places, &loaded);
    let text = with_moved_workspaces(text, request, &places, &loaded, ledger)?;
    let (text, added) = found.put_into(text, &loaded)?;
    let written = store(request, &loaded, &text, added > 0, ledger)?;
    if !written.is_in_force() {
        found.leave("the configuration that is here holds; add them there");
    }
    let new = if written == Written::New { added } else { 0 };
    ledger.counts().credentials += new;
    found.tell(new, ledger);
    copy_companions(request, &loaded, ledger);
    Ok(Moved { loaded, workspaces })
}

/// The source as if it were a state dir of ours.
fn source_places(request: &ImportRequest<'_>) -> Places {
    let dir = request.source.dir.clone();
    let config_path = request.source.config.clone().unwrap_or_else(|| dir.join("openclaw.json"));
    Places {
        home: request.to.home.clone(),
        workspace_dir: dir.join("workspace"),
        config_exists: request.source.config.is_some(),
        config_path,
        state_dir: dir,
        profile: None,
        foreign_state_dir: None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    New,
    /// The same text is there already.
    Same,
    /// There is another text, which holds.
    Kept,
    /// There is nothing to write.
    Nothing,
}

impl Written {
    fn is_in_force(self) -> bool {
        matches!(self, Self::New | Self::Same)
    }
}

fn store(
    request: &ImportRequest<'_>,
    loaded: &Loaded,
    text: &str,
    has_additions: bool,
    ledger: &mut Ledger,
) -> Result<Written, ImportError> {
    if !loaded.exists && !has_additions {
        return Ok(Written::Nothing);
    }
    // Another name of the configuration may be in use here; where nothing is, the first one is taken.
    let in_use = &request.to.config_path;
    let is_source = in_use.canonicalize().is_ok_and(|path| Some(&path) == request.source.config.as_ref());
    let target = if is_source { request.to.state_dir.join(chela_config::CONFIG_NAMES[0]) } else { in_use.clone() };
    let present = fs::read_to_string(&target).ok();
    let written = match present.as_deref() {
        Some(present) if present == text => Written::Same,
        Some(FIRST_FILE) | None => Written::New,
        Some(_) => Written::Kept,
    };
    if written == Written::New && request.mode == ImportMode::Write {
        let base = chela_config::hash(present.unwrap_or_default().as_bytes());
        chela_config::write(&target, text, Some(&base))?;
    }
    let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let told = match written {
        Written::New | Written::Same if text == loaded.raw => {
            FileTold::applied(format!("as {name}"), 1, usize::from(written == Written::New))
        }
        Written::New | Written::Same => {
            let detail = format!("as {name}, with credentials and the new places of workspaces");
            FileTold::mapped(detail, 1, usize::from(written == Written::New))
        }
        Written::Kept | Written::Nothing => FileTold::ignored(
            format!("{name} is here already and says something else: it holds, and nothing is changed in it"),
            1,
        ),
    };
    if loaded.exists {
        ledger.file(&loaded.path, told);
    }
    Ok(written)
}

/// Each place of the configuration that names a workspace.
fn workspace_paths(loaded: &Loaded) -> Vec<KeyPath> {
    let agents = KeyPath::root().key("agents");
    let mut paths = vec![agents.key("defaults").key("workspace")];
    let listed = loaded.value.pointer("/agents/list").and_then(Value::as_array);
    paths.extend((0..listed.map_or(0, Vec::len)).map(|index| agents.key("list").index(index).key("workspace")));
    paths
}

/// Workspaces below the source, by the configuration and by their names.
fn workspaces(request: &ImportRequest<'_>, places: &Places, loaded: &Loaded) -> Vec<Workspace> {
    let source = &request.source.dir;
    let configured = workspace_paths(loaded).into_iter().filter_map(|path| {
        let written = path.get(&loaded.value)?.as_str()?.trim();
        inside(places, written).map(|inner| source.join(inner))
    });
    let named = fs::read_dir(source).into_iter().flatten().flatten().map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name == "workspace" || name.starts_with("workspace-")
    });
    let mut found: Vec<PathBuf> = configured.chain(named).filter(|path| path.is_dir() && path != source).collect();
    found.sort();
    found.dedup();
    // One within another goes with it.
    let outer = found.clone();
    found.retain(|path| !outer.iter().any(|other| other != path && path.starts_with(other)));
    let to = |from: &PathBuf| request.to.state_dir.join(from.strip_prefix(source).unwrap_or(from));
    found.iter().map(|from| Workspace { to: to(from), from: from.clone() }).collect()
}

/// A path below the source, relative to it. The source may have been written under another path: what stands below a folder of the
/// names that such ones have is taken for its own if it is there.
fn inside(places: &Places, written: &str) -> Option<PathBuf> {
    let path = places.expand(written);
    let resolved = path.canonicalize().unwrap_or_else(|_| path.clone());
    let below = |path: &Path| path.strip_prefix(&places.state_dir).ok().map(Path::to_owned);
    if let Some(inner) = below(&path).or_else(|| below(&resolved)) {
        return (!inner.as_os_str().is_empty()).then_some(inner);
    }
    if resolved.exists() {
        return None;
    }
    let mut parts = path.components();
    let is_state_dir = |name: &std::ffi::OsStr| chela_config::FOREIGN_STATE_DIRS.iter().any(|known| name == *known);
    parts.find(|part| is_state_dir(part.as_os_str()))?;
    let inner = parts.as_path().to_owned();
    (!inner.as_os_str().is_empty() && places.state_dir.join(&inner).is_dir()).then_some(inner)
}

/// The text with the paths of workspaces that move, relative to the state dir.
fn with_moved_workspaces(
    mut text: String,
    request: &ImportRequest<'_>,
    places: &Places,
    loaded: &Loaded,
    ledger: &mut Ledger,
) -> Result<String, ImportError> {
    if request.source.dir == request.to.state_dir {
        return Ok(text);
    }
    for path in workspace_paths(loaded) {
        let Some(inner) = path.get(&loaded.value).and_then(Value::as_str).and_then(|written| inside(places, written))
        else {
            continue;
        };
        let Some(written) = written_path(loaded, &path) else {
            let why = format!("{path} names a place below the source and stands in an included file: change it there");
            ledger.fault(&loaded.path, None, why);
            continue;
        };
        text = edit::set(&text, &written, &Value::String(inner.display().to_string()))?;
    }
    Ok(text)
}

/// Where a workspace stands in the main file: agents are listed, or entered by their ids.
fn written_path(loaded: &Loaded, path: &KeyPath) -> Option<KeyPath> {
    let is_here = |path: &KeyPath| path.get(&loaded.written).is_some_and(Value::is_string);
    if is_here(path) {
        return Some(path.clone());
    }
    let Some(Segment::Index(index)) = path.segments().get(2) else { return None };
    let id = loaded.value.pointer(&format!("/agents/list/{index}/id"))?.as_str()?;
    let entered = KeyPath::root().key("agents").key("entries").key(id).key("workspace");
    is_here(&entered).then_some(entered)
}

/// What the configuration reads besides itself: included files and `.env`, to the same places here.
fn copy_companions(request: &ImportRequest<'_>, loaded: &Loaded, ledger: &mut Ledger) {
    let source = &request.source.dir;
    let main = loaded.path.canonicalize().unwrap_or_else(|_| loaded.path.clone());
    for file in &loaded.files {
        let (Ok(inner), true) = (file.strip_prefix(source), file.is_file()) else { continue };
        if *file == main || *file == loaded.path {
            continue;
        }
        let told = match copy_file(file, &request.to.state_dir.join(inner), request.mode) {
            Ok(Copied::New) => FileTold::applied("read with the configuration", 1, 1),
            Ok(Copied::Same) => FileTold::applied("read with the configuration", 1, 0),
            Ok(Copied::Differs) => FileTold::ignored("another one is here already: it holds", 1),
            Err(error) => {
                ledger.fault(file, None, error.to_string());
                FileTold::ignored("it can't be copied", 1)
            }
        };
        ledger.counts().files += told.new_ones();
        ledger.file(file, told);
    }
}
