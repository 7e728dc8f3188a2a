//! The composition root: everything that the daemon's parts share, built once at start.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use chela_agent::{AgentProfile, BudgetLedger};
use chela_config::{Environment, Loaded, Places, Problem, Severity};
use chela_llm::{ModelRef, Models};
use chela_protocol::AgentId;
use chela_protocol::methods::status::StatusMachine;
use chela_store::Store;
use chela_tools::ToolHost;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

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
use crate::start::Fleeting;
use crate::tools_invoke::Invocations;

/// The running gateway. Parts receive it as `Arc<Gateway>`.
pub(crate) struct Gateway {
    pub(crate) facts: Facts,
    /// The configuration in force; replaced as a whole by a reload.
    pub(crate) config: ArcSwap<Config>,
    /// What `config` was read from, for edits and for what is shown.
    pub(crate) loaded: ArcSwap<Loaded>,
    /// What is wrong with the configuration.
    pub(crate) problems: ArcSwap<Vec<Problem>>,
    pub(crate) environment: Environment,
    pub(crate) places: Places,
    pub(crate) outside: Outside,
    pub(crate) store: Store,
    pub(crate) models: ArcSwap<Models>,
    /// What tools know of the machine; which tools an agent has is in the book of agents.
    pub(crate) tools: ToolHost,
    pub(crate) auth: Arc<Auth>,
    pub(crate) events: Events,
    pub(crate) presence: PresenceList,
    pub(crate) methods: Methods,
    pub(crate) logs: Arc<Logs>,
    pub(crate) reloader: Reloader,
    pub(crate) sessions: Sessions,
    pub(crate) channels: Channels,
    pub(crate) delivery: Delivery,
    pub(crate) pressure: Pressure,
    pub(crate) approvals: ApprovalDesk,
    /// What models have used, for the limits of the section `budgets`.
    pub(crate) budgets: Arc<BudgetLedger>,
    pub(crate) cron: Cron,
    pub(crate) nodes: Nodes,
    pub(crate) invocations: Invocations,
    pub(crate) hooks: Hooks,
    pub(crate) skills: SkillDesk,
    /// Cancelled when the gateway starts to stop: no new work from then on.
    pub(crate) shutdown: CancellationToken,
    /// Cancelled when somebody asks for a new start of the gateway.
    pub(crate) restart: CancellationToken,
    /// Work that the gateway waits for before it closes the store.
    pub(crate) tasks: TaskTracker,
}

/// What is fixed for the life of the process.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) version: &'static str,
    /// A new one for each start.
    pub(crate) boot_id: String,
    pub(crate) started: Instant,
    pub(crate) state_dir: PathBuf,
    pub(crate) config_path: PathBuf,
    /// The machine's name.
    pub(crate) host: String,
    /// The machine of a platform that this is.
    pub(crate) machine: Option<StatusMachine>,
    /// Why the state dir will be lost.
    pub(crate) fleeting: Option<Fleeting>,
}

impl Gateway {
    /// Unix milliseconds.
    pub(crate) fn now_ms(&self) -> i64 {
        self.outside.clock.now_ms()
    }

    pub(crate) fn uptime_ms(&self) -> u64 {
        u64::try_from(self.facts.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The configured agents; never empty.
    pub(crate) fn agents(&self) -> Vec<AgentProfile> {
        self.config.load().agents.resolve(&self.places.state_dir, Some(&self.places.home))
    }

    /// The agent that answers where no other is chosen.
    pub(crate) fn default_agent(&self) -> AgentId {
        let agents = self.agents();
        let default = agents.iter().find(|agent| agent.is_default).or_else(|| agents.first());
        default.map_or_else(|| AgentId::new(chela_protocol::MAIN), |agent| agent.id.clone())
    }

    /// The model that answers for the default agent.
    pub(crate) fn default_model(&self) -> ModelRef {
        self.default_chain().swap_remove(0)
    }

    /// The models that are tried for the default agent, in order; never empty.
    pub(crate) fn default_chain(&self) -> Vec<ModelRef> {
        let agents = self.agents();
        let default = agents.iter().find(|agent| agent.is_default).or_else(|| agents.first());
        let (primary, fallbacks) = default.map(|agent| agent.model_texts(None)).unwrap_or_default();
        self.models.load().chain(primary.as_deref(), &fallbacks)
    }

    /// What is not as it should be, one line each.
    pub(crate) fn degraded(&self) -> Vec<String> {
        let mut degraded = Vec::new();
        if self.loaded.load().safe_mode {
            degraded.push("config: safe mode, the file can't be read".to_owned());
        }
        let errors = self.problems.load().iter().filter(|problem| problem.severity == Severity::Error).count();
        match errors {
            0 => {}
            1 => degraded.push("config: 1 problem, the section with it is off".to_owned()),
            errors => degraded.push(format!("config: {errors} problems, the sections with them are off")),
        }
        degraded.extend(self.pressure.degraded());
        degraded.extend(self.channels.degraded(self.now_ms()));
        degraded.extend(self.hooks.degraded());
        degraded
    }
}

/// Unix milliseconds of the machine, for what stands before or beside the gateway.
pub(crate) fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
