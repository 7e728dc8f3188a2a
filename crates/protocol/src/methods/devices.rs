//! `device.*`: paired devices and the requests that wait.

use serde::{Deserialize, Serialize};

use crate::{DeviceId, DevicePairRequested};

/// Result of `device.pair.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevicePairListResult {
    pub pending: Vec<DevicePairRequested>,
    pub paired: Vec<PairedDevice>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairedDevice {
    pub device_id: DeviceId,
    pub public_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_mode: Option<String>,
    pub role: String,
    pub roles: Vec<String>,
    pub scopes: Vec<String>,
    pub approved_via: String,
    pub created_at_ms: i64,
    pub approved_at_ms: i64,
    pub last_seen_at_ms: i64,
    pub connected: bool,
    pub tokens: Vec<DeviceTokenSummary>,
}

/// A token without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceTokenSummary {
    pub role: String,
    pub scopes: Vec<String>,
    pub created_at_ms: i64,
}

/// Parameters of `device.pair.approve` and `device.pair.reject`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairRequestParams {
    pub request_id: String,
}

/// Parameters of `device.pair.remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceParams {
    pub device_id: DeviceId,
}

/// Parameters of `device.token.rotate` and `device.token.revoke`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceTokenParams {
    pub device_id: DeviceId,
    pub role: String,
    /// For `rotate`: a subset of what the device holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
}

/// Result of `device.token.rotate`: the only time that the token is shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceTokenRotateResult {
    pub device_id: DeviceId,
    pub role: String,
    pub token: String,
    pub scopes: Vec<String>,
    pub rotated_at_ms: i64,
}

impl std::fmt::Debug for DeviceTokenRotateResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceTokenRotateResult")
            .field("device_id", &self.device_id)
            .field("role", &self.role)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// Result of `device.link.create`: what a link to the page carries behind `#link=`. Ours.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceLinkResult {
    /// Shown to a connect as `auth.bootstrapToken`, by a client with a device key; worth nothing after that.
    pub token: String,
    pub expires_at_ms: i64,
}

impl std::fmt::Debug for DeviceLinkResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceLinkResult").field("expires_at_ms", &self.expires_at_ms).finish_non_exhaustive()
    }
}
