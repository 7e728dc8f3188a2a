//! Fault points: named places where a test kills the process, or lets one task panic, to show that nothing is lost there.
//!
//! A simulation runs many lives of a gateway in one process, each on one thread. There an armed point ends the life of that
//! thread's gateway: the task that comes by unwinds, and from then on nothing that waits for [`alive_here`] goes on.
//!
//! Compiled in debug builds only; a release build has neither the check nor the switch. Lives in the lowest crate that has
//! such places, so that every crate above can mark its own.

/// Every point of a message, in the order in which one passes them; the previews' stand last.
pub const POINTS: &[&str] = &[
    "inbox.before_commit",
    "inbox.after_commit",
    "session.before_turn",
    "turn.begun",
    "turn.before_model",
    "turn.in_stream",
    "turn.before_tool",
    "turn.in_tool",
    "turn.after_tool",
    "turn.before_finish",
    "turn.after_finish",
    "outbox.before_send",
    "outbox.after_send",
    "outbox.after_record",
    "outbox.before_close",
    "outbox.preview_before_send",
    "outbox.preview_after_send",
    "outbox.preview_after_record",
];

/// The points that an automation passes besides its message's.
pub const CRON_POINTS: &[&str] = &["cron.before_claim", "cron.after_claim", "cron.before_finish", "cron.after_finish"];

/// The points that a message passes whose conversation is summarised first; those of calls once for each call.
pub const COMPACTION_POINTS: &[&str] =
    &["compaction.before_call", "compaction.after_call", "compaction.before_write", "compaction.after_write"];

#[cfg(debug_assertions)]
fn is_known(name: &str) -> bool {
    [POINTS, CRON_POINTS, COMPACTION_POINTS].iter().any(|points| points.contains(&name))
}

#[cfg(debug_assertions)]
static ARMED: std::sync::OnceLock<Fault> = std::sync::OnceLock::new();

/// What happens at the armed point.
#[cfg(debug_assertions)]
struct Fault {
    point: String,
    strike: Strike,
}

#[cfg(debug_assertions)]
enum Strike {
    /// The process dies once so many have come by.
    Dies(std::sync::atomic::AtomicU32),
    /// So many more who come by panic.
    Panics(std::sync::atomic::AtomicU32),
}

/// Arms one point for the life of the process: `turn.begun` dies there as by `kill -9`, `turn.begun@3` when it is passed for the
/// third time, `turn.begun=panic*3` panics there three times. Returns whether it is such a text.
#[cfg(debug_assertions)]
pub fn arm(text: &str) -> bool {
    let counted = |times: &str| times.parse::<u32>().ok().filter(|times| *times > 0).map(Into::into);
    let (point, strike) = match (text.split_once("=panic*"), text.split_once('@')) {
        (Some((point, times)), _) => (point, counted(times).map(Strike::Panics)),
        (None, Some((point, times))) => (point, counted(times).map(Strike::Dies)),
        (None, None) => (text, Some(Strike::Dies(1.into()))),
    };
    let Some(strike) = strike else { return false };
    is_known(point) && ARMED.set(Fault { point: point.to_owned(), strike }).is_ok()
}

/// Arms a point for the gateway that lives on this thread: it dies when the point is passed for the `passes`-th time.
#[cfg(debug_assertions)]
pub fn arm_here(point: &'static str, passes: u32) {
    debug_assert!(is_known(point), "unknown fault point {point}");
    LIFE.with_borrow_mut(|life| life.armed = Some((point, passes.max(1))));
}

/// From now on no point is armed on this thread.
#[cfg(debug_assertions)]
pub fn disarm_here() {
    LIFE.with_borrow_mut(|life| life.armed = None);
}

/// Whether the life of this thread's gateway is over.
#[cfg(debug_assertions)]
pub fn is_dead_here() -> bool {
    LIFE.with_borrow(|life| life.dead)
}

/// Ends the life of this thread's gateway. Whoever drives the simulation then drops its tasks.
#[cfg(debug_assertions)]
pub fn die_here() {
    LIFE.with_borrow_mut(|life| {
        life.dead = true;
        life.armed = None;
        life.died.notify_one();
    });
}

/// A new life begins on this thread, with nothing armed. Returns what is told when it ends.
#[cfg(debug_assertions)]
pub fn live_here() -> std::sync::Arc<tokio::sync::Notify> {
    LIFE.with_borrow_mut(|life| {
        *life = Life::default();
        life.died.clone()
    })
}

#[cfg(debug_assertions)]
#[derive(Default)]
struct Life {
    /// A point, and how many times more it is passed until it strikes.
    armed: Option<(&'static str, u32)>,
    dead: bool,
    died: std::sync::Arc<tokio::sync::Notify>,
}

#[cfg(debug_assertions)]
thread_local! {
    static LIFE: std::cell::RefCell<Life> = std::cell::RefCell::default();
}

/// Returns at once while this thread's gateway lives and never afterwards: to a dead process nothing happens any more. Its
/// outside world waits for this before it does anything or tells of it.
#[inline]
pub async fn alive_here() {
    #[cfg(debug_assertions)]
    if is_dead_here() {
        std::future::pending::<()>().await;
    }
}

/// Ends the life of this thread's gateway if it has come to its end; unwinds quietly, as only the task must stop.
#[cfg(debug_assertions)]
fn pass_here(name: &str) {
    let dead = LIFE.with_borrow_mut(|life| {
        match &mut life.armed {
            Some((point, 1)) if *point == name => return true,
            Some((point, left)) if *point == name => *left -= 1,
            _ => {}
        }
        life.dead
    });
    if dead {
        die_here();
        std::panic::resume_unwind(Box::new("the simulated process died"));
    }
}

/// Dies or panics if this point is armed.
///
/// # Panics
/// When a test armed it so.
#[inline]
pub fn point(name: &str) {
    #[cfg(debug_assertions)]
    {
        use std::sync::atomic::Ordering;
        debug_assert!(is_known(name), "unknown fault point {name}");
        pass_here(name);
        let one_less = |left: &std::sync::atomic::AtomicU32| {
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
        };
        match ARMED.get().filter(|fault| fault.point == name).map(|fault| &fault.strike) {
            Some(Strike::Dies(left)) if one_less(left) == Ok(1) => {
                let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            }
            None | Some(Strike::Dies(_)) => {}
            Some(Strike::Panics(left)) => assert!(one_less(left).is_err(), "a test asked for a panic at {name}"),
        }
    }
    #[cfg(not(debug_assertions))]
    let _ = name;
}
