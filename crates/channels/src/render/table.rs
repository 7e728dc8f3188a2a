//! A table on a platform that has none: columns aligned in a code block, a list with the headings as labels, or its own source.

use pulldown_cmark::Alignment;
use unicode_width::UnicodeWidthStr;

use super::Tables;
use super::document::{Line, LineKind, Mark, Marker, Run, is_visible};
use super::plain::Plain;
use super::reader::tidy;
use super::sheet::Sheet;

/// Columns are filled up to this width. Longer texts stand out: filling all to the longest would wrap every line of a phone.
const COLUMN_WIDTH_MAX: usize = 32;

/// A table while it is read.
pub(super) struct Table<'a> {
    columns: Vec<Alignment>,
    source: &'a str,
    /// The first is the head.
    rows: Vec<Vec<Cell>>,
    row: Vec<Cell>,
    cell: Cell,
}

type Cell = Vec<Run>;

/// What becomes of a table.
pub(super) enum Shape {
    Code(Vec<String>),
    Text(Vec<TextLine>),
}

pub(super) struct TextLine {
    pub(super) marker: Option<Marker>,
    /// Lists that it stands in.
    pub(super) depth: usize,
    pub(super) runs: Vec<Run>,
}

impl<'a> Table<'a> {
    pub(super) fn new(columns: Vec<Alignment>, source: &'a str) -> Self {
        Self { columns, source, rows: Vec::new(), row: Vec::new(), cell: Vec::new() }
    }

    /// The cell that is being read.
    pub(super) fn cell(&mut self) -> &mut Cell {
        &mut self.cell
    }

    pub(super) fn end_cell(&mut self) {
        self.row.push(tidy(std::mem::take(&mut self.cell)));
    }

    pub(super) fn end_row(&mut self) {
        self.rows.push(std::mem::take(&mut self.row));
    }
}

pub(super) fn table_lines(table: Table<'_>, tables: Tables) -> Shape {
    match tables {
        Tables::Off => Shape::Text(source_lines(table.source)),
        Tables::Bullets => Shape::Text(bullets(table.rows)),
        Tables::Code => Shape::Code(aligned(&table)),
    }
}

fn source_lines(source: &str) -> Vec<TextLine> {
    let line = |text: &str| {
        // The lines of a table in a quote begin with the quote's signs.
        let text = text.trim_start_matches(['>', ' ']).to_owned();
        TextLine { marker: None, depth: 0, runs: vec![Run { text, style: Vec::new() }] }
    };
    source.lines().map(line).collect()
}

/// Each row is an item that is named by its first cell; the others stand under it with their headings, or beside it where there is
/// only one.
fn bullets(mut rows: Vec<Vec<Cell>>) -> Vec<TextLine> {
    let head = if rows.is_empty() { Vec::new() } else { rows.remove(0) };
    let plain = |text: &str| Run { text: text.to_owned(), style: Vec::new() };
    let mut lines = Vec::new();
    for row in rows {
        let mut cells = row.into_iter();
        let mut name = cells.next().unwrap_or_default();
        name.iter_mut().filter(|run| run.style.is_empty()).for_each(|run| run.style.push(Mark::Bold));
        if head.len() == 2 {
            name.push(plain(": "));
            name.extend(cells.by_ref().flatten());
        }
        lines.push(TextLine { marker: Some(Marker::Bullet), depth: 1, runs: name });
        for (heading, cell) in head.iter().skip(1).zip(cells) {
            if !is_shown(&cell) {
                continue;
            }
            let label =
                if is_shown(heading) { heading.iter().cloned().chain([plain(": ")]).collect() } else { Vec::new() };
            lines.push(TextLine { marker: Some(Marker::Bullet), depth: 2, runs: [label, cell].concat() });
        }
    }
    lines
}

fn is_shown(cell: &[Run]) -> bool {
    cell.iter().any(|run| run.text.chars().any(is_visible))
}

fn aligned(table: &Table<'_>) -> Vec<String> {
    // In code nothing is a link: its address is spelled out.
    let text = |cell: &Cell| {
        let line = Line { quote: 0, indent: 0, marker: None, kind: LineKind::Text, runs: cell.clone() };
        Sheet::of(&[line], &Plain::Whole).finish().trim().to_owned()
    };
    let rows: Vec<Vec<String>> = table.rows.iter().map(|row| row.iter().map(text).collect()).collect();
    let width = |column: usize| {
        let widths = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width());
        widths.filter(|width| *width <= COLUMN_WIDTH_MAX).max().unwrap_or(0).max(1)
    };
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    let mut lines: Vec<String> = rows.iter().map(|row| aligned_row(row, &widths, &table.columns)).collect();
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    lines.insert(lines.len().min(1), rule.join(" | "));
    lines
}

fn aligned_row(row: &[String], widths: &[usize], columns: &[Alignment]) -> String {
    let cell = |(index, (width, alignment)): (usize, (&usize, &Alignment))| {
        let text = row.get(index).map(String::as_str).unwrap_or_default();
        let room = width.saturating_sub(text.width());
        let left = match alignment {
            Alignment::None | Alignment::Left => 0,
            Alignment::Center => room / 2,
            Alignment::Right => room,
        };
        format!("{}{text}{}", " ".repeat(left), " ".repeat(room - left))
    };
    let cells: Vec<String> = widths.iter().zip(columns).enumerate().map(cell).collect();
    cells.join(" | ").trim_end().to_owned()
}
