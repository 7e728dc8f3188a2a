//! Full-text search over transcripts. Owns how text is cut into words, on the way in and in queries.
//!
//! SQLite's `unicode61` tokenizer finds words between spaces and punctuation and folds case and accents. Chinese,
//! Japanese, Thai and some others write no spaces, and it would take a whole sentence for one word. So each of their
//! characters is set apart by a separator before it is indexed, and the characters of a query are searched as a phrase:
//! any part of a sentence is found, of one character too.
//!
//! The `trigram` tokenizer would find parts of words in every language, but nothing shorter than three characters (most
//! Chinese words have two) and at a price: for 5.2 MB of English-like text its index takes 17.3 MB against 2.2 MB, for
//! 3 MB of Chinese-like text 8.8 MB against 2.5 MB (and 5.3 MB with pairs of characters as words).

use std::fmt::Write as _;

use chela_protocol::{SessionId, SessionKey};
use rusqlite::{Connection, Row, params};

use crate::sql;
use crate::{ItemKind, Store, StoreError};

/// Text of one item that can be found. More is a tool's output rather than something said, and would fill the disk
/// twice.
const INDEXED_MAX_BYTES: usize = 64 * 1024;

/// Words of a query that count: more do not make it more precise.
const QUERY_WORDS_MAX: usize = 32;

/// Stands between characters that are words of their own; a control character that `unicode61` takes for a space and
/// that needs one byte.
const SEPARATOR: char = '\u{1f}';

#[derive(Debug, Clone, PartialEq)]
pub struct SearchHit {
    /// The key that the conversation belongs or belonged to.
    pub session: SessionKey,
    pub session_id: SessionId,
    pub seq: i64,
    pub kind: ItemKind,
    pub created_at_ms: i64,
    /// The best passage, with matches between `«` and `»`.
    pub snippet: String,
}

impl Store {
    /// Items whose text matches the words of `query`, best first: those that hold all of them or, where there are none,
    /// those that hold some. Any text is a valid query; one without a letter or digit finds nothing.
    pub async fn search(&self, query: &str, limit: usize) -> Result<Vec<SearchHit>, StoreError> {
        let phrases = phrases(query);
        if phrases.is_empty() {
            return Ok(Vec::new());
        }
        self.scan(move |c| {
            let hits = find(c, &phrases.join(" AND "), limit)?;
            if hits.is_empty() && phrases.len() > 1 {
                return find(c, &phrases.join(" OR "), limit);
            }
            Ok(hits)
        })
        .await
    }
}

/// The text of an item as the index takes it; empty if there is nothing to find.
pub(crate) fn indexed(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(INDEXED_MAX_BYTES)];
    // SQLite's C functions end a text at NUL; separators of the text itself would vanish from snippets.
    let mut cut = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\0' | SEPARATOR => cut.push(' '),
            character if stands_alone(character) => {
                if !cut.ends_with([SEPARATOR, ' ']) {
                    cut.push(SEPARATOR);
                }
                cut.extend([character, SEPARATOR]);
            }
            character => cut.push(character),
        }
    }
    cut
}

fn find(connection: &Connection, expression: &str, limit: usize) -> Result<Vec<SearchHit>, StoreError> {
    let find = "SELECT c.session_key, c.id AS session_id, i.seq, i.kind, i.created_at_ms,
                       snippet(items_fts, 0, '«', '»', '…', 24) AS snippet
                FROM items_fts JOIN items i ON i.number = items_fts.rowid
                     JOIN conversations c ON c.number = i.conversation
                WHERE items_fts MATCH ?1 ORDER BY rank, i.number DESC LIMIT ?2";
    sql::all(connection, find, params![expression, sql::limit(limit)], read)
}

fn read(row: &Row<'_>) -> rusqlite::Result<SearchHit> {
    let mut snippet: String = row.get("snippet")?;
    snippet.retain(|character| character != SEPARATOR);
    Ok(SearchHit {
        session: row.get::<_, sql::Key>("session_key")?.0,
        session_id: sql::id(row, "session_id")?,
        seq: row.get("seq")?,
        kind: row.get("kind")?,
        created_at_ms: row.get("created_at_ms")?,
        snippet,
    })
}

/// The words of a query as quoted FTS5 strings, in which only the quote itself has a meaning.
fn phrases(query: &str) -> Vec<String> {
    let words = query.split(|character: char| character.is_whitespace() || character.is_control());
    words.filter(|word| word.chars().any(char::is_alphanumeric)).take(QUERY_WORDS_MAX).map(quoted).collect()
}

fn quoted(word: &str) -> String {
    let mut phrase = String::with_capacity(word.len() + 2);
    // Writing to a String can't fail.
    let _ = write!(phrase, "\"{}\"", indexed(word).replace('"', "\"\""));
    phrase
}

/// Whether a character belongs to a script that writes no spaces between words.
fn stands_alone(character: char) -> bool {
    matches!(
        character,
        '\u{0e00}'..='\u{0eff}'       // Thai, Lao
            | '\u{1000}'..='\u{109f}' // Myanmar
            | '\u{1780}'..='\u{17ff}' // Khmer
            | '\u{2e80}'..='\u{2fdf}' // CJK radicals
            | '\u{3005}'..='\u{30ff}' // iteration marks, kana
            | '\u{31f0}'..='\u{31ff}' // kana extensions
            | '\u{3400}'..='\u{4dbf}' // CJK extension A
            | '\u{4e00}'..='\u{9fff}' // CJK
            | '\u{ac00}'..='\u{d7a3}' // Hangul: particles are glued to words
            | '\u{f900}'..='\u{faff}' // CJK compatibility
            | '\u{ff66}'..='\u{ff9d}' // half-width kana
            | '\u{20000}'..='\u{323af}' // CJK extensions B and on
    )
}
