//! What commands print: data to standard output, conversation to standard error, colour only where it is wanted.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::args::GlobalArgs;

/// How this process prints. Cheap to copy: it holds decisions, not streams.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub json: bool,
    /// Colours on standard output.
    pub colour: bool,
    /// Colours on standard error.
    pub colour_err: bool,
}

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();

#[expect(clippy::unused_self, reason = "printing goes through this handle, also where it decides nothing")]
impl Output {
    pub(crate) fn of(global: &GlobalArgs) -> Self {
        let refused = global.no_color || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let wanted = !refused && !dumb && !global.json;
        Self {
            json: global.json,
            colour: wanted && io::stdout().is_terminal(),
            colour_err: wanted && io::stderr().is_terminal(),
        }
    }

    /// A line of data.
    pub(crate) fn line(self, text: impl AsRef<str>) {
        self.write(text.as_ref());
        self.write("\n");
    }

    /// Data as it is. A reader that went away (`chela logs | head`) ends the program quietly; data that can't be written, to a
    /// full disk say, ends it as a failure.
    pub(crate) fn write(self, text: &str) {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
            Err(error) => {
                self.note(format!("error: can't write to standard output: {error}"));
                std::process::exit(1);
            }
        }
    }

    /// A line of conversation.
    pub(crate) fn note(self, text: impl AsRef<str>) {
        // Nobody is left to tell when standard error is gone.
        let _ = writeln!(io::stderr().lock(), "{}", text.as_ref());
    }

    /// One JSON document.
    pub(crate) fn document(self, value: &impl Serialize) {
        let text = serde_json::to_string_pretty(value).expect("what commands print serialises");
        self.line(text);
    }

    /// Styles a piece of standard output.
    pub(crate) fn style(self, style: Style, text: &str) -> String {
        styled(self.colour, style, text)
    }

    /// Styles a piece of standard error.
    pub(crate) fn style_err(self, style: Style, text: &str) -> String {
        styled(self.colour_err, style, text)
    }

    /// Rows below a heading, in columns. Cells are shown as plain text.
    pub(crate) fn table(self, heading: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(heading.iter().map(|name| name.to_uppercase()));
        for row in rows {
            table.add_row(row.iter().map(|cell| printable(cell)));
        }
        for line in table.lines() {
            self.line(line.trim());
        }
    }
}

/// Text from elsewhere without what a terminal would obey: control characters but line ends and tabs are left out.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t')).collect()
}

/// `1 234 567` bytes as `1.2 MB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: &[(&str, u64)] = &[("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10)];
    match UNITS.iter().find(|(_, size)| count >= *size) {
        Some((unit, size)) => format!("{}.{} {unit}", count / size, (count % size) * 10 / size),
        None => format!("{count} B"),
    }
}

/// How long ago a moment was, in the largest unit that fits.
pub(crate) fn ago(then_ms: i64, now_ms: i64) -> String {
    let text = duration(u64::try_from(now_ms.saturating_sub(then_ms)).unwrap_or(0));
    if text == "0s" { "now".to_owned() } else { format!("{text} ago") }
}

/// `93000` ms as `1m`.
pub(crate) fn duration(ms: u64) -> String {
    const UNITS: &[(&str, u64)] = &[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)];
    match UNITS.iter().find(|(_, size)| ms >= *size) {
        Some((unit, size)) => format!("{}{unit}", ms / size),
        None => format!("{}s", ms / 1000),
    }
}

/// Unix milliseconds.
pub(crate) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn styled(colour: bool, style: Style, text: &str) -> String {
    if colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_short() {
        assert_eq!([bytes(12), bytes(1536), bytes(5 << 30)], ["12 B", "1.5 kB", "5.0 GB"]);
        assert_eq!([duration(500), duration(61_000), duration(90_000_000)], ["0s", "1m", "1d"]);
        assert_eq!([ago(1000, 1200), ago(0, 7_200_000), ago(9000, 0)], ["now", "2h ago", "now"]);
    }

    #[test]
    fn foreign_text_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\n\tc\u{7}\r"), "a[2Jb\n\tc");
    }
}
