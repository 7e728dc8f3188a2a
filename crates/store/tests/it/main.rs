//! The store as its callers see it, on real files.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod channels;
mod cron;
mod dedupe;
mod files;
mod sessions;
mod small;
mod support;
mod transcript;
mod turns;
