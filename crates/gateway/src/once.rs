//! Calls that are made once however often they are asked for: whoever asks again with the same key gets what the first one gave.
//!
//! In memory, and for as long as a client tries again after a connection that broke. What must be done once over a restart too is a
//! row of the inbox or the outbox instead.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::app::Gateway;

/// How long an outcome is kept; the reference system's time.
const KEPT: Duration = Duration::from_mins(5);

/// Calls that are going on or whose outcome is kept, and what those outcomes hold together; the oldest goes first.
const CALLS_MAX: usize = 256;
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// What a call came to.
pub(crate) trait Outcome: Clone + Send + Sync + 'static {
    /// How much memory it holds, about.
    fn bytes(&self) -> usize;

    /// Whether something was done. What was refused before is tried anew when it is asked for again.
    fn is_done(&self) -> bool;
}

/// Names a call: the sender's key together with all that it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct OnceKey([u8; 32]);

/// Why there is no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotCalled {
    #[error("too many calls are going on; retry in a moment")]
    Busy,
    #[error("the call was cut off; whether it was done is not known")]
    Lost,
}

/// The calls of one kind.
pub(crate) struct Once<T>(Arc<Mutex<HashMap<OnceKey, Known<T>>>>);

struct Known<T> {
    begun: Instant,
    outcome: watch::Receiver<Option<T>>,
}

impl OnceKey {
    /// Of parts that are told apart, whatever they hold.
    pub(crate) fn of(parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(part.len().to_le_bytes());
            digest.update(part.as_bytes());
        }
        Self(digest.finalize().into())
    }
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Outcome> Once<T> {
    /// Makes the call, or waits for the one that was begun under this key. It goes on when the caller goes away, since he will come
    /// back; only the gateway's stop ends it.
    pub(crate) async fn call<F>(&self, gateway: &Gateway, key: OnceKey, work: F) -> Result<T, NotCalled>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut outcome = match self.begin(key)? {
            Begun::Known(outcome) => outcome,
            Begun::New(told, outcome) => {
                let (known, shutdown) = (self.0.clone(), gateway.shutdown.clone());
                gateway.tasks.spawn(async move {
                    let done = tokio::select! {
                        biased;
                        done = work => done,
                        () = shutdown.cancelled() => return,
                    };
                    let is_done = done.is_done();
                    told.send_replace(Some(done));
                    let mut known = lock(&known);
                    if !is_done {
                        known.remove(&key);
                    }
                    trim(&mut known);
                });
                outcome
            }
        };
        let ended = outcome.wait_for(Option::is_some).await.map_err(|_| NotCalled::Lost)?;
        ended.clone().ok_or(NotCalled::Lost)
    }

    fn begin(&self, key: OnceKey) -> Result<Begun<T>, NotCalled> {
        let mut known = lock(&self.0);
        let now = Instant::now();
        // One whose call was cut off, too: its task is gone, and nobody else would ever tell.
        known.retain(|_, one| one.is_running() || (one.has_outcome() && now.duration_since(one.begun) < KEPT));
        if let Some(one) = known.get(&key) {
            return Ok(Begun::Known(one.outcome.clone()));
        }
        if known.len() >= CALLS_MAX {
            let oldest = oldest(&known).ok_or(NotCalled::Busy)?;
            known.remove(&oldest);
        }
        let (told, outcome) = watch::channel(None);
        known.insert(key, Known { begun: now, outcome: outcome.clone() });
        Ok(Begun::New(told, outcome))
    }
}

enum Begun<T> {
    Known(watch::Receiver<Option<T>>),
    New(watch::Sender<Option<T>>, watch::Receiver<Option<T>>),
}

impl<T> Known<T> {
    fn has_outcome(&self) -> bool {
        self.outcome.borrow().is_some()
    }

    fn is_running(&self) -> bool {
        !self.has_outcome() && self.outcome.has_changed().is_ok()
    }
}

fn lock<T>(known: &Mutex<HashMap<OnceKey, Known<T>>>) -> MutexGuard<'_, HashMap<OnceKey, Known<T>>> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets go of the oldest outcomes until the rest is small enough.
fn trim<T: Outcome>(known: &mut HashMap<OnceKey, Known<T>>) {
    let bytes_of = |one: &Known<T>| one.outcome.borrow().as_ref().map_or(0, Outcome::bytes);
    let mut bytes: usize = known.values().map(bytes_of).sum();
    while bytes > BYTES_MAX {
        let Some(oldest) = oldest(known) else { return };
        bytes -= known.remove(&oldest).map_or(0, |one| bytes_of(&one));
    }
}

/// The oldest call that is over.
fn oldest<T>(known: &HashMap<OnceKey, Known<T>>) -> Option<OnceKey> {
    let over = known.iter().filter(|(_, one)| one.has_outcome());
    over.min_by_key(|(_, one)| one.begun).map(|(key, _)| *key)
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Outcome for String {
        fn bytes(&self) -> usize {
            self.len()
        }

        fn is_done(&self) -> bool {
            !self.is_empty()
        }
    }

    fn key(number: usize) -> OnceKey {
        OnceKey::of(&["k", &number.to_string()])
    }

    fn finished(once: &Once<String>, number: usize, text: &str) {
        match once.begin(key(number)) {
            Ok(Begun::New(told, _)) => told.send_replace(Some(text.to_owned())),
            Ok(Begun::Known(_)) | Err(_) => panic!("{number} is new"),
        };
        trim(&mut lock(&once.0));
    }

    fn is_known(once: &Once<String>, number: usize) -> bool {
        matches!(once.begin(key(number)), Ok(Begun::Known(_)))
    }

    #[test]
    fn parts_are_told_apart() {
        assert_ne!(OnceKey::of(&["ab", "c"]), OnceKey::of(&["a", "bc"]));
    }

    #[tokio::test(start_paused = true)]
    async fn an_outcome_is_kept_for_a_while() {
        let once = Once::<String>::default();
        finished(&once, 1, "done");
        tokio::time::advance(KEPT / 2).await;
        assert!(is_known(&once, 1));
        tokio::time::advance(KEPT / 2).await;
        assert!(!is_known(&once, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_goes_where_there_are_too_many_or_too_much() {
        let once = Once::<String>::default();
        for number in 0..=CALLS_MAX {
            finished(&once, number, "done");
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert!(is_known(&once, CALLS_MAX) && is_known(&once, 1));
        finished(&once, 1_000, &"x".repeat(BYTES_MAX));
        assert!(is_known(&once, 1_000) && !is_known(&once, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_goes_on_is_never_let_go_and_one_that_was_cut_off_always() {
        let once = Once::<String>::default();
        let running: Vec<_> = (0..CALLS_MAX).map(|number| once.begin(key(number)).unwrap()).collect();
        tokio::time::advance(KEPT * 2).await;
        assert!(matches!(once.begin(key(1_000)), Err(NotCalled::Busy)));
        drop(running);
        assert!(matches!(once.begin(key(0)), Ok(Begun::New(..))));
    }
}
