//! Old names and shapes of the reference system, turned into the ones that sections are written in.
//!
//! Works on the value in memory; the file stays as its owner wrote it. A rename is noted with its new path, so that nobody
//! wonders. Where old and new name are both written, the new one holds. Shapes that are equally current, such as
//! `agents.entries`, are taken silently.

use serde_json::{Map, Value, json};

use crate::path::KeyPath;
use crate::{Problem, Severity};

/// Keys that moved without changing their value: old path, new path.
pub(crate) const RENAMED: &[(&str, &str)] = &[
    ("agents.defaults.memorySearch", "memory.search"),
    ("canvasHost", "plugins.entries.canvas"),
    ("channels.telegram.chunkMode", "channels.telegram.streaming.chunkMode"),
    ("channels.telegram.streamMode", "channels.telegram.streaming.mode"),
    ("channels.whatsapp.ackReaction.emoji", "messages.ackReaction"),
    ("gateway.nodes.allowCommands", "gateway.nodes.commands.allow"),
    ("gateway.nodes.denyCommands", "gateway.nodes.commands.deny"),
    ("messages.tts", "tts"),
    ("session.resetByType.dm", "session.resetByType.direct"),
    ("tools.exec.timeoutSec", "tools.exec.timeoutSeconds"),
];

/// A value that stands elsewhere than where it was written, so that findings can name the place that its owner knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moved {
    from: String,
    to: String,
}

impl Moved {
    /// Whether this is what was moved.
    pub(crate) fn is_from(&self, path: &str) -> bool {
        self.from == path
    }

    /// The path as it was written, if it lies in what was moved.
    pub(crate) fn written(&self, path: &str) -> Option<String> {
        let rest = path.strip_prefix(self.to.as_str())?;
        (rest.is_empty() || rest.starts_with(['.', '['])).then(|| format!("{}{rest}", self.from))
    }
}

/// Rewrites the value; says what it found in `problems`, and returns what stands elsewhere now.
pub(crate) fn normalise(root: &mut Value, problems: &mut Vec<Problem>) -> Vec<Moved> {
    let mut moved = Vec::new();
    for (old, new) in RENAMED {
        rename(root, old, new, problems, &mut moved);
    }
    idle_minutes(root, problems, &mut moved);
    reload_mode(root, problems);
    peer_kinds(root, problems);
    agent_entries(root, &mut moved);
    moved
}

fn rename(root: &mut Value, old: &str, new: &str, problems: &mut Vec<Problem>, moved: &mut Vec<Moved>) {
    let Some(value) = take(root, old) else { return };
    if put(root, new, value) {
        moved.push(Moved { from: old.to_owned(), to: new.to_owned() });
        problems.push(note(old, format!("the old name of `{new}`, and read as that")));
    } else {
        problems.push(note(old, format!("the old name of `{new}`, which is written too and holds")));
    }
}

/// `session.idleMinutes` became a mode of `session.reset`.
fn idle_minutes(root: &mut Value, problems: &mut Vec<Problem>, moved: &mut Vec<Moved>) {
    let Some(minutes) = take(root, "session.idleMinutes") else { return };
    let message = if put(root, "session.reset", json!({"mode": "idle", "idleMinutes": minutes})) {
        moved.push(Moved { from: "session.idleMinutes".into(), to: "session.reset.idleMinutes".into() });
        "read as `session.reset` with the mode `idle`"
    } else {
        "the old form of `session.reset`, which is written too and holds"
    };
    problems.push(note("session.idleMinutes", message.into()));
}

/// The modes `hot` and `restart` became one that decides by itself.
fn reload_mode(root: &mut Value, problems: &mut Vec<Problem>) {
    let Some(mode) = root.pointer_mut("/gateway/reload/mode") else { return };
    if matches!(mode.as_str(), Some("hot" | "restart")) {
        problems.push(note("gateway.reload.mode", format!("{mode} is read as \"hybrid\"")));
        *mode = "hybrid".into();
    }
}

/// Direct chats were called `dm` in bindings.
fn peer_kinds(root: &mut Value, problems: &mut Vec<Problem>) {
    let bindings = root.get_mut("bindings").and_then(Value::as_array_mut);
    for (index, binding) in bindings.into_iter().flatten().enumerate() {
        let Some(kind) = binding.pointer_mut("/match/peer/kind") else { continue };
        if kind == "dm" {
            *kind = "direct".into();
            problems.push(note(&format!("bindings[{index}].match.peer.kind"), "\"dm\" is read as \"direct\"".into()));
        }
    }
}

/// `agents.entries.<id>` and `agents.list[]` say the same; sections read the list.
fn agent_entries(root: &mut Value, moved: &mut Vec<Moved>) {
    let Some(agents) = root.get_mut("agents").and_then(Value::as_object_mut) else { return };
    if !agents.get("entries").is_some_and(Value::is_object) || agents.get("list").is_some_and(|list| !list.is_array()) {
        return;
    }
    let Some(Value::Object(entries)) = agents.shift_remove("entries") else { return };
    let list = agents.entry("list").or_insert_with(|| Value::Array(Vec::new()));
    let Some(list) = list.as_array_mut() else { return };
    for (id, entry) in entries {
        if list.iter().any(|listed| listed.get("id").and_then(Value::as_str) == Some(&id)) {
            continue;
        }
        let from = KeyPath::root().key("agents").key("entries").key(&id).to_string();
        moved.push(Moved { from, to: format!("agents.list[{}]", list.len()) });
        list.push(match entry {
            Value::Object(fields) => {
                let mut agent = Map::from_iter([("id".to_owned(), Value::String(id))]);
                agent.extend(fields.into_iter().filter(|(key, _)| key != "id"));
                Value::Object(agent)
            }
            // Whatever else it is, the check of the list reports it.
            other => other,
        });
    }
}

/// Takes a value out, with the objects around it that become empty.
fn take(root: &mut Value, path: &str) -> Option<Value> {
    let map = root.as_object_mut()?;
    let Some((first, rest)) = path.split_once('.') else { return map.shift_remove(path) };
    let inner = map.get_mut(first)?;
    let taken = take(inner, rest)?;
    if inner.as_object().is_some_and(Map::is_empty) {
        map.shift_remove(first);
    }
    Some(taken)
}

/// Puts a value where none is; `false` where one is, or where something else than an object is in the way.
fn put(root: &mut Value, path: &str, value: Value) -> bool {
    let Some(map) = root.as_object_mut() else { return false };
    match path.split_once('.') {
        Some((first, rest)) => put(map.entry(first).or_insert_with(|| json!({})), rest, value),
        None if map.contains_key(path) => false,
        None => map.insert(path.to_owned(), value).is_none(),
    }
}

fn note(path: &str, message: String) -> Problem {
    let path = path.parse::<KeyPath>().map_or_else(|_| path.to_owned(), |path| path.to_string());
    Problem { path, severity: Severity::Note, message, hint: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalised(mut value: Value) -> (Value, Vec<String>) {
        let mut problems = Vec::new();
        let _ = normalise(&mut value, &mut problems);
        assert!(problems.iter().all(|problem| problem.severity == Severity::Note));
        (value, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn old_names_are_read_as_the_new_ones_and_noted() {
        let (value, notes) = normalised(json!({
            "messages": {"tts": {"auto": "off"}},
            "session": {"idleMinutes": 30},
            "tools": {"exec": {"timeoutSec": 9}},
            "gateway": {"reload": {"mode": "hot"}},
            "bindings": [{"agentId": "a", "match": {"channel": "x", "peer": {"kind": "dm", "id": "1"}}}],
        }));
        assert_eq!(
            value,
            json!({
                "tts": {"auto": "off"},
                "session": {"reset": {"mode": "idle", "idleMinutes": 30}},
                "tools": {"exec": {"timeoutSeconds": 9}},
                "gateway": {"reload": {"mode": "hybrid"}},
                "bindings": [{"agentId": "a", "match": {"channel": "x", "peer": {"kind": "direct", "id": "1"}}}],
            })
        );
        assert_eq!(notes.len(), 5, "{notes:?}");
        assert_eq!(notes[0], "messages.tts: the old name of `tts`, and read as that");
    }

    #[test]
    fn the_new_name_holds_where_both_are_written() {
        let (value, notes) = normalised(json!({"tools": {"exec": {"timeoutSec": 9, "timeoutSeconds": 5}}}));
        assert_eq!(value, json!({"tools": {"exec": {"timeoutSeconds": 5}}}));
        assert_eq!(notes.len(), 1);
    }

    #[test]
    fn agents_are_read_from_entries_and_from_the_list() {
        let (value, notes) = normalised(json!({"agents": {
            "entries": {"main": {"default": true}, "ops": {"name": "Ops"}},
            "list": [{"id": "main", "name": "Listed"}],
        }}));
        assert_eq!(
            value,
            json!({"agents": {"list": [{"id": "main", "name": "Listed"}, {"id": "ops", "name": "Ops"}]}})
        );
        assert!(notes.is_empty());
    }

    #[test]
    fn shapes_that_fit_nothing_are_left_alone() {
        for value in [json!({"agents": {"entries": 3}}), json!({"agents": []}), json!({"session": "x"}), json!({})] {
            assert_eq!(normalised(value.clone()).0, value);
        }
    }
}
