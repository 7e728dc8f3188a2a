//! The gateway's own secret: from the command line, the environment, the file, or made at the first start.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chela_config::{Environment, Loaded, Places, Secret, SecretResolver};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Bind, Options, StartError, rules};
use crate::auth::{Secrets, tokens};
use crate::config::{AuthMode, Config};
use crate::logs::Logs;

/// Where a token that nobody set is kept, in the state dir, for its owner only.
pub(super) const TOKEN_FILE: &str = "gateway-token";

/// A secret is a line; a file longer than this is something else.
const TOKEN_MAX_BYTES: usize = 1024;

/// What was decided: the secrets in force, where they come from, and the token when this start made it.
pub(super) struct Decided {
    secrets: Secrets,
    origin: SecretOrigin,
    new_token: Option<SecretString>,
    texts: Vec<String>,
}

/// Who chose the secret. One that only stands in a file which its owner may never have seen opens no door by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SecretOrigin {
    /// A flag, the environment or the configuration.
    Chosen,
    /// This start or an earlier one made it.
    Made,
}

impl Decided {
    /// Hands the secrets over, once none of them can reach the log any more.
    pub(super) fn hidden_in(self, logs: &Logs) -> (Secrets, SecretOrigin, Option<SecretString>) {
        self.texts.iter().for_each(|text| logs.hide(text));
        (self.secrets, self.origin, self.new_token)
    }
}

/// Makes a token where there is none yet, as a start on this machine only would, and returns the file that holds it. For repairs:
/// with it a start on other addresses is no longer refused.
pub fn make_token(state_dir: &Path) -> io::Result<PathBuf> {
    if kept(state_dir).is_none() {
        keep(state_dir, &tokens::generate())?;
    }
    Ok(state_dir.join(TOKEN_FILE))
}

pub(super) async fn decide(
    options: &Options,
    config: &Config,
    loaded: &Loaded,
    environment: &Environment,
    places: &Places,
) -> Result<Decided, StartError> {
    let (mut token, password) = fetch(options, config, loaded, environment, places).await;
    let mode = options.auth.or(config.gateway.auth.mode).unwrap_or(if token.is_none() && password.is_some() {
        AuthMode::Password
    } else {
        AuthMode::Token
    });
    if mode == AuthMode::Password && password.is_none() {
        let message =
            "gateway.auth.mode is `password`, but there is none. Set CHELA_GATEWAY_PASSWORD or gateway.auth.password.";
        return Err(StartError::Refused(message.to_owned()));
    }
    let mut new_token = None;
    let origin = if token.is_some() || password.is_some() { SecretOrigin::Chosen } else { SecretOrigin::Made };
    if mode == AuthMode::Token && token.is_none() {
        token = kept(&places.state_dir);
        // A file that can't be read may have held the token. Its owner, who has a shell there, finds the new one in the state dir.
        if token.is_none() && (loaded.safe_mode || !asks_for_others(options, config, environment)?) {
            let fresh = tokens::generate();
            keep(&places.state_dir, &fresh).map_err(|error| {
                StartError::Failed(format!("can't write {}: {error}", places.state_dir.join(TOKEN_FILE).display()))
            })?;
            new_token = Some(fresh.clone().into());
            token = Some(fresh);
        }
    }
    let secrets = Secrets::new(mode, token.as_deref(), password.as_deref());
    Ok(Decided { secrets, origin, new_token, texts: token.into_iter().chain(password).collect() })
}

/// The token and the password as they should be now; a token that was made earlier counts. For a reload.
pub(crate) async fn current(
    options: &Options,
    config: &Config,
    loaded: &Loaded,
    environment: &Environment,
    places: &Places,
) -> (Option<String>, Option<String>) {
    let (token, password) = fetch(options, config, loaded, environment, places).await;
    (token.or_else(|| kept(&places.state_dir)), password)
}

async fn fetch(
    options: &Options,
    config: &Config,
    loaded: &Loaded,
    environment: &Environment,
    places: &Places,
) -> (Option<String>, Option<String>) {
    // What is wrong in `secrets` was told when the whole configuration was read.
    let resolver = SecretResolver::new(loaded, environment, places, &mut Vec::new());
    let auth = config.gateway.auth.clone();
    let given = |flag: Option<&SecretString>, variable: &str| {
        let given = flag.map(SecretString::expose_secret).or_else(|| environment.gateway(variable)).map(str::trim);
        given.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let token = given(options.token.as_ref(), "GATEWAY_TOKEN");
    let password = given(options.password.as_ref(), "GATEWAY_PASSWORD");
    // A secret may come from a program, which takes its time.
    let fetched = tokio::task::spawn_blocking(move || {
        let token = token.or_else(|| resolved(auth.token.as_ref(), &resolver));
        let password = password.or_else(|| resolved(auth.password.as_ref(), &resolver));
        (token, password)
    });
    fetched.await.unwrap_or_default()
}

fn resolved(written: Option<&Secret>, resolver: &SecretResolver) -> Option<String> {
    match resolver.resolve(written?) {
        Ok(secret) => Some(secret.expose_secret().trim().to_owned()).filter(|text| !text.is_empty()),
        Err(error) => {
            tracing::error!(target: "gateway", %error, "can't fetch the gateway's secret");
            None
        }
    }
}

/// Whether the options name an address that others can reach. Then a token must have been chosen: one that only stands in a
/// terminal nobody watches would lock its owner out.
fn asks_for_others(options: &Options, config: &Config, environment: &Environment) -> Result<bool, StartError> {
    let mode = rules::asked_bind(options.bind, environment, config)?;
    Ok(matches!(mode, Bind::Lan | Bind::Tailnet | Bind::Custom))
}

fn kept(state_dir: &Path) -> Option<String> {
    let text = fs::read_to_string(state_dir.join(TOKEN_FILE)).ok()?;
    let token = text.trim();
    (!token.is_empty() && token.len() <= TOKEN_MAX_BYTES).then(|| token.to_owned())
}

fn keep(state_dir: &Path, token: &str) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;

    use rustix::fs::OFlags;

    let path = state_dir.join(TOKEN_FILE);
    let mut options = fs::OpenOptions::new();
    // A link there leads to a file that isn't ours to empty.
    options.write(true).create(true).truncate(true).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let mut file = options.open(path)?;
    writeln!(file, "{token}")?;
    file.sync_all()
}
