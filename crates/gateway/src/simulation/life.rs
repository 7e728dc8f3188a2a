//! One life of the gateway: built on what the last one left, until it is killed, stopped, or everything is quiet.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use chela_agent::Clock;
use chela_config::{Environment, Loaded, Places};
use chela_llm::Models;
use chela_store::{DATABASE_FILE, OpenOptions, Store, WriterMode};
use chela_tools::sandbox::Sandbox;
use chela_tools::{CronLine, Processes, ToolHost};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::automations::Automations;
use super::model::{MODEL, PROVIDER, ScriptedModel, tools};
use super::stage::Stage;
use crate::app::{Facts, Gateway};
use crate::approvals::ApprovalDesk;
use crate::auth::{Auth, OriginRules, ProxyRules, RateLimiter, Secrets};
use crate::channels::Channels;
use crate::config::{AuthMode, Config, ConsoleStyle};
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
use crate::sources::Sources;
use crate::start::{self, Options};
use crate::tools_invoke::Invocations;

/// What lives share.
pub(super) struct Ground<'a> {
    pub(super) stage: &'a Arc<Stage>,
    pub(super) model: &'a Arc<ScriptedModel>,
    pub(super) dir: &'a Path,
    pub(super) automations: &'a Automations,
}

/// Builds the gateway as a start does, but for the port, and lets it take up its work.
pub(super) async fn begin(ground: &Ground<'_>, config: &Value, at_ms: i64) -> Arc<Gateway> {
    let clock = Clock::of_timers(at_ms);
    ground.stage.set_clock(clock.clone());
    let chance = ground.stage.seed ^ at_ms.unsigned_abs();
    let outside = Outside::simulated(clock, chance, tools(ground.stage), &super::KINDS);
    let gateway = Arc::new(build(ground, config, outside));
    ground.automations.make(&gateway).await.expect("the store takes automations");
    start::take_up_work(&gateway).await;
    gateway
}

/// Puts another configuration in force, as a reload does.
pub(super) fn reload(gateway: &Arc<Gateway>, config: &Value) {
    let (loaded, config) = read(config);
    gateway.loaded.store(Arc::new(loaded));
    gateway.config.store(Arc::new(config));
    gateway.channels.apply(gateway, &Environment::default());
}

fn read(config: &Value) -> (Loaded, Config) {
    let loaded = Loaded::from_value(config.clone());
    let (config, problems) = Config::read(&loaded);
    assert!(problems.is_empty(), "the simulation's configuration is wrong: {problems:?}");
    (loaded, config)
}

fn build(ground: &Ground<'_>, config: &Value, outside: Outside) -> Gateway {
    let (loaded, config) = read(config);
    let path = ground.dir.join(DATABASE_FILE);
    let store = Store::open(OpenOptions { path, writer: WriterMode::Inline }).expect("the store opens after any crash");
    let facts = Facts {
        version: "0.0.0",
        boot_id: "simulated".to_owned(),
        started: Instant::now(),
        state_dir: ground.dir.to_owned(),
        config_path: ground.dir.join("chela.json"),
        host: "simulated".to_owned(),
        machine: None,
        fleeting: None,
    };
    let places = Places {
        home: ground.dir.to_owned(),
        state_dir: ground.dir.to_owned(),
        config_path: facts.config_path.clone(),
        config_exists: true,
        profile: None,
        workspace_dir: ground.dir.join("workspace"),
        foreign_state_dir: None,
    };
    Gateway {
        presence: PresenceList::new(&facts, &facts.host),
        config: ArcSwap::from_pointee(config),
        loaded: ArcSwap::from_pointee(loaded),
        problems: ArcSwap::default(),
        environment: Environment::default(),
        outside,
        store,
        models: ArcSwap::from_pointee(Models::scripted(PROVIDER, MODEL, ground.model.clone())),
        tools: tool_host(ground.dir),
        auth: Arc::new(auth()),
        events: Events::default(),
        methods: Methods::new(),
        logs: Logs::new(ground.dir, facts.host.clone(), false, ConsoleStyle::Json),
        reloader: Reloader::new(Options::default(), Sources::default()),
        sessions: Sessions::default(),
        channels: Channels::default(),
        delivery: Delivery::default(),
        pressure: Pressure::default(),
        approvals: ApprovalDesk::default(),
        budgets: Arc::default(),
        cron: Cron::default(),
        nodes: Nodes::default(),
        invocations: Invocations::default(),
        hooks: Hooks::default(),
        skills: SkillDesk::default(),
        shutdown: CancellationToken::new(),
        restart: CancellationToken::new(),
        tasks: TaskTracker::new(),
        facts,
        places,
    }
}

fn auth() -> Auth {
    let (proxies, _) = ProxyRules::new(&[], false);
    let limiter = RateLimiter::new(Config::default().gateway.auth.rate_limit);
    Auth::new(Secrets::new(AuthMode::None, None, None), OriginRules::new(Vec::new(), &[]), proxies, limiter)
}

/// Built-in tools are not used here, so no certificate is trusted.
fn tool_host(dir: &Path) -> ToolHost {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks today's TLS")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    ToolHost {
        home: dir.to_owned(),
        path: String::new(),
        variables: std::collections::BTreeMap::new(),
        state_dir: dir.to_owned(),
        secret_files: Vec::new(),
        readable: Vec::new(),
        user_agent: String::new(),
        tls,
        sandbox: Sandbox::new(),
        processes: Processes::default(),
        cron: CronLine::default(),
    }
}
