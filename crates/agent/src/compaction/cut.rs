//! Where the part begins that stays word for word: always at the start of a turn, so that calls keep their results. Pure.

use chela_store::Tail;

use crate::AgentProfile;
use crate::context::Room;
use crate::shown::starts_turn;

/// How much stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keep {
    pub tokens: u64,
    /// So many turns stay even if they are longer than that.
    pub turns: usize,
    /// But never more than this, besides the last turn.
    pub most_tokens: u64,
    pub items: Option<usize>,
}

impl Keep {
    pub(crate) fn of(profile: &AgentProfile, room: Room) -> Self {
        Self {
            tokens: profile.compaction.keep_tokens.min(room.history / 4),
            turns: profile.compaction.keep_turns,
            most_tokens: room.history / 2,
            items: None,
        }
    }
}

/// Position of the first item that stays. The last turn always does: it may be running.
pub(crate) fn keep_from(history: &Tail, keep: Keep) -> i64 {
    let items = &history.items;
    let (mut tokens, mut turns) = (0, 0);
    let mut from = None;
    for index in (0..items.len()).rev() {
        tokens += items[index].tokens;
        if !starts_turn(items, index) {
            continue;
        }
        turns += 1;
        let fits = tokens <= keep.tokens || (turns <= keep.turns && tokens <= keep.most_tokens);
        let few = keep.items.is_none_or(|most| items.len() - index <= most);
        if from.is_some() && !(fits && few) {
            break;
        }
        from = Some(items[index].seq);
    }
    from.unwrap_or(history.from)
}

#[cfg(test)]
mod tests {
    use chela_store::{Item, ItemKind};

    use super::*;

    /// Turns of one question and one answer of ten tokens each.
    fn turns(count: i64) -> Tail {
        let item = |seq: i64| Item {
            id: seq.to_string().into(),
            session_id: "s".into(),
            seq,
            run: Some(format!("run-{}", (seq + 1) / 2).into()),
            kind: if seq % 2 == 1 { ItemKind::User } else { ItemKind::Assistant },
            tokens: 10,
            body: "{}".to_owned(),
            created_at_ms: 0,
        };
        Tail { items: (1..=count * 2).map(item).collect(), from: 1, complete: true, ..Tail::default() }
    }

    #[test]
    fn the_newest_turns_stay() {
        let keep = Keep { tokens: 45, turns: 1, most_tokens: 100, items: None };
        assert_eq!(keep_from(&turns(10), keep), 17, "two turns are forty tokens");
        assert_eq!(keep_from(&turns(10), Keep { tokens: 0, ..keep }), 19, "the last one always");
        assert_eq!(keep_from(&turns(10), Keep { turns: 4, ..keep }), 13);
        assert_eq!(keep_from(&turns(10), Keep { turns: 12, ..keep }), 11, "not more than there is room for");
        assert_eq!(keep_from(&turns(10), Keep { items: Some(3), ..keep }), 19);
        assert_eq!(keep_from(&turns(1), keep), 1);
        assert_eq!(keep_from(&turns(0), keep), 1);
    }
}
