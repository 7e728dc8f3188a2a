//! `/context`: what fills the model's window.

use std::fmt::Write as _;
use std::sync::Arc;

use chela_agent::context_report;
use chela_protocol::SessionKey;
use chela_store::StoreError;

use crate::app::Gateway;

pub(super) async fn reply(gateway: &Arc<Gateway>, key: &SessionKey) -> Result<String, StoreError> {
    let session = gateway.store.ensure_session(key, &key.agent(), gateway.now_ms()).await?;
    let book = gateway.sessions.agents(gateway);
    let world = book.world(gateway, &session.agent).await;
    let report = context_report(&world, &session).await?;
    let filled = report.system_tokens + report.tools_tokens + report.summary_tokens + report.turns_tokens;
    let percent = filled.saturating_mul(100) / report.window.max(1);
    let mut turns = format!("- Turns: {} tokens", report.turns_tokens);
    if report.shortened > 0 {
        let _ = write!(turns, ", {} old tool results shortened", report.shortened);
    }
    let summary = match report.summaries {
        0 => "- Summary: none".to_owned(),
        count => format!("- Summary: {} tokens (number {count} of this conversation)", report.summary_tokens),
    };
    let lines = [
        format!("The next call carries about {filled} of {} tokens ({percent} %) of `{}`", report.window, report.model),
        format!("- System prompt and workspace files: {} tokens", report.system_tokens),
        format!("- Tools: {} with {} tokens", report.tools, report.tools_tokens),
        summary,
        turns,
        format!("- Summary and turns are summarised anew at {} tokens; /compact does it now", report.compact_at),
    ];
    Ok(lines.join("\n"))
}
