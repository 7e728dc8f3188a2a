//! Takes up a changed configuration while everything runs: section by section, what can be hot is, and what needs a restart is said.

use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use chela_config::{KeyPath, Loaded, Problem, changes, extend, hash, needing_restart};
use chela_protocol::{CloseCode, ConfigChanged, Scope};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::app::Gateway;
use crate::auth::Credential;
use crate::config::{self, Config, ReloadMode};
use crate::events::{Audience, Event};
use crate::folder_watch::FolderWatch;
use crate::sources::Sources;
use crate::start::{self, Options};

/// Quiet time after a change before the file is read: editors write in several steps.
const DEBOUNCE: Duration = Duration::from_millis(300);
/// A file that never stops changing is read anyway.
const DEBOUNCE_MAX: Duration = Duration::from_secs(5);

/// What a change of the file came to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Applied {
    pub(crate) changed: Vec<String>,
    pub(crate) requires_restart: Vec<String>,
}

/// Which secrets are fetched again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrets {
    /// Those that stand in a file which has changed.
    Changed,
    /// Every one: nobody sees that a program would print another one now.
    All,
}

/// Reads the file again when it changes or somebody asks.
pub(crate) struct Reloader {
    options: Options,
    /// One at a time: two readers could put an older state in force last.
    turn: Mutex<()>,
    /// What is in force was read from these.
    sources: SyncMutex<Sources>,
    /// What `/debug` set over the file; an object, gone with the process.
    overrides: SyncMutex<Value>,
}

impl Reloader {
    pub(crate) fn new(options: Options, sources: Sources) -> Self {
        let overrides = SyncMutex::new(Value::Object(Map::new()));
        Self { options, turn: Mutex::new(()), sources: SyncMutex::new(sources), overrides }
    }

    /// Reads the file and puts what it says in force, with the secrets that it refers to. A file that can't be read changes nothing.
    pub(crate) async fn reload(&self, gateway: &Arc<Gateway>, secrets: Secrets) -> Result<Applied, Vec<Problem>> {
        let _turn = self.turn.lock().await;
        self.take_up(gateway, secrets).await
    }

    /// Lets `change` write the file and puts that in force before anybody else reads it, so that the writer is told what its own
    /// change came to and not that nothing is left to do.
    pub(crate) async fn write<T, E>(
        &self,
        gateway: &Arc<Gateway>,
        change: impl Future<Output = Result<T, E>>,
    ) -> Result<(T, Applied), E> {
        let _turn = self.turn.lock().await;
        let written = change.await?;
        Ok((written, self.take_up(gateway, Secrets::Changed).await.unwrap_or_default()))
    }

    /// What is set over the file.
    pub(crate) fn overrides(&self) -> Value {
        self.overrides.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts other settings over the file in force.
    pub(crate) async fn replace_overrides(
        &self,
        gateway: &Arc<Gateway>,
        overrides: Value,
    ) -> Result<Applied, Vec<Problem>> {
        let _turn = self.turn.lock().await;
        *self.overrides.lock().unwrap_or_else(PoisonError::into_inner) = overrides;
        self.take_up(gateway, Secrets::Changed).await
    }

    /// Whether what is in force was read from something else than what stands in the files now.
    fn is_behind(&self, gateway: &Gateway) -> bool {
        let loaded = gateway.loaded.load();
        let main_is_same = std::fs::read(&loaded.path).map_or(!loaded.exists, |bytes| hash(&bytes) == loaded.hash);
        !main_is_same || self.sources().have_changed()
    }

    async fn take_up(&self, gateway: &Arc<Gateway>, secrets: Secrets) -> Result<Applied, Vec<Problem>> {
        let mut environment = self.options.environment.clone();
        let known = self.sources();
        // Looked at before they are read: what changes in between is seen as a change.
        let as_read = known.again();
        let (loaded, config, mut problems) = start::reread(&gateway.places, &mut environment, &self.overrides());
        let before = gateway.loaded.load_full();
        if loaded.safe_mode || (before.exists && !loaded.exists) {
            return Err(problems);
        }
        let changed: Vec<KeyPath> = changes(&before.value, &loaded.value);
        let sources = start::sources(&loaded, &gateway.places).or_earlier(as_read);
        let is_same = changed.is_empty() && before.hash == loaded.hash && sources == known;
        if is_same && secrets == Secrets::Changed {
            return Ok(Applied::default());
        }
        *self.sources.lock().unwrap_or_else(PoisonError::into_inner) = sources;
        let changed: Vec<String> = changed.iter().map(ToString::to_string).collect();
        tracing::info!(target: "reload", "config change detected; evaluating reload ({})", named(&changed));
        let (models, found) = start::models(&config, &loaded, &environment, &gateway.places, &gateway.logs)
            .await
            .map_err(|error| vec![problem(&error.to_string())])?;
        extend(&mut problems, found);
        gateway.models.store(Arc::new(models.succeeding(&gateway.models.load())));
        self.rotate(gateway, &config, &loaded, &environment).await;
        let (origins, proxies) = start::page_rules(&config, &environment);
        gateway.auth.replace_origins(origins);
        gateway.auth.replace_proxies(proxies);
        gateway.logs.configure(
            &config.logging,
            self.options.verbose,
            self.options.log_format == start::LogFormat::Json,
        );
        for problem in &problems {
            tracing::warn!(target: "config", "{problem}");
        }
        let applied = put_in_force(gateway, config, loaded, problems, changed);
        gateway.channels.apply(gateway, &environment);
        gateway.channels.renew_secrets(gateway, &environment).await;
        gateway.hooks.renew(gateway, &environment).await;
        Ok(applied)
    }

    fn sources(&self) -> Sources {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts changed secrets in force and closes what the old ones let in.
    async fn rotate(
        &self,
        gateway: &Gateway,
        config: &Config,
        loaded: &Loaded,
        environment: &chela_config::Environment,
    ) {
        let (token, password) =
            start::current_secrets(&self.options, config, loaded, environment, &gateway.places).await;
        for secret in token.iter().chain(&password) {
            gateway.logs.hide(secret);
        }
        if token.is_none() && password.is_none() {
            // A file that lost its secret must not open the door; the old one stays.
            return;
        }
        let Some(old) = gateway.auth.rotate(token.as_deref(), password.as_deref()) else { return };
        tracing::info!(target: "reload", "the gateway's secret changed; closing what the old one let in");
        gateway.events.close_where(
            CloseCode::AuthChanged,
            "gateway auth changed",
            |peer| matches!(peer.credential, Credential::Shared { generation } if generation <= old),
        );
    }
}

fn put_in_force(
    gateway: &Gateway,
    config: Config,
    loaded: Loaded,
    problems: Vec<Problem>,
    changed: Vec<String>,
) -> Applied {
    let payload =
        ConfigChanged { path: loaded.path.display().to_string(), hash: loaded.hash.clone(), ts: gateway.now_ms() };
    // What is built from the configuration asks for the files as well, so they come first.
    let before = gateway.loaded.swap(Arc::new(loaded));
    let requires_restart = needing_restart(&config::schema(), &before.value, &gateway.loaded.load().value);
    let requires_restart: Vec<String> = requires_restart.iter().map(ToString::to_string).collect();
    gateway.config.store(Arc::new(config));
    gateway.cron.wake();
    gateway.problems.store(Arc::new(problems));
    gateway.events.publish(&Event::new("config.changed", Audience::Holding(Scope::Read), &payload));
    tracing::info!(target: "reload", "config hot reload applied ({})", named(&changed));
    if !requires_restart.is_empty() {
        tracing::warn!(target: "reload", "restart the gateway for: {}", requires_restart.join(", "));
    }
    Applied { changed, requires_restart }
}

/// What changed, for the log. A secret that stands elsewhere has no place in the configuration.
fn named(changed: &[String]) -> String {
    if changed.is_empty() { "secrets only".to_owned() } else { changed.join(", ") }
}

fn problem(message: &str) -> Problem {
    Problem { path: String::new(), severity: chela_config::Severity::Error, message: message.to_owned(), hint: None }
}

/// Watches the folders of all files that the configuration was read from. Ends with the gateway.
pub(crate) async fn watch(gateway: Arc<Gateway>) {
    let mut folders = match FolderWatch::new() {
        Ok(folders) => folders,
        Err(error) => {
            tracing::warn!(target: "reload", %error, "can't watch the configuration; changes are taken up at the next start");
            return;
        }
    };
    loop {
        for folder in gateway.reloader.sources().folders() {
            // One that is not there is tried again after the next change.
            let _ = folders.add(folder);
        }
        if let Err(error) = folders.changed().await {
            tracing::warn!(target: "reload", %error, "the configuration is no longer watched");
            return;
        }
        let reload = gateway.config.load().gateway.reload;
        settle(&folders, reload.debounce_ms.map_or(DEBOUNCE, Duration::from_millis)).await;
        // With `off`, the edit that turns it on again waits for a start too; a client's `config.set` is taken up at once.
        // The folders are full of other files (the database, the logs), whose changes are none of ours.
        if reload.mode == ReloadMode::Off || !gateway.reloader.is_behind(&gateway) {
            continue;
        }
        if let Err(problems) = gateway.reloader.reload(&gateway, Secrets::Changed).await {
            for problem in &problems {
                tracing::warn!(target: "reload", "config change skipped, the last good one stays: {problem}");
            }
        }
    }
}

/// Waits until nothing has changed for `quiet`.
async fn settle(folders: &FolderWatch, quiet: Duration) {
    let settled = async { while timeout(quiet, folders.changed()).await.is_ok_and(|noticed| noticed.is_ok()) {} };
    // A file that never rests is read as it stands.
    let _ = timeout(DEBOUNCE_MAX, settled).await;
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::needing_restart;

    fn check(before: &Value, after: &Value, expected: &[&str]) {
        let found = needing_restart(&crate::config::schema(), before, after);
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{before} to {after}");
    }

    #[test]
    fn what_needs_a_restart_is_named() {
        let gateway = |inner: Value| json!({ "gateway": inner });
        check(&gateway(json!({"port": 1})), &gateway(json!({"port": 2})), &["gateway.port"]);
        check(&json!({}), &gateway(json!({"port": 2, "auth": {"token": "x"}})), &["gateway.port"]);
        let limit = |attempts: u32| gateway(json!({"auth": {"rateLimit": {"maxAttempts": attempts}}}));
        check(&limit(1), &limit(2), &["gateway.auth.rateLimit.maxAttempts"]);
        check(&json!({}), &json!({"agents": {"defaults": {"maxConcurrent": 2}}}), &["agents.defaults.maxConcurrent"]);
    }

    #[test]
    fn everything_else_is_hot() {
        let one = |name: &str| json!({ name: { "deny": ["x"], "defaults": { "model": "a/b" } } });
        for name in ["agents", "models", "tools", "skills", "session", "messages", "logging", "bindings", "identity"] {
            check(&json!({}), &one(name), &[]);
            check(&one(name), &json!({}), &[]);
        }
        let auth = |token: &str| json!({"gateway": {"auth": {"token": token, "password": token}}});
        check(&auth("old"), &auth("new"), &[]);
    }
}
