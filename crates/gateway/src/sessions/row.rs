//! One stored session as lists show it; what has no honest value is left out.

use chela_agent::AgentProfile;
use chela_llm::{ModelInfo, ModelRef, Models, Thinking};
use chela_protocol::methods::sessions::SessionRow;
use chela_protocol::{AgentId, SessionKey};
use chela_store::{InboxState, Session, SessionQueue};
use serde_json::{Value, json};

use super::{AgentBook, Phase, RunSummary, Sessions};
use crate::app::Gateway;

/// What rows are made of besides the stored session.
pub(crate) struct RowContext<'a> {
    models: arc_swap::Guard<std::sync::Arc<Models>>,
    sessions: &'a Sessions,
    book: &'a AgentBook,
}

impl<'a> RowContext<'a> {
    pub(crate) fn of(gateway: &'a Gateway, book: &'a AgentBook) -> Self {
        Self { models: gateway.models.load(), sessions: &gateway.sessions, book }
    }

    /// The model that answers next in a session of `agent`, with the session's own choice.
    pub(crate) fn model(&self, agent: &AgentId, chosen: Option<&str>) -> ModelInfo {
        self.models.info(&next_model(&self.models, self.book.profile_or_default(agent), chosen))
    }
}

/// The first model of the chain that a turn would use.
pub(crate) fn next_model(models: &Models, profile: &AgentProfile, chosen: Option<&str>) -> ModelRef {
    let (primary, fallbacks) = profile.model_texts(chosen);
    models
        .chain(primary.as_deref(), &fallbacks)
        .into_iter()
        .next()
        .unwrap_or_else(|| ModelRef { provider: "chela".to_owned(), model: "guide".to_owned() })
}

/// The row of a stored session.
pub(crate) fn row_of(session: &Session, context: &RowContext<'_>) -> SessionRow {
    let active = context.sessions.active(&session.key);
    let model = context.model(&session.agent, session.settings.model.as_deref());
    let kind = kind_of(&session.key);
    let settings = session.settings.clone();
    let profile = context.book.profile_or_default(&session.agent);
    SessionRow {
        key: session.key.to_string(),
        kind: kind.to_owned(),
        session_id: Some(session.id.to_string()),
        agent_id: Some(session.agent.to_string()),
        display_name: Some(settings.label.clone().unwrap_or_else(|| session.key.place().to_owned())),
        label: settings.label,
        derived_title: None,
        last_message_preview: None,
        channel: None,
        chat_type: Some(kind.to_owned()),
        is_main: session.key.is_main(),
        updated_at: Some(session.updated_at_ms),
        created_at: Some(session.created_at_ms),
        last_activity_at: Some(session.updated_at_ms),
        last_interaction_at: Some(session.updated_at_ms),
        archived: settings.archived,
        pinned: settings.pinned,
        unread: settings.unread,
        status: status_of(session, &active).map(str::to_owned),
        last_run_id: None,
        last_run_error: None,
        aborted_last_run: session.last_state == Some(InboxState::Aborted),
        has_active_run: !active.is_empty(),
        started_at: active.iter().find_map(|run| run.started_at_ms),
        active_run_ids: active.into_iter().map(|run| run.run.to_string()).collect(),
        category: settings.category,
        thinking_level: settings.thinking_level,
        thinking_default: Some(thinking_word(thinking_default(profile, &model)).to_owned()),
        verbose_level: settings.verbose_level,
        reasoning_level: settings.reasoning_level,
        effective_response_usage: Some(
            settings.response_usage.clone().unwrap_or_else(|| usual_usage(session, context)),
        ),
        response_usage: settings.response_usage,
        send_policy: settings.send_policy,
        group_activation: settings.group_activation,
        effective_queue_mode: Some(queue_mode(&settings.queue, context)),
        queue_mode: settings.queue.mode,
        queue_debounce_ms: settings.queue.debounce_ms,
        queue_cap: settings.queue.cap,
        queue_drop: settings.queue.drop,
        model_provider: Some(model.reference.provider),
        model: Some(model.reference.model),
        model_override_source: settings.model.map(|_| "user".to_owned()),
        input_tokens: Some(session.input_tokens),
        output_tokens: Some(session.output_tokens),
        total_tokens: Some(session.context_tokens),
        context_tokens: Some(model.context_window),
        estimated_cost_usd: None,
    }
}

/// A session as the reference system keeps it: the `entry` of `sessions.patch` and its like.
pub(crate) fn session_entry(stored: &Session) -> Value {
    let settings = &stored.settings;
    let mut entry = json!({
        "sessionId": stored.id,
        "updatedAt": stored.updated_at_ms,
        "createdAt": stored.created_at_ms,
        "sessionStartedAt": stored.started_at_ms,
        "compactionCount": stored.summaries,
        "inputTokens": stored.input_tokens,
        "outputTokens": stored.output_tokens,
        "totalTokens": stored.context_tokens,
        "archived": settings.archived,
        "pinned": settings.pinned,
        "unread": settings.unread,
    });
    let chosen = [
        ("label", &settings.label),
        ("category", &settings.category),
        ("thinkingLevel", &settings.thinking_level),
        ("verboseLevel", &settings.verbose_level),
        ("reasoningLevel", &settings.reasoning_level),
        ("responseUsage", &settings.response_usage),
        ("sendPolicy", &settings.send_policy),
        ("groupActivation", &settings.group_activation),
        ("queueMode", &settings.queue.mode),
        ("queueDrop", &settings.queue.drop),
    ];
    for (name, value) in chosen {
        if let Some(value) = value {
            entry[name] = value.as_str().into();
        }
    }
    for (name, value) in [("queueDebounceMs", settings.queue.debounce_ms), ("queueCap", settings.queue.cap)] {
        if let Some(value) = value {
            entry[name] = value.into();
        }
    }
    if let Some((provider, model)) = settings.model.as_deref().and_then(|model| model.split_once('/')) {
        entry["providerOverride"] = provider.into();
        entry["modelOverride"] = model.into();
    }
    entry
}

/// What stands under answers when the session doesn't say; its channel is named in its key.
fn usual_usage(session: &Session, context: &RowContext<'_>) -> String {
    let channel = session.key.place().split(':').next().unwrap_or_default();
    context.book.config().messages.response_usage.of(channel).as_str().to_owned()
}

/// What happens to a message that comes while a turn runs.
fn queue_mode(chosen: &SessionQueue, context: &RowContext<'_>) -> String {
    let mode = context.book.config().messages.queue.clone().chosen(chosen).mode;
    serde_json::to_value(mode).ok().and_then(|mode| mode.as_str().map(str::to_owned)).unwrap_or_default()
}

/// How hard a model thinks when nobody says.
pub(crate) fn thinking_default(profile: &AgentProfile, model: &ModelInfo) -> Thinking {
    profile.thinking.unwrap_or(if model.reasoning { Thinking::Low } else { Thinking::Off })
}

/// A level as clients write it.
pub(crate) fn thinking_word(level: Thinking) -> &'static str {
    match level {
        Thinking::Off => "off",
        Thinking::Minimal => "minimal",
        Thinking::Low => "low",
        Thinking::Medium => "medium",
        Thinking::High => "high",
        Thinking::Xhigh => "xhigh",
        Thinking::Adaptive => "adaptive",
        Thinking::Max => "max",
    }
}

/// Whether several people speak there.
pub(crate) fn is_group(key: &SessionKey) -> bool {
    key.place().split(':').any(|part| part == "group" || part == "channel")
}

pub(super) fn kind_of(key: &SessionKey) -> &'static str {
    if is_group(key) { "group" } else { "direct" }
}

fn status_of(session: &Session, active: &[RunSummary]) -> Option<&'static str> {
    if active.iter().any(|run| run.phase == Phase::Running) {
        return Some("running");
    }
    if !active.is_empty() {
        return Some("queued");
    }
    session.last_state.map(|state| match state {
        InboxState::Queued => "queued",
        InboxState::Running => "running",
        InboxState::Done => "done",
        InboxState::Failed => "failed",
        InboxState::Aborted => "killed",
    })
}
