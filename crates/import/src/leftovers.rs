//! Tells of everything that nobody else has told of, so that no file and no table of the source is passed over in silence.

use std::fs;
use std::path::Path;

use crate::databases::Databases;
use crate::report::{FileTold, Ledger};
use crate::source::Source;
use crate::trees::count;

/// Folders within folders that are looked into for what was taken.
const DEPTH_MAX: usize = 8;

/// Why files are left there: by how their path begins (below an agent's folder: behind its id), and why. The first one that fits
/// holds.
const FILES: &[(&str, &str)] = &[
    ("agents/*/agent/models.json", "a list of models that the other program made for itself"),
    ("agents/*/agent/", "state of the other program"),
    ("agents/*/sessions/", "no conversation: a copy, an index or a lock of the other program, or one that was deleted"),
    ("agents/*/", "state of the other program"),
    ("backups/", "copies that the other program made"),
    ("browser/", "a browser's own files: sign in anew"),
    ("cache/", "made anew where it is needed"),
    ("canvas/", "there is no canvas here"),
    ("completions/", "made by: chela completions"),
    ("config-journal", "the other program's record of its configuration"),
    ("credentials/oauth", "sign-ins of another program (OAuth) can't be used here: set a key or a token"),
    ("credentials/whatsapp", "there is no WhatsApp here yet: link it anew once there is"),
    ("credentials/", "credentials of a service that this program doesn't use"),
    ("cron/runs/", "what became of automations there"),
    ("cron/", "an older text of the automations"),
    ("devices/pending", "requests of devices: they ask again"),
    ("exec-approvals", "patterns of commands; here only exact commands are allowed: chela approvals"),
    ("extensions/", "extensions of the other program don't run here"),
    ("hooks/", "hooks of the other program don't run here"),
    ("identity/", "the key by which the other program's command line is known; this one has its own"),
    ("logs/", "logs of the other program"),
    ("media/", "files that were passed on; transcripts hold what the model saw of them"),
    ("memory/", "an index of the memory files, which moved with their workspace"),
    ("nodes/", "devices that lend their abilities (nodes): pair them anew"),
    ("npm/", "extensions of the other program don't run here"),
    ("openclaw.json.", "an older text of the configuration"),
    ("clawdbot.json.", "an older text of the configuration"),
    ("moltbot.json.", "an older text of the configuration"),
    ("krabkrab.json.", "an older text of the configuration"),
    ("plugin-skills/", "skills of extensions, which don't run here"),
    ("sandbox", "copies of workspaces, made anew where they are needed"),
    ("settings/", "settings of speech, which this version doesn't have"),
    ("state/", "state of the other program"),
    ("subagents/", "work that went on there"),
    ("telegram/", "where reading stopped: Telegram itself knows"),
    ("tmp/", "passing state"),
    ("update-check", "state of the other program's updates"),
    ("restart-sentinel", "passing state"),
];

/// The same of tables, by how their name begins.
const TABLES: &[(&str, &str)] = &[
    ("cron_", "what became of automations there"),
    ("exec_approvals", "patterns of commands; here only exact commands are allowed: chela approvals"),
    ("device_pairing_pending", "requests of devices: they ask again"),
    ("device_", "keys by which the other program is known elsewhere"),
    ("secret_store", "secrets of tools there; name them in the configuration's env or secrets"),
    ("memory_", "an index of the memory files, which moved with their workspace"),
    ("config_", "state of the other program"),
    ("plugin_", "state of extensions, which don't run here"),
    ("session_", "told with the conversations, or derived from them"),
    ("transcript_", "told with the conversations, or derived from them"),
    ("trajectory_", "a record of how the other program worked"),
    ("user_", "people of the other program's web page"),
];

/// Files that are ours, where both share a state dir.
const OURS: &[&str] = &["chela", "gateway-token", "device-key", "skills-bundled", "skills-lock.json"];

const UNKNOWN_FILE: &str = "not known to this version";
const UNKNOWN_TABLE: &str = "state of the other program";

pub(crate) fn tell(source: &Source, databases: &Databases, ledger: &mut Ledger) {
    walk(&source.dir, &source.dir, DEPTH_MAX, ledger);
    tables(databases, ledger);
}

fn walk(root: &Path, dir: &Path, depth: usize, ledger: &mut Ledger) {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => return ledger.fault(dir, None, error.to_string()),
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let is_dir = path.is_dir() && !path.is_symlink();
        if ledger.is_claimed(&path) || (dir == root && is_ours(&path)) {
            continue;
        }
        if is_dir && depth > 0 && (dir == root || ledger.has_claims_below(&path)) {
            walk_known(root, &path, depth, ledger);
            continue;
        }
        let files = if is_dir { count(&path, DEPTH_MAX) } else { 1 };
        let why = reason(&ledger.name(&path), is_dir);
        ledger.file(&path, FileTold::ignored(why, files));
    }
}

/// A folder of the root: one row where nothing of it was taken, else one for each thing that was not.
fn walk_known(root: &Path, dir: &Path, depth: usize, ledger: &mut Ledger) {
    if ledger.has_claims_below(dir) {
        return walk(root, dir, depth - 1, ledger);
    }
    let inner = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    // Folders such as `credentials` hold things of several kinds.
    let reasons: std::collections::BTreeSet<&str> =
        inner.map(|path| reason(&ledger.name(&path), path.is_dir())).collect();
    if reasons.len() > 1 {
        return walk(root, dir, 0, ledger);
    }
    let why = reasons.into_iter().next().unwrap_or_else(|| reason(&ledger.name(dir), true));
    ledger.file(dir, FileTold::ignored(why, count(dir, DEPTH_MAX)));
}

fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    OURS.iter().any(|ours| name.starts_with(ours))
}

fn reason(name: &str, is_dir: bool) -> &'static str {
    let mut parts: Vec<&str> = name.split('/').collect();
    if parts.len() > 2 && parts[0] == "agents" {
        parts[1] = "*";
    }
    let name = format!("{}{}", parts.join("/"), if is_dir { "/" } else { "" });
    FILES.iter().find(|(begin, _)| name.starts_with(begin)).map_or(UNKNOWN_FILE, |(_, why)| why)
}

fn tables(databases: &Databases, ledger: &mut Ledger) {
    for opened in databases.all() {
        let found = opened.database.lock().unwrap_or_else(std::sync::PoisonError::into_inner).tables();
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                ledger.fault(&opened.path, None, error.to_string());
                continue;
            }
        };
        for (table, rows) in found {
            let name = opened.table(&table, ledger);
            if ledger.is_named(&name) {
                continue;
            }
            let why = TABLES.iter().find(|(begin, _)| table.starts_with(begin)).map_or(UNKNOWN_TABLE, |(_, why)| why);
            ledger.named(name, FileTold::ignored(why, usize::try_from(rows).unwrap_or(usize::MAX)));
        }
    }
}
