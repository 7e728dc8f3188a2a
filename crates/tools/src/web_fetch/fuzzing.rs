//! Pages over any bytes. See [`crate::fuzzing`].

#![allow(clippy::missing_panics_doc, reason = "to panic is how these say that a promise is broken")]

use url::Url;

use super::page::{self, Kind, Style};

/// The words of a page are never many times its size; links are told again in Markdown.
const GROWTH: usize = 16;

/// Whatever a server calls its bytes: they become words, without a crash and of a size that fits.
pub fn pages(data: &[u8]) {
    let mut pieces = data.splitn(2, |byte| *byte == 0);
    let (content_type, body) = (pieces.next().unwrap_or_default(), pieces.next().unwrap_or_default());
    let content_type = String::from_utf8_lossy(content_type);
    let kind = page::kind(&content_type, body);
    if kind == Kind::Binary {
        return;
    }
    let text = page::decode(&content_type, body, kind);
    if kind == Kind::Html {
        let url = Url::parse("https://host.example/page").expect("it is an address");
        for readability in [true, false] {
            let style = Style { readability, markdown: readability };
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers");
            let page = runtime.block_on(page::html(text.clone(), url.clone(), style, None));
            assert!(page.text.len() <= text.len() * GROWTH + 4096, "{} of {}", page.text.len(), text.len());
        }
    }
}
