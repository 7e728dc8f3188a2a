//! `chela doctor`: looks for trouble, names each one with its mend, and mends what is safe to mend. Needs no gateway.
//!
//! Every check is a function that gives findings; each kind of finding has an id, which scripts may rely on.

mod channels;
mod config;
mod content;
mod finding;
mod gateway;
mod machine;
mod remote;
mod repair;
mod sandbox;
mod state;

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use self::finding::{Finding, Fix, Level};
use super::Outcome;
use crate::context::Context;
use crate::output::{BAD, BOLD, DIM, GOOD, Output, WARN};
use crate::target::Source;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub(crate) struct DoctorArgs {
    /// Mend what is safe to mend: owners and modes, leftovers, old and mistyped key names, a missing token
    #[arg(long, visible_alias = "repair")]
    fix: bool,
    /// Put the newest former text of the configuration back, if the present one can't be read
    #[arg(long)]
    restore_config: bool,
    /// OpenClaw: never ask; doctor never does.
    #[arg(long, hide = true)]
    non_interactive: bool,
    #[arg(long, hide = true)]
    deep: bool,
}

pub(crate) fn run(args: DoctorArgs, context: &Context) -> Outcome {
    let fix = if args.fix { Fix::Mend } else { Fix::Look };
    let findings = if is_elsewhere(context) { remote::findings(context) } else { here(&args, fix, context) };
    let worst = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok);
    if context.output.json {
        let fixed = findings.iter().filter(|finding| finding.fixed).count();
        let document = json!({"ok": worst != Level::Error, "worst": worst, "fixed": fixed,
                              "version": env!("CARGO_PKG_VERSION"), "findings": findings});
        context.output.document(&document);
    } else {
        for finding in &findings {
            show(context.output, finding);
        }
    }
    Ok(if worst == Level::Error { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Whether a gateway of another machine is meant: what stands on this one says nothing about it.
fn is_elsewhere(context: &Context) -> bool {
    context
        .target()
        .is_ok_and(|target| matches!(target.source, Source::CommandLine | Source::Environment | Source::Remote))
}

/// What is mended comes first, so that the rest is looked at as it is now.
fn here(args: &DoctorArgs, fix: Fix, context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    if args.restore_config {
        findings.extend(repair::restore(context));
    }
    if fix == Fix::Mend {
        findings.extend(repair::key_names(context));
    }
    let (loaded, environment) = context.load();
    findings.extend(config::findings(&loaded, context));
    findings.extend(state::findings(context, &environment, fix));
    findings.extend(content::findings(context, fix));
    findings.extend(machine::findings());
    findings.extend(channels::findings(&loaded, &environment));
    findings.extend(sandbox::findings(&loaded));
    findings.extend(gateway::findings(&loaded, &environment, context, fix));
    findings
}

fn show(output: Output, finding: &Finding) {
    let mark = match (finding.fixed, finding.level) {
        (true, _) => output.style(GOOD, "mended "),
        (_, Level::Ok) => output.style(GOOD, "ok     "),
        (_, Level::Warning) => output.style(WARN, "warning"),
        (_, Level::Error) => output.style(BAD, "error  "),
    };
    let check = output.style(BOLD, &format!("{:12}", finding.check));
    output.line(format!("{mark}  {check}  {}", crate::output::printable(&finding.message)));
    for line in &finding.evidence {
        output.line(format!("{:25}{}", "", output.style(DIM, &crate::output::printable(line))));
    }
    if let Some(mend) = &finding.mend {
        output.line(format!("{:23}{} {}", "", output.style(DIM, "→"), crate::output::printable(mend)));
    }
}
