//! What the gateway takes from the outside besides its configuration, its store and the network: time, other threads.
//!
//! A simulation puts its own in their place, so that a seed replays.

use chela_agent::{Clock, ToolSet};
use tokio::task::JoinError;

/// Where time and threads come from.
pub(crate) struct Outside {
    pub(crate) clock: Clock,
    /// Stand in for the built-in tools.
    pub(crate) tools: Option<ToolSet>,
    threads: Threads,
}

enum Threads {
    Many,
    #[cfg(test)]
    One,
}

impl Outside {
    /// The machine's own.
    pub(crate) fn real() -> Self {
        Self { clock: Clock::System, tools: None, threads: Threads::Many }
    }

    /// Goes with the timers of the runtime in which it is made; one thread.
    #[cfg(test)]
    pub(crate) fn simulated(start_ms: i64, tools: ToolSet) -> Self {
        Self { clock: Clock::of_timers(start_ms), tools: Some(tools), threads: Threads::One }
    }

    /// Runs work that waits for files where it holds up no event loop. The error is its panic.
    pub(crate) async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        match self.threads {
            Threads::Many => tokio::task::spawn_blocking(work).await,
            #[cfg(test)]
            Threads::One => Ok(work()),
        }
    }
}
