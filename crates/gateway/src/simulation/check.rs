//! What must hold when everything is quiet: every promise, against what the platforms saw and what the store says.

use std::collections::{BTreeMap, BTreeSet};

use chela_agent::Reply;
use chela_channels::Receipt;
use chela_channels::render::{Dialect, render};
use chela_store::{InboxRow, InboxState, OutboxRow, StoreError};

use super::automations;
use super::channel::message_limits;
use super::model::END;
use super::platform::{Event, Expect, Platform, Shown};
use super::stage::Stage;
use crate::app::Gateway;

/// How long typing may be called after a turn has ended (G38).
const TYPING_REST_MS: i64 = 2_000;
/// What a preview of an aborted turn says.
const STOPPED: &str = "(stopped)";
/// How the runs of codes for strangers begin.
const PAIRING: &str = "pairing:";

/// What the store says of one platform.
struct Books {
    /// By event.
    rows: BTreeMap<String, InboxRow>,
    /// Answers that were given up, by their run: in which chat, and why.
    dead: BTreeMap<String, (String, String)>,
}

/// Complains of everything that does not hold.
pub(super) async fn all_is_well(gateway: &Gateway, stage: &Stage, platform: &Platform) -> Result<(), StoreError> {
    let (books, events) = (read(gateway, platform).await?, platform.events());
    let mut shown = BTreeMap::<String, Vec<Shown>>::new();
    for part in platform.shown() {
        let run = part.run.split(":anew").next().unwrap_or_default().to_owned();
        shown.entry(run).or_default().push(part);
    }
    let audit = Audit { stage, platform, books, events, shown };
    audit.messages();
    audit.strangers();
    audit.nothing_else();
    audit.order();
    audit.typing();
    Ok(())
}

async fn read(gateway: &Gateway, platform: &Platform) -> Result<Books, StoreError> {
    let store = &gateway.store;
    let mut rows = BTreeMap::new();
    for event in platform.events() {
        if let Some(row) = store.inbox_by_platform_id(platform.name, "default", &event.name).await? {
            rows.insert(event.name, row);
        }
    }
    let dead = store.dead_letters(usize::MAX).await?.into_iter().filter(|row| row.channel == platform.name);
    let named = |row: OutboxRow| (Reply::from_body(&row.body).run, (row.chat, row.last_error.unwrap_or_default()));
    let dead = dead.map(named).collect();
    Ok(Books { rows, dead })
}

struct Audit<'a> {
    stage: &'a Stage,
    platform: &'a Platform,
    books: Books,
    events: Vec<Event>,
    /// What shows of each run, in the order of the parts' making.
    shown: BTreeMap<String, Vec<Shown>>,
}

impl Audit<'_> {
    fn complain(&self, what: impl AsRef<str>) {
        self.stage.complain(format!("{}: {}", self.platform.name, what.as_ref()));
    }

    /// G7, G9: what was acknowledged is answered once, in its own chat, and what nobody may say is not answered.
    fn messages(&self) {
        for event in &self.events {
            let (name, receipt) = (&event.name, event.receipt);
            let taken = matches!(receipt, Some(Receipt::Accepted | Receipt::Duplicate));
            match event.expect {
                _ if receipt.is_none() => self.complain(format!("G7: {name} was never taken")),
                Expect::Answer if !taken => self.complain(format!("G7: {name} was refused: {receipt:?}")),
                Expect::Silence if taken => self.complain(format!("access: {name} was taken: {receipt:?}")),
                Expect::Answer | Expect::Either if taken => self.message(event),
                Expect::Answer | Expect::Silence | Expect::Either | Expect::News => {}
            }
        }
    }

    fn message(&self, event: &Event) {
        let name = &event.name;
        let Some(row) = self.books.rows.get(name) else {
            return self.complain(format!("G7: {name} was acknowledged and is not in the store"));
        };
        match row.state {
            InboxState::Queued | InboxState::Running => self.complain(format!("G7: {name} is still open")),
            InboxState::Aborted if !self.stage.may_abort() => {
                self.complain(format!("G7: {name} was aborted, and nobody asked for it"));
            }
            InboxState::Aborted => {}
            InboxState::Done | InboxState::Failed => {
                let runs = self.runs_of(event, row);
                match runs.first().filter(|_| runs.len() == 1) {
                    Some(run) => self.answered(event, row, run),
                    None => self.complain(format!("G7: {name} has {} answers: {runs:?}", runs.len())),
                }
            }
        }
    }

    /// The runs that answer a row: its own, or that of the turn into which it went. Rows of one turn end together.
    fn runs_of(&self, event: &Event, row: &InboxRow) -> BTreeSet<String> {
        let end = |row: &InboxRow| (row.session.clone(), row.state, row.closed_at_ms, row.result.clone());
        let together = |other: &&InboxRow| other.id == row.id || (!event.is_command && end(other) == end(row));
        let runs = self.books.rows.values().filter(together).map(|row| row.run.to_string());
        runs.filter(|run| self.shown.contains_key(run) || self.books.dead.contains_key(run)).collect()
    }

    /// G8: the answer shows whole and once, or stands among the dead letters because the platform refused it.
    fn answered(&self, event: &Event, row: &InboxRow, run: &str) {
        let (name, said) = (&event.name, row.result.as_deref().unwrap_or_default());
        if let Some((_, reason)) = self.books.dead.get(run) {
            if reason.is_empty() || !self.platform.refused(run) {
                self.complain(format!("G8: the answer {run} was given up: {reason:?}"));
            }
            return;
        }
        let parts = self.shown.get(run).map(Vec::as_slice).unwrap_or_default();
        if parts.iter().any(|part| event.chat() != Some(part.chat.as_str())) {
            self.complain(format!("G7: {name} is answered in another chat, by {run}"));
        }
        let shows = parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join("\n");
        // A failure is told in a sentence around its message.
        let is_whole = match row.state {
            InboxState::Failed => squeezed(&shows).contains(&squeezed(&rendered(said))),
            _ => squeezed(&shows) == squeezed(&rendered(said)),
        };
        if !is_whole {
            self.complain(format!("G8: the answer {run} shows as {shows:?} and should be {said:?}"));
        }
        let is_to_the_point = event.is_command || (names(said, name) && said.ends_with(END));
        if row.state == InboxState::Done && !is_to_the_point {
            self.complain(format!("G7: {name} is answered with {said:?}"));
        }
        if !parts.iter().map(|part| part.part).eq(0..u32::try_from(parts.len()).unwrap_or(u32::MAX)) {
            self.complain(format!("order: the parts of {run} are not in a row"));
        }
    }

    /// Strangers get one code, and nothing else.
    fn strangers(&self) {
        let asked: BTreeSet<&str> =
            self.events.iter().filter(|event| event.is_of_stranger).filter_map(Event::chat).collect();
        for chat in asked {
            let shown = self.shown.iter().filter(|(_, parts)| parts[0].chat == chat).map(|(run, _)| run);
            let dead = self.books.dead.iter().filter(|(_, (place, _))| place == chat).map(|(run, _)| run);
            // One whose first part shows may have been given up behind it.
            let codes: BTreeSet<&String> = shown.chain(dead).filter(|run| run.starts_with(PAIRING)).collect();
            if codes.len() != 1 {
                self.complain(format!("pairing: the stranger in {chat} was given {codes:?}"));
            }
        }
    }

    /// G9: nothing shows that nobody was to be told.
    fn nothing_else(&self) {
        for (run, parts) in &self.shown {
            let row = self.books.rows.values().find(|row| row.run.as_str() == run);
            let text = &parts[0].text;
            let is_meant = match row.map(|row| row.state) {
                None => run.starts_with(PAIRING) || automations::is_ours(run),
                // The mark is an edit, which may fail, or die with the gateway.
                Some(InboxState::Aborted) => {
                    text.contains(STOPPED) || self.stage.has_died() || self.platform.was_in_trouble(run)
                }
                Some(_) => true,
            };
            if !is_meant {
                self.complain(format!("G9: {run} shows and is no answer: {text:?}"));
            }
        }
    }

    /// Answers of one chat show in the order in which their turns ended. Where a preview went ahead, what follows it does not.
    fn order(&self) {
        let first_counted = u32::from(self.stage.has_previews());
        let mut ended: Vec<&InboxRow> = self.books.rows.values().collect();
        ended.sort_by_key(|row| row.closed_at_ms);
        let mut last = BTreeMap::<&str, (u64, &InboxRow)>::new();
        for row in ended {
            let Some(parts) = self.shown.get(row.run.as_str()) else { continue };
            let counted: Vec<&Shown> = parts.iter().filter(|part| part.part >= first_counted).collect();
            let ids: Vec<u64> = counted.iter().map(|part| part.id).collect();
            let (Some(first), Some(newest)) = (ids.iter().min(), ids.iter().max()) else { continue };
            if let Some((before, other)) = last.get(parts[0].chat.as_str())
                && before > first
                && other.closed_at_ms < row.closed_at_ms
            {
                self.complain(format!("order: {} shows before {}, which ended before", row.run, other.run));
            }
            if !counted.is_sorted_by_key(|part| part.part) || !ids.is_sorted() {
                self.complain(format!("order: the parts of {} show as {ids:?}", row.run));
            }
            last.insert(&parts[0].chat, (*newest, row));
        }
    }

    /// G38: typing is called only while somebody is being answered.
    fn typing(&self) {
        // Where automations answer no event begins a turn.
        for (chat, calls) in self.platform.typing().into_iter().filter(|(chat, _)| chat.as_str() != automations::CHAT) {
            let here = self.events.iter().filter(|event| event.chat() == Some(chat.as_str()));
            let rows = here.filter_map(|event| self.books.rows.get(&event.name));
            let busy: Vec<(i64, i64)> = rows.filter_map(|row| Some((row.received_at_ms, row.closed_at_ms?))).collect();
            for at in calls {
                if !busy.iter().any(|(from, to)| (*from..=to + TYPING_REST_MS).contains(&at)) {
                    self.complain(format!("G38: typing in {chat} at {}", Stage::since_begin(at)));
                    break;
                }
            }
        }
    }
}

/// A text as the platforms show it.
fn rendered(text: &str) -> String {
    render(text, Dialect::Plain, message_limits()).into_iter().map(|part| part.plain).collect::<Vec<_>>().join("\n")
}

/// A text without its spaces and line breaks: where an answer is cut, they go.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

/// Whether a text names a message, in its first words or after an edit.
fn names(text: &str, name: &str) -> bool {
    text.contains(&format!("[{name}]")) || text.contains(&format!("[{name}v"))
}
