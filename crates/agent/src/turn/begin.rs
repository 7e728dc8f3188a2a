//! How a turn begins: its row is marked running and its input stands in the transcript, or a cut-off run is picked up.

use std::collections::HashSet;
use std::time::Duration;

use chela_llm::{Media, StopReason, Thinking, Usage};
use chela_store::{InboxId, InboxRow, InboxState, Item, NewItem, Session, StoreError, Tail, TurnStart};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;

use super::client::{offered, results_body};
use super::compact::Overflow;
use super::repeats::Repeats;
use super::state::{Stop, Turn, TurnTrust};
use super::told::Shows;
use super::{TURN_MAX, TurnCancel, TurnJob, TurnWorld, item_id};
use crate::context::{Prefix, Room};
use crate::media_type::is_shown;
use crate::transcript::{ItemBody, UserBody};
use crate::{
    AbortReason, Attachment, FailureKind, Trust, TurnEnd, TurnEventKind, TurnEvents, TurnInput, parse_thinking,
};

/// Longest text attachment that is put into the conversation, in bytes.
const TEXT_ATTACHMENT_MAX_BYTES: usize = 64 * 1024;

pub(super) enum Begun<'a> {
    Turn(Box<Turn<'a>>),
    /// The row was answered before, with this.
    Closed(TurnEnd),
}

pub(super) async fn begin<'a>(
    world: &'a TurnWorld,
    job: TurnJob,
    events: &'a TurnEvents,
    cancel: &'a TurnCancel,
) -> Result<Begun<'a>, StoreError> {
    let now_ms = world.clock.now_ms();
    let session = match world.store.session(&job.row.session).await? {
        Some(session) => session,
        None => world.store.ensure_session(&job.row.session, &job.row.agent, now_ms).await?,
    };
    let items = first_items(world, &job, &session, now_ms).await;
    let fresh = items.len();
    let start = TurnStart { inbox: job.row.id, session_id: session.id.clone(), items, now_ms };
    let begins = world.store.begin_turn(start);
    // What was said before is read while the disk takes the new input.
    let reads = async {
        let turn = Box::new(assemble(world, job, events, cancel, session));
        let before = turn.read_back(i64::MAX).await?;
        Ok::<_, StoreError>((turn, before))
    };
    let (own, read) = tokio::join!(begins, reads);
    let (mut turn, before) = read?;
    let own = match own {
        Ok(items) => items,
        Err(error @ StoreError::NotFound { .. }) => {
            return closed(world, &turn.row).await?.map(Begun::Closed).ok_or(error);
        }
        Err(error) => return Err(error),
    };
    let resumed = turn.row.attempts > 0 || own.len() > fresh;
    turn.take_up(&own);
    match with_own(before, &own) {
        Some(history) if !resumed => turn.history = history,
        _ => turn.read_history().await?,
    }
    turn.emit(TurnEventKind::Started { at_ms: now_ms, resumed }).await;
    if !resumed {
        for item in own {
            turn.emit(TurnEventKind::Item { id: item.id, seq: item.seq }).await;
        }
    }
    Ok(Begun::Turn(turn))
}

/// The history of a turn that has just written its first items, made of what was read at about the same time. `None` if it was read
/// in between something else: the conversation was written to, summarised, or put away.
fn with_own(mut before: Tail, own: &[Item]) -> Option<Tail> {
    let (first, last) = (own.first()?, own.last()?);
    let same = |item: &Item| item.session_id == first.session_id;
    let (begin, end) = match (before.items.first(), before.items.last()) {
        (Some(oldest), Some(newest)) if same(newest) => (oldest.seq, newest.seq),
        (None, None) if before.complete => (1, 0),
        _ => return None,
    };
    if end + 1 == first.seq {
        before.items.extend(own.iter().cloned());
    } else if end != last.seq || begin > first.seq {
        return None;
    }
    Some(before)
}

/// How the row ended, if it did: a turn that it was steered or collected into may have answered it.
async fn closed(world: &TurnWorld, row: &InboxRow) -> Result<Option<TurnEnd>, StoreError> {
    let Some(row) = world.store.inbox_by_run(&row.run).await?.filter(|newest| newest.id == row.id) else {
        return Ok(None);
    };
    let text = row.result.unwrap_or_default();
    Ok(Some(match row.state {
        InboxState::Failed => TurnEnd::Failed { message: text, kind: FailureKind::Unknown },
        InboxState::Aborted => TurnEnd::Aborted { text, reason: AbortReason::User },
        InboxState::Queued | InboxState::Running => return Ok(None),
        InboxState::Done => {
            TurnEnd::Final { text, stop: StopReason::EndTurn, usage: Usage::default(), calls: Vec::new() }
        }
    }))
}

async fn first_items(world: &TurnWorld, job: &TurnJob, session: &Session, now_ms: i64) -> Vec<NewItem> {
    let mut bodies = Vec::new();
    for row in std::iter::once(&job.row).chain(&job.also) {
        bodies.extend(input_bodies(world, row, now_ms).await);
    }
    let item = |(index, body): (usize, ItemBody)| {
        body.into_item(item_id(session, job.row.id, index), Some(&job.row.run), now_ms)
    };
    bodies.into_iter().enumerate().map(item).collect()
}

/// What stands in the transcript of an inbox row: what the client's tools gave, right behind their calls, and what was said.
pub(super) async fn input_bodies(world: &TurnWorld, row: &InboxRow, now_ms: i64) -> Vec<ItemBody> {
    let mut input = TurnInput::from_body(&row.body);
    let results = std::mem::take(&mut input.client_results);
    let is_silent = input.text.trim().is_empty() && input.attachments.is_empty();
    let results = if results.is_empty() {
        None
    } else {
        Some(ItemBody::ToolResults(results_body(results, &world.profile.workspace).await))
    };
    let said = (results.is_none() || !is_silent)
        .then(|| ItemBody::User(user_body(row, input, &world.profile.timezone, now_ms)));
    results.into_iter().chain(said).collect()
}

fn user_body(row: &InboxRow, input: TurnInput, timezone: &TimeZone, now_ms: i64) -> UserBody {
    let mut body = UserBody {
        text: input.text,
        media: Vec::new(),
        day: Some(day(timezone, now_ms)),
        inbox: Some(row.id),
        client_key: Some(row.platform_id.clone()),
        origin: input.origin,
        sender_is_owner: input.sender_is_owner,
        untrusted: input.untrusted,
    };
    for attachment in input.attachments {
        attach(&mut body, attachment);
    }
    body
}

fn day(timezone: &TimeZone, now_ms: i64) -> String {
    let now = Timestamp::from_millisecond(now_ms).unwrap_or_default().to_zoned(timezone.clone());
    now.strftime("%A, %Y-%m-%d").to_string()
}

/// Images and PDFs go to the model as they are, text becomes part of the message, and anything else is named. So is a file that
/// nobody fetched: an empty picture in the history would make every later call fail.
fn attach(body: &mut UserBody, attachment: Attachment) {
    let Attachment { mime, name, data, source } = attachment;
    let mime = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if source.is_none() && is_shown(&mime) {
        body.media.push(Media { mime, data, name });
        return;
    }
    let name = name.as_deref().unwrap_or("without a name");
    let is_text = mime.starts_with("text/") || matches!(mime.as_str(), "application/json" | "application/xml");
    let text = is_text.then(|| base64_text(&data)).flatten();
    let block = match text {
        _ if source.is_some() => format!("[attachment {name} ({mime}) left out: it was not fetched]"),
        Some(text) if text.len() <= TEXT_ATTACHMENT_MAX_BYTES => {
            format!("<attachment name=\"{name}\" type=\"{mime}\">\n{text}\n</attachment>")
        }
        Some(text) => format!("[attachment {name} ({mime}) left out: {} bytes of text are too many]", text.len()),
        None => format!("[attachment {name} ({mime}) left out: only images, PDFs and text can be read]"),
    };
    body.text = if body.text.is_empty() { block } else { [body.text.as_str(), &block].join("\n\n") };
}

fn base64_text(data: &str) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(data.trim()).ok()?;
    String::from_utf8(bytes).ok()
}

/// The turn, all but its history and its own items.
fn assemble<'a>(
    world: &'a TurnWorld,
    job: TurnJob,
    events: &'a TurnEvents,
    cancel: &'a TurnCancel,
    session: Session,
) -> Turn<'a> {
    let mut input = TurnInput::from_body(&job.row.body);
    let profile = &world.profile;
    let (primary, fallbacks) = profile.model_texts(input.model.as_deref().or(session.settings.model.as_deref()));
    let chain = world.models.chain(primary.as_deref(), &fallbacks);
    let model = world.models.info(&chain[0]);
    let skills = world.skills.prompt_of(input.skills.as_deref());
    let client_tools = offered(std::mem::take(&mut input.client_tools), &world.tools);
    let client_names = client_tools.iter().map(|tool| tool.name.clone()).collect();
    let tools = [world.tools.definitions(), client_tools].concat();
    let prefix = Prefix::new(profile, &session.key, &skills, tools, input.extra_system.as_deref());
    let shows = Shows::of(&input, &session.settings, world.defaults.response_usage);
    let chosen = input.thinking.or_else(|| session.settings.thinking_level.as_deref().and_then(parse_thinking));
    let timeout = input.timeout_ms.filter(|ms| *ms > 0).map_or(profile.timeout, Duration::from_millis);
    Turn {
        world,
        events,
        max_output_tokens: input.max_output_tokens,
        temperature: input.temperature,
        thinking: chosen.or(profile.thinking).unwrap_or(Thinking::Low),
        room: Room::of(profile, &model, &prefix),
        stop: Stop::new(cancel, timeout.min(TURN_MAX)),
        tool_stop: CancellationToken::new(),
        also: Vec::new(),
        collected: job.also,
        first_seq: 0,
        own: 0,
        said: String::new(),
        steer: job.steer,
        row: job.row,
        deliver: input.deliver,
        shows,
        context_tokens: session.context_tokens,
        session,
        chain,
        model,
        client_tools: client_names,
        prefix,
        history: Tail::default(),
        calls: 0,
        usage: Usage::default(),
        repeats: Repeats::default(),
        trust: TurnTrust::new(Trust::new()),
        shrunk: 0,
        overflow: Overflow::Near,
        kept: HashSet::new(),
    }
}

impl Turn<'_> {
    /// Takes up the items that the turn has written so far: its input, and more if it was cut off.
    fn take_up(&mut self, own: &[Item]) {
        self.also = also(&self.row, own);
        // Collected since a crash: not yet among the items of the turn that is picked up, so they come in like steered ones.
        let collected = std::mem::take(&mut self.collected);
        collected.into_iter().filter(|row| !self.also.contains(&row.id)).for_each(|row| self.steer.push(row));
        if let Some(first) = own.first() {
            // The key may have got a new conversation since the crash; the run belongs to the one in which it began.
            self.session.id = first.session_id.clone();
            self.first_seq = first.seq;
        }
        self.own = own.len();
        self.said = said(own);
        self.trust = TurnTrust::new(Trust::of(own.iter().filter_map(ItemBody::of)));
    }
}

/// The other rows that this turn answers: those whose words stand among its items.
fn also(row: &InboxRow, own: &[Item]) -> Vec<InboxId> {
    let taken = own.iter().filter_map(|item| match ItemBody::of(item) {
        Some(ItemBody::User(body)) => body.inbox,
        _ => None,
    });
    taken.filter(|id| *id != row.id).collect()
}

/// The last words of a run that is picked up.
fn said(own: &[Item]) -> String {
    let texts = own.iter().rev().filter_map(|item| match ItemBody::of(item) {
        Some(ItemBody::Assistant(body)) => Some(body.text()),
        _ => None,
    });
    texts.into_iter().find(|text| !text.trim().is_empty()).unwrap_or_default()
}
