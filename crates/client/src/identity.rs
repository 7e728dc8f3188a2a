//! The key of this device: it signs connects, and its hash is the device's id.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chela_protocol::DeviceId;
use ed25519_dalek::{Signer as _, SigningKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// An Ed25519 key. Never shown.
#[derive(Clone)]
pub struct DeviceIdentity {
    key: SigningKey,
}

#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("can't use {path}: {reason}", path = path.display())]
    File { path: PathBuf, reason: String },
    #[error("this system has no randomness")]
    NoRandomness,
}

/// The file's form, as browsers keep it too.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    version: u32,
    device_id: String,
    public_key: String,
    private_key: String,
}

impl DeviceIdentity {
    pub fn generate() -> Result<Self, IdentityError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|_| IdentityError::NoRandomness)?;
        Ok(Self { key: SigningKey::from_bytes(&seed) })
    }

    /// The identity in a file, which is made (for its owner only) where it is missing.
    pub fn load_or_create(path: &Path) -> Result<Self, IdentityError> {
        let failed = |reason: String| IdentityError::File { path: path.to_owned(), reason };
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).ok_or_else(|| failed("it holds no device key; move it away".to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let made = Self::generate()?;
                made.write(path).map_err(|error| failed(error.to_string()))?;
                Ok(made)
            }
            Err(error) => Err(failed(error.to_string())),
        }
    }

    pub fn id(&self) -> DeviceId {
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(self.key.verifying_key().as_bytes()) {
            // Writing to a String can't fail.
            let _ = write!(hex, "{byte:02x}");
        }
        DeviceId::new(hex)
    }

    /// base64url of the raw key.
    pub fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.key.verifying_key().as_bytes())
    }

    /// base64url of the signature.
    pub fn sign(&self, payload: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.key.sign(payload.as_bytes()).to_bytes())
    }

    fn parse(text: &str) -> Option<Self> {
        let stored: Stored = serde_json::from_str(text).ok()?;
        let seed = URL_SAFE_NO_PAD.decode(stored.private_key).ok()?;
        Some(Self { key: SigningKey::from_bytes(&seed.try_into().ok()?) })
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let stored = Stored {
            version: 1,
            device_id: self.id().to_string(),
            public_key: self.public_key(),
            private_key: URL_SAFE_NO_PAD.encode(self.key.to_bytes()),
        };
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(&serde_json::to_vec_pretty(&stored)?)?;
        file.sync_all()
    }
}

impl std::fmt::Debug for DeviceIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceIdentity").field("id", &self.id()).finish_non_exhaustive()
    }
}
