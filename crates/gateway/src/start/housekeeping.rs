//! Keeps the state dir small: what nobody asks for any more goes, and the write-ahead log is folded in while nothing runs.

use std::sync::Arc;
use std::time::Duration;

use chela_protocol::SessionKey;
use chela_store::{DEDUPE_KEEP_MS, SessionFilter, Store, StoreError};
use tokio::time::sleep;
use uuid::Uuid;

use crate::app::Gateway;

/// The first sweep comes when the start and what it resumed are long over.
const FIRST_SWEEP: Duration = Duration::from_mins(10);
const SWEEP_EVERY: Duration = Duration::from_hours(24);
/// How often the log is folded in, if nothing runs then. A checkpoint of nothing costs nothing.
const CHECKPOINT_EVERY: Duration = Duration::from_mins(5);

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// A year and a month: a yearly sum can still be made.
const USAGE_KEEP_MS: i64 = 396 * DAY_MS;
/// Delivered and given-up replies, as long as somebody may ask what became of one.
const OUTBOX_KEEP_MS: i64 = 30 * DAY_MS;
/// Which messages on platforms are ours: as long as a reply of theirs may be tried again, and somebody may answer or react to one.
const SENT_KEEP_MS: i64 = OUTBOX_KEEP_MS;
/// What became of automations, for as long as somebody may look for a reason. Each job keeps a few hundred anyway.
const CRON_RUNS_KEEP_MS: i64 = 90 * DAY_MS;
/// Sessions of single calls to the OpenAI endpoints and of single hooks: `previous_response_id` finds them for as long as their rows are kept.
const ONE_SHOT_KEEP_MS: i64 = DEDUPE_KEEP_MS;
/// How many of them are kept at most.
const ONE_SHOT_MOST: usize = 1_000;
/// A call may still be going on in one that is younger than this.
const ONE_SHOT_REST_MS: i64 = 60 * 60 * 1_000;

/// Parts of the keys of such sessions; a random id follows.
const ONE_SHOT_PLACES: [&str; 3] = [":openai:", ":openresponses:", HOOK_PLACE];
/// Conversations that hooks go on in begin with it as well.
const HOOK_PLACE: &str = ":hook:";

/// Sweeps once a day. Ends with the gateway.
pub(super) async fn sweep_daily(gateway: Arc<Gateway>) {
    sleep(FIRST_SWEEP).await;
    loop {
        match sweep(&gateway.store, gateway.now_ms()).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(target: "store", rows, "removed what is no longer needed"),
            Err(StoreError::Closed) => return,
            Err(error) => tracing::warn!(target: "store", %error, "old rows could not be removed"),
        }
        sleep(SWEEP_EVERY).await;
    }
}

/// Folds the write-ahead log in while nothing runs. Ends with the gateway; the store does it once more when it closes.
pub(super) async fn checkpoint_when_idle(gateway: Arc<Gateway>) {
    loop {
        sleep(CHECKPOINT_EVERY).await;
        if !gateway.sessions.is_idle() {
            continue;
        }
        // Nothing runs and nothing waits, so whatever is open was left behind.
        gateway.sessions.take_up_forgotten(&gateway).await;
        match gateway.store.checkpoint().await {
            Ok(()) => {}
            Err(StoreError::Closed) => return,
            Err(error) => tracing::warn!(target: "store", %error, "the write-ahead log could not be folded in"),
        }
    }
}

/// Removes what is older than its time and returns how many rows went.
async fn sweep(store: &Store, now_ms: i64) -> Result<usize, StoreError> {
    let mut removed = store.prune_closed_inbox(now_ms - DEDUPE_KEEP_MS).await?;
    removed += store.prune_outbox(now_ms - OUTBOX_KEEP_MS).await?;
    removed += store.prune_sent(now_ms - SENT_KEEP_MS).await?;
    removed += store.prune_usage(now_ms - USAGE_KEEP_MS).await?;
    removed += store.prune_cron_runs(now_ms - CRON_RUNS_KEEP_MS).await?;
    for place in ONE_SHOT_PLACES {
        for key in expired(store, place, now_ms).await? {
            removed += usize::from(store.delete_session(&key, true).await?);
        }
    }
    Ok(removed)
}

/// The sessions of single calls that are too old or too many. One that somebody named or pinned stays.
async fn expired(store: &Store, place: &str, now_ms: i64) -> Result<Vec<SessionKey>, StoreError> {
    let filter = SessionFilter { search: Some(place.to_owned()), ..SessionFilter::default() };
    let (found, _) = store.sessions(filter).await?;
    // Newest first, and a label may hold the words as well.
    let is_one_shot = |key: &SessionKey| {
        key.as_str().rsplit_once(place).is_some_and(|(_, id)| place != HOOK_PLACE || Uuid::try_parse(id).is_ok())
    };
    let one_shots = found.into_iter().filter(|session| is_one_shot(&session.key));
    let kept_by_hand = |session: &chela_store::Session| session.settings.pinned || session.settings.label.is_some();
    let expired = one_shots.filter(|session| !kept_by_hand(session)).enumerate().filter(|(place, session)| {
        let age_ms = now_ms.saturating_sub(session.updated_at_ms);
        age_ms > ONE_SHOT_KEEP_MS || (*place >= ONE_SHOT_MOST && age_ms > ONE_SHOT_REST_MS)
    });
    Ok(expired.map(|(_, session)| session.key).collect())
}

#[cfg(test)]
mod tests {
    use chela_protocol::AgentId;
    use chela_store::{OpenOptions, SentPart, SessionPatch, WriterMode};

    use super::*;

    const NOW: i64 = 1_000 * DAY_MS;

    struct Kept {
        store: Store,
        _folder: tempfile::TempDir,
    }

    impl Kept {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("chela.db");
            let store = Store::open(OpenOptions { path, writer: WriterMode::Inline }).unwrap();
            Self { store, _folder: folder }
        }

        async fn session(&self, place: &str, age_ms: i64) -> SessionKey {
            let agent = AgentId::new("main");
            let key = SessionKey::scoped(&agent, place);
            self.store.ensure_session(&key, &agent, NOW - age_ms).await.unwrap();
            key
        }

        async fn left(&self) -> usize {
            self.store.sessions(SessionFilter::default()).await.unwrap().1
        }
    }

    #[tokio::test]
    async fn only_old_sessions_of_single_calls_go() {
        let kept = Kept::new();
        let old = ONE_SHOT_KEEP_MS + 1;
        let (one, other) = (format!("hook:{}", Uuid::new_v4()), format!("mail:hook:{}", Uuid::new_v4()));
        for place in ["openai:a", "openresponses:b", &one, &other] {
            kept.session(place, old).await;
        }
        for place in ["main", "openai-user:ada", "dashboard:c", "hook:mail", "hook:mail:7"] {
            kept.session(place, old).await;
        }
        kept.session("openai:young", 0).await;
        let pinned = kept.session("openai:pinned", old).await;
        let patch = SessionPatch { pinned: Some(true), ..SessionPatch::default() };
        kept.store.patch_session(&pinned, patch, NOW - old).await.unwrap();
        assert_eq!(sweep(&kept.store, NOW).await.unwrap(), 4);
        assert_eq!(kept.left().await, 7);
    }

    #[tokio::test]
    async fn messages_of_ours_are_remembered_for_a_month() {
        let kept = Kept::new();
        for (message, age_ms) in [("old", SENT_KEEP_MS + 1), ("young", SENT_KEEP_MS)] {
            let sent = SentPart {
                channel: "telegram".into(),
                account: "default".into(),
                chat: "1".into(),
                message: message.into(),
                run: message.into(),
                part: 0,
                sent_at_ms: NOW - age_ms,
            };
            kept.store.record_sent(sent, None).await.unwrap();
        }
        assert_eq!(sweep(&kept.store, NOW).await.unwrap(), 1);
        let left = kept.store.sent_in_chat("telegram", "default", "1", 9).await.unwrap();
        assert_eq!(left.into_iter().map(|sent| sent.message).collect::<Vec<_>>(), ["young"]);
    }

    #[tokio::test]
    async fn sessions_of_single_calls_are_bounded() {
        let kept = Kept::new();
        for number in 0..ONE_SHOT_MOST + 7 {
            kept.session(&format!("openai:{number}"), ONE_SHOT_REST_MS + 1).await;
        }
        assert_eq!(sweep(&kept.store, NOW).await.unwrap(), 7);
        assert_eq!(sweep(&kept.store, NOW).await.unwrap(), 0);
    }
}
