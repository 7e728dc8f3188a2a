//! Links that log a device in once. One is made for somebody who may do everything, is good for some minutes, and worth nothing after
//! its first use. They live in memory only: after a restart a new one is asked for.

use std::sync::{Mutex, PoisonError};

use subtle::ConstantTimeEq as _;

use super::{secret_digest, tokens};

/// Long enough to walk over to another device.
pub(crate) const LINK_TTL_MS: i64 = 10 * 60 * 1000;

/// Links that may be open at once; the oldest makes room.
const LINKS_MAX: usize = 16;

/// The open links. Only digests are kept.
#[derive(Default)]
pub(crate) struct LoginLinks {
    open: Mutex<Vec<OpenLink>>,
}

struct OpenLink {
    hash: [u8; 32],
    expires_at_ms: i64,
}

impl LoginLinks {
    /// The token of a new link, and when it ends.
    pub(crate) fn make(&self, now_ms: i64) -> (String, i64) {
        let (token, expires_at_ms) = (tokens::generate(), now_ms + LINK_TTL_MS);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|link| link.expires_at_ms > now_ms);
        if open.len() == LINKS_MAX {
            open.remove(0);
        }
        open.push(OpenLink { hash: secret_digest(&token), expires_at_ms });
        (token, expires_at_ms)
    }

    /// Whether this is the token of an open link, which it then is no more.
    pub(crate) fn redeem(&self, token: &str, now_ms: i64) -> bool {
        let hash = secret_digest(token);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|link| link.expires_at_ms > now_ms);
        let before = open.len();
        open.retain(|link| !bool::from(link.hash.ct_eq(&hash)));
        open.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_once_and_for_a_time() {
        let links = LoginLinks::default();
        let (token, expires_at_ms) = links.make(1_000);
        assert!(!links.redeem("another", 1_000));
        assert!(links.redeem(&token, 1_000) && !links.redeem(&token, 1_000));
        let (late, _) = links.make(1_000);
        assert!(!links.redeem(&late, expires_at_ms));
    }

    #[test]
    fn of_too_many_links_the_oldest_go() {
        let links = LoginLinks::default();
        let tokens: Vec<String> = (0..=LINKS_MAX).map(|_| links.make(0).0).collect();
        assert!(!links.redeem(&tokens[0], 1) && links.redeem(&tokens[1], 1));
    }
}
