//! Which configuration is read, and what is wrong with it.

use chela_config::{Loaded, PREFIXES, Severity, extend};

use super::Finding;
use crate::context::Context;

/// Variables of the gateway's own that win over the file.
const VARIABLES: &[&str] = &[
    "STATE_DIR",
    "CONFIG_PATH",
    "GATEWAY_PORT",
    "GATEWAY_BIND",
    "GATEWAY_TOKEN",
    "GATEWAY_PASSWORD",
    "GATEWAY_URL",
    "PROFILE",
    "HOME",
];

const CHECK: &str = "config";

pub(super) fn findings(loaded: &Loaded, context: &Context) -> Vec<Finding> {
    let path = loaded.path.display();
    let mut findings = vec![if loaded.exists {
        Finding::ok(CHECK, format!("reads {path}"))
    } else {
        Finding::warning(
            CHECK,
            format!("there is no {path}"),
            "chela gateway --allow-unconfigured starts without one and writes a minimal one",
        )
    }];
    let (_, mut problems) = chela_gateway::config::Config::read(loaded);
    extend(&mut problems, loaded.check(&chela_gateway::config::schema()));
    for problem in problems {
        let message = if problem.path.is_empty() {
            problem.message.clone()
        } else {
            format!("{}: {}", problem.path, problem.message)
        };
        let mend = problem.hint.clone().unwrap_or_else(|| "chela config schema prints what each key takes".to_owned());
        findings.push(match problem.severity {
            Severity::Error => Finding::error(CHECK, message, mend),
            Severity::Warning => Finding::warning(CHECK, message, mend),
            Severity::Note => Finding::ok(CHECK, message),
        });
    }
    if let Some(dir) = &context.places.foreign_state_dir {
        let message = format!("{} belongs to the gateway that was here before, and is not read", dir.display());
        let mend = format!("to use its configuration, copy its .json file into {}", context.places.state_dir.display());
        findings.push(Finding::warning(CHECK, message, mend));
    }
    let set: Vec<String> = VARIABLES
        .iter()
        .flat_map(|name| PREFIXES.iter().map(move |prefix| format!("{prefix}_{name}")))
        .filter(|name| context.environment.get(name).is_some())
        .collect();
    if !set.is_empty() {
        let win = if set.len() == 1 { "wins" } else { "win" };
        findings.push(Finding::ok("environment", format!("{} {win} over the file", set.join(", "))));
    }
    findings
}
