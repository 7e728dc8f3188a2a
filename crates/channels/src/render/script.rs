//! What a dialect says about itself: its words for markup, and how it counts. Everything else is the same for all.

use std::fmt::Write as _;

use super::document::{Line, Mark, Marker, Run};

/// A platform's way to write. Texts that are returned are markup, ready to be sent.
pub(super) trait Script: Sync {
    fn counting(&self) -> Counting;

    /// Whether a link with this text and address can be written as markup; else both are spelled out.
    fn takes_link(&self, text: &str, address: &str) -> bool;

    /// The style in which a run shows, within the line's own look.
    fn style(&self, line: &Line, run: &Run) -> Vec<Mark> {
        let _ = line;
        run.style.clone()
    }

    fn open(&self, mark: &Mark) -> String;
    fn close(&self, mark: &Mark) -> String;

    /// Whether the mark would be misread behind this markup, in which one was closed just now.
    fn collides(&self, markup: &str, mark: &Mark) -> bool {
        let _ = (markup, mark);
        false
    }

    /// Text as it stands, whatever it looks like.
    fn text(&self, text: &str, place: TextPlace<'_>) -> String;

    /// What begins a line behind the quote's prefix: indentation, a list's marker, a heading's.
    fn lead(&self, line: &Line, indent: usize) -> String;

    fn quote(&self) -> QuoteStyle;

    /// Before and behind the lines of a code block.
    fn fence(&self, language: &str) -> Fence;

    /// A line of a code block.
    fn code(&self, text: &str) -> String;
}

/// What fills a message's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counting {
    /// Characters of the markup.
    MarkupChars,
    /// UTF-16 units of what can be seen; the markup may take four bytes for each of them.
    VisibleUtf16,
}

/// Where a text stands.
#[derive(Clone, Copy)]
pub(super) struct TextPlace<'a> {
    pub(super) style: &'a [Mark],
    /// The text of the line before this one. Empty at its beginning.
    pub(super) before: &'a str,
    /// The line has the signs of a link in its text somewhere.
    pub(super) looks_like_link: bool,
}

/// How quotes are marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QuoteStyle {
    /// Before each line.
    Prefix(&'static str),
    /// Around all lines; no code block may stand inside.
    Around(&'static str, &'static str),
}

pub(super) struct Fence {
    pub(super) open: String,
    pub(super) close: &'static str,
    pub(super) lines: FenceLines,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FenceLines {
    /// The fence takes a line of its own before the code and one behind it.
    Own,
    /// It touches the code.
    None,
}

/// What goes before a line where the platform has no lists of its own.
pub(super) fn plain_lead(line: &Line, indent: usize) -> String {
    if line.is_code() {
        return String::new();
    }
    let marker = match line.marker {
        None => String::new(),
        Some(Marker::Bullet) => "• ".to_owned(),
        Some(Marker::Number(number)) => format!("{number}. "),
        Some(Marker::Task { done }) => format!("{} ", task_box(done)),
    };
    format!("{}{marker}", "  ".repeat(indent))
}

pub(super) fn task_box(done: bool) -> char {
    if done { '☑' } else { '☐' }
}

/// A code block's language in letters that are safe everywhere. Long ones are no languages.
pub(super) fn safe_language(language: &str) -> String {
    let is_safe = |sign: &char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '+' | '-' | '.' | '#');
    let safe: String = language.chars().take_while(is_safe).collect();
    if safe.len() > 32 { String::new() } else { safe }
}

/// The address with what would end it early written in its other form.
pub(super) fn safe_address(address: &str) -> String {
    let mut safe = String::with_capacity(address.len());
    for sign in address.chars() {
        match sign {
            '(' | ')' | '<' | '>' | '"' | '\\' | '`' | '\'' | '|' | '*' | '~' => {
                let _ = write!(safe, "%{:02X}", u32::from(sign));
            }
            sign if sign.is_whitespace() => safe.push_str("%20"),
            sign if sign.is_control() => {}
            sign => safe.push(sign),
        }
    }
    safe
}

/// Whether the address has one of these schemes and something behind it.
pub(super) fn has_scheme(address: &str, schemes: &[&str]) -> bool {
    address.split_once(':').is_some_and(|(scheme, rest)| {
        !rest.trim_matches('/').is_empty() && schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known))
    })
}
