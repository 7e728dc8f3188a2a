//! `/context`: what fills the model's window.

use std::fmt::Write as _;

use chela_agent::{ContextPart, ContextReport, context_report};
use chela_store::StoreError;

use super::Asked;

/// Tools and skills that `detail` names; the rest is counted.
const NAMED: usize = 40;

pub(super) async fn reply(asked: &Asked<'_>) -> Result<String, StoreError> {
    let gateway = asked.gateway;
    let session = asked.session().await?;
    let book = gateway.sessions.agents(gateway);
    let world = book.world(gateway, &session.agent).await;
    let report = context_report(&world, &session).await?;
    Ok(match asked.args.to_ascii_lowercase().as_str() {
        "json" => format!("```json\n{}\n```", serde_json::to_string_pretty(&report).unwrap_or_default()),
        "detail" => {
            [list(&report), parts("Tools", &report.tool_sizes), parts("Skills", &report.skill_sizes)].join("\n")
        }
        _ => list(&report),
    })
}

fn parts(title: &str, parts: &[ContextPart]) -> String {
    let shown = parts.iter().take(NAMED).map(|part| format!("`{}` {}", part.name, part.tokens));
    let rest = parts.len().saturating_sub(NAMED);
    let more = (rest > 0).then(|| format!("{rest} more"));
    let all: Vec<_> = shown.chain(more).collect();
    format!("- {title}, in tokens: {}", if all.is_empty() { "none".to_owned() } else { all.join(", ") })
}

fn list(report: &ContextReport) -> String {
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
    lines.join("\n")
}
