//! Who is connected now, as clients show it.

/// The list behind `system-presence` and the `presence` event.
#[derive(Default)]
pub struct PresenceList {}
