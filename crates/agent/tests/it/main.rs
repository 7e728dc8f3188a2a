//! Turns on a real store, with scripted models and tools.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod abort;
mod budgets;
mod client_tools;
mod compaction;
mod crash;
mod prompt;
mod support;
mod transcript;
mod trust;
mod turn;
mod wires;
