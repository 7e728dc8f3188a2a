//! Fault points: named places where a test kills the process, or lets one task panic, to show that nothing is lost there.
//!
//! Compiled in debug builds only; a release build has neither the check nor the switch. Lives in the lowest crate that has
//! such places, so that every crate above can mark its own.

/// Every point, in the order in which one message passes them; the previews' stand last.
pub const POINTS: &[&str] = &[
    "inbox.before_commit",
    "inbox.after_commit",
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

#[cfg(debug_assertions)]
static ARMED: std::sync::OnceLock<Fault> = std::sync::OnceLock::new();

/// What happens at the armed point.
#[cfg(debug_assertions)]
struct Fault {
    point: String,
    /// `None`: the process dies; else how many more times whoever comes by panics.
    panics: Option<std::sync::atomic::AtomicU32>,
}

/// Arms one point for the life of the process: `turn.begun` dies there as by `kill -9`, `turn.begun=panic*3` panics there three
/// times. Returns whether it is such a text.
#[cfg(debug_assertions)]
pub fn arm(text: &str) -> bool {
    let (point, panics) = match text.split_once("=panic*") {
        Some((point, times)) => match times.parse() {
            Ok(times) => (point, Some(std::sync::atomic::AtomicU32::new(times))),
            Err(_) => return false,
        },
        None => (text, None),
    };
    POINTS.contains(&point) && ARMED.set(Fault { point: point.to_owned(), panics }).is_ok()
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
        debug_assert!(POINTS.contains(&name), "unknown fault point {name}");
        match ARMED.get().filter(|fault| fault.point == name).map(|fault| &fault.panics) {
            None => {}
            Some(None) => {
                let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            }
            Some(Some(left)) => {
                let had = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
                assert!(had.is_err(), "a test asked for a panic at {name}");
            }
        }
    }
    #[cfg(not(debug_assertions))]
    let _ = name;
}
