//! The nearest known name to one that somebody wrote.

/// Shorter starts are shared by too many names.
const CUT_MIN: usize = 4;

/// The nearest of `known`, if it is near enough to be meant.
pub(crate) fn nearest<'n>(written: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let written = fold(written);
    // A third of the letters may be wrong; of a short name one.
    let most = (written.chars().count() / 3).max(1);
    let distances = known.into_iter().map(|name| {
        let known = fold(name);
        // A name that was cut short or drawn out: `agent` for `agentId`.
        let cut =
            written.len().min(known.len()) >= CUT_MIN && (written.starts_with(&known) || known.starts_with(&written));
        (if cut { 1 } else { distance(&written, &known) }, name)
    });
    distances.filter(|(distance, _)| *distance <= most).min().map(|(_, name)| name)
}

/// Case, `-` and `_` do not make a name another one.
fn fold(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// Insertions, deletions, replacements and swaps of neighbours from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("port", "prot"), 1);
        assert_eq!(distance("fallback", "fallbacks"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn names_only_what_may_be_meant() {
        let known = ["port", "bind", "allowFrom"];
        assert_eq!(nearest("prot", known), Some("port"));
        assert_eq!(nearest("allow_from", known), Some("allowFrom"));
        assert_eq!(nearest("allow", known), Some("allowFrom"));
        assert_eq!(nearest("theme", known), None);
    }
}
