//! The daemon: one port for WebSocket, HTTP and the web page; sessions, events, reload.
//!
//! The composition root of the house. Decides who may do what, and passes work to the crates below.

mod app;
mod approvals;
mod attachments;
mod auth;
mod budgets;
mod channels;
mod commands;
pub mod config;
mod config_write;
mod connection;
mod cron;
mod delivery;
mod events;
mod folder_watch;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod hooks;
mod intake;
mod logs;
mod media;
mod nodes;
mod once;
mod openai;
mod outgoing;
mod outside;
mod pairing;
mod presence;
mod pressure;
mod reload;
mod route;
mod rpc;
mod rpc_error;
mod server;
mod sessions;
#[cfg(all(test, debug_assertions))]
mod simulation;
mod skills;
mod sources;
mod start;
mod tools_invoke;
mod turn_events;
mod web;

pub use channels::{ChannelCheck, CheckWeight, check_channels};
pub use rpc::listed as listed_methods;
pub use server::port_owner;
pub use start::{
    Bind, Exit, Fleeting, LogFormat, Options, Running, StartError, asked_bind, fleeting, in_container, make_token, run,
    start,
};
