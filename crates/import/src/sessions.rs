//! Moves conversations in: from lists and transcripts in files, and from the databases of agents. Each is one transaction.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chela_protocol::{AgentId, SessionId, SessionKey};
use chela_store::{
    ImportedAs, ImportedConversation, ImportedPlace, ImportedStep, OpenclawTable, SessionSettings, StepSink, Store,
    StoreError,
};
use serde_json::Value;

use crate::configuration::Moved;
use crate::convert::{Converted, Converter};
use crate::databases::{Databases, Opened};
use crate::entries::{self, SessionEntry, is_owners};
use crate::outline::{ActivePath, Head, Outline};
use crate::report::{ConversationReport, FileTold, ImportFault, Ledger};
use crate::source::AgentFolder;
use crate::transcript::Transcript;
use crate::{ImportError, ImportRequest};

/// Faults of one transcript that are named; the rest is counted in one.
const FAULTS_NAMED: usize = 20;

/// Where a conversation stands that no list names any more: `/new` was said since, or the list is lost.
const UNLISTED: &str = "imported";

/// A conversation that was found, and what is known of it.
struct Found {
    key: SessionKey,
    id: String,
    /// Where it stands, for people.
    path: PathBuf,
    transcript: Transcript,
    entry: Option<SessionEntry>,
    place: ImportedPlace,
    /// Where the entry doesn't say.
    started_at_ms: i64,
}

pub(crate) async fn move_in(
    request: &ImportRequest<'_>,
    moved: &Moved,
    databases: &Databases,
    store: Option<&Store>,
    ledger: &mut Ledger,
) -> Result<(), ImportError> {
    for agent in &request.source.agents {
        let mut found = Vec::new();
        if let Some(opened) = databases.of_agent(&agent.id) {
            in_database(agent, opened, ledger, &mut found);
        }
        in_files(request, agent, moved, ledger, &mut found);
        for conversation in found {
            one(request, conversation, store, ledger).await?;
        }
    }
    Ok(())
}

/// The conversations of an agent's database: those of the past first, so that the present one comes to stand for its key.
fn in_database(agent: &AgentFolder, opened: &Opened, ledger: &mut Ledger, found: &mut Vec<Found>) {
    let text =
        |row: &serde_json::Map<String, Value>, name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
    let nodes = opened.rows(OpenclawTable::SessionNodes, ledger);
    let mut listed = BTreeMap::new();
    for row in &nodes {
        let (Some(key), Some(json)) = (text(row, "session_key"), text(row, "entry_json")) else { continue };
        let mut entry = serde_json::from_str::<Value>(&json).ok().as_ref().and_then(SessionEntry::read);
        if entry.is_none() {
            ledger.fault(&opened.path, None, format!("session_nodes: the entry of `{key}` can't be read"));
            let session_id = text(row, "current_session_id").unwrap_or_default();
            entry = Some(SessionEntry { session_id, ..SessionEntry::default() });
        }
        let mut entry = entry.unwrap_or_default();
        let set = |name: &str| row.get(name).is_some_and(Value::is_number);
        entry.settings.archived |= set("archived_at");
        entry.settings.pinned |= set("pinned_at");
        listed.insert(key, entry);
    }
    let cold = cold_archives(agent, ledger);
    let windows = opened.rows(OpenclawTable::SessionWindows, ledger);
    let mut of_key = Vec::new();
    for row in &windows {
        let (Some(id), Some(key)) = (text(row, "session_id"), text(row, "session_key")) else { continue };
        let started = row.get("created_at").and_then(Value::as_i64).unwrap_or(0);
        of_key.push((started, id, key));
    }
    of_key.sort();
    let is_current = |key: &str, id: &str| listed.get(key).is_some_and(|entry| entry.session_id == id);
    let (current, past): (Vec<_>, Vec<_>) = of_key.into_iter().partition(|(_, id, key)| is_current(key, id));
    let count = past.len() + current.len();
    for (started_at_ms, id, key) in past.into_iter().chain(current) {
        let Some(session_key) = key_of(&key, agent) else {
            ledger.fault(&opened.path, None, format!("session_windows: `{key}` is no session key"));
            continue;
        };
        let transcript = match cold.get(&id) {
            Some(path) => Transcript::CompressedLines(path.clone()),
            None => Transcript::Rows { opened: opened.clone(), session: id.clone() },
        };
        let entry = listed.get(&key).cloned();
        let place = if is_current(&key, &id) {
            ImportedPlace::Current(Box::new(entry.as_ref().map(|entry| entry.settings.clone()).unwrap_or_default()))
        } else {
            ImportedPlace::Past
        };
        found.push(Found { key: session_key, id, path: opened.path.clone(), transcript, entry, place, started_at_ms });
    }
    let told = [("session_nodes", nodes.len()), ("session_windows", count)];
    for (table, count) in told.into_iter().filter(|(_, count)| *count > 0) {
        ledger.named(opened.table(table, ledger), FileTold::applied("conversations, listed by themselves", count, 0));
    }
}

/// Conversations that were put away compressed, by their id.
fn cold_archives(agent: &AgentFolder, ledger: &mut Ledger) -> HashMap<String, PathBuf> {
    let dir = agent.dir.join("sessions/cold");
    let mut archives = HashMap::new();
    for path in files_in(&dir).into_iter().filter(|path| has_end(path, ".jsonl.zst")) {
        let header = |text: &str| serde_json::from_str::<Value>(text).ok()?.get("id")?.as_str().map(str::to_owned);
        match Transcript::CompressedLines(path.clone()).first(header) {
            Some(id) => {
                ledger.claim(&path);
                archives.insert(id, path);
            }
            None => ledger.fault(&path, None, "it can't be read"),
        }
    }
    archives
}

/// The conversations that stand in files: those that the list names, then all others.
fn in_files(
    request: &ImportRequest<'_>,
    agent: &AgentFolder,
    moved: &Moved,
    ledger: &mut Ledger,
    found: &mut Vec<Found>,
) {
    let dir = agent.dir.join("sessions");
    let list_path = moved.session_list(&request.source.dir, &agent.id).unwrap_or_else(|| dir.join("sessions.json"));
    let transcripts = list_path.parent().unwrap_or(&dir).to_owned();
    let mut taken = HashSet::new();
    if list_path.is_file() {
        listed(agent, &list_path, &transcripts, ledger, &mut taken, found);
    }
    for path in files_in(&transcripts) {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default().to_owned();
        // After a reset the file of the conversation before keeps its name with a time behind it, in some releases.
        let stem = name.strip_suffix(".jsonl").or_else(|| name.split_once(".jsonl.reset.").map(|(stem, _)| stem));
        let Some(stem) = stem.filter(|_| !taken.contains(&path)) else { continue };
        let place = format!("{UNLISTED}:{stem}");
        let key = SessionKey::scoped(&AgentId::new(&*agent.id), &place);
        let settings = SessionSettings { archived: true, ..SessionSettings::default() };
        ledger.claim(&path);
        found.push(Found {
            key,
            id: stem.to_owned(),
            transcript: Transcript::Lines(path.clone()),
            path,
            entry: None,
            place: ImportedPlace::Current(Box::new(settings)),
            started_at_ms: 0,
        });
    }
}

fn listed(
    agent: &AgentFolder,
    list_path: &Path,
    transcripts: &Path,
    ledger: &mut Ledger,
    taken: &mut HashSet<PathBuf>,
    found: &mut Vec<Found>,
) {
    let list = match entries::read_list(list_path) {
        Ok(list) => list,
        Err(error) => return ledger.fault(list_path, None, error.to_string()),
    };
    if let Some(cut) = &list.cut {
        ledger.fault(list_path, None, format!("{cut}; what it doesn't name is taken from the transcripts"));
    }
    for key in &list.unreadable {
        ledger.fault(list_path, None, format!("the entry of `{key}` names no conversation"));
    }
    let count = list.entries.len();
    for (key, entry) in list.entries {
        let Some(session_key) = key_of(&key, agent) else {
            ledger.fault(list_path, None, format!("`{key}` is no session key"));
            continue;
        };
        let Some(path) = transcript_of(&entry, transcripts) else {
            // Somebody chose something for it and never spoke there.
            continue;
        };
        if !taken.insert(path.clone()) {
            ledger.fault(list_path, None, format!("`{key}` has a transcript that another key has too"));
            continue;
        }
        ledger.claim(&path);
        let id = path.file_stem().and_then(OsStr::to_str).unwrap_or(&entry.session_id).to_owned();
        let place = ImportedPlace::Current(Box::new(entry.settings.clone()));
        let transcript = Transcript::Lines(path.clone());
        found.push(Found { key: session_key, id, path, transcript, entry: Some(entry), place, started_at_ms: 0 });
    }
    ledger.file(list_path, FileTold::applied("conversations, listed by themselves", count, 0));
}

/// The transcript of an entry, which may name it by its path on another machine.
fn transcript_of(entry: &SessionEntry, dir: &Path) -> Option<PathBuf> {
    let named = entry.file.as_deref().and_then(|file| Path::new(file).file_name()).map(|name| dir.join(name));
    let by_id = dir.join(format!("{}.jsonl", entry.session_id));
    named.into_iter().chain([by_id]).find(|path| path.starts_with(dir) && path.is_file())
}

/// A key as it is called here. Direct chats were called `dm` in January; short keys are their agent's.
fn key_of(key: &str, agent: &AgentFolder) -> Option<SessionKey> {
    let key = SessionKey::parse(key, &AgentId::new(&*agent.id)).ok()?;
    let parts: Vec<&str> = key.place().split(':').collect();
    // The kind of a chat is the first to the third part, behind a channel and an account.
    let at = parts.iter().take(3).position(|part| *part == "dm").filter(|at| at + 1 < parts.len());
    let Some(at) = at else { return Some(key) };
    let mut parts = parts;
    parts[at] = "direct";
    Some(SessionKey::scoped(&key.agent(), &parts.join(":")))
}

/// What became of the entries of one conversation.
#[derive(Default)]
struct Tally {
    items: usize,
    left: usize,
    faults: Vec<(Option<u64>, String)>,
    more_faults: usize,
}

impl Tally {
    fn fault(&mut self, line: Option<u64>, message: impl Into<String>) {
        if self.faults.len() < FAULTS_NAMED {
            self.faults.push((line, message.into()));
        } else {
            self.more_faults += 1;
        }
    }
}

/// Moves what stands in one transcript: a conversation, and those before it where somebody began anew within it.
async fn one(
    request: &ImportRequest<'_>,
    found: Found,
    store: Option<&Store>,
    ledger: &mut Ledger,
) -> Result<(), ImportError> {
    let (outline, times) = outline_of(&found.transcript);
    let paths = outline.active_paths();
    let said: HashSet<u64> = paths.iter().flat_map(|path| path.numbers.iter().copied()).collect();
    let said = Arc::new(said);
    let last = paths.len() - 1;
    for (index, path) in paths.into_iter().enumerate() {
        let part = Part { path, said: Arc::clone(&said), is_last: index == last };
        // What follows a reset is named by it, so that it keeps its name when there is another one.
        let id = match &part.path.reset {
            Some(reset) => format!("{}:{}", found.id, reset.id),
            None => found.id.clone(),
        };
        // An empty conversation is moved only where it stands for its key, in place of one before.
        if times.messages > 0 && (part.is_last || !part.path.numbers.is_empty()) {
            segment(request, &found, id, part, &times, store, ledger).await?;
        } else {
            let tally = dry(&found, &part)?;
            tell(ledger, &found, &id, None, tally);
        }
    }
    Ok(())
}

/// One conversation of a transcript.
struct Part {
    path: ActivePath,
    /// Entries of all conversations of the transcript.
    said: Arc<HashSet<u64>>,
    /// It is the one in force; what belongs to none is told with it.
    is_last: bool,
}

async fn segment(
    request: &ImportRequest<'_>,
    found: &Found,
    id: String,
    part: Part,
    times: &Times,
    store: Option<&Store>,
    ledger: &mut Ledger,
) -> Result<(), ImportError> {
    let Some(store) = store else {
        let tally = dry(found, &part)?;
        tell(ledger, found, &id, None, tally);
        return Ok(());
    };
    let entry = found.entry.as_ref();
    let by_entry = entry.and_then(|entry| entry.started_at_ms).unwrap_or(0);
    let begun = match &part.path.reset {
        Some(reset) => [reset.at_ms.unwrap_or(0), by_entry, times.first],
        None => [times.first, by_entry, found.started_at_ms],
    };
    let started_at_ms = begun.into_iter().find(|ms| *ms > 0).unwrap_or(request.now_ms);
    let updated_at_ms = entry.and_then(|entry| entry.updated_at_ms).unwrap_or(times.last.max(started_at_ms));
    let place = if part.is_last { found.place.clone() } else { ImportedPlace::Past };
    let conversation =
        ImportedConversation { key: found.key.clone(), id: SessionId::new(&*id), started_at_ms, updated_at_ms, place };
    let (transcript, converter) = (found.transcript.clone(), found.converter(started_at_ms));
    let produced = store.import_conversation(conversation, move |sink| produce(&transcript, &part, converter, sink));
    match produced.await {
        Ok((outcome, tally)) => tell(ledger, found, &id, Some(outcome), tally),
        // The disk is full, say: nothing else could be written either.
        Err(error @ (StoreError::DiskFull | StoreError::Closed)) => return Err(error.into()),
        Err(error) => ledger.fault(&found.path, None, format!("conversation {id}: {error}")),
    }
    Ok(())
}

/// Only counts.
fn dry(found: &Found, part: &Part) -> Result<Tally, StoreError> {
    let mut position = 0;
    produce(&found.transcript, part, found.converter(0), &mut |_| {
        position += 1;
        Ok(position)
    })
}

impl Found {
    fn converter(&self, started_at_ms: i64) -> Converter {
        Converter::new(&self.id, is_owners(self.key.place(), self.entry.as_ref()), started_at_ms)
    }
}

fn tell(ledger: &mut Ledger, found: &Found, id: &str, outcome: Option<ImportedAs>, tally: Tally) {
    let name = ledger.name(&found.path);
    for (line, message) in tally.faults {
        let message = format!("conversation {id}: {message}");
        ledger.fault_named(ImportFault { path: name.clone(), line, message });
    }
    if tally.more_faults > 0 {
        let message = format!("conversation {id}: {} more entries can't be read", tally.more_faults);
        ledger.fault_named(ImportFault { path: name.clone(), line: None, message });
    }
    let (words, new) = match outcome {
        _ if tally.items == 0 => ("empty", 0),
        None => ("would be moved", tally.items),
        Some(ImportedAs::Current) => ("moved", tally.items),
        Some(ImportedAs::Past) => ("moved, behind a newer conversation of the same key", tally.items),
        Some(ImportedAs::Grown(added)) => ("moved before, and now what came since", added),
        Some(ImportedAs::Known) => ("moved before", 0),
        Some(ImportedAs::TalkedOn) => ("moved before and gone on with here: left as it is", 0),
    };
    let is_new = matches!(outcome, None | Some(ImportedAs::Current | ImportedAs::Past)) && tally.items > 0;
    ledger.counts().conversations += usize::from(is_new);
    ledger.counts().items += new;
    ledger.conversation(ConversationReport {
        key: found.key.to_string(),
        id: id.to_owned(),
        path: name,
        items: tally.items,
        left: tally.left,
        outcome: words,
    });
}

/// When a conversation began and ended by its entries, and how much was said in it.
#[derive(Default)]
struct Times {
    first: i64,
    last: i64,
    messages: usize,
}

/// The first reading: only where each entry stands.
fn outline_of(transcript: &Transcript) -> (Outline, Times) {
    let (mut outline, mut times) = (Outline::default(), Times::default());
    // What can't be read is told by the second reading.
    let _ = transcript.each(|number, entry| {
        let Some(head) = entry.ok().and_then(|text| serde_json::from_str::<Head>(text).ok()) else { return };
        if let Some(ms) = head.time() {
            times.last = ms;
            if times.first == 0 {
                times.first = ms;
            }
        }
        times.messages += usize::from(head.kind == "message");
        outline.add(number, &head);
    });
    (outline, times)
}

/// The second reading: every entry of the conversation, in order, one at a time.
fn produce(
    transcript: &Transcript,
    part: &Part,
    mut converter: Converter,
    sink: StepSink<'_>,
) -> Result<Tally, StoreError> {
    let path = &part.path;
    let mut tally = Tally::default();
    let mut failure = None;
    let kept: HashSet<u64> = path.first_kept.values().copied().collect();
    // Where what summaries keep begins: the position of an entry, or of the next one that says something.
    let (mut kept_at, mut waiting) = (HashMap::<u64, i64>::new(), Vec::new());
    let mut last_position = 0;
    let mut take = |number: u64, entry: &Value, tally: &mut Tally| -> Result<(), StoreError> {
        if kept.contains(&number) {
            waiting.push(number);
        }
        let step = match converter.entry(number, entry) {
            Converted::Item { item, usage } => ImportedStep::Item { item, usage },
            Converted::Summary(draft) => {
                let begins = path.first_kept.get(&number).and_then(|kept| kept_at.get(kept)).copied();
                let context_from = begins.unwrap_or(last_position + 1);
                ImportedStep::Summary { item: draft.item(context_from), context_from }
            }
            Converted::Nothing => {
                tally.left += 1;
                return Ok(());
            }
            Converted::Unknown(why) => {
                tally.fault(Some(number), why);
                return Ok(());
            }
        };
        last_position = sink(step)?;
        tally.items += 1;
        kept_at.extend(waiting.drain(..).map(|number| (number, last_position)));
        Ok(())
    };
    let read = transcript.each(|number, entry| {
        let is_mine = path.numbers.contains(&number);
        // What is in no conversation is told once, with the last one.
        if !is_mine && (!part.is_last || part.said.contains(&number)) {
            return;
        }
        let text = match entry {
            Ok(text) => text,
            Err(why) => return tally.fault(Some(number), why),
        };
        match serde_json::from_str::<Value>(text) {
            Ok(parsed) if parsed.is_object() && is_mine => {
                if failure.is_none() {
                    failure = take(number, &parsed, &mut tally).err();
                }
            }
            Ok(parsed) if parsed.is_object() => tally.left += 1,
            _ => tally.fault(Some(number), "it is no JSON object"),
        }
    });
    if let (Err(why), true) = (read, part.is_last) {
        tally.fault(None, why);
    }
    failure.map_or(Ok(tally), Err)
}

fn files_in(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

fn has_end(path: &Path, end: &str) -> bool {
    path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.ends_with(end))
}
