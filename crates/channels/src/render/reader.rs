//! Makes lines of Markdown (`CommonMark` with tables, strikethrough and task lists). Raw HTML stays the text that it is.
//!
//! Walks over events without recursion, so that no depth of nesting can do harm. An empty line of the source stays one, wherever
//! it stands between two blocks: chat messages look as their writer laid them out.

use std::sync::Arc;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::Limits;
use super::document::{Line, LineKind, Mark, Marker, Run, is_visible, trim_end, trim_start};
use super::script::Script;
use super::table::{Shape, Table, table_lines};

/// Lists within lists that are set further to the right; deeper ones stay there.
const INDENT_MAX: usize = 5;

/// Longest address that becomes a masked link; those that browsers and platforms take end about here.
const ADDRESS_MAX: usize = 2048;

/// Largest number of a list's item.
const NUMBER_MAX: u64 = 999_999_999;

pub(super) fn read(markdown: &str, script: &dyn Script, limits: Limits) -> Vec<Line> {
    let source: String = markdown
        .replace("\r\n", "\n")
        .chars()
        .filter(|sign| matches!(sign, '\n' | '\t') || !sign.is_control())
        .collect();
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut reader = Reader::new(&source, script, limits);
    for (event, range) in Parser::new_ext(&source, options).into_offset_iter() {
        if matches!(&event, Event::Start(tag) if is_block(tag)) || matches!(event, Event::Rule) {
            reader.begin_block(range.start);
        }
        match event {
            Event::Start(Tag::Table(columns)) => reader.table = Some(Table::new(columns, &source[range])),
            Event::Start(tag) => reader.start(tag),
            Event::End(tag) => reader.end(tag),
            other => reader.content(other),
        }
    }
    reader.finish()
}

struct Reader<'a> {
    source: &'a str,
    script: &'a dyn Script,
    limits: Limits,
    lines: Vec<Line>,
    /// The line that is being gathered.
    runs: Vec<Run>,
    style: Vec<Mark>,
    /// Where the links that are open began in `runs`, with their addresses.
    links: Vec<(usize, Arc<str>)>,
    /// Of each open list its next number, or none.
    lists: Vec<Option<u64>>,
    marker: Option<Marker>,
    quotes_open: usize,
    quotes_seen: u32,
    /// The source has an empty line before what comes.
    blank: bool,
    heading: Option<u8>,
    code: Option<Code>,
    blocks_seen: u32,
    table: Option<Table<'a>>,
}

struct Code {
    language: Arc<str>,
    text: String,
}

impl<'a> Reader<'a> {
    fn new(source: &'a str, script: &'a dyn Script, limits: Limits) -> Self {
        Self {
            source,
            script,
            limits,
            lines: Vec::new(),
            runs: Vec::new(),
            style: Vec::new(),
            links: Vec::new(),
            lists: Vec::new(),
            marker: None,
            quotes_open: 0,
            quotes_seen: 0,
            blank: false,
            heading: None,
            code: None,
            blocks_seen: 0,
            table: None,
        }
    }

    fn begin_block(&mut self, at: usize) {
        self.flush();
        self.blank |= follows_empty_line(self.source, at);
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => self.heading = Some(level as u8),
            Tag::BlockQuote(_) => {
                self.quotes_open += 1;
                if self.quotes_open == 1 {
                    self.quotes_seen += 1;
                }
            }
            Tag::CodeBlock(kind) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.split_whitespace().next().unwrap_or_default().into(),
                    CodeBlockKind::Indented => "".into(),
                };
                self.code = Some(Code { language, text: String::new() });
            }
            Tag::List(first) => self.lists.push(first),
            Tag::Item => {
                self.marker = Some(match self.lists.last_mut() {
                    Some(Some(number)) => {
                        let own = (*number).min(NUMBER_MAX);
                        *number = own + 1;
                        Marker::Number(own)
                    }
                    Some(None) | None => Marker::Bullet,
                });
            }
            Tag::Strong => self.style.push(Mark::Bold),
            Tag::Emphasis => self.style.push(Mark::Italic),
            Tag::Strikethrough => self.style.push(Mark::Strike),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                let address: Arc<str> = dest_url.as_ref().into();
                let start = self.inline().len();
                self.links.push((start, Arc::clone(&address)));
                self.style.push(Mark::Link(address));
            }
            // Blocks that are known by what is in them, and what the options leave out.
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.flush(),
            TagEnd::Heading(_) => {
                self.flush();
                self.heading = None;
            }
            TagEnd::BlockQuote(_) => {
                self.flush();
                self.quotes_open -= 1;
            }
            TagEnd::CodeBlock => self.end_code(),
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::Item => {
                self.flush();
                self.marker = None;
            }
            TagEnd::Strong | TagEnd::Emphasis | TagEnd::Strikethrough => {
                self.style.pop();
            }
            TagEnd::Link | TagEnd::Image => self.end_link(),
            TagEnd::TableCell => self.table.iter_mut().for_each(Table::end_cell),
            TagEnd::TableRow | TagEnd::TableHead => self.table.iter_mut().for_each(Table::end_row),
            TagEnd::Table => self.end_table(),
            _ => {}
        }
    }

    fn content(&mut self, event: Event<'_>) {
        match event {
            Event::Text(text) => match &mut self.code {
                Some(code) => code.text.push_str(&text),
                None => self.text(&text, None),
            },
            Event::Code(text) => self.text(&text, Some(&Mark::Code)),
            Event::InlineHtml(html) if is_line_break(&html) => self.line_break(),
            Event::Html(text) | Event::InlineHtml(text) => self.text(&text, None),
            Event::SoftBreak | Event::HardBreak => self.line_break(),
            Event::Rule => {
                self.text(&"─".repeat(10), None);
                self.flush();
            }
            Event::TaskListMarker(done) => self.marker = Some(Marker::Task { done }),
            // Tags are dealt with already; the rest belongs to options that are off.
            _ => {}
        }
    }

    fn finish(mut self) -> Vec<Line> {
        self.flush();
        self.lines
    }

    /// Where inline text goes at the moment.
    fn inline(&mut self) -> &mut Vec<Run> {
        match &mut self.table {
            Some(table) => table.cell(),
            None => &mut self.runs,
        }
    }

    fn text(&mut self, text: &str, mark: Option<&Mark>) {
        let mut style: Vec<Mark> = Vec::new();
        for mark in self.style.iter().chain(mark) {
            // A link in the text of an image in a link, and bold in bold, say nothing more.
            let is_known = style.iter().any(|known| std::mem::discriminant(known) == std::mem::discriminant(mark));
            if !is_known {
                style.push(mark.clone());
            }
        }
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.line_break();
            }
            if !line.is_empty() {
                self.inline().push(Run { text: line.to_owned(), style: style.clone() });
            }
        }
    }

    fn line_break(&mut self) {
        // A cell has one line, and a link is written whole.
        if self.table.is_some() || !self.links.is_empty() {
            self.text(" ", None);
        } else {
            self.flush();
        }
    }

    /// Decides how a link shows, now that its text is known.
    fn end_link(&mut self) {
        self.style.pop();
        let Some((start, address)) = self.links.pop() else { return };
        // An image in a link: the link is decided at its own end.
        if !self.links.is_empty() {
            return;
        }
        let (script, limits) = (self.script, self.limits);
        let runs = self.inline();
        let start = start.min(runs.len());
        let text: String = runs[start..].iter().map(|run| run.text.as_str()).collect();
        let is_same = text == *address || Some(text.as_str()) == address.strip_prefix("mailto:");
        let fits = address.len() <= ADDRESS_MAX.min(limits.chars / 4);
        let is_visible = text.chars().any(is_visible);
        if !is_same && is_visible && fits && script.takes_link(&text, &address) {
            return;
        }
        for run in &mut runs[start..] {
            run.style.retain(|mark| !matches!(mark, Mark::Link(_)));
        }
        // A place within the document is no address for anybody who reads the message.
        if !is_same && !address.is_empty() && !address.starts_with('#') {
            let spelled = if is_visible { format!(" ({address})") } else { address.to_string() };
            runs.push(Run { text: spelled, style: Vec::new() });
        }
    }

    fn end_code(&mut self) {
        let Some(code) = self.code.take() else { return };
        let text = code.text.strip_suffix('\n').unwrap_or(&code.text);
        if text.trim().is_empty() {
            return;
        }
        self.blocks_seen += 1;
        let block = self.blocks_seen;
        self.push_code(block, &code.language, text.split('\n').map(str::to_owned));
    }

    fn push_code(&mut self, block: u32, language: &Arc<str>, lines: impl Iterator<Item = String>) {
        self.space();
        // Code has no room for a number before it.
        if matches!(self.marker, Some(Marker::Number(_))) {
            self.push(LineKind::Text, Vec::new());
        }
        for text in lines {
            let runs = if text.is_empty() { Vec::new() } else { vec![Run { text, style: Vec::new() }] };
            self.push(LineKind::Code { block, language: Arc::clone(language) }, runs);
        }
    }

    fn end_table(&mut self) {
        let Some(table) = self.table.take() else { return };
        self.links.clear();
        match table_lines(table, self.limits.tables) {
            Shape::Code(lines) => {
                self.blocks_seen += 1;
                self.push_code(self.blocks_seen, &"".into(), lines.into_iter());
            }
            Shape::Text(lines) => {
                for line in lines {
                    self.marker = line.marker.or(self.marker);
                    self.lists.extend(std::iter::repeat_n(None, line.depth));
                    self.runs = line.runs;
                    self.flush();
                    self.lists.truncate(self.lists.len() - line.depth);
                }
            }
        }
    }

    /// Ends the line that is being gathered, if there is anything in it.
    fn flush(&mut self) {
        let mut runs = tidy(std::mem::take(&mut self.runs));
        trim_end(&mut runs);
        trim_start(&mut runs);
        if !runs.iter().any(|run| run.text.chars().any(is_visible)) {
            return;
        }
        self.space();
        let kind = self.heading.map_or(LineKind::Text, LineKind::Heading);
        self.push(kind, runs);
    }

    /// Puts the empty line that the source has here.
    fn space(&mut self) {
        let blank = std::mem::take(&mut self.blank);
        let Some(last) = self.lines.last() else { return };
        if blank && last.kind != LineKind::Blank {
            let quote = if last.quote == self.quote() { last.quote } else { 0 };
            let both_in_lists = (last.indent > 0 || last.marker.is_some()) && !self.lists.is_empty();
            let indent = usize::from(both_in_lists);
            self.lines.push(Line { quote, indent, marker: None, kind: LineKind::Blank, runs: Vec::new() });
        }
    }

    fn push(&mut self, kind: LineKind, runs: Vec<Run>) {
        let is_code = matches!(kind, LineKind::Code { .. });
        // Code stands at the left, so that no blanks of ours get into it.
        let (indent, marker) = if is_code { (0, None) } else { (self.indent(), self.marker.take()) };
        self.lines.push(Line { quote: self.quote(), indent, marker, kind, runs });
    }

    fn indent(&self) -> usize {
        self.lists.len().saturating_sub(usize::from(self.marker.is_some())).min(INDENT_MAX)
    }

    fn quote(&self) -> u32 {
        if self.quotes_open > 0 { self.quotes_seen } else { 0 }
    }
}

fn is_block(tag: &Tag<'_>) -> bool {
    matches!(
        tag,
        Tag::Paragraph
            | Tag::Heading { .. }
            | Tag::BlockQuote(_)
            | Tag::CodeBlock(_)
            | Tag::HtmlBlock
            | Tag::List(_)
            | Tag::Item
            | Tag::Table(_)
    )
}

fn is_line_break(html: &str) -> bool {
    matches!(html.to_ascii_lowercase().replace(' ', "").as_str(), "<br>" | "<br/>")
}

/// Whether the line before the one at `at` is empty, but for the signs of a quote.
fn follows_empty_line(source: &str, at: usize) -> bool {
    let Some(end) = source[..at].rfind('\n') else { return false };
    let before = &source[..end];
    let line = &before[before.rfind('\n').map_or(0, |newline| newline + 1)..];
    line.chars().all(|sign| sign.is_whitespace() || sign == '>')
}

/// Joins neighbours of one style, and takes blanks at the border of two styles out of what only one of them has: no platform takes
/// a bold text that begins or ends with a blank.
pub(super) fn tidy(runs: Vec<Run>) -> Vec<Run> {
    let mut joined: Vec<Run> = Vec::with_capacity(runs.len());
    for run in runs {
        push_joined(&mut joined, run);
    }
    let styles: Vec<Vec<Mark>> = joined.iter().map(|run| run.style.clone()).collect();
    let shared = |left: Option<&Vec<Mark>>, right: Option<&Vec<Mark>>| -> Vec<Mark> {
        let (Some(left), Some(right)) = (left, right) else { return Vec::new() };
        left.iter().zip(right).take_while(|(left, right)| left == right).map(|(mark, _)| mark.clone()).collect()
    };
    let mut tidied = Vec::with_capacity(joined.len());
    for (index, run) in joined.into_iter().enumerate() {
        if run.style.is_empty() || run.style.contains(&Mark::Code) {
            push_joined(&mut tidied, run);
            continue;
        }
        let trimmed = run.text.trim();
        let start = run.text.len() - run.text.trim_start().len();
        let blank = |text: &str, style| Run { text: text.to_owned(), style };
        let before = shared(index.checked_sub(1).and_then(|before| styles.get(before)), Some(&styles[index]));
        let after = shared(Some(&styles[index]), styles.get(index + 1));
        push_joined(&mut tidied, blank(&run.text[..start], before));
        push_joined(&mut tidied, blank(trimmed, run.style.clone()));
        push_joined(&mut tidied, blank(&run.text[start + trimmed.len()..], after));
    }
    tidied
}

fn push_joined(runs: &mut Vec<Run>, run: Run) {
    match runs.last_mut() {
        _ if run.text.is_empty() => {}
        Some(last) if last.style == run.style => last.text.push_str(&run.text),
        _ => runs.push(run),
    }
}
