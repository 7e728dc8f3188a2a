//! One message while it is written: its markup, how full it is, and what still has to be closed.

use super::Limits;
use super::document::{Line, LineKind, Mark};
use super::script::{Counting, Fence, FenceLines, QuoteStyle, Script, TextPlace};

/// How much larger than the visible text the markup may grow, in bytes for each unit.
const MARKUP_BYTES_PER_UNIT: usize = 4;

pub(super) struct Sheet<'a> {
    script: &'a dyn Script,
    markup: String,
    at: Position,
}

/// A state that the sheet can go back to.
#[derive(Debug, Clone, Default)]
pub(super) struct Position {
    bytes: usize,
    units: usize,
    lines: usize,
    /// Indentation of the outermost line so far: a part that begins within a list begins at the left.
    base: usize,
    /// Empty lines that are not written yet: a quote that ends with them is closed before them.
    blanks: usize,
    frame: Frame,
}

/// What is open between lines.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Frame {
    quote: u32,
    code: Option<u32>,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(script: &'a dyn Script) -> Self {
        Self { script, markup: String::new(), at: Position::default() }
    }

    pub(super) fn of(lines: &[Line], script: &'a dyn Script) -> Self {
        let mut sheet = Self::new(script);
        for line in lines {
            sheet.push(line);
        }
        sheet
    }

    pub(super) fn position(&self) -> Position {
        Position { bytes: self.markup.len(), ..self.at.clone() }
    }

    /// Takes everything back that was written since.
    pub(super) fn rewind(&mut self, to: &Position) {
        self.markup.truncate(to.bytes);
        self.at = to.clone();
    }

    pub(super) fn is_untouched(&self) -> bool {
        self.at.lines == 0
    }

    /// How much of the limit is used, with what closing would add.
    pub(super) fn size(&self) -> usize {
        match self.script.counting() {
            Counting::MarkupChars => self.at.units + self.closing().chars().count(),
            Counting::VisibleUtf16 => self.at.units,
        }
    }

    pub(super) fn lines(&self) -> usize {
        self.at.lines + self.closing().matches('\n').count()
    }

    pub(super) fn fits(&self, limits: Limits) -> bool {
        let markup_fits = match self.script.counting() {
            Counting::MarkupChars => true,
            Counting::VisibleUtf16 => {
                self.markup.len() + self.closing().len() <= limits.chars.saturating_mul(MARKUP_BYTES_PER_UNIT)
            }
        };
        markup_fits && self.size() <= limits.chars
    }

    pub(super) fn push(&mut self, line: &Line) {
        if line.kind == LineKind::Blank && matches!(self.script.quote(), QuoteStyle::Around(..)) {
            self.at.blanks += 1;
            return;
        }
        let next = self.frame_of(line);
        let is_first = self.is_untouched();
        self.leave(next);
        for _ in 0..std::mem::take(&mut self.at.blanks) {
            self.new_line();
        }
        if is_first {
            self.at.base = line.indent;
            self.at.lines = 1;
        } else {
            self.new_line();
        }
        self.enter(line, next);
        match &line.kind {
            LineKind::Code { .. } => {
                let text = line.text();
                self.text(&text, &self.script.code(&text));
            }
            LineKind::Text | LineKind::Heading(_) => self.runs(line),
            LineKind::Blank => {}
        }
    }

    pub(super) fn finish(mut self) -> String {
        let closing = self.closing();
        self.markup.push_str(&closing);
        self.markup
    }

    fn frame_of(&self, line: &Line) -> Frame {
        let code = match &line.kind {
            LineKind::Code { block, .. } => Some(*block),
            LineKind::Text | LineKind::Heading(_) | LineKind::Blank => None,
        };
        let is_apart = code.is_some() && matches!(self.script.quote(), QuoteStyle::Around(..));
        Frame { quote: if is_apart { 0 } else { line.quote }, code }
    }

    /// Closes what the next line doesn't stand in.
    fn leave(&mut self, next: Frame) {
        let closing = self.closing_for(next);
        self.at.lines += closing.matches('\n').count();
        self.tag(&closing);
    }

    fn closing(&self) -> String {
        self.closing_for(Frame::default())
    }

    fn closing_for(&self, next: Frame) -> String {
        let frame = self.at.frame;
        let mut closing = String::new();
        if frame.code.is_some() && frame != next {
            let fence = self.script.fence("");
            if fence.lines == FenceLines::Own {
                closing.push('\n');
                closing.push_str(self.prefix(frame.quote));
            }
            closing.push_str(fence.close);
        }
        if let QuoteStyle::Around(_, close) = self.script.quote()
            && frame.quote != 0
            && frame.quote != next.quote
        {
            closing.push_str(close);
        }
        closing
    }

    fn enter(&mut self, line: &Line, next: Frame) {
        let before = std::mem::replace(&mut self.at.frame, next);
        match self.script.quote() {
            QuoteStyle::Around(open, _) if next.quote != 0 && next.quote != before.quote => self.tag(open),
            QuoteStyle::Around(..) => {}
            QuoteStyle::Prefix(_) => self.tag(self.prefix(next.quote)),
        }
        if let LineKind::Code { language, .. } = &line.kind
            && before != next
        {
            let Fence { open, lines, .. } = self.script.fence(language);
            self.tag(&open);
            if lines == FenceLines::Own {
                self.new_line();
                self.tag(self.prefix(next.quote));
            }
        }
    }

    fn prefix(&self, quote: u32) -> &'static str {
        match self.script.quote() {
            QuoteStyle::Prefix(prefix) if quote != 0 => prefix,
            QuoteStyle::Prefix(_) | QuoteStyle::Around(..) => "",
        }
    }

    fn runs(&mut self, line: &Line) {
        self.at.base = self.at.base.min(line.indent);
        let lead = self.script.lead(line, line.indent - self.at.base);
        self.text(&lead, &lead);
        let text = line.text();
        let looks_like_link = text.contains("](");
        let mut open: Vec<Mark> = Vec::new();
        let mut position = 0;
        for run in &line.runs {
            let style = self.script.style(line, run);
            self.change_marks(&mut open, &style);
            let place = TextPlace { style: &style, before: &text[..position], looks_like_link };
            let written = self.script.text(&run.text, place);
            self.text(&run.text, &written);
            position += run.text.len();
        }
        self.change_marks(&mut open, &[]);
    }

    fn change_marks(&mut self, open: &mut Vec<Mark>, style: &[Mark]) {
        let kept = open.iter().zip(style).take_while(|(old, new)| old == new).count();
        let closes = open.len() > kept;
        for mark in open.drain(kept..).rev() {
            let close = self.script.close(&mark);
            self.tag(&close);
        }
        for (index, mark) in style[kept..].iter().enumerate() {
            if index == 0 && closes && self.script.collides(&self.markup, mark) {
                // A sign without width keeps the two apart.
                self.tag("\u{200b}");
            }
            let opening = self.script.open(mark);
            self.tag(&opening);
            open.push(mark.clone());
        }
    }

    fn new_line(&mut self) {
        self.text("\n", "\n");
        self.at.lines += 1;
    }

    /// Writes what is not seen.
    fn tag(&mut self, markup: &str) {
        self.text("", markup);
    }

    fn text(&mut self, visible: &str, markup: &str) {
        self.markup.push_str(markup);
        self.at.units += match self.script.counting() {
            Counting::MarkupChars => markup.chars().count(),
            Counting::VisibleUtf16 => visible.encode_utf16().count(),
        };
    }
}
