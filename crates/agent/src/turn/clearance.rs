//! Whether a call may run: the turn's trust weighed against the call's risk, and a person asked where they don't fit.

use chela_llm::ToolUse;

use super::tools::Caller;
use crate::{
    AbortReason, AllowedBy, ApprovalRequest, Asking, CallRisk, Clearance, Denial, Gate, Risk, Speaker, Tool, Trust,
    Verdict, gate,
};

/// What became of the question whether a call may run.
pub(super) enum Cleared {
    Run(Clearance),
    /// It may not, and the model is told why.
    Answer(String),
    Stopped(AbortReason),
}

impl Caller<'_> {
    /// Judges a call at the moment in which it would run: what earlier calls of the same answer brought in counts.
    pub(super) async fn clear(&self, tool: &dyn Tool, call: &ToolUse) -> Cleared {
        let risk = tool.risk(&call.input, &self.world.profile.workspace);
        let trust = self.trust.now();
        let asking = match gate(&trust, &risk) {
            Gate::Run => return Cleared::Run(standing(&trust, &risk)),
            Gate::OnlyListed => Asking::List,
            Gate::Ask => Asking::ListThenPerson,
            Gate::AlwaysAsk => Asking::Person,
            Gate::Refuse => return refused(call, Denial::SwitchedOff),
        };
        let _one_at_a_time = self.asking.lock().await;
        let question = self.question(call, risk, &trust, asking);
        match self.stop.with_clock_stopped(self.world.approvals.ask(question)).await {
            Ok(Verdict::Allowed(AllowedBy::Person | AllowedBy::List)) => Cleared::Run(Clearance::Approved),
            Ok(Verdict::Allowed(AllowedBy::Harmless)) => Cleared::Run(harmless(&trust)),
            Ok(Verdict::Denied(denial)) => refused(call, denial),
            Err(reason) => Cleared::Stopped(reason),
        }
    }

    fn question(&self, call: &ToolUse, risk: CallRisk, trust: &Trust, asking: Asking) -> ApprovalRequest {
        ApprovalRequest {
            agent: self.agent.clone(),
            session: self.session.clone(),
            run: self.run.clone(),
            call_id: call.id.clone(),
            tool: call.name.clone(),
            risk: risk.risk,
            subject: risk.subject,
            reason: trust.reason(),
            route: self.route.clone(),
            asking,
        }
    }
}

fn standing(trust: &Trust, risk: &CallRisk) -> Clearance {
    let is_free = !trust.is_tainted() || (trust.speaker() == Speaker::Owner && risk.risk != Risk::None);
    if is_free { Clearance::Trusted } else { tainted(trust) }
}

fn tainted(trust: &Trust) -> Clearance {
    if trust.is_overheard() { Clearance::Overheard } else { Clearance::Tainted }
}

/// Nobody spoke for it, so it gets no more than the turn is trusted with.
fn harmless(trust: &Trust) -> Clearance {
    if trust.is_tainted() { tainted(trust) } else { Clearance::Trusted }
}

fn refused(call: &ToolUse, denial: Denial) -> Cleared {
    Cleared::Answer(format!("`{}` was not run: {denial}.", call.name))
}
