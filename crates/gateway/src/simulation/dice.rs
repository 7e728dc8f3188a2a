//! Chance that comes from a seed alone.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

/// A stream of numbers (`SplitMix64`). Each part of the simulation throws its own dice, so that one part's habits don't move
/// another's luck.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64, whose: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (seed, whose).hash(&mut hasher);
        Self(hasher.finish())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of `0..end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(super) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub(super) fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        let at = self.index(among.len());
        among[at]
    }

    /// One of `0..len`.
    pub(super) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("it is below a length")
    }

    /// Milliseconds from `0..end`.
    pub(super) fn millis(&mut self, end: u64) -> Duration {
        Duration::from_millis(self.below(end.max(1)))
    }
}
