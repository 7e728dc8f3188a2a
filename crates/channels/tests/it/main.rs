//! Channels against fake platforms: what every kind must do, and what one kind alone does.

#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]

mod conformance;
mod discord;
mod discord_interactions;
mod fake_discord;
mod fake_telegram;
mod telegram;
