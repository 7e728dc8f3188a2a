//! Telegram's HTML: text with entities out of tags, or the server's own words about what is wrong.
//!
//! Follows <https://core.telegram.org/bots/api#html-style>. The server leaves a lone `&` or `>` as it is; its documentation
//! demands that they are escaped, so they are told as doubts.

use super::TelegramEntity;

/// What a text in HTML says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ParsedText {
    pub(super) text: String,
    pub(super) entities: Vec<TelegramEntity>,
    /// What the documentation forbids and the server lets pass.
    pub(super) doubts: Vec<String>,
}

/// A tag that is not closed yet.
struct OpenTag {
    name: String,
    kind: &'static str,
    detail: Option<String>,
    /// In UTF-16 units of the text.
    offset: usize,
}

const TAGS: &[(&str, &str)] = &[
    ("a", "text_link"),
    ("b", "bold"),
    ("strong", "bold"),
    ("i", "italic"),
    ("em", "italic"),
    ("s", "strikethrough"),
    ("strike", "strikethrough"),
    ("del", "strikethrough"),
    ("u", "underline"),
    ("ins", "underline"),
    ("tg-spoiler", "spoiler"),
    ("span", "spoiler"),
    ("tg-emoji", "custom_emoji"),
    ("code", "code"),
    ("pre", "pre"),
    ("blockquote", "blockquote"),
];

/// Parses; the error is what follows "can't parse entities: ".
pub(super) fn parse(html: &str) -> Result<ParsedText, String> {
    let mut parsed = ParsedText::default();
    let mut open: Vec<OpenTag> = Vec::new();
    let mut at = 0;
    while let Some(character) = html[at..].chars().next() {
        match character {
            '<' if html[at + 1..].starts_with('/') => at = close(html, at, &mut open, &mut parsed)?,
            '<' => at = start(html, at, &mut open, &mut parsed)?,
            '&' => {
                let (decoded, length) = decode(&html[at..]).unwrap_or_else(|| {
                    parsed.doubts.push(format!("an unescaped & at byte offset {at}"));
                    ('&', 1)
                });
                parsed.text.push(decoded);
                at += length;
            }
            other => {
                if other == '>' {
                    parsed.doubts.push(format!("an unescaped > at byte offset {at}"));
                }
                parsed.text.push(other);
                at += other.len_utf8();
            }
        }
    }
    if let Some(tag) = open.last() {
        return Err(format!("Can't find end tag corresponding to start tag \"{}\"", tag.name));
    }
    trim(&mut parsed);
    parsed.entities.sort_by_key(|entity| (entity.offset, std::cmp::Reverse(entity.length)));
    Ok(parsed)
}

pub(super) fn utf16_length(text: &str) -> usize {
    text.encode_utf16().count()
}

fn start(html: &str, at: usize, open: &mut Vec<OpenTag>, parsed: &mut ParsedText) -> Result<usize, String> {
    let rest = &html[at + 1..];
    let unclosed = || format!("Unclosed start tag at byte offset {at}");
    let name_end = rest.find(|c: char| c.is_ascii_whitespace() || c == '>').ok_or_else(unclosed)?;
    let name = rest[..name_end].to_ascii_lowercase();
    let Some((_, kind)) = TAGS.iter().find(|(known, _)| *known == name) else {
        return Err(format!("Unsupported start tag \"{name}\" at byte offset {at}"));
    };
    let (attributes, end) = attributes(&rest[name_end..]).ok_or_else(unclosed)?;
    let attribute = |wanted: &str| attributes.iter().find(|(found, _)| found == wanted).map(|(_, value)| value.clone());
    let detail = match name.as_str() {
        "a" => attribute("href"),
        "code" => attribute("class").and_then(|class| class.strip_prefix("language-").map(str::to_owned)),
        "tg-emoji" => attribute("emoji-id"),
        "span" if attribute("class").as_deref() != Some("tg-spoiler") => {
            return Err(format!("Tag \"span\" must have class \"tg-spoiler\" at byte offset {at}"));
        }
        _ => None,
    };
    if let Some(outer) = open.iter().find(|outer| matches!(outer.kind, "pre" | "code")) {
        let language = outer.kind == "pre" && name == "code";
        if !language {
            parsed.doubts.push(format!("<{name}> inside of <{}> at byte offset {at}", outer.name));
        }
    }
    if name == "blockquote" && open.iter().any(|outer| outer.name == "blockquote") {
        parsed.doubts.push(format!("a nested <blockquote> at byte offset {at}"));
    }
    open.push(OpenTag { name, kind, detail, offset: utf16_length(&parsed.text) });
    Ok(at + 1 + name_end + end)
}

fn close(html: &str, at: usize, open: &mut Vec<OpenTag>, parsed: &mut ParsedText) -> Result<usize, String> {
    let rest = &html[at + 2..];
    let Some(tag) = open.pop() else { return Err(format!("Unexpected end tag at byte offset {at}")) };
    let end = rest.find('>').ok_or_else(|| format!("Unclosed end tag at byte offset {at}"))?;
    let name = rest[..end].trim_end().to_ascii_lowercase();
    if !name.is_empty() && name != tag.name {
        let expected = &tag.name;
        return Err(format!("Unmatched end tag at byte offset {at}, expected \"</{expected}>\", found \"</{name}>\""));
    }
    let length = utf16_length(&parsed.text) - tag.offset;
    let nameless_link = tag.kind == "text_link" && tag.detail.is_none();
    if length > 0 && !nameless_link {
        let entity = TelegramEntity { kind: tag.kind.to_owned(), offset: tag.offset, length, detail: tag.detail };
        merge_language(entity, &mut parsed.entities);
    }
    Ok(at + 2 + end + 1)
}

/// `<pre><code class="language-x">` is one entity that knows its language.
fn merge_language(mut entity: TelegramEntity, entities: &mut Vec<TelegramEntity>) {
    if entity.kind == "pre" {
        let same = |inner: &TelegramEntity| {
            inner.kind == "code" && inner.offset == entity.offset && inner.length == entity.length
        };
        if let Some(position) = entities.iter().position(same) {
            entity.detail = entities.remove(position).detail;
        }
    }
    entities.push(entity);
}

/// Attributes up to the `>`, and the place behind it.
fn attributes(text: &str) -> Option<(Vec<(String, String)>, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let rest = &text[at..];
        if rest.starts_with('>') {
            return Some((found, at + 1));
        }
        let name_end = rest.find(|c: char| c.is_ascii_whitespace() || c == '=' || c == '>')?;
        let name = rest[..name_end].to_ascii_lowercase();
        at += name_end;
        let Some(value) = text[at..].strip_prefix('=') else {
            found.push((name, String::new()));
            continue;
        };
        let first = value.chars().next()?;
        let (raw, length) = if matches!(first, '"' | '\'') {
            let end = value[1..].find(first)?;
            (&value[1..=end], end + 2)
        } else {
            let end = value.find(|c: char| c.is_ascii_whitespace() || c == '>')?;
            (&value[..end], end)
        };
        found.push((name, unescape(raw)));
        at += 1 + length;
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        let (decoded, length) = decode(&text[at..]).unwrap_or((character, character.len_utf8()));
        out.push(decoded);
        at += length;
    }
    out
}

/// The character that a text begins with as `&…;`, and how many bytes it takes.
fn decode(text: &str) -> Option<(char, usize)> {
    let rest = text.strip_prefix('&')?;
    let end = rest.find(';')?;
    let name = &rest[..end];
    let decoded = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code).filter(|_| code != 0)?
        }
    };
    Some((decoded, end + 2))
}

/// The server cuts white space at both ends, and entities with it.
fn trim(parsed: &mut ParsedText) {
    let front = utf16_length(&parsed.text) - utf16_length(parsed.text.trim_start());
    let text = parsed.text.trim().to_owned();
    let length = utf16_length(&text);
    for entity in &mut parsed.entities {
        let start = entity.offset.saturating_sub(front).min(length);
        let end = (entity.offset + entity.length).saturating_sub(front).min(length);
        entity.offset = start;
        entity.length = end - start;
    }
    parsed.entities.retain(|entity| entity.length > 0);
    parsed.text = text;
}
