//! `agents.*` and `agent.identity.get`: the configured personas.

use super::Method;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    Vec::new()
}
