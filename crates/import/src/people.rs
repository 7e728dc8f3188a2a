//! Moves in whom somebody let in on a channel, and who waits to be.

use std::fs;

use chela_store::{OpenclawTable, PAIRING_KEEP_MS, PairedSender, PairingCode, Store};
use jiff::Timestamp;
use serde_json::Value;

use crate::configuration::Moved;
use crate::databases::Databases;
use crate::report::{FileTold, Ledger};
use crate::source::document;
use crate::{ImportError, ImportRequest};

/// The account of a channel that has one only.
const ONLY_ACCOUNT: &str = "default";

/// Somebody in a list.
struct Listed {
    channel: String,
    account: String,
    entry: String,
    /// Where it stands.
    source: String,
}

pub(crate) async fn move_in(
    request: &ImportRequest<'_>,
    moved: &Moved,
    databases: &Databases,
    store: Option<&Store>,
    ledger: &mut Ledger,
) -> Result<(), ImportError> {
    let mut people = listed_in_database(databases, ledger);
    let mut waiting = waiting_in_database(databases, ledger);
    in_files(request, ledger, &mut people, &mut waiting);
    // As with pairing here: the one who is let in while there is no owner is the owner, and of several nobody knows which.
    let mut senders: Vec<(&str, &str)> = people.iter().map(|listed| (&*listed.channel, plain(listed))).collect();
    senders.sort_unstable();
    senders.dedup();
    let has_owner = match store {
        Some(store) => store.paired_senders().await?.iter().any(|sender| sender.owner),
        None => false,
    };
    let owner = senders.len() == 1 && !has_owner && !moved.names_owners();
    let several = senders.len() > 1 && !has_owner && !moved.names_owners();
    let_in(&people, owner, several, request.now_ms, store, ledger).await?;
    wait(waiting, request.now_ms, store, ledger).await
}

async fn let_in(
    people: &[Listed],
    owner: bool,
    several: bool,
    now_ms: i64,
    store: Option<&Store>,
    ledger: &mut Ledger,
) -> Result<(), ImportError> {
    let mut sources: Vec<&str> = people.iter().map(|listed| &*listed.source).collect();
    sources.dedup();
    for source in sources {
        let (mut taken, mut new, mut open) = (0, 0, 0);
        for listed in people.iter().filter(|listed| listed.source == source) {
            if plain(listed) == "*" {
                open += 1;
                continue;
            }
            taken += 1;
            let sender = PairedSender {
                channel: listed.channel.clone(),
                account: listed.account.clone(),
                sender: plain(listed).to_owned(),
                name: String::new(),
                owner,
                approved_at_ms: now_ms,
            };
            let is_new = match store {
                Some(store) => store.import_sender(sender).await?,
                None => true,
            };
            new += usize::from(is_new);
        }
        ledger.counts().people += new;
        if taken > 0 {
            let detail = match (owner, several) {
                (true, _) => "people who may write; the only one, and so the owner",
                (false, true) => "people who may write; name the owners in commands.ownerAllowFrom",
                (false, false) => "people who may write",
            };
            ledger.named(source.to_owned(), FileTold::mapped(detail, taken, new));
        }
        if open > 0 {
            let why = "`*` lets everybody in: say so in the configuration (dmPolicy), if you mean it";
            ledger.named(source.to_owned(), FileTold::ignored(why, open));
        }
    }
    Ok(())
}

/// The platform's id of a person, without the channel's name before it.
fn plain(listed: &Listed) -> &str {
    let entry = listed.entry.trim();
    entry.strip_prefix(&format!("{}:", listed.channel)).unwrap_or(entry)
}

/// A request with where it stands.
type Waiting = (String, PairingCode);

async fn wait(
    waiting: Vec<Waiting>,
    now_ms: i64,
    store: Option<&Store>,
    ledger: &mut Ledger,
) -> Result<(), ImportError> {
    let mut sources: Vec<String> = waiting.iter().map(|(source, _)| source.clone()).collect();
    sources.dedup();
    for source in sources {
        let of_source = waiting.iter().filter(|(from, _)| *from == source).map(|(_, code)| code);
        let (fresh, old): (Vec<_>, Vec<_>) =
            of_source.partition(|code| code.requested_at_ms > now_ms - PAIRING_KEEP_MS && !code.code.is_empty());
        let mut new = 0;
        for code in &fresh {
            let is_new = match store {
                Some(store) => store.import_pairing_code((*code).clone()).await?,
                None => true,
            };
            new += usize::from(is_new);
        }
        ledger.counts().people += new;
        if !fresh.is_empty() {
            ledger.named(source.clone(), FileTold::mapped("people who wait to be let in", fresh.len(), new));
        }
        if !old.is_empty() {
            ledger.named(source, FileTold::ignored("requests whose hour is over", old.len()));
        }
    }
    Ok(())
}

fn listed_in_database(databases: &Databases, ledger: &mut Ledger) -> Vec<Listed> {
    let table = OpenclawTable::ChannelPairingAllowEntries;
    let rows = databases.shared(table, ledger);
    let Some(opened) = &databases.state else { return Vec::new() };
    let source = opened.table(table.name(), ledger);
    let text =
        |row: &serde_json::Map<String, Value>, name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
    let listed = rows.iter().filter_map(|row| {
        Some(Listed {
            channel: text(row, "channel_key")?,
            account: account(text(row, "account_id")),
            entry: text(row, "entry")?,
            source: source.clone(),
        })
    });
    listed.collect()
}

fn waiting_in_database(databases: &Databases, ledger: &mut Ledger) -> Vec<Waiting> {
    let table = OpenclawTable::ChannelPairingRequests;
    let rows = databases.shared(table, ledger);
    let Some(opened) = &databases.state else { return Vec::new() };
    let source = opened.table(table.name(), ledger);
    let text =
        |row: &serde_json::Map<String, Value>, name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
    let waiting = rows.iter().filter_map(|row| {
        let code = PairingCode {
            channel: text(row, "channel_key")?,
            account: account(text(row, "account_id")),
            sender: text(row, "request_id")?,
            name: String::new(),
            chat: text(row, "request_id")?,
            code: text(row, "code")?,
            requested_at_ms: time(&text(row, "created_at")?),
        };
        Some((source.clone(), code))
    });
    waiting.collect()
}

/// `credentials/<channel>-allowFrom.json` and `credentials/<channel>-pairing.json`, some releases with the account behind the channel.
fn in_files(request: &ImportRequest<'_>, ledger: &mut Ledger, people: &mut Vec<Listed>, waiting: &mut Vec<Waiting>) {
    let entries = fs::read_dir(request.source.dir.join("credentials")).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let (stem, is_list) = match (name.strip_suffix("-allowFrom.json"), name.strip_suffix("-pairing.json")) {
            (Some(stem), _) => (stem, true),
            (None, Some(stem)) => (stem, false),
            (None, None) => continue,
        };
        let (channel, only) = stem.split_once('-').unwrap_or((stem, ONLY_ACCOUNT));
        ledger.claim(&path);
        let found = match document(&path) {
            Ok(found) => found.unwrap_or_default(),
            Err(why) => {
                ledger.fault(&path, None, why);
                ledger.file(&path, FileTold::ignored("it can't be read", 1));
                continue;
            }
        };
        let source = ledger.name(&path);
        let list = |name: &str| found.get(name).and_then(Value::as_array).into_iter().flatten();
        if is_list {
            people.extend(list("allowFrom").filter_map(|entry| {
                let entry =
                    entry.as_str().map_or_else(|| entry.as_i64().map(|id| id.to_string()), |id| Some(id.to_owned()))?;
                Some(Listed { channel: channel.to_owned(), account: only.to_owned(), entry, source: source.clone() })
            }));
        } else {
            let text = |request: &Value, name: &str| request.get(name).and_then(Value::as_str).map(str::to_owned);
            waiting.extend(list("requests").filter_map(|asked| {
                let sender = text(asked, "id")?;
                let code = PairingCode {
                    channel: channel.to_owned(),
                    account: account(asked.pointer("/meta/accountId").and_then(Value::as_str).map(str::to_owned)),
                    chat: sender.clone(),
                    sender,
                    name: asked.pointer("/meta/name").and_then(Value::as_str).unwrap_or_default().to_owned(),
                    code: text(asked, "code")?,
                    requested_at_ms: time(&text(asked, "createdAt")?),
                };
                Some((source.clone(), code))
            }));
        }
    }
}

fn account(written: Option<String>) -> String {
    written.filter(|account| !account.is_empty() && account != "*").unwrap_or_else(|| ONLY_ACCOUNT.to_owned())
}

fn time(text: &str) -> i64 {
    text.parse::<Timestamp>().map_or_else(|_| text.parse().unwrap_or(0), Timestamp::as_millisecond)
}
