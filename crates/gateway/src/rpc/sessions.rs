//! `sessions.*`: the list of sessions and one session's settings.

use super::Method;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    Vec::new()
}
