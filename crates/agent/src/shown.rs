//! How much of a conversation a call carries: the summary of its older part, the turns behind it, and old tool results shortened.

use chela_llm::{Block, Message, ModelInfo, Role};
use chela_store::{Item, ItemKind, Tail};

use crate::context::Room;
use crate::pruning::{Level, Pruning};
use crate::transcript::{ItemBody, Sight, tokens_of, view_of};

const LEFT_OUT: &str = "[Earlier turns of this conversation are left out: they no longer fit.]";

/// A plan of what a call carries of a history.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shown {
    /// The first item that is shown.
    first: usize,
    /// How much of each item is shown.
    pub levels: Vec<Level>,
    /// Tokens of what is shown, the summary among them.
    pub tokens: u64,
    /// Tokens of everything that the history holds, as it would be shown: more than `tokens` where turns are left out.
    pub wanted: u64,
}

impl Shown {
    pub(crate) fn of(history: &Tail, room: Room, pruning: &Pruning<'_>) -> Self {
        let summary = history.summary.as_ref().map_or(0, |item| item.tokens);
        let mut levels = pruning.levels(history);
        let mut sizes = sizes(history, &levels, pruning);
        let last = last_turn(&history.items);
        if pruning.is_on() && summary + sum(&sizes[last..]) > room.history {
            levels = pruning.tight_levels(history);
            sizes = self::sizes(history, &levels, pruning);
        }
        let wanted = summary + sum(&sizes);
        let fits = history.complete && wanted <= room.history;
        let first = if fits { 0 } else { first_that_fits(history, room.history.saturating_sub(summary)) };
        Self { tokens: summary + sum(&sizes[first..]), first, levels, wanted }
    }

    /// The messages of a call, ending with a user's.
    pub(crate) fn messages(&self, history: &Tail, model: &ModelInfo, pruning: &Pruning<'_>) -> Vec<Message> {
        let items = history.items.iter().zip(&self.levels).skip(self.first);
        let bodies = items.filter(|(item, _)| item.kind != ItemKind::Compaction).filter_map(|(item, level)| {
            Some(match ItemBody::of(item)? {
                ItemBody::ToolResults(body) => ItemBody::ToolResults(pruning.shorten(item, body, *level)),
                body => body,
            })
        });
        let summary = history.summary.as_ref().and_then(ItemBody::of);
        let mut messages = view_of(summary.into_iter().chain(bodies), Sight::of(model));
        let left_out = self.first > 0 || !history.complete;
        if left_out && let Some(message) = messages.first_mut() {
            let behind_summary = usize::from(history.summary.is_some());
            message.blocks.insert(behind_summary.min(message.blocks.len()), text(LEFT_OUT));
        }
        if messages.last().is_none_or(|message| message.role == Role::Assistant) {
            messages.push(Message { role: Role::User, blocks: vec![text("[continue]")] });
        }
        messages
    }
}

/// Whether an item is the first of a turn.
pub(crate) fn starts_turn(items: &[Item], index: usize) -> bool {
    items[index].kind == ItemKind::User && (index == 0 || items[index - 1].run != items[index].run)
}

/// Tokens of each item as it is shown.
fn sizes(history: &Tail, levels: &[Level], pruning: &Pruning<'_>) -> Vec<u64> {
    let size = |(item, level): (&Item, &Level)| match (item.kind, level) {
        // It stands before the history, where it is shown.
        (ItemKind::Compaction, _) => 0,
        (ItemKind::ToolResults, Level::Short | Level::Line) => match ItemBody::of(item) {
            Some(ItemBody::ToolResults(body)) => {
                let short = ItemBody::ToolResults(pruning.shorten(item, body, *level));
                tokens_of(&short.to_value()).min(item.tokens)
            }
            _ => item.tokens,
        },
        _ => item.tokens,
    };
    history.items.iter().zip(levels).map(size).collect()
}

/// Where the last turn begins.
fn last_turn(items: &[Item]) -> usize {
    (0..items.len()).rev().find(|index| starts_turn(items, *index)).unwrap_or(0)
}

/// Where the shown part begins when not everything fits: always at the start of a turn.
///
/// A history that is too long is cut at the first turn behind a mark. Marks lie half a budget apart, counted from the
/// beginning of the conversation, and the first one behind which everything fits is taken. So the cut stays where it is for
/// many turns, and is found from the end of a conversation alone.
fn first_that_fits(history: &Tail, budget: u64) -> usize {
    let items = &history.items;
    let end = history.tokens_before + items.iter().map(|item| item.tokens).sum::<u64>();
    if history.complete && end - history.tokens_before <= budget {
        return 0;
    }
    let step = (budget / 2).max(1);
    let mark = end.saturating_sub(budget).div_ceil(step) * step;
    let mut at = history.tokens_before;
    let mut last_start = 0;
    for (index, item) in items.iter().enumerate() {
        if starts_turn(items, index) {
            last_start = index;
            if at >= mark {
                break;
            }
        }
        at += item.tokens;
    }
    // A turn that is too long by itself is shown all the same: its own words must be there.
    last_start
}

fn sum(sizes: &[u64]) -> u64 {
    sizes.iter().sum()
}

fn text(text: &str) -> Block {
    Block::Text { text: text.to_owned() }
}
