//! Session keys in OpenClaw's form: `agent:<agent>:main`, `agent:<agent>:<channel>:group:<id>` and so on.
//!
//! The key names a place of conversation for ever; which [`SessionId`](crate::SessionId) is behind it changes with a reset.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::AgentId;

/// Longest key that a client may send, in bytes (`chat.send` declares 512).
pub const SESSION_KEY_MAX_BYTES: usize = 512;

/// The name that the direct conversation with an agent's owner carries.
pub const MAIN: &str = "main";

/// A canonical session key: always starts with `agent:<agent>:`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SessionKey(String);

/// Why a text is no session key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionKeyError {
    #[error("a session key can't be empty")]
    Empty,
    #[error("a session key has at most {SESSION_KEY_MAX_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    #[error("a session key can't hold control characters")]
    ControlCharacter,
    #[error("a session key that starts with `agent:` names an agent and a place, as in `agent:main:main`; got `{0}`")]
    Malformed(String),
}

impl SessionKey {
    /// The direct conversation with `agent`.
    pub fn main(agent: &AgentId) -> Self {
        Self(format!("agent:{agent}:{MAIN}"))
    }

    /// A place within `agent`, for example `openai:<uuid>` or `discord:channel:42`.
    pub fn scoped(agent: &AgentId, place: &str) -> Self {
        Self(format!("agent:{agent}:{place}"))
    }

    /// Reads what a client sent: a canonical key, or a short one (`main`, `hook:x`) that belongs to `default_agent`.
    pub fn parse(text: &str, default_agent: &AgentId) -> Result<Self, SessionKeyError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(SessionKeyError::Empty);
        }
        if text.len() > SESSION_KEY_MAX_BYTES {
            return Err(SessionKeyError::TooLong(text.len()));
        }
        if text.chars().any(char::is_control) {
            return Err(SessionKeyError::ControlCharacter);
        }
        let Some(rest) = text.strip_prefix("agent:") else {
            let key = Self::scoped(default_agent, text);
            // What is told to clients comes back from them.
            return if key.0.len() > SESSION_KEY_MAX_BYTES {
                Err(SessionKeyError::TooLong(key.0.len()))
            } else {
                Ok(key)
            };
        };
        match rest.split_once(':') {
            Some((agent, place)) if !agent.is_empty() && !place.is_empty() => Ok(Self(text.to_owned())),
            _ => Err(SessionKeyError::Malformed(text.to_owned())),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The agent that the key belongs to.
    pub fn agent(&self) -> AgentId {
        AgentId::new(self.parts().0)
    }

    /// What follows `agent:<agent>:`.
    pub fn place(&self) -> &str {
        self.parts().1
    }

    pub fn is_main(&self) -> bool {
        self.place() == MAIN
    }

    fn parts(&self) -> (&str, &str) {
        self.0.strip_prefix("agent:").and_then(|rest| rest.split_once(':')).unwrap_or((MAIN, &self.0))
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SessionKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text, &AgentId::new(MAIN)).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, SessionKeyError> {
        SessionKey::parse(text, &AgentId::new("main")).map(|key| key.to_string())
    }

    #[test]
    fn short_keys_belong_to_the_default_agent() {
        assert_eq!(parse("main"), Ok("agent:main:main".into()));
        assert_eq!(parse("hook:7"), Ok("agent:main:hook:7".into()));
        assert_eq!(parse("agent:ops:discord:channel:1"), Ok("agent:ops:discord:channel:1".into()));
    }

    #[test]
    fn hostile_keys_are_refused() {
        assert_eq!(parse("  "), Err(SessionKeyError::Empty));
        assert_eq!(parse("a\nb"), Err(SessionKeyError::ControlCharacter));
        assert_eq!(parse("agent::x"), Err(SessionKeyError::Malformed("agent::x".into())));
        assert_eq!(parse(&"x".repeat(513)), Err(SessionKeyError::TooLong(513)));
        let whole = "agent:main:".len();
        assert!(parse(&"x".repeat(512 - whole)).is_ok());
        assert_eq!(parse(&"x".repeat(512)), Err(SessionKeyError::TooLong(512 + whole)));
    }

    #[test]
    fn a_key_knows_its_agent_and_place() {
        let key = SessionKey::parse("agent:ops:main", &AgentId::new("main")).unwrap();
        assert_eq!((key.agent().as_str(), key.place(), key.is_main()), ("ops", "main", true));
    }
}
