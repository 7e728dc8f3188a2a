//! What must hold for any text of a model and any event of a platform: entry points for the crate `fuzz`, in no shipped build.

#![allow(clippy::missing_panics_doc, reason = "to panic is how these say that a promise is broken")]

pub use crate::discord::fuzzing::discord_events;
pub use crate::telegram::fuzzing::telegram_updates;

use crate::render::{Cut, Dialect, Limits, Tables, promises, render};

/// Each part of each text is one that its platform takes, whatever the limits. The first four bytes are the limits.
pub fn markdown(data: &[u8]) {
    let Some(([chars, lines, style, dialect], text)) = data.split_first_chunk() else { return };
    let text = String::from_utf8_lossy(text);
    let limits = Limits {
        chars: usize::from(*chars) * 16,
        lines: Some(usize::from(*lines)).filter(|lines| (3..64).contains(lines)),
        cut: [Cut::Length, Cut::Newline][usize::from(style % 2)],
        tables: [Tables::Code, Tables::Bullets, Tables::Off][usize::from(style / 2 % 3)],
    };
    let dialect = [Dialect::Plain, Dialect::Discord, Dialect::TelegramHtml][usize::from(dialect % 3)];
    promises::check(&text, dialect, limits);
    assert_eq!(render(&text, dialect, limits), render(&text, dialect, limits), "the same text gives the same parts");
}
