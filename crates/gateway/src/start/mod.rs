//! From options to a listening gateway, and from a signal back to nothing.
//!
//! The order: lock, configuration, listen, then everything that takes time. Whoever connects before the gateway is built is told to
//! try again.

mod background;
mod build;
mod ground;
mod housekeeping;
mod rules;
mod secret;
mod stop;

pub(crate) use build::{models, secret_files};
pub use ground::{Fleeting, fleeting, in_container};
pub use rules::asked_bind;
pub(crate) use secret::current as current_secrets;
pub use secret::make_token;
pub(crate) use stop::wind_down;

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chela_config::{Environment, Loaded, Places, Problem};
use chela_protocol::limits;
use chela_store::{InstanceInfo, InstanceLock};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::{Gateway, now_ms};
use crate::auth::{Auth, OriginRules, ProxyRules, RateLimiter, Secrets};
use crate::config::{AuthMode, Config, ConsoleStyle};
use crate::logs::Logs;
use crate::reload::Reloader;
use crate::server::{self, BindError, Bound, Front, PortOwner};
use crate::sources::Sources;
use stop::Signals;

/// How long a process that holds the port is given to stop when `--force` asks it to.
const FORCE_GRACE: Duration = Duration::from_secs(5);

/// What the command line decided.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub environment: Environment,
    pub places: Option<Places>,
    /// Beats the environment and the file. 0 lets the system choose.
    pub port: Option<u16>,
    pub bind: Option<Bind>,
    pub auth: Option<AuthMode>,
    pub token: Option<SecretString>,
    pub password: Option<SecretString>,
    /// Start without a configuration, and write a minimal one.
    pub allow_unconfigured: bool,
    pub verbose: bool,
    pub log_format: LogFormat,
    /// Stop whatever holds the port first.
    pub force: bool,
}

/// Which addresses to listen on, as the command line names them.
pub type Bind = crate::config::BindMode;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    #[default]
    Pretty,
    Json,
}

/// How a gateway that had started came to its end. A restart that somebody asked for is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// SIGTERM or SIGINT; everything is on disk.
    Stopped,
    /// A second signal came meanwhile. What was accepted is on disk; turns that ran resume at the next start.
    Forced,
}

/// Why the gateway did not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The configuration or the security rules refuse it: another try changes nothing.
    #[error("{0}")]
    Refused(String),
    /// Something else is in the way.
    #[error("{0}")]
    Failed(String),
}

impl StartError {
    /// 78 when refused, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => 78,
            Self::Failed(_) => 1,
        }
    }
}

/// A gateway that listens.
pub struct Running {
    /// The port that is really bound.
    pub port: u16,
    /// Where it listens, for people.
    pub address: String,
    /// A token that was made by this start, to be shown once.
    pub new_token: Option<SecretString>,
    /// Where this machine opens the web page, for example `http://127.0.0.1:18789/`; `None` when it is off.
    page: Option<String>,
    gateway: Arc<Gateway>,
    front: Arc<Front>,
    accepting: JoinHandle<()>,
    _lock: InstanceLock,
}

/// Starts, serves until a signal, and stops. Logs to the console and the log file.
pub async fn run(options: Options) -> Result<Exit, StartError> {
    let logs = logs(&options);
    logs.install();
    // From the beginning: what asks us to stop may come with our first word.
    let mut signals = Signals::catch();
    let mut next = options;
    loop {
        let options = next.clone();
        if let Some(exit) = Box::pin(serve(options, logs.clone(), &mut signals)).await? {
            return Ok(exit);
        }
        // The port was ours a moment ago: whoever has it now was started for a reason.
        next.force = false;
    }
}

/// One life of the gateway; `None` when it is to begin another one.
async fn serve(options: Options, logs: Arc<Logs>, signals: &mut Signals) -> Result<Option<Exit>, StartError> {
    let running = tokio::select! {
        biased;
        _ = signals.next() => return Ok(Some(Exit::Stopped)),
        running = Box::pin(start_with(options, logs)) => running?,
    };
    if let Some(token) = &running.new_token {
        running.introduce(token);
    }
    let (reason, exit) = tokio::select! {
        biased;
        name = signals.next() => {
            tracing::info!(target: "gateway", "received {name}; shutting down");
            ("gateway stopping", Some(Exit::Stopped))
        }
        () = running.restart_asked() => {
            tracing::info!(target: "gateway", "a restart was asked for");
            ("gateway restarting", None)
        }
    };
    tokio::select! {
        biased;
        () = running.stop(reason) => Ok(exit),
        name = signals.next() => {
            tracing::warn!(target: "shutdown", "received {name} again; ending at once");
            Ok(Some(Exit::Forced))
        }
    }
}

/// Starts without touching signals or the process's logging: for tests and for embedding.
pub async fn start(options: Options) -> Result<Running, StartError> {
    let logs = logs(&options);
    Box::pin(start_with(options, logs)).await
}

fn logs(options: &Options) -> Arc<Logs> {
    let style = match options.log_format {
        LogFormat::Pretty => ConsoleStyle::Pretty,
        LogFormat::Json => ConsoleStyle::Json,
    };
    let state_dir = options.places.as_ref().map(|places| places.state_dir.clone()).unwrap_or_default();
    Logs::new(&state_dir, host_name(), options.verbose, style)
}

async fn start_with(options: Options, logs: Arc<Logs>) -> Result<Running, StartError> {
    let started = Instant::now();
    let mut environment = options.environment.clone();
    let places =
        options.places.clone().ok_or_else(|| StartError::Refused("no state directory was given".to_owned()))?;
    let mut lock = acquire(&places)?;
    let mut loaded = rules::load(&options, &places, &mut environment)?;
    let (config, problems, decided) = match decide(&options, &loaded, &environment, &places).await {
        // A platform would start us again and again, and nobody could reach the page to mend it.
        Err(StartError::Refused(why)) if ground::machine(&environment).is_some() => {
            loaded.set_aside(why);
            decide(&options, &loaded, &environment, &places).await?
        }
        decided => decided?,
    };
    logs.configure(&config.logging, options.verbose, options.log_format == LogFormat::Json);
    let (secrets, origin, new_token) = decided.hidden_in(&logs);
    let sources = sources(&loaded, &places);
    let bind_mode = rules::bind_mode(&options, &config, &environment, (&secrets, origin))?;
    let port = rules::port(&options, &config, &environment)?;
    let bound = listen(&options, bind_mode, &config, port).await?;
    let address = format!("ws://{}:{}", bound.shown_host, bound.port);
    let page = format!("http://{}:{}/", bound.reachable_host(), bound.port);
    let shutdown = CancellationToken::new();
    let auth = Arc::new(auth(&config, &environment, secrets));
    let front = Arc::new(Front::new(auth.clone(), shutdown.clone()));
    let router = server::router(front.clone());
    let Bound { listeners, port, .. } = bound;
    let accepting = tokio::spawn(server::accept_all(front.clone(), router, listeners));
    // Whoever waits for the line below may look into the lock file at once.
    if let Err(error) = lock.set_address(&address) {
        tracing::warn!(target: "gateway", %error, "can't note the address in the lock file");
    }
    tracing::info!(target: "gateway", "listening on {address} (PID {})", std::process::id());
    let reloader = Reloader::new(options, sources);
    let parts = build::Parts { config, loaded, problems, environment, places, auth, shutdown, started, logs, reloader };
    let gateway = build::gateway(parts).await?;
    gateway.hooks.renew(&gateway, &gateway.environment).await;
    announce(&gateway);
    front.open(gateway.clone());
    background::spawn(&gateway);
    take_up_work(&gateway).await;
    tracing::info!(target: "gateway", "ready");
    let page = (gateway.config.load().gateway.control_ui.enabled != Some(false)).then_some(page);
    if let Some(page) = &page {
        tracing::info!(target: "gateway", "open {page} in a browser");
    }
    Ok(Running { port, address, new_token, page, gateway, front, accepting, _lock: lock })
}

/// The configuration's sections and the gateway's secret; refused where a gateway can't or must not be started with them.
async fn decide(
    options: &Options,
    loaded: &Loaded,
    environment: &Environment,
    places: &Places,
) -> Result<(Config, Vec<Problem>, secret::Decided), StartError> {
    let (config, problems) = Config::read(loaded);
    rules::check_mode(options, loaded, &config)?;
    let decided = secret::decide(options, &config, loaded, environment, places).await?;
    Ok((config, problems, decided))
}

impl Running {
    /// For tests that reach behind the port.
    #[cfg(test)]
    pub(crate) fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// Waits until an owner asks for a new start; whoever runs the gateway then stops this one and begins another.
    pub async fn restart_asked(&self) {
        self.gateway.restart.cancelled().await;
    }

    /// Takes no new work, lets what runs finish or checkpoint, tells clients, and closes the store.
    pub async fn stop(self, reason: &str) {
        let gateway = &self.gateway;
        let started = Instant::now();
        stop::announce(gateway, reason);
        wind_down(gateway).await;
        self.front.end_requests();
        let closed = async { tokio::join!(self.accepting, self.front.sockets_closed()) };
        let _ = tokio::time::timeout(limits::CLOSE_GRACE, closed).await;
        tracing::info!(target: "shutdown", "completed cleanly in {}ms", started.elapsed().as_millis());
    }

    /// Tells the owner of a token that this start made. It is shown to a terminal only: anything else (a journal, a container's
    /// log, a file) would keep it.
    fn introduce(&self, token: &SecretString) {
        let file = self.gateway.places.state_dir.join(secret::TOKEN_FILE);
        if !std::io::stderr().is_terminal() {
            tracing::info!(target: "gateway", "a token was made for this gateway: it is in the file {}", file.display());
            return;
        }
        let token = token.expose_secret();
        let link =
            self.page.as_ref().map(|page| format!("  The web page takes it from this link: {page}#token={token}\n"));
        eprintln!(
            "\n  A token was made for this gateway: {token}\n{}  It is kept in the file {}.\n",
            link.unwrap_or_default(),
            file.display()
        );
    }
}

/// What a gateway does once it stands: it takes up what the last one left, and begins to deliver and to work by the clock.
pub(crate) async fn take_up_work(gateway: &Arc<Gateway>) {
    gateway.sessions.resume(gateway).await;
    let delivering = gateway.clone();
    gateway.tasks.spawn(async move { delivering.delivery.run(delivering.clone()).await });
    gateway.channels.apply(gateway, &gateway.environment);
    background::automate(gateway);
}

/// Says what is in use, so that nobody has to guess.
fn announce(gateway: &Gateway) {
    let facts = &gateway.facts;
    let loaded = gateway.loaded.load();
    let found = match (loaded.exists, loaded.safe_mode) {
        (_, true) => " (can't be read: safe mode; mend it in the page or with `chela config`)",
        (true, false) => "",
        (false, false) => " (not there)",
    };
    tracing::info!(target: "gateway", "config file: {}{found}", facts.config_path.display());
    tracing::info!(target: "gateway", "state dir: {}", facts.state_dir.display());
    if let Some(told) = &facts.fleeting {
        tracing::warn!(target: "gateway", "the state dir {}; {}", told.why, told.mend());
    }
    tracing::info!(target: "gateway", "agent model: {}", gateway.default_model());
    tracing::info!(target: "gateway", "log file: {}", gateway.logs.path().display());
}

fn acquire(places: &Places) -> Result<InstanceLock, StartError> {
    let info = InstanceInfo { pid: std::process::id(), started_at_ms: now_ms(), address: None };
    InstanceLock::acquire(&places.state_dir, info).map_err(|error| StartError::Failed(error.to_string()))
}

async fn listen(options: &Options, mode: Bind, config: &Config, port: u16) -> Result<Bound, StartError> {
    if options.force && port != 0 {
        stop_owner(port).await;
    }
    server::bind(mode, config.gateway.custom_bind_host.as_deref(), port).await.map_err(|error| match error {
        BindError::InUse { .. } | BindError::Failed { .. } | BindError::NoTailnet => {
            StartError::Failed(format!("Gateway failed to start: {error}"))
        }
        BindError::BadHost(_) => StartError::Refused(format!("Gateway failed to start: {error}")),
    })
}

/// Asks the process that holds the port to stop. Whether it did shows when the port is bound.
async fn stop_owner(port: u16) {
    let Some(owner) = PortOwner::find(port) else { return };
    let Some(pid) = rustix::process::Pid::from_raw(owner.pid) else { return };
    tracing::warn!(target: "gateway", "--force: stopping {owner}, which holds port {port}");
    if rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_err() {
        return;
    }
    let gone = async {
        while PortOwner::find(port).is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let _ = tokio::time::timeout(FORCE_GRACE, gone).await;
}

fn auth(config: &Config, environment: &Environment, secrets: Secrets) -> Auth {
    let (origins, proxies) = page_rules(config, environment);
    Auth::new(secrets, origins, proxies, RateLimiter::new(config.gateway.auth.rate_limit))
}

/// Which pages and which proxies are believed.
pub(crate) fn page_rules(config: &Config, environment: &Environment) -> (OriginRules, ProxyRules) {
    let fly_app = environment.get("FLY_APP_NAME");
    let fly_names = fly_app.map(|app| [format!("{app}.fly.dev"), format!("{app}.internal"), format!("{app}.flycast")]);
    let host = host_name();
    let names = [host.clone(), format!("{host}.local")].into_iter().chain(fly_names.into_iter().flatten()).collect();
    let (proxies, wrong) = ProxyRules::new(&config.gateway.trusted_proxies, fly_app.is_some());
    for entry in wrong {
        tracing::warn!(target: "gateway", "gateway.trustedProxies: `{entry}` is no address or block, so it is not trusted");
    }
    (OriginRules::new(names, &config.gateway.control_ui.allowed_origins), proxies)
}

/// The machine's name.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Puts values over others, objects key by key.
fn overlay(value: &mut Value, over: &Value) {
    match (value, over) {
        (Value::Object(object), Value::Object(over)) => {
            for (key, over) in over {
                overlay(object.entry(key.clone()).or_insert(Value::Null), over);
            }
        }
        (value, over) => over.clone_into(value),
    }
}

/// The files that a configuration and its secrets come from.
pub(crate) fn sources(loaded: &Loaded, places: &Places) -> Sources {
    Sources::of(loaded, places, &[secret::TOKEN_FILE])
}

/// What the configuration says now; for reload.
/// `overrides` stand over the file.
pub(crate) fn reread(
    places: &Places,
    environment: &mut Environment,
    overrides: &Value,
) -> (Loaded, Config, Vec<Problem>) {
    let mut loaded = chela_config::load(places, environment);
    overlay(&mut loaded.value, overrides);
    let (config, mut problems) = Config::read(&loaded);
    Config::check_whole(&loaded, &mut problems);
    (loaded, config, problems)
}
