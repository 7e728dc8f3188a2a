//! What the next call of a conversation would carry, in tokens by our own estimate.

use chela_store::{ItemKind, Session, StoreError};
use serde::Serialize;

use crate::TurnWorld;
use crate::context::{Prefix, Room};
use crate::pruning::{Level, Pruning};
use crate::shown::Shown;
use crate::transcript::{json_bytes, tokens_of_bytes};

/// The parts of a conversation's context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContextReport {
    /// `provider/model`.
    pub model: String,
    pub window: u64,
    pub system_tokens: u64,
    pub tools: usize,
    pub tools_tokens: u64,
    /// Each tool, the largest first.
    pub tool_sizes: Vec<ContextPart>,
    /// Each skill of the list in the system prompt, as it stands there.
    pub skill_sizes: Vec<ContextPart>,
    /// The summary of the older part; 0 without one.
    pub summary_tokens: u64,
    /// Turns that are shown, old results shortened, without the summary.
    pub turns_tokens: u64,
    /// Tool results of which only a part is shown.
    pub shortened: usize,
    /// A longer history (summary and turns) is summarised.
    pub compact_at: u64,
    /// Summaries that were written of this conversation so far.
    pub summaries: u64,
}

/// One thing that takes room in the context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContextPart {
    pub name: String,
    pub tokens: u64,
}

/// The system prompt of a session's next plain turn.
pub fn system_prompt(world: &TurnWorld, session: &Session) -> String {
    let skills = world.skills.prompt_of(None);
    let prefix = Prefix::new(&world.profile, &session.key, &skills, world.tools.definitions(), None);
    prefix.system.into_iter().map(|block| block.text).collect()
}

/// Measures a session as its next plain turn would see it.
pub async fn context_report(world: &TurnWorld, session: &Session) -> Result<ContextReport, StoreError> {
    let profile = &world.profile;
    let (primary, fallbacks) = profile.model_texts(session.settings.model.as_deref());
    let chain = world.models.chain(primary.as_deref(), &fallbacks);
    let model = world.models.info(&chain[0]);
    let prefix = Prefix::new(profile, &session.key, &world.skills.prompt_of(None), world.tools.definitions(), None);
    let room = Room::of(profile, &model, &prefix);
    let pruning = Pruning::new(&profile.pruning, room);
    let history = world.store.tail_in_context(&session.id, pruning.reach(), i64::MAX).await?;
    let shown = Shown::of(&history, room, &pruning);
    let start = world.store.context_start(&session.id).await?;
    let system: usize = prefix.system.iter().map(|block| block.text.len()).sum();
    let summary = history.summary.as_ref().map_or(0, |item| item.tokens);
    let results = history.items.iter().zip(&shown.levels).filter(|(item, _)| item.kind == ItemKind::ToolResults);
    Ok(ContextReport {
        model: chain[0].to_string(),
        window: room.window,
        system_tokens: tokens_of_bytes(system),
        tools: prefix.tools.len(),
        tool_sizes: tool_sizes(&prefix),
        skill_sizes: skill_sizes(world),
        tools_tokens: prefix.tokens().saturating_sub(tokens_of_bytes(system)),
        summary_tokens: summary,
        turns_tokens: shown.tokens.saturating_sub(summary),
        shortened: results.filter(|(_, level)| **level != Level::Whole).count(),
        compact_at: room.compact_at,
        summaries: start.summaries,
    })
}

fn tool_sizes(prefix: &Prefix) -> Vec<ContextPart> {
    let mut sizes: Vec<_> = prefix
        .tools
        .iter()
        .map(|tool| ContextPart {
            name: tool.name.clone(),
            tokens: tokens_of_bytes(tool.name.len() + tool.description.len() + json_bytes(&tool.parameters)),
        })
        .collect();
    sizes.sort_by_key(|part| std::cmp::Reverse(part.tokens));
    sizes
}

fn skill_sizes(world: &TurnWorld) -> Vec<ContextPart> {
    let listed = world.skills.statuses().iter().filter(|skill| skill.model_visible);
    let size = |name: &String| {
        let only = [name.clone()];
        tokens_of_bytes(world.skills.prompt_of(Some(&only)).len())
    };
    listed.map(|skill| ContextPart { name: skill.name.clone(), tokens: size(&skill.name) }).collect()
}
