//! Which configuration is read, and what is wrong with it.

use chela_config::{CONFIG_NAMES, Loaded, PREFIXES, Problem, Severity, extend, former_texts};

use super::{Finding, repair};
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
    "RUN_AS",
];

pub(super) fn findings(loaded: &Loaded, context: &Context) -> Vec<Finding> {
    let path = loaded.path.display();
    let mut findings = vec![if loaded.exists {
        Finding::ok("config.file", format!("reads {path}"))
    } else {
        Finding::warning(
            "config.missing",
            format!("there is no {path}"),
            "chela gateway --allow-unconfigured starts without one and writes a minimal one",
        )
    }];
    findings.extend(problems(loaded));
    findings.extend(unread(loaded, context));
    findings.extend(variables(context));
    findings
}

fn problems(loaded: &Loaded) -> Vec<Finding> {
    let (_, mut problems) = chela_gateway::config::Config::read(loaded);
    extend(&mut problems, loaded.check(&chela_gateway::config::schema()));
    let mut findings: Vec<Finding> = problems.iter().map(|problem| finding(problem, loaded)).collect();
    for (old, new) in loaded.renamed() {
        let message = format!("{old} is called {new} now; the old name is still read");
        findings.push(Finding::warning("config.old_name", message, "chela doctor --fix").fixable());
    }
    findings
}

fn finding(problem: &Problem, loaded: &Loaded) -> Finding {
    if problem.path.is_empty() && loaded.safe_mode {
        let has_former = former_texts(&loaded.path).iter().any(|former| former.exists());
        let mend = if has_former {
            "chela doctor --restore-config puts the newest former text back; or mend it where it says"
        } else {
            "mend it where it says; the gateway starts meanwhile in safe mode, and its page shows the file"
        };
        return Finding::error("config.unreadable", problem.message.clone(), mend)
            .seen_by([loaded.path.display().to_string()]);
    }
    let message = format!("{}: {}", problem.path, problem.message);
    let mend = problem.hint.clone().unwrap_or_else(|| "chela config schema prints what each key takes".to_owned());
    match problem.severity {
        Severity::Error => Finding::error("config.wrong_value", message, mend),
        Severity::Warning => {
            let told = Finding::warning("config.unknown_key", message, mend);
            if repair::new_name(problem, loaded).is_some() { told.fixable() } else { told }
        }
        Severity::Note => Finding::ok("config.note", message),
    }
}

/// Files that somebody may take for the configuration.
fn unread(loaded: &Loaded, context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    let beside = CONFIG_NAMES.iter().map(|name| context.places.state_dir.join(name));
    for other in beside.filter(|other| *other != loaded.path && other.is_file()) {
        // What a first start wrote says nothing that anybody would miss.
        if std::fs::read_to_string(&other).is_ok_and(|text| text == chela_config::FIRST_FILE) {
            continue;
        }
        let message = format!("{} stands there too, and is not read", other.display());
        let mend = format!(
            "keep one of them, or name it with CHELA_CONFIG_PATH; in use is {}",
            loaded.path.file_name().unwrap_or_default().to_string_lossy()
        );
        findings.push(Finding::warning("config.unread", message, mend));
    }
    if let Some(dir) = &context.places.foreign_state_dir {
        let message = format!("{} belongs to the gateway that was here before, and is not read", dir.display());
        let mend = format!("to move it in: chela import --from {}", dir.display());
        findings.push(Finding::warning("config.unread", message, mend));
    }
    findings
}

fn variables(context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut set = Vec::new();
    for variable in VARIABLES {
        let names = PREFIXES.iter().map(|prefix| format!("{prefix}_{variable}"));
        let here: Vec<(String, &str)> =
            names.filter_map(|name| context.environment.get(&name).map(|value| (name, value))).collect();
        if let [(first, value), others @ ..] = here.as_slice()
            && let Some((other, _)) = others.iter().find(|(_, other)| other != value)
        {
            let message = format!("{first} and {other} say different things; {first} holds");
            findings.push(Finding::warning("environment.contradiction", message, format!("unset {other}")));
        }
        set.extend(here.into_iter().map(|(name, _)| name));
    }
    if !set.is_empty() {
        let win = if set.len() == 1 { "wins" } else { "win" };
        findings.push(Finding::ok("environment.set", format!("{} {win} over the file", set.join(", "))));
    }
    findings
}
