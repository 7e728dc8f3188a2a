//! A reply becomes the messages of a platform. Pure: the same reply, policy and files give the same parts, also after a restart.

use chela_agent::{Reply, ReplyButton};
use chela_channels::render::{Cut, Dialect, Limits, Rendered, render, render_preview};
use chela_channels::{
    Button, Capabilities, DeliveryPolicy, MessageId, OutboundMedia, OutboundPart, PartKey, PreviewMode, ReplyToMode,
};

use super::directives::Quote;
use super::files::Resolved;

/// What the parts of a reply have in common.
pub(super) struct Manner<'a> {
    pub chat: &'a str,
    pub policy: &'a DeliveryPolicy,
    pub capabilities: &'a Capabilities,
    /// Stands before the text; empty for none.
    pub prefix: &'a str,
}

/// The text of a reply as messages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// [`TEXT_PARTS_MAX`] at most, with the one that speaks of the rest.
    parts: Vec<Rendered>,
    /// There is more of it than these parts say.
    pub is_cut: bool,
}

/// Messages that the text of one reply makes. More are a flood that buries the chat and that platforms slow down; what is longer
/// is read better as a file.
const TEXT_PARTS_MAX: usize = 20;

/// [`TEXT_PARTS_MAX`] messages of 4096 UTF-16 units, none of which takes more than three bytes, fit into it. What is longer is a
/// file anyway, so that the rest need not be rendered.
const RENDERED_BYTES_MAX: usize = 256 * 1024;

/// Stands under the file with the whole of an answer.
const GOES_ON: &str = "The answer goes on: this file holds the whole of it.";
/// Stands where the file can't be sent.
const BREAKS_OFF: &str = "The answer is too long for this chat, so its rest is left out.";

/// Renders the text of a reply. Takes its time for a long text.
pub(super) fn words(text: &str, dialect: Dialect, limits: Limits) -> Words {
    let said = &text[..text.floor_char_boundary(RENDERED_BYTES_MAX)];
    // Wishes about where a message ends are for answers of a usual length.
    let unwished = Limits { lines: None, cut: Cut::Length, ..limits };
    let mut parts = render(said, dialect, limits);
    if parts.len() > TEXT_PARTS_MAX && limits != unwished {
        parts = render(said, dialect, unwished);
    }
    let is_cut = parts.len() > TEXT_PARTS_MAX || said.len() < text.len();
    if is_cut {
        parts.truncate(TEXT_PARTS_MAX - 1);
    }
    Words { parts, is_cut }
}

/// The parts of a reply, in their order: its text, where that is cut the file `whole` with all of it, then one part for each
/// file. `files` are those that it names, each found or with the reason why not, which then stands in its place.
pub(super) fn parts(
    reply: &Reply,
    quote: Option<&Quote>,
    words: Words,
    whole: Option<OutboundMedia>,
    files: Vec<Resolved>,
    manner: &Manner<'_>,
) -> Vec<OutboundPart> {
    let texts = words.parts.into_iter().map(|content| OutboundPart { content, ..part(reply, manner) });
    let mut parts: Vec<_> = texts.collect();
    if words.is_cut {
        let content = notice(if whole.is_some() { GOES_ON } else { BREAKS_OFF }, manner);
        parts.push(OutboundPart { content, media: whole, ..part(reply, manner) });
    }
    for file in files {
        parts.push(match file {
            Ok(media) => OutboundPart { media: Some(media), ..part(reply, manner) },
            Err(why) => OutboundPart { content: notice(&why, manner), ..part(reply, manner) },
        });
    }
    for (number, part) in parts.iter_mut().enumerate() {
        part.key.part = u32::try_from(number).unwrap_or(u32::MAX);
        part.reply_to = quoted(reply, quote, manner.policy.reply_to, number);
    }
    if let Some(last) = parts.last_mut().filter(|_| manner.capabilities.buttons) {
        last.buttons = reply.buttons.iter().map(|row| row.iter().map(button).collect()).collect();
    }
    parts
}

/// One message with the first words of an answer that is still written; `None` when nothing of them is visible.
pub(super) fn preview(reply: &Reply, text: &str, manner: &Manner<'_>) -> Option<OutboundPart> {
    let limits = limits(manner.capabilities, manner.policy);
    let content = render_preview(&with_prefix(manner.prefix, text), manner.capabilities.dialect, limits);
    if content.plain.is_empty() {
        return None;
    }
    let reply_to = quoted(reply, None, manner.policy.reply_to, 0);
    Some(OutboundPart { content, reply_to, ..part(reply, manner) })
}

/// The tighter of the platform's limits and the configured ones.
pub(super) fn limits(capabilities: &Capabilities, policy: &DeliveryPolicy) -> Limits {
    let (own, set) = (capabilities.limits, policy.limits);
    Limits {
        chars: own.chars.min(set.chars),
        lines: [own.lines, set.lines].into_iter().flatten().min(),
        // Finished paragraphs are messages of their own. They are sent with the answer and not before: what a turn says before its
        // last tool call is no part of its answer, and parts must be the same after a crash.
        cut: if policy.preview == PreviewMode::Block { Cut::Newline } else { set.cut },
        tables: set.tables,
    }
}

/// A part with nothing in it yet.
fn part(reply: &Reply, manner: &Manner<'_>) -> OutboundPart {
    OutboundPart {
        key: PartKey { run: reply.run.clone(), part: 0 },
        chat: manner.chat.to_owned(),
        content: Rendered::default(),
        media: None,
        reply_to: None,
        via: reply.via.clone(),
        buttons: Vec::new(),
        silent: reply.is_error && manner.policy.silent_errors,
        link_preview: manner.policy.link_preview && !reply.tainted,
    }
}

/// The message that a part quotes: what the answer itself asks for, else what the mode says.
fn quoted(reply: &Reply, asked: Option<&Quote>, mode: ReplyToMode, number: usize) -> Option<MessageId> {
    let current = || reply.reply_to.clone().map(MessageId);
    match (asked, mode) {
        (Some(_), _) if number > 0 && mode != ReplyToMode::All => None,
        (Some(Quote::Message(id)), _) => Some(id.clone()),
        (Some(Quote::Current), _) | (None, ReplyToMode::All) => current(),
        (None, ReplyToMode::First) if number == 0 => current(),
        (None, ReplyToMode::Batched) if number == 0 && reply.batched => current(),
        (None, ReplyToMode::Off | ReplyToMode::First | ReplyToMode::Batched) => None,
    }
}

/// The text behind what stands before the answers of an agent.
pub(super) fn with_prefix(prefix: &str, text: &str) -> String {
    match (prefix.is_empty(), text.is_empty()) {
        (true, _) | (_, true) => text.to_owned(),
        // What begins with a mark (a list, a code block) needs a line of its own to stay one.
        (false, false) if text.starts_with(char::is_alphanumeric) => format!("{prefix} {text}"),
        (false, false) => format!("{prefix}\n\n{text}"),
    }
}

/// The text with what stands under it; nothing stands under no text.
pub(super) fn with_footer(text: String, footer: Option<&str>) -> String {
    match footer {
        Some(footer) if !text.trim().is_empty() => format!("{text}\n\n{footer}"),
        Some(_) | None => text,
    }
}

/// One message, whatever the limits: notices are short.
fn notice(text: &str, manner: &Manner<'_>) -> Rendered {
    let limits = Limits { lines: None, ..limits(manner.capabilities, manner.policy) };
    let first = render(text, manner.capabilities.dialect, limits).into_iter().next();
    first.unwrap_or_else(|| Rendered { markup: String::new(), plain: text.to_owned() })
}

fn button(button: &ReplyButton) -> Button {
    Button { label: button.label.clone(), command: button.command.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_and_the_answer_say_what_is_quoted() {
        let asked = Quote::Message(MessageId("9".into()));
        let rows = [
            (None, ReplyToMode::Off, false, [None, None]),
            (None, ReplyToMode::First, false, [Some("1"), None]),
            (None, ReplyToMode::All, false, [Some("1"), Some("1")]),
            (None, ReplyToMode::Batched, false, [None, None]),
            (None, ReplyToMode::Batched, true, [Some("1"), None]),
            (Some(&Quote::Current), ReplyToMode::Off, false, [Some("1"), None]),
            (Some(&asked), ReplyToMode::First, false, [Some("9"), None]),
            (Some(&asked), ReplyToMode::All, false, [Some("9"), Some("9")]),
        ];
        for (quote, mode, batched, expected) in rows {
            let reply = Reply { reply_to: Some("1".into()), batched, ..Reply::default() };
            let found = [0, 1].map(|number| quoted(&reply, quote, mode, number).map(|id| id.0));
            assert_eq!(found, expected.map(|id| id.map(str::to_owned)), "{quote:?} {mode:?}");
        }
    }

    #[test]
    fn a_text_makes_only_so_many_messages() {
        let words_of = |text: &str, limits| words(text, Dialect::Plain, limits);
        let limits = Limits { chars: 200, ..Limits::default() };
        let paragraphs = |count: usize| vec!["word ".repeat(30).trim().to_owned(); count].join("\n\n");
        let fits = words_of(&paragraphs(TEXT_PARTS_MAX), limits);
        assert_eq!((fits.parts.len(), fits.is_cut), (TEXT_PARTS_MAX, false));
        let long = words_of(&paragraphs(TEXT_PARTS_MAX + 1), limits);
        assert_eq!((long.parts.len(), long.is_cut), (TEXT_PARTS_MAX - 1, true));
        assert_eq!(long.parts[..], fits.parts[1..], "what is said is the beginning");

        let lines = vec!["a line"; 100].join("\n\n");
        for wish in [Limits { cut: Cut::Newline, ..limits }, Limits { lines: Some(2), ..limits }] {
            let joined = words_of(&lines, wish);
            assert!(!joined.is_cut && joined.parts.len() <= TEXT_PARTS_MAX, "{} parts", joined.parts.len());
        }
    }
}
