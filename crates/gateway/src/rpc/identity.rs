//! `gateway.identity.get`: the gateway's own key, made at the first question and kept.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chela_protocol::methods::identity::GatewayIdentity;
use chela_protocol::{DeviceId, RpcError, Scope};
use ed25519_dalek::SigningKey;
use serde_json::Value;

use super::{Access, Call, Method, RpcResult, answer_of};
use crate::rpc_error;

const NAMESPACE: &str = "gateway";
const KEY: &str = "identity-key";

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    vec![Method::new("gateway.identity.get", Access::Holding(Scope::Read), get)]
}

async fn get(call: Call) -> RpcResult {
    let store = &call.gateway.store;
    let stored = store.kv_get(NAMESPACE, KEY).await.map_err(rpc_error::of_store)?;
    let key = if let Some(stored) = stored {
        read(&stored).ok_or_else(|| RpcError::unavailable("the gateway's stored key is damaged"))?
    } else {
        let key = generate();
        let text = Value::String(URL_SAFE_NO_PAD.encode(key.to_bytes()));
        store.kv_put(NAMESPACE, KEY, text).await.map_err(rpc_error::of_store)?;
        key
    };
    let public = key.verifying_key().to_bytes();
    answer_of(&GatewayIdentity { device_id: DeviceId::of_key(&public), public_key: URL_SAFE_NO_PAD.encode(public) })
}

fn generate() -> SigningKey {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).expect("the system has randomness");
    SigningKey::from_bytes(&seed)
}

fn read(stored: &Value) -> Option<SigningKey> {
    let bytes = URL_SAFE_NO_PAD.decode(stored.as_str()?).ok()?;
    Some(SigningKey::from_bytes(&bytes.try_into().ok()?))
}
