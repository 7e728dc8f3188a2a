//! The daemon: one port for WebSocket, HTTP and the web page; sessions, events, reload.
//!
//! The composition root of the house. Decides who may do what, and passes work to the crates below.

mod app;
mod connection;
mod events;
mod rpc;
