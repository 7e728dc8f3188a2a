//! Paired devices, their tokens (as hashes), and the requests that wait for a person's yes.

use chela_protocol::DeviceId;
use rusqlite::{Connection, Row, params};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::sql::{self, Json};
use crate::{Store, StoreError};

/// Requests that wait at once. A person can't look through more, and each new key is a new request.
const PAIRING_REQUESTS_MAX: i64 = 64;

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
    /// Every paired device, by id.
    pub async fn devices(&self) -> Result<Vec<Device>, StoreError> {
        self.read(|c| sql::all(c, "SELECT record FROM devices ORDER BY id", [], record)).await
    }

    pub async fn device(&self, id: &DeviceId) -> Result<Option<Device>, StoreError> {
        let id = id.to_string();
        self.read(move |c| sql::first(c, "SELECT record FROM devices WHERE id = ?1", [id], record)).await
    }

    /// Adds or replaces a paired device and drops its pending requests.
    pub async fn put_device(&self, device: Device) -> Result<(), StoreError> {
        self.write(move |c| put_device(c, &device)).await
    }

    /// Puts a device among the paired ones for this very request. Changes nothing and returns false when the request is gone, or
    /// is no longer the one that was judged: the same device may have asked for something else meanwhile.
    pub async fn approve_device(&self, request: PairingRequest, device: Device) -> Result<bool, StoreError> {
        self.write(move |c| {
            let find = "SELECT record FROM pairing_requests WHERE request_id = ?1";
            let pending: Option<PairingRequest> = sql::first(c, find, [&request.request_id], record)?;
            if pending.as_ref() != Some(&request) {
                return Ok(false);
            }
            put_device(c, &device)?;
            Ok(true)
        })
        .await
    }

    /// Removes a device with its tokens. Returns whether it existed.
    pub async fn remove_device(&self, id: &DeviceId) -> Result<bool, StoreError> {
        let id = id.to_string();
        self.write(move |c| {
            sql::execute(c, "DELETE FROM device_tokens WHERE device_id = ?1", [&id])?;
            Ok(sql::execute(c, "DELETE FROM devices WHERE id = ?1", [&id])? > 0)
        })
        .await
    }

    /// Records when a device was last connected. No-op for one that is not paired.
    pub async fn device_seen(&self, id: &DeviceId, now_ms: i64) -> Result<(), StoreError> {
        let id = id.to_string();
        self.write(move |c| {
            let seen = "UPDATE devices SET record = json_set(record, '$.lastSeenAtMs', ?2) WHERE id = ?1";
            sql::execute(c, seen, params![id, now_ms]).map(drop)
        })
        .await
    }

    /// Puts the token of a device and role in the place of the one before.
    pub async fn put_device_token(&self, token: DeviceToken) -> Result<(), StoreError> {
        self.write(move |c| put_token(c, &token)).await
    }

    pub async fn device_token(&self, id: &DeviceId, role: &str) -> Result<Option<DeviceToken>, StoreError> {
        let names = [id.to_string(), role.to_owned()];
        self.read(move |c| {
            let find = "SELECT * FROM device_tokens WHERE device_id = ?1 AND role = ?2";
            sql::first(c, find, names, |row| {
                let Json(scopes) = row.get("scopes")?;
                Ok(DeviceToken {
                    device_id: sql::id(row, "device_id")?,
                    role: row.get("role")?,
                    scopes,
                    hash: row.get("hash")?,
                    created_at_ms: row.get("created_at_ms")?,
                })
            })
        })
        .await
    }

    /// Returns whether there was such a token.
    pub async fn revoke_device_token(&self, id: &DeviceId, role: &str) -> Result<bool, StoreError> {
        let names = [id.to_string(), role.to_owned()];
        self.write(move |c| {
            Ok(sql::execute(c, "DELETE FROM device_tokens WHERE device_id = ?1 AND role = ?2", names)? > 0)
        })
        .await
    }

    /// Records a request; the same device and role keep one request with one id. Returns it as it stands. Of more than
    /// [`PAIRING_REQUESTS_MAX`] requests the oldest is dropped.
    pub async fn put_pairing_request(&self, mut request: PairingRequest) -> Result<PairingRequest, StoreError> {
        self.write(move |c| {
            let names = [request.device_id.as_str(), request.role.as_str()];
            let find = "SELECT request_id FROM pairing_requests WHERE device_id = ?1 AND role = ?2";
            if let Some(first_id) = sql::first(c, find, names, |row| row.get(0))? {
                request.request_id = first_id;
            }
            let put = "INSERT OR REPLACE INTO pairing_requests (request_id, device_id, role, ts, record)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            let record = to_record(&request)?;
            let params = params![request.request_id, request.device_id.as_str(), request.role, request.ts, record];
            sql::execute(c, put, params)?;
            let forget = "DELETE FROM pairing_requests WHERE request_id NOT IN
                          (SELECT request_id FROM pairing_requests ORDER BY ts DESC, request_id LIMIT ?1)";
            sql::execute(c, forget, [PAIRING_REQUESTS_MAX])?;
            Ok(request)
        })
        .await
    }

    /// Requests of `since_ms` and later, oldest first; earlier ones are dropped.
    pub async fn pairing_requests(&self, since_ms: i64) -> Result<Vec<PairingRequest>, StoreError> {
        self.write(move |c| {
            sql::execute(c, "DELETE FROM pairing_requests WHERE ts < ?1", [since_ms])?;
            sql::all(c, "SELECT record FROM pairing_requests ORDER BY ts, request_id", [], record)
        })
        .await
    }

    /// Takes a request out of the list.
    pub async fn take_pairing_request(&self, request_id: &str) -> Result<Option<PairingRequest>, StoreError> {
        let id = request_id.to_owned();
        self.write(move |c| {
            sql::first(c, "DELETE FROM pairing_requests WHERE request_id = ?1 RETURNING record", [id], record)
        })
        .await
    }
}

pub(crate) fn put_token(c: &Connection, token: &DeviceToken) -> Result<(), StoreError> {
    let put = "INSERT OR REPLACE INTO device_tokens (device_id, role, scopes, hash, created_at_ms)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let scopes = to_record(&token.scopes)?;
    let params = params![token.device_id.as_str(), token.role, scopes, token.hash, token.created_at_ms];
    sql::execute(c, put, params).map(drop)
}

pub(crate) fn put_device(c: &Connection, device: &Device) -> Result<(), StoreError> {
    let put = "INSERT OR REPLACE INTO devices (id, record) VALUES (?1, ?2)";
    sql::execute(c, put, params![device.id.as_str(), to_record(device)?])?;
    sql::execute(c, "DELETE FROM pairing_requests WHERE device_id = ?1", [device.id.as_str()]).map(drop)
}

fn to_record(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Database(format!("a record can't be written: {error}")))
}

fn record<T: DeserializeOwned>(row: &Row<'_>) -> rusqlite::Result<T> {
    row.get("record").map(|Json(record)| record)
}
