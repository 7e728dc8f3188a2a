//! Discord's Markdown: three sizes of headings, lists, quotes of one depth, code, masked web links; no tables, images or rules.
//!
//! Its parser is a chain of regular expressions, not `CommonMark`: a code block ends at the first three backticks, and every sign that
//! could begin something is escaped by a backslash.

use super::document::{Line, LineKind, Mark, Marker, Run, addresses};
use super::script::{
    Counting, Fence, FenceLines, QuoteStyle, Script, TextPlace, has_scheme, safe_address, safe_language, task_box,
};

pub(super) struct Discord;

/// Headings below this size show as bold text.
const HEADING_MAX: u8 = 3;

impl Script for Discord {
    fn counting(&self) -> Counting {
        Counting::MarkupChars
    }

    /// A masked link whose text looks like an address is not masked: Discord guards people against being led astray.
    fn takes_link(&self, text: &str, address: &str) -> bool {
        has_scheme(address, &["http", "https"]) && !text.contains("://") && !text.contains(['[', ']'])
    }

    fn style(&self, line: &Line, run: &Run) -> Vec<Mark> {
        let mut style = run.style.clone();
        if matches!(line.kind, LineKind::Heading(level) if level > HEADING_MAX) && !style.contains(&Mark::Bold) {
            style.insert(0, Mark::Bold);
        }
        if code_ticks(&run.text).is_none() {
            style.retain(|mark| *mark != Mark::Code);
        }
        style
    }

    fn open(&self, mark: &Mark) -> String {
        match mark {
            Mark::Bold => "**",
            Mark::Italic => "*",
            Mark::Strike => "~~",
            // The ticks depend on the text and are written with it.
            Mark::Code => "",
            Mark::Link(_) => "[",
        }
        .to_owned()
    }

    fn close(&self, mark: &Mark) -> String {
        match mark {
            Mark::Link(address) => format!("]({})", safe_address(address)),
            Mark::Bold | Mark::Italic | Mark::Strike | Mark::Code => self.open(mark),
        }
    }

    fn collides(&self, markup: &str, mark: &Mark) -> bool {
        self.open(mark).chars().next().is_some_and(|sign| markup.ends_with(sign))
    }

    fn text(&self, text: &str, place: TextPlace<'_>) -> String {
        if place.style.contains(&Mark::Code)
            && let Some(ticks) = code_ticks(text)
        {
            let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
            return format!("{ticks}{pad}{text}{pad}{ticks}");
        }
        escaped(text, place)
    }

    fn lead(&self, line: &Line, indent: usize) -> String {
        let marker = match line.marker {
            None => String::new(),
            Some(Marker::Bullet) => "- ".to_owned(),
            Some(Marker::Number(number)) => format!("{number}. "),
            Some(Marker::Task { done }) => format!("- {} ", task_box(done)),
        };
        let heading = match line.kind {
            LineKind::Heading(level) if level <= HEADING_MAX => format!("{} ", "#".repeat(level.into())),
            LineKind::Heading(_) | LineKind::Text | LineKind::Code { .. } | LineKind::Blank => String::new(),
        };
        format!("{}{marker}{heading}", "  ".repeat(indent))
    }

    fn quote(&self) -> QuoteStyle {
        QuoteStyle::Prefix("> ")
    }

    fn fence(&self, language: &str) -> Fence {
        Fence { open: format!("```{}", safe_language(language)), close: "```", lines: FenceLines::Own }
    }

    /// Three backticks would end the block: signs without width stand between them.
    fn code(&self, text: &str) -> String {
        if !text.contains("```") {
            return text.to_owned();
        }
        // Twice: of three in a row the first pass sees one pair only.
        text.replace("``", "`\u{200b}`").replace("``", "`\u{200b}`")
    }
}

/// What goes around code in a line; `None` where Discord has nothing that would do.
fn code_ticks(text: &str) -> Option<&'static str> {
    let longest = text.split(|sign| sign != '`').map(str::len).max().unwrap_or(0);
    match longest {
        0 => Some("`"),
        1 => Some("``"),
        _ => None,
    }
}

fn escaped(text: &str, place: TextPlace<'_>) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text;
    if place.before.is_empty()
        && let Some(at) = block_sign(text)
    {
        escaped.push_str(&text[..at]);
        escaped.push('\\');
        escaped.push_str(&text[at..=at]);
        rest = &text[at + 1..];
    }
    let mut position = text.len() - rest.len();
    // An address with backslashes in it would lead elsewhere.
    for address in addresses(text).into_iter().filter(|address| address.start >= position).collect::<Vec<_>>() {
        escape_signs(text, position..address.start, place, &mut escaped);
        escaped.push_str(&text[address.clone()]);
        position = address.end;
    }
    escape_signs(text, position..text.len(), place, &mut escaped);
    escaped
}

/// The sign that would make a line of this text a heading, a quote or a list item.
fn block_sign(text: &str) -> Option<usize> {
    let digits = text.len() - text.trim_start_matches(|sign: char| sign.is_ascii_digit()).len();
    if digits > 0 {
        return text[digits..].starts_with(". ").then_some(digits);
    }
    let signs = text.find(' ').map_or(text, |end| &text[..end]);
    let begins = matches!(signs, "#" | "##" | "###" | "-#" | "-" | "+" | ">" | ">>>") || text == signs && signs == ">";
    begins.then_some(0)
}

fn escape_signs(text: &str, range: std::ops::Range<usize>, place: TextPlace<'_>, escaped: &mut String) {
    let is_word = |sign: Option<char>| sign.is_some_and(char::is_alphanumeric);
    for (at, sign) in text[range.clone()].char_indices() {
        let at = range.start + at;
        let before = text[..at].chars().next_back();
        let after = text[at + sign.len_utf8()..].chars().next();
        let is_markup = match sign {
            '\\' | '*' | '`' => true,
            '_' => !(is_word(before) && is_word(after)),
            // Alone, these mean nothing.
            '~' | '|' => before == Some(sign) || after == Some(sign),
            '[' => place.looks_like_link,
            _ => false,
        };
        if is_markup {
            escaped.push('\\');
        }
        escaped.push(sign);
    }
}
