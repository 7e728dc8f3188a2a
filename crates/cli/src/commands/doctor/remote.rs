//! A gateway that answers, here or on another machine: what it says about itself.

use chela_protocol::methods::channels::DeadLettersResult;
use chela_protocol::methods::status::StatusResult;
use serde_json::{Value, json};

use super::Finding;
use crate::context::Context;
use crate::failure::Failure;
use crate::link::decode;

/// Given-up replies that are counted; more are as bad.
const LETTERS_MAX: usize = 100;

/// What the gateway told.
struct Told {
    url: String,
    health: Value,
    status: StatusResult,
    /// `None` where it has no such list, or this device may not read it.
    letters: Option<DeadLettersResult>,
}

pub(super) fn findings(context: &Context) -> Vec<Finding> {
    match ask(context) {
        Ok(told) => judge(&told),
        Err(failure) => {
            let mend = failure.next_step().unwrap_or("chela logs").to_owned();
            vec![Finding::error("gateway.unreachable", failure.message(), mend)]
        }
    }
}

fn ask(context: &Context) -> Result<Told, Failure> {
    context.block_on(async {
        let link = context.connect().await?;
        let health = link.call("health", json!({})).await?;
        let status = decode("status", link.call("status", json!({})).await?)?;
        let letters = link.call("channels.deadLetters.list", json!({"limit": LETTERS_MAX})).await.ok();
        let letters = letters.and_then(|letters| decode("channels.deadLetters.list", letters).ok());
        Ok(Told { url: link.url().to_owned(), health, status, letters })
    })
}

fn judge(told: &Told) -> Vec<Finding> {
    let url = &told.url;
    let degraded = || told.health["degraded"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut findings = vec![if told.health["ok"] == true {
        Finding::ok("gateway.well", format!("{url} answers and is well"))
    } else {
        let reasons: Vec<&str> = degraded().collect();
        Finding::warning("gateway.degraded", format!("{url} answers: {}", reasons.join("; ")), "chela status")
    }];
    let (ours, theirs) = (env!("CARGO_PKG_VERSION"), &told.status.runtime_version);
    if ours != theirs {
        let message = format!("the gateway is version {theirs}, this command is {ours}");
        findings.push(Finding::warning("gateway.version", message, "restart the gateway, or update the older one"));
    }
    if let Some(machine) = &told.status.machine {
        let region = machine.region.as_deref().unwrap_or("an unknown region");
        findings.push(Finding::ok("gateway.machine", format!("{} on {} in {region}", machine.app, machine.platform)));
    }
    for problem in &told.status.problems {
        findings.push(Finding::warning("gateway.problem", problem.clone(), "chela config validate, where it runs"));
    }
    for line in &told.status.channel_summary {
        findings.push(Finding::ok("gateway.channel", line.clone()));
    }
    match told.letters.as_ref().map_or(0, |letters| letters.letters.len()) {
        0 => {}
        count => {
            let message = format!("{count} replies could not be delivered");
            let mend = "chela channels dead-letters lists them; retry sends one again";
            findings.push(Finding::warning("gateway.dead_letters", message, mend));
        }
    }
    findings
}
