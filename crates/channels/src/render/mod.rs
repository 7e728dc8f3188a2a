//! An answer in Markdown becomes messages of a platform: its markup, cut at its limits, no code fence or link broken.
//!
//! Pure and deterministic: the same text, dialect and limits give the same parts, also after a restart.
//!
//! The way of a text: [`reader`] makes flat [`document`] lines of the Markdown, [`split`] deals them out to parts by measuring
//! them on a [`sheet`], and the sheet writes each part by the words of a dialect's [`script`]. A new dialect is one file like
//! [`discord`] and one line in [`Dialect::script`].

mod cut;
mod discord;
mod document;
mod plain;
mod preview;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod promises;
mod reader;
mod script;
mod sheet;
mod split;
mod table;
mod telegram;
#[cfg(test)]
mod tests;

use document::Line;
use script::{Counting, Script};
use sheet::Sheet;

/// How a platform writes markup, and how it counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dialect {
    /// No markup; readable as it stands.
    #[default]
    Plain,
    /// Discord's Markdown: no tables; counted in characters.
    Discord,
    /// Telegram's HTML subset; the limit counts the visible text in UTF-16 units.
    TelegramHtml,
}

/// Limits of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// In the dialect's own count. Fewer than [`CHARS_MIN`] are read as that.
    pub chars: usize,
    /// Soft: a message is cut before it gets longer than this, at a good place.
    pub lines: Option<usize>,
    pub cut: Cut,
    pub tables: Tables,
}

/// Where a long text is cut (`streaming.chunkMode`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cut {
    /// Only where it must be.
    #[default]
    Length,
    /// At every empty line.
    Newline,
}

/// How tables show on a platform that has none (`markdown.tables`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = block_is_code)]
pub enum Tables {
    /// As they were written.
    Off,
    Bullets,
    /// In a code block, columns aligned.
    #[default]
    #[serde(alias = "block")]
    Code,
}

/// Limits tighter than this would leave no room for text beside the markup around it.
pub const CHARS_MIN: usize = 128;

/// One message's text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// In the platform's markup. Empty where there is none: then `plain` is sent, as text in which nothing is markup.
    pub markup: String,
    /// The same without markup, for a platform that refused it.
    pub plain: String,
}

impl Default for Limits {
    fn default() -> Self {
        Self { chars: 4000, lines: None, cut: Cut::default(), tables: Tables::default() }
    }
}

/// Renders and cuts. Each part is within the limits and has something visible in it; a text without anything visible has no part.
///
/// A long text is cut between paragraphs, else between lines, sentences, words, or signs as people see them. What a cut goes
/// through, it closes and opens again: a code block with its language, bold text, a quote. It goes through a link only where the
/// link is longer than half a message.
pub fn render(markdown: &str, dialect: Dialect, limits: Limits) -> Vec<Rendered> {
    let script = dialect.script();
    let limits = limits.with_room();
    let lines = reader::read(markdown, script, limits);
    split::split(lines, script, limits).iter().map(|part| written(part, script, limits)).collect()
}

/// Renders an answer that is still being written as one message. Of a text that is too long the newest lines are shown; markup
/// that is not finished yet looks as if it were. Empty while nothing is visible.
pub fn render_preview(markdown: &str, dialect: Dialect, limits: Limits) -> Rendered {
    let script = dialect.script();
    let limits = Limits { lines: None, cut: Cut::Length, ..limits.with_room() };
    let lines = reader::read(&preview::mended(markdown), script, limits);
    written(&preview::newest(lines, script, limits), script, limits)
}

impl Dialect {
    fn script(self) -> &'static dyn Script {
        match self {
            Self::Plain => &plain::Plain::Whole,
            Self::Discord => &discord::Discord,
            Self::TelegramHtml => &telegram::TelegramHtml,
        }
    }
}

impl Limits {
    fn with_room(self) -> Self {
        Self { chars: self.chars.max(CHARS_MIN), ..self }
    }
}

fn written(lines: &[Line], script: &dyn Script, limits: Limits) -> Rendered {
    let whole = Sheet::of(lines, &plain::Plain::Whole).finish();
    // The plain text must pass where the markup was refused: it leaves addresses out rather than being too long.
    let plain = if script.counting().units(&whole) <= limits.chars {
        whole
    } else {
        Sheet::of(lines, &plain::Plain::Bare).finish()
    };
    Rendered { markup: Sheet::of(lines, script).finish(), plain }
}

impl Counting {
    /// The size of a text without markup.
    fn units(self, text: &str) -> usize {
        match self {
            Self::MarkupChars => text.chars().count(),
            Self::VisibleUtf16 => text.encode_utf16().count(),
        }
    }
}

fn block_is_code(schema: &mut schemars::Schema) {
    crate::policy::also(schema, "block");
}
