//! What a conversation's entry in the list of sessions says (reference §5.1, `SessionEntry`), in both forms the same. Tolerant: what is
//! not as expected is as if it were not there.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use chela_store::{SessionQueue, SessionSettings};
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// Places that only somebody with the gateway's own secret reaches, so that whoever speaks there is its owner, unless the
/// conversation is a channel's too.
const OWN_PLACES: &[&str] = &["main", "explicit", "dashboard", "openai", "openresponses"];

/// Names of what is no chat platform.
const OWN_CHANNELS: &[&str] = &["", "webchat", "internal", "cli", "control-ui"];

/// Where an entry names the channel that it was last written from.
const CHANNEL_FIELDS: &[&str] = &[
    "/channel",
    "/lastChannel",
    "/origin/provider",
    "/origin/surface",
    "/deliveryContext/channel",
    "/delivery/channel",
];

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SessionEntry {
    pub(crate) session_id: String,
    /// The transcript, by its path on the machine that wrote it.
    pub(crate) file: Option<String>,
    pub(crate) started_at_ms: Option<i64>,
    pub(crate) updated_at_ms: Option<i64>,
    pub(crate) settings: SessionSettings,
    /// Whether a channel's people may have written in it.
    pub(crate) is_of_channel: bool,
}

impl SessionEntry {
    /// `None` where it names no conversation.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        let text =
            |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned).filter(|text| !text.is_empty());
        let time = |name: &str| value.get(name).and_then(Value::as_i64).filter(|ms| *ms > 0);
        let is_set =
            |name: &str| value.get(name).is_some_and(|value| value.as_bool() == Some(true) || value.is_number());
        let model = text("modelOverride").map(|model| match text("providerOverride") {
            Some(provider) => format!("{provider}/{model}"),
            None => model,
        });
        // Words that mean nothing here would stand for nothing.
        let word = |name: &str, known: &[&str]| text(name).filter(|word| known.contains(&word.as_str()));
        let number = |name: &str| value.get(name).and_then(Value::as_i64).filter(|number| *number >= 0);
        let queue = SessionQueue {
            mode: word("queueMode", &["steer", "followup", "collect", "interrupt"]),
            debounce_ms: number("queueDebounceMs"),
            cap: number("queueCap"),
            drop: word("queueDrop", &["old", "new", "summarize"]),
        };
        let settings = SessionSettings {
            label: text("label"),
            model,
            thinking_level: text("thinkingLevel"),
            verbose_level: text("verboseLevel"),
            reasoning_level: text("reasoningLevel"),
            response_usage: word("responseUsage", &["off", "tokens", "full"]),
            send_policy: word("sendPolicy", &["allow", "deny"]),
            group_activation: word("groupActivation", &["mention", "always"]),
            queue,
            category: text("category"),
            archived: is_set("archivedAt") || is_set("archived"),
            pinned: is_set("pinnedAt") || is_set("pinned"),
            ..SessionSettings::default()
        };
        let channels = CHANNEL_FIELDS.iter().filter_map(|field| value.pointer(field)?.as_str());
        let is_of_channel = channels.into_iter().any(|channel| !OWN_CHANNELS.contains(&channel));
        Some(Self {
            session_id: text("sessionId")?,
            file: text("sessionFile"),
            started_at_ms: time("sessionStartedAt").or_else(|| time("createdAt")),
            updated_at_ms: time("updatedAt"),
            settings,
            is_of_channel,
        })
    }
}

/// Whether everything that was said at a place (what follows the agent in the key) came from the gateway's owner.
pub(crate) fn is_owners(place: &str, entry: Option<&SessionEntry>) -> bool {
    let kind = place.split(':').next().unwrap_or_default();
    OWN_PLACES.contains(&kind) && !entry.is_some_and(|entry| entry.is_of_channel)
}

/// What was read of a list of sessions.
#[derive(Debug, Default)]
pub(crate) struct SessionList {
    pub(crate) entries: BTreeMap<String, SessionEntry>,
    /// Keys whose entry can't be read.
    pub(crate) unreadable: Vec<String>,
    /// Why reading ended before the end.
    pub(crate) cut: Option<String>,
}

/// Reads `sessions.json` entry by entry: each carries the prompt that was in force, so that many are too much for the memory.
pub(crate) fn read_list(path: &Path) -> std::io::Result<SessionList> {
    let mut list = SessionList::default();
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(File::open(path)?));
    if let Err(error) = json.deserialize_map(Fill(&mut list)) {
        list.cut = Some(format!("it is cut off or damaged at line {}, column {}", error.line(), error.column()));
    }
    Ok(list)
}

struct Fill<'l>(&'l mut SessionList);

impl<'de> Visitor<'de> for Fill<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of sessions by their keys")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "version" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            match SessionEntry::read(&map.next_value()?) {
                Some(entry) => drop(self.0.entries.insert(key, entry)),
                None => self.0.unreadable.push(key),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_is_read_in_either_form() {
        let january = json!({"sessionId": "s", "updatedAt": 5, "label": "L", "providerOverride": "p", "modelOverride": "m",
            "thinkingLevel": "high", "lastChannel": "telegram", "skillsSnapshot": {"prompt": "long"}});
        let entry = SessionEntry::read(&january).unwrap();
        assert_eq!((entry.session_id.as_str(), entry.updated_at_ms), ("s", Some(5)));
        assert_eq!(entry.settings.model.as_deref(), Some("p/m"));
        assert!(entry.is_of_channel && !is_owners("main", Some(&entry)));
        let september = json!({"sessionId": "s", "sessionStartedAt": 3, "archivedAt": 9, "delivery": {"kind": "none"}});
        let entry = SessionEntry::read(&september).unwrap();
        assert!(entry.settings.archived && is_owners("main", Some(&entry)) && !is_owners("hook:1", Some(&entry)));
        assert_eq!(SessionEntry::read(&json!({"updatedAt": 1})), None);
    }

    #[test]
    fn a_damaged_list_gives_what_stands_before_the_damage() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sessions.json");
        std::fs::write(&path, r#"{"a": {"sessionId": "1"}, "b": 3, "c": {"sessionId": "2"}, "d": {"ses"#).unwrap();
        let list = read_list(&path).unwrap();
        assert_eq!(list.entries.keys().collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!((list.unreadable.as_slice(), list.cut.is_some()), (["b".to_owned()].as_slice(), true));
    }
}
