//! A store in a temporary folder, and messages and items to put into it.

use chela_protocol::{AgentId, SessionKey};
use chela_store::{
    Accepted, DATABASE_FILE, InboxRow, ItemKind, NewInbound, NewItem, OpenOptions, Session, Store, WriterMode,
};
use serde_json::json;
use tempfile::TempDir;

pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) dir: TempDir,
}

impl House {
    pub(crate) fn new(writer: WriterMode) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { store: open(&dir, writer), dir }
    }

    pub(crate) async fn main_session(&self) -> Session {
        self.store.ensure_session(&main_key(), &agent(), 1).await.unwrap()
    }
}

pub(crate) fn open(dir: &TempDir, writer: WriterMode) -> Store {
    Store::open(OpenOptions { path: dir.path().join(DATABASE_FILE), writer }).unwrap()
}

pub(crate) fn agent() -> AgentId {
    AgentId::new("main")
}

pub(crate) fn main_key() -> SessionKey {
    SessionKey::main(&agent())
}

/// A message whose run is named after it.
pub(crate) fn message(platform_id: &str) -> NewInbound {
    NewInbound {
        channel: "telegram".into(),
        account: "default".into(),
        platform_id: platform_id.into(),
        session: main_key(),
        agent: agent(),
        run: format!("run-{platform_id}").into(),
        body: json!({ "text": platform_id }),
        received_at_ms: 10,
    }
}

pub(crate) async fn accept(store: &Store, platform_id: &str) -> InboxRow {
    match store.accept(message(platform_id)).await.unwrap() {
        Accepted::New(row) => row,
        Accepted::Duplicate(row) => panic!("{row:?} is a duplicate"),
    }
}

pub(crate) fn item(id: &str, text: &str) -> NewItem {
    NewItem {
        id: id.into(),
        run: None,
        kind: ItemKind::User,
        tokens: 10,
        body: json!({ "text": text }),
        text: text.into(),
        created_at_ms: 20,
    }
}
