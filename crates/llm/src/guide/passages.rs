//! The documentation, cut into passages by heading, and the search in it.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::words::{Term, stems};

/// Every guide page that the binary carries. A new page is a new row.
const PAGES: &[(&str, &str)] = &[
    ("docs/getting-started.md", include_str!("../../../../docs/getting-started.md")),
    ("docs/models.md", include_str!("../../../../docs/models.md")),
    ("docs/channels.md", include_str!("../../../../docs/channels.md")),
    ("docs/deploy.md", include_str!("../../../../docs/deploy.md")),
    ("docs/deploy-fly.md", include_str!("../../../../docs/deploy-fly.md")),
    ("docs/doctor.md", include_str!("../../../../docs/doctor.md")),
    ("docs/configuration.md", include_str!("../../../../docs/configuration.md")),
    ("docs/conversations.md", include_str!("../../../../docs/conversations.md")),
    ("docs/troubleshooting.md", include_str!("../../../../docs/troubleshooting.md")),
    ("docs/security.md", include_str!("../../../../docs/security.md")),
    ("docs/cli.md", include_str!("../../../../docs/cli.md")),
];

/// A word in a heading says more than one in the text.
const HEADING_WEIGHT: f64 = 3.0;
/// Part of the question that a passage must cover before it counts as an answer.
const COVERAGE: f64 = 0.4;

/// One section of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passage {
    pub page: &'static str,
    pub heading: &'static str,
    pub text: &'static str,
    is_title: bool,
}

struct Indexed {
    passage: Passage,
    heading: HashSet<String>,
    words: HashMap<String, f64>,
}

struct Library {
    passages: Vec<Indexed>,
    /// In how many passages a word stands.
    frequency: HashMap<String, f64>,
}

static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::of(PAGES));

/// Passages that answer the question, best first, at most `limit`. Empty when the documentation doesn't speak of it.
pub(super) fn search(terms: &[Term], limit: usize) -> Vec<Passage> {
    LIBRARY.search(terms, limit)
}

impl Library {
    fn of(pages: &'static [(&'static str, &'static str)]) -> Self {
        let passages: Vec<Indexed> = pages.iter().flat_map(|(page, text)| sections(page, text)).map(index).collect();
        let mut frequency = HashMap::new();
        for passage in &passages {
            for word in passage.words.keys() {
                *frequency.entry(word.clone()).or_insert(0.0) += 1.0;
            }
        }
        Self { passages, frequency }
    }

    fn search(&self, terms: &[Term], limit: usize) -> Vec<Passage> {
        let asked: f64 = terms.iter().filter(|term| term.weight >= 1.0).map(|term| self.rarity(&term.word)).sum();
        let mut found: Vec<(f64, Passage)> = self
            .passages
            .iter()
            .filter(|passage| self.covered(passage, terms) >= COVERAGE * asked && asked > 0.0)
            .map(|passage| (self.score(passage, terms), passage.passage))
            .collect();
        // A stable sort keeps the pages' order among equals, so that the answer never depends on chance.
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found.into_iter().take(limit).map(|(_, passage)| passage).collect()
    }

    fn covered(&self, passage: &Indexed, terms: &[Term]) -> f64 {
        let held = terms.iter().filter(|term| passage.words.contains_key(&term.word));
        held.map(|term| term.weight * self.rarity(&term.word)).sum()
    }

    fn score(&self, passage: &Indexed, terms: &[Term]) -> f64 {
        terms
            .iter()
            .map(|term| {
                let count = passage.words.get(&term.word).copied().unwrap_or(0.0);
                let heading = if passage.heading.contains(&term.word) { HEADING_WEIGHT } else { 0.0 };
                term.weight * self.rarity(&term.word) * (heading + count / (count + 1.0))
            })
            .sum()
    }

    /// Inverse document frequency. A word that stands nowhere is the rarest: a question made of such words finds nothing.
    fn rarity(&self, word: &str) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "there are some dozens of passages")]
        let passages = self.passages.len() as f64;
        (1.0 + passages / (1.0 + self.frequency.get(word).copied().unwrap_or(0.0))).ln()
    }
}

fn index(passage: Passage) -> Indexed {
    let mut words = HashMap::new();
    for word in stems(passage.text).chain(stems(passage.heading)) {
        *words.entry(word).or_insert(0.0) += 1.0;
    }
    // A page's title promises the whole page, and the few lines below it answer little.
    let heading = if passage.is_title { HashSet::new() } else { stems(passage.heading).collect() };
    Indexed { passage, heading, words }
}

/// The sections of a page: what stands before the first `## ` belongs to the title.
fn sections(page: &'static str, text: &'static str) -> Vec<Passage> {
    let mut starts = vec![0];
    starts.extend(text.match_indices("\n## ").map(|(at, _)| at + 1));
    starts.push(text.len());
    starts
        .windows(2)
        .filter_map(|bounds| {
            let (heading, body) = text[bounds[0]..bounds[1]].split_once('\n')?;
            let is_title = heading.starts_with("# ");
            let passage =
                Passage { page, heading: heading.trim_start_matches('#').trim(), text: body.trim(), is_title };
            (!passage.text.is_empty()).then_some(passage)
        })
        .collect()
}
