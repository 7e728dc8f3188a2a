//! Items as a model sees them: raw messages in the order of the transcript, not yet repaired.

use std::borrow::Borrow;

use chela_llm::{Block, Media, Message, ModelInfo, Role, ToolResult};
use chela_store::Item;

use super::body::{ItemBody, NoteKind, ToolResultEntry, UntrustedMark, UserBody};
use super::repair;
use crate::untrusted::wrapped;

/// Which media a model can take; what it can't is named in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sight {
    pub images: bool,
    pub documents: bool,
}

impl Sight {
    pub(crate) const ALL: Self = Self { images: true, documents: true };

    pub(crate) fn of(model: &ModelInfo) -> Self {
        Self { images: model.images, documents: model.documents }
    }

    fn takes(self, media: &Media) -> bool {
        if media.mime.starts_with("image/") { self.images } else { self.documents }
    }

    fn block(self, media: Media) -> Block {
        if self.takes(&media) {
            return Block::Media(media);
        }
        let name = media.name.as_deref().unwrap_or("without a name");
        Block::Text { text: format!("[attachment {name} ({}) left out: this model can't see it]", media.mime) }
    }
}

/// The messages of a transcript, valid for every provider. Items are borrowed or owned, oldest first.
pub fn messages<I: Borrow<Item>>(items: impl IntoIterator<Item = I>) -> Vec<Message> {
    view(items, Sight::ALL)
}

pub(crate) fn view<I: Borrow<Item>>(items: impl IntoIterator<Item = I>, sight: Sight) -> Vec<Message> {
    let mut day = None;
    let raw = items.into_iter().filter_map(|item| raw_message(ItemBody::of(item.borrow())?, sight, &mut day));
    repair(raw.collect())
}

fn raw_message(body: ItemBody, sight: Sight, day: &mut Option<String>) -> Option<Message> {
    let (role, blocks) = match body {
        ItemBody::User(body) => (Role::User, user_blocks(body, sight, day)),
        ItemBody::Assistant(body) => {
            let blocks =
                body.blocks.into_iter().filter(|block| body.cut.is_none() || matches!(block, Block::Text { .. }));
            (Role::Assistant, blocks.collect())
        }
        ItemBody::ToolResults(body) => {
            (Role::User, body.results.into_iter().flat_map(|entry| result_blocks(shown(entry), sight)).collect())
        }
        ItemBody::Note(body) if body.kind == NoteKind::Injected => {
            (Role::Assistant, vec![Block::Text { text: body.text }])
        }
        ItemBody::Note(_) => return None,
        ItemBody::Compaction(body) => {
            let text = format!("[Summary of the conversation so far]\n{}", body.summary);
            (Role::User, vec![Block::Text { text }])
        }
    };
    Some(Message { role, blocks })
}

/// The day stands at the end of the first input of each day: the prefix before it never changes.
fn user_blocks(body: UserBody, sight: Sight, day: &mut Option<String>) -> Vec<Block> {
    let mut text = match &body.origin.sender_name {
        Some(name) => format!("[{name}] {}", body.text),
        None => body.text,
    };
    if body.day.is_some() && body.day != *day {
        *day = body.day;
        let today = day.as_deref().unwrap_or_default();
        text = format!("{text}\n\n[today is {today}]");
    }
    let media = body.media.into_iter().map(|media| sight.block(media));
    std::iter::once(Block::Text { text }).chain(media).collect()
}

/// A result as the model reads it: between marks if it came from outside.
fn shown(entry: ToolResultEntry) -> ToolResult {
    match entry.untrusted {
        Some(UntrustedMark { mark, .. }) => ToolResult { text: wrapped(&mark, &entry.result.text), ..entry.result },
        None => entry.result,
    }
}

/// Media that the model can't take become words within the result.
fn result_blocks(mut result: ToolResult, sight: Sight) -> Vec<Block> {
    let media = std::mem::take(&mut result.media);
    for medium in media {
        match sight.block(medium) {
            Block::Media(medium) => result.media.push(medium),
            Block::Text { text } => {
                result.text.push('\n');
                result.text.push_str(&text);
            }
            Block::Thinking(_) | Block::ToolUse(_) | Block::ToolResult(_) => {}
        }
    }
    vec![Block::ToolResult(result)]
}
