//! Frames: one JSON object per WebSocket text message.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::RpcError;

/// What a client sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "req", rename_all = "camelCase", from = "TaggedRequest")]
pub struct RequestFrame {
    pub id: String,
    pub method: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
}

/// A request as it is read: serde's `tag` writes the type of a struct, but does not check it.
#[derive(Deserialize)]
struct TaggedRequest {
    #[serde(rename = "type")]
    _tag: RequestTag,
    id: String,
    method: String,
    #[serde(default)]
    params: Option<Value>,
}

#[derive(Deserialize)]
enum RequestTag {
    #[serde(rename = "req")]
    Request,
}

impl From<TaggedRequest> for RequestFrame {
    fn from(TaggedRequest { id, method, params, .. }: TaggedRequest) -> Self {
        Self { id, method, params }
    }
}

/// The answer to one request. `agent` gives two with the same id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "res", rename_all = "camelCase")]
pub struct ResponseFrame {
    pub id: String,
    pub ok: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RpcError>,
}

/// Something that happened. `seq` counts the broadcast events of one connection from 1.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename = "event", rename_all = "camelCase")]
pub struct EventFrame<P = Box<RawValue>> {
    pub event: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<P>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_version: Option<StateVersion>,
}

/// Versions of the presence list and of the health snapshot, for clients that keep copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StateVersion {
    pub presence: u64,
    pub health: u64,
}
