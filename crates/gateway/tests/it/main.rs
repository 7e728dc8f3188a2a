//! The gateway from outside: real sockets, a real store in a temporary state dir.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test that can't go on fails; values read better"
)]

/// Makes the test program the launcher of its own sandboxes: libtest owns its `main`, and this runs before that.
#[used]
#[unsafe(link_section = ".init_array")]
#[expect(unsafe_code, reason = "the only way into a test program ahead of libtest")]
static LAUNCHER: extern "C" fn() = {
    extern "C" fn before_main() {
        chela_tools::sandbox::launch_if_asked();
    }
    before_main
};

mod admin;
mod agent_files;
mod agents;
mod approvals;
mod bad_models;
mod budgets;
mod channels;
mod chat;
mod choices;
mod client;
mod client_tools;
mod commands;
mod conversation;
mod cron;
mod delivery;
mod embeddings;
mod handshake;
mod hooks;
mod hostile;
mod http;
mod isolation;
mod limits;
mod live;
mod nodes;
mod nonsense;
mod openai;
mod recovery;
mod redteam;
mod rotation;
mod scarce;
mod sessions;
mod skills;
mod start;
mod stock_clients;
mod strangers;
mod support;
mod usage;
mod web;
