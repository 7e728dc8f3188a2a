//! What stands in the body of an outbox row: words on their way to a chat, and what goes with them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::DeliveryRoute;

/// One answer or notice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Reply {
    /// Markdown; rendered and cut by the delivery.
    pub text: String,
    /// Names the answer for ever: the run that speaks, or the name of a notice. Its parts are numbered from 0.
    pub run: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// Stands under the text, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
    /// Rows of buttons under the last part.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Vec<ReplyButton>>,
    /// It tells of an error.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
    /// Words of strangers had a part in it. Platforms then show no previews of its links: for one, they call the address, and whoever
    /// chose it would hear what it carries.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tainted: bool,
    /// Several messages were answered together.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub batched: bool,
}

/// A button; pressing it is like typing its command.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReplyButton {
    pub label: String,
    pub command: String,
}

impl Reply {
    /// Words that answer the message of this route.
    pub fn to(route: &DeliveryRoute, run: impl Into<String>, text: impl Into<String>) -> Self {
        let DeliveryRoute { reply_to, via, .. } = route.clone();
        Self { text: text.into(), run: run.into(), reply_to, via, ..Self::default() }
    }

    /// The body of an outbox row.
    ///
    /// # Panics
    /// Never: every field serialises.
    pub fn to_body(&self) -> Value {
        serde_json::to_value(self).expect("our own types serialise")
    }

    /// Reads the body of an outbox row; what is no reply at all becomes its own text.
    pub fn from_body(body: &Value) -> Self {
        Self::deserialize(body).unwrap_or_else(|_| Self { text: body.to_string(), ..Self::default() })
    }
}
