//! The table: one row a measured thing, beside its limit and the reference system's number; and tables of detail behind it.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use crate::resident::Resident;

/// What a group measured.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) rows: Vec<Row>,
    pub(crate) details: Vec<Detail>,
}

/// One measured thing.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// What was measured, with its unit and the number of samples.
    pub(crate) measured: String,
    /// What ARCHITECTURE.md designs for.
    pub(crate) limit: &'static str,
    /// OpenClaw 2026.9.6 on a machine of the same kind, measured earlier; empty where there is no such number.
    pub(crate) reference: &'static str,
    pub(crate) verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    Missed,
}

/// Resident memory at several moments, by what it holds.
#[derive(Debug)]
pub(crate) struct Detail {
    pub(crate) name: &'static str,
    pub(crate) moments: Vec<(String, Resident)>,
}

impl Measured {
    pub(crate) fn add(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.details.extend(other.details);
    }
}

impl From<Vec<Row>> for Measured {
    fn from(rows: Vec<Row>) -> Self {
        Self { rows, details: Vec::new() }
    }
}

impl Verdict {
    pub(crate) fn at_most(value: f64, limit: f64) -> Self {
        if value <= limit { Self::Met } else { Self::Missed }
    }

    pub(crate) fn at_least(value: f64, limit: f64) -> Self {
        if value >= limit { Self::Met } else { Self::Missed }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
        }
    }
}

/// Everything in Markdown, which is as readable in a terminal.
pub(crate) fn text(measured: &Measured) -> String {
    let head = ["what", "measured", "limit", "", "OpenClaw 2026.9.6"].map(str::to_owned);
    let cells = measured.rows.iter().map(|row| {
        [row.name.into(), row.measured.clone(), row.limit.into(), row.verdict.word().into(), row.reference.into()]
    });
    let mut text = if measured.rows.is_empty() { String::new() } else { table(std::iter::once(head).chain(cells)) };
    for detail in &measured.details {
        let head = std::iter::once(String::new())
            .chain(Resident::default().columns().map(|(name, _)| name.to_owned()))
            .chain(["together".to_owned()]);
        let moments = detail.moments.iter().map(|(moment, resident)| {
            let megabytes = resident.columns().map(|(_, megabytes)| megabytes).into_iter().chain([resident.total()]);
            std::iter::once(moment.clone()).chain(megabytes.map(|megabytes| format!("{megabytes:.2}"))).collect()
        });
        let lines: Vec<Vec<String>> = std::iter::once(head.collect()).chain(moments).collect();
        let _ = write!(text, "\n## {}\n\n{}", detail.name, table(lines));
    }
    text
}

/// Lines of cells in Markdown, the first as the head.
fn table<Line: AsRef<[String]>>(lines: impl IntoIterator<Item = Line>) -> String {
    let lines: Vec<Line> = lines.into_iter().collect();
    let columns = lines.first().map_or(0, |line| line.as_ref().len());
    let width = |column: usize| lines.iter().map(|line| line.as_ref()[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        for (cell, width) in line.as_ref().iter().zip(&widths) {
            let _ = write!(text, "| {cell:<width$} ");
        }
        text.push_str("|\n");
        if number == 0 {
            for width in &widths {
                let _ = write!(text, "|{}", "-".repeat(width + 2));
            }
            text.push_str("|\n");
        }
    }
    text
}

/// Writes the tables with how they were made.
pub(crate) fn write(path: &Path, measured: &Measured, machine: &str) -> Result<()> {
    let text = format!(
        "# Bench results\n\nMade by `cargo xtask bench` on {machine}. Medians; the model is testkit's fake with no delay, on loopback. \
         The last column was measured once on a machine of the same kind and is here for scale.\n\n{}",
        text(measured)
    );
    std::fs::write(path, text)?;
    Ok(())
}
