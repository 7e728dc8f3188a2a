//! `gateway`: the port, who may connect, and what is served. Shape: OpenClaw's section of the same name.

use chela_config::{Criticality, Loaded, Problem, Secret};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Default port, as in OpenClaw.
pub const DEFAULT_PORT: u16 = 18_789;

/// Settings of the daemon itself.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayConfig {
    /// Port of everything: WebSocket, HTTP, the web page.
    #[schemars(range(min = 1), extend("x-reload" = "restart"))]
    pub port: Option<u16>,
    /// `local`: this machine runs the gateway. `remote`: commands talk to `gateway.remote`.
    #[schemars(extend("x-reload" = "restart"))]
    pub mode: Option<GatewayMode>,
    /// Which addresses to listen on. Default: `loopback`.
    #[schemars(extend("x-reload" = "restart"))]
    pub bind: Option<BindMode>,
    /// The address for `bind: "custom"`.
    #[schemars(extend("x-reload" = "restart"))]
    pub custom_bind_host: Option<String>,
    /// Who may connect.
    pub auth: GatewayAuthConfig,
    /// The web page.
    pub control_ui: ControlUiConfig,
    /// Addresses or CIDR blocks of proxies whose forwarded headers are believed.
    pub trusted_proxies: Vec<String>,
    /// How devices get paired.
    pub pairing: PairingConfig,
    /// Where commands find the gateway when it runs elsewhere.
    pub remote: RemoteConfig,
    /// What a change of the file does.
    pub reload: ReloadConfig,
    /// HTTP interfaces.
    pub http: HttpConfig,
    /// Tools that `/tools/invoke` may call.
    pub tools: GatewayToolsConfig,
    /// What devices that run commands may be sent.
    pub nodes: GatewayNodesConfig,
    /// Where the gateway holds back.
    pub limits: LimitsConfig,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GatewayMode {
    Local,
    Remote,
}

/// Which addresses to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BindMode {
    /// All interfaces in a container if a token or password was chosen, else loopback.
    Auto,
    /// All interfaces, IPv4 and IPv6.
    Lan,
    /// This machine only.
    Loopback,
    /// `gateway.customBindHost`.
    Custom,
    /// The Tailscale address.
    Tailnet,
}

/// `gateway.limits`.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LimitsConfig {
    /// Memory in use, in MB, above which no turn, large upload or request to an endpoint is begun. Default: 80 % of what the control
    /// group allows, or the machine has.
    #[schemars(range(min = 1))]
    pub memory_high_water_mb: Option<u64>,
    /// What the state dir may take, in MB. From 90 % of it on only what is needed is written and old conversations go; above it no
    /// message is accepted. Default: 70 % of its volume.
    #[schemars(range(min = 1))]
    pub disk_quota_mb: Option<u64>,
    /// Seconds between the signal to stop and the end by force: turns finish or are put down to be resumed within them.
    /// `CHELA_KILL_TIMEOUT` counts before it. Default: 5, as on Fly.
    #[schemars(range(min = 1, max = 3600))]
    pub kill_timeout_seconds: Option<u64>,
}

/// `gateway.auth`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayAuthConfig {
    /// What proves that a client may connect; `token` by default.
    #[schemars(extend("x-reload" = "restart"))]
    pub mode: Option<AuthMode>,
    /// The shared secret for mode `token`.
    pub token: Option<Secret>,
    /// The shared secret for mode `password`.
    pub password: Option<Secret>,
    /// When wrong secrets lock an address out.
    #[schemars(extend("x-reload" = "restart"))]
    pub rate_limit: RateLimitConfig,
    /// For mode `trusted-proxy`.
    pub trusted_proxy: Option<TrustedProxyConfig>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthMode {
    /// Anybody who reaches the port; loopback only.
    None,
    Token,
    Password,
    /// A proxy of `gateway.trustedProxies` names the user in a header.
    TrustedProxy,
}

/// `gateway.auth.rateLimit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RateLimitConfig {
    /// Wrong secrets within the window before a lockout.
    pub max_attempts: u32,
    pub window_ms: u64,
    pub lockout_ms: u64,
    /// Whether connections from this machine are never locked out.
    pub exempt_loopback: bool,
}

impl Default for RateLimitConfig {
    fn default() -> Self {
        Self { max_attempts: 10, window_ms: 60_000, lockout_ms: 300_000, exempt_loopback: true }
    }
}

/// `gateway.auth.trustedProxy`.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TrustedProxyConfig {
    /// The header that names the user.
    pub user_header: String,
    /// Headers that must be there too.
    pub required_headers: Vec<String>,
    /// Users that may connect; empty for all that the proxy lets through.
    pub allow_users: Vec<String>,
}

/// `gateway.controlUi`.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ControlUiConfig {
    /// Whether the page is served; true by default.
    #[schemars(extend("x-reload" = "restart"))]
    pub enabled: Option<bool>,
    /// Path under which the page is served. No effect in this version.
    #[schemars(extend("x-reload" = "none"))]
    pub base_path: Option<String>,
    /// Further origins (`https://chat.example.org`) whose pages may connect.
    pub allowed_origins: Vec<String>,
}

/// `gateway.pairing`.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PairingConfig {
    /// `auto`: the right secret pairs a new device in one step. `approve`: a new device that is not on this machine waits for
    /// `chela devices approve`.
    pub mode: PairingMode,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PairingMode {
    #[default]
    Auto,
    Approve,
}

/// `gateway.remote`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RemoteConfig {
    /// `wss://my-gateway.fly.dev`.
    pub url: Option<String>,
    pub token: Option<Secret>,
    pub password: Option<Secret>,
}

/// `gateway.reload`.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ReloadConfig {
    /// `hybrid` applies what it can and names the rest; `off` takes up only what clients change; an edit of the file waits for
    /// the next start.
    pub mode: ReloadMode,
    /// Quiet time after a change before it is read; 300 by default.
    pub debounce_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReloadMode {
    #[default]
    #[serde(alias = "hot", alias = "restart")]
    Hybrid,
    Off,
}

/// `gateway.http`.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpConfig {
    pub endpoints: HttpEndpointsConfig,
}

/// `gateway.http.endpoints`.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpEndpointsConfig {
    /// `/v1/chat/completions`.
    pub chat_completions: EndpointConfig,
    /// `/v1/responses`.
    pub responses: EndpointConfig,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointConfig {
    /// Served whenever a token or password protects the gateway, unless set to false.
    pub enabled: Option<bool>,
}

/// `gateway.tools`.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayToolsConfig {
    /// Tools that may be called besides the harmless ones.
    pub allow: Vec<String>,
    /// Tools that may never be called.
    pub deny: Vec<String>,
}

/// `gateway.nodes`.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayNodesConfig {
    pub commands: NodeCommandsConfig,
    /// January's name of `commands.allow`.
    pub allow_commands: Vec<String>,
    /// January's name of `commands.deny`.
    pub deny_commands: Vec<String>,
}

/// `gateway.nodes.commands`.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeCommandsConfig {
    /// Commands that nodes may be sent besides what their platform is known for, by their whole names: `camera.snap`.
    pub allow: Vec<String>,
    /// Commands that no node is ever sent, by their whole names; `*` for all.
    pub deny: Vec<String>,
}

impl GatewayNodesConfig {
    /// Both spellings together.
    pub(crate) fn allowed(&self) -> impl Iterator<Item = &str> {
        self.commands.allow.iter().chain(&self.allow_commands).map(|name| name.trim())
    }

    pub(crate) fn denied(&self) -> impl Iterator<Item = &str> {
        self.commands.deny.iter().chain(&self.deny_commands).map(|name| name.trim())
    }

    fn closed() -> Self {
        Self { deny_commands: vec!["*".to_owned()], ..Self::default() }
    }
}

/// Takes the section apart, so that one wrong value disables its own part only. Parts that decide who may connect fail closed:
/// with a wrong `auth`, a token is needed that the file did not set; a wrong list of proxies or origins trusts none.
pub(super) fn read(loaded: &Loaded, problems: &mut Vec<Problem>) -> GatewayConfig {
    let mut parts = Parts { loaded, problems };
    GatewayConfig {
        port: parts.normal("port"),
        mode: parts.normal("mode"),
        bind: parts.secure("bind", || None),
        custom_bind_host: parts.normal("customBindHost"),
        auth: parts.secure("auth", GatewayAuthConfig::default),
        control_ui: parts.secure("controlUi", ControlUiConfig::default),
        trusted_proxies: parts.secure("trustedProxies", Vec::new),
        pairing: parts.secure("pairing", || PairingConfig { mode: PairingMode::Approve }),
        remote: parts.normal("remote"),
        reload: parts.normal("reload"),
        http: parts.secure("http", HttpConfig::closed),
        nodes: parts.secure("nodes", GatewayNodesConfig::closed),
        limits: parts.normal("limits"),
        tools: parts.secure("tools", || GatewayToolsConfig { deny: vec!["*".to_owned()], ..Default::default() }),
    }
}

struct Parts<'a> {
    loaded: &'a Loaded,
    problems: &'a mut Vec<Problem>,
}

impl Parts<'_> {
    fn normal<T: DeserializeOwned + JsonSchema + Default>(&mut self, name: &str) -> T {
        self.loaded.section(&format!("gateway.{name}"), Criticality::Normal, self.problems).or_closed(T::default)
    }

    /// `closed` is what refuses most.
    fn secure<T: DeserializeOwned + JsonSchema + Default>(&mut self, name: &str, closed: impl FnOnce() -> T) -> T {
        self.loaded.section(&format!("gateway.{name}"), Criticality::Security, self.problems).or_closed(closed)
    }
}

impl HttpConfig {
    fn closed() -> Self {
        let off = EndpointConfig { enabled: Some(false) };
        Self { endpoints: HttpEndpointsConfig { chat_completions: off, responses: off } }
    }
}
