//! One line, on the console and in the file. The file's shape is the reference system's, so that its tools can read it.

use std::fmt::Write as _;

use chela_channels::CHANNELS;
use jiff::Timestamp;
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

/// Longest message: what is longer is data, not a message.
const MESSAGE_MAX_BYTES: usize = 16 * 1024;

pub(super) struct Line {
    pub(super) level: Level,
    subsystem: String,
    message: String,
    time: Timestamp,
}

impl Line {
    /// `redact` sees the text as it was said: escaped or cut, a secret is no longer found.
    pub(super) fn of(event: &Event<'_>, redact: impl FnOnce(String) -> String) -> Self {
        let mut text = Text::default();
        event.record(&mut text);
        let mut message = redact(text.message + &text.fields);
        if message.len() > MESSAGE_MAX_BYTES {
            message.truncate(message.floor_char_boundary(MESSAGE_MAX_BYTES));
            message.push('…');
        }
        let metadata = event.metadata();
        Self { level: *metadata.level(), subsystem: subsystem(metadata.target()), message, time: Timestamp::now() }
    }

    /// `<iso> [subsystem] message`; warnings and errors say so.
    pub(super) fn console(&self) -> String {
        let mark = match self.level {
            Level::ERROR => "error: ",
            Level::WARN => "warning: ",
            _ => "",
        };
        format!("{} [{}] {mark}{}", self.iso(), self.subsystem, self.message)
    }

    pub(super) fn json(&self, host: &str) -> String {
        let (id, name) = match self.level {
            Level::TRACE => (1, "TRACE"),
            Level::DEBUG => (2, "DEBUG"),
            Level::INFO => (3, "INFO"),
            Level::WARN => (4, "WARN"),
            Level::ERROR => (5, "ERROR"),
        };
        let subsystem = json!({"subsystem": self.subsystem}).to_string();
        json!({
            "0": subsystem,
            "1": self.message,
            "_meta": {
                "runtime": "chela", "runtimeVersion": env!("CARGO_PKG_VERSION"), "hostname": host, "date": self.iso(),
                "logLevelId": id, "logLevelName": name, "name": subsystem, "parentNames": ["openclaw"],
            },
            "time": self.iso(),
            "hostname": host,
            "message": self.message,
        })
        .to_string()
    }

    fn iso(&self) -> String {
        self.time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    }
}

/// Whether a target is one of ours: a crate of the house, a plain subsystem name, or a kind of channel.
pub(super) fn is_ours(target: &str) -> bool {
    target.starts_with("chela") || KNOWN.contains(&target) || CHANNELS.iter().any(|kind| kind.id == target)
}

/// Subsystems that are named in the code.
const KNOWN: &[&str] = &[
    "gateway", "ws", "reload", "shutdown", "config", "agent", "sessions", "models", "tools", "web", "store", "channels",
];

/// `chela_agent::turn` is `agent`; other names stay, up to their first part.
fn subsystem(target: &str) -> String {
    let first = target.split("::").next().unwrap_or(target);
    first.strip_prefix("chela_").unwrap_or(first).to_owned()
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            push_plain(&mut self.message, value);
        } else {
            // Writing to a String can't fail.
            let _ = write!(self.fields, " {}=", field.name());
            push_plain(&mut self.fields, value);
        }
    }
}

/// Appends text in which strangers may have a word: it must not look like a line of its own, nor steer the terminal that shows it.
fn push_plain(line: &mut String, text: &str) {
    for character in text.chars() {
        let reorders = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || reorders {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
}
