//! Which old tool results a call carries shortened, and what is left of them. Pure: the same transcript gives the same answer,
//! whenever it is asked.
//!
//! Shortening changes bytes that a vendor has cached, so it comes in steps and stays between them (G27): when a conversation is
//! taken up after the cache has expired anyway, and each time it has grown by a quarter of its room while it nears the window.

use std::fmt::Write as _;

use chela_llm::ToolResult;
use chela_store::{Item, ItemKind, Reach, Tail};

use crate::context::Room;
use crate::context_config::{PruningMode, PruningSettings};
use crate::kept::RESULTS;
use crate::transcript::{ItemBody, ToolResultsBody};

/// Steps in which a conversation that nears its window is shortened, as parts of its room.
const STEPS: u64 = 4;
/// A result that is shorter is no longer than the line that would stand in its place, in bytes.
const LINE_MIN_BYTES: usize = 400;

/// How much of a result is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Whole,
    /// Its beginning and its end.
    Short,
    /// One line that says where it is.
    Line,
}

/// What decides, for one turn.
#[derive(Debug, Clone)]
pub(crate) struct Pruning<'a> {
    settings: &'a PruningSettings,
    window: u64,
    /// Tokens of history that fit.
    room: u64,
}

/// Everything that ends before a place in the conversation, seen from some item.
struct Mark {
    /// Tokens from the beginning of the conversation.
    at: u64,
    /// The item at which it came to stand; answers are counted back from there.
    seen_from: usize,
    level: Level,
}

impl<'a> Pruning<'a> {
    pub(crate) fn new(settings: &'a PruningSettings, room: Room) -> Self {
        Self { settings, window: room.window, room: room.history }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.settings.mode != PruningMode::Off
    }

    /// How far back a history is read. Where old results are shortened, more of it fits than its items weigh.
    pub(crate) fn reach(&self) -> Reach {
        let all = if self.is_on() { self.room * 2 } else { self.room };
        Reach { all, besides_results: self.room }
    }

    /// How each item is shown. Items of other kinds than results are always whole.
    pub(crate) fn levels(&self, history: &Tail) -> Vec<Level> {
        if !self.is_on() {
            return vec![Level::Whole; history.items.len()];
        }
        let ends = ends(history);
        let cold = self.cold_marks(history, &ends);
        let near = [
            self.step_mark(&ends, self.room / STEPS * 2, Level::Short),
            self.step_mark(&ends, self.room / STEPS * 3, Level::Line),
        ];
        self.marked(history, &ends, cold.into_iter().chain(near.into_iter().flatten()))
    }

    /// How each item is shown when the last turn alone doesn't fit otherwise.
    pub(crate) fn tight_levels(&self, history: &Tail) -> Vec<Level> {
        let ends = ends(history);
        let mark = self.step_mark(&ends, self.room / STEPS, Level::Line);
        self.marked(history, &ends, mark.into_iter())
    }

    fn marked(&self, history: &Tail, ends: &[u64], marks: impl Iterator<Item = Mark>) -> Vec<Level> {
        let items = &history.items;
        let mut levels = vec![Level::Whole; items.len()];
        for mark in marks {
            let level = if self.settings.hard_clear { mark.level } else { mark.level.min(Level::Short) };
            let free = self.first_protected(items, mark.seen_from);
            for index in 0..free {
                if items[index].kind == ItemKind::ToolResults && ends[index] <= mark.at {
                    levels[index] = levels[index].max(level);
                }
            }
        }
        levels
    }

    /// Behind the newest turn that was asked for after the cache had expired.
    fn cold_marks(&self, history: &Tail, ends: &[u64]) -> Vec<Mark> {
        let items = &history.items;
        let is_cold = |index: &usize| {
            let quiet = items[*index].created_at_ms.saturating_sub(items[index - 1].created_at_ms);
            crate::shown::starts_turn(items, *index) && quiet >= self.settings.ttl_ms
        };
        let Some(cold) = (1..items.len()).rev().find(is_cold) else { return Vec::new() };
        let mark = |ratio: f64, level| {
            let at = ends[cold - 1].saturating_sub(part(self.window, ratio));
            Mark { at, seen_from: cold, level }
        };
        vec![mark(self.settings.soft_trim_ratio, Level::Short), mark(self.settings.hard_clear_ratio, Level::Line)]
    }

    /// The last full step that is at least `room` before the end.
    fn step_mark(&self, ends: &[u64], room: u64, level: Level) -> Option<Mark> {
        let step = (self.room / STEPS).max(1);
        let at = ends.last()?.saturating_sub(room) / step * step;
        // Where the conversation was when it came to this step: the same for as long as the step is.
        let seen_from = ends.iter().position(|end| *end >= at + room)?;
        (at > 0).then_some(Mark { at, seen_from, level })
    }

    /// The first item whose results stay whole because they are among the newest.
    fn first_protected(&self, items: &[Item], seen_from: usize) -> usize {
        let answers = (0..seen_from).rev().filter(|index| items[*index].kind == ItemKind::Assistant);
        match self.settings.keep_last_assistants {
            0 => seen_from,
            keep => answers.take(keep).last().unwrap_or(seen_from),
        }
    }

    /// What is left of the results of an item.
    pub(crate) fn shorten(&self, item: &Item, mut body: ToolResultsBody, level: Level) -> ToolResultsBody {
        for (place, entry) in body.results.iter_mut().enumerate() {
            match level {
                Level::Whole => {}
                Level::Short => self.to_short(&mut entry.result, &file_of(item, place)),
                Level::Line => self.to_line(&mut entry.result, &file_of(item, place)),
            }
        }
        body
    }

    fn to_short(&self, result: &mut ToolResult, file: &str) {
        leave_media_out(result);
        let count = result.text.chars().count();
        let (head, tail) = (self.settings.head_chars, self.settings.tail_chars);
        if count <= self.settings.max_chars || count <= head + tail {
            return;
        }
        let start: String = result.text.chars().take(head).collect();
        let end: String = result.text.chars().skip(count - tail).collect();
        let left_out = count - head - tail;
        let path = path_of(file);
        result.text =
            format!("{start}\n[… {left_out} of {count} characters left out by now; all of it is in {path} …]\n{end}");
    }

    fn to_line(&self, result: &mut ToolResult, file: &str) {
        leave_media_out(result);
        if result.text.len() >= LINE_MIN_BYTES {
            let count = result.text.chars().count();
            result.text =
                format!("{} ({count} characters; all of it is in {})", self.settings.placeholder, path_of(file));
        }
    }

    /// The results of which only a part is shown, newest first, with the names of the files that are to hold them.
    pub(crate) fn shortened<'h>(
        &self,
        history: &'h Tail,
        levels: &[Level],
    ) -> impl Iterator<Item = (String, ToolResult)> + use<'h, '_, 'a> {
        let items = history.items.iter().zip(levels.to_vec()).rev();
        let bodies =
            items.filter(|(_, level)| *level != Level::Whole).filter_map(|(item, level)| match ItemBody::of(item)? {
                ItemBody::ToolResults(body) => Some((item, level, body)),
                _ => None,
            });
        bodies.flat_map(move |(item, level, body)| {
            let short = self.shorten(item, body.clone(), level);
            let pairs = body.results.into_iter().zip(short.results).enumerate();
            let cut = pairs.filter(|(_, (whole, short))| whole.result.text.len() > short.result.text.len());
            cut.map(|(place, (whole, _))| (file_of(item, place), whole.result)).collect::<Vec<_>>()
        })
    }
}

/// Where each item ends, in tokens from the beginning of the conversation.
fn ends(history: &Tail) -> Vec<u64> {
    let mut at = history.tokens_before;
    let end = |item: &Item| {
        at += item.tokens;
        at
    };
    history.items.iter().map(end).collect()
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "windows are far below 2^52, and ratios between 0 and 1"
)]
fn part(window: u64, ratio: f64) -> u64 {
    (window as f64 * ratio) as u64
}

/// The name of the file that holds a result: of the item, so that no other result has it.
fn file_of(item: &Item, place: usize) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    let id: String = item.id.as_str().chars().map(plain).take(100).collect();
    if place == 0 { format!("{id}.txt") } else { format!("{id}-{place}.txt") }
}

fn path_of(file: &str) -> String {
    format!("{}/{}/{file}", RESULTS[0], RESULTS[1])
}

fn leave_media_out(result: &mut ToolResult) {
    for media in std::mem::take(&mut result.media) {
        let name = media.name.as_deref().unwrap_or("without a name");
        let _ = write!(result.text, "\n[attachment {name} ({}) left out by now]", media.mime);
    }
}
