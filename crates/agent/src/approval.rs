//! The contract between a turn and whoever asks people: a question about one call, and its answer.
//!
//! No decision is a refusal. A turn that can't ask runs nothing that needs permission.

use std::future::Future;
use std::pin::Pin;

use chela_protocol::{AgentId, RunId, SessionKey};

use crate::{DeliveryRoute, Risk, Subject};

/// One question. What stands in it was partly written by a model and by strangers: whoever shows it escapes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRequest {
    pub agent: AgentId,
    pub session: SessionKey,
    pub run: RunId,
    /// The vendor's id of the call.
    pub call_id: String,
    pub tool: String,
    pub risk: Risk,
    pub subject: Subject,
    /// Why a person is asked; `None` when the configuration asks for it whatever the turn.
    pub reason: Option<String>,
    /// The chat in which the turn was asked for.
    pub route: Option<DeliveryRoute>,
    pub asking: Asking,
}

/// Whom a question may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// The list only; nobody is asked.
    List,
    /// The list, then a person.
    ListThenPerson,
    /// A person, whatever the list says.
    Person,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allowed(AllowedBy),
    Denied(Denial),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowedBy {
    /// It is on the list of commands that always may.
    List,
    /// It is one that can do no harm.
    Harmless,
    Person,
}

/// Why a call was not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    #[error("the owner said no. Don't try the same in another way; say what you wanted to do and why")]
    Person,
    #[error("nobody decided in time. Say what you wanted to do and why, so that the owner can ask for it again")]
    Expired,
    #[error(
        "it needs an owner's approval, and no owner can be asked from here. Say what you wanted to do, and that an owner must ask for it"
    )]
    Unreachable,
    #[error(
        "it is not on the list of allowed commands, and nobody is asked (tools.exec.mode is allowlist). Use a listed command exactly, or do without"
    )]
    NotListed,
    #[error("commands are switched off (tools.exec.mode is deny). Do without")]
    SwitchedOff,
    #[error("it is too long for a person to read before they allow it. Make it shorter, or do it in several steps")]
    Unreadable,
    #[error(
        "a file that it would run or read was changed while the owner decided. Look at the file again before you ask again"
    )]
    Changed,
    #[error("too many questions wait for an answer already. Say what you wanted to do, and go on without it")]
    Full,
    #[error("the gateway is stopping before anybody decided")]
    Stopping,
    #[error("the question could not be asked because of an error inside. Go on without it")]
    Failed,
}

pub type VerdictFuture<'a> = Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

/// Asks people.
pub trait Approvals: Send + Sync {
    /// Waits for a decision, for as long as the question is open; always ends. Dropping the future withdraws the question.
    fn ask(&self, request: ApprovalRequest) -> VerdictFuture<'_>;
}

/// Nobody is there to be asked, and nothing is listed.
pub struct NoApprovals;

impl Approvals for NoApprovals {
    fn ask(&self, request: ApprovalRequest) -> VerdictFuture<'_> {
        let denial = if request.asking == Asking::List { Denial::NotListed } else { Denial::Unreachable };
        Box::pin(std::future::ready(Verdict::Denied(denial)))
    }
}
