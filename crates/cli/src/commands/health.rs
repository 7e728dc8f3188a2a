//! `chela health`: one question, one answer, and an exit code for scripts.

use std::process::ExitCode;

use chela_protocol::methods::health::HealthSnapshot;
use clap::Args;
use serde_json::json;

use super::Outcome;
use crate::context::Context;
use crate::link::decode;
use crate::output::{self, GOOD, WARN};

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {}

pub(crate) fn run(_args: HealthArgs, context: &Context) -> Outcome {
    let output = context.output;
    let value = context.ask("health", json!({}))?;
    let health: HealthSnapshot = decode("health", value.clone())?;
    if output.json {
        output.document(&value);
    } else {
        let word = if health.ok { output.style(GOOD, "ok") } else { output.style(WARN, "degraded") };
        output.line(format!(
            "{word}  version {}, up {}, {} sessions",
            health.version,
            output::duration(health.uptime_ms),
            health.sessions.count
        ));
        for reason in &health.degraded {
            output.line(format!("    {}", output::printable(reason)));
        }
    }
    Ok(if health.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
