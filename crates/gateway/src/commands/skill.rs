//! `/skill`: people have a skill used. The request goes to the model like any other message, with the skill named.

use chela_agent::{CommandId, ParsedCommand, SkillStatus};
use chela_protocol::AgentId;

use super::Asked;
use crate::app::Gateway;
use crate::intake::Inbound;

/// Skills that a list shows; the rest is counted.
const LISTED: usize = 50;

/// The message that a command with a name of a skill becomes; `None` when it names none that its sender may use.
pub(super) async fn message(gateway: &Gateway, inbound: &Inbound, parsed: &ParsedCommand) -> Option<String> {
    if parsed.command.id != CommandId::Skill || parsed.args.is_empty() {
        return None;
    }
    let (name, input) = parsed.args.split_once(char::is_whitespace).unwrap_or((&parsed.args, ""));
    let skills = callable(gateway, &inbound.agent, inbound.input.skills.as_deref()).await;
    let skill = skills.iter().find(|skill| is_called(skill, name))?;
    let order =
        format!("Use the skill `{}` for this: read {} first, and follow it.", skill.name, skill.file_path.display());
    let input = input.trim();
    Some(if input.is_empty() { order } else { format!("{order}\n\n{input}") })
}

/// What there is, also for a name that is none.
pub(super) async fn reply(asked: &Asked<'_>) -> String {
    let skills = callable(asked.gateway, &asked.row.agent, asked.input.skills.as_deref()).await;
    if skills.is_empty() {
        return "There is no skill that you may call.".to_owned();
    }
    let named = asked.args.split_whitespace().next().map(|name| name.replace('`', "'"));
    let head = match named {
        Some(name) => format!("No skill is called `{name}`. There are:"),
        None => "Skills; `/skill <name> [input]` has one used:".to_owned(),
    };
    let lines = skills.iter().take(LISTED).map(|skill| {
        let about = skill.description.lines().next().unwrap_or_default();
        format!("- `{}`: {about}", skill.name)
    });
    let rest = skills.len().saturating_sub(LISTED);
    let more = (rest > 0).then(|| format!("… and {rest} more."));
    std::iter::once(head).chain(lines).chain(more).collect::<Vec<_>>().join("\n")
}

/// The skills that people may call, of those that a place allows.
pub(crate) async fn callable(gateway: &Gateway, agent: &AgentId, only: Option<&[String]>) -> Vec<SkillStatus> {
    let book = gateway.sessions.agents(gateway);
    let profile = book.profile_or_default(agent).clone();
    let index = book.skills(gateway, &profile).await;
    let may = |skill: &&SkillStatus| {
        let here = only.is_none_or(|only| only.iter().any(|name| *name == skill.name || *name == skill.skill_key));
        here && skill.eligible && skill.user_invocable && !skill.disabled && !skill.blocked_by_agent_filter
    };
    index.statuses().iter().filter(may).cloned().collect()
}

/// Menus know neither spaces nor hyphens in some names.
fn is_called(skill: &SkillStatus, name: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace(['_', ' '], "-");
    plain(&skill.name) == plain(name) || plain(&skill.skill_key) == plain(name)
}
