//! Turns entries of a foreign transcript into ours. Pure, and the same each time: ids come from the source's ids.

use std::fmt::Write as _;

use chela_agent::{
    AssistantBody, CompactionBody, Cut, InputOrigin, ItemBody, NoteBody, NoteKind, OriginKind, Provenance,
    Source as TrustSource, ToolResultEntry, ToolResultsBody, UntrustedMark, UserBody,
};
use chela_llm::{Block, Media, StopReason, ThinkingBlock, ToolResult, ToolUse, Usage};
use chela_protocol::{ItemId, RunId};
use chela_store::{IMPORTED_PREFIX, ImportedUsage, NewItem};
use jiff::Timestamp;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// What vendors take as an image or a document.
const MEDIA: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"];

/// Facts for interfaces that are longer than this, in bytes as JSON, are left out: no interface shows them.
const DETAILS_MAX_BYTES: usize = 64 << 10;

/// Thoughts are shown to people; no model takes those of another program back.
const THOUGHT_OF: &str = "import";

/// Says what only reads like a message of the conversation.
const BRANCH_HEAD: &str = "[Summary of a part of the conversation that was left.]";

/// The entries of one conversation on their way.
pub(crate) struct Converter {
    session: String,
    /// Whether a message that doesn't say who sent it is its owner's.
    owners: bool,
    /// Of the entry before: some carry none.
    last_ms: i64,
}

/// What an entry becomes.
pub(crate) enum Converted {
    Item {
        item: NewItem,
        usage: Option<ImportedUsage>,
    },
    /// A summary; its position and what it keeps are not known here.
    Summary(SummaryDraft),
    /// Nothing that is said: a setting, a mark.
    Nothing,
    /// It can't be understood.
    Unknown(String),
}

pub(crate) struct SummaryDraft {
    id: ItemId,
    body: CompactionBody,
    at_ms: i64,
}

impl SummaryDraft {
    /// The item, once it is known where what it keeps begins.
    pub(crate) fn item(self, first_kept: i64) -> NewItem {
        let body = CompactionBody { first_kept, ..self.body };
        ItemBody::Compaction(body).into_item(self.id, None, self.at_ms)
    }
}

impl Converter {
    pub(crate) fn new(session: &str, owners: bool, started_at_ms: i64) -> Self {
        Self { session: session.to_owned(), owners, last_ms: started_at_ms }
    }

    /// Converts one entry; `number` stands for its id where it has none.
    pub(crate) fn entry(&mut self, number: u64, entry: &Value) -> Converted {
        let id = entry.get("id").and_then(Value::as_str).map_or_else(|| number.to_string(), str::to_owned);
        let at_ms = time(entry).unwrap_or(self.last_ms);
        self.last_ms = at_ms;
        let kind = text(entry, "type").unwrap_or_default();
        let body = match kind.as_str() {
            "message" => return self.message(&id, entry.get("message").unwrap_or(&Value::Null), at_ms),
            "compaction" => return self.summary(&id, entry, at_ms),
            "branch_summary" => {
                let summary = text(entry, "summary").unwrap_or_default();
                spoken_by_program(format!("{BRANCH_HEAD}\n{summary}"))
            }
            "custom_message" => spoken_by_program(content(entry.get("content")).text),
            "session"
            | "leaf"
            | "reset"
            | "model_change"
            | "thinking_level_change"
            | "custom"
            | "label"
            | "session_info" => {
                return Converted::Nothing;
            }
            other => return Converted::Unknown(format!("an entry of the unknown type `{}`", short(other))),
        };
        self.item(&id, body, None, at_ms, None)
    }

    fn message(&self, id: &str, message: &Value, at_ms: i64) -> Converted {
        let run = message.pointer("/__openclaw/runId").and_then(Value::as_str);
        match text(message, "role").unwrap_or_default().as_str() {
            "user" => self.user(id, message, at_ms),
            "assistant" => self.assistant(id, message, run, at_ms),
            "toolResult" => {
                let body = ItemBody::ToolResults(ToolResultsBody { results: vec![self.result(id, message)] });
                self.item(id, body, run, at_ms, None)
            }
            "" => Converted::Unknown("a message without a role".to_owned()),
            // Roles of extensions: shown to people, no part of what a model sees.
            role => {
                let text = content(message.get("content")).text;
                let output = message.get("output").and_then(Value::as_str).unwrap_or_default();
                let text = format!("[{}] {text}{output}", short(role));
                self.item(id, ItemBody::Note(NoteBody { text, kind: NoteKind::Other }), run, at_ms, None)
            }
        }
    }

    fn user(&self, id: &str, message: &Value, at_ms: i64) -> Converted {
        let Content { text, media, .. } = content(message.get("content"));
        let key = message.get("idempotencyKey").and_then(Value::as_str);
        let key = key.map(|key| key.strip_suffix(":user").unwrap_or(key));
        let said = message.pointer("/__openclaw/senderIsOwner").and_then(Value::as_bool);
        let sender_name = message.pointer("/__openclaw/senderName").and_then(Value::as_str).map(str::to_owned);
        let body = UserBody {
            text,
            media,
            client_key: key.map(str::to_owned),
            origin: InputOrigin { sender_name, ..InputOrigin::default() },
            sender_is_owner: said.unwrap_or(self.owners),
            ..UserBody::default()
        };
        self.item(id, ItemBody::User(body), key, at_ms, None)
    }

    fn assistant(&self, id: &str, message: &Value, run: Option<&str>, at_ms: i64) -> Converted {
        let blocks = content(message.get("content")).blocks;
        let stop = text(message, "stopReason").unwrap_or_default();
        let failure = text(message, "errorMessage");
        if blocks.is_empty() {
            let Some(failure) = failure else { return Converted::Nothing };
            let note = NoteBody { text: failure, kind: NoteKind::Failure };
            return self.item(id, ItemBody::Note(note), run, at_ms, None);
        }
        let usage = usage(message.get("usage").unwrap_or(&Value::Null));
        let (provider, model) = (text(message, "provider"), text(message, "model"));
        let (provider, model) = (provider.unwrap_or_default(), model.unwrap_or_default());
        let body = AssistantBody {
            blocks,
            provider: provider.clone(),
            model: model.clone(),
            stop: match stop.as_str() {
                "toolUse" => Some(StopReason::ToolUse),
                "length" => Some(StopReason::MaxTokens),
                "stop" => Some(StopReason::EndTurn),
                _ => None,
            },
            usage,
            response_id: text(message, "responseId"),
            cut: match stop.as_str() {
                "aborted" => Some(Cut::Aborted),
                "error" => Some(Cut::Failed),
                _ => None,
            },
        };
        let spent = (usage.total() > 0).then(|| ImportedUsage {
            provider,
            model,
            input: usage.input,
            output: usage.output,
            cache_read: usage.cache_read,
            cache_write: usage.cache_write,
            cost_micros: cost(message),
            tools: body.tool_uses().map(|call| call.name.clone()).collect(),
        });
        self.item(id, ItemBody::Assistant(body), run, at_ms, spent)
    }

    /// Nobody knows any more what a tool read, so that every result counts as from outside.
    fn result(&self, id: &str, message: &Value) -> ToolResultEntry {
        let Content { text: said, media, .. } = content(message.get("content"));
        let name = text(message, "toolName").unwrap_or_default();
        let source = match name.as_str() {
            "exec" | "bash" | "process" => TrustSource::Command,
            "read" | "grep" | "find" | "ls" => TrustSource::File,
            name if name.starts_with("web") || name == "browser" => TrustSource::Web,
            _ => TrustSource::Other,
        };
        let provenance = Provenance::new(source, name.clone());
        let details = message.get("details").filter(|details| !details.is_null());
        ToolResultEntry {
            result: ToolResult {
                tool_use_id: text(message, "toolCallId").unwrap_or_default(),
                name,
                text: said,
                media,
                is_error: message.get("isError").and_then(Value::as_bool).unwrap_or(false),
            },
            details: details.filter(|details| details.to_string().len() <= DETAILS_MAX_BYTES).cloned(),
            untrusted: Some(UntrustedMark { provenance, mark: self.mark(id) }),
        }
    }

    fn summary(&self, id: &str, entry: &Value, at_ms: i64) -> Converted {
        let body = CompactionBody {
            summary: text(entry, "summary").unwrap_or_default(),
            mark: self.mark(id),
            tokens_before: entry.get("tokensBefore").and_then(Value::as_u64).unwrap_or(0),
            ..CompactionBody::default()
        };
        Converted::Summary(SummaryDraft { id: self.item_id(id), body, at_ms })
    }

    fn item(&self, id: &str, body: ItemBody, run: Option<&str>, at_ms: i64, usage: Option<ImportedUsage>) -> Converted {
        let run = run.map(RunId::new);
        Converted::Item { item: body.into_item(self.item_id(id), run.as_ref(), at_ms), usage }
    }

    fn item_id(&self, id: &str) -> ItemId {
        ItemId::new(format!("{IMPORTED_PREFIX}{}", &self.digest("item", id)[..32]))
    }

    /// The marks around untrusted text. Whoever wrote the text did it before its entry had an id, and can't have known them.
    fn mark(&self, id: &str) -> String {
        self.digest("mark", id)[..16].to_owned()
    }

    fn digest(&self, what: &str, id: &str) -> String {
        let hash = Sha256::digest(format!("{what}\0{}\0{id}", self.session));
        hash.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

fn spoken_by_program(text: String) -> ItemBody {
    let origin = InputOrigin { kind: OriginKind::InternalSystem, ..InputOrigin::default() };
    ItemBody::User(UserBody { text, origin, ..UserBody::default() })
}

/// What a message holds, as text and media and as the blocks of an answer.
#[derive(Default)]
struct Content {
    text: String,
    media: Vec<Media>,
    blocks: Vec<Block>,
}

/// A text, or a list of blocks.
fn content(value: Option<&Value>) -> Content {
    let mut found = Content::default();
    match value {
        Some(Value::String(text)) => found.say(text),
        Some(Value::Array(blocks)) => blocks.iter().for_each(|block| found.add(block)),
        _ => {}
    }
    found
}

impl Content {
    fn say(&mut self, text: &str) {
        if !self.text.is_empty() && !text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
        if !text.is_empty() {
            self.blocks.push(Block::Text { text: text.to_owned() });
        }
    }

    fn add(&mut self, block: &Value) {
        match text(block, "type").unwrap_or_default().as_str() {
            "text" => self.say(&text(block, "text").unwrap_or_default()),
            "thinking" => self.blocks.push(Block::Thinking(ThinkingBlock {
                text: text(block, "thinking").unwrap_or_default(),
                signature: None,
                redacted: false,
                id: None,
                origin: THOUGHT_OF.to_owned(),
            })),
            "toolCall" | "toolUse" => self.blocks.push(Block::ToolUse(ToolUse {
                id: text(block, "id").unwrap_or_default(),
                name: text(block, "name").unwrap_or_default(),
                input: arguments(block),
                invalid: None,
                signature: None,
            })),
            "image" | "document" => self.show(block),
            _ => {}
        }
    }

    fn show(&mut self, block: &Value) {
        let mime = text(block, "mimeType").unwrap_or_default();
        let data = text(block, "data").unwrap_or_default();
        if MEDIA.contains(&mime.as_str()) && !data.is_empty() {
            self.media.push(Media { mime, data, name: text(block, "name") });
        } else {
            self.say(&format!("[attachment ({}) left out]", if mime.is_empty() { "of no kind" } else { &mime }));
        }
    }
}

fn arguments(block: &Value) -> Value {
    let given = block.get("arguments").or_else(|| block.get("input"));
    given.filter(|given| given.is_object()).cloned().unwrap_or_else(|| Value::Object(Map::new()))
}

fn usage(value: &Value) -> Usage {
    let count = |name: &str| value.get(name).and_then(Value::as_u64).unwrap_or(0);
    Usage {
        input: count("input"),
        output: count("output"),
        cache_read: count("cacheRead"),
        cache_write: count("cacheWrite"),
    }
}

/// Dollars as millionths. A price of nothing is one that nobody knew.
fn cost(message: &Value) -> Option<u64> {
    let dollars = message.pointer("/usage/cost/total")?.as_f64()?;
    let micros = (dollars * 1e6).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the bounds are checked")]
    (1.0..1e15).contains(&micros).then_some(micros as u64)
}

/// When an entry was written: the message's own time, else the entry's.
fn time(entry: &Value) -> Option<i64> {
    let own = entry.pointer("/message/timestamp").or_else(|| entry.get("timestamp"));
    let read = |value: &Value| match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond),
        _ => None,
    };
    own.and_then(read).or_else(|| entry.get("timestamp").and_then(read)).filter(|ms| *ms > 0)
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// A foreign name, fit to be shown.
fn short(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(40).collect()
}
