//! What an import writes: conversations with their history, people and devices that were let in elsewhere.
//!
//! Every write leaves what is there already as it is, so that an import can be repeated. A conversation is one transaction, however
//! long it is: its entries are made one by one while they are written.

use chela_protocol::{AgentId, RunId, SessionId, SessionKey};
use rusqlite::{Connection, params};

use crate::{
    Device, DeviceToken, NewItem, NewUsage, PairedSender, PairingCode, SessionSettings, Store, StoreError, devices,
    items, pairings, sessions, sql, usage,
};

/// How the ids of imported items begin: a conversation that has others too was gone on with.
pub const IMPORTED_PREFIX: &str = "import-";

/// A conversation from elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedConversation {
    pub key: SessionKey,
    pub id: SessionId,
    pub started_at_ms: i64,
    /// When something last happened in its session.
    pub updated_at_ms: i64,
    pub place: ImportedPlace,
}

/// How a conversation stands to its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportedPlace {
    /// It is what the key stands for now, with what people chose for it.
    Current(Box<SessionSettings>),
    /// The key has another one since a reset.
    Past,
}

/// The next thing in a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum ImportedStep {
    Item {
        item: NewItem,
        /// What the call to a model that it came from used.
        usage: Option<ImportedUsage>,
    },
    /// A summary of what stands before the position `context_from`, which is its own where it stands for everything so far.
    Summary { item: NewItem, context_from: i64 },
}

/// A call to a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedUsage {
    pub provider: String,
    pub model: String,
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_write: u64,
    pub cost_micros: Option<u64>,
    /// Names of the tools that the answer called, one for each call.
    pub tools: Vec<String>,
}

/// What became of an imported conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportedAs {
    /// What its key stands for.
    Current,
    /// Behind the conversation that its key has here.
    Past,
    /// It was here and has got these new items.
    Grown(usize),
    /// It was here, with all of it.
    Known,
    /// It was here and was gone on with: it is left as it is.
    TalkedOn,
}

/// Takes the steps of a conversation, in order, and says at which position each stands.
pub type StepSink<'s> = &'s mut dyn FnMut(ImportedStep) -> Result<i64, StoreError>;

impl Store {
    /// Writes a conversation as one transaction. `produce` gives its steps one by one, on the thread that writes, so that a long
    /// one is never held in memory; what it returns is given back. The same steps again change nothing.
    pub async fn import_conversation<T, F>(
        &self,
        conversation: ImportedConversation,
        produce: F,
    ) -> Result<(ImportedAs, T), StoreError>
    where
        T: Send + 'static,
        F: FnOnce(StepSink<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.write(move |c| import(c, &conversation, produce)).await
    }

    /// Adds a paired device with its tokens. Returns whether it is new here; one that is known stays as it is.
    pub async fn import_device(&self, device: Device, tokens: Vec<DeviceToken>) -> Result<bool, StoreError> {
        self.write(move |c| {
            let known = "SELECT 1 FROM devices WHERE id = ?1";
            if sql::first(c, known, [device.id.as_str()], |_| Ok(()))?.is_some() {
                return Ok(false);
            }
            devices::put_device(c, &device)?;
            tokens.iter().try_for_each(|token| devices::put_token(c, token))?;
            Ok(true)
        })
        .await
    }

    /// Lets somebody in who was let in elsewhere. Returns whether they are new here.
    pub async fn import_sender(&self, sender: PairedSender) -> Result<bool, StoreError> {
        self.write(move |c| {
            let known = "SELECT 1 FROM paired_senders WHERE channel = ?1 AND account = ?2 AND sender = ?3";
            if sql::first(c, known, [&sender.channel, &sender.account, &sender.sender], |_| Ok(()))?.is_some() {
                return Ok(false);
            }
            pairings::let_in(c, &sender)?;
            Ok(true)
        })
        .await
    }

    /// Adds a request that waits for its answer; nobody is told. Returns whether it is new here.
    pub async fn import_pairing_code(&self, code: PairingCode) -> Result<bool, StoreError> {
        self.write(move |c| {
            let known = "SELECT 1 FROM pairing_codes
                         WHERE (channel = ?1 AND account = ?2 AND sender = ?3) OR code = ?4";
            let names = [&code.channel, &code.account, &code.sender, &code.code];
            if sql::first(c, known, names, |_| Ok(()))?.is_some() {
                return Ok(false);
            }
            pairings::wait(c, &code)?;
            Ok(true)
        })
        .await
    }
}

fn import<T>(
    c: &Connection,
    conversation: &ImportedConversation,
    produce: impl FnOnce(StepSink<'_>) -> Result<T, StoreError>,
) -> Result<(ImportedAs, T), StoreError> {
    let ImportedConversation { key, id, started_at_ms, .. } = conversation;
    let find = "SELECT number, session_key FROM conversations WHERE id = ?1";
    let known: Option<(i64, String)> =
        sql::first(c, find, [id.as_str()], |row| Ok((row.get("number")?, row.get("session_key")?)))?;
    if let Some((_, owner)) = known.as_ref().filter(|(_, owner)| owner != key.as_str()) {
        return Err(StoreError::Database(format!("conversation `{id}` belongs to `{owner}` here")));
    }
    let talked_on = known.as_ref().map(|(number, _)| has_own_items(c, *number)).transpose()?.unwrap_or(false);
    let is_new = known.is_none();
    let number = match known {
        Some((number, _)) => number,
        None => sessions::conversation_with_id(c, id, key, *started_at_ms)?,
    };
    let mut added = 0;
    let agent = key.agent();
    let mut seen = 0;
    let given = produce(&mut |step| {
        seen += 1;
        if talked_on {
            return Ok(seen);
        }
        let written = write(c, number, id, &agent, step)?;
        added += usize::from(written.is_new);
        Ok(written.seq)
    })?;
    let outcome = match (is_new, talked_on, added) {
        (true, ..) if put_in_place(c, conversation, number)? => ImportedAs::Current,
        (true, ..) => ImportedAs::Past,
        (false, true, _) => ImportedAs::TalkedOn,
        (false, false, 0) => ImportedAs::Known,
        (false, false, added) => ImportedAs::Grown(added),
    };
    Ok((outcome, given))
}

fn has_own_items(c: &Connection, conversation: i64) -> Result<bool, StoreError> {
    let own = "SELECT 1 FROM items WHERE conversation = ?1 AND substr(id, 1, ?2) <> ?3 LIMIT 1";
    let params = params![conversation, sql::limit(IMPORTED_PREFIX.len()), IMPORTED_PREFIX];
    Ok(sql::first(c, own, params, |_| Ok(()))?.is_some())
}

/// Makes a new conversation its key's, unless it is of the past or the key has one that somebody talked in here. Returns whether.
fn put_in_place(c: &Connection, conversation: &ImportedConversation, number: i64) -> Result<bool, StoreError> {
    let ImportedConversation { key, started_at_ms, updated_at_ms, place, .. } = conversation;
    let find = "SELECT conversation FROM sessions WHERE key = ?1";
    let held: Option<i64> = sql::first(c, find, [key.as_str()], |row| row.get(0))?;
    match (held, place) {
        (None, _) => sessions::insert(c, key, &key.agent(), number, [*started_at_ms, *updated_at_ms])?,
        (Some(_), ImportedPlace::Past) => return Ok(false),
        (Some(held), ImportedPlace::Current(_)) if has_own_items(c, held)? => return Ok(false),
        (Some(_), ImportedPlace::Current(_)) => {
            let put = "UPDATE sessions SET conversation = ?2, updated_at_ms = ?3 WHERE key = ?1";
            sql::execute(c, put, params![key.as_str(), number, updated_at_ms])?;
        }
    }
    if let ImportedPlace::Current(settings) = place {
        sessions::choose(c, key, settings)?;
    }
    Ok(true)
}

/// Where a step stands, and whether it was written just now.
struct Written {
    seq: i64,
    is_new: bool,
}

fn write(
    c: &Connection,
    conversation: i64,
    id: &SessionId,
    agent: &AgentId,
    step: ImportedStep,
) -> Result<Written, StoreError> {
    let (ImportedStep::Item { item, .. } | ImportedStep::Summary { item, .. }) = &step;
    if let Some(seq) = items::position(c, conversation, &item.id)? {
        return Ok(Written { seq, is_new: false });
    }
    let (run, at_ms) = (item.run.clone().unwrap_or_else(|| RunId::new(item.id.as_str())), item.created_at_ms);
    let seq = match step {
        ImportedStep::Item { item, usage } => {
            let seq = append(c, conversation, item)?;
            if let Some(usage) = usage {
                usage::record(c, &of_call(usage, id, agent, run, at_ms))?;
            }
            seq
        }
        ImportedStep::Summary { item, context_from } => {
            let seq = append(c, conversation, item)?;
            let moved = "UPDATE conversations SET context_from = ?2, summary_seq = ?3, summaries = summaries + 1
                         WHERE number = ?1";
            sql::execute(c, moved, params![conversation, context_from.clamp(1, seq), seq])?;
            seq
        }
    };
    Ok(Written { seq, is_new: true })
}

fn append(c: &Connection, conversation: i64, item: NewItem) -> Result<i64, StoreError> {
    Ok(items::append(c, conversation, &items::prepare(vec![item]))?[0])
}

fn of_call(usage: ImportedUsage, session: &SessionId, agent: &AgentId, run: RunId, at_ms: i64) -> NewUsage {
    let ImportedUsage { provider, model, input, output, cache_read, cache_write, cost_micros, tools } = usage;
    let (session_id, agent) = (session.clone(), agent.clone());
    NewUsage {
        session_id,
        agent,
        run,
        provider,
        model,
        input,
        output,
        cache_read,
        cache_write,
        cost_micros,
        tools,
        at_ms,
    }
}

#[cfg(test)]
mod tests {
    use chela_protocol::ItemId;
    use serde_json::json;

    use super::*;
    use crate::{ItemKind, OpenOptions, WriterMode};

    fn key() -> SessionKey {
        SessionKey::main(&AgentId::new("main"))
    }

    fn conversation(id: &str, place: ImportedPlace) -> ImportedConversation {
        ImportedConversation { key: key(), id: id.into(), started_at_ms: 5, updated_at_ms: 9, place }
    }

    fn current(id: &str) -> ImportedConversation {
        conversation(
            id,
            ImportedPlace::Current(Box::new(SessionSettings { label: Some("L".into()), ..SessionSettings::default() })),
        )
    }

    fn item(id: &str, kind: ItemKind) -> NewItem {
        let id = ItemId::new(id);
        NewItem { id, run: None, kind, tokens: 1, body: json!({}), text: String::new(), created_at_ms: 7 }
    }

    fn steps(ids: &[&str]) -> Vec<ImportedStep> {
        let usage = ImportedUsage {
            provider: "p".into(),
            model: "m".into(),
            input: 3,
            output: 1,
            cache_read: 0,
            cache_write: 0,
            cost_micros: None,
            tools: Vec::new(),
        };
        let step = |id: &&str| ImportedStep::Item { item: item(id, ItemKind::Assistant), usage: Some(usage.clone()) };
        ids.iter().map(step).collect()
    }

    async fn import(store: &Store, conversation: ImportedConversation, steps: Vec<ImportedStep>) -> ImportedAs {
        let produce = move |sink: StepSink<'_>| steps.into_iter().try_for_each(|step| sink(step).map(drop));
        store.import_conversation(conversation, produce).await.unwrap().0
    }

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chela.db");
        (dir, Store::open(OpenOptions { path, writer: WriterMode::Thread }).unwrap())
    }

    #[tokio::test]
    async fn the_same_conversation_again_changes_nothing_and_what_came_since_is_added() {
        let (_dir, store) = store();
        assert_eq!(
            import(&store, conversation("old", ImportedPlace::Past), steps(&["import-0"])).await,
            ImportedAs::Current
        );
        assert_eq!(import(&store, current("now"), steps(&["import-1", "import-2"])).await, ImportedAs::Current);
        let session = store.session(&key()).await.unwrap().unwrap();
        assert_eq!((session.id.as_str(), session.items, session.input_tokens), ("now", 2, 6));
        assert_eq!((session.settings.label.as_deref(), session.updated_at_ms), (Some("L"), 9));
        assert_eq!(import(&store, current("now"), steps(&["import-1", "import-2"])).await, ImportedAs::Known);
        assert_eq!(store.session(&key()).await.unwrap().unwrap(), session);
        let grown = steps(&["import-1", "import-2", "import-3"]);
        assert_eq!(import(&store, current("now"), grown).await, ImportedAs::Grown(1));
    }

    #[tokio::test]
    async fn what_was_said_here_is_never_put_aside_or_mixed_with() {
        let (_dir, store) = store();
        import(&store, current("now"), steps(&["import-1"])).await;
        let here = SessionId::new("now");
        store.append(&here, vec![item("mine", ItemKind::User)]).await.unwrap();
        assert_eq!(import(&store, current("now"), steps(&["import-1", "import-2"])).await, ImportedAs::TalkedOn);
        assert_eq!(import(&store, current("other"), steps(&["import-9"])).await, ImportedAs::Past);
        let session = store.session(&key()).await.unwrap().unwrap();
        assert_eq!((session.id, session.items), (here, 2));
        // Somebody who began anew here keeps that too.
        store.reset_session(&key(), 20).await.unwrap();
        assert_eq!(import(&store, current("other"), steps(&["import-9"])).await, ImportedAs::Known);
        assert_eq!(store.session(&key()).await.unwrap().unwrap().items, 0);
    }

    #[tokio::test]
    async fn a_summary_moves_the_start_of_the_context_and_a_failure_leaves_nothing() {
        let (_dir, store) = store();
        let mut all = steps(&["import-1", "import-2"]);
        all.push(ImportedStep::Summary { item: item("import-s", ItemKind::Compaction), context_from: 2 });
        import(&store, current("now"), all).await;
        let start = store.context_start(&"now".into()).await.unwrap();
        assert_eq!((start.from, start.summary, start.summaries), (2, Some(3), 1));

        let broken = |sink: StepSink<'_>| -> Result<(), StoreError> {
            sink(ImportedStep::Item { item: item("import-7", ItemKind::User), usage: None })?;
            Err(StoreError::Database("broken".into()))
        };
        store.import_conversation(current("half"), broken).await.unwrap_err();
        assert_eq!(store.session_by_id(&"half".into()).await.unwrap(), None);
    }
}
