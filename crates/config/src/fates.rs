//! What becomes of each key of a configuration that was written for another program: in force as it stands, in force under another
//! name, or without effect, and why.
//!
//! Decides nothing by itself: it brings together what reading and checking have found.

use serde::Serialize;
use serde_json::Value;

use crate::path::KeyPath;
use crate::{Loaded, Problem, Severity, check};

/// Root keys below which each key is a section of its own, so that a wrong value switches only that one off.
const DIVIDED: &[&str] = &["channels", "gateway"];

/// The other way to write `agents.list`: nothing is renamed there.
const ENTRIES: &str = "agents.entries";

/// What became of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", rename_all = "lowercase")]
pub enum KeyFate {
    /// In force.
    Applied,
    /// In force, under another name or with another value.
    Mapped { to: String },
    /// Without effect.
    Ignored { why: String },
}

/// One key, as its owner wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyReport {
    pub path: String,
    #[serde(flatten)]
    pub fate: KeyFate,
    /// What else there is to know of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

impl Loaded {
    /// The fate of every key, in the order of the file: of single values, and of lists of them as one. `found` is what the owners
    /// of the sections say. Values are never quoted.
    pub fn fates(&self, schema: &Value, found: &[Problem]) -> Vec<KeyReport> {
        let mut judge = Judge { loaded: self, schema, checked: self.check_whole(schema), found, reports: Vec::new() };
        judge.walk(&self.value, &KeyPath::root());
        judge.unread();
        judge.reports
    }

    fn check_whole(&self, schema: &Value) -> Vec<Problem> {
        let mut checked = check(&self.value, schema, &KeyPath::root());
        for problem in &mut checked {
            problem.path = self.written(&problem.path);
        }
        checked
    }

    /// Where what is in force at a path was written.
    fn written(&self, path: &str) -> String {
        self.moved.iter().find_map(|moved| moved.written(path)).unwrap_or_else(|| path.to_owned())
    }
}

struct Judge<'l> {
    loaded: &'l Loaded,
    schema: &'l Value,
    /// What the schema finds.
    checked: Vec<Problem>,
    found: &'l [Problem],
    reports: Vec<KeyReport>,
}

impl Judge<'_> {
    fn walk(&mut self, value: &Value, path: &KeyPath) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (key, value) in map {
                    self.walk(value, &path.key(key));
                }
            }
            Value::Array(list) if list.iter().any(|element| element.is_object() || element.is_array()) => {
                for (index, value) in list.iter().enumerate() {
                    self.walk(value, &path.index(index));
                }
            }
            _ if path.segments().is_empty() => {}
            _ => self.judge(path),
        }
    }

    fn judge(&mut self, path: &KeyPath) {
        let now = path.to_string();
        let written = self.loaded.written(&now);
        // The mode that `session.idleMinutes` brings with it was not written by anybody.
        if now == "session.reset.mode" && self.loaded.moved.iter().any(|moved| moved.is_from("session.idleMinutes")) {
            return;
        }
        let fate = match self.why_ignored(path, &written) {
            Some(why) => KeyFate::Ignored { why },
            None if now != written && !is_below(&written, ENTRIES) => KeyFate::Mapped { to: now },
            None => match self.read_as(&written) {
                Some(note) => KeyFate::Mapped { to: note },
                None => KeyFate::Applied,
            },
        };
        let remark = match fate {
            KeyFate::Ignored { .. } => None,
            KeyFate::Applied | KeyFate::Mapped { .. } => self.remark(&written),
        };
        self.reports.push(KeyReport { path: written, fate, remark });
    }

    fn why_ignored(&self, path: &KeyPath, written: &str) -> Option<String> {
        let own = self.checked.iter().find(|problem| is_below(written, &problem.path));
        if let Some(problem) = own {
            return Some(in_words(problem));
        }
        let root = path.segments().first().and_then(|segment| segment.as_key())?;
        let section = self.schema.get("properties").and_then(|sections| sections.get(root));
        if section.is_some_and(|section| section.get("x-reload").is_some_and(|effect| effect == "none")) {
            return Some("known, and without effect in this version".to_owned());
        }
        let found = self.found.iter().filter(|problem| problem.severity == Severity::Error);
        let wrong = found.chain(self.checked.iter().filter(|problem| problem.severity == Severity::Error));
        let section = section_of(written);
        wrong
            .filter(|problem| is_below(&problem.path, section))
            .map(|problem| {
                if is_below(written, &problem.path) {
                    in_words(problem)
                } else {
                    format!("{section} is switched off until {} is mended", problem.path)
                }
            })
            .next()
    }

    /// How a value was read that is written in an old way.
    fn read_as(&self, written: &str) -> Option<String> {
        let notes = self.loaded.problems.iter().filter(|problem| problem.severity == Severity::Note);
        notes.filter(|note| note.path == written).map(|note| note.message.clone()).next()
    }

    fn remark(&self, written: &str) -> Option<String> {
        let said = self.found.iter().filter(|problem| problem.severity == Severity::Warning);
        said.filter(|problem| is_below(written, &problem.path)).map(in_words).next()
    }

    /// What was left out while the file was read.
    fn unread(&mut self) {
        for problem in &self.loaded.problems {
            let is_told = |report: &KeyReport| is_below(&report.path, &problem.path);
            if !problem.path.is_empty() && !self.reports.iter().any(is_told) {
                let fate = KeyFate::Ignored { why: in_words(problem) };
                self.reports.push(KeyReport { path: problem.path.clone(), fate, remark: None });
            }
        }
    }
}

fn in_words(problem: &Problem) -> String {
    match &problem.hint {
        Some(hint) => format!("{} ({hint})", problem.message),
        None => problem.message.clone(),
    }
}

/// Whether a path is this one or stands below it.
fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The part that a wrong value at this path switches off.
fn section_of(path: &str) -> &str {
    let end = |from: usize| path[from..].find(['.', '[']).map_or(path.len(), |at| from + at);
    let root = end(0);
    if DIVIDED.contains(&&path[..root]) && root < path.len() { &path[..end(root + 1)] } else { &path[..root] }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn fates(value: Value, schema: &Value, found: &[Problem]) -> BTreeMap<String, KeyFate> {
        let reports = Loaded::from_value(value).fates(schema, found);
        reports.into_iter().map(|report| (report.path, report.fate)).collect()
    }

    #[test]
    fn g40_every_key_is_applied_mapped_or_ignored() {
        let schema = json!({"type": "object", "properties": {
            "agents": {"type": "object", "properties": {
                "list": {"type": "array", "items": {"type": "object", "properties": {"id": {}, "name": {}}}}}},
            "gateway": {"type": "object", "properties": {
                "port": {"type": "integer"},
                "reload": {"type": "object", "properties": {"mode": {"type": "string"}}}}},
            "session": {"type": "object", "properties": {"reset": {"type": "object", "properties": {
                "mode": {"type": "string"}, "idleMinutes": {"type": "integer"}}}}},
            "tools": {"type": "object", "properties": {"deny": {"type": "array", "items": {"type": "string"}},
                "profile": {"type": "string"}}},
            "tts": {"x-reload": "none"}}});
        let written = json!({
            "agents": {"entries": {"main": {"name": "M", "humanDelay": {"mode": "off"}}}},
            "gateway": {"port": "x", "reload": {"mode": "hot"}},
            "session": {"idleMinutes": 30},
            "tools": {"deny": ["a", "b"], "profile": 3},
            "messages": {"tts": {"auto": "off"}},
            "nonsense": true,
        });
        let fates = fates(written, &schema, &[]);
        let ignored = |path: &str| matches!(&fates[path], KeyFate::Ignored { why } if !why.is_empty());
        assert_eq!(fates["agents.entries.main.name"], KeyFate::Applied);
        assert!(ignored("agents.entries.main.humanDelay.mode"), "{fates:?}");
        assert!(ignored("gateway.port"));
        assert!(matches!(&fates["gateway.reload.mode"], KeyFate::Mapped { to } if to.contains("hybrid")), "{fates:?}");
        assert_eq!(fates["session.idleMinutes"], KeyFate::Mapped { to: "session.reset.idleMinutes".into() });
        assert!(ignored("tools.profile") && ignored("tools.deny"), "one wrong value switches its section off");
        assert!(ignored("messages.tts.auto") && ignored("nonsense"));
        assert!(!fates.contains_key("session.reset.mode"), "{fates:?}");
    }

    #[test]
    fn what_the_owner_of_a_section_finds_counts() {
        let schema = json!({"type": "object", "properties": {"channels": {"type": "object"}}});
        let found = [Problem {
            path: "channels.telegram.botToken".into(),
            severity: Severity::Error,
            message: "no token".into(),
            hint: None,
        }];
        let written =
            json!({"channels": {"telegram": {"enabled": true, "botToken": ""}, "discord": {"enabled": true}}});
        let fates = fates(written, &schema, &found);
        assert!(matches!(&fates["channels.telegram.enabled"], KeyFate::Ignored { .. }));
        assert_eq!(fates["channels.telegram.botToken"], KeyFate::Ignored { why: "no token".into() });
        assert_eq!(fates["channels.discord.enabled"], KeyFate::Applied);
    }
}
