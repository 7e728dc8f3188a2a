//! The text that a device signs when it connects. Source: OpenClaw device auth, payloads v1 to v3.

use std::fmt::Write as _;

/// Which form of the payload is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureVersion {
    /// January's, without a nonce; only believed on loopback.
    V1,
    V2,
    /// With platform and device family.
    V3,
}

/// What a device claims, and proves by signing it.
#[derive(Debug, Clone, Copy)]
pub struct DeviceClaim<'a> {
    pub device_id: &'a str,
    pub client_id: &'a str,
    pub client_mode: &'a str,
    pub role: &'a str,
    /// Exactly as sent, in order.
    pub scopes: &'a [String],
    pub signed_at_ms: i64,
    /// The credential of the same connect, or empty.
    pub token: &'a str,
    pub nonce: &'a str,
    pub platform: Option<&'a str>,
    pub device_family: Option<&'a str>,
}

impl DeviceClaim<'_> {
    /// The bytes to sign or to verify.
    pub fn payload(&self, version: SignatureVersion) -> String {
        let prefix = match version {
            SignatureVersion::V1 => "v1",
            SignatureVersion::V2 => "v2",
            SignatureVersion::V3 => "v3",
        };
        let mut payload = format!(
            "{prefix}|{}|{}|{}|{}|{}|{}|{}",
            self.device_id,
            self.client_id,
            self.client_mode,
            self.role,
            self.scopes.join(","),
            self.signed_at_ms,
            self.token,
        );
        if version != SignatureVersion::V1 {
            // Writing to a String can't fail.
            let _ = write!(payload, "|{}", self.nonce);
        }
        if version == SignatureVersion::V3 {
            let _ = write!(payload, "|{}|{}", normalised(self.platform), normalised(self.device_family));
        }
        payload
    }
}

fn normalised(text: Option<&str>) -> String {
    text.unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_signs_its_own_fields() {
        let scopes = ["operator.read".to_owned(), "operator.write".to_owned()];
        let claim = DeviceClaim {
            device_id: "d1",
            client_id: "openclaw-tui",
            client_mode: "ui",
            role: "operator",
            scopes: &scopes,
            signed_at_ms: 42,
            token: "s3cret",
            nonce: "n-1",
            platform: Some(" Linux "),
            device_family: None,
        };
        let common = "d1|openclaw-tui|ui|operator|operator.read,operator.write|42|s3cret";
        assert_eq!(claim.payload(SignatureVersion::V1), format!("v1|{common}"));
        assert_eq!(claim.payload(SignatureVersion::V2), format!("v2|{common}|n-1"));
        assert_eq!(claim.payload(SignatureVersion::V3), format!("v3|{common}|n-1|linux|"));
    }
}
