//! `agent` and `agent.wait`: one turn, answered twice.

use super::Method;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    Vec::new()
}
