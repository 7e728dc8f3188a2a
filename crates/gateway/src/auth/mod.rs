//! Who may connect: shared secrets, devices, rate limit, Origin and Host.

pub mod http;

/// The secrets in force and the counters of failures.
#[derive(Default)]
pub struct Auth {}
