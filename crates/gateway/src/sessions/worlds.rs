//! The agents as configured now, and what their turns share: tools, skills, models.
//!
//! Built when first asked for after a change of configuration, and kept until the next one, so that the prompt prefix of
//! turns stays byte-stable. Skills are read again when their folders look different, and only then.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use chela_agent::{
    AgentProfile, Budget, SessionScope, SkillIndex, SkillSources, SkillStamp, ToolSet, TurnDefaults, TurnLimits,
    TurnWorld, ensure_workspace,
};
use chela_config::Environment;
use chela_llm::Models;
use chela_protocol::AgentId;
use chela_tools::{ToolHost, ToolsConfig, builtin_for_agent};

use crate::app::Gateway;
use crate::approvals::GatewayApprovals;
use crate::budgets;
use crate::config::Config;
use crate::start::secret_files;

/// All agents, in the configured order. Never empty.
pub(crate) struct AgentBook {
    config: Arc<Config>,
    agents: Vec<Arc<AgentProfile>>,
    budget: Budget,
    /// What each agent has, by its id.
    kits: HashMap<AgentId, AgentKit>,
}

struct AgentKit {
    tools: ToolSet,
    /// `None` before the agent's first turn.
    skills: Mutex<Option<KeptSkills>>,
}

#[derive(Clone)]
struct KeptSkills {
    stamp: SkillStamp,
    index: Arc<SkillIndex>,
}

/// A name that no configured agent has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown agent id \"{0}\"; see agents.list")]
pub(crate) struct UnknownAgent(pub AgentId);

/// Keeps the book of the configuration in force.
#[derive(Default)]
pub(super) struct AgentCache(Mutex<Option<Arc<AgentBook>>>);

impl AgentCache {
    pub(super) fn current(&self, gateway: &Gateway) -> Arc<AgentBook> {
        let config = gateway.config.load_full();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.as_ref() {
            Some(book) if Arc::ptr_eq(&book.config, &config) => book.clone(),
            _ => kept.insert(Arc::new(AgentBook::new(gateway, config))).clone(),
        }
    }
}

impl AgentBook {
    fn new(gateway: &Gateway, config: Arc<Config>) -> Self {
        let home = home_of(gateway);
        let agents: Vec<_> =
            config.agents.resolve(&gateway.facts.state_dir, home.as_deref()).into_iter().map(Arc::new).collect();
        let secret_files = secret_files(&gateway.loaded.load(), &gateway.places);
        let host = ToolHost { secret_files, ..gateway.tools.clone() };
        let kit = |agent: &Arc<AgentProfile>| AgentKit {
            tools: match &gateway.outside.tools {
                Some(tools) => tools.clone(),
                None => builtin_for_agent(&config.tools, &agent.tools, host.clone()),
            },
            skills: Mutex::default(),
        };
        let kits = agents.iter().map(|agent| (agent.id.clone(), kit(agent))).collect();
        Self { budget: budgets::budget(gateway, &config), config, agents, kits }
    }

    pub(crate) fn agents(&self) -> &[Arc<AgentProfile>] {
        &self.agents
    }

    /// How conversations are told apart.
    pub(crate) fn scope(&self) -> SessionScope {
        self.config.session.scope
    }

    /// The agent that answers where no other is chosen.
    pub(crate) fn default_agent(&self) -> &Arc<AgentProfile> {
        self.agents.iter().find(|agent| agent.is_default).unwrap_or(&self.agents[0])
    }

    pub(crate) fn profile(&self, id: &AgentId) -> Result<&Arc<AgentProfile>, UnknownAgent> {
        self.agents.iter().find(|agent| agent.id == *id).ok_or_else(|| UnknownAgent(id.clone()))
    }

    /// The agent of a session whose agent may be gone from the configuration: then the default one answers.
    pub(crate) fn profile_or_default(&self, id: &AgentId) -> &Arc<AgentProfile> {
        self.profile(id).unwrap_or_else(|_| self.default_agent())
    }

    /// The skills of an agent as its folders hold them now. Makes its workspace first, when this is the first time: both touch
    /// files, and both are needed before its first turn.
    pub(crate) async fn skills(&self, gateway: &Gateway, agent: &Arc<AgentProfile>) -> Arc<SkillIndex> {
        let Some(kit) = self.kits.get(&agent.id) else { return Arc::default() };
        let kept = kit.skills.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let look = SkillLook {
            agent: agent.clone(),
            config: self.config.clone(),
            environment: gateway.environment.clone(),
            state_dir: gateway.facts.state_dir.clone(),
            home: home_of(gateway),
        };
        match gateway.outside.off_thread(move || look.run(kept)).await {
            Ok(found) => {
                let index = found.index.clone();
                *kit.skills.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
                index
            }
            Err(error) => {
                tracing::error!(%error, "the skills could not be loaded");
                Arc::default()
            }
        }
    }

    /// The tools that an agent has.
    pub(crate) fn tools(&self, agent: &AgentId) -> ToolSet {
        let id = &self.profile_or_default(agent).id;
        self.kits.get(id).map(|kit| kit.tools.clone()).unwrap_or_default()
    }

    /// What this book was made of.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// The `tools` section as everybody has it.
    pub(crate) fn tools_config(&self) -> &ToolsConfig {
        &self.config.tools
    }

    /// What a turn of `agent` needs.
    pub(crate) async fn world(&self, gateway: &Arc<Gateway>, agent: &AgentId) -> TurnWorld {
        let profile = self.profile_or_default(agent);
        let models: Arc<Models> = gateway.models.load_full();
        TurnWorld {
            store: gateway.store.clone(),
            models,
            tools: self.tools(&profile.id),
            skills: self.skills(gateway, profile).await,
            profile: profile.clone(),
            clock: gateway.outside.clock.clone(),
            limits: TurnLimits::default(),
            budget: self.budget.clone(),
            approvals: Arc::new(GatewayApprovals(gateway.clone())),
            defaults: TurnDefaults::default(),
            version: gateway.facts.version.into(),
        }
    }
}

/// One look at an agent's skills, off the async threads.
struct SkillLook {
    agent: Arc<AgentProfile>,
    config: Arc<Config>,
    environment: Environment,
    state_dir: PathBuf,
    home: Option<PathBuf>,
}

impl SkillLook {
    fn run(self, kept: Option<KeptSkills>) -> KeptSkills {
        let agent = &self.agent;
        if kept.is_none()
            && let Err(error) = ensure_workspace(&agent.workspace, agent.seed_workspace)
        {
            tracing::error!(%error, agent = %agent.id, workspace = %agent.workspace.display(), "the workspace can't be made");
        }
        let sources = SkillSources {
            profile: agent,
            state_dir: &self.state_dir,
            home: self.home.as_deref(),
            config: &self.config.skills,
            environment: &self.environment,
        };
        // Taken before the files are read: what changes meanwhile shows at the next look.
        let stamp = sources.stamp();
        match kept {
            Some(kept) if kept.stamp == stamp => kept,
            _ => KeptSkills { stamp, index: Arc::new(SkillIndex::load(sources)) },
        }
    }
}

fn home_of(gateway: &Gateway) -> Option<PathBuf> {
    gateway.environment.get("HOME").map(PathBuf::from)
}
