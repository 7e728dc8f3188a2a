//! Work on files beside the event loops: how much of it runs at once, and for whom.
//!
//! The runtime's threads for such work are few, and the store reads with them. So short work and searches have places of their own,
//! which together leave threads to everybody else, and of each session one search runs at a time: the next place goes to another
//! session, however many searches one of them asks for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use chela_agent::{SessionKey, ToolError};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use crate::args::refuse;

/// Short work at once: a disk is no faster with more of it.
const BRIEF_PLACES: usize = 2;
/// Searches at once. Each may keep a core busy for as long as a search may last.
const SEARCH_PLACES: usize = 2;

static BRIEF: Semaphore = Semaphore::const_new(BRIEF_PLACES);
static SEARCHES: Semaphore = Semaphore::const_new(SEARCH_PLACES);
/// The place of each session that searches now.
static SESSIONS: Mutex<BTreeMap<SessionKey, Weak<Semaphore>>> = Mutex::new(BTreeMap::new());

/// Runs short work on files. The call returns at once when the turn is aborted; the work, once begun, keeps its place to its end.
pub(crate) async fn blocking<T: Send + 'static>(
    cancel: &CancellationToken,
    work: impl FnOnce() -> Result<T, ToolError> + Send + 'static,
) -> Result<T, ToolError> {
    run(cancel, place_in(&BRIEF), work).await
}

/// Runs work that reads through many files. The call returns at once when the turn is aborted; the work looks at `cancel` itself, and
/// keeps its place to its end.
pub(crate) async fn searching<T: Send + 'static>(
    session: &SessionKey,
    cancel: &CancellationToken,
    work: impl FnOnce() -> Result<T, ToolError> + Send + 'static,
) -> Result<T, ToolError> {
    let place = async {
        // The session's own place comes first: whoever waits for it takes none of those that are everybody's.
        let own = own_place(session).acquire_owned().await.expect("nobody closes it");
        (own, place_in(&SEARCHES).await)
    };
    run(cancel, place, work).await
}

async fn run<P: Send + 'static, T: Send + 'static>(
    cancel: &CancellationToken,
    place: impl Future<Output = P>,
    work: impl FnOnce() -> Result<T, ToolError> + Send + 'static,
) -> Result<T, ToolError> {
    let working = async {
        let place = place.await;
        let work = move || {
            let outcome = work();
            drop(place);
            outcome
        };
        tokio::task::spawn_blocking(work).await
    };
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(ToolError::Aborted),
        done = working => done.unwrap_or_else(|error| Err(refuse(format!("The tool failed inside: {error}.")))),
    }
}

async fn place_in(places: &'static Semaphore) -> SemaphorePermit<'static> {
    places.acquire().await.expect("the places are never closed")
}

fn own_place(session: &SessionKey) -> Arc<Semaphore> {
    let mut sessions = SESSIONS.lock().unwrap_or_else(PoisonError::into_inner);
    // Those who wait and those who work hold their session's place, so what nobody holds is over.
    sessions.retain(|_, place| place.strong_count() > 0);
    if let Some(place) = sessions.get(session).and_then(Weak::upgrade) {
        return place;
    }
    let place = Arc::new(Semaphore::new(1));
    sessions.insert(session.clone(), Arc::downgrade(&place));
    place
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc as held;

    use tokio::sync::mpsc;

    use super::*;

    fn key(text: &str) -> SessionKey {
        SessionKey::parse(text, &"main".into()).unwrap()
    }

    /// A search that says that it runs, and goes on until it is let go.
    fn search(session: &'static str, began: &mpsc::UnboundedSender<&'static str>) -> held::Sender<()> {
        let (release, hold) = held::channel();
        let began = began.clone();
        tokio::spawn(async move {
            let work = move || {
                let _ = began.send(session);
                let _ = hold.recv();
                Ok(())
            };
            searching(&key(session), &CancellationToken::new(), work).await
        });
        release
    }

    #[tokio::test]
    async fn g05_searches_leave_room_for_other_sessions_and_for_short_work() {
        let (began, mut heard) = mpsc::unbounded_channel();
        let mut greedy = (0..8).map(|_| search("agent:main:greedy", &began)).collect::<Vec<_>>().into_iter();
        assert_eq!(heard.recv().await, Some("agent:main:greedy"));
        let modest = search("agent:main:modest", &began);
        assert_eq!(heard.recv().await, Some("agent:main:modest"), "it came behind eight, and waits for none of them");
        let late = search("agent:main:late", &began);
        let brief = blocking(&CancellationToken::new(), || Ok("read")).await;
        assert_eq!(brief.ok(), Some("read"));
        assert_eq!(heard.try_recv().ok(), None, "both places are taken");

        drop(greedy.next());
        assert_eq!(heard.recv().await, Some("agent:main:late"), "the next place is another session's");
        drop(modest);
        assert_eq!(heard.recv().await, Some("agent:main:greedy"));
        drop((greedy, late));
    }

    #[tokio::test]
    async fn an_aborted_call_returns_while_its_work_keeps_its_place() {
        let (began, mut heard) = mpsc::unbounded_channel();
        let session = key("agent:main:main");
        let (release, hold) = held::channel::<()>();
        let cancel = CancellationToken::new();
        let (told, stopped) = (began.clone(), cancel.clone());
        let work = move || {
            let _ = told.send("first");
            stopped.cancel();
            let _ = hold.recv();
            Ok(())
        };
        assert!(matches!(searching(&session, &cancel, work).await, Err(ToolError::Aborted)));
        assert_eq!(heard.recv().await, Some("first"));
        let next = search("agent:main:main", &began);
        tokio::task::yield_now().await;
        assert_eq!(heard.try_recv().ok(), None, "the aborted one still runs");
        drop(release);
        assert_eq!(heard.recv().await, Some("agent:main:main"));
        drop(next);
        assert!(matches!(blocking(&cancel, || Ok(())).await, Err(ToolError::Aborted)));
    }
}
