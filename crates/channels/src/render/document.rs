//! A text between Markdown and a platform's markup: lines, each of which knows all that stands around it, so that a cut between any
//! two of them loses nothing.

use std::ops::Range;
use std::sync::Arc;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// The quote that it stands in; lines of one quote share a number. 0 for none.
    pub(super) quote: u32,
    /// Steps to the right: how many list items it stands in, without the one that it begins.
    pub(super) indent: usize,
    /// What begins a list item.
    pub(super) marker: Option<Marker>,
    pub(super) kind: LineKind,
    /// Never empty texts; two neighbours differ in style.
    pub(super) runs: Vec<Run>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum LineKind {
    Text,
    /// 1 is the greatest.
    Heading(u8),
    /// Lines of one code block share a number.
    Code {
        block: u32,
        language: Arc<str>,
    },
    /// Empty, between paragraphs. Its quote is that of both neighbours, if they share one; its indentation is 0, or 1 between two
    /// lines of lists.
    Blank,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    Bullet,
    Number(u64),
    Task { done: bool },
}

/// Text of one style.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    pub(super) text: String,
    /// From the outside in, each at most once.
    pub(super) style: Vec<Mark>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    Bold,
    Italic,
    Strike,
    Code,
    /// To this address.
    Link(Arc<str>),
}

impl Line {
    pub(super) fn is_code(&self) -> bool {
        matches!(self.kind, LineKind::Code { .. })
    }

    pub(super) fn is_heading(&self) -> bool {
        matches!(self.kind, LineKind::Heading(_))
    }

    /// An empty line between blocks that stand in no quote and no list.
    pub(super) fn is_outer_blank(&self) -> bool {
        self.kind == LineKind::Blank && self.quote == 0 && self.indent == 0
    }

    /// Nothing in it can be seen.
    pub(super) fn is_empty(&self) -> bool {
        let has_number = matches!(self.marker, Some(Marker::Number(_)));
        !has_number && !self.runs.iter().any(|run| run.text.chars().any(is_visible))
    }

    pub(super) fn text(&self) -> String {
        self.runs.iter().map(|run| run.text.as_str()).collect()
    }

    /// The beginning of the line, up to a byte of [`Line::text`] that must be the border of a character. Blanks at its end are lost,
    /// except in code.
    pub(super) fn until(&self, at: usize) -> Self {
        let mut runs = Vec::new();
        let mut room = at;
        for run in &self.runs {
            if room == 0 {
                break;
            }
            let text = &run.text[..room.min(run.text.len())];
            runs.push(Run { text: text.to_owned(), style: run.style.clone() });
            room -= text.len();
        }
        if !self.is_code() {
            trim_end(&mut runs);
        }
        Self { quote: self.quote, indent: self.indent, marker: self.marker, kind: self.kind.clone(), runs }
    }

    /// Splits the text at a byte of [`Line::text`], which must be the border of a character. The second line continues the first:
    /// it has no marker, and stands under the first one's text. Blanks at the cut are lost, except in code.
    pub(super) fn split_at(mut self, at: usize) -> (Self, Self) {
        let mut rest = Vec::new();
        let mut position = 0;
        let mut head = Vec::new();
        for mut run in std::mem::take(&mut self.runs) {
            let end = position + run.text.len();
            if at >= end {
                head.push(run);
            } else if at <= position {
                rest.push(run);
            } else {
                let text = run.text.split_off(at - position);
                rest.push(Run { text, style: run.style.clone() });
                head.push(run);
            }
            position = end;
        }
        if !self.is_code() {
            trim_end(&mut head);
            trim_start(&mut rest);
        }
        let indent = self.indent + usize::from(self.marker.is_some());
        let tail = Self { indent, marker: None, runs: rest, kind: self.kind.clone(), ..self };
        (Self { runs: head, ..self }, tail)
    }

    /// Byte ranges of [`Line::text`] that no cut should go through: links and addresses.
    pub(super) fn whole_spans(&self) -> Vec<Range<usize>> {
        let mut spans = addresses(&self.text());
        let mut position = 0;
        for run in &self.runs {
            let end = position + run.text.len();
            if run.style.iter().any(|mark| matches!(mark, Mark::Link(_))) {
                spans.push(position..end);
            }
            position = end;
        }
        spans
    }
}

pub(super) fn trim_end(runs: &mut Vec<Run>) {
    while let Some(run) = runs.last_mut() {
        run.text.truncate(run.text.trim_end().len());
        if !run.text.is_empty() {
            return;
        }
        runs.pop();
    }
}

pub(super) fn trim_start(runs: &mut Vec<Run>) {
    while let Some(run) = runs.first_mut() {
        run.text.drain(..run.text.len() - run.text.trim_start().len());
        if !run.text.is_empty() {
            return;
        }
        runs.remove(0);
    }
}

/// Whether a message of this character alone shows something. Platforms refuse messages that show nothing.
pub(super) fn is_visible(sign: char) -> bool {
    let is_filler = matches!(
        sign,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
    );
    !is_filler && !sign.is_whitespace() && !sign.is_control()
}

/// Where web addresses stand in a text, without the punctuation that ends the sentence around them.
pub(super) fn addresses(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(scheme) = text[from..].find("://").map(|at| from + at) {
        let start = text[from..scheme].trim_end_matches(|sign: char| sign.is_ascii_alphanumeric()).len() + from;
        let is_web = matches!(text[start..scheme].to_ascii_lowercase().as_str(), "http" | "https");
        let ends = |sign: char| sign.is_whitespace() || matches!(sign, '<' | '>' | '"');
        let end = text[scheme..].find(ends).map_or(text.len(), |length| scheme + length);
        let address = without_punctuation(&text[start..end]);
        if is_web && address.len() > scheme - start + "://".len() {
            found.push(start..start + address.len());
        }
        from = end.max(scheme + "://".len());
    }
    found
}

fn without_punctuation(mut address: &str) -> &str {
    loop {
        let Some(last) = address.chars().last() else { return address };
        let is_extra = match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '~' | '`' | '|' | '\\' | '…' => true,
            ')' => address.matches(')').count() > address.matches('(').count(),
            ']' => !address.contains('['),
            _ => false,
        };
        if !is_extra {
            return address;
        }
        address = &address[..address.len() - last.len_utf8()];
    }
}
