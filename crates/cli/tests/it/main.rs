//! The real binary, as people run it: an empty home, a cleared environment, a gateway on a port of its own.

#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]

mod channels;
mod config;
mod contained;
mod deploy;
mod doctor;
mod gateway;
mod import;
mod kills;
mod scarce;
mod secrets;
mod skills;
mod start;
mod support;
mod surface;
