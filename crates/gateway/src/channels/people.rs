//! Whom a pairing code let in: read once from the store, and again after each change.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use chela_store::{PairedSender, Store, StoreError};

/// The paired senders of all accounts, as long as nobody changes them.
#[derive(Default)]
pub(crate) struct People(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// Grows with each change, so that a reading from before it is not kept.
    changes: u64,
    paired: Option<Arc<Paired>>,
}

/// Everybody whom pairing let in.
#[derive(Debug, Default)]
pub(crate) struct Paired {
    senders: BTreeSet<(String, String, String)>,
    owners: Vec<PairedSender>,
}

impl People {
    /// The people as the store knows them.
    pub(crate) async fn paired(&self, store: &Store) -> Result<Arc<Paired>, StoreError> {
        let changes = {
            let kept = self.lock();
            if let Some(paired) = &kept.paired {
                return Ok(paired.clone());
            }
            kept.changes
        };
        let paired = Arc::new(Paired::of(store.paired_senders().await?));
        let mut kept = self.lock();
        if kept.changes == changes {
            kept.paired = Some(paired.clone());
        }
        Ok(paired)
    }

    /// Somebody was let in or shut out.
    pub(crate) fn changed(&self) {
        let mut kept = self.lock();
        kept.changes += 1;
        kept.paired = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Paired {
    fn of(all: Vec<PairedSender>) -> Self {
        let name = |one: &PairedSender| (one.channel.clone(), one.account.clone(), one.sender.clone());
        let senders = all.iter().map(name).collect();
        Self { senders, owners: all.into_iter().filter(|one| one.owner).collect() }
    }

    pub(crate) fn holds(&self, channel: &str, account: &str, sender: &str) -> bool {
        self.senders.contains(&(channel.to_owned(), account.to_owned(), sender.to_owned()))
    }

    /// Ids of the owners on one account.
    pub(crate) fn owners(&self, channel: &str, account: &str) -> impl Iterator<Item = String> {
        let here = move |one: &&PairedSender| one.channel == channel && one.account == account;
        self.owners.iter().filter(here).map(|one| one.sender.clone())
    }
}
