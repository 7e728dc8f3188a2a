//! The first part of an answer while it is still written: one message that is edited until the answer takes its place.
//!
//! The message is recorded as part 0 of its run before anything else happens to it, so that the answer finds it, also after a
//! crash. A run that was cut off before it could record one shows no preview: its answer looks for what may be there.

use std::time::Duration;

use chela_agent::ReasoningLevel;
use chela_channels::{MessageId, OutboundPart, PreviewMode, SendError, SendErrorKind};
use chela_store::{SentPart, StoreError, fault};
use tokio::time::Instant;

use super::Scene;
use super::show::{End, State};
use crate::delivery::directives::Directives;
use crate::delivery::{call, plan};

/// A preview begins with this many characters, or after [`FIRST_AFTER`]: one word alone tells nobody anything.
const FIRST_CHARS: usize = 30;
const FIRST_AFTER: Duration = Duration::from_millis(700);

/// Pause after an edit that did not go through, at least.
const TROUBLE_PAUSE: Duration = Duration::from_secs(5);

/// The end of a longer thought is shown, in bytes: it fits into one message of every platform.
const THOUGHT_BYTES: usize = 1_200;

/// Stands behind words that somebody stopped.
const STOPPED: &str = "(stopped)";

/// The message that stands in the chat.
struct Standing {
    sent: SentPart,
    shown: String,
    next_edit: Instant,
}

/// Shows the preview, if the account wants one, until the run is over.
pub(super) async fn run(scene: &Scene) {
    let wanted = matches!(scene.policy.preview, PreviewMode::Partial | PreviewMode::Progress);
    if !wanted || scene.showing.is_told_in_messages() || !scene.channel.capabilities().edit {
        return;
    }
    let standing = match recorded(scene).await {
        Ok(Some(sent)) => Some(Standing { sent, shown: String::new(), next_edit: Instant::now() }),
        Ok(None) if scene.row.attempts > 0 => return,
        Ok(None) => first(scene).await,
        Err(error) => {
            tracing::warn!(%error, run = %scene.row.run, "no preview is shown");
            return;
        }
    };
    if let Some(mut standing) = standing {
        scene.show.preview_stands();
        if follow(scene, &mut standing).await {
            conclude(scene, &standing).await;
        }
    }
}

/// The preview that an earlier try of this run left.
async fn recorded(scene: &Scene) -> Result<Option<SentPart>, StoreError> {
    let mut sent = scene.gateway.store.sent_of_run(scene.row.run.as_str()).await?;
    sent.retain(|sent| sent.part == 0 && sent.chat == scene.route.chat && sent.account == scene.route.account);
    Ok(sent.pop())
}

/// Sends the first words; `None` when the run is over before there are any, or when they can't be sent.
async fn first(scene: &Scene) -> Option<Standing> {
    scene.show.until(|state| shown(scene, state).map(drop)).await?;
    let soon = Instant::now() + FIRST_AFTER;
    let enough = scene.show.until(|state| (shown(scene, state)?.chars().count() >= FIRST_CHARS).then_some(()));
    let _ = tokio::time::timeout_at(soon, enough).await;
    // The answers of before come first, all their parts.
    let through = scene.gateway.delivery.is_through(&scene.gateway, &scene.route);
    let through = scene.show.over.run_until_cancelled(through).await?;
    if let Err(error) = through {
        tracing::warn!(%error, run = %scene.row.run, "no preview is shown");
        return None;
    }
    if scene.show.over.is_cancelled() {
        return None;
    }
    let shown = shown(scene, &scene.show.read())?;
    let part = part(scene, &shown)?;
    let stage = &scene.gateway.delivery.stage;
    let run = scene.row.run.as_str();
    stage.doubt(run);
    fault::point("outbox.preview_before_send");
    let answer = call::send(&*scene.channel, &part).await;
    fault::point("outbox.preview_after_send");
    let message = match answer {
        Ok(sent) => sent.message.0,
        Err(error) => {
            tracing::debug!(%error, run, "a preview could not be sent");
            if error.kind != SendErrorKind::Unknown {
                stage.clear(run);
            }
            return None;
        }
    };
    let route = scene.route.clone();
    let sent = SentPart {
        channel: route.channel,
        account: route.account,
        chat: route.chat,
        message,
        run: run.to_owned(),
        part: 0,
        sent_at_ms: scene.gateway.now_ms(),
    };
    if let Err(error) = scene.gateway.store.record_sent(sent.clone(), None).await {
        // Not known to the answer, so the answer must look for it.
        tracing::warn!(%error, run, "a preview could not be recorded");
        return None;
    }
    stage.clear(run);
    fault::point("outbox.preview_after_record");
    scene.account.status.update(|status| status.last_outbound_at_ms = Some(sent.sent_at_ms));
    Some(Standing { sent, shown, next_edit: Instant::now() + scene.channel.capabilities().edit_pause })
}

/// Edits as the words grow, until the run is over. `false` when the message can't be edited any more.
async fn follow(scene: &Scene, standing: &mut Standing) -> bool {
    loop {
        if !scene.show.pause_until(standing.next_edit).await {
            return true;
        }
        let changed = scene.show.until(|state| shown(scene, state).filter(|shown| *shown != standing.shown));
        let Some(shown) = changed.await else { return true };
        let pause = scene.channel.capabilities().edit_pause;
        let edited = edit(scene, standing, &shown).await;
        standing.shown = shown;
        standing.next_edit = Instant::now() + pause;
        let Err(error) = edited else { continue };
        tracing::debug!(%error, run = %scene.row.run, "a preview could not be edited");
        match error.kind {
            SendErrorKind::RateLimited { after } => standing.next_edit += after,
            SendErrorKind::Unreachable | SendErrorKind::Unknown => standing.next_edit += pause.max(TROUBLE_PAUSE),
            SendErrorKind::Gone => {
                if let Err(error) = scene.gateway.store.forget_sent(&standing.sent).await {
                    tracing::warn!(%error, run = %scene.row.run, "a preview that is gone could not be forgotten");
                }
                return false;
            }
            SendErrorKind::Refused | SendErrorKind::Auth | SendErrorKind::Markup => return false,
        }
    }
}

/// Somebody who stopped the run gets no answer, so what stands there says so itself. Any other end has words of its own.
async fn conclude(scene: &Scene, standing: &Standing) {
    let state = scene.show.read();
    if state.end != Some(End::Stopped) {
        return;
    }
    let text = Directives::read(&state.text).text;
    let behind = if text.is_empty() { STOPPED.to_owned() } else { format!("{text}\n\n{STOPPED}") };
    // Of a long text one message shows the beginning only, and that must say it.
    let is_shown = part(scene, &behind).is_some_and(|part| part.content.plain.ends_with(STOPPED));
    let text = if is_shown { behind } else { format!("{STOPPED}\n\n{text}") };
    if let Err(error) = edit(scene, standing, &text).await {
        tracing::debug!(%error, run = %scene.row.run, "a stopped preview could not be marked");
    }
}

async fn edit(scene: &Scene, standing: &Standing, shown: &str) -> Result<(), SendError> {
    let Some(part) = part(scene, shown) else { return Ok(()) };
    let message = MessageId(standing.sent.message.clone());
    call::edit(&*scene.channel, &message, &part).await
}

/// What the preview says now; `None` for nothing.
fn shown(scene: &Scene, state: &State) -> Option<String> {
    let text = match scene.policy.preview {
        PreviewMode::Partial if state.text.is_empty() && scene.showing.reasoning == ReasoningLevel::Stream => {
            thought(&state.thinking)
        }
        PreviewMode::Partial => spoken(&state.text),
        PreviewMode::Progress => state.steps.iter().map(|step| format!("{step}…")).collect::<Vec<_>>().join("\n\n"),
        PreviewMode::Off | PreviewMode::Block => String::new(),
    };
    (!text.is_empty()).then_some(text)
}

/// The newest of what is thought, as a quotation: no mark for the delivery stands at the beginning of a line.
fn thought(thinking: &str) -> String {
    let start = thinking.ceil_char_boundary(thinking.len().saturating_sub(THOUGHT_BYTES));
    let lines = thinking[start..].trim().lines().map(|line| format!("> {line}"));
    let text = lines.collect::<Vec<_>>().join("\n");
    if text.is_empty() { text } else { format!("**Reasoning**\n\n{text}") }
}

/// The words so far, without marks for the delivery; a mark that is still being written is held back with its line.
fn spoken(text: &str) -> String {
    let (whole, last) = text.rsplit_once('\n').unwrap_or(("", text));
    let begun = last.trim_start();
    let open = last.rfind("[[").is_some_and(|at| !last[at..].contains("]]"));
    let is_mark = begun.starts_with("MEDIA:") || (!begun.is_empty() && "MEDIA:".starts_with(begun)) || open;
    Directives::read(if is_mark { whole } else { text }).text
}

fn part(scene: &Scene, shown: &str) -> Option<OutboundPart> {
    let capabilities = scene.channel.capabilities();
    let prefix = crate::delivery::prefix(&scene.gateway, &scene.policy, &scene.row.agent);
    let manner = plan::Manner { chat: &scene.route.chat, policy: &scene.policy, capabilities, prefix: &prefix };
    let shown = scene.gateway.logs.without_tokens(shown.to_owned());
    plan::preview(&scene.reply(), &shown, &manner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_held_back_while_they_are_written() {
        let rows = [
            ("Hello", "Hello"),
            ("Hello\nMED", "Hello"),
            ("Hello\nMEDIA: a/b", "Hello"),
            ("Hello\nMEDIA: a/b\nmore", "Hello\nmore"),
            ("[[reply_to", ""),
            ("[[reply_to_current]] Yes", "Yes"),
            ("Me", "Me"),
        ];
        for (text, expected) in rows {
            assert_eq!(spoken(text), expected, "{text}");
        }
    }
}
