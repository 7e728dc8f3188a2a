//! What really stands between commands and this machine: each layer is tried, as the gateway does.

use chela_config::Loaded;
use chela_tools::sandbox::{Sandbox, SandboxConfig, SandboxMode};

use super::finding::Finding;

pub(super) fn findings(loaded: &Loaded) -> Vec<Finding> {
    let section = loaded.value.pointer("/tools/sandbox").cloned().unwrap_or_default();
    // What can't be read is a finding of the configuration's own.
    let config: SandboxConfig = serde_json::from_value(section).unwrap_or_default();
    let standing = Sandbox::new().standing(&config);
    if standing.mode == SandboxMode::Off {
        let mend = "remove tools.sandbox.mode, or deny exec, unless every command is yours";
        return vec![Finding::warning("sandbox.off", standing.summary(), mend)];
    }
    if let Some(refusal) = standing.refusal {
        let mend = "give the gateway a kernel or container that allows it; `chela doctor` tries again";
        return vec![Finding::error("sandbox.refused", refusal, mend)];
    }
    let finding = |protection: chela_tools::sandbox::Protection| match protection.by {
        Ok(by) => Finding::ok("sandbox.protects", format!("{}: kept from commands by {by}", protection.what)),
        Err(reason) => {
            let message = format!("{}: not kept from commands, since {reason}", protection.what);
            Finding::warning("sandbox.gap", message, "SECURITY.md says what that means")
        }
    };
    standing.protections.into_iter().map(finding).collect()
}
