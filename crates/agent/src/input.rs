//! What stands in the body of an inbox row: everything that a turn needs to run, and to run again after a crash.

use chela_llm::{Thinking, ToolDefinition, ToolResult};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::levels::{ReasoningLevel, VerboseLevel};
use crate::{Provenance, TurnTools};

/// The shape that this program writes. Readers take older and newer shapes: absent fields get defaults, unknown ones are skipped.
pub const INPUT_VERSION: u32 = 1;

/// One input of a person, a client or the program itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TurnInput {
    pub version: u32,
    pub text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// `provider/model` or an alias, for this turn only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// For this turn only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking: Option<Thinking>,
    /// For this turn only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verbose: Option<VerboseLevel>,
    /// For this turn only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<ReasoningLevel>,
    /// Cap on the tokens of each answer of a model, for this turn only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// For this turn only; models that take none don't get it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Wall time of the turn, instead of the agent's own limit; [`crate::TURN_MAX`] at most. Zero counts as absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Stands after the agent's own system prompt, for this turn only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_system: Option<String>,
    pub origin: InputOrigin,
    /// Where the answer goes besides the transcript; `None`: nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deliver: Option<DeliveryRoute>,
    pub sender_is_owner: bool,
    /// What in it was not said by the sender: quotes, what others said before, files of others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub untrusted: Vec<Provenance>,
    /// Inputs of one conversation that share this are one message in several parts: they are answered together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub album: Option<String>,
    /// The only skills that this turn may use; `None`: all of the agent's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skills: Option<Vec<String>>,
    /// What narrows the tools of this turn; every rule holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<TurnTools>,
    /// Tools that the client runs itself, offered behind the agent's own. A call of one ends the turn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub client_tools: Vec<ToolDefinition>,
    /// What such calls of an earlier turn gave.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub client_results: Vec<ToolResult>,
}

impl Default for TurnInput {
    fn default() -> Self {
        Self {
            version: INPUT_VERSION,
            text: String::new(),
            attachments: Vec::new(),
            model: None,
            thinking: None,
            verbose: None,
            reasoning: None,
            max_output_tokens: None,
            temperature: None,
            timeout_ms: None,
            extra_system: None,
            origin: InputOrigin::default(),
            deliver: None,
            sender_is_owner: false,
            untrusted: Vec::new(),
            album: None,
            skills: None,
            tools: Vec::new(),
            client_tools: Vec::new(),
            client_results: Vec::new(),
        }
    }
}

/// A file that came with an input.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Attachment {
    pub mime: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Base64, standard alphabet, padded; empty while the file is still where `source` says.
    pub data: String,
    /// What the gateway needs to fetch the file before the turn begins; the channel that heard it owns its shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Value>,
}

/// Who or what an input came from, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InputOrigin {
    pub kind: OriginKind,
    /// `cli`, `openclaw-control-ui`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `webchat`, `cli`, `backend`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_mode: Option<String>,
    /// The sender's name, shown to the model where several people speak in one session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_name: Option<String>,
    /// By which id the platform knows the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_id: Option<String>,
    /// In a shared place: whether the message called us by name. `None` in a direct conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mentioned: Option<bool>,
}

/// In OpenClaw's words (`systemInputProvenance.kind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OriginKind {
    #[default]
    ExternalUser,
    InterSession,
    InternalSystem,
    /// A kind of a newer version.
    #[serde(other)]
    Unknown,
}

/// A place on a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryRoute {
    pub channel: String,
    #[serde(default)]
    pub account: String,
    pub chat: String,
    /// The message that is answered, for platforms that can quote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// How the platform wants this very message answered (the token of a native command).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
}

impl DeliveryRoute {
    /// Whether answers to both go to the same place, so that one answer may serve both.
    pub fn is_same_place(&self, other: &Self) -> bool {
        let place = |route: &Self| (route.channel.clone(), route.account.clone(), route.chat.clone());
        place(self) == place(other)
    }
}

impl TurnInput {
    /// An owner's plain words.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), sender_is_owner: true, ..Self::default() }
    }

    /// The body of an inbox row.
    ///
    /// # Panics
    /// Never: every field serialises.
    pub fn to_body(&self) -> Value {
        serde_json::to_value(self).expect("our own types serialise")
    }

    /// Reads the body of an inbox row. A body that is no input at all (another program's row) becomes its own text, so
    /// that an accepted message is answered whatever happens.
    pub fn from_body(body: &Value) -> Self {
        Self::deserialize(body).unwrap_or_else(|_| {
            let text = body.get("text").and_then(Value::as_str).map_or_else(|| body.to_string(), str::to_owned);
            Self { text, ..Self::default() }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_survives_the_round_trip_and_foreign_fields() {
        let input = TurnInput {
            attachments: vec![Attachment {
                mime: "image/png".into(),
                name: Some("a.png".into()),
                data: "AA==".into(),
                source: None,
            }],
            thinking: Some(Thinking::High),
            deliver: Some(DeliveryRoute {
                channel: "discord".into(),
                account: "default".into(),
                chat: "42".into(),
                reply_to: Some("7".into()),
                via: None,
            }),
            ..TurnInput::text("hi")
        };
        let mut body = input.to_body();
        body["fromTheFuture"] = json!([1]);
        assert_eq!(TurnInput::from_body(&body), input);
    }

    #[test]
    fn what_is_no_input_is_still_answered() {
        assert_eq!(TurnInput::from_body(&json!({"text": "hi", "attachments": 7})).text, "hi");
        assert_eq!(TurnInput::from_body(&json!("hi")).text, "\"hi\"");
        assert_eq!(TurnInput::from_body(&json!({"origin": {"kind": "martian"}})).origin.kind, OriginKind::Unknown);
    }
}
