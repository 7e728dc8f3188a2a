//! Makes inputs of a corpus by a seed: the same seed gives the same input, whatever was made before it.

/// Longest input: what is longer costs time and finds nothing new.
const INPUT_MAX_BYTES: usize = 16 * 1024;
/// Changes of one input.
const CHANGES_MAX: usize = 8;
/// Values at which numbers and lengths go wrong.
const EDGES: &[u8] = &[0, 1, 9, 10, 13, 0x20, 0x7f, 0x80, 0xc0, 0xed, 0xfe, 0xff];

/// A seeded generator of inputs. Not for secrets.
pub struct Mutator {
    state: u64,
}

impl Mutator {
    /// The generator of one input: number `index` of the run with this seed.
    pub fn new(seed: u64, index: u64) -> Self {
        let mut mutator = Self { state: seed ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15) };
        mutator.next();
        mutator
    }

    /// An input: one of the corpus with a few changes, or one of nothing but words.
    pub fn input(&mut self, corpus: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
        let mut input = if corpus.is_empty() || self.below(16) == 0 {
            Vec::new()
        } else {
            corpus[self.below(corpus.len())].clone()
        };
        for _ in 0..=self.below(CHANGES_MAX) {
            self.change(&mut input, corpus, words);
        }
        input.truncate(INPUT_MAX_BYTES);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&str]) {
        let at = self.below(input.len() + 1);
        let end = (at + 1 + self.short()).min(input.len());
        match self.below(9) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = EDGES[self.below(EDGES.len())],
            2 => drop(input.drain(at.min(end)..end)),
            3 => {
                let piece = input[at.min(end)..end].to_vec();
                let times = 1 + self.short();
                let repeated = piece.repeat(times.min(INPUT_MAX_BYTES / piece.len().max(1)));
                drop(input.splice(at..at, repeated));
            }
            4 if !corpus.is_empty() => {
                let other = &corpus[self.below(corpus.len())];
                let from = self.below(other.len() + 1);
                let to = (from + 1 + self.short() * 4).min(other.len());
                drop(input.splice(at..end.max(at), other[from.min(to)..to].iter().copied()));
            }
            5 => {
                let piece = input[at.min(end)..end].to_vec();
                let to = self.below(input.len() + 1);
                drop(input.splice(to..to, piece));
            }
            6 => input.truncate(at),
            _ => {
                let word = words[self.below(words.len())].as_bytes();
                let behind = if self.below(2) == 0 { at } else { end.max(at) };
                drop(input.splice(at..behind, word.iter().copied()));
            }
        }
    }

    /// Mostly a few, sometimes many.
    fn short(&mut self) -> usize {
        let most = [4, 16, 64, 2048][self.below(4)];
        self.below(most)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap_or(0)
    }

    /// The generator `SplitMix64`.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_number_give_one_input() {
        let corpus = [b"one two".to_vec(), b"three".to_vec()];
        let input = |seed, index| Mutator::new(seed, index).input(&corpus, &["word", "é"]);
        let all: std::collections::BTreeSet<Vec<u8>> = (0..500).map(|index| input(7, index)).collect();
        assert!(all.len() > 400, "{}", all.len());
        assert!((0..500).all(|index| input(7, index) == input(7, index)));
        assert!(all.iter().all(|input| input.len() <= INPUT_MAX_BYTES));
    }
}
