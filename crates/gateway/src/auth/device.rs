//! Proof that a client holds a device's key: id, clock, nonce and signature, checked in this order.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use chela_protocol::limits::DEVICE_CLOCK_SKEW;
use chela_protocol::{ConnectDevice, ConnectErrorCode, ConnectParams, DeviceClaim, DeviceId, SignatureVersion};
use ed25519_dalek::{Signature, VerifyingKey};

use super::Remote;

/// What is wrong with a device's proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeviceFault {
    PublicKey,
    Id,
    Expired,
    NonceMissing,
    NonceWrong,
    Signature,
}

impl DeviceFault {
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::PublicKey => "device public key invalid",
            Self::Id => "device identity mismatch",
            Self::Expired => "device signature expired",
            Self::NonceMissing => "device nonce required",
            Self::NonceWrong => "device nonce mismatch",
            Self::Signature => "device signature invalid",
        }
    }

    pub(crate) fn code(self) -> ConnectErrorCode {
        match self {
            Self::PublicKey => ConnectErrorCode::DeviceAuthPublicKeyInvalid,
            Self::Id => ConnectErrorCode::DeviceAuthDeviceIdMismatch,
            Self::Expired => ConnectErrorCode::DeviceAuthSignatureExpired,
            Self::NonceMissing => ConnectErrorCode::DeviceAuthNonceRequired,
            Self::NonceWrong => ConnectErrorCode::DeviceAuthNonceMismatch,
            Self::Signature => ConnectErrorCode::DeviceAuthSignatureInvalid,
        }
    }
}

/// Checks the device of `params`; returns its raw key as base64url.
pub(crate) fn verify(
    params: &ConnectParams,
    device: &ConnectDevice,
    nonce: &str,
    now_ms: i64,
    remote: &Remote,
) -> Result<String, DeviceFault> {
    let key = raw_key(&device.public_key).ok_or(DeviceFault::PublicKey)?;
    if DeviceId::of_key(&key) != device.id {
        return Err(DeviceFault::Id);
    }
    let skew_ms = i64::try_from(DEVICE_CLOCK_SKEW.as_millis()).unwrap_or(i64::MAX);
    if now_ms.saturating_sub(device.signed_at).saturating_abs() > skew_ms {
        return Err(DeviceFault::Expired);
    }
    let versions: &[SignatureVersion] = match device.nonce.as_deref() {
        Some(given) if given == nonce => &[SignatureVersion::V3, SignatureVersion::V2],
        Some("") | None if remote.is_direct_loopback() => &[SignatureVersion::V1],
        Some("") | None => return Err(DeviceFault::NonceMissing),
        Some(_) => return Err(DeviceFault::NonceWrong),
    };
    let verifying = VerifyingKey::from_bytes(&key).map_err(|_| DeviceFault::PublicKey)?;
    let signature = decode(&device.signature).and_then(|bytes| Signature::from_slice(&bytes).ok());
    let signature = signature.ok_or(DeviceFault::Signature)?;
    let claim = claim(params, device);
    let holds =
        |version: &SignatureVersion| verifying.verify_strict(claim.payload(*version).as_bytes(), &signature).is_ok();
    if versions.iter().any(holds) { Ok(URL_SAFE_NO_PAD.encode(key)) } else { Err(DeviceFault::Signature) }
}

fn claim<'a>(params: &'a ConnectParams, device: &'a ConnectDevice) -> DeviceClaim<'a> {
    DeviceClaim {
        device_id: device.id.as_str(),
        client_id: &params.client.id,
        client_mode: &params.client.mode,
        role: params.role.as_deref().unwrap_or("operator"),
        scopes: params.scopes.as_deref().unwrap_or_default(),
        signed_at_ms: device.signed_at,
        token: params.auth.as_ref().map_or("", chela_protocol::ConnectAuth::signed_credential),
        nonce: device.nonce.as_deref().unwrap_or_default(),
        platform: Some(&params.client.platform),
        device_family: params.client.device_family.as_deref(),
    }
}

/// The raw 32 bytes of base64url or PEM.
fn raw_key(text: &str) -> Option<[u8; 32]> {
    let bytes = if text.contains("BEGIN") {
        let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(body.trim()).ok()?;
        // SubjectPublicKeyInfo of Ed25519 is a fixed prefix and the key (RFC 8410).
        der.get(der.len().checked_sub(32)?..)?.to_vec()
    } else {
        decode(text)?
    };
    bytes.try_into().ok()
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    URL_SAFE_NO_PAD.decode(text).or_else(|_| URL_SAFE.decode(text)).or_else(|_| STANDARD.decode(text)).ok()
}
