//! What waits for a decision. One lock, never held over an await; a question leaves the desk exactly once, and whoever takes it off
//! ends it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chela_protocol::methods::approvals::{
    ApprovalDecision, ApprovalPresentation, ApprovalRequestView, ApprovalResolved, ApprovalResolver, ApprovalStatus,
    ApprovalView, PendingApproval,
};
use chela_protocol::{AgentId, Scope};
use chela_store::StoreError;
use chela_tools::ListEntry;
use tokio::sync::watch;

use super::grants;
use crate::app::Gateway;
use crate::events::{Audience, Event};

/// Questions that wait at once. More than that is no question any more.
const WAITING_MAX: usize = 64;
/// Bytes of an id. Ids are typed by people, and guessing one is no use: who decides is checked.
const ID_BYTES: usize = 4;

/// The questions that wait.
#[derive(Default)]
pub(crate) struct ApprovalDesk(Mutex<BTreeMap<String, Pending>>);

/// A question that is to be asked.
pub(crate) struct Question {
    pub(crate) view: ApprovalRequestView,
    /// What `allow-always` adds to the list.
    pub(crate) entry: Option<ListEntry>,
    pub(crate) agent: AgentId,
    pub(crate) wait: Duration,
    /// Chosen by whoever asks; `None`: a random one.
    pub(crate) id: Option<String>,
}

struct Pending {
    shown: PendingApproval,
    entry: Option<ListEntry>,
    agent: AgentId,
    ended: watch::Sender<Option<Ending>>,
}

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Decided(ApprovalDecision),
    Expired,
    /// Whoever asked is gone.
    Withdrawn,
    Stopping,
}

/// Why a decision was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecideError {
    #[error("no question `{0}` waits: it was decided, it expired, or there never was one")]
    Unknown(String),
    #[error("`{}` can't be said to this; it can be {}", .0.as_str(), .1)]
    NotOffered(ApprovalDecision, String),
    #[error("the list of allowed commands is full, so the command was not allowed; take entries off it")]
    ListFull,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Somebody waits for the end of a question. Dropping it withdraws the question.
pub(crate) struct Waiting {
    gateway: Arc<Gateway>,
    pub(crate) id: String,
    pub(crate) request: ApprovalRequestView,
    pub(crate) created_at_ms: i64,
    pub(crate) expires_at_ms: i64,
    ended: watch::Receiver<Option<Ending>>,
}

/// A question that ended without a person.
fn by_system() -> ApprovalResolver {
    ApprovalResolver { kind: "system".to_owned(), id: None }
}

impl ApprovalDesk {
    /// Puts a question on the desk and tells every client that may decide. `None` when too many wait, or one of this id does.
    pub(crate) async fn open(gateway: &Arc<Gateway>, question: Question) -> Result<Option<Waiting>, StoreError> {
        let created_at_ms = gateway.now_ms();
        let wait_ms = i64::try_from(question.wait.as_millis()).unwrap_or(i64::MAX);
        let Some(id) = question.id.or_else(|| random_id(gateway)) else { return Ok(None) };
        let expires_at_ms = created_at_ms.saturating_add(wait_ms);
        let shown = PendingApproval { id: id.clone(), request: question.view.clone(), created_at_ms, expires_at_ms };
        let (sender, ended) = watch::channel(None);
        {
            let mut waiting = gateway.approvals.lock();
            if waiting.len() >= WAITING_MAX || waiting.contains_key(&id) {
                return Ok(None);
            }
            let pending = Pending { shown: shown.clone(), entry: question.entry, agent: question.agent, ended: sender };
            waiting.insert(id.clone(), pending);
        }
        let gateway = gateway.clone();
        let waiting = Waiting {
            gateway: gateway.clone(),
            id: id.clone(),
            request: question.view,
            created_at_ms,
            expires_at_ms,
            ended,
        };
        let record = serde_json::to_value(view_of(&shown)).unwrap_or_default();
        gateway.store.record_approval(&id, record, created_at_ms).await?;
        gateway.events.publish(&Event::new("exec.approval.requested", Audience::Holding(Scope::Approvals), &shown));
        gateway.tasks.spawn(expire(gateway.clone(), id, question.wait));
        Ok(Some(waiting))
    }

    /// Everything that waits, oldest first.
    pub(crate) fn waiting(&self) -> Vec<PendingApproval> {
        let mut waiting: Vec<_> = self.lock().values().map(|pending| pending.shown.clone()).collect();
        waiting.sort_by(|a, b| (a.created_at_ms, &a.id).cmp(&(b.created_at_ms, &b.id)));
        waiting
    }

    /// A question that waits.
    pub(crate) fn get(&self, id: &str) -> Option<PendingApproval> {
        self.lock().get(id).map(|pending| pending.shown.clone())
    }

    /// Somebody else wants to hear how a question ends.
    pub(crate) fn watch(&self, id: &str) -> Option<watch::Receiver<Option<Ending>>> {
        self.lock().get(id).map(|pending| pending.ended.subscribe())
    }

    /// Takes a person's decision: the first one counts. What `allow-always` allows is durable before the call runs.
    pub(crate) async fn decide(
        gateway: &Arc<Gateway>,
        id: &str,
        decision: ApprovalDecision,
        by: ApprovalResolver,
        grant_days: Option<u32>,
    ) -> Result<ApprovalView, DecideError> {
        let pending = gateway.approvals.take(id, decision)?;
        if let (ApprovalDecision::AllowAlways, Some(entry)) = (decision, &pending.entry) {
            let command = pending.shown.request.command.clone();
            let added = grants::add(gateway, &pending.agent, entry, command, grant_days).await;
            if !matches!(added, Ok(true)) {
                end(gateway, pending, Ending::Decided(ApprovalDecision::Deny), by_system()).await;
                return Err(added.map_or_else(DecideError::Store, |_| DecideError::ListFull));
            }
        }
        Ok(end(gateway, pending, Ending::Decided(decision), by).await)
    }

    fn take(&self, id: &str, decision: ApprovalDecision) -> Result<Pending, DecideError> {
        let mut waiting = self.lock();
        let offered =
            &waiting.get(id).ok_or_else(|| DecideError::Unknown(id.to_owned()))?.shown.request.allowed_decisions;
        if !offered.contains(&decision) {
            let offered: Vec<_> = offered.iter().map(|one| one.as_str()).collect();
            return Err(DecideError::NotOffered(decision, offered.join(" or ")));
        }
        waiting.remove(id).ok_or_else(|| DecideError::Unknown(id.to_owned()))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Pending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// How the question ends; sooner or later it does.
    pub(crate) async fn ended(mut self) -> Ending {
        match self.ended.wait_for(Option::is_some).await {
            Ok(ended) => ended.unwrap_or(Ending::Expired),
            Err(_) => Ending::Expired,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(pending) = self.gateway.approvals.lock().remove(&self.id) else { return };
        let gateway = self.gateway.clone();
        let ending = async move { drop(end(&gateway, pending, Ending::Withdrawn, by_system()).await) };
        // Outside of a runtime the process is ending, and the question with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(ending);
        }
    }
}

async fn expire(gateway: Arc<Gateway>, id: String, wait: Duration) {
    let Some(mut ended) = gateway.approvals.watch(&id) else { return };
    let ending = tokio::select! {
        biased;
        _ = ended.wait_for(Option::is_some) => return,
        () = gateway.shutdown.cancelled() => Ending::Stopping,
        () = tokio::time::sleep(wait) => Ending::Expired,
    };
    let pending = gateway.approvals.lock().remove(&id);
    if let Some(pending) = pending {
        end(&gateway, pending, ending, by_system()).await;
    }
}

/// Ends a question that was taken off the desk: in the history, then for whoever waits.
async fn end(gateway: &Arc<Gateway>, pending: Pending, ending: Ending, by: ApprovalResolver) -> ApprovalView {
    let (status, decision, reason) = match ending {
        Ending::Decided(ApprovalDecision::Deny) => (ApprovalStatus::Denied, Some(ApprovalDecision::Deny), "user"),
        Ending::Decided(decision) => (ApprovalStatus::Allowed, Some(decision), "user"),
        Ending::Expired => (ApprovalStatus::Expired, None, "timeout"),
        Ending::Withdrawn => (ApprovalStatus::Cancelled, None, "run-ended"),
        Ending::Stopping => (ApprovalStatus::Expired, None, "restart"),
    };
    let now_ms = gateway.now_ms();
    let view = ApprovalView {
        status,
        decision,
        reason: Some(reason.to_owned()),
        resolved_at_ms: Some(now_ms),
        resolver: Some(by.clone()),
        ..view_of(&pending.shown)
    };
    let id = &pending.shown.id;
    let record = serde_json::to_value(&view).unwrap_or_default();
    if let Err(error) = gateway.store.record_approval(id, record, pending.shown.created_at_ms).await {
        tracing::warn!(%error, id, "how an approval ended could not be written down");
    }
    tracing::info!(id, ?status, by = by.id.as_deref().unwrap_or(&by.kind), "an approval ended");
    let _ = pending.ended.send(Some(ending));
    let resolved = ApprovalResolved {
        id: id.clone(),
        decision: decision.unwrap_or(ApprovalDecision::Deny),
        status,
        resolved_by: by.id.or(Some(by.kind)),
        ts: now_ms,
    };
    gateway.events.publish(&Event::new("exec.approval.resolved", Audience::Holding(Scope::Approvals), &resolved));
    view
}

/// A waiting question as `approval.get` shows it.
pub(crate) fn view_of(shown: &PendingApproval) -> ApprovalView {
    let request = &shown.request;
    ApprovalView {
        id: shown.id.clone(),
        url_path: format!("/#approval={}", shown.id),
        created_at_ms: shown.created_at_ms,
        expires_at_ms: shown.expires_at_ms,
        presentation: ApprovalPresentation {
            kind: "exec".to_owned(),
            command_text: request.command.clone(),
            warning_text: request.warning_text.clone(),
            host: request.host.clone(),
            agent_id: request.agent_id.clone(),
            allowed_decisions: request.allowed_decisions.clone(),
        },
        status: ApprovalStatus::Pending,
        source_session_key: request.session_key.clone(),
        decision: None,
        reason: None,
        resolved_at_ms: None,
        resolver: None,
    }
}

fn random_id(gateway: &Gateway) -> Option<String> {
    let mut bytes = [0; ID_BYTES];
    gateway.outside.fill(&mut bytes).ok()?;
    Some(format!("{:08x}", u32::from_be_bytes(bytes)))
}
