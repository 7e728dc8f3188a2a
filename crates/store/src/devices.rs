//! Paired devices, their tokens (as hashes), and the requests that wait for a person's yes.

use chela_protocol::DeviceId;
use serde::{Deserialize, Serialize};

use crate::{Store, StoreError};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    pub id: DeviceId,
    /// base64url of the raw Ed25519 key.
    pub public_key: String,
    pub display_name: Option<String>,
    pub platform: Option<String>,
    pub device_family: Option<String>,
    pub client_id: Option<String>,
    pub client_mode: Option<String>,
    pub role: String,
    pub scopes: Vec<String>,
    /// `shared-secret` (a right token pairs in one step) or `operator`.
    pub approved_via: String,
    pub created_at_ms: i64,
    pub approved_at_ms: i64,
    pub last_seen_at_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingRequest {
    pub request_id: String,
    pub device_id: DeviceId,
    pub public_key: String,
    pub display_name: Option<String>,
    pub platform: Option<String>,
    pub device_family: Option<String>,
    pub client_id: Option<String>,
    pub client_mode: Option<String>,
    pub role: String,
    pub scopes: Vec<String>,
    pub remote_ip: Option<String>,
    pub is_repair: bool,
    pub ts: i64,
}

/// A device token as it is kept: never the token itself.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceToken {
    pub device_id: DeviceId,
    pub role: String,
    pub scopes: Vec<String>,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    pub created_at_ms: i64,
}

impl Store {
    pub async fn devices(&self) -> Result<Vec<Device>, StoreError> {
        todo!()
    }

    pub async fn device(&self, id: &DeviceId) -> Result<Option<Device>, StoreError> {
        todo!()
    }

    /// Adds or replaces a paired device and drops its pending requests.
    pub async fn put_device(&self, device: Device) -> Result<(), StoreError> {
        todo!()
    }

    /// Removes a device with its tokens. Returns whether it existed.
    pub async fn remove_device(&self, id: &DeviceId) -> Result<bool, StoreError> {
        todo!()
    }

    pub async fn device_seen(&self, id: &DeviceId, now_ms: i64) -> Result<(), StoreError> {
        todo!()
    }

    /// Puts the token of a device and role in the place of the one before.
    pub async fn put_device_token(&self, token: DeviceToken) -> Result<(), StoreError> {
        todo!()
    }

    pub async fn device_token(&self, id: &DeviceId, role: &str) -> Result<Option<DeviceToken>, StoreError> {
        todo!()
    }

    pub async fn revoke_device_token(&self, id: &DeviceId, role: &str) -> Result<bool, StoreError> {
        todo!()
    }

    /// Records a request; the same device and role keep one request with one id. Returns it as it stands.
    pub async fn put_pairing_request(&self, request: PairingRequest) -> Result<PairingRequest, StoreError> {
        todo!()
    }

    /// Requests younger than `since_ms`; older ones are dropped.
    pub async fn pairing_requests(&self, since_ms: i64) -> Result<Vec<PairingRequest>, StoreError> {
        todo!()
    }

    /// Takes a request out of the list.
    pub async fn take_pairing_request(&self, request_id: &str) -> Result<Option<PairingRequest>, StoreError> {
        todo!()
    }
}
