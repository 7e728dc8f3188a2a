//! What holds for each part of each text: for tests and for the crate `fuzz`, in no shipped build.

use super::{CHARS_MIN, Dialect, Limits, Rendered, document, render, render_preview};

/// What holds for each part of each text.
pub(crate) fn check(text: &str, dialect: Dialect, limits: Limits) {
    let parts = render(text, dialect, limits);
    let preview = render_preview(text, dialect, limits);
    for part in parts.iter().chain((preview != Rendered::default()).then_some(&preview)) {
        let Rendered { markup, plain } = part;
        let limit = limits.chars.max(CHARS_MIN);
        assert!(plain.chars().any(document::is_visible), "{part:?}");
        let (size, plain_size) = match dialect {
            Dialect::Plain | Dialect::Discord => (markup.chars().count(), plain.chars().count()),
            Dialect::TelegramHtml => (telegram_text(markup).encode_utf16().count(), plain.encode_utf16().count()),
        };
        assert!(size <= limit, "{size} of {limit}: {part:?}");
        assert!(plain_size <= limit, "{plain_size} of {limit}: {part:?}");
        match dialect {
            Dialect::Plain => assert_eq!(markup, plain),
            Dialect::Discord => {
                assert_eq!(markup.trim(), markup, "Discord trims what it is sent, and we look for the same text again");
                assert_eq!(markup.matches("```").count() % 2, 0, "a code block is open: {markup}");
            }
            Dialect::TelegramHtml => assert!(markup.len() <= 4 * limit),
        }
    }
}

/// The visible text of Telegram's HTML; panics where Telegram would refuse it.
fn telegram_text(markup: &str) -> String {
    let mut text = String::new();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = markup;
    while let Some(at) = rest.find(['<', '&', '>']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('&') {
            let end = rest.find(';').expect("an entity ends");
            text.push_str(match &rest[..=end] {
                "&amp;" => "&",
                "&lt;" => "<",
                "&gt;" => ">",
                other => panic!("{other} is no entity: {markup}"),
            });
            rest = &rest[end + 1..];
            continue;
        }
        let end = rest.find('>').expect("a tag ends");
        assert!(rest.starts_with('<'), "a bare > : {markup}");
        let tag = &rest[1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{markup}");
            continue;
        }
        let (name, attribute) = tag.split_once(' ').map_or((tag, None), |(name, value)| (name, Some(value)));
        let attribute_is_good = match (name, attribute) {
            ("b" | "i" | "s" | "code" | "pre" | "blockquote", None) => true,
            ("a", Some(value)) => {
                value.starts_with("href=\"") && value.matches('"').count() == 2 && !value.contains('<')
            }
            ("code", Some(value)) => open.last() == Some(&"pre") && value.starts_with("class=\"language-"),
            _ => false,
        };
        assert!(attribute_is_good, "<{tag}> in {markup}");
        let is_alone = |name: &str| matches!(name, "code" | "a");
        assert!(!(is_alone(name) && open.iter().any(|outer| is_alone(outer))), "<{tag}> in {open:?}: {markup}");
        assert!(name != "pre" && name != "blockquote" || open.is_empty(), "<{tag}> in {open:?}: {markup}");
        open.push(name);
    }
    text.push_str(rest);
    assert_eq!(open, Vec::<&str>::new(), "{markup}");
    text
}
