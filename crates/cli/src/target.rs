//! Which gateway a command talks to, and what it shows to be let in.

use std::fs;
use std::path::{Path, PathBuf};

use chela_config::{Environment, Loaded, Places, Secret, SecretResolver};
use chela_gateway::config::DEFAULT_PORT;
use secrecy::ExposeSecret as _;
use serde::Deserialize as _;
use serde_json::Value;

use crate::args::GlobalArgs;
use crate::failure::Failure;
use crate::instance;

/// Port of the profile `dev`, as in OpenClaw.
pub(crate) const DEV_PORT: u16 = 19_001;

/// Where the gateway keeps a token that it made itself, in the state dir.
const TOKEN_FILE: &str = "gateway-token";

/// Most of a token file that is read: a token is far shorter.
const TOKEN_FILE_MAX_BYTES: u64 = 64 * 1024;

/// A gateway and the way in.
#[derive(Clone)]
pub(crate) struct Target {
    pub url: String,
    pub source: Source,
    pub token: Option<String>,
    pub password: Option<String>,
    /// The environment's `SSL_CERT_FILE`, whose certificates count besides the built-in ones.
    pub extra_roots: Option<PathBuf>,
}

/// Where a gateway's address comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    CommandLine,
    Environment,
    /// `gateway.remote`.
    Remote,
    /// The lock file of a gateway that runs on this state dir.
    Running,
    /// The port that a gateway started here would take.
    Default,
}

impl Source {
    /// For people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::CommandLine => "from --url",
            Self::Environment => "from CHELA_GATEWAY_URL",
            Self::Remote => "from gateway.remote",
            Self::Running => "running on this state dir",
            Self::Default => "the port of this machine",
        }
    }

    /// Whether the gateway is one of this state dir, whose secrets it may be shown.
    pub(crate) fn is_local(self) -> bool {
        matches!(self, Self::Running | Self::Default)
    }
}

impl Target {
    /// First that is set: the command line, the environment, `gateway.remote`, the gateway of this machine.
    pub(crate) fn find(
        global: &GlobalArgs,
        environment: &Environment,
        loaded: &Loaded,
        places: &Places,
    ) -> Result<Self, Failure> {
        let (url, source) = address(global, environment, loaded, places);
        let token = match (&global.token, &global.token_file) {
            (Some(token), _) => Some(token.expose_secret().to_owned()),
            (None, Some(file)) => Some(first_line(file)?),
            (None, None) => match secret("TOKEN", environment, loaded, places, source) {
                Ok(Some(token)) => Some(token),
                // The gateway, too, falls back on the token that it made.
                found => made_by_gateway(source, places).map_or(found, |made| Ok(Some(made)))?,
            },
        };
        let password = match (&global.password, &global.password_file) {
            (Some(password), _) => Some(password.expose_secret().to_owned()),
            (None, Some(file)) => Some(first_line(file)?),
            (None, None) => match secret("PASSWORD", environment, loaded, places, source) {
                // A token is enough.
                Err(_) if token.is_some() => None,
                found => found?,
            },
        };
        let extra_roots = environment.get("SSL_CERT_FILE").map(PathBuf::from);
        Ok(Self { url: websocket_url(&url)?, source, token, password, extra_roots })
    }
}

fn address(global: &GlobalArgs, environment: &Environment, loaded: &Loaded, places: &Places) -> (String, Source) {
    if let Some(url) = &global.url {
        return (url.clone(), Source::CommandLine);
    }
    if let Some(url) = environment.gateway("GATEWAY_URL") {
        return (url.to_owned(), Source::Environment);
    }
    if text(loaded, "gateway.mode") == Some("remote")
        && let Some(url) = text(loaded, "gateway.remote.url")
    {
        return (url.to_owned(), Source::Remote);
    }
    if let Some(address) = instance::address(&places.state_dir) {
        return (reachable(&address), Source::Running);
    }
    (format!("ws://127.0.0.1:{}", port(global, environment, loaded)), Source::Default)
}

/// The port that a gateway started here would take.
pub(crate) fn port(global: &GlobalArgs, environment: &Environment, loaded: &Loaded) -> u16 {
    let configured = || loaded.get("gateway.port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    let default = if global.dev { DEV_PORT } else { DEFAULT_PORT };
    let named = environment.gateway("GATEWAY_PORT").and_then(|port| port.parse().ok());
    named.or_else(configured).unwrap_or(default)
}

/// A secret that was not given on the command line, be it written out in the file or referred to. The file's own is shown only
/// to the gateway that it belongs to.
fn secret(
    name: &str,
    environment: &Environment,
    loaded: &Loaded,
    places: &Places,
    source: Source,
) -> Result<Option<String>, Failure> {
    if let Some(secret) = environment.gateway(&format!("GATEWAY_{name}")) {
        return Ok(Some(secret.trim().to_owned()));
    }
    let section = match source {
        Source::Remote => "gateway.remote",
        Source::Running | Source::Default => "gateway.auth",
        Source::CommandLine | Source::Environment => return Ok(None),
    };
    let path = format!("{section}.{}", name.to_lowercase());
    // What is no secret at all is a problem of the configuration, which the gateway and the doctor report.
    let written = loaded.get(&path).and_then(|value| Secret::deserialize(value).ok());
    let Some(written) = written else { return Ok(None) };
    // What is wrong in `secrets` makes the reference fail, which says so.
    let resolver = SecretResolver::new(loaded, environment, places, &mut Vec::new());
    let found = resolver.resolve(&written).map_err(|error| {
        Failure::config(format!("can't fetch {path}: {error}"))
            .hint("use --token-file or CHELA_GATEWAY_TOKEN meanwhile")
    })?;
    Ok(Some(found.expose_secret().trim().to_owned()).filter(|text| !text.is_empty()))
}

/// Whether the gateway of this state dir has made itself a token.
pub(crate) fn has_made_token(places: &Places) -> bool {
    made_by_gateway(Source::Default, places).is_some()
}

/// The token that the gateway of this state dir made at its first start.
fn made_by_gateway(source: Source, places: &Places) -> Option<String> {
    if source.is_local() { first_line(&places.state_dir.join(TOKEN_FILE)).ok() } else { None }
}

/// The first line of a file that holds a secret.
pub(crate) fn first_line(file: &Path) -> Result<String, Failure> {
    let doing = || format!("read {}", file.display());
    let size = fs::metadata(file).map_err(|error| Failure::file(doing(), &error))?.len();
    if size > TOKEN_FILE_MAX_BYTES {
        return Err(Failure::usage(format!("{} is too large to hold a token", file.display())));
    }
    let content = fs::read_to_string(file).map_err(|error| Failure::file(doing(), &error))?;
    match content.lines().next().map(str::trim) {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(Failure::usage(format!("the first line of {} is empty", file.display()))),
    }
}

fn text<'l>(loaded: &'l Loaded, path: &str) -> Option<&'l str> {
    loaded.get(path)?.as_str().filter(|text| !text.is_empty())
}

/// An address that listens on everything is reached on loopback.
fn reachable(address: &str) -> String {
    let host = address.strip_prefix("ws://").unwrap_or(address);
    match host.rsplit_once(':') {
        Some(("0.0.0.0" | "[::]" | "::", port)) => format!("ws://127.0.0.1:{port}"),
        _ => format!("ws://{host}"),
    }
}

/// What people write as an address: `wss://host`, `https://host`, `host:port`. A secret in it is refused.
fn websocket_url(text: &str) -> Result<String, Failure> {
    let url = match text.split_once("://") {
        Some(("ws" | "wss", _)) => text.to_owned(),
        Some(("http", rest)) => format!("ws://{rest}"),
        Some(("https", rest)) => format!("wss://{rest}"),
        Some((scheme, _)) => {
            let message = format!("`{scheme}://` is no address of a gateway");
            return Err(Failure::usage(message).hint("use ws:// or wss://, for example wss://my.example.org"));
        }
        None => format!("ws://{text}"),
    };
    if url.contains('@') || url.contains("token=") {
        let message = "a secret can't stand in the gateway's address";
        return Err(Failure::usage(message).hint("use --token-file or CHELA_GATEWAY_TOKEN"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn find(global: &GlobalArgs, pairs: &[(&str, &str)], config: Value) -> Result<Target, String> {
        let dir = tempfile::tempdir().unwrap();
        let environment = Environment::from_pairs(pairs.iter().copied());
        let state = Environment::from_pairs([("CHELA_STATE_DIR", dir.path().to_str().unwrap())]);
        let places = Places::locate(&state, &chela_config::PlaceOverrides::default()).unwrap();
        Target::find(global, &environment, &Loaded::from_value(config), &places)
            .map_err(|failure| failure.message().to_owned())
    }

    fn url(global: &GlobalArgs, pairs: &[(&str, &str)], config: Value) -> String {
        find(global, pairs, config).unwrap().url
    }

    #[test]
    fn the_command_line_beats_the_environment_and_that_the_file() {
        let global = || GlobalArgs { url: Some("https://a.example".into()), ..GlobalArgs::default() };
        let pairs = [("CLAWDBOT_GATEWAY_URL", "wss://b.example")];
        let remote = || json!({"gateway": {"mode": "remote", "remote": {"url": "wss://c.example", "token": "far"}}});
        assert_eq!(url(&global(), &pairs, remote()), "wss://a.example");
        assert_eq!(url(&GlobalArgs::default(), &pairs, remote()), "wss://b.example");
        assert_eq!(url(&GlobalArgs::default(), &[], remote()), "wss://c.example");
        assert_eq!(find(&GlobalArgs::default(), &[], remote()).unwrap().token.as_deref(), Some("far"));
    }

    #[test]
    fn without_an_address_the_port_of_this_machine_is_meant() {
        let config = json!({"gateway": {"port": 3000, "auth": {"token": "near"}}});
        assert_eq!(url(&GlobalArgs::default(), &[], config.clone()), "ws://127.0.0.1:3000");
        assert_eq!(
            url(&GlobalArgs::default(), &[("OPENCLAW_GATEWAY_PORT", "4000")], config.clone()),
            "ws://127.0.0.1:4000"
        );
        assert_eq!(url(&GlobalArgs::default(), &[], json!({})), "ws://127.0.0.1:18789");
        assert_eq!(url(&GlobalArgs { dev: true, ..GlobalArgs::default() }, &[], json!({})), "ws://127.0.0.1:19001");
        assert_eq!(find(&GlobalArgs::default(), &[], config).unwrap().token.as_deref(), Some("near"));
    }

    #[test]
    fn the_secret_of_this_machine_is_not_shown_to_another() {
        let config = json!({"gateway": {"auth": {"token": "near"}}});
        let global = GlobalArgs { url: Some("wss://elsewhere.example".into()), ..GlobalArgs::default() };
        assert_eq!(find(&global, &[], config.clone()).unwrap().token, None);
        let pairs = [("CHELA_GATEWAY_TOKEN", "given")];
        assert_eq!(find(&global, &pairs, config).unwrap().token.as_deref(), Some("given"));
    }

    #[test]
    fn a_secret_that_the_file_refers_to_is_fetched() {
        let config = json!({"gateway": {"auth": {"token": {"source": "env", "id": "VAULT_TOKEN"}}}});
        let token =
            |pairs: &[(&str, &str)]| find(&GlobalArgs::default(), pairs, config.clone()).map(|found| found.token);
        assert_eq!(token(&[("VAULT_TOKEN", "from the vault ")]).unwrap().as_deref(), Some("from the vault"));
        let error = token(&[]).unwrap_err();
        assert!(error.contains("gateway.auth.token") && error.contains("VAULT_TOKEN"), "{error}");
    }

    #[test]
    fn a_secret_in_an_address_is_refused() {
        for address in ["ws://user:pass@host", "ws://host/?token=x", "ftp://host"] {
            assert!(find(&GlobalArgs { url: Some(address.into()), ..GlobalArgs::default() }, &[], json!({})).is_err());
        }
    }

    #[test]
    fn an_address_on_everything_is_reached_on_loopback() {
        assert_eq!(reachable("ws://0.0.0.0:3000"), "ws://127.0.0.1:3000");
        assert_eq!(reachable("[::]:3000"), "ws://127.0.0.1:3000");
        assert_eq!(reachable("ws://127.0.0.1:18789"), "ws://127.0.0.1:18789");
    }
}
