//! Moves paired devices in, with the hashes of their tokens: they connect as before, without being asked for again.

use chela_protocol::DeviceId;
use chela_store::{Device, DeviceToken, OpenclawTable, Store};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::databases::Databases;
use crate::report::{FileTold, Ledger};
use crate::source::document;
use crate::{ImportError, ImportRequest};

/// Where the older form keeps them.
const FILE: &str = "devices/paired.json";

pub(crate) async fn move_in(
    request: &ImportRequest<'_>,
    databases: &Databases,
    store: Option<&Store>,
    ledger: &mut Ledger,
) -> Result<(), ImportError> {
    let path = request.source.dir.join(FILE);
    match document(&path) {
        Ok(Some(found)) => {
            ledger.claim(&path);
            let records: Vec<Value> =
                found.as_object().into_iter().flatten().map(|(_, record)| record.clone()).collect();
            take(FILE.to_owned(), records, request.now_ms, store, ledger).await?;
        }
        Ok(None) => {}
        Err(why) => {
            ledger.fault(&path, None, why);
            ledger.file(&path, FileTold::ignored("it can't be read", 1));
        }
    }
    let rows = databases.shared(OpenclawTable::DevicePairingPaired, ledger);
    if let Some(opened) = databases.state.as_ref().filter(|_| !rows.is_empty()) {
        let name = opened.table(OpenclawTable::DevicePairingPaired.name(), ledger);
        take(name, rows.iter().map(as_record).collect(), request.now_ms, store, ledger).await?;
    }
    Ok(())
}

async fn take(
    name: String,
    records: Vec<Value>,
    now_ms: i64,
    store: Option<&Store>,
    ledger: &mut Ledger,
) -> Result<(), ImportError> {
    let (mut taken, mut new, mut nodes, mut unreadable) = (0, 0, 0, 0);
    for record in &records {
        match read(record, now_ms) {
            Ok((device, _)) if device.role != "operator" => nodes += 1,
            Ok((device, tokens)) => {
                taken += 1;
                let is_new = match store {
                    Some(store) => store.import_device(device, tokens).await?,
                    None => true,
                };
                new += usize::from(is_new);
            }
            Err(()) => unreadable += 1,
        }
    }
    ledger.counts().devices += new;
    if taken > 0 {
        ledger.named(name.clone(), FileTold::mapped("paired devices; of their tokens the hashes", taken, new));
    }
    if nodes > 0 {
        ledger
            .named(name.clone(), FileTold::ignored("devices that lend their abilities (nodes): pair them anew", nodes));
    }
    if unreadable > 0 {
        ledger.named(name, FileTold::ignored("devices without an id or a key", unreadable));
    }
    Ok(())
}

/// A row in the form of the file.
fn as_record(row: &Map<String, Value>) -> Value {
    const NAMES: &[(&str, &str)] = &[
        ("device_id", "deviceId"),
        ("public_key", "publicKey"),
        ("display_name", "displayName"),
        ("platform", "platform"),
        ("device_family", "deviceFamily"),
        ("client_id", "clientId"),
        ("client_mode", "clientMode"),
        ("role", "role"),
        ("created_at_ms", "createdAtMs"),
        ("approved_at_ms", "approvedAtMs"),
        ("last_seen_at_ms", "lastSeenAtMs"),
    ];
    const DOCUMENTS: &[(&str, &str)] = &[
        ("roles_json", "roles"),
        ("approved_scopes_json", "approvedScopes"),
        ("scopes_json", "scopes"),
        ("tokens_json", "tokens"),
    ];
    let plain = NAMES.iter().filter_map(|(column, name)| Some(((*name).to_owned(), row.get(*column)?.clone())));
    let documents = DOCUMENTS.iter().filter_map(|(column, name)| {
        let document = serde_json::from_str(row.get(*column)?.as_str()?).ok()?;
        Some(((*name).to_owned(), document))
    });
    Value::Object(plain.chain(documents).collect())
}

fn read(record: &Value, now_ms: i64) -> Result<(Device, Vec<DeviceToken>), ()> {
    let text = |name: &str| record.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let time = |name: &str| record.get(name).and_then(Value::as_i64);
    let (Some(id), Some(public_key)) = (text("deviceId"), text("publicKey")) else { return Err(()) };
    let id = DeviceId::new(id);
    let first_role = record.pointer("/roles/0").and_then(Value::as_str).map(str::to_owned);
    let role = text("role").or(first_role).unwrap_or_else(|| "operator".to_owned());
    let tokens = record.get("tokens").and_then(Value::as_object).into_iter().flatten();
    let tokens: Vec<DeviceToken> = tokens.filter_map(|(role, token)| read_token(&id, role, token, now_ms)).collect();
    let mut scopes = texts(record.get("approvedScopes").or_else(|| record.get("scopes")));
    if scopes.is_empty() {
        scopes = tokens.iter().find(|token| token.role == role).map(|token| token.scopes.clone()).unwrap_or_default();
    }
    let approved_at_ms = time("approvedAtMs").unwrap_or(now_ms);
    let device = Device {
        id,
        public_key,
        display_name: text("displayName"),
        platform: text("platform"),
        device_family: text("deviceFamily"),
        client_id: text("clientId"),
        client_mode: text("clientMode"),
        role,
        scopes,
        approved_via: "operator".to_owned(),
        created_at_ms: time("createdAtMs").unwrap_or(approved_at_ms),
        approved_at_ms,
        last_seen_at_ms: time("lastSeenAtMs").unwrap_or(approved_at_ms),
    };
    Ok((device, tokens))
}

/// `None` for one that was taken back.
fn read_token(device: &DeviceId, role: &str, token: &Value, now_ms: i64) -> Option<DeviceToken> {
    let text = token.get("token")?.as_str().filter(|text| !text.is_empty())?;
    if token.get("revokedAtMs").is_some_and(Value::is_number) {
        return None;
    }
    Some(DeviceToken {
        device_id: device.clone(),
        role: role.to_owned(),
        scopes: texts(token.get("scopes")),
        hash: Sha256::digest(text.as_bytes()).into(),
        created_at_ms: token.get("createdAtMs").and_then(Value::as_i64).unwrap_or(now_ms),
    })
}

fn texts(list: Option<&Value>) -> Vec<String> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
