//! An answer made readable: charset, HTML to Markdown, JSON indented. Pure, and safe against hostile pages.
//!
//! The HTML libraries recurse over the page and may panic, so they run on a thread of their own with a known stack, and
//! pages that grow too large or nest too deeply never reach them.

use std::rc::Rc;

use dom_smoothie::{Config, Readability};
use encoding_rs::{Encoding, UTF_8};
use htmd::{HtmlToMarkdown, Node};
use markup5ever_rcdom::NodeData;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use url::Url;

use super::measure::{DEPTH_LIMIT, check_size};

/// Stack of the thread that converts: room for the deepest page in a debug build. Only what is used takes memory.
const STACK_BYTES: usize = 32 * 1024 * 1024;
/// Elements beyond which a page is not searched for its main part: that takes too long.
const ELEMENTS_LIMIT: usize = 30_000;
/// What a list or a quotation puts before each line in it. Numbers of many digits take more, by less than twice.
const INDENT_BYTES: usize = 5;
/// How many times its size a page may grow by indentation. Lists of the real web nest some five deep.
const INDENT_GROWTH: usize = 4;
/// What any page may grow by indentation.
const INDENT_LEAST: usize = 2048;
/// A main part shorter than this is taken for a miss when the page has much more.
const ARTICLE_LEAST: usize = 200;
/// Bytes in which an HTML page may name its charset.
const CHARSET_BYTES: usize = 1024;

/// A page as the model reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) title: Option<String>,
    pub(crate) text: String,
    /// Who made the text: `readability`, `body`, `plain`, `json` or `text`.
    pub(crate) extractor: &'static str,
}

/// What an answer is, by its type and its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Html,
    Json,
    Text,
    Binary,
}

/// How HTML is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// Whether only the main part is shown.
    pub(crate) readability: bool,
    /// Whether Markdown keeps links, or plain text drops everything but words.
    pub(crate) markdown: bool,
}

pub(crate) fn kind(content_type: &str, body: &[u8]) -> Kind {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "text/html" | "application/xhtml+xml" => Kind::Html,
        "application/json" => Kind::Json,
        other if other.ends_with("+json") => Kind::Json,
        other if other.starts_with("text/") || other.ends_with("+xml") => Kind::Text,
        "application/xml"
        | "application/javascript"
        | "application/x-ndjson"
        | "application/yaml"
        | "application/toml" => Kind::Text,
        "" if !body.contains(&0) => {
            if looks_like_html(body) {
                Kind::Html
            } else {
                Kind::Text
            }
        }
        _ => Kind::Binary,
    }
}

fn looks_like_html(body: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&body[..body.len().min(CHARSET_BYTES)]).trim_start().to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

/// The text behind the bytes: a byte order mark counts most, then the header, then what the page says of itself.
pub(crate) fn decode(content_type: &str, body: &[u8], kind: Kind) -> String {
    let named = charset(content_type).or_else(|| {
        let start = String::from_utf8_lossy(&body[..body.len().min(CHARSET_BYTES)]).into_owned();
        (kind == Kind::Html).then(|| charset(&start)).flatten()
    });
    named.unwrap_or(UTF_8).decode(body).0.into_owned()
}

fn charset(text: &str) -> Option<&'static Encoding> {
    let lower = text.to_ascii_lowercase();
    let rest = lower.split_once("charset")?.1.trim_start().strip_prefix('=')?;
    let label = rest.trim_start_matches([' ', '"', '\'']);
    let end = label
        .find(|character: char| !character.is_ascii_alphanumeric() && !"-_:.".contains(character))
        .unwrap_or(label.len());
    Encoding::for_label(&label.as_bytes()[..end])
}

/// Indents JSON; what isn't JSON stays as it is.
pub(crate) fn json(text: String) -> Page {
    let pretty =
        serde_json::from_str::<serde_json::Value>(&text).and_then(|value| serde_json::to_string_pretty(&value));
    match pretty {
        Ok(text) => Page { title: None, text, extractor: "json" },
        Err(_) => Page { title: None, text, extractor: "text" },
    }
}

/// Converts a page on a thread of its own. Whatever goes wrong there, the words of the page remain. `permit` is given back when
/// the thread ends, which can be after this call was dropped.
pub(crate) async fn html(text: String, url: Url, style: Style, permit: Option<OwnedSemaphorePermit>) -> Page {
    let (sender, receiver) = oneshot::channel();
    let page = text.clone();
    let thread = std::thread::Builder::new().name("web-page".into()).stack_size(STACK_BYTES).spawn(move || {
        let _permit = permit;
        // A panic drops the sender, which the waiting side sees.
        let _ = sender.send(convert(&page, &url, style));
    });
    let converted = match thread {
        Ok(_) => receiver.await.ok().flatten(),
        Err(_) => None,
    };
    converted.unwrap_or_else(|| plain(&text))
}

fn convert(html: &str, url: &Url, style: Style) -> Option<Page> {
    check_size(html);
    let whole = markdown(html)?;
    let config = Config { max_elements_to_parse: ELEMENTS_LIMIT, ..Config::default() };
    let mut readability = Readability::new(html, Some(url.as_str()), Some(config)).ok()?;
    if !is_shallow(readability.doc.root(), |node| node.children_it(false).collect()) {
        return None;
    }
    let title = Some(readability.get_article_title().trim().to_owned()).filter(|title| !title.is_empty());
    let article = if style.readability { readability.parse().ok() } else { None };
    let main = article.and_then(|article| markdown(&article.content));
    let (text, extractor) = match main {
        Some(main) if main.len() >= ARTICLE_LEAST.min(whole.len() / 2) => (main, "readability"),
        _ => (whole, "body"),
    };
    let text = if style.markdown { text } else { words(&text) };
    Some(Page { title, text, extractor })
}

/// HTML as Markdown, unless it nests too deeply, or so that its indentation would fill the memory.
fn markdown(html: &str) -> Option<String> {
    let skipped = vec!["script", "style", "noscript", "template", "svg", "iframe", "head"];
    // Without scripting, as the other library parses, so that both see the same tree.
    let converter = HtmlToMarkdown::builder().skip_tags(skipped).scripting_enabled(false).build();
    let tree = converter.html_to_tree(html).ok()?;
    let is_safe = is_shallow(tree.clone(), |node| node.children.borrow().clone());
    let is_fair = is_safe && indentation(&tree) <= html.len() * INDENT_GROWTH + INDENT_LEAST;
    is_fair.then(|| tidy(&converter.tree_to_markdown(&tree)))
}

/// Markdown without its links' targets, images and emphasis.
fn words(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some(at) = rest.find("](") {
        let open = rest[..at].rfind('[').unwrap_or(at);
        text.push_str(rest[..open].trim_end_matches('!'));
        text.push_str(rest[(open + 1).min(at)..at].trim_start_matches('['));
        let target = &rest[at + 2..];
        rest = target.find(')').map_or("", |end| &target[end + 1..]);
    }
    text.push_str(rest);
    text.replace("**", "")
}

/// At most one empty line in a row, no spaces at the ends of lines.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines().map(str::trim_end) {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            tidy.push_str(line);
            tidy.push('\n');
        }
    }
    tidy.trim().to_owned()
}

/// Whether a tree is shallow enough for code that recurses over it.
fn is_shallow<N>(root: N, children: impl Fn(&N) -> Vec<N>) -> bool {
    let mut ahead = vec![(root, 0)];
    while let Some((node, depth)) = ahead.pop() {
        if depth > DEPTH_LIMIT {
            return false;
        }
        ahead.extend(children(&node).into_iter().map(|child| (child, depth + 1)));
    }
    true
}

/// Bytes of indentation in the Markdown of a tree, roughly: in a list within a list, each line is moved in twice.
fn indentation(root: &Rc<Node>) -> usize {
    let line_ends = |text: &str| text.bytes().filter(|byte| *byte == b'\n').count();
    let mut ahead = vec![(Rc::clone(root), 0)];
    let mut bytes = 0_usize;
    while let Some((node, mut indent)) = ahead.pop() {
        let lines = match &node.data {
            NodeData::Element { name, attrs, .. } => {
                let attributes = attrs.borrow();
                match &*name.local {
                    "li" | "blockquote" => indent += INDENT_BYTES,
                    // A list that begins with a great number moves its lines in behind it.
                    "ol" => indent += attributes.iter().map(|attribute| attribute.value.len().min(10)).sum::<usize>(),
                    _ => {}
                }
                let is_line = matches!(&*name.local, "br" | "hr" | "img" | "li" | "p" | "tr");
                usize::from(is_line) + attributes.iter().map(|attribute| line_ends(&attribute.value)).sum::<usize>()
            }
            NodeData::Text { contents } if contents.borrow().trim().is_empty() => 0,
            NodeData::Text { contents } => 1 + line_ends(&contents.borrow()),
            _ => 0,
        };
        bytes = bytes.saturating_add(indent * lines);
        ahead.extend(node.children.borrow().iter().map(|child| (Rc::clone(child), indent)));
    }
    bytes
}

/// The words of a page, by taking the tags out. One pass over any input.
fn plain(html: &str) -> Page {
    const WITHIN_LINES: [&str; 8] = ["a", "b", "code", "em", "i", "small", "span", "strong"];
    let lower = html.to_ascii_lowercase();
    let behind = |from: usize, mark: &str| lower[from..].find(mark).map_or(html.len(), |at| from + at + mark.len());
    let mut text = String::new();
    let mut from = 0;
    while let Some(at) = html[from..].find('<') {
        let start = from + at;
        text.push_str(&html[from..start]);
        let name = lower[start + 1..].trim_start_matches('/');
        let name =
            &name[..name.find(|c: char| !c.is_ascii_alphanumeric() && c != '!' && c != '-').unwrap_or(name.len())];
        from = match name {
            "script" | "style" => behind(behind(start, &format!("</{name}")), ">"),
            comment if comment.starts_with("!--") => behind(start, "-->"),
            tag if tag.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!') => behind(start, ">"),
            _ => {
                text.push('<');
                start + 1
            }
        };
        text.push(if WITHIN_LINES.contains(&name) { ' ' } else { '\n' });
    }
    text.push_str(&html[from..]);
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let text = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&nbsp;", " ")
        .replace("&amp;", "&");
    Page { title: None, text, extractor: "plain" }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKDOWN: Style = Style { readability: true, markdown: true };

    async fn page(html_text: &str) -> Page {
        html(html_text.to_owned(), Url::parse("https://example.com/a/").unwrap(), MARKDOWN, None).await
    }

    #[tokio::test]
    async fn an_article_is_told_from_what_is_around_it() {
        let paragraph = "<p>The quick brown fox jumps over the lazy dog, again and again, until the day is done and the night has come.</p>".repeat(6);
        let html = format!(
            "<html><head><title>On Foxes</title><script>track()</script></head><body><nav><a href='/x'>Menu</a></nav>\
             <article><h2>Habits</h2>{paragraph}<a href='more'>More</a><ul><li>one</li></ul></article><footer>Imprint</footer></body></html>"
        );
        let page = page(&html).await;
        assert_eq!((page.extractor, page.title.as_deref()), ("readability", Some("On Foxes")));
        assert!(page.text.contains("## Habits") && page.text.contains("quick brown fox"), "{}", page.text);
        assert!(page.text.contains("(https://example.com/a/more)"), "{}", page.text);
        assert!(!page.text.contains("track()") && !page.text.contains("Imprint"), "{}", page.text);
    }

    #[tokio::test]
    async fn a_short_page_is_shown_whole() {
        let page = page("<html><body><h1>Hi</h1><div>Just a line &amp; <b>bold</b></div></body></html>").await;
        assert!(page.text.contains("# Hi") && page.text.contains("Just a line & **bold**"), "{page:?}");
    }

    #[tokio::test]
    async fn hostile_pages_neither_crash_nor_vanish() {
        let deep = format!("{}words{}", "<div>".repeat(20_000), "</div>".repeat(10_000));
        let deepest = format!("{0}words{0}", "<div>".repeat(DEPTH_LIMIT / 2));
        // Each paragraph opens again every formatting element before it.
        let bomb: Vec<String> = (0..50_000).map(|number| format!("<b id={number}><p>words")).collect();
        let unclosed = format!("{}words", "<b><p>".repeat(10_000));
        let hidden = format!("{}words", "<div><!--</div>--><b title='</b>'><object></div>".repeat(5_000));
        let template = format!("<template>{}</template>words", "<div>".repeat(20_000));
        let templates = format!("words{}", "<template>".repeat(20_000));
        let ends = format!("{}words{}", "<div>".repeat(10_000), "</x>".repeat(10_000));
        let svg = format!("{}words", "<svg><desc>".repeat(10_000));
        let table = format!("{}words", "<table><td>".repeat(10_000));
        for hostile in [deep, deepest, bomb.concat(), unclosed, hidden, template, templates, ends, svg, table] {
            assert!(page(&hostile).await.text.contains("words"), "{}", &hostile[..40]);
        }
        for odd in ["", "<", "<>", "</", "<a", "<!--", "<script>", "<p><![CDATA[", "&#x110000;", "<table><td><table>"] {
            page(odd).await;
        }
    }

    #[tokio::test]
    async fn lists_within_lists_do_not_grow_without_measure() {
        let nested = |depth: usize| format!("{}deep{}", "<ul><li>a<ol><li>b".repeat(depth), "</ol></ul>".repeat(depth));
        let ordinary = page(&nested(5)).await;
        assert!(ordinary.text.lines().any(|line| line.len() > 30 && line.ends_with("deep")), "{}", ordinary.text);
        let quoted = format!("{}{}", "<ul><li>".repeat(150), "<br>x".repeat(20_000));
        let named = format!("{}<img src=x alt='{}'>deep", "<ul><li>".repeat(150), "a\n".repeat(20_000));
        for hostile in [nested(90), quoted, named] {
            let page = page(&hostile).await;
            assert_eq!(page.extractor, "plain");
            assert!(page.text.len() <= hostile.len(), "{} of {}", page.text.len(), hostile.len());
        }
    }

    #[test]
    fn charsets_are_found_where_they_are_named() {
        assert_eq!(decode("text/html; charset=ISO-8859-1", b"gr\xfc\xdfe", Kind::Html), "grüße");
        assert_eq!(
            decode("text/html", b"<meta charset=\"windows-1251\">\xef\xf0", Kind::Html),
            "<meta charset=\"windows-1251\">пр"
        );
        assert_eq!(decode("text/plain", b"\xef\xbb\xbfx", Kind::Text), "x");
        assert_eq!(decode("text/plain; charset=nonsense", "ü".as_bytes(), Kind::Text), "ü");
    }

    #[test]
    fn kinds_are_told_by_type_and_bytes() {
        for (content_type, body, expected) in [
            ("text/html; charset=utf-8", "", Kind::Html),
            ("application/vnd.api+json", "", Kind::Json),
            ("image/svg+xml", "", Kind::Text),
            ("", "<!DOCTYPE html><p>", Kind::Html),
            ("", "hello", Kind::Text),
            ("application/octet-stream", "x", Kind::Binary),
            ("image/png", "", Kind::Binary),
        ] {
            assert_eq!(kind(content_type, body.as_bytes()), expected, "{content_type}");
        }
    }

    #[test]
    fn json_is_indented_in_its_own_order() {
        assert_eq!(json(r#"{"b":1,"a":[]}"#.into()).text, "{\n  \"b\": 1,\n  \"a\": []\n}");
        assert_eq!(json("{".into()), Page { title: None, text: "{".into(), extractor: "text" });
    }

    #[test]
    fn plain_words_need_no_parser() {
        let html = "<p>one <B>two</B></p><script>if (a<b) x('</p>')</script>\n<!-- no <p> -->3 &lt; 4<style>p{}</style ><p>five";
        assert_eq!(plain(html).text, "one two\n3 < 4\nfive");
        for odd in ["<", "<a", "<!--", "<script", "</script", "<script>", "ü<ü>", "<style></style"] {
            plain(odd);
        }
    }

    #[test]
    fn plain_words_lose_links() {
        assert_eq!(words("a [b](c) ![d](e) **f** [g"), "a b d f [g");
    }
}
