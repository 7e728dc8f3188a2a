//! Fault points: named places where a test kills the process, to show that nothing is lost there.
//!
//! Compiled in debug builds only; a release build has neither the check nor the switch. Lives in the lowest crate that has
//! such places, so that every crate above can mark its own.

/// Every point, in the order in which one message passes them.
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
];

#[cfg(debug_assertions)]
static ARMED: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// Arms one point for the life of the process. Returns whether such a point exists.
#[cfg(debug_assertions)]
pub fn arm(name: &str) -> bool {
    POINTS.contains(&name) && ARMED.set(name.to_owned()).is_ok()
}

/// Dies as by `kill -9` if this point is armed.
#[inline]
pub fn point(name: &str) {
    #[cfg(debug_assertions)]
    {
        debug_assert!(POINTS.contains(&name), "unknown fault point {name}");
        if ARMED.get().is_some_and(|armed| armed == name) {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }
    #[cfg(not(debug_assertions))]
    let _ = name;
}
