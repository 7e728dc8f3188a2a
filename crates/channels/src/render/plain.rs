//! Text without markup, readable as it stands. Also what each part of another dialect falls back to.

use super::document::{Line, Mark};
use super::script::{Counting, Fence, FenceLines, QuoteStyle, Script, TextPlace, plain_lead};

/// How much is said of what markup would show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    /// Addresses of links, and which lines are quoted.
    Whole,
    /// The words alone, for where room is short.
    Bare,
}

impl Script for Plain {
    fn counting(&self) -> Counting {
        Counting::MarkupChars
    }

    fn takes_link(&self, _text: &str, _address: &str) -> bool {
        true
    }

    fn open(&self, _mark: &Mark) -> String {
        String::new()
    }

    fn close(&self, mark: &Mark) -> String {
        match (self, mark) {
            (Self::Whole, Mark::Link(address)) => format!(" ({address})"),
            (Self::Whole | Self::Bare, _) => String::new(),
        }
    }

    fn text(&self, text: &str, _place: TextPlace<'_>) -> String {
        text.to_owned()
    }

    fn lead(&self, line: &Line, indent: usize) -> String {
        plain_lead(line, indent)
    }

    fn quote(&self) -> QuoteStyle {
        QuoteStyle::Prefix(match self {
            Self::Whole => "> ",
            Self::Bare => "",
        })
    }

    fn fence(&self, _language: &str) -> Fence {
        Fence { open: String::new(), close: "", lines: FenceLines::None }
    }

    fn code(&self, text: &str) -> String {
        text.to_owned()
    }
}
