//! `/model` shows or chooses the model of a conversation, `/models` lists what can be chosen.

use std::sync::Arc;

use chela_agent::ReplyButton;
use chela_llm::{ModelInfo, ModelRef};
use chela_protocol::SessionKey;
use chela_store::{SessionPatch, StoreError};
use serde_json::json;

use super::Answer;
use super::help::turning;
use crate::app::Gateway;
use crate::sessions::{RowContext, session_changed};

/// Models that the answer lists; the rest is counted.
const LISTED: usize = 30;

/// Models that have a button. More are no choice at a glance, and with the way back it makes the five rows that platforms show.
const BUTTONS: usize = 8;

/// Names of models are long: two of them are as wide as a phone.
const BUTTONS_IN_A_ROW: usize = 2;

/// Models on one page of `/models`: each has a button.
const PAGE: usize = BUTTONS;

/// Words that take the session's own choice away.
const CLEAR: &[&str] = &["default", "reset", "auto"];

pub(super) async fn reply(gateway: &Arc<Gateway>, key: &SessionKey, args: &str) -> Result<Answer, StoreError> {
    let now = gateway.now_ms();
    let session = gateway.store.ensure_session(key, &key.agent(), now).await?;
    let book = gateway.sessions.agents(gateway);
    if args.is_empty() {
        let current = RowContext::of(gateway, &book).model(&session.agent, session.settings.model.as_deref());
        return Ok(overview(gateway, &current.reference, session.settings.model.as_deref()));
    }
    let clear = CLEAR.iter().any(|word| args.eq_ignore_ascii_case(word));
    let chosen = match resolve(gateway, book.profile_or_default(&session.agent).model_text(args)) {
        _ if clear => None,
        Ok(model) => Some(model.to_string()),
        Err(message) => return Ok(message.into()),
    };
    choose(gateway, key, chosen.clone()).await?;
    let next = RowContext::of(gateway, &book).model(&session.agent, chosen.as_deref());
    Ok(format!("This conversation uses `{}` from the next message on.", next.reference).into())
}

/// Gives a session a model of its own, or with `None` takes it away. Whether it can be reached is the caller's to know.
pub(super) async fn choose(gateway: &Arc<Gateway>, key: &SessionKey, model: Option<String>) -> Result<(), StoreError> {
    let now = gateway.now_ms();
    gateway.store.ensure_session(key, &key.agent(), now).await?;
    let patch = SessionPatch { model: Some(model), ..SessionPatch::default() };
    gateway.store.patch_session(key, patch, now).await?;
    session_changed(gateway, key, json!({ "reason": "patch" }));
    Ok(())
}

/// A model that can be reached, by `provider/model` or by its name alone where that is unique.
pub(crate) fn resolve(gateway: &Gateway, text: &str) -> Result<ModelRef, String> {
    let models = gateway.models.load();
    let known = models.list();
    if let Ok(reference) = text.parse::<ModelRef>()
        && known.iter().any(|model| model.available && model.reference.provider == reference.provider)
    {
        return Ok(reference);
    }
    let mut named = known.iter().filter(|model| model.available && model.reference.model.eq_ignore_ascii_case(text));
    match (named.next(), named.next()) {
        (Some(model), None) => Ok(model.reference.clone()),
        (Some(_), Some(_)) => Err(format!("Several providers have `{text}`; write `provider/{text}`.")),
        (None, _) => Err(format!("No reachable model is called `{text}`. `/model` lists those that are.")),
    }
}

/// `/models`: the providers with what can be reached of each, or the models of one, page by page.
pub(super) fn list(gateway: &Gateway, args: &str) -> Answer {
    let mut models = gateway.models.load().list();
    models.retain(|model| model.available);
    let mut providers: Vec<String> = models.iter().map(|model| model.reference.provider.clone()).collect();
    providers.dedup();
    providers.sort();
    providers.dedup();
    let mut words = args.split_whitespace();
    let named = words.next().filter(|word| !word.eq_ignore_ascii_case("list"));
    let Some(name) = named else { return overview_of_providers(&models, &providers) };
    let Some(provider) = providers.iter().find(|provider| provider.eq_ignore_ascii_case(name)) else {
        let name = name.replace('`', "'");
        return format!("No provider `{name}` can be reached. There are: `{}`.", providers.join("`, `")).into();
    };
    models.retain(|model| model.reference.provider == *provider);
    let pages = models.len().div_ceil(PAGE);
    let page = words.next().and_then(|word| word.parse::<usize>().ok()).unwrap_or(1).clamp(1, pages);
    let shown: Vec<&ModelRef> =
        models.iter().skip((page - 1) * PAGE).take(PAGE).map(|model| &model.reference).collect();
    let head = format!("`{provider}`, page {page} of {pages}; `/model <name>` chooses one:");
    let lines = shown.iter().map(|reference| format!("- `{reference}`"));
    let text = std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n");
    let mut rows = buttons(shown.into_iter(), false);
    rows.extend(turning(&format!("/models {provider}"), page, pages));
    Answer { text, buttons: rows, ..Answer::default() }
}

fn overview_of_providers(models: &[ModelInfo], providers: &[String]) -> Answer {
    let count = |provider: &String| models.iter().filter(|model| model.reference.provider == *provider).count();
    let lines = providers.iter().map(|provider| match count(provider) {
        1 => format!("- `{provider}`: 1 model"),
        count => format!("- `{provider}`: {count} models"),
    });
    let head = "Providers that can be reached; `/models <provider>` lists their models:".to_owned();
    let text = std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n");
    let button = |provider: &String| ReplyButton { label: provider.clone(), command: format!("/models {provider}") };
    let rows: Vec<_> = providers.iter().take(BUTTONS).map(button).collect();
    Answer { text, buttons: rows.chunks(BUTTONS_IN_A_ROW).map(<[_]>::to_vec).collect(), ..Answer::default() }
}

/// The current model and those that can be chosen. `chosen` is the session's own choice.
fn overview(gateway: &Gateway, current: &ModelRef, chosen: Option<&str>) -> Answer {
    let reachable: Vec<_> = gateway.models.load().list().into_iter().filter(|model| model.available).collect();
    let mut lines = vec![format!("Model: `{current}`"), "Reachable:".to_owned()];
    lines.extend(reachable.iter().take(LISTED).map(|model| format!("- `{}`", model.reference)));
    if reachable.len() > LISTED {
        lines.push(format!("… and {} more.", reachable.len() - LISTED));
    }
    lines.push("`/model provider/model` chooses one for this conversation, `/model default` goes back.".to_owned());
    let others = reachable.iter().map(|model| &model.reference).filter(|reference| *reference != current);
    Answer { text: lines.join("\n"), buttons: buttons(others, chosen.is_some()), ..Answer::default() }
}

/// One button for each of the first models, and one that takes the session's own choice away.
fn buttons<'a>(models: impl Iterator<Item = &'a ModelRef>, is_chosen: bool) -> Vec<Vec<ReplyButton>> {
    let button = |word: String| ReplyButton { command: format!("/model {word}"), label: word };
    let models: Vec<_> = models.take(BUTTONS).map(|reference| button(reference.to_string())).collect();
    let mut rows: Vec<_> = models.chunks(BUTTONS_IN_A_ROW).map(<[_]>::to_vec).collect();
    rows.extend(is_chosen.then(|| vec![button(CLEAR[0].to_owned())]));
    rows
}
