//! The composition root: everything that the daemon's parts share, built once at start.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use chela_agent::{AgentProfile, ToolSet};
use chela_config::{Environment, Loaded, Places, Problem, Severity};
use chela_llm::{ModelRef, Models};
use chela_protocol::AgentId;
use chela_store::Store;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::Auth;
use crate::config::Config;
use crate::events::Events;
use crate::logs::Logs;
use crate::presence::PresenceList;
use crate::reload::Reloader;
use crate::rpc::Methods;
use crate::sessions::Sessions;

/// The running gateway. Parts receive it as `Arc<Gateway>`.
pub struct Gateway {
    pub facts: Facts,
    /// The configuration in force; replaced as a whole by a reload.
    pub config: ArcSwap<Config>,
    /// What `config` was read from, for edits and for what is shown.
    pub loaded: ArcSwap<Loaded>,
    /// What is wrong with the configuration.
    pub problems: ArcSwap<Vec<Problem>>,
    pub environment: Environment,
    pub places: Places,
    pub store: Store,
    pub models: ArcSwap<Models>,
    /// Every built-in tool; what an agent may use of them is its policy's.
    pub tools: ToolSet,
    pub auth: Arc<Auth>,
    pub events: Events,
    pub presence: PresenceList,
    pub methods: Methods,
    pub(crate) logs: Arc<Logs>,
    pub(crate) reloader: Reloader,
    pub sessions: Sessions,
    /// Cancelled when the gateway starts to stop: no new work from then on.
    pub shutdown: CancellationToken,
    /// Work that the gateway waits for before it closes the store.
    pub tasks: TaskTracker,
}

/// What is fixed for the life of the process.
#[derive(Debug, Clone)]
pub struct Facts {
    pub version: &'static str,
    /// A new one for each start.
    pub boot_id: String,
    pub started: Instant,
    pub state_dir: PathBuf,
    pub config_path: PathBuf,
    /// The port that is really bound.
    pub port: u16,
    /// The machine's name.
    pub host: String,
}

impl Gateway {
    /// Unix milliseconds.
    pub fn now_ms(&self) -> i64 {
        now_ms()
    }

    pub fn uptime_ms(&self) -> u64 {
        u64::try_from(self.facts.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The configured agents; never empty.
    pub fn agents(&self) -> Vec<AgentProfile> {
        self.config.load().agents.resolve(&self.places.state_dir, Some(&self.places.home))
    }

    /// The agent that answers where no other is chosen.
    pub fn default_agent(&self) -> AgentId {
        let agents = self.agents();
        let default = agents.iter().find(|agent| agent.is_default).or_else(|| agents.first());
        default.map_or_else(|| AgentId::new(chela_protocol::MAIN), |agent| agent.id.clone())
    }

    /// The model that answers for the default agent.
    pub fn default_model(&self) -> ModelRef {
        let agents = self.agents();
        let default = agents.iter().find(|agent| agent.is_default).or_else(|| agents.first());
        let (primary, fallbacks) = default.map(|agent| agent.model_texts(None)).unwrap_or_default();
        let mut chain = self.models.load().chain(primary.as_deref(), &fallbacks);
        chain.swap_remove(0)
    }

    /// What is not as it should be, one line each.
    pub fn degraded(&self) -> Vec<String> {
        let mut degraded = Vec::new();
        if self.loaded.load().safe_mode {
            degraded.push("config: safe mode, the file can't be read".to_owned());
        }
        let errors = self.problems.load().iter().filter(|problem| problem.severity == Severity::Error).count();
        if errors > 0 {
            degraded.push(format!("config: {errors} problems, the sections with them are off"));
        }
        degraded
    }
}

/// Unix milliseconds.
pub(crate) fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
