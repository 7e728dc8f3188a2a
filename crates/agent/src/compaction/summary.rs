//! Writing a summary: part by part, each call getting the summary so far and what follows it, so that a history of any length fits
//! any window.

use std::collections::VecDeque;
use std::fmt::Write as _;

use chela_llm::{LlmErrorKind, StopReason};

use super::words::{self, Reading};
use super::{CompactionError, Job, PAGE_ITEMS, Scribe, Written};
use crate::transcript::ItemBody;

/// Tokens of our own words in a call, with room to spare.
pub(super) const OWN_TOKENS: u64 = 1_000;
/// The shortest part that a call carries, in tokens, however small the window is.
pub(super) const PART_MIN_TOKENS: u64 = 512;
/// Most calls of one summary. What is older than they can carry is left out, and the summary says so.
const CALLS_MAX: u64 = 40;
/// How often one part may be asked about, the first time included, before its summary is given up.
const TRIES: u32 = 2;
/// How often a part that a model finds too long is halved.
const HALVINGS: u32 = 3;

const TASK: &str = include_str!("summary.md");
const OLDEST_LEFT_OUT: &str = "\n(The oldest part of the conversation was too long to be summarised.)";

/// Words that wait to be summarised.
struct Part {
    text: String,
    halvings: u32,
}

/// The summary of everything before the part that is kept.
pub(super) async fn write(job: &Job<'_>, scribe: &mut Scribe<'_>) -> Result<Written, CompactionError> {
    let (store, id) = (&job.world.store, &job.session.id);
    let most = scribe.part_bytes / 4;
    let (mut summary, mut is_untrusted) = earlier(job);
    let mut too_many = {
        let tokens = store.tokens_between(id, job.history.from, job.first_kept).await?;
        tokens.saturating_sub(part_tokens(scribe.part_bytes).saturating_mul(CALLS_MAX))
    };
    if too_many > 0 {
        summary.push_str(OLDEST_LEFT_OUT);
    }
    let mut waiting = String::new();
    let mut after = job.history.from - 1;
    'pages: loop {
        let page = store.items_after(id, after, PAGE_ITEMS).await?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        for item in page {
            if item.seq >= job.first_kept {
                break 'pages;
            }
            if too_many > 0 {
                too_many = too_many.saturating_sub(item.tokens);
                continue;
            }
            is_untrusted |= ItemBody::of(&item).is_some_and(|body| body.is_untrusted());
            let words = words::of(&item, Reading::Everything, most);
            if waiting.len() + words.len() > scribe.part_bytes && !waiting.is_empty() {
                summary = fold(job, scribe, summary, std::mem::take(&mut waiting)).await?;
            }
            waiting.push_str(&words);
        }
    }
    if waiting.trim().is_empty() && summary.is_empty() {
        return Err(CompactionError::Useless("the older part holds no words"));
    }
    if !waiting.trim().is_empty() {
        summary = fold(job, scribe, summary, waiting).await?;
    }
    Ok(Written { summary, is_untrusted })
}

/// The summary that stands there now, and whether it is marked.
fn earlier(job: &Job<'_>) -> (String, bool) {
    match job.history.summary.as_ref().and_then(ItemBody::of) {
        Some(ItemBody::Compaction(body)) => (body.summary, !body.mark.is_empty()),
        _ => Default::default(),
    }
}

/// The summary with one more part in it. A part that the model finds too long is halved.
async fn fold(
    job: &Job<'_>,
    scribe: &mut Scribe<'_>,
    mut summary: String,
    text: String,
) -> Result<String, CompactionError> {
    let mut parts = VecDeque::from([Part { text, halvings: 0 }]);
    while let Some(Part { text, halvings }) = parts.pop_front() {
        match summarised(job, scribe, &summary, &text).await {
            Ok(next) => summary = next,
            Err(CompactionError::Model(error))
                if matches!(error.kind, LlmErrorKind::ContextLength { .. }) && halvings < HALVINGS =>
            {
                let half = text.floor_char_boundary(text.len() / 2);
                let (one, two) = text.split_at(half);
                for half in [two, one] {
                    parts.push_front(Part { text: half.to_owned(), halvings: halvings + 1 });
                }
                // The estimate was too low for this conversation, so the parts that follow are smaller too.
                scribe.part_bytes = scribe.part_bytes.min(half.max(words::bytes_of_tokens(PART_MIN_TOKENS)));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(summary)
}

async fn summarised(job: &Job<'_>, scribe: &Scribe<'_>, summary: &str, text: &str) -> Result<String, CompactionError> {
    let most = job.summary_tokens();
    // English has three words to four tokens; a fifth of the room is left.
    let system = TASK.replace("{words}", &(most * 3 / 5).to_string());
    let mut complaint = None;
    for _ in 0..TRIES {
        let words = question(job, summary, text, complaint);
        let (answer, stop) = scribe.ask(&system, words).await?;
        match fault_of(&answer, stop, text, words::bytes_of_tokens(most)) {
            None => return Ok(answer),
            Some(fault) => complaint = Some(fault),
        }
    }
    Err(CompactionError::Useless(complaint.unwrap_or("there is none")))
}

fn question(job: &Job<'_>, summary: &str, text: &str, complaint: Option<&str>) -> String {
    let mut words = String::new();
    if !summary.is_empty() {
        words.push_str(&job.tagged("summary", summary));
    }
    words.push_str(&job.tagged("conversation", text));
    if let Some(focus) = job.focus.map(str::trim).filter(|focus| !focus.is_empty()) {
        let _ = write!(words, "Dwell on this: {focus}\n\n");
    }
    if let Some(complaint) = complaint {
        let _ = write!(words, "Your last try was of no use: {complaint}. ");
    }
    words.push_str("Write the new summary now, and nothing else.");
    words
}

/// Why a summary can't stand for the part that it was made of.
fn fault_of(answer: &str, stop: StopReason, text: &str, most: usize) -> Option<&'static str> {
    // A hundred-fold summary of a long part is poor; a thousand-fold one has lost it.
    let least = (text.len() / 1_000).clamp(8, 200);
    match stop {
        StopReason::Refusal => Some("the model refused to write it"),
        _ if answer.is_empty() => Some("it is empty"),
        StopReason::MaxTokens => Some("it has no end, as it became too long"),
        _ if answer.len() > most => Some("it is too long"),
        _ if answer.len() < least => Some("it is too short for what it stands for"),
        StopReason::EndTurn | StopReason::ToolUse => None,
    }
}

fn part_tokens(bytes: usize) -> u64 {
    crate::transcript::tokens_of_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_summaries_are_refused() {
        let text = "word ".repeat(20_000);
        let fault = |answer: &str, stop| fault_of(answer, stop, &text, 1_000);
        assert_eq!(fault("", StopReason::EndTurn), Some("it is empty"));
        assert_eq!(fault(&"x".repeat(500), StopReason::EndTurn), None);
        assert_eq!(fault("ok", StopReason::EndTurn), Some("it is too short for what it stands for"));
        assert_eq!(fault(&"x".repeat(1_001), StopReason::EndTurn), Some("it is too long"));
        assert_eq!(fault(&"x".repeat(500), StopReason::MaxTokens), Some("it has no end, as it became too long"));
        assert_eq!(fault(&"x".repeat(500), StopReason::Refusal), Some("the model refused to write it"));
    }
}
