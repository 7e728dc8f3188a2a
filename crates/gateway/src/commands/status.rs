//! `/status`: the model, the tokens used and how full the context is.

use std::sync::Arc;

use chela_agent::Spender;
use chela_protocol::SessionKey;
use chela_store::{SessionSettings, StoreError};

use crate::app::Gateway;
use crate::budgets;
use crate::sessions::{Phase, RowContext};

pub(super) async fn reply(gateway: &Arc<Gateway>, key: &SessionKey) -> Result<String, StoreError> {
    let session = gateway.store.ensure_session(key, &key.agent(), gateway.now_ms()).await?;
    let book = gateway.sessions.agents(gateway);
    let model = RowContext::of(gateway, &book).model(&session.agent, session.settings.model.as_deref());
    let active = gateway.sessions.active(key);
    let running = active.iter().filter(|run| run.phase == Phase::Running).count();
    let percent = session.context_tokens.saturating_mul(100) / model.context_window.max(1);
    let mut lines = vec![
        format!("Chela {}", gateway.facts.version),
        format!(
            "- Model: `{}`{}",
            model.reference,
            if model.available { "" } else { " (no key is configured for it)" }
        ),
        format!("- Session: `{key}`, {} entries", session.items),
        format!("- Context: {} of {} tokens ({percent} %)", session.context_tokens, model.context_window),
        format!(
            "- Tokens of this conversation: {} in, {} out, {} from the cache",
            session.input_tokens, session.output_tokens, session.cache_read_tokens
        ),
        format!("- Turns: {running} running, {} waiting", active.len() - running),
    ];
    let chosen = choices(&session.settings);
    if !chosen.is_empty() {
        lines.push(format!("- Chosen for this session: {}", chosen.join(", ")));
    }
    let spender = Spender { agent: session.agent, key: key.clone(), session: session.id };
    let budgets = budgets::lines(gateway, &spender).await?;
    lines.extend(budgets.into_iter().map(|line| format!("- Budget: {line}")));
    Ok(lines.join("\n"))
}

/// What differs from the configuration here.
fn choices(settings: &SessionSettings) -> Vec<String> {
    let all = [
        ("think", &settings.thinking_level),
        ("reasoning", &settings.reasoning_level),
        ("verbose", &settings.verbose_level),
        ("usage", &settings.response_usage),
        ("queue", &settings.queue.mode),
        ("activation", &settings.group_activation),
        ("send", &settings.send_policy),
    ];
    all.into_iter().filter_map(|(name, word)| Some(format!("{name} `{}`", word.as_deref()?))).collect()
}
