//! `chela devices`: clients that hold a key of their own.

use std::process::ExitCode;

use chela_protocol::DeviceId;
use chela_protocol::methods::devices::{
    DevicePairListResult, DeviceParams, DeviceTokenParams, DeviceTokenRotateResult, PairRequestParams, PairedDevice,
};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::Outcome;
use crate::context::Context;
use crate::link::decode;
use crate::output::{self, BOLD};

#[derive(Debug, Args)]
pub(crate) struct DevicesArgs {
    #[command(subcommand)]
    command: DevicesCommand,
}

#[derive(Debug, Subcommand)]
enum DevicesCommand {
    /// List paired devices and those that wait
    List,
    /// Let a waiting device in
    Approve { request: String },
    /// Turn a waiting device away
    Reject { request: String },
    /// End a device's pairing
    #[command(visible_alias = "revoke")]
    Remove { device: String },
    /// Give a device a new token; the old one is dead at once
    Rotate {
        device: String,
        #[arg(long, default_value = "operator")]
        role: String,
    },
}

pub(crate) fn run(args: DevicesArgs, context: &Context) -> Outcome {
    match args.command {
        DevicesCommand::List => list(context),
        DevicesCommand::Approve { request } => {
            let said = format!("request {request} is approved");
            change("device.pair.approve", PairRequestParams { request_id: request }, &said, context)
        }
        DevicesCommand::Reject { request } => {
            let said = format!("request {request} is rejected");
            change("device.pair.reject", PairRequestParams { request_id: request }, &said, context)
        }
        DevicesCommand::Remove { device } => {
            let said = format!("device {device} is removed");
            change("device.pair.remove", DeviceParams { device_id: DeviceId::new(device) }, &said, context)
        }
        DevicesCommand::Rotate { device, role } => rotate(device, role, context),
    }
}

fn list(context: &Context) -> Outcome {
    let output = context.output;
    let value = context.ask("device.pair.list", json!({}))?;
    if output.json {
        output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let result: DevicePairListResult = decode("device.pair.list", value)?;
    if !result.pending.is_empty() {
        output.line(output.style(BOLD, "waiting"));
        output.table(
            &["request", "device", "name"],
            result.pending.iter().map(|request| {
                let name = request.display_name.clone().unwrap_or_default();
                vec![request.request_id.clone(), request.device_id.to_string(), name]
            }),
        );
        output.line("");
    }
    output.line(output.style(BOLD, "paired"));
    output.table(&["device", "name", "role", "last seen"], result.paired.iter().map(row));
    Ok(ExitCode::SUCCESS)
}

fn row(device: &PairedDevice) -> Vec<String> {
    let seen =
        if device.connected { "connected".to_owned() } else { output::ago(device.last_seen_at_ms, output::now_ms()) };
    let name = device.display_name.clone().or_else(|| device.client_id.clone()).unwrap_or_default();
    vec![device.device_id.to_string(), name, device.role.clone(), seen]
}

fn change(method: &'static str, params: impl Serialize, said: &str, context: &Context) -> Outcome {
    context.done(&context.ask(method, params)?, said);
    Ok(ExitCode::SUCCESS)
}

fn rotate(device: String, role: String, context: &Context) -> Outcome {
    let params = DeviceTokenParams { device_id: DeviceId::new(device), role, scopes: None };
    let value = context.ask("device.token.rotate", params)?;
    if context.output.json {
        context.output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let result: DeviceTokenRotateResult = decode("device.token.rotate", value)?;
    context.output.note(format!("the new token of {} is shown once:", result.device_id));
    context.output.line(result.token);
    Ok(ExitCode::SUCCESS)
}
