//! From the messages of a request to the input of one turn.
//!
//! The rule: what stands after the last assistant message is what is said now. System and developer messages stand after
//! the agent's own prompt, for this turn only. Earlier messages matter only where the session is new: then they are told
//! in front of what is said now, since the session doesn't know them yet. A session that has a history keeps its own.
//!
//! What a client's tool gave is the result of its call where the session waits for it, and words like any other elsewhere.

use chela_agent::{Attachment, Media, TurnInput};
use chela_llm::{ToolResult, ToolUse};

use super::content::{Said, check_files};
use super::error::ApiError;

/// Who speaks in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    System,
    User,
    Assistant,
    /// The result of a tool that the client ran.
    Tool,
}

/// One message of a request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spoken {
    pub by: Speaker,
    pub said: Said,
    /// The call whose result it is.
    pub call: Option<String>,
}

/// What the session that answers knows by itself.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Memory {
    Fresh,
    /// It has a history of its own, and waits for the results of these calls.
    Remembers {
        waiting: Vec<ToolUse>,
    },
}

impl Spoken {
    pub(super) fn new(by: Speaker, said: Said) -> Self {
        Self { by, said, call: None }
    }
}

impl Speaker {
    pub(super) fn of_role(role: &str) -> Result<Self, ApiError> {
        match role {
            "system" | "developer" => Ok(Self::System),
            "user" => Ok(Self::User),
            "assistant" => Ok(Self::Assistant),
            "tool" | "function" => Ok(Self::Tool),
            other => Err(ApiError::invalid(format!("Unknown role `{other}`.")).with_param("messages")),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::User => "User",
            Self::Assistant => "Assistant",
            Self::Tool => "Tool result",
        }
    }
}

/// A call as it is told where it was not made.
pub(super) fn told_call(name: &str, arguments: &str) -> String {
    format!("[Called {name} with {arguments}]")
}

/// The turn's input. Fails when nothing is said now.
pub(super) fn input_of(messages: Vec<Spoken>, memory: &Memory) -> Result<TurnInput, ApiError> {
    let (system, talk): (Vec<Spoken>, Vec<Spoken>) =
        messages.into_iter().partition(|spoken| spoken.by == Speaker::System);
    let now_from = talk.iter().rposition(|spoken| spoken.by == Speaker::Assistant).map_or(0, |at| at + 1);
    let (earlier, now) = talk.split_at(now_from);
    check_files(now)?;
    let (mut files, mut texts, mut results) = (Vec::new(), Vec::new(), Vec::<ToolResult>::new());
    for spoken in now {
        let is_new = |call: &&ToolUse| results.iter().all(|result| result.tool_use_id != call.id);
        if let Some(call) = memory.call_of(spoken).filter(is_new) {
            results.push(result_of(call, &spoken.said, &mut files));
        } else {
            texts.push(plain(spoken));
            files.extend(spoken.said.files.clone());
        }
    }
    texts.retain(|text| !text.is_empty());
    let text = texts.join("\n\n");
    if text.trim().is_empty() && files.is_empty() && results.is_empty() {
        return Err(ApiError::invalid("The request holds no user message to answer.").with_param("messages"));
    }
    let text = match memory {
        Memory::Fresh if !earlier.is_empty() => told(earlier, &text),
        Memory::Fresh | Memory::Remembers { .. } => text,
    };
    let extra: Vec<&str> =
        system.iter().map(|spoken| spoken.said.text.trim()).filter(|text| !text.is_empty()).collect();
    Ok(TurnInput {
        attachments: files,
        client_results: results,
        extra_system: Some(extra.join("\n\n")).filter(|text| !text.is_empty()),
        ..TurnInput::text(text)
    })
}

impl Memory {
    /// The call that waits for what is said here.
    fn call_of(&self, spoken: &Spoken) -> Option<&ToolUse> {
        match self {
            Self::Remembers { waiting } => waiting.iter().find(|call| spoken.call.as_ref() == Some(&call.id)),
            Self::Fresh => None,
        }
    }
}

/// A call's result. Files that no model looks at go beside it.
fn result_of(call: &ToolUse, said: &Said, files: &mut Vec<Attachment>) -> ToolResult {
    let is_seen = |file: &Attachment| file.mime.starts_with("image/") || file.mime == "application/pdf";
    let (seen, others): (Vec<_>, Vec<_>) = said.files.iter().cloned().partition(is_seen);
    files.extend(others);
    let media = seen.into_iter().map(|Attachment { mime, name, data, .. }| Media { mime, data, name });
    ToolResult {
        tool_use_id: call.id.clone(),
        name: call.name.clone(),
        text: said.text.clone(),
        media: media.collect(),
        is_error: false,
    }
}

fn told(earlier: &[Spoken], now: &str) -> String {
    let lines: Vec<String> =
        earlier.iter().map(|spoken| format!("{}: {}", spoken.by.name(), spoken.said.text.trim())).collect();
    format!("[Earlier in this conversation]\n{}\n\n[Now]\n{now}", lines.join("\n\n"))
}

/// What is said now, with tool results marked as such.
fn plain(spoken: &Spoken) -> String {
    match spoken.by {
        Speaker::Tool => format!("[Tool result]\n{}", spoken.said.text),
        Speaker::System | Speaker::User | Speaker::Assistant => spoken.said.text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(by: Speaker, text: &str) -> Spoken {
        Spoken::new(by, Said { text: text.to_owned(), files: Vec::new() })
    }

    fn conversation() -> Vec<Spoken> {
        vec![
            spoken(Speaker::System, "Be brief."),
            spoken(Speaker::User, "My name is Ada."),
            spoken(Speaker::Assistant, "Hello Ada."),
            spoken(Speaker::User, "What is"),
            spoken(Speaker::User, "my name?"),
        ]
    }

    #[test]
    fn a_session_that_remembers_gets_only_what_is_new() {
        let input = input_of(conversation(), &Memory::Remembers { waiting: Vec::new() }).unwrap();
        assert_eq!((input.text.as_str(), input.extra_system.as_deref()), ("What is\n\nmy name?", Some("Be brief.")));
    }

    #[test]
    fn a_fresh_session_is_told_what_was_said() {
        let input = input_of(conversation(), &Memory::Fresh).unwrap();
        assert_eq!(
            input.text,
            "[Earlier in this conversation]\nUser: My name is Ada.\n\nAssistant: Hello Ada.\n\n[Now]\nWhat is\n\nmy name?"
        );
    }

    fn result(call: &str, text: &str) -> Spoken {
        Spoken { call: Some(call.to_owned()), ..spoken(Speaker::Tool, text) }
    }

    #[test]
    fn what_a_call_gave_is_its_result_where_the_session_waits_for_it() {
        let call = |id: &str| ToolUse {
            id: id.to_owned(),
            name: "weather".to_owned(),
            input: serde_json::json!({}),
            invalid: None,
            signature: None,
        };
        let said = || {
            vec![
                spoken(Speaker::User, "weather?"),
                spoken(Speaker::Assistant, &told_call("weather", "{}")),
                result("a", ""),
                result("b", "rain"),
                result("a", "again"),
            ]
        };
        let waiting = vec![call("a")];
        let input = input_of(said(), &Memory::Remembers { waiting }).unwrap();
        let given: Vec<_> = input.client_results.iter().map(|result| (&*result.tool_use_id, &*result.text)).collect();
        assert_eq!(given, [("a", "")]);
        assert_eq!(input.text, "[Tool result]\nrain\n\n[Tool result]\nagain");
        let input = input_of(said(), &Memory::Fresh).unwrap();
        assert_eq!(input.client_results, []);
        assert!(input.text.contains("Assistant: [Called weather with {}]\n\n[Now]\n[Tool result]"), "{}", input.text);
    }

    #[test]
    fn nothing_said_now_is_refused() {
        for messages in [vec![], vec![spoken(Speaker::System, "x")], vec![spoken(Speaker::Assistant, "x")]] {
            assert!(input_of(messages, &Memory::Fresh).is_err());
        }
    }
}
