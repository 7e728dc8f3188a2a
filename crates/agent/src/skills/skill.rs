//! One skill as its `SKILL.md` describes it.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{SkillNeeds, front_matter};

/// Where a skill was found, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Workspace,
    Managed,
    Extra,
    Bundled,
}

impl Source {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Workspace => "openclaw-workspace",
            Self::Managed => "openclaw-managed",
            Self::Extra => "openclaw-extra",
            Self::Bundled => "openclaw-bundled",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Skill {
    pub name: String,
    pub description: String,
    pub source: Source,
    pub folder: PathBuf,
    /// The name under which `skills.entries` knows it.
    pub key: String,
    pub emoji: Option<String>,
    pub homepage: Option<String>,
    pub always: bool,
    pub user_invocable: bool,
    /// The author keeps it from the model: only people call it.
    pub hidden_from_model: bool,
    pub needs: SkillNeeds,
    pub install: Vec<Value>,
    pub primary_env: Option<String>,
}

/// Names under which the metadata of this family of programs stands, best first.
const METADATA_KEYS: &[&str] = &["chela", "openclaw", "clawdbot", "krabkrab"];

impl Skill {
    /// Reads a `SKILL.md`. A missing name is the folder's; without any it is no skill.
    pub(super) fn read(text: &str, folder: &Path, source: Source) -> Option<Self> {
        let head = front_matter::parse(text)?;
        let name = string(&head, "name").or_else(|| Some(folder.file_name()?.to_str()?.to_owned()))?;
        let none = Map::new();
        let metadata = head.get("metadata").and_then(Value::as_object).unwrap_or(&none);
        let own = METADATA_KEYS.iter().find_map(|key| metadata.get(*key)?.as_object()).unwrap_or(&none);
        let requires = own.get("requires").and_then(Value::as_object).unwrap_or(&none);
        Some(Self {
            description: string(&head, "description").unwrap_or_default(),
            source,
            folder: folder.to_owned(),
            key: string(own, "skillKey").unwrap_or_else(|| name.clone()),
            name,
            emoji: string(own, "emoji"),
            homepage: string(own, "homepage").or_else(|| string(&head, "homepage")),
            always: flag(own, "always").unwrap_or(false),
            user_invocable: flag(&head, "user-invocable").unwrap_or(true),
            hidden_from_model: flag(&head, "disable-model-invocation").unwrap_or(false),
            needs: SkillNeeds {
                bins: strings(requires, "bins"),
                any_bins: strings(requires, "anyBins"),
                env: strings(requires, "env"),
                config: strings(requires, "config"),
                os: strings(own, "os"),
            },
            install: own.get("install").and_then(Value::as_array).cloned().unwrap_or_default(),
            primary_env: string(own, "primaryEnv"),
        })
    }
}

fn string(map: &Map<String, Value>, key: &str) -> Option<String> {
    map.get(key)?.as_str().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn flag(map: &Map<String, Value>, key: &str) -> Option<bool> {
    match map.get(key)? {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A list, or a single text for a list of one.
fn strings(map: &Map<String, Value>, key: &str) -> Vec<String> {
    match map.get(key) {
        Some(Value::Array(list)) => list.iter().filter_map(|entry| entry.as_str().map(str::to_owned)).collect(),
        Some(Value::String(text)) => vec![text.clone()],
        _ => Vec::new(),
    }
}
