//! The rules of starting: what configuration is needed, which addresses may be bound, and with what protection.

use std::path::Path;

use chela_config::{Environment, FIRST_FILE, Loaded, Places, WriteError};

use super::ground::in_container;
use super::secret::SecretOrigin;
use super::{Bind, Options, StartError};
use crate::auth::Secrets;
use crate::config::{AuthMode, Config, DEFAULT_PORT, GatewayMode};
use crate::server;

/// Reads the configuration. A missing one is refused, or written when the options allow to start without.
pub(super) fn load(options: &Options, places: &Places, environment: &mut Environment) -> Result<Loaded, StartError> {
    let process_environment = environment.clone();
    let loaded = chela_config::load(places, environment);
    if loaded.exists {
        return Ok(loaded);
    }
    if !options.allow_unconfigured {
        let message = "Missing config. Run `chela config set gateway.mode local` (or pass --allow-unconfigured).";
        return Err(StartError::Refused(message.to_owned()));
    }
    if let Err(error) = write_minimal(&places.config_path) {
        tracing::warn!(target: "gateway", %error, path = %places.config_path.display(), "can't write a first configuration");
        return Ok(loaded);
    }
    *environment = process_environment;
    Ok(chela_config::load(places, environment))
}

/// Whole or not at all: half a file would be taken for a broken configuration for ever.
fn write_minimal(path: &Path) -> Result<(), WriteError> {
    chela_config::write(path, FIRST_FILE, Some(&chela_config::hash(b""))).map(drop)
}

/// A file without `gateway.mode: "local"` may belong to a machine that only talks to a gateway elsewhere.
/// A broken file still starts, in safe mode, so that it can be mended from the page.
pub(super) fn check_mode(options: &Options, loaded: &Loaded, config: &Config) -> Result<(), StartError> {
    let path = loaded.path.display();
    match config.gateway.mode {
        Some(GatewayMode::Remote) => Err(StartError::Refused(format!(
            "Gateway start blocked: {path} says gateway.mode=remote, so this machine uses a gateway elsewhere. \
             Run `chela config set gateway.mode local` to run one here."
        ))),
        None if !options.allow_unconfigured && !loaded.safe_mode => Err(StartError::Refused(format!(
            "Gateway start blocked: {path} has no gateway.mode. Run `chela config set gateway.mode local` \
             (or pass --allow-unconfigured)."
        ))),
        Some(GatewayMode::Local) | None => Ok(()),
    }
}

/// Flag, then environment, then file, then the default.
pub(super) fn port(options: &Options, config: &Config, environment: &Environment) -> Result<u16, StartError> {
    if let Some(port) = options.port {
        return Ok(port);
    }
    match environment.gateway("GATEWAY_PORT") {
        Some(text) => text
            .trim()
            .parse()
            .map_err(|_| StartError::Refused(format!("GATEWAY_PORT is `{text}`; expected a port from 0 to 65535"))),
        None => Ok(config.gateway.port.unwrap_or(DEFAULT_PORT)),
    }
}

/// What to bind: this machine only, unless somebody says otherwise. Whatever others can reach needs a secret, and `auto` takes all
/// interfaces only in a container and only with one that somebody chose.
pub(super) fn bind_mode(
    options: &Options,
    config: &Config,
    environment: &Environment,
    (secrets, origin): (&Secrets, SecretOrigin),
) -> Result<Bind, StartError> {
    let mode = asked_bind(options.bind, environment, config)?;
    let protected = is_protected(secrets, config);
    if mode == Bind::Auto {
        if !in_container(environment) {
            return Ok(Bind::Loopback);
        }
        // The mode `trusted-proxy` has no secret of its own: whoever set it up chose it.
        if protected && (origin == SecretOrigin::Chosen || secrets.mode() == AuthMode::TrustedProxy) {
            return Ok(Bind::Lan);
        }
        tracing::warn!(
            target: "gateway",
            "in a container without a token that somebody chose: listening on loopback only. Set CHELA_GATEWAY_TOKEN to be \
             reachable."
        );
        return Ok(Bind::Loopback);
    }
    if server::reaches_others(mode, config.gateway.custom_bind_host.as_deref()) && !protected {
        return Err(StartError::Refused(format!(
            "Refusing to bind gateway to {} without auth.\nSet CHELA_GATEWAY_TOKEN (for example to the output of `openssl rand \
             -hex 32`) or gateway.auth.token, or use --bind loopback.",
            bind_name(mode)
        )));
    }
    Ok(mode)
}

/// What is asked for: by the flag, else the environment, else the file.
pub fn asked_bind(flag: Option<Bind>, environment: &Environment, config: &Config) -> Result<Bind, StartError> {
    let from_environment = || environment.gateway("GATEWAY_BIND").map(parse_bind).transpose();
    let named = match flag {
        Some(mode) => Some(mode),
        None => from_environment()?,
    };
    Ok(named.or(config.gateway.bind).unwrap_or(Bind::Loopback))
}

/// Whether a stranger who reaches the port is kept out.
fn is_protected(secrets: &Secrets, config: &Config) -> bool {
    match secrets.mode() {
        AuthMode::None => false,
        AuthMode::Token | AuthMode::Password => !secrets.is_empty(),
        AuthMode::TrustedProxy => {
            let rules = config.gateway.auth.trusted_proxy.as_ref();
            !config.gateway.trusted_proxies.is_empty() && rules.is_some_and(|rules| !rules.user_header.is_empty())
        }
    }
}

fn parse_bind(text: &str) -> Result<Bind, StartError> {
    match text.trim() {
        "auto" => Ok(Bind::Auto),
        "lan" => Ok(Bind::Lan),
        "loopback" => Ok(Bind::Loopback),
        "custom" => Ok(Bind::Custom),
        "tailnet" => Ok(Bind::Tailnet),
        other => Err(StartError::Refused(format!(
            "GATEWAY_BIND is `{other}`; expected auto, lan, loopback, custom or tailnet"
        ))),
    }
}

fn bind_name(mode: Bind) -> &'static str {
    match mode {
        Bind::Auto => "auto",
        Bind::Lan => "lan",
        Bind::Loopback => "loopback",
        Bind::Custom => "custom",
        Bind::Tailnet => "tailnet",
    }
}
