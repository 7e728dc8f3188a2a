//! `chela doctor`: looks at this machine, names each problem and its mend. Needs no gateway.

mod channels;
mod config;
mod gateway;
mod state;

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::Outcome;
use crate::context::Context;
use crate::output::{BAD, BOLD, DIM, GOOD, Output, WARN};

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Mend what is safe to mend: permissions of the state dir and the configuration
    #[arg(long, visible_alias = "repair")]
    fix: bool,
    /// OpenClaw: never ask; doctor never does.
    #[arg(long, hide = true)]
    non_interactive: bool,
    #[arg(long, hide = true)]
    deep: bool,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at, for people and programs.
    check: &'static str,
    level: Level,
    message: String,
    /// The next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Ok,
    Warning,
    Error,
}

impl Finding {
    pub(super) fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, message: message.into(), mend: None }
    }

    pub(super) fn warning(check: &'static str, message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, level: Level::Warning, message: message.into(), mend: Some(mend.into()) }
    }

    pub(super) fn error(check: &'static str, message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, level: Level::Error, message: message.into(), mend: Some(mend.into()) }
    }
}

pub(crate) fn run(args: DoctorArgs, context: &Context) -> Outcome {
    let (loaded, environment) = context.load();
    let mut findings = Vec::new();
    findings.extend(config::findings(&loaded, context));
    findings.extend(state::findings(context, args.fix));
    findings.extend(channels::findings(&loaded, &environment));
    findings.extend(gateway::findings(&loaded, &environment, context));
    let worst = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok);
    if context.output.json {
        context.output.document(&serde_json::json!({"ok": worst != Level::Error, "findings": findings}));
    } else {
        for finding in &findings {
            show(context.output, finding);
        }
    }
    Ok(if worst == Level::Error { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn show(output: Output, finding: &Finding) {
    let mark = match finding.level {
        Level::Ok => output.style(GOOD, "ok     "),
        Level::Warning => output.style(WARN, "warning"),
        Level::Error => output.style(BAD, "error  "),
    };
    let check = output.style(BOLD, &format!("{:12}", finding.check));
    output.line(format!("{mark}  {check}  {}", crate::output::printable(&finding.message)));
    if let Some(mend) = &finding.mend {
        output.line(format!("{:23}{} {mend}", "", output.style(DIM, "→")));
    }
}
