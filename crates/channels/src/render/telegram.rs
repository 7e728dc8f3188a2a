//! Telegram's HTML subset (Bot API, "Formatting options"): a handful of tags, three signs escaped, entities that may not overlap.

use super::document::{Line, Mark, Run};
use super::script::{
    Counting, Fence, FenceLines, QuoteStyle, Script, TextPlace, has_scheme, plain_lead, safe_address, safe_language,
};

pub(super) struct TelegramHtml;

/// Addresses that Telegram makes links of.
const SCHEMES: &[&str] = &["http", "https", "tg", "mailto"];

impl Script for TelegramHtml {
    fn counting(&self) -> Counting {
        Counting::VisibleUtf16
    }

    fn takes_link(&self, _text: &str, address: &str) -> bool {
        has_scheme(address, SCHEMES)
    }

    /// Code stands alone: it may neither hold other entities nor stand in them. A link is worth more than its look as code.
    fn style(&self, line: &Line, run: &Run) -> Vec<Mark> {
        if run.style.contains(&Mark::Code) {
            let to_somewhere = run.style.iter().find(|mark| matches!(mark, Mark::Link(_)));
            return vec![to_somewhere.cloned().unwrap_or(Mark::Code)];
        }
        if line.is_heading() && !run.style.contains(&Mark::Bold) {
            return [&[Mark::Bold], run.style.as_slice()].concat();
        }
        run.style.clone()
    }

    fn open(&self, mark: &Mark) -> String {
        match mark {
            Mark::Bold => "<b>".to_owned(),
            Mark::Italic => "<i>".to_owned(),
            Mark::Strike => "<s>".to_owned(),
            Mark::Code => "<code>".to_owned(),
            Mark::Link(address) => format!("<a href=\"{}\">", escaped(&safe_address(address))),
        }
    }

    fn close(&self, mark: &Mark) -> String {
        let close = match mark {
            Mark::Bold => "</b>",
            Mark::Italic => "</i>",
            Mark::Strike => "</s>",
            Mark::Code => "</code>",
            Mark::Link(_) => "</a>",
        };
        close.to_owned()
    }

    fn text(&self, text: &str, _place: TextPlace<'_>) -> String {
        escaped(text)
    }

    fn lead(&self, line: &Line, indent: usize) -> String {
        plain_lead(line, indent)
    }

    fn quote(&self) -> QuoteStyle {
        QuoteStyle::Around("<blockquote>", "</blockquote>")
    }

    fn fence(&self, language: &str) -> Fence {
        let language = safe_language(language);
        // An empty class would be refused by nobody, and say nothing.
        let open = if language.is_empty() {
            "<pre><code>".to_owned()
        } else {
            format!("<pre><code class=\"language-{language}\">")
        };
        Fence { open, close: "</code></pre>", lines: FenceLines::None }
    }

    fn code(&self, text: &str) -> String {
        escaped(text)
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            sign => escaped.push(sign),
        }
    }
    escaped
}
