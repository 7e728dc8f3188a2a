//! Settings inside a message, for that message only: `/think high what is …`, `is it true? /model openai/gpt-4o`. Pure.
//!
//! A word counts only with a value that it takes, so that paths and quoted commands stay what they are.

use chela_llm::Thinking;
use chela_protocol::methods::chat::QueueMode;

use super::{CommandId, named};
use crate::levels::{ReasoningLevel, VerboseLevel};
use crate::{TurnInput, parse_thinking};

/// What a message asks for beside its words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directives {
    /// The message without them.
    pub text: String,
    pub thinking: Option<Thinking>,
    pub verbose: Option<VerboseLevel>,
    pub reasoning: Option<ReasoningLevel>,
    /// As it was written.
    pub model: Option<String>,
    pub queue: Option<QueueMode>,
}

/// Behind it stands code, in which nothing is meant for us.
const FENCE: &str = "```";

impl Directives {
    /// Takes the directives out of a message; `None` when it has none. `is_model` says which names the sender may choose.
    pub fn take(text: &str, is_model: impl Fn(&str) -> bool) -> Option<Self> {
        let end = text.find(FENCE).unwrap_or(text.len());
        let words = words_of(&text[..end]);
        let (mut found, mut kept, mut rest) = (Self::default(), String::new(), 0);
        let mut words = words.iter().copied().peekable();
        while let Some((at, word)) = words.next() {
            let Some((command, own)) = directive_of(word) else { continue };
            let next = words.peek().copied();
            let value = own.or(next.map(|(_, word)| word)).unwrap_or_default();
            if !found.put(command, value, &is_model) {
                continue;
            }
            let mut until = at + word.len();
            if own.is_none()
                && let Some((at, word)) = words.next()
            {
                until = at + word.len();
            }
            kept.push_str(&text[rest..at]);
            rest = until;
        }
        if rest == 0 {
            return None;
        }
        kept.push_str(&text[rest..]);
        kept.trim().clone_into(&mut found.text);
        Some(found)
    }

    /// Puts what was asked for into the turn's input; its words are the caller's.
    pub fn apply(&self, input: &mut TurnInput) {
        input.thinking = self.thinking.or(input.thinking);
        input.verbose = self.verbose.or(input.verbose);
        input.reasoning = self.reasoning.or(input.reasoning);
        input.model = self.model.clone().or(input.model.take());
    }

    /// Whether the command takes this value.
    fn put(&mut self, command: CommandId, value: &str, is_model: &impl Fn(&str) -> bool) -> bool {
        match command {
            CommandId::Think => put(&mut self.thinking, parse_thinking(value)),
            CommandId::Verbose => put(&mut self.verbose, VerboseLevel::parse(value)),
            CommandId::Reasoning => put(&mut self.reasoning, ReasoningLevel::parse(value)),
            CommandId::Model => put(&mut self.model, is_model(value).then(|| value.to_owned())),
            CommandId::Queue => put(&mut self.queue, parse_queue_mode(value)),
            _ => false,
        }
    }
}

/// A queue mode as people and OpenClaw write it.
pub fn parse_queue_mode(word: &str) -> Option<QueueMode> {
    Some(match word.trim().to_ascii_lowercase().as_str() {
        "steer" | "steering" => QueueMode::Steer,
        "followup" | "follow-up" => QueueMode::Followup,
        "collect" => QueueMode::Collect,
        "interrupt" => QueueMode::Interrupt,
        _ => return None,
    })
}

fn put<T>(field: &mut Option<T>, value: Option<T>) -> bool {
    let is_taken = value.is_some();
    *field = value.or(field.take());
    is_taken
}

/// The directive that a word is, with the value behind its colon.
fn directive_of(word: &str) -> Option<(CommandId, Option<&str>)> {
    let word = word.strip_prefix('/')?;
    let (name, value) = word.split_once(':').map_or((word, None), |(name, value)| (name, Some(value)));
    let command = named(name).filter(|command| command.id.is_directive())?;
    Some((command.id, value.filter(|value| !value.is_empty())))
}

/// The words of a text with their places.
fn words_of(text: &str) -> Vec<(usize, &str)> {
    let place = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    text.split_whitespace().map(|word| (place(word), word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, Directives)>) {
        let taken = Directives::take(text, |name| name == "openai/gpt-4o");
        let expected = expected.map(|(text, directives)| Directives { text: text.to_owned(), ..directives });
        assert_eq!(taken, expected, "{text}");
    }

    #[test]
    fn settings_stand_anywhere_in_a_message() {
        let none = Directives::default;
        let high = || Directives { thinking: Some(Thinking::High), ..none() };
        check("/think high what is it", Some(("what is it", high())));
        check("what is it /t:high", Some(("what is it", high())));
        check("what\n\nis /t high it", Some(("what\n\nis  it", high())));
        let both = Directives { verbose: Some(VerboseLevel::Full), model: Some("openai/gpt-4o".into()), ..high() };
        check("/v full /model openai/gpt-4o /thinking high go", Some(("go", both)));
        let collected = Directives { queue: Some(QueueMode::Collect), ..none() };
        check("/queue collect and this", Some(("and this", collected)));
        check("/reasoning stream", Some(("", Directives { reasoning: Some(ReasoningLevel::Stream), ..none() })));
    }

    #[test]
    fn a_word_without_its_value_is_a_word() {
        for text in [
            "look into /t for it",
            "/think big",
            "/model nope what",
            "a/think high",
            "/status now",
            "see ```\n/think high\n```",
            "/think",
            "",
        ] {
            check(text, None);
        }
    }
}
