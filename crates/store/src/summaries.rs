//! Summaries: an item that stands for the older part of a conversation, and where the part begins that is still shown word for
//! word. The older part stays in the transcript.

use chela_protocol::SessionId;
use rusqlite::{Connection, params};

use crate::sql::{self, Count};
use crate::{ItemKind, NewItem, Store, StoreError, items};

/// A summary to write.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSummary {
    pub session_id: SessionId,
    /// Of [`ItemKind::Compaction`].
    pub item: NewItem,
    /// Where the context began when the summary was made.
    pub context_was_from: i64,
    /// Where it begins now: the first position that the summary doesn't stand for.
    pub context_from: i64,
}

/// Where a conversation's context begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ContextStart {
    /// Position of its first item.
    pub from: i64,
    /// Position of the summary that stands for everything before it.
    pub summary: Option<i64>,
    /// Summaries that were ever written.
    pub summaries: u64,
}

impl Store {
    /// Where the context begins; an unknown conversation's at its first item.
    pub async fn context_start(&self, session_id: &SessionId) -> Result<ContextStart, StoreError> {
        let id = session_id.to_string();
        let start = self.read(move |c| find(c, &id)).await?;
        Ok(start.unwrap_or(ContextStart { from: 1, ..ContextStart::default() }))
    }

    /// Tokens of the items from position `from` up to, and without, `to`.
    pub async fn tokens_between(&self, session_id: &SessionId, from: i64, to: i64) -> Result<u64, StoreError> {
        let id = session_id.to_string();
        self.read(move |c| {
            let sum = "SELECT coalesce(sum(i.tokens), 0) FROM items i JOIN conversations c ON c.number = i.conversation
                       WHERE c.id = ?1 AND i.seq >= ?2 AND i.seq < ?3";
            sql::only(c, sum, params![id, from, to], |row| row.get(0)).map(|Count(tokens)| tokens)
        })
        .await
    }

    /// Writes a summary and moves the context's start, in one transaction, and returns the summary's position. `None` when the
    /// context begins elsewhere by now: somebody else was faster, and nothing is written. A summary whose id is written already
    /// changes nothing.
    pub async fn summarise(&self, summary: NewSummary) -> Result<Option<i64>, StoreError> {
        let NewSummary { session_id, item, context_was_from, context_from } = summary;
        debug_assert_eq!(item.kind, ItemKind::Compaction);
        let id = item.id.clone();
        let prepared = items::prepare(vec![item]);
        self.write(move |c| {
            let conversation = items::conversation(c, &session_id)?;
            if let Some(seq) = items::position(c, conversation, &id)? {
                return Ok(Some(seq));
            }
            let moved = "UPDATE conversations SET context_from = ?3, summaries = summaries + 1
                         WHERE number = ?1 AND context_from = ?2 AND ?3 > ?2 AND ?3 <= items";
            if sql::execute(c, moved, params![conversation, context_was_from, context_from])? == 0 {
                return Ok(None);
            }
            let seq = items::append(c, conversation, &prepared)?[0];
            sql::execute(c, "UPDATE conversations SET summary_seq = ?2 WHERE number = ?1", [conversation, seq])?;
            Ok(Some(seq))
        })
        .await
    }
}

pub(crate) fn find(connection: &Connection, id: &str) -> Result<Option<ContextStart>, StoreError> {
    let start = "SELECT context_from, summary_seq, summaries FROM conversations WHERE id = ?1";
    sql::first(connection, start, [id], |row| {
        let Count(summaries) = row.get("summaries")?;
        Ok(ContextStart { from: row.get("context_from")?, summary: row.get("summary_seq")?, summaries })
    })
}
