//! Places for turns that run at once: so many over all sessions, so many of one agent, and none while memory is short.
//!
//! First come, first served; and since a session asks for one place at a time, however much waits in it, it is one place among others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use chela_protocol::AgentId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::app::Gateway;

/// Built empty; the numbers are read at first use and stay until the next start.
#[derive(Default)]
pub(super) struct Places {
    all: OnceLock<Arc<Semaphore>>,
    /// Of agents that may run only so many turns.
    by_agent: Mutex<BTreeMap<AgentId, Arc<Semaphore>>>,
}

/// Held as long as a turn runs.
pub(super) struct TurnPlace {
    _all: OwnedSemaphorePermit,
    _agent: Option<OwnedSemaphorePermit>,
    _alone: Option<OwnedSemaphorePermit>,
}

impl Places {
    /// Waits for a place. The agent's own comes first, so that whoever waits for it takes nobody else's.
    pub(super) async fn take(&self, gateway: &Gateway, agent: &AgentId) -> Option<TurnPlace> {
        let of_agent = match self.of_agent(gateway, agent) {
            Some(places) => Some(places.acquire_owned().await.ok()?),
            None => None,
        };
        let all = self.all(gateway).acquire_owned().await.ok()?;
        let alone = gateway.pressure.admit_turn().await;
        Some(TurnPlace { _all: all, _agent: of_agent, _alone: alone })
    }

    fn all(&self, gateway: &Gateway) -> Arc<Semaphore> {
        let places = || Arc::new(Semaphore::new(gateway.config.load().agents.max_concurrent() as usize));
        self.all.get_or_init(places).clone()
    }

    fn of_agent(&self, gateway: &Gateway, agent: &AgentId) -> Option<Arc<Semaphore>> {
        let book = gateway.sessions.agents(gateway);
        let profile = book.profile_or_default(agent);
        let most = profile.max_concurrent?;
        let mut by_agent = self.by_agent.lock().unwrap_or_else(PoisonError::into_inner);
        let places =
            by_agent.entry(profile.id.clone()).or_insert_with(|| Arc::new(Semaphore::new(most.max(1) as usize)));
        Some(places.clone())
    }
}
