//! A chat platform that forgets nothing: what people said and whether it was acknowledged, and every message of ours that shows.
//!
//! Two kinds: one takes an idempotency key, the other can only be searched for what was sent.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chela_channels::{InboundEvent, MessageId, OutboundPart, Receipt, SendError, SendErrorKind};
use tokio::sync::Notify;

use super::dice::Dice;
use super::stage::{Sabotage, Stage, locked};

/// How long typing shows after one call.
pub(super) const TYPING_LASTS: Duration = Duration::from_secs(2);

/// One platform and everything that happened on it.
pub(super) struct Platform {
    pub(super) name: &'static str,
    /// Sending the same key twice makes one message.
    pub(super) idempotent: bool,
    pub(super) stage: Arc<Stage>,
    /// Told when somebody says something, or the connection is cut.
    pub(super) news: Notify,
    state: Mutex<State>,
}

struct State {
    dice: Dice,
    weather: Weather,
    events: Vec<Event>,
    /// Places in `events` that are still to be given, in order.
    waiting: VecDeque<usize>,
    cut: Option<Break>,
    shown: Vec<Shown>,
    next_message: u64,
    /// Runs with a part that was refused for good.
    refused: BTreeSet<String>,
    /// Runs with a call that failed.
    troubled: BTreeSet<String>,
    typing: Vec<(String, i64)>,
    opened: u32,
    /// How often it was cut off by its own fault.
    cuts: u32,
}

/// Something that happened there.
#[derive(Debug, Clone)]
pub(super) struct Event {
    /// For the log: `m17`, `e18`.
    pub(super) name: String,
    pub(super) what: InboundEvent,
    /// What the gateway said; the event is acknowledged then.
    pub(super) receipt: Option<Receipt>,
    pub(super) expect: Expect,
    pub(super) is_command: bool,
    pub(super) is_of_stranger: bool,
}

/// What is to become of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// It is answered.
    Answer,
    /// Nobody takes it.
    Silence,
    /// As the rules stood when it was heard.
    Either,
    /// It is no message of its own.
    News,
}

/// One message of ours.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) id: u64,
    pub(super) chat: String,
    pub(super) run: String,
    pub(super) part: u32,
    pub(super) text: String,
    pub(super) deleted: bool,
}

/// What goes wrong, in percent of the calls.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weather {
    pub(super) slow_ms: u64,
    pub(super) limited: u64,
    pub(super) unreachable: u64,
    pub(super) unknown: u64,
    pub(super) refused: u64,
}

/// How the connection ends next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    Disconnect,
    Panic,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Done,
    /// It is carried out, and nobody tells.
    Unheard,
    /// It is not carried out, and nobody tells.
    Lost,
    Limited(Duration),
    Unreachable,
    Refused,
}

/// A call's way there and back.
pub(super) struct Trip {
    pub(super) there: Duration,
    pub(super) fate: Fate,
    pub(super) back: Duration,
}

impl Event {
    /// Something that is to become of it what `expect` says.
    pub(super) fn new(name: String, what: InboundEvent, expect: Expect) -> Self {
        Self { name, what, receipt: None, expect, is_command: false, is_of_stranger: false }
    }

    /// Where a message was said.
    pub(super) fn chat(&self) -> Option<&str> {
        match &self.what {
            InboundEvent::Message(message) => Some(&message.chat),
            InboundEvent::Edited(_) | InboundEvent::Deleted { .. } | InboundEvent::Reaction(_) => None,
        }
    }
}

impl Weather {
    pub(super) fn foul(dice: &mut Dice) -> Self {
        let mut odds = |most| if dice.percent(50) { dice.below(most) } else { 0 };
        Self { slow_ms: odds(4_000), limited: odds(40), unreachable: odds(40), unknown: odds(50), refused: odds(15) }
    }
}

impl Fate {
    /// What the caller hears, if the call was not carried out or nobody tells.
    pub(super) fn error(self) -> Option<SendError> {
        let kind = match self {
            Self::Done => return None,
            Self::Unheard | Self::Lost => SendErrorKind::Unknown,
            Self::Limited(after) => SendErrorKind::RateLimited { after },
            Self::Unreachable => SendErrorKind::Unreachable,
            Self::Refused => SendErrorKind::Refused,
        };
        Some(SendError::new(kind, "scripted"))
    }
}

impl Platform {
    pub(super) fn new(stage: &Arc<Stage>, name: &'static str, idempotent: bool) -> Arc<Self> {
        let empty = State {
            dice: Dice::new(stage.seed, name),
            weather: Weather::default(),
            events: Vec::new(),
            waiting: VecDeque::new(),
            cut: None,
            shown: Vec::new(),
            next_message: 1_000,
            refused: BTreeSet::new(),
            troubled: BTreeSet::new(),
            typing: Vec::new(),
            opened: 0,
            cuts: 0,
        };
        Arc::new(Self { name, idempotent, stage: stage.clone(), news: Notify::new(), state: Mutex::new(empty) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    pub(super) fn note(&self, line: impl AsRef<str>) {
        self.stage.note(format!("{}: {}", self.name, line.as_ref()));
    }

    /// The next free id of a message: people's and ours are of one row.
    pub(super) fn next_id(&self) -> u64 {
        let mut state = self.state();
        state.next_message += 1;
        state.next_message
    }

    /// Something happened; the gateway is still to hear of it.
    pub(super) fn happened(&self, event: Event) {
        let mut state = self.state();
        let at = state.events.len();
        state.events.push(event);
        state.waiting.push_back(at);
        drop(state);
        self.news.notify_one();
    }

    /// An event of before is given once more.
    pub(super) fn repeat(&self, dice: &mut Dice) {
        let mut state = self.state();
        if !state.events.is_empty() {
            let at = dice.index(state.events.len());
            state.waiting.push_back(at);
        }
        drop(state);
        self.news.notify_one();
    }

    pub(super) fn set_weather(&self, weather: Weather) {
        self.note(format!("{weather:?}"));
        self.state().weather = weather;
    }

    pub(super) fn cut(&self, how: Break) {
        let mut state = self.state();
        state.cut = Some(how);
        state.cuts += 1;
        drop(state);
        self.news.notify_one();
    }

    /// It is cut off by another's fault.
    pub(super) fn drag(&self) {
        self.state().cut = Some(Break::Disconnect);
        self.news.notify_one();
    }

    /// A connection is made: the last events come again, acknowledged or not, as platforms do.
    pub(super) fn connected(&self) {
        let mut state = self.state();
        state.opened += 1;
        state.cut = None;
        // What nobody took may be taken under other rules; in the end it stays as it is.
        let may_come_again = |event: &Event| match event.receipt {
            Some(Receipt::Accepted | Receipt::Duplicate) => true,
            Some(Receipt::Ignored) => !self.stage.is_calm(),
            None => false,
        };
        let heard: Vec<usize> = (0..state.events.len()).filter(|at| may_come_again(&state.events[*at])).collect();
        let again = usize::try_from(state.dice.below(4)).unwrap_or_default().min(heard.len());
        let open = (0..state.events.len()).filter(|at| state.events[*at].receipt.is_none());
        state.waiting = heard[heard.len() - again..].iter().copied().chain(open).collect();
        drop(state);
        self.note("connected");
    }

    /// What the worker does next; `None`: it waits for news.
    pub(super) fn next(&self) -> Option<Result<(usize, InboundEvent), Break>> {
        let mut state = self.state();
        if let Some(cut) = state.cut.take() {
            return Some(Err(cut));
        }
        let at = *state.waiting.front()?;
        Some(Ok((at, state.events[at].what.clone())))
    }

    /// Whether the gateway took the event at this place before.
    pub(super) fn was_acknowledged(&self, at: usize) -> bool {
        self.state().events[at].receipt.is_some()
    }

    /// The gateway took the event at this place.
    pub(super) fn acknowledged(&self, at: usize, receipt: Receipt) {
        let mut state = self.state();
        state.waiting.pop_front();
        let event = &mut state.events[at];
        let (name, before, is_said) = (event.name.clone(), event.receipt, event.chat().is_some());
        if before != Some(Receipt::Accepted) {
            event.receipt = Some(receipt);
        }
        drop(state);
        if is_said && (before, receipt) == (Some(Receipt::Accepted), Receipt::Accepted) {
            self.stage.complain(format!("G9: {} {name} was accepted twice", self.name));
        }
        self.note(format!("heard {name}: {receipt:?}"));
    }

    /// What becomes of the next call.
    pub(super) fn trip(&self) -> Trip {
        let mut state = self.state();
        if self.stage.is_calm() {
            return Trip { there: Duration::from_millis(20), fate: Fate::Done, back: Duration::from_millis(20) };
        }
        let Weather { slow_ms, limited, unreachable, unknown, refused } = state.weather;
        let dice = &mut state.dice;
        let fate = if dice.percent(limited) {
            Fate::Limited(Duration::from_millis(200 + dice.below(20_000)))
        } else if dice.percent(unreachable) {
            Fate::Unreachable
        } else if dice.percent(unknown) {
            if dice.percent(50) { Fate::Unheard } else { Fate::Lost }
        } else if dice.percent(refused) {
            Fate::Refused
        } else {
            Fate::Done
        };
        Trip { there: dice.millis(30 + slow_ms), fate, back: dice.millis(30 + slow_ms) }
    }

    /// Carries out a send. With an idempotency key the second of one key is the first.
    pub(super) fn show(&self, part: &OutboundPart) -> u64 {
        let key = (part.key.run.clone(), part.key.part);
        let mut state = self.state();
        let same = |shown: &&Shown| !shown.deleted && (&shown.run, shown.part) == (&key.0, key.1);
        let before = state.shown.iter().find(same).map(|shown| shown.id);
        if let (Some(id), true) = (before, self.idempotent && !self.stage.is_sabotaged(Sabotage::ForgetsNonces)) {
            return id;
        }
        state.next_message += 1;
        let id = state.next_message;
        let text = part.content.plain.clone();
        state.shown.push(Shown {
            id,
            chat: part.chat.clone(),
            run: key.0.clone(),
            part: key.1,
            text: text.clone(),
            deleted: false,
        });
        drop(state);
        self.note(format!("shows {id} in {}: {}#{} {text:?}", part.chat, key.0, key.1));
        if let Some(first) = before {
            let (run, part) = key;
            self.stage.complain(format!("G9: {run}#{part} shows twice on {}, as {first} and {id}", self.name));
        }
        id
    }

    /// The message of this part, if it shows and is newer than `since`. Where there is an idempotency key, there is no search.
    pub(super) fn search(&self, part: &OutboundPart, since: Option<&MessageId>, known: &[MessageId]) -> Option<u64> {
        if self.stage.is_sabotaged(Sabotage::FindsNothing) {
            return None;
        }
        // Where a key keeps from saying twice, only that is relied upon, so that both ways are walked. A message that was sent
        // anew after its first one was removed has another key, and is found by its words as on the real platforms.
        let is_found = |shown: &Shown| !self.idempotent || shown.run != run_of(&shown.run);
        let since = since.and_then(|id| id.0.parse().ok()).unwrap_or(0);
        let state = self.state();
        let fits = |shown: &&Shown| {
            !shown.deleted
                && is_found(shown)
                && shown.chat == part.chat
                && shown.id > since
                && (run_of(&shown.run), shown.part) == (run_of(&part.key.run), part.key.part)
                && !known.iter().any(|known| known.0 == shown.id.to_string())
        };
        state.shown.iter().rev().find(fits).map(|shown| shown.id)
    }

    /// Changes a message of ours. Returns whether it is there.
    pub(super) fn change(&self, id: &MessageId, change: impl FnOnce(&mut Shown)) -> bool {
        let mut state = self.state();
        let shown = state.shown.iter_mut().find(|shown| !shown.deleted && shown.id.to_string() == id.0);
        shown.map(change).is_some()
    }

    /// A call for a part failed.
    pub(super) fn failed(&self, part: &OutboundPart, kind: SendErrorKind) {
        let run = run_of(&part.key.run).to_owned();
        let mut state = self.state();
        if kind == SendErrorKind::Refused {
            state.refused.insert(run.clone());
        }
        state.troubled.insert(run);
    }

    pub(super) fn typed(&self, chat: &str) {
        let late = if self.stage.is_sabotaged(Sabotage::TypesForEver) { 600_000 } else { 0 };
        let now = self.stage.now_ms() + late;
        self.state().typing.push((chat.to_owned(), now));
    }

    /// Whether any part of this run was refused for good.
    pub(super) fn refused(&self, run: &str) -> bool {
        self.state().refused.contains(run)
    }

    /// Whether any call for this run failed.
    pub(super) fn was_in_trouble(&self, run: &str) -> bool {
        self.state().troubled.contains(run)
    }

    pub(super) fn events(&self) -> Vec<Event> {
        self.state().events.clone()
    }

    /// Everything of ours that shows now, oldest first.
    pub(super) fn shown(&self) -> Vec<Shown> {
        self.state().shown.iter().filter(|shown| !shown.deleted).cloned().collect()
    }

    /// When typing was called, by chat.
    pub(super) fn typing(&self) -> BTreeMap<String, Vec<i64>> {
        let mut calls = BTreeMap::<String, Vec<i64>>::new();
        for (chat, at) in &self.state().typing {
            calls.entry(chat.clone()).or_default().push(*at);
        }
        calls
    }

    /// Nothing is left to be given.
    pub(super) fn is_heard(&self) -> bool {
        self.state().waiting.is_empty()
    }

    /// How often it was opened, and how often it was cut off.
    pub(super) fn connections(&self) -> (u32, u32) {
        let state = self.state();
        (state.opened, state.cuts)
    }
}

/// The run whose part this is, also where it was sent anew. Platforms are searched for the words, which are the same.
fn run_of(key: &str) -> &str {
    key.split(":anew").next().unwrap_or_default()
}
