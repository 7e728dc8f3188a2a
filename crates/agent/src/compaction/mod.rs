//! Compaction: the older part of a conversation becomes a summary, and the newest turns stay word for word.
//!
//! ```text
//! context:  [summary] older turns … │ newest turns      ─▶  [new summary] │ newest turns
//! transcript: everything, for ever; search and history still find it
//! ```
//!
//! Until the summary is written, in one transaction with the new start of the context, nothing has changed: a crash, a failing
//! model and a summary of no use all leave the conversation as it was. Runs beside turns of the same session: of two that
//! summarise the same part, the slower one is told so.

mod cut;
mod flush;
mod summary;
mod words;

use chela_llm::{Block, Completion, LlmError, LlmErrorKind, Message, ModelRef, Request, Role, StopReason, StreamEvent};
use chela_llm::{SystemBlock, Thinking};
use chela_protocol::{ItemId, RunId};
use chela_store::{ItemKind, NewSummary, Session, Spent, StoreError, Tail, fault};
use futures_util::StreamExt;

pub(crate) use self::cut::{Keep, keep_from};
use crate::context::{Prefix, Room, window_of};
use crate::transcript::{CompactionBody, ItemBody, fnv1a, tokens_of_bytes};
use crate::turn::{estimate_of, usage_of};
use crate::untrusted::mark_id;
use crate::{Reservation, Speaker, Spender, TurnWorld};

/// Longest summary, in tokens.
const SUMMARY_MAX_TOKENS: u64 = 8_000;
/// Shortest room for one, in tokens, however small the window is.
const SUMMARY_MIN_TOKENS: u64 = 256;
/// Items that are read from the store at once: few, since each may hold pictures of megabytes.
const PAGE_ITEMS: usize = 8;

/// What to compact, and how.
#[derive(Debug, Clone)]
pub struct CompactionOrder {
    /// Becomes the summary's: the same order, repeated after a crash, is carried out once.
    pub id: ItemId,
    pub run: RunId,
    /// Who gave it.
    pub by: Speaker,
    /// What the summary should dwell on, in a person's words.
    pub focus: Option<String>,
    /// At most so many items stay word for word.
    pub keep_items: Option<usize>,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compacted {
    Done(CompactionDone),
    /// Everything stands in the newest turns.
    Nothing,
    /// Somebody else has summarised the same part meanwhile.
    Overtaken,
}

/// A summary that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompactionDone {
    pub id: ItemId,
    pub seq: i64,
    /// Position of the first item that is still shown word for word.
    pub first_kept: i64,
    /// What the context holds before and after, by our own estimate.
    pub tokens_before: u64,
    pub tokens_after: u64,
}

/// Why there is no summary. The conversation is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CompactionError {
    #[error("{0}")]
    Model(LlmError),
    /// A budget has no room for the call.
    #[error("{0}")]
    Budget(String),
    #[error("the summary was of no use: {0}")]
    Useless(&'static str),
    #[error("it took longer than {} seconds (agents.defaults.compaction.timeoutSeconds)", .0.as_secs())]
    TimedOut(std::time::Duration),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a compaction works with.
pub(crate) struct Job<'a> {
    pub world: &'a TurnWorld,
    pub session: &'a Session,
    /// The conversation's own models; the configured one for summaries comes before them.
    pub chain: &'a [ModelRef],
    pub room: Room,
    pub history: &'a Tail,
    /// Position of the first item that stays word for word.
    pub first_kept: i64,
    pub id: ItemId,
    pub run: &'a RunId,
    pub focus: Option<&'a str>,
    pub memory: Memory,
}

/// A summary before it is an item.
pub(crate) struct Written {
    pub summary: String,
    /// Something that anybody may have written had a part in it, so that it may be the author of some of its words.
    pub is_untrusted: bool,
}

/// Whether notes are taken before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Memory {
    Flush,
    Leave,
}

/// Summarises the older part of a session now, beside whatever turn is going on in it.
pub async fn compact_session(
    world: &TurnWorld,
    session: &Session,
    order: CompactionOrder,
) -> Result<Compacted, CompactionError> {
    let profile = &world.profile;
    let (primary, fallbacks) = profile.model_texts(session.settings.model.as_deref());
    let chain = world.models.chain(primary.as_deref(), &fallbacks);
    let model = world.models.info(&chain[0]);
    let skills = world.skills.prompt_of(None);
    let prefix = Prefix::new(profile, &session.key, &skills, world.tools.definitions(), None);
    let room = Room::of(profile, &model, &prefix);
    let history = world.store.tail_in_context(&session.id, room.history, i64::MAX).await?;
    // Who asks for it wants room, however much there is.
    let tokens = history.items.iter().map(|item| item.tokens).sum::<u64>() / 4;
    let usual = Keep::of(profile, room);
    let keep = Keep { items: order.keep_items, tokens: usual.tokens.min(tokens), ..usual };
    let first_kept = keep_from(&history, keep);
    let CompactionOrder { id, run, by, focus, .. } = order;
    let memory = memory_of(world, session, by);
    let job = Job {
        world,
        session,
        chain: &chain,
        room,
        history: &history,
        first_kept,
        id,
        run: &run,
        focus: focus.as_deref(),
        memory,
    };
    job.run().await
}

/// Notes are taken of the main conversation only, where the words are the owner's, and by agents that may write.
pub(crate) fn memory_of(world: &TurnWorld, session: &Session, speaker: Speaker) -> Memory {
    let may = world.profile.compaction.memory_flush && world.tools.get("write").is_some();
    if may && speaker == Speaker::Owner && session.key.is_main() { Memory::Flush } else { Memory::Leave }
}

impl Job<'_> {
    /// Runs to the written summary or to the reason why there is none.
    pub(crate) async fn run(self) -> Result<Compacted, CompactionError> {
        if self.first_kept <= self.history.from {
            return Ok(Compacted::Nothing);
        }
        let limit = self.world.profile.compaction.timeout;
        let summary = tokio::time::timeout(limit, self.write_summary()).await;
        let summary = summary.map_err(|_| CompactionError::TimedOut(limit))??;
        let Written { summary, is_untrusted } = summary;
        let mark = if is_untrusted { mark_id() } else { String::new() };
        let (tokens_before, tokens_after) = self.sizes(&summary);
        if tokens_after >= tokens_before {
            return Err(CompactionError::Useless("it is longer than what it stands for"));
        }
        let body = CompactionBody { summary, mark, first_kept: self.first_kept, tokens_before, tokens_after };
        let item = ItemBody::Compaction(body).into_item(self.id.clone(), Some(self.run), self.world.clock.now_ms());
        fault::point("compaction.before_write");
        let written = self.world.store.summarise(NewSummary {
            session_id: self.session.id.clone(),
            item,
            context_was_from: self.history.from,
            context_from: self.first_kept,
        });
        let Some(seq) = written.await? else { return Ok(Compacted::Overtaken) };
        fault::point("compaction.after_write");
        tracing::info!(session = %self.session.key, tokens_before, tokens_after, "the older part of a conversation is summarised");
        let Self { id, first_kept, .. } = self;
        Ok(Compacted::Done(CompactionDone { id, seq, first_kept, tokens_before, tokens_after }))
    }

    async fn write_summary(&self) -> Result<Written, CompactionError> {
        let mut scribe = Scribe::new(self);
        if self.memory == Memory::Flush {
            flush::take_notes(self, &mut scribe).await?;
        }
        summary::write(self, &mut scribe).await
    }

    /// What the context holds before and after, with results shown whole.
    fn sizes(&self, summary: &str) -> (u64, u64) {
        let said = || self.history.items.iter().filter(|item| item.kind != ItemKind::Compaction);
        let kept: u64 = said().filter(|item| item.seq >= self.first_kept).map(|item| item.tokens).sum();
        let all: u64 = said().map(|item| item.tokens).sum();
        let old = self.history.summary.as_ref().map_or(0, |item| item.tokens);
        (all + old, kept + tokens_of_bytes(summary.len()))
    }

    /// Material between tags that nothing in it can close: their name holds what only we know.
    fn tagged(&self, name: &str, material: &str) -> String {
        let tag = format!("{name}-{:016x}", fnv1a(self.session.id.as_str().as_bytes()));
        format!("<{tag}>\n{}\n</{tag}>\n\n", material.trim())
    }

    /// Longest summary, in tokens.
    fn summary_tokens(&self) -> u64 {
        SUMMARY_MAX_TOKENS.min(self.room.history / 4).max(SUMMARY_MIN_TOKENS)
    }
}

/// The one who is asked for summaries and notes.
struct Scribe<'a> {
    job: &'a Job<'a>,
    chain: Vec<ModelRef>,
    /// Longest part of a conversation that one call may carry, in bytes.
    part_bytes: usize,
    max_output_tokens: u32,
}

impl<'a> Scribe<'a> {
    fn new(job: &'a Job<'a>) -> Self {
        let world = job.world;
        let own = job.chain.iter().map(ToString::to_string).collect::<Vec<_>>();
        let chosen = world.profile.compaction.model.as_deref().map(|text| world.profile.model_text(text));
        let chain = match chosen {
            Some(_) => world.models.chain(chosen, &own),
            None => job.chain.to_vec(),
        };
        let model = world.models.info(&chain[0]);
        // Models that can't but think do so within this.
        let output = (job.summary_tokens() * 2).max(4_096);
        let most = if model.max_output_tokens == 0 { u64::MAX } else { u64::from(model.max_output_tokens) };
        let own = window_of(&model);
        let window = world.profile.context_tokens.map_or(own, |cap| cap.min(own));
        let output = output.min(most).min(window / 4);
        // A fifth is left for what the estimate misses.
        let part = window.saturating_sub(output + job.summary_tokens() + summary::OWN_TOKENS) / 5 * 4;
        Self {
            job,
            chain,
            part_bytes: words::bytes_of_tokens(part.max(summary::PART_MIN_TOKENS)),
            max_output_tokens: u32::try_from(output).unwrap_or(u32::MAX),
        }
    }

    /// One call without tools. What it used is recorded.
    async fn ask(&self, system: &str, words: String) -> Result<(String, StopReason), CompactionError> {
        let place = self.reserve(system.len() + words.len()).await?;
        let request = Request {
            system: vec![SystemBlock { text: system.to_owned(), cache: false }],
            messages: vec![Message { role: Role::User, blocks: vec![Block::Text { text: words }] }],
            thinking: Thinking::Off,
            max_output_tokens: Some(self.max_output_tokens),
            ..Request::default()
        };
        fault::point("compaction.before_call");
        let mut stream = self.job.world.models.stream(&self.chain, request);
        let mut answering = self.chain[0].clone();
        let completion = loop {
            match stream.next().await {
                Some(Ok(StreamEvent::Done(completion))) => break completion,
                Some(Ok(StreamEvent::Started { provider, model })) => answering = ModelRef { provider, model },
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(CompactionError::Model(error)),
                None => return Err(CompactionError::Model(broken_off(&answering))),
            }
        };
        drop(stream);
        fault::point("compaction.after_call");
        place.settle(self.record(answering, &completion).await?);
        let texts = completion.blocks.iter().filter_map(|block| match block {
            Block::Text { text } => Some(text.as_str()),
            _ => None,
        });
        Ok((texts.collect::<String>().trim().to_owned(), completion.stop))
    }

    /// A place in the budgets for a call with so many bytes.
    async fn reserve(&self, bytes: usize) -> Result<Reservation, CompactionError> {
        let (world, session) = (self.job.world, self.job.session);
        let spender = Spender { agent: session.agent.clone(), key: session.key.clone(), session: session.id.clone() };
        let model = world.models.info(&self.chain[0]);
        let estimate = estimate_of(&model, tokens_of_bytes(bytes), u64::from(self.max_output_tokens));
        let place = world.budget.reserve(&world.store, &world.clock, &spender, estimate).await?;
        place.map_err(|reached| CompactionError::Budget(reached.message))
    }

    async fn record(&self, model: ModelRef, completion: &Completion) -> Result<Spent, StoreError> {
        let job = self.job;
        let usage = usage_of(job.world, job.session, job.run, model, &completion.usage);
        let spent = usage.spent();
        job.world.store.record_side_usage(usage).await?;
        Ok(spent)
    }
}

fn broken_off(model: &ModelRef) -> LlmError {
    LlmError {
        provider: model.provider.clone(),
        model: model.model.clone(),
        kind: LlmErrorKind::Protocol { message: "the answer broke off".to_owned() },
        status: None,
        after_output: true,
    }
}
