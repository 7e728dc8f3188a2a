//! The table: one row a measured thing, beside its limit and the reference system's number.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

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

/// The table in Markdown, which is as readable in a terminal.
pub(crate) fn table(rows: &[Row]) -> String {
    let head = ["what", "measured", "limit", "", "OpenClaw 2026.9.6"].map(str::to_owned);
    let cells = rows.iter().map(|row| {
        [row.name.into(), row.measured.clone(), row.limit.into(), row.verdict.word().into(), row.reference.into()]
    });
    let lines: Vec<[String; 5]> = std::iter::once(head).chain(cells).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        for (cell, width) in line.iter().zip(widths) {
            let _ = write!(text, "| {cell:<width$} ");
        }
        text.push_str("|\n");
        if number == 0 {
            for width in widths {
                let _ = write!(text, "|{}", "-".repeat(width + 2));
            }
            text.push_str("|\n");
        }
    }
    text
}

/// Writes the table with how it was made.
pub(crate) fn write(path: &Path, rows: &[Row], machine: &str) -> Result<()> {
    let text = format!(
        "# Bench results\n\nMade by `cargo xtask bench` on {machine}. Medians; the model is testkit's fake with no delay, on loopback. \
         The last column was measured once on a machine of the same kind and is here for scale.\n\n{}",
        table(rows)
    );
    std::fs::write(path, text)?;
    Ok(())
}
