//! What the gateway takes from the outside besides its configuration, its store and the network: time, other threads.
//!
//! A simulation puts its own in their place, so that a seed replays.

use chela_agent::{Clock, ToolSet};
use chela_channels::{CHANNELS, Kind};
use tokio::task::JoinError;

/// Where time and threads come from.
pub(crate) struct Outside {
    pub(crate) clock: Clock,
    /// Stand in for the built-in tools.
    pub(crate) tools: Option<ToolSet>,
    /// The channels that can be configured.
    pub(crate) kinds: &'static [Kind],
    chance: Chance,
    threads: Threads,
}

enum Chance {
    System,
    #[cfg(test)]
    Seeded(std::sync::atomic::AtomicU64),
}

enum Threads {
    Many,
    #[cfg(test)]
    One,
}

impl Outside {
    /// The machine's own.
    pub(crate) fn real() -> Self {
        Self { clock: Clock::System, tools: None, kinds: CHANNELS, chance: Chance::System, threads: Threads::Many }
    }

    /// One thread, no chance but the seed, and whatever else a simulation puts in.
    #[cfg(test)]
    pub(crate) fn simulated(clock: Clock, seed: u64, tools: ToolSet, kinds: &'static [Kind]) -> Self {
        Self { clock, tools: Some(tools), kinds, chance: Chance::Seeded(seed.into()), threads: Threads::One }
    }

    /// Fills `bytes` with what nobody can guess.
    pub(crate) fn fill(&self, bytes: &mut [u8]) -> Result<(), getrandom::Error> {
        match &self.chance {
            Chance::System => getrandom::fill(bytes),
            #[cfg(test)]
            Chance::Seeded(state) => {
                for byte in bytes {
                    let step = state.fetch_add(0x9e37_79b9_7f4a_7c15, std::sync::atomic::Ordering::Relaxed);
                    *byte = (step ^ (step >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9).to_be_bytes()[0];
                }
                Ok(())
            }
        }
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
