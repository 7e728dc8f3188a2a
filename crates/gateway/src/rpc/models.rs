//! `models.*`: what can be chosen, and whether its key is there.

use super::Method;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    Vec::new()
}
