//! The open channels: every configured account, opened, supervised and reopened, each alone.
//!
//! ```text
//! configuration ──prepare──▶ supervisor (one task an account) ──open──▶ worker ──events──▶ inbound ──▶ intake
//!                                   │                              channel ◀── delivery
//!                                   └── status, read by probes, lists and the command line
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::ArcSwap;
use chela_channels::{AccountPolicy, Channel, StatusCell};

/// The accounts that are configured and enabled. The gateway builds it empty.
#[derive(Default)]
pub(crate) struct Channels {
    accounts: RwLock<BTreeMap<AccountName, Arc<OpenAccount>>>,
}

/// Names an account: `discord`, `default`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AccountName {
    pub(crate) channel: String,
    pub(crate) account: String,
}

/// One account that somebody supervises.
pub(crate) struct OpenAccount {
    pub(crate) name: AccountName,
    /// The newest policy; replaced by a reload without a new connection.
    pub(crate) policy: ArcSwap<AccountPolicy>,
    pub(crate) status: StatusCell,
    /// How to speak; `None` while it is not open (starting, failed, between two tries).
    pub(crate) channel: ArcSwap<Option<Arc<dyn Channel>>>,
}

impl Channels {
    /// The account, open or not; `None` when none of this name is configured and enabled.
    pub(crate) fn get(&self, channel: &str, account: &str) -> Option<Arc<OpenAccount>> {
        let name = AccountName { channel: channel.to_owned(), account: account.to_owned() };
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(&name).cloned()
    }

    /// Every account, in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<OpenAccount>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
