//! Long polling: one `getUpdates` at a time, watched by our own timer, and an offset that passes only what is accepted.
//!
//! ```text
//!            ┌─────────── batch ───────────┐
//!   getUpdates(offset) ──► window ──► one lane per chat ──► inbox
//!            └── offset = first update that is not accepted ──┘
//! ```
//!
//! A chat whose inbox is full keeps its own updates open and holds the offset before them; the other chats go on, because the
//! next poll asks from there again and what is accepted already is passed over. Telegram gives a hundred updates at most, which
//! bounds the window. Liveness is a poll that came back, and nothing else: what we send proves nothing (G11).

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::bot::Bot;
use super::failure::{account_failure, asked_pause, poll_words};
use super::intake;
use super::normalise::{ALLOWED_UPDATES, ReadUpdate, update_id};
use crate::ChannelFailure;
use crate::context::BackOff;

/// As many as Telegram gives at once.
const BATCH_MAX: usize = 100;

/// Telegram numbers updates anew after a week of silence; an offset that is about as old could pass over new ones.
const OFFSET_LASTS_MS: i64 = 5 * 24 * 60 * 60 * 1000;

/// How many first pauses a batch may wait for a chat that is busy, before the others are polled for again.
const BUSY_PAUSES: u32 = 2;

/// A poll that ends with nothing before this share of the time it may wait was not waited for.
const SOON_SHARE: u32 = 2;

const OFFSET_KEY: &str = "offset";

/// Polls until something breaks for good. Dropping it stops it; what was not accepted comes again.
pub(super) async fn run(bot: &Bot) -> Result<(), ChannelFailure> {
    let mut window = Window { offset: load_offset(bot).await, ..Window::default() };
    let mut lanes = Lanes::new();
    // The first poll comes back at once, and so proves that the way is open.
    let mut wait = Duration::ZERO;
    loop {
        let batch = {
            let mut poll = std::pin::pin!(poll(bot, window.offset, wait));
            loop {
                tokio::select! {
                    batch = &mut poll => break batch?,
                    Some(done) = lanes.next(), if !lanes.is_empty() => window.finish(bot, done, &mut lanes),
                }
            }
        };
        window.confirm(batch.is_empty());
        if !batch.is_empty() && batch.iter().all(|update| update_id(update).is_none()) {
            // Nothing of it can ever be confirmed, so that it would come again at once.
            tokio::time::sleep(bot.context.patience.retry_max).await;
        }
        for update in batch {
            window.admit(bot, update, &mut lanes);
        }
        let patience = tokio::time::sleep(bot.context.patience.retry_first * BUSY_PAUSES);
        let mut patience = std::pin::pin!(patience);
        while !lanes.is_empty() {
            tokio::select! {
                Some(done) = lanes.next() => window.finish(bot, done, &mut lanes),
                () = &mut patience => break,
            }
        }
        if window.advance() {
            save_offset(bot, window.offset).await;
        }
        // While something waits, Telegram answers at once anyway.
        wait = if lanes.is_empty() { bot.context.patience.poll } else { Duration::ZERO };
    }
}

/// An update on its way into the inbox.
type Lanes<'b> = FuturesUnordered<Pin<Box<dyn Future<Output = Done> + Send + 'b>>>;

/// An update that is accepted.
#[derive(Clone, Copy)]
struct Done {
    id: u32,
    lane: i64,
}

/// The updates from the offset on that were seen.
#[derive(Default)]
struct Window {
    /// What the next poll asks from, which confirms all before; `None` where there is nothing to confirm.
    offset: Option<u32>,
    /// Not accepted yet.
    open: BTreeSet<u32>,
    /// Accepted, but not before the offset yet.
    accepted: BTreeSet<u32>,
    /// What waits behind an update of the same chat that is on its way.
    waiting: HashMap<i64, VecDeque<ReadUpdate>>,
}

impl Window {
    /// Takes an update up, unless it is known.
    fn admit<'b>(&mut self, bot: &'b Bot, update: Value, lanes: &mut Lanes<'b>) {
        let Some(id) = update_id(&update) else { return };
        if self.open.contains(&id) || self.accepted.contains(&id) {
            return;
        }
        let Some(update) = intake::read(bot, update) else {
            self.accepted.insert(id);
            return;
        };
        self.open.insert(id);
        if let Some(queue) = self.waiting.get_mut(&update.lane) {
            queue.push_back(update);
        } else {
            self.waiting.insert(update.lane, VecDeque::new());
            lanes.push(Box::pin(carry(bot, update)));
        }
    }

    /// Notes what is accepted, and sends the next of the same chat on its way.
    fn finish<'b>(&mut self, bot: &'b Bot, done: Done, lanes: &mut Lanes<'b>) {
        self.open.remove(&done.id);
        self.accepted.insert(done.id);
        match self.waiting.get_mut(&done.lane).and_then(VecDeque::pop_front) {
            Some(next) => lanes.push(Box::pin(carry(bot, next))),
            None => {
                self.waiting.remove(&done.lane);
            }
        }
    }

    /// A poll came back, so that all before its offset is confirmed. Where nothing more is there, the next poll needs no offset.
    fn confirm(&mut self, nothing_left: bool) {
        if nothing_left && self.open.is_empty() && self.accepted.is_empty() {
            self.offset = None;
        }
    }

    /// Moves the offset to the first update that is not accepted; whether it moved.
    fn advance(&mut self) -> bool {
        let Some(last) = self.accepted.last().copied() else { return false };
        let next = self.open.first().copied().unwrap_or_else(|| last.saturating_add(1));
        self.accepted = self.accepted.split_off(&next);
        let moved = self.offset.is_none_or(|offset| offset != next);
        self.offset = Some(next);
        moved
    }
}

async fn carry(bot: &Bot, update: ReadUpdate) -> Done {
    intake::accept_at_last(bot, &update.meaning).await;
    Done { id: update.id, lane: update.lane }
}

/// One batch. Failures that may pass are told in the status and tried again.
async fn poll(bot: &Bot, offset: Option<u32>, wait: Duration) -> Result<Vec<Value>, ChannelFailure> {
    let mut back_off = BackOff::new(bot.context.patience);
    let mut wait = wait;
    loop {
        let mut parameters =
            json!({ "timeout": wait.as_secs(), "limit": BATCH_MAX, "allowed_updates": ALLOWED_UPDATES });
        if let Some(offset) = offset {
            parameters["offset"] = json!(offset);
        }
        let begun = Instant::now();
        match bot.api.call_within::<Vec<Value>>("getUpdates", &parameters, bot.context.patience.silence).await {
            Ok(batch) => {
                bot.alive();
                if batch.is_empty() && was_not_waited_for(wait, begun.elapsed()) {
                    // Some servers know no long poll, and asking them without a pause would keep both sides busy with nothing.
                    tokio::time::sleep(bot.context.patience.retry_first).await;
                }
                return Ok(batch);
            }
            Err(error) => {
                if let Some(failure) = account_failure(&error) {
                    return Err(failure);
                }
                bot.troubled(&poll_words(&error));
                tokio::time::sleep(asked_pause(&error).unwrap_or_else(|| back_off.next_pause())).await;
                // To know soon whether it is over.
                wait = Duration::ZERO;
            }
        }
    }
}

/// Whether an empty answer came long before its time.
fn was_not_waited_for(wait: Duration, took: Duration) -> bool {
    took < wait / SOON_SHARE
}

/// The offset of before the restart. It saves little: all that is not confirmed comes again, and is known.
async fn load_offset(bot: &Bot) -> Option<u32> {
    let kept = bot.context.state.get(OFFSET_KEY).await.ok().flatten()?;
    let is_ours = kept.get("bot").and_then(Value::as_u64) == bot.us().map(|us| us.id);
    let age = bot.now_ms().saturating_sub(kept.get("atMs")?.as_i64()?);
    let offset = kept.get("offset")?.as_u64()?.try_into().ok()?;
    (is_ours && age < OFFSET_LASTS_MS).then_some(offset)
}

async fn save_offset(bot: &Bot, offset: Option<u32>) {
    let kept = json!({ "bot": bot.us().map(|us| us.id), "offset": offset, "atMs": bot.now_ms() });
    if let Err(error) = bot.context.state.put(OFFSET_KEY, kept).await {
        tracing::warn!(target: "telegram", account = bot.context.account, %error, "the offset is not kept; after a restart known updates come again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_poll_that_was_to_wait_can_come_too_soon() {
        let second = Duration::from_secs(1);
        assert!(was_not_waited_for(30 * second, Duration::from_millis(3)));
        assert!(!was_not_waited_for(30 * second, 29 * second));
        assert!(!was_not_waited_for(Duration::ZERO, Duration::ZERO), "it was told to come back at once");
    }
}
