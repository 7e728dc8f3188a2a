//! What really protects on this machine, in words: for the refusal of a command, for `chela doctor` and for `chela status`.

use super::config::{Network, SandboxConfig, SandboxMode};
use super::policy::{Namespaces, Probe};

/// First version of Landlock that keeps signals and abstract sockets within the sandbox.
const LANDLOCK_SCOPES: u32 = 6;

/// The effective policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub mode: SandboxMode,
    /// Why no command runs, and what to do.
    pub refusal: Option<String>,
    pub protections: Vec<Protection>,
}

/// One thing that a command must not reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// What is protected.
    pub what: &'static str,
    /// What keeps commands from it; an error says why nothing does.
    pub by: Result<String, String>,
}

impl Standing {
    pub(super) fn new(config: &SandboxConfig, probe: Result<&Probe, &String>) -> Self {
        Self::with_network(config, probe, config.network())
    }

    pub(super) fn with_network(config: &SandboxConfig, probe: Result<&Probe, &String>, network: Network) -> Self {
        let mode = config.mode.unwrap_or_default();
        if mode == SandboxMode::Off {
            return Self { mode, refusal: None, protections: Vec::new() };
        }
        let probe = match probe {
            Ok(probe) => probe,
            Err(reason) => {
                return Self { mode, refusal: Some(refusal(std::slice::from_ref(reason))), protections: Vec::new() };
            }
        };
        let protections = protections(probe, network);
        let needed = |protection: &&Protection| mode == SandboxMode::Required || is_needed(protection.what);
        let missing: Vec<String> = protections
            .iter()
            .filter(needed)
            .filter_map(|protection| Some(format!("{}: {}", protection.what, protection.by.as_ref().err()?)))
            .collect();
        let refusal = (!missing.is_empty()).then(|| refusal(&missing));
        Self { mode, refusal, protections }
    }

    /// One line for people.
    pub fn summary(&self) -> String {
        if self.mode == SandboxMode::Off {
            return "off (tools.sandbox.mode): commands can do what the gateway's user can".to_owned();
        }
        if let Some(refusal) = &self.refusal {
            return refusal.clone();
        }
        let open: Vec<&str> = self.protections.iter().filter(|one| one.by.is_err()).map(|one| one.what).collect();
        let held: Vec<&str> = self.protections.iter().filter(|one| one.by.is_ok()).map(|one| one.what).collect();
        match &open[..] {
            [] => format!("on: {}", held.join(", ")),
            _ => format!("on: {}; not kept from commands: {}", held.join(", "), open.join(", ")),
        }
    }
}

const FILES: &str = "files";
const NETWORK: &str = "network";

/// What `auto` does not do without.
fn is_needed(what: &str) -> bool {
    [FILES, NETWORK].contains(&what)
}

fn refusal(missing: &[String]) -> String {
    format!(
        "Commands don't run, since this machine can't confine them as tools.sandbox asks ({}). A kernel with Landlock (Linux 5.13 and \
         later, with `landlock` in its `lsm=` list) or user namespaces mends it; tools.sandbox.mode `off` runs commands unconfined.",
        missing.join("; ")
    )
}

fn protections(probe: &Probe, network: Network) -> Vec<Protection> {
    let view = probe.namespaces.as_ref().map(|_| "a view of its own");
    let landlock = probe.landlock.as_ref().map(|version| format!("Landlock {version}"));
    let scopes =
        landlock.as_ref().ok().filter(|_| probe.landlock.as_ref().is_ok_and(|version| *version >= LANDLOCK_SCOPES));
    let seccomp = probe.seccomp.as_ref().map(|()| "a filter of system calls");
    let all = |parts: &[Option<&str>], otherwise: &str| {
        let parts: Vec<&str> = parts.iter().flatten().copied().collect();
        if parts.is_empty() { Err(otherwise.to_owned()) } else { Ok(parts.join(" and ")) }
    };
    let reasons = || {
        let reasons = [probe.namespaces.as_ref().err(), probe.landlock.as_ref().err()];
        reasons.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("; ")
    };
    let view_part = view.as_ref().ok().copied();
    let landlock_part = landlock.as_ref().ok().map(String::as_str);
    let mut list = vec![
        Protection { what: FILES, by: all(&[view_part, landlock_part], &reasons()) },
        Protection {
            what: "memory of processes",
            by: all(&[view_part.map(|_| "namespaces"), landlock_part], &reasons()),
        },
        Protection {
            what: "signals",
            by: all(
                &[view_part.map(|_| "namespaces"), scopes.map(String::as_str)],
                "only the gateway itself is out of reach",
            ),
        },
        Protection {
            what: "sockets of other programs",
            by: all(&[view_part, seccomp.as_ref().ok().copied()], &reasons()),
        },
        Protection { what: "the kernel", by: seccomp.map(str::to_owned).map_err(Clone::clone) },
        Protection { what: "number of processes", by: process_limit(probe) },
    ];
    if network == Network::Closed {
        list.push(Protection { what: NETWORK, by: seccomp.map(str::to_owned).map_err(Clone::clone) });
    }
    list
}

fn process_limit(probe: &Probe) -> Result<String, String> {
    let is_root = rustix::process::geteuid().is_root();
    match &probe.namespaces {
        Ok(Namespaces { user: true, .. }) if !is_root => Ok("a limit of their own".to_owned()),
        Ok(Namespaces { fresh_proc: true, .. }) if super::launch::has_own_process_limit() => {
            Ok("a limit of their own".to_owned())
        }
        _ if !is_root => Ok("a limit of this user".to_owned()),
        _ => {
            Err("the kernel exempts root from its limit; set one on the container, or run the gateway as another user"
                .to_owned())
        }
    }
}
