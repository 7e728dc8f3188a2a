//! `node.*`: devices that run commands for the gateway's clients. Shapes: OpenClaw's.
//!
//! A node is a paired device with the role `node`; its pairing is the device's.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::DeviceId;

/// Result of `node.list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeListResult {
    pub ts: i64,
    pub nodes: Vec<NodeRow>,
}

/// One node. Times are Unix milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRow {
    pub node_id: DeviceId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    /// What it says of itself while it is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<String>,
    pub caps: Vec<String>,
    pub commands: Vec<String>,
    pub paired: bool,
    pub connected: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_at_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_at_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at_ms: Option<i64>,
}

/// Of `node.describe` and `node.pair.remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeParams {
    pub node_id: DeviceId,
}

/// Of `node.rename`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRenameParams {
    pub node_id: DeviceId,
    pub display_name: String,
}

/// Of `node.pair.verify`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeVerifyParams {
    pub node_id: DeviceId,
    pub token: String,
}

/// Result of `node.pair.list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NodePairListResult {
    pub pending: Vec<NodePending>,
    pub paired: Vec<NodeRow>,
}

/// A node that waits to be let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodePending {
    pub request_id: String,
    pub node_id: DeviceId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<String>,
    pub is_repair: bool,
    pub ts: i64,
}

/// Of `node.invoke`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeInvokeParams {
    pub node_id: DeviceId,
    pub command: String,
    #[serde(default)]
    pub params: Option<Value>,
    /// How long the node may take. Default: 30 s.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    pub idempotency_key: String,
}

/// Event `node.invoke.request`, to the node alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeInvokeRequest {
    pub id: String,
    pub node_id: DeviceId,
    pub command: String,
    #[serde(rename = "paramsJSON")]
    pub params_json: Option<String>,
    pub timeout_ms: u64,
    pub idempotency_key: String,
}

/// Of `node.invoke.result`, from the node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeInvokeOutcome {
    pub id: String,
    pub node_id: DeviceId,
    pub ok: bool,
    #[serde(default)]
    pub payload: Option<Value>,
    #[serde(default, rename = "payloadJSON")]
    pub payload_json: Option<String>,
    #[serde(default)]
    pub error: Option<NodeError>,
}

/// Why a node could not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeError {
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub message: Option<String>,
}

/// Of `node.event`, from a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeEventParams {
    pub event: String,
}

impl std::fmt::Debug for NodeVerifyParams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeVerifyParams").field("node_id", &self.node_id).finish_non_exhaustive()
    }
}
