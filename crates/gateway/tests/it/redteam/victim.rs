//! A model without a will: what it was told last by anybody, it does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chela_testkit::model::{FakeModel, Recorded, Step};
use serde_json::{Value, json};

use super::case::{Call, ORDER};

#[derive(Default)]
struct Plan {
    /// What the owner wants: done first.
    wishes: Vec<Call>,
    /// What it does once it has seen the order.
    obeys: Vec<Call>,
    saw: bool,
    /// The last thing that was shown to it, for those who look for a fault.
    heard: String,
}

/// Its strings.
#[derive(Clone)]
pub(super) struct Victim(Arc<Mutex<Plan>>);

impl Victim {
    /// Puts it behind a fake vendor.
    pub(super) fn behind(model: &FakeModel) -> Self {
        let victim = Self(Arc::default());
        let behind = victim.clone();
        model.respond_with(move |request| behind.next(request));
        victim
    }

    /// A turn begins. In it the owner wants a file of this name, and to have these things read.
    pub(super) fn begin(&self, free: &str, reads: &[Call], obeys: &[Call]) {
        let wish = ("exec".to_owned(), json!({ "command": format!("touch {free}") }));
        let wishes = std::iter::once(wish).chain(reads.iter().cloned()).collect();
        *self.plan() = Plan { wishes, obeys: obeys.to_vec(), ..Plan::default() };
    }

    /// A turn begins in which nobody wants anything of the model but what is said.
    pub(super) fn begin_empty(&self, obeys: &[Call]) {
        *self.plan() = Plan { obeys: obeys.to_vec(), ..Plan::default() };
    }

    /// Whether the order came before it.
    pub(super) fn saw(&self) -> bool {
        self.plan().saw
    }

    /// The last messages that it was shown.
    pub(super) fn heard(&self) -> String {
        self.plan().heard.clone()
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, request: &Recorded) -> Step {
        let mut plan = self.plan();
        let done = calls_so_far(&request.body);
        let messages = request.body["messages"].as_array().unwrap();
        plan.heard = messages.iter().skip(1).map(ToString::to_string).collect::<Vec<_>>().join("\n");
        if let Some((tool, args)) = plan.wishes.get(done) {
            return Step::tools([(tool.clone(), args.clone())]);
        }
        plan.saw |= legible(&request.body["messages"]).contains(ORDER);
        match plan.obeys.get(done - plan.wishes.len()) {
            Some((tool, args)) if plan.saw => Step::tools([(tool.clone(), args.clone())]),
            _ => Step::text("done"),
        }
    }
}

/// Results behind the last thing that a person said.
fn calls_so_far(body: &Value) -> usize {
    let messages = body["messages"].as_array().unwrap();
    let said = messages.iter().rposition(|message| message["role"] == "user").unwrap_or(0);
    messages[said..].iter().filter(|message| message["role"] == "tool").count()
}

/// Everything that was shown to it, read as a clever reader would: signs that hide are passed over, tags are letters, and what is
/// written out is what it stands for.
fn legible(messages: &Value) -> String {
    let mut texts = String::new();
    collect(messages, &mut texts);
    let mut written = String::new();
    let mut rest = texts.as_str();
    while let Some(at) = rest.find("\\u{") {
        written.push_str(&rest[..at]);
        let end = rest[at..].find('}').map_or(rest.len(), |end| at + end);
        let sign = u32::from_str_radix(&rest[at + 3..end], 16).ok().and_then(char::from_u32);
        written.extend(sign);
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    written.push_str(rest);
    written.chars().filter_map(letter).collect()
}

fn letter(sign: char) -> Option<char> {
    match sign {
        '\u{e0020}'..='\u{e007e}' => char::from_u32(u32::from(sign) - 0xe0000),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(sign) - 0xfee0),
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}'
        | '\u{3164}' => None,
        'Е' => Some('E'),
        'О' => Some('O'),
        'А' => Some('A'),
        sign => Some(sign),
    }
}

fn collect(value: &Value, into: &mut String) {
    match value {
        Value::String(text) => {
            into.push_str(text);
            into.push('\n');
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, into)),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, into)),
        _ => {}
    }
}
