//! How a chat is named: `<chat id>`, and `<chat id>:<thread id>` for a topic.

use serde_json::{Map, Value, json};

use crate::{SendError, SendErrorKind};

/// A place to write to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chat {
    /// A number, or `@name` of a public channel.
    id: ChatName,
    thread: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum ChatName {
    Id(i64),
    Public(String),
}

impl Chat {
    pub(super) fn parse(text: &str) -> Result<Self, SendError> {
        let wrong = || {
            let words = format!("`{text}` is no chat of Telegram; write `<chat id>` or `<chat id>:<topic id>`");
            SendError::new(SendErrorKind::Refused, words)
        };
        let (id, thread) = match text.split_once(':') {
            Some((id, thread)) => (id, Some(thread.parse().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let id = match id.strip_prefix('@') {
            Some(name) if !name.is_empty() => ChatName::Public(id.to_owned()),
            _ => ChatName::Id(id.parse().map_err(|_| wrong())?),
        };
        Ok(Self { id, thread })
    }

    /// Groups have negative ids; public names belong to groups and channels.
    pub(super) fn is_group(&self) -> bool {
        matches!(self.id, ChatName::Public(_) | ChatName::Id(..0))
    }

    /// The chat's number; public names have none.
    pub(super) fn number(&self) -> Option<i64> {
        match self.id {
            ChatName::Id(id) => Some(id),
            ChatName::Public(_) => None,
        }
    }

    /// The parameters that name the chat itself.
    pub(super) fn id_parameters(&self) -> Map<String, Value> {
        let id = match &self.id {
            ChatName::Id(id) => json!(id),
            ChatName::Public(name) => json!(name),
        };
        Map::from_iter([("chat_id".to_owned(), id)])
    }

    /// The parameters that name the chat and its topic, for what is put into it.
    pub(super) fn place_parameters(&self) -> Map<String, Value> {
        let mut parameters = self.id_parameters();
        if let Some(thread) = self.thread {
            parameters.insert("message_thread_id".to_owned(), json!(thread));
        }
        parameters
    }

    /// The chat itself, and no topic of it.
    pub(super) fn with_id(id: i64) -> Self {
        Self { id: ChatName::Id(id), thread: None }
    }

    /// As messages name it.
    pub(super) fn name(id: i64, thread: Option<i32>) -> String {
        thread.map_or_else(|| id.to_string(), |thread| format!("{id}:{thread}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let parameters = |text: &str| Chat::parse(text).map(|chat| Value::Object(chat.place_parameters()));
        assert_eq!(parameters("-1001:7"), Ok(json!({"chat_id": -1001, "message_thread_id": 7})));
        assert_eq!(parameters(&Chat::name(5, None)), Ok(json!({"chat_id": 5})));
        assert_eq!(parameters("@news"), Ok(json!({"chat_id": "@news"})));
        for wrong in ["", "@", "ann", "5:", "5:x", ":5"] {
            assert!(parameters(wrong).is_err(), "{wrong}");
        }
    }
}
