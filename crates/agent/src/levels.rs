//! What people choose for a session by a word: how much shows of a turn, where its answers go. Words are OpenClaw's, with its
//! other spellings; the store keeps [`as_str`](VerboseLevel::as_str).

use serde::{Deserialize, Serialize};

/// Words that take a session's own choice away.
const CLEARING: &[&str] = &["default", "inherit", "clear", "reset", "unpin"];

/// What a chat is told of tool calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VerboseLevel {
    #[default]
    Off,
    /// A line for each call.
    On,
    /// The beginning of its result as well.
    Full,
}

/// What a chat is shown of a model's thinking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReasoningLevel {
    #[default]
    Off,
    /// A message of its own before the answer.
    On,
    /// In the preview, until the answer begins.
    Stream,
}

/// What stands under an answer about its cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResponseUsage {
    #[default]
    Off,
    #[serde(alias = "on")]
    Tokens,
    /// With price, model and session.
    Full,
}

/// Whether a session's answers go to its chat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SendPolicy {
    #[default]
    Allow,
    /// They stand in the transcript only.
    Deny,
}

/// Which messages of a group are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupActivation {
    Mention,
    Always,
}

impl VerboseLevel {
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "off" | "false" | "no" | "0" => Self::Off,
            "on" | "true" | "yes" | "1" | "minimal" => Self::On,
            "full" | "all" => Self::Full,
            _ => return None,
        })
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Full => "full",
        }
    }
}

impl ReasoningLevel {
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "off" | "false" | "no" | "0" | "hide" => Self::Off,
            "on" | "true" | "yes" | "1" | "show" | "visible" => Self::On,
            "stream" | "streaming" | "live" => Self::Stream,
            _ => return None,
        })
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Stream => "stream",
        }
    }
}

impl ResponseUsage {
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "off" | "false" | "no" | "0" => Self::Off,
            "tokens" | "token" | "on" | "true" | "yes" | "1" => Self::Tokens,
            "full" => Self::Full,
            _ => return None,
        })
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Tokens => "tokens",
            Self::Full => "full",
        }
    }
}

impl SendPolicy {
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "on" | "allow" => Self::Allow,
            "off" | "deny" => Self::Deny,
            _ => return None,
        })
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

impl GroupActivation {
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "mention" | "mentions" => Self::Mention,
            "always" | "all" => Self::Always,
            _ => return None,
        })
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mention => "mention",
            Self::Always => "always",
        }
    }
}

/// Whether a word takes a session's own choice away.
pub fn clears(word: &str) -> bool {
    CLEARING.iter().any(|clearing| word.trim().eq_ignore_ascii_case(clearing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again() {
        for level in [VerboseLevel::Off, VerboseLevel::On, VerboseLevel::Full] {
            assert_eq!(VerboseLevel::parse(level.as_str()), Some(level));
        }
        for level in [ReasoningLevel::Off, ReasoningLevel::On, ReasoningLevel::Stream] {
            assert_eq!(ReasoningLevel::parse(level.as_str()), Some(level));
        }
        for mode in [ResponseUsage::Off, ResponseUsage::Tokens, ResponseUsage::Full] {
            assert_eq!(ResponseUsage::parse(mode.as_str()), Some(mode));
        }
        for policy in [SendPolicy::Allow, SendPolicy::Deny] {
            assert_eq!(SendPolicy::parse(policy.as_str()), Some(policy));
        }
        for mode in [GroupActivation::Mention, GroupActivation::Always] {
            assert_eq!(GroupActivation::parse(mode.as_str()), Some(mode));
        }
        assert!(clears(" Default ") && !clears("off") && VerboseLevel::parse("loud").is_none());
    }
}
