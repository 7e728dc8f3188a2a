//! Every command: one file, one `…Args`, one `run`.

#![allow(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "every command has the same shape: it owns its arguments and may fail"
)]

use std::process::ExitCode;

use crate::args::Command;
use crate::context::Context;
use crate::failure::Failure;

pub(crate) mod agent;
pub(crate) mod agents;
pub(crate) mod approvals;
pub(crate) mod channels;
pub(crate) mod chat;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod cron;
pub(crate) mod devices;
pub(crate) mod doctor;
pub(crate) mod gateway;
pub(crate) mod health;
pub(crate) mod import;
pub(crate) mod logs;
pub(crate) mod man;
pub(crate) mod message;
pub(crate) mod models;
pub(crate) mod open;
pub(crate) mod pairing;
pub(crate) mod reference;
pub(crate) mod sessions;
pub(crate) mod skills;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod usage;

/// What a command that did its work gives; most give success.
pub(crate) type Outcome = Result<ExitCode, Failure>;

pub(crate) fn run(command: Command, context: &Context) -> Outcome {
    match command {
        Command::Gateway(args) => gateway::run(args, context),
        Command::Chat(args) => chat::run(args, context),
        Command::Agent(args) => agent::run(args, context),
        Command::Agents(args) => agents::run(args, context),
        Command::Status(args) => status::run(args, context),
        Command::Health(args) => health::run(args, context),
        Command::Logs(args) => logs::run(args, context),
        Command::Doctor(args) => doctor::run(args, context),
        Command::Config(args) => config::run(args, context),
        Command::Models(args) => models::run(args, context),
        Command::Open(args) => open::run(args, context),
        Command::Sessions(args) => sessions::run(args, context),
        Command::Skills(args) => skills::run(args, context),
        Command::Channels(args) => channels::run(args, context),
        Command::Pairing(args) => pairing::run(args, context),
        Command::Approvals(args) => approvals::run(args, context),
        Command::Cron(args) => cron::run(args, context),
        Command::Message(args) => message::run(args, context),
        Command::Usage(args) => usage::run(args, context),
        Command::Devices(args) => devices::run(args, context),
        Command::State(args) => state::run(args, context),
        Command::Import(args) => import::run(args, context),
        Command::Completions(args) => completions::run(args, context),
        Command::Man(args) => man::run(args, context),
        Command::Reference(args) => reference::run(args, context),
    }
}
