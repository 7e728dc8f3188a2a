//! The accounts on chat platforms: tokens that are missing, rules that close or open more than somebody may expect.

use chela_config::{Environment, Loaded};
use chela_gateway::{CheckWeight, check_channels};

use super::Finding;

pub(super) fn findings(loaded: &Loaded, environment: &Environment) -> Vec<Finding> {
    let found = check_channels(loaded, environment);
    if found.is_empty() {
        return vec![Finding::ok("channels.none", "none is configured")];
    }
    let finding = |check: chela_gateway::ChannelCheck| {
        let mend = check.mend.unwrap_or_default();
        match check.weight {
            CheckWeight::Fine => Finding::ok("channels.fine", check.message),
            CheckWeight::Warning => Finding::warning("channels.rules", check.message, mend),
            CheckWeight::Error => Finding::error("channels.closed", check.message, mend),
        }
    };
    found.into_iter().map(finding).collect()
}
