//! Questions about calls that a turn may not make by itself, from the asking to the decision (G23, G26).
//!
//! The desk holds what waits; it is in memory only, so a question dies with the process, and no decision is a refusal. Owns
//! who is asked and what is remembered; the agent crate owns when to ask, the tools crate which commands are listed.

mod bound;
mod desk;
mod grants;
mod list;
mod words;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chela_agent::{
    AllowedBy, ApprovalRequest, Approvals, Asking, DeliveryRoute, Denial, Reply, ReplyButton, Risk, Verdict,
    VerdictFuture,
};
use chela_protocol::SessionKey;
use chela_protocol::methods::approvals::{ApprovalDecision, ApprovalRequestView};
use chela_store::{NewOutbound, StoreError};
use chela_tools::{ListEntry, PlainCommand};

use self::bound::BoundFiles;
pub(crate) use self::desk::{ApprovalDesk, DecideError, Ending, Question, Waiting, view_of};
pub(crate) use self::grants::grants_shown;
pub(crate) use self::list::{ReplaceError, list_file, replace_list};
pub(crate) use self::words::{is_unreadable, laid_open};

use crate::app::Gateway;

/// How long a question waits when the configuration doesn't say.
const WAIT_DEFAULT: Duration = Duration::from_mins(5);
/// How long one may wait at most: nobody remembers tomorrow what was asked today.
const WAIT_LIMIT: Duration = Duration::from_hours(24);

/// Asks the people behind the gateway.
pub(crate) struct GatewayApprovals(pub(crate) Arc<Gateway>);

/// What of a request the list and people need to know.
struct Look {
    /// The list speaks for it already.
    allowed: Option<AllowedBy>,
    /// The command, if it is a plain one.
    plain: Option<PlainCommand>,
    /// What `allow-always` would add.
    entry: Option<ListEntry>,
}

impl Approvals for GatewayApprovals {
    fn ask(&self, request: ApprovalRequest) -> VerdictFuture<'_> {
        Box::pin(async move {
            match self.judge(request).await {
                Ok(verdict) => verdict,
                Err(error) => {
                    tracing::error!(%error, "an approval could not be asked for");
                    Verdict::Denied(Denial::Failed)
                }
            }
        })
    }
}

impl GatewayApprovals {
    async fn judge(&self, request: ApprovalRequest) -> Result<Verdict, StoreError> {
        let gateway = &self.0;
        let look = self.look(&request).await?;
        if let Some(by) = look.allowed {
            return Ok(Verdict::Allowed(by));
        }
        if request.asking == Asking::List {
            return Ok(Verdict::Denied(Denial::NotListed));
        }
        if request.route.is_none() && !gateway.events.has_approver() {
            return Ok(Verdict::Denied(Denial::Unreachable));
        }
        let view = shown(&request, &look);
        if is_unreadable(&view.command) {
            return Ok(Verdict::Denied(Denial::Unreadable));
        }
        let bound = self.bound(&request).await;
        let question =
            Question { view, entry: look.entry, agent: request.agent.clone(), wait: wait_of(gateway), id: None };
        let Some(waiting) = ApprovalDesk::open(gateway, question).await? else {
            return Ok(Verdict::Denied(Denial::Full));
        };
        if let Some(route) = &request.route {
            self.tell(route, &request.session, &waiting).await?;
        }
        // Whatever drops this turn withdraws its question.
        Ok(match waiting.ended().await {
            Ending::Decided(ApprovalDecision::AllowOnce | ApprovalDecision::AllowAlways) => {
                if self.bound(&request).await == bound {
                    Verdict::Allowed(AllowedBy::Person)
                } else {
                    Verdict::Denied(Denial::Changed)
                }
            }
            Ending::Decided(ApprovalDecision::Deny) => Verdict::Denied(Denial::Person),
            Ending::Expired | Ending::Withdrawn => Verdict::Denied(Denial::Expired),
            Ending::Stopping => Verdict::Denied(Denial::Stopping),
        })
    }

    /// The files that the command names, as they are now; nothing for other calls.
    async fn bound(&self, request: &ApprovalRequest) -> BoundFiles {
        if request.risk != Risk::Exec {
            return BoundFiles::default();
        }
        let gateway = &self.0;
        let subject = request.subject.clone();
        let changeable = self.changeable();
        let looked = gateway.outside.off_thread(move || BoundFiles::of(&subject, &changeable)).await;
        looked.unwrap_or_default()
    }

    /// The folders that agents write to.
    fn changeable(&self) -> Vec<PathBuf> {
        self.0.agents().into_iter().map(|agent| agent.workspace).collect()
    }

    /// Understands a command and asks the list. Nothing else has a list.
    async fn look(&self, request: &ApprovalRequest) -> Result<Look, StoreError> {
        let nothing = Look { allowed: None, plain: None, entry: None };
        if request.risk != Risk::Exec {
            return Ok(nothing);
        }
        let gateway = &self.0;
        let changeable = self.changeable();
        let subject = request.subject.clone();
        let read = gateway.outside.off_thread(move || PlainCommand::of(&subject, &changeable)).await;
        let Ok(Ok(plain)) = read else { return Ok(nothing) };
        if request.asking == Asking::Person {
            return Ok(Look { plain: Some(plain), ..nothing });
        }
        if plain.is_harmless() {
            return Ok(Look { allowed: Some(AllowedBy::Harmless), ..nothing });
        }
        if grants::speak_for(gateway, &request.agent, &plain).await? {
            return Ok(Look { allowed: Some(AllowedBy::List), ..nothing });
        }
        let entry = plain.entry();
        Ok(Look { allowed: None, plain: Some(plain), entry })
    }

    /// Puts the question, with its buttons, where the turn was asked for.
    async fn tell(&self, route: &DeliveryRoute, session: &SessionKey, waiting: &Waiting) -> Result<(), StoreError> {
        let gateway = &self.0;
        let buttons = waiting.request.allowed_decisions.iter().map(|decision| ReplyButton {
            label: words::button(*decision).to_owned(),
            command: format!("/approve {} {}", waiting.id, decision.as_str()),
        });
        let reply = Reply {
            text: words::question(waiting),
            run: format!("approval:{}", waiting.id),
            buttons: vec![buttons.collect()],
            ..Reply::default()
        };
        let row = NewOutbound {
            channel: route.channel.clone(),
            account: route.account.clone(),
            chat: route.chat.clone(),
            session: session.clone(),
            body: reply.to_body(),
            created_at_ms: gateway.now_ms(),
        };
        gateway.store.enqueue(row).await?;
        gateway.delivery.wake();
        Ok(())
    }
}

/// How long a question waits.
pub(crate) fn wait_of(gateway: &Gateway) -> Duration {
    let configured = gateway.config.load().tools.exec.approval_timeout_seconds.map(Duration::from_secs);
    configured.unwrap_or(WAIT_DEFAULT).clamp(Duration::from_secs(1), WAIT_LIMIT)
}

fn shown(request: &ApprovalRequest, look: &Look) -> ApprovalRequestView {
    let mut allowed_decisions = vec![ApprovalDecision::AllowOnce, ApprovalDecision::Deny];
    if look.entry.is_some() {
        allowed_decisions.insert(1, ApprovalDecision::AllowAlways);
    }
    let (command, cwd) = words::subject(&request.tool, &request.subject);
    ApprovalRequestView {
        command,
        command_argv: look.plain.as_ref().map(|plain| plain.argv.clone()),
        cwd,
        host: Some("gateway".to_owned()),
        agent_id: Some(request.agent.to_string()),
        resolved_path: look.plain.as_ref().map(|plain| plain.program.display().to_string()),
        session_key: Some(request.session.to_string()),
        run_id: Some(request.run.to_string()),
        tool_call_id: Some(request.call_id.clone()),
        tool_name: Some(request.tool.clone()),
        warning_text: Some(words::warning(request)),
        risk: Some(request.risk.id().to_owned()),
        allowed_decisions,
    }
}
