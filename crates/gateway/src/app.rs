//! The composition root: everything that the daemon's parts share, built once at start.

use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use chela_agent::ToolSet;
use chela_config::Environment;
use chela_llm::Models;
use chela_store::Store;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::Auth;
use crate::config::Config;
use crate::events::Events;
use crate::presence::PresenceList;
use crate::sessions::Sessions;

/// The running gateway. Parts receive it as `Arc<Gateway>`.
pub struct Gateway {
    pub facts: Facts,
    /// The configuration in force; replaced as a whole by a reload.
    pub config: ArcSwap<Config>,
    pub environment: Environment,
    pub store: Store,
    pub models: ArcSwap<Models>,
    /// Every built-in tool; what an agent may use of them is its policy's.
    pub tools: ToolSet,
    pub auth: Auth,
    pub events: Events,
    pub presence: PresenceList,
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
}

impl Gateway {
    /// Unix milliseconds.
    pub fn now_ms(&self) -> i64 {
        now_ms()
    }

    pub fn uptime_ms(&self) -> u64 {
        u64::try_from(self.facts.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Unix milliseconds.
pub(crate) fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
