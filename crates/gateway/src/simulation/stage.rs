//! What outlives the lives of a simulated gateway: time, the log of what happened, and what was found broken.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chela_agent::Clock;
use chela_store::fault;
use tokio::time::Duration;

/// When every simulation begins, in Unix milliseconds: a time of day at which no conversation expires.
pub(super) const BEGIN_MS: i64 = 1_767_261_600_000;

/// Where everything happens.
pub(super) struct Stage {
    pub(super) seed: u64,
    /// What this run breaks on purpose, to show that it is noticed.
    pub(super) sabotage: Option<Sabotage>,
    clock: Mutex<Clock>,
    log: Mutex<Vec<String>>,
    broken: Mutex<Vec<String>>,
    calm: AtomicBool,
    /// Somebody asked for a turn to be stopped.
    may_abort: AtomicBool,
    /// A gateway was killed.
    has_died: AtomicBool,
    /// Answers may show before they are whole.
    has_previews: AtomicBool,
    /// Calls of tools that change something.
    changes: Mutex<BTreeSet<String>>,
}

/// A fault of the outside world that no gateway can make good: each breaks one promise, and the simulation must see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sabotage {
    /// The platform never finds what was sent before an interruption (G7).
    FindsNothing,
    /// The platform takes no notice of the idempotency key (G9).
    ForgetsNonces,
    /// Events have another name when they are given again (G9).
    RenamesEvents,
    /// The channel acknowledges what it never handed in (G7).
    DropsEvents,
    /// What was refused for good is said to be sent (G8).
    SwallowsParts,
    /// Somebody shows typing for ever (G38).
    TypesForEver,
    /// The platform says that a message is sent before it is (G8).
    SaysSentAtOnce,
    /// One channel's panic cuts off the others (G14).
    DragsOthers,
    /// A hand in the store puts off the time of an automation (G32).
    MovesDueTimes,
}

impl Stage {
    pub(super) fn new(seed: u64, sabotage: Option<Sabotage>) -> Self {
        Self {
            seed,
            sabotage,
            clock: Mutex::new(Clock::manual(BEGIN_MS)),
            log: Mutex::default(),
            broken: Mutex::default(),
            calm: AtomicBool::new(false),
            may_abort: AtomicBool::new(false),
            has_died: AtomicBool::new(false),
            has_previews: AtomicBool::new(false),
            changes: Mutex::default(),
        }
    }

    /// The clock of the present life.
    pub(super) fn set_clock(&self, clock: Clock) {
        *locked(&self.clock) = clock;
    }

    pub(super) fn now_ms(&self) -> i64 {
        locked(&self.clock).now_ms()
    }

    pub(super) fn note(&self, line: impl AsRef<str>) {
        let line = format!("{} {}", Self::since_begin(self.now_ms()), line.as_ref());
        locked(&self.log).push(line);
    }

    /// A promise was broken.
    pub(super) fn complain(&self, what: impl AsRef<str>) {
        self.note(format!("BROKEN {}", what.as_ref()));
        locked(&self.broken).push(what.as_ref().to_owned());
    }

    /// From now on nothing goes wrong any more: what is open must come to its end.
    pub(super) fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
        self.note("calm");
    }

    pub(super) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    pub(super) fn allow_abort(&self) {
        self.may_abort.store(true, Ordering::Relaxed);
    }

    pub(super) fn may_abort(&self) -> bool {
        self.may_abort.load(Ordering::Relaxed)
    }

    pub(super) fn died(&self) {
        self.has_died.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_died(&self) -> bool {
        self.has_died.load(Ordering::Relaxed)
    }

    pub(super) fn allow_previews(&self) {
        self.has_previews.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_previews(&self) -> bool {
        self.has_previews.load(Ordering::Relaxed)
    }

    /// A time as the log writes it.
    pub(super) fn since_begin(at_ms: i64) -> String {
        let at = at_ms - BEGIN_MS;
        format!("{:>6}.{:03}", at / 1000, at % 1000)
    }

    /// A tool changed something for this call.
    pub(super) fn changed(&self, call: &str) {
        if !locked(&self.changes).insert(call.to_owned()) {
            self.complain(format!("G7: the call {call} changed something twice"));
        }
    }

    pub(super) fn is_sabotaged(&self, by: Sabotage) -> bool {
        self.sabotage == Some(by)
    }

    pub(super) fn log(&self) -> Vec<String> {
        locked(&self.log).clone()
    }

    pub(super) fn broken(&self) -> Vec<String> {
        locked(&self.broken).clone()
    }
}

/// Lets time pass on the outside. Never returns once the gateway is dead.
pub(super) async fn pass(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
    fault::alive_here().await;
}

/// One thread runs the simulation, so a lock is only the price of `Sync`.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
