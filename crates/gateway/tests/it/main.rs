//! The gateway from outside: real sockets, a real store in a temporary state dir.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test that can't go on fails; values read better"
)]

mod agents;
mod approvals;
mod bad_models;
mod budgets;
mod channels;
mod chat;
mod client;
mod commands;
mod conversation;
mod delivery;
mod handshake;
mod hostile;
mod http;
mod isolation;
mod limits;
mod live;
mod nonsense;
mod openai;
mod recovery;
mod rotation;
mod scarce;
mod sessions;
mod start;
mod strangers;
mod support;
mod web;
