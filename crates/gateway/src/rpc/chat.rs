//! `chat.*`: the conversation as chat clients see it.

use super::Method;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    Vec::new()
}
