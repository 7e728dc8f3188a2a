//! Scopes: what a connection may do. Source: OpenClaw operator scopes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A right of an operator. `admin` holds all others; `write` holds `read` and `talk`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    #[serde(rename = "operator.admin")]
    Admin,
    #[serde(rename = "operator.read")]
    Read,
    #[serde(rename = "operator.write")]
    Write,
    #[serde(rename = "operator.approvals")]
    Approvals,
    #[serde(rename = "operator.questions")]
    Questions,
    #[serde(rename = "operator.pairing")]
    Pairing,
    #[serde(rename = "operator.talk")]
    Talk,
    #[serde(rename = "operator.talk.secrets")]
    TalkSecrets,
    #[serde(rename = "operator.sessions.read")]
    SessionsRead,
    #[serde(rename = "operator.sessions.write")]
    SessionsWrite,
}

impl Scope {
    pub const ALL: &[Self] = &[
        Self::Admin,
        Self::Read,
        Self::Write,
        Self::Approvals,
        Self::Questions,
        Self::Pairing,
        Self::Talk,
        Self::TalkSecrets,
        Self::SessionsRead,
        Self::SessionsWrite,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "operator.admin",
            Self::Read => "operator.read",
            Self::Write => "operator.write",
            Self::Approvals => "operator.approvals",
            Self::Questions => "operator.questions",
            Self::Pairing => "operator.pairing",
            Self::Talk => "operator.talk",
            Self::TalkSecrets => "operator.talk.secrets",
            Self::SessionsRead => "operator.sessions.read",
            Self::SessionsWrite => "operator.sessions.write",
        }
    }

    /// Whether holding `self` is enough where `needed` is asked.
    pub fn covers(self, needed: Self) -> bool {
        self == needed
            || self == Self::Admin
            || (self == Self::Write
                && matches!(needed, Self::Read | Self::Talk | Self::SessionsRead | Self::SessionsWrite))
            || (self == Self::Read && needed == Self::SessionsRead)
            || (self == Self::SessionsWrite && needed == Self::SessionsRead)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|scope| scope.as_str() == text).ok_or(())
    }
}
