//! Why a connect was refused, in the form that clients decide on. Source: OpenClaw connect error details.

use serde::{Deserialize, Serialize};

/// `details` of a refused `connect`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectErrorDetails {
    pub code: ConnectErrorCode,
    /// The case in lower case, for example `token_mismatch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub can_retry_with_device_token: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommended_next_step: Option<NextStep>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Why pairing is needed, or why an origin is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_min_protocol: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_max_protocol: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_protocol: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_probe_protocol: Option<u32>,
}

impl ConnectErrorDetails {
    pub fn new(code: ConnectErrorCode) -> Self {
        Self {
            code,
            auth_reason: None,
            can_retry_with_device_token: None,
            recommended_next_step: None,
            request_id: None,
            reason: None,
            client_min_protocol: None,
            client_max_protocol: None,
            expected_protocol: None,
            minimum_probe_protocol: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConnectErrorCode {
    AuthRequired,
    AuthUnauthorized,
    AuthTokenMissing,
    AuthTokenMismatch,
    AuthTokenNotConfigured,
    AuthPasswordMissing,
    AuthPasswordMismatch,
    AuthPasswordNotConfigured,
    AuthBootstrapTokenInvalid,
    AuthDeviceTokenMismatch,
    AuthScopeMismatch,
    AuthRateLimited,
    AuthIdentityHeaderRequired,
    DeviceIdentityRequired,
    ControlUiDeviceIdentityRequired,
    ControlUiOriginNotAllowed,
    DeviceAuthInvalid,
    DeviceAuthDeviceIdMismatch,
    DeviceAuthSignatureExpired,
    DeviceAuthNonceRequired,
    DeviceAuthNonceMismatch,
    DeviceAuthSignatureInvalid,
    DeviceAuthPublicKeyInvalid,
    PairingRequired,
    ProtocolMismatch,
    /// A code of a newer or older gateway.
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NextStep {
    RetryWithDeviceToken,
    UpdateAuthConfiguration,
    UpdateAuthCredentials,
    WaitThenRetry,
    ReviewAuthConfiguration,
}

/// Why a device needs a person's yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PairingReason {
    NotPaired,
    RoleUpgrade,
    ScopeUpgrade,
    MetadataUpgrade,
}

impl PairingReason {
    /// The error message that belongs to it.
    pub fn message(self) -> &'static str {
        match self {
            Self::NotPaired => "device pairing required",
            Self::RoleUpgrade => "role upgrade pending approval",
            Self::ScopeUpgrade => "scope upgrade pending approval",
            Self::MetadataUpgrade => "device metadata change pending approval",
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotPaired => "not-paired",
            Self::RoleUpgrade => "role-upgrade",
            Self::ScopeUpgrade => "scope-upgrade",
            Self::MetadataUpgrade => "metadata-upgrade",
        }
    }
}
