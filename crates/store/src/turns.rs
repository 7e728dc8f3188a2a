//! The first and the last write of a turn. Each is one transaction, so that a crash finds the turn begun or not, ended
//! or not, and never in between.

use chela_protocol::SessionId;

use crate::{
    InboxId, InboxState, Item, NewItem, NewOutbound, NewUsage, Store, StoreError, fault, inbox, items, outbox,
    sessions, usage as spent,
};

/// The first write of a turn: marks the inbox row running and appends its user item.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnStart {
    pub inbox: InboxId,
    pub session_id: SessionId,
    pub items: Vec<NewItem>,
    pub now_ms: i64,
}

/// The last write of a turn, in one transaction: items, what the last call used, outbox rows, and the inbox row closed.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnFinish {
    pub inbox: InboxId,
    /// Further inbox rows that this turn answered (steered or collected into it).
    pub also: Vec<InboxId>,
    pub session_id: SessionId,
    pub items: Vec<NewItem>,
    /// Of the model call that ended the turn, where one did.
    pub usage: Option<NewUsage>,
    pub outbox: Vec<NewOutbound>,
    /// A closed state.
    pub state: InboxState,
    /// Goes into every inbox row that is closed, as the state does.
    pub result: Option<String>,
    pub now_ms: i64,
}

impl Store {
    /// Begins a turn and returns its items, oldest first. If a try before (that a crash ended) left items of this run
    /// behind, appends nothing and returns all of these; they may stand in an earlier conversation of the key, if it
    /// was reset since.
    ///
    /// The run is the inbox row's; items that name none are counted as of it. A row that is closed can't be begun:
    /// [`StoreError::NotFound`].
    pub async fn begin_turn(&self, start: TurnStart) -> Result<Vec<Item>, StoreError> {
        let TurnStart { inbox, session_id, items, now_ms } = start;
        let prepared = items::prepare(items);
        let items = self
            .write(move |c| {
                let row = inbox::begin(c, inbox)?;
                // Only then: a client may use a run's id again once the first row was pruned.
                if row.attempts > 1 {
                    let earlier = items::of_run_and_key(c, &row.run, &row.session)?;
                    if !earlier.is_empty() {
                        return Ok(earlier);
                    }
                }
                let conversation = items::conversation(c, &session_id)?;
                sessions::touch(c, conversation, None, now_ms)?;
                let prepared: Vec<_> = prepared.into_iter().map(|item| item.in_run(&row.run)).collect();
                let seqs = items::append(c, conversation, &prepared)?;
                items::at(c, conversation, &seqs)
            })
            .await?;
        fault::point("turn.begun");
        Ok(items)
    }

    /// Ends a turn; a second call for the same inbox row changes nothing. Rows of `also` that are closed stay as they
    /// are.
    pub async fn finish_turn(&self, finish: TurnFinish) -> Result<(), StoreError> {
        let TurnFinish { inbox, also, session_id, items, usage, outbox, state, result, now_ms } = finish;
        let items = items::prepare(items);
        let replies: Vec<_> = outbox.into_iter().map(|reply| (reply.body.to_string(), reply)).collect();
        self.write(move |c| {
            if !inbox::close(c, inbox, state, result.as_deref(), now_ms)? {
                return Ok(());
            }
            for id in also {
                inbox::close(c, id, state, result.as_deref(), now_ms)?;
            }
            let conversation = items::conversation(c, &session_id)?;
            items::append(c, conversation, &items)?;
            if let Some(usage) = &usage {
                spent::record(c, usage)?;
            }
            for (body, reply) in &replies {
                outbox::insert(c, reply, body)?;
            }
            sessions::touch(c, conversation, Some(state), now_ms)?;
            fault::point("turn.before_finish");
            Ok(())
        })
        .await?;
        fault::point("turn.after_finish");
        Ok(())
    }
}
