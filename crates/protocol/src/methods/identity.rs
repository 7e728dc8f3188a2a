//! `gateway.identity.get`.

use serde::{Deserialize, Serialize};

use crate::DeviceId;

/// The gateway's own key, made at the first start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayIdentity {
    pub device_id: DeviceId,
    /// base64url of the raw Ed25519 key.
    pub public_key: String,
}
