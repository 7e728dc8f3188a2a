//! From the messages of a request to the input of one turn.
//!
//! The rule: what stands after the last assistant message is what is said now. System and developer messages stand after
//! the agent's own prompt, for this turn only. Earlier messages matter only where the session is new: then they are told
//! in front of what is said now, since the session doesn't know them yet. A session that has a history keeps its own.

use chela_agent::TurnInput;

use super::content::Said;
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
}

/// Whether the session that answers has a history of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Memory {
    Fresh,
    Remembers,
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

/// The turn's input. Fails when nothing is said now.
pub(super) fn input_of(messages: Vec<Spoken>, memory: Memory) -> Result<TurnInput, ApiError> {
    let (system, talk): (Vec<Spoken>, Vec<Spoken>) =
        messages.into_iter().partition(|spoken| spoken.by == Speaker::System);
    let now_from = talk.iter().rposition(|spoken| spoken.by == Speaker::Assistant).map_or(0, |at| at + 1);
    let (earlier, now) = talk.split_at(now_from);
    let said = Said {
        text: now.iter().map(plain).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n"),
        files: now.iter().flat_map(|spoken| spoken.said.files.clone()).collect(),
    };
    said.check_files()?;
    if said.text.trim().is_empty() && said.files.is_empty() {
        return Err(ApiError::invalid("The request holds no user message to answer.").with_param("messages"));
    }
    let text = match memory {
        Memory::Fresh if !earlier.is_empty() => told(earlier, &said.text),
        Memory::Fresh | Memory::Remembers => said.text,
    };
    let extra: Vec<&str> =
        system.iter().map(|spoken| spoken.said.text.trim()).filter(|text| !text.is_empty()).collect();
    Ok(TurnInput {
        attachments: said.files,
        extra_system: Some(extra.join("\n\n")).filter(|text| !text.is_empty()),
        ..TurnInput::text(text)
    })
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
        Spoken { by, said: Said { text: text.to_owned(), files: Vec::new() } }
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
        let input = input_of(conversation(), Memory::Remembers).unwrap();
        assert_eq!((input.text.as_str(), input.extra_system.as_deref()), ("What is\n\nmy name?", Some("Be brief.")));
    }

    #[test]
    fn a_fresh_session_is_told_what_was_said() {
        let input = input_of(conversation(), Memory::Fresh).unwrap();
        assert_eq!(
            input.text,
            "[Earlier in this conversation]\nUser: My name is Ada.\n\nAssistant: Hello Ada.\n\n[Now]\nWhat is\n\nmy name?"
        );
    }

    #[test]
    fn nothing_said_now_is_refused() {
        for messages in [vec![], vec![spoken(Speaker::System, "x")], vec![spoken(Speaker::Assistant, "x")]] {
            assert!(input_of(messages, Memory::Fresh).is_err());
        }
    }
}
