//! `logs.tail`: the log file, by cursor.

use super::Method;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    Vec::new()
}
