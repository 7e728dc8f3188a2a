//! The agents as configured now, and what their turns share: tools, skills, models.
//!
//! Built when first asked for after a change of configuration or models, and kept until the next one, so that a turn costs
//! no file access and its prompt prefix stays byte-stable.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use chela_agent::{
    AgentProfile, Clock, SessionScope, SkillIndex, SkillSources, ToolSet, TurnLimits, TurnWorld, ensure_workspace,
};
use chela_llm::Models;
use chela_protocol::AgentId;
use tokio::sync::OnceCell;

use crate::app::Gateway;
use crate::config::Config;

/// All agents, in the configured order. Never empty.
pub(crate) struct AgentBook {
    config: Arc<Config>,
    agents: Vec<Arc<AgentProfile>>,
    skills: HashMap<AgentId, OnceCell<Arc<SkillIndex>>>,
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
        let skills = agents.iter().map(|agent| (agent.id.clone(), OnceCell::new())).collect();
        Self { config, agents, skills }
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

    /// The skills of an agent, looked for once.
    pub(crate) async fn skills(&self, gateway: &Gateway, agent: &Arc<AgentProfile>) -> Arc<SkillIndex> {
        let Some(cell) = self.skills.get(&agent.id) else { return Arc::default() };
        cell.get_or_init(|| self.load_skills(gateway, agent.clone())).await.clone()
    }

    /// The tools that an agent has.
    pub(crate) fn tools(gateway: &Gateway, agent: &AgentProfile) -> ToolSet {
        ToolSet::new(
            gateway.tools.iter().filter(|tool| agent.tools.permits(&tool.definition().name)).cloned().collect(),
        )
    }

    /// What a turn of `agent` needs.
    pub(crate) async fn world(&self, gateway: &Gateway, agent: &AgentId) -> TurnWorld {
        let profile = self.profile_or_default(agent);
        let models: Arc<Models> = gateway.models.load_full();
        TurnWorld {
            store: gateway.store.clone(),
            models,
            tools: Self::tools(gateway, profile),
            skills: self.skills(gateway, profile).await,
            profile: profile.clone(),
            clock: Clock::System,
            limits: TurnLimits::default(),
            version: gateway.facts.version.into(),
        }
    }

    /// Also makes the agent's workspace: both touch files, and both are needed before its first turn.
    async fn load_skills(&self, gateway: &Gateway, agent: Arc<AgentProfile>) -> Arc<SkillIndex> {
        let (config, environment) = (self.config.clone(), gateway.environment.clone());
        let (state_dir, home) = (gateway.facts.state_dir.clone(), home_of(gateway));
        let loading = tokio::task::spawn_blocking(move || {
            if let Err(error) = ensure_workspace(&agent.workspace, agent.seed_workspace) {
                tracing::error!(%error, agent = %agent.id, workspace = %agent.workspace.display(), "the workspace can't be made");
            }
            SkillIndex::load(SkillSources {
                profile: &agent,
                state_dir: &state_dir,
                home: home.as_deref(),
                config: &config.skills,
                environment: &environment,
            })
        });
        match loading.await {
            Ok(skills) => Arc::new(skills),
            Err(error) => {
                tracing::error!(%error, "the skills could not be loaded");
                Arc::default()
            }
        }
    }
}

fn home_of(gateway: &Gateway) -> Option<PathBuf> {
    gateway.environment.get("HOME").map(PathBuf::from)
}
