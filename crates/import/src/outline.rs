//! Which entries of a transcript belong to the conversation as it stands: entries form a tree, and what is in force is the path from the
//! active leaf to the root (reference §5.1). Kept small: a number or two for each entry, never its content.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// The part of an entry that says where and when it stands; the rest is passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Head {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    id: Option<String>,
    parent_id: Option<String>,
    /// Of a `leaf`: the entry that the conversation ends with from now on.
    target_id: Option<String>,
    /// Of a `leaf`: what the next entry will call its parent, where that is another one.
    append_parent_id: Option<String>,
    append_mode: Option<String>,
    /// Of a `compaction`: the first entry that its summary doesn't stand for.
    first_kept_entry_id: Option<String>,
    timestamp: Value,
}

impl Head {
    /// When it was written, where it says so.
    pub(crate) fn time(&self) -> Option<i64> {
        match &self.timestamp {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond),
            _ => None,
        }
    }
}

/// The tree of a transcript, built entry by entry.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    nodes: Vec<Node>,
    /// Index of a node by the hash of its id. A collision of 64 bits among the entries of one conversation doesn't happen.
    by_id: HashMap<u64, usize>,
    leaf: Option<usize>,
    /// What a next entry calls its parent, where that isn't the leaf.
    append_parent: Option<u64>,
}

#[derive(Debug)]
struct Node {
    number: u64,
    parent: Option<usize>,
    first_kept: Option<u64>,
    /// The conversation began anew here: by which mark, and when.
    reset: Option<Reset>,
}

/// A conversation that began anew within its transcript.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reset {
    pub(crate) id: String,
    pub(crate) at_ms: Option<i64>,
}

/// One conversation of a transcript: from its beginning or a reset to the next reset or the end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ActivePath {
    /// What it began with; `None`: the transcript.
    pub(crate) reset: Option<Reset>,
    /// Numbers of the entries.
    pub(crate) numbers: HashSet<u64>,
    /// Numbers of the entries with which what a summary keeps begins, by the number of the summary.
    pub(crate) first_kept: HashMap<u64, u64>,
}

impl Outline {
    pub(crate) fn add(&mut self, number: u64, head: &Head) {
        match head.kind.as_str() {
            "session" => {}
            "leaf" => self.move_leaf(head),
            _ => self.add_node(number, head),
        }
    }

    /// The conversations on the path from the active leaf to the root, the oldest first; the last one is in force. Never none.
    pub(crate) fn active_paths(&self) -> Vec<ActivePath> {
        let mut paths = Vec::new();
        let mut path = ActivePath::default();
        let (mut next, mut seen) = (self.leaf, HashSet::new());
        // A circle, which no sound transcript has, ends where it begins anew.
        while let Some(index) = next.filter(|index| seen.insert(*index)) {
            let node = &self.nodes[index];
            if let Some(reset) = &node.reset {
                paths.push(ActivePath { reset: Some(reset.clone()), ..std::mem::take(&mut path) });
                next = node.parent;
                continue;
            }
            path.numbers.insert(node.number);
            if let Some(kept) = node.first_kept.and_then(|id| self.by_id.get(&id)) {
                path.first_kept.insert(node.number, self.nodes[*kept].number);
            }
            next = node.parent;
        }
        paths.push(path);
        paths.reverse();
        paths
    }

    fn move_leaf(&mut self, head: &Head) {
        let target = head.target_id.as_deref().and_then(|id| self.by_id.get(&hash(id)).copied());
        self.leaf = target;
        self.append_parent = head.append_parent_id.as_deref().map(hash);
        // An entry that names the mark as its parent goes on from where the mark points to.
        if let (Some(id), Some(target)) = (&head.id, target) {
            self.by_id.insert(hash(id), target);
        }
    }

    fn add_node(&mut self, number: u64, head: &Head) {
        let parent_id = head.parent_id.as_deref().map(hash);
        let is_appended = self.append_parent.is_some() && parent_id == self.append_parent;
        let parent = match parent_id {
            _ if is_appended => self.leaf,
            Some(id) => self.by_id.get(&id).copied().or_else(|| self.nodes.len().checked_sub(1)),
            // Transcripts of the first form have no ids: each line goes on from the one before.
            None if head.id.is_none() => self.nodes.len().checked_sub(1),
            None => None,
        };
        let index = self.nodes.len();
        let reset = (head.kind == "reset")
            .then(|| Reset { id: head.id.clone().unwrap_or_else(|| number.to_string()), at_ms: head.time() });
        self.nodes.push(Node { number, parent, first_kept: head.first_kept_entry_id.as_deref().map(hash), reset });
        if let Some(id) = &head.id {
            self.by_id.insert(hash(id), index);
        }
        if head.append_mode.as_deref() != Some("side") {
            self.leaf = Some(index);
            self.append_parent = None;
        }
    }
}

fn hash(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(entries: &[Value]) -> Vec<Vec<u64>> {
        let mut outline = Outline::default();
        for (number, entry) in (1..).zip(entries) {
            outline.add(number, &serde_json::from_value(entry.clone()).unwrap());
        }
        let sorted = |path: ActivePath| {
            let mut numbers: Vec<u64> = path.numbers.into_iter().collect();
            numbers.sort_unstable();
            numbers
        };
        outline.active_paths().into_iter().map(sorted).collect()
    }

    fn path(entries: &[Value]) -> Vec<u64> {
        paths(entries).pop().unwrap()
    }

    fn entry(id: &str, parent: Option<&str>) -> Value {
        json!({"type": "message", "id": id, "parentId": parent})
    }

    #[test]
    fn a_branch_that_was_left_is_left_out() {
        let entries = [
            json!({"type": "session", "id": "s"}),
            entry("a", None),
            entry("b", Some("a")),
            entry("c", Some("b")),
            entry("d", Some("a")),
            entry("e", Some("d")),
        ];
        assert_eq!(path(&entries), [2, 5, 6]);
    }

    #[test]
    fn a_leaf_mark_moves_the_end_of_the_conversation() {
        let mut entries = vec![
            entry("a", None),
            entry("b", Some("a")),
            entry("c", Some("b")),
            json!({"type": "leaf", "id": "l", "parentId": "c", "targetId": "a", "appendParentId": "c"}),
        ];
        assert_eq!(path(&entries), [1]);
        entries.push(entry("d", Some("c")));
        assert_eq!(path(&entries), [1, 5], "what is appended goes on from the leaf");
        entries.push(entry("e", Some("l")));
        assert_eq!(path(&entries), [1, 6], "and so does what names the mark");
    }

    #[test]
    fn a_lost_parent_and_a_transcript_without_ids_go_on_from_the_line_before() {
        assert_eq!(path(&[entry("a", None), entry("c", Some("lost")), entry("d", Some("c"))]), [1, 2, 3]);
        assert_eq!(path(&[json!({"type": "message"}), json!({"type": "message"})]), [1, 2]);
    }

    #[test]
    fn a_reset_begins_another_conversation() {
        let reset = json!({"type": "reset", "id": "r", "parentId": "a", "timestamp": "2026-01-01T00:00:00Z"});
        let entries = [entry("a", None), reset, entry("b", Some("r"))];
        assert_eq!(paths(&entries), [[1], [3]]);
        assert_eq!(paths(&entries[..2]), [vec![1], vec![]], "one that nobody has spoken in yet");
        assert_eq!(paths(&[]), [[0_u64; 0]]);
    }

    #[test]
    fn circles_end() {
        assert_eq!(path(&[entry("a", Some("b")), entry("b", Some("a")), entry("a", Some("b"))]).len(), 3);
        assert_eq!(path(&[entry("a", Some("a"))]), [1]);
    }
}
