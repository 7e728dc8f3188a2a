//! A device's key. The gateway knows a device by it across connections and tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chela_protocol::{DeviceClaim, DeviceId, SignatureVersion};
use ed25519_dalek::{Signer, SigningKey};

/// An Ed25519 key pair. Keeping its seed safe is the caller's.
pub struct Identity {
    key: SigningKey,
    id: DeviceId,
}

impl Identity {
    /// A new device. Fails when the system gives no randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok(Self::from_seed(seed))
    }

    /// The device of a seed that was kept.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let key = SigningKey::from_bytes(&seed);
        let id = DeviceId::of_key(key.verifying_key().as_bytes());
        Self { key, id }
    }

    /// What to keep: whoever has it is this device.
    pub fn seed(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// Lowercase hex SHA-256 of the public key.
    pub fn id(&self) -> &DeviceId {
        &self.id
    }

    /// base64url of the raw public key, as it goes over the wire.
    pub fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.key.verifying_key().as_bytes())
    }

    /// base64url of the signature over a claim.
    pub fn sign(&self, claim: &DeviceClaim<'_>, version: SignatureVersion) -> String {
        URL_SAFE_NO_PAD.encode(self.key.sign(claim.payload(version).as_bytes()).to_bytes())
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Identity").field(&self.id).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_one_device_for_ever() {
        let (first, again) = (Identity::from_seed([7; 32]), Identity::from_seed([7; 32]));
        assert_eq!((first.id(), first.public_key()), (again.id(), again.public_key()));
        assert_eq!((first.id().as_str().len(), first.public_key().len()), (64, 43));
        assert_ne!(first.id(), Identity::from_seed([8; 32]).id());
    }

    #[test]
    fn the_key_never_shows() {
        assert!(!format!("{:?}", Identity::from_seed([7; 32])).contains("07, 7"));
    }
}
