//! The shared secrets, kept as digests and compared in constant time.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::AuthMode;

type Hash = [u8; 32];

/// What a client must present. Only digests are kept; the secrets themselves are not in this struct.
#[derive(Clone)]
pub(crate) struct Secrets {
    mode: AuthMode,
    token: Option<Hash>,
    password: Option<Hash>,
    generation: u64,
}

/// What a client presented, compared with [`Secrets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presented {
    /// Nothing that could be the shared secret.
    Nothing,
    Token,
    Password,
    Wrong,
}

impl Secrets {
    pub(crate) fn new(mode: AuthMode, token: Option<&str>, password: Option<&str>) -> Self {
        Self { mode, token: token.map(digest), password: password.map(digest), generation: 1 }
    }

    pub(crate) fn mode(&self) -> AuthMode {
        self.mode
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.token.is_none() && self.password.is_none()
    }

    /// The secret is accepted in either field, whatever the mode, as stock clients put it in one or in both.
    /// Every comparison is made, so that the time tells nothing of which one matched.
    pub(crate) fn check(&self, candidates: &[Option<&str>]) -> Presented {
        let presented: Vec<Hash> =
            candidates.iter().flatten().filter(|text| !text.is_empty()).map(|text| digest(text)).collect();
        let matches = |secret: &Option<Hash>| {
            let Some(secret) = secret else { return false };
            presented.iter().fold(subtle::Choice::from(0), |found, hash| found | hash.ct_eq(secret)).into()
        };
        let (token, password) = (matches(&self.token), matches(&self.password));
        match (presented.is_empty(), token, password) {
            (true, ..) => Presented::Nothing,
            (_, true, _) => Presented::Token,
            (_, _, true) => Presented::Password,
            _ => Presented::Wrong,
        }
    }

    /// The same with other secrets and the next generation; none when they are the same ones.
    pub(crate) fn rotated(&self, token: Option<&str>, password: Option<&str>) -> Option<Self> {
        let (token, password) = (token.map(digest), password.map(digest));
        let same = token == self.token && password == self.password;
        (!same).then(|| Self { mode: self.mode, token, password, generation: self.generation + 1 })
    }
}

pub(crate) fn digest(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_accepted_in_either_field() {
        let secrets = Secrets::new(AuthMode::Token, Some("right"), None);
        assert_eq!(secrets.check(&[Some("right"), None]), Presented::Token);
        assert_eq!(secrets.check(&[None, Some("right")]), Presented::Token);
        assert_eq!(secrets.check(&[Some("wrong"), Some("right")]), Presented::Token);
        assert_eq!(secrets.check(&[Some("wrong"), None]), Presented::Wrong);
        assert_eq!(secrets.check(&[Some(""), None]), Presented::Nothing);
        assert_eq!(secrets.check(&[None, None]), Presented::Nothing);
    }

    #[test]
    fn with_no_secret_nothing_matches() {
        let secrets = Secrets::new(AuthMode::Token, None, None);
        assert_eq!(secrets.check(&[Some(""), None]), Presented::Nothing);
        assert_eq!(secrets.check(&[Some("x"), None]), Presented::Wrong);
    }

    #[test]
    fn a_rotation_is_seen_only_when_something_changed() {
        let secrets = Secrets::new(AuthMode::Token, Some("old"), None);
        assert!(secrets.rotated(Some("old"), None).is_none());
        let next = secrets.rotated(Some("new"), None).unwrap();
        assert_eq!((next.generation(), next.check(&[Some("old")])), (2, Presented::Wrong));
    }
}
