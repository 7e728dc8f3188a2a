//! Builds the gateway behind the open port: store, models, tools.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use chela_agent::SKILL_FOLDERS;
use chela_config::{Environment, Loaded, Places, Problem, SecretResolver, extend, former_texts, secrets_in};
use chela_llm::{Models, ModelsBuild, http_client, trusted_roots};
use chela_store::{DATABASE_FILE, OpenOptions, Store, WriterMode};
use chela_tools::sandbox::Sandbox;
use chela_tools::{Processes, ToolHost};
use secrecy::ExposeSecret as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{StartError, ground, host_name};
use crate::app::{Facts, Gateway};
use crate::approvals::ApprovalDesk;
use crate::auth::Auth;
use crate::channels::Channels;
use crate::config::Config;
use crate::cron::Cron;
use crate::delivery::Delivery;
use crate::events::Events;
use crate::hooks::Hooks;
use crate::logs::Logs;
use crate::nodes::Nodes;
use crate::outside::Outside;
use crate::presence::PresenceList;
use crate::pressure::Pressure;
use crate::reload::Reloader;
use crate::rpc::Methods;
use crate::sessions::Sessions;
use crate::skills::SkillDesk;
use crate::sources;
use crate::tools_invoke::Invocations;

/// What stands when the port is open.
pub(super) struct Parts {
    pub(super) config: Config,
    pub(super) loaded: Loaded,
    pub(super) problems: Vec<Problem>,
    pub(super) environment: Environment,
    pub(super) places: Places,
    pub(super) auth: Arc<Auth>,
    pub(super) shutdown: CancellationToken,
    pub(super) started: Instant,
    pub(super) logs: Arc<Logs>,
    pub(super) reloader: Reloader,
}

pub(super) async fn gateway(mut parts: Parts) -> Result<Arc<Gateway>, StartError> {
    let store = open_store(parts.places.state_dir.join(DATABASE_FILE)).await?;
    let state_dir = parts.places.state_dir.clone();
    let settling = tokio::task::spawn_blocking(move || crate::skills::settle(&state_dir)).await;
    settling.map_err(|error| StartError::Failed(format!("looking at the installed skills failed: {error}")))?;
    let (models, found) = models(&parts.config, &parts.loaded, &parts.environment, &parts.places, &parts.logs).await?;
    Config::check_whole(&parts.loaded, &mut parts.problems);
    extend(&mut parts.problems, found);
    for problem in &parts.problems {
        tracing::warn!(target: "config", "{problem}");
    }
    let cron = Cron::default();
    let tools = tool_host(&parts, &cron)?;
    let facts = Facts {
        version: env!("CARGO_PKG_VERSION"),
        boot_id: uuid::Uuid::new_v4().to_string(),
        started: parts.started,
        state_dir: parts.places.state_dir.clone(),
        config_path: parts.places.config_path.clone(),
        host: host_name(),
        machine: ground::machine(&parts.environment),
        fleeting: ground::fleeting(&parts.places.state_dir, &parts.environment),
    };
    Ok(Arc::new(Gateway {
        presence: PresenceList::new(&facts, &facts.host),
        facts,
        config: ArcSwap::from_pointee(parts.config),
        loaded: ArcSwap::from_pointee(parts.loaded),
        problems: ArcSwap::from_pointee(parts.problems),
        environment: parts.environment,
        places: parts.places,
        outside: Outside::real(),
        store,
        models: ArcSwap::from_pointee(models),
        tools,
        auth: parts.auth,
        events: Events::default(),
        methods: Methods::new(),
        logs: parts.logs,
        reloader: parts.reloader,
        sessions: Sessions::default(),
        channels: Channels::default(),
        delivery: Delivery::default(),
        pressure: Pressure::default(),
        approvals: ApprovalDesk::default(),
        budgets: Arc::default(),
        cron,
        nodes: Nodes::default(),
        invocations: Invocations::default(),
        hooks: Hooks::default(),
        skills: SkillDesk::default(),
        shutdown: parts.shutdown,
        restart: CancellationToken::new(),
        tasks: TaskTracker::new(),
    }))
}

async fn open_store(path: PathBuf) -> Result<Store, StartError> {
    let open = move || Store::open(OpenOptions { path, writer: WriterMode::Thread });
    let opened = tokio::task::spawn_blocking(open).await;
    let opened = opened.map_err(|error| StartError::Failed(format!("opening the database failed: {error}")))?;
    opened.map_err(|error| StartError::Failed(format!("Gateway failed to start: {error}")))
}

/// The models that the configuration and the environment make reachable. Secrets may come from programs, so this runs off the
/// event loop.
pub(crate) async fn models(
    config: &Config,
    loaded: &Loaded,
    environment: &Environment,
    places: &Places,
    logs: &Arc<Logs>,
) -> Result<(Models, Vec<Problem>), StartError> {
    hide_secrets(logs, loaded, environment);
    let resolver = SecretResolver::new(loaded, environment, places, &mut Vec::new());
    let (section, auth, environment) = (config.models.clone(), config.auth.clone(), environment.clone());
    let logs = logs.clone();
    let build_models = move || {
        let http = http_client(environment.get("SSL_CERT_FILE").map(PathBuf::from));
        Models::build(ModelsBuild {
            config: &section,
            auth: &auth,
            environment: &environment,
            resolve: &|secret| {
                let fetched = resolver.resolve(secret).map_err(|error| error.to_string())?;
                logs.hide(fetched.expose_secret());
                Ok(fetched)
            },
            http,
        })
    };
    let models = tokio::task::spawn_blocking(build_models).await;
    models.map_err(|error| StartError::Failed(format!("setting up the models failed: {error}")))
}

/// From here on no secret of the file or the environment can reach the log. Names are enough to find them here: what only the
/// schema knows to be secret is hidden when it is resolved.
fn hide_secrets(logs: &Logs, loaded: &Loaded, environment: &Environment) {
    let written = secrets_in(&loaded.value, &serde_json::Value::Bool(true));
    written.iter().map(String::as_str).chain(environment.secrets()).for_each(|secret| logs.hide(secret));
}

fn tool_host(parts: &Parts, cron: &Cron) -> Result<ToolHost, StartError> {
    let variables = ["LANG", "TERM", "TZ", "USER", "SHELL", "TMPDIR"];
    let variables =
        variables.iter().filter_map(|name| Some(((*name).to_owned(), parts.environment.get(name)?.to_owned())));
    Ok(ToolHost {
        home: parts.places.home.clone(),
        path: parts.environment.get("PATH").unwrap_or("/usr/local/bin:/usr/bin:/bin").to_owned(),
        variables: variables.collect(),
        state_dir: parts.places.state_dir.clone(),
        secret_files: secret_files(&parts.loaded, &parts.places),
        readable: SKILL_FOLDERS.iter().map(|folder| parts.places.state_dir.join(folder)).collect(),
        user_agent: format!("chela/{}", env!("CARGO_PKG_VERSION")),
        tls: tls(&parts.environment)?,
        sandbox: Sandbox::new(),
        processes: Processes::default(),
        cron: cron.line(),
    })
}

/// What the file tools refuse wherever it stands: the configuration's files, the former texts beside them, and the files that its
/// secrets are fetched from.
pub(crate) fn secret_files(loaded: &Loaded, places: &Places) -> Vec<PathBuf> {
    let files = || loaded.files.iter().chain([&loaded.path]);
    let former = files().flat_map(|file| former_texts(file));
    files().cloned().chain(former).chain(sources::secret_files(loaded, places)).collect()
}

/// TLS of tools that fetch pages. A file of certificates that can't be read adds none; the models' calls name it as well.
fn tls(environment: &Environment) -> Result<rustls::ClientConfig, StartError> {
    let roots = trusted_roots(environment.get("SSL_CERT_FILE").map(Path::new)).or_else(|error| {
        tracing::error!(target: "tools", %error, "only the built-in certificates are trusted");
        trusted_roots(None)
    });
    let roots = roots.map_err(|error| StartError::Failed(error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| StartError::Failed(format!("can't set up TLS: {error}")))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
