//! What stands in the state dir: files of others, secrets that others can read, leftovers, what has grown, and the database.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chela_config::former_texts;
use chela_store::{DATABASE_FILE, InstanceLock, StoreError, examine};

use super::{Finding, Fix, state};
use crate::context::Context;
use crate::link::IDENTITY_FILE;
use crate::output::bytes;
use crate::user;

/// Files that are looked at for their owners: enough to see trouble, and done in a moment.
const FILES_MAX: usize = 20_000;

/// Examples that a finding names.
const EXAMPLES: usize = 3;

/// Logs beyond this have grown past what their rotation keeps, and databases that were put aside are worth a word.
const MUCH_BYTES: u64 = 256 * 1024 * 1024;

/// A database beyond this takes longer to read through than anybody waits for a doctor.
const EXAMINED_MAX_BYTES: u64 = 1024 * 1024 * 1024;

/// Ends of the names of databases that were put aside by a rollback.
const SET_ASIDE: &[&str] = &[".replaced", ".broken"];

pub(super) fn findings(context: &Context, fix: Fix) -> Vec<Finding> {
    let dir = &context.places.state_dir;
    let mut findings = Vec::new();
    let config = &context.places.config_path;
    let in_dir = [".env", "gateway-token", IDENTITY_FILE, DATABASE_FILE].map(|name| dir.join(name));
    for file in [config.clone()].into_iter().chain(in_dir).chain(former_texts(config)) {
        findings.extend(state::private("state.secret_mode", &file, 0o600, fix));
    }
    let Ok(top) = dir.metadata() else { return findings };
    findings.extend(owners(dir, top.uid(), fix));
    findings.extend(grown(dir));
    // What a running gateway works with is not a leftover.
    if !InstanceLock::is_held(dir) {
        findings.extend(leftovers(context, fix));
        findings.extend(database(dir));
    }
    findings
}

/// Files that a command of another user has made here: the gateway can't read or replace them.
fn owners(dir: &Path, owner: u32, fix: Fix) -> Option<Finding> {
    let foreign = || {
        let mut foreign = Vec::new();
        walk(dir, &mut FILES_MAX.clone(), &mut |path, found| {
            if found.uid() != owner {
                foreign.push((path.to_owned(), found.uid()));
            }
        });
        foreign
    };
    let mut found = foreign();
    if found.is_empty() {
        return None;
    }
    if fix == Fix::Mend && rustix::process::geteuid().is_root() && user::unite(dir).is_ok() {
        let before = found.len();
        found = foreign();
        if found.is_empty() {
            let message = format!("{before} files in {} belong to its owner now", dir.display());
            return Some(Finding::mended("state.owner", message));
        }
    }
    let message = format!("{} files in {} belong to others than its owner, user {owner}", found.len(), dir.display());
    let mend = format!("as root: chela doctor --fix, or chown -R {owner} {}", dir.display());
    let examples = found.iter().take(EXAMPLES).map(|(path, uid)| format!("{}: user {uid}", path.display()));
    Some(Finding::warning("state.owner", message, mend).seen_by(examples).fixable())
}

/// What an interrupted write and the gateway that was here before have left.
fn leftovers(context: &Context, fix: Fix) -> Option<Finding> {
    let dir = &context.places.state_dir;
    let half_written = former_texts(&context.places.config_path).into_iter().filter(|path| has_end(path, ".new"));
    let in_dir = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_foreign_lock = name.starts_with("gateway.") && name.ends_with(".lock");
        let is_half_snapshot = name.starts_with(DATABASE_FILE) && name.ends_with(".bak.tmp");
        is_foreign_lock || is_half_snapshot
    });
    let mut left: Vec<PathBuf> = half_written.filter(|path| path.exists()).chain(in_dir).collect();
    left.sort();
    if left.is_empty() {
        return None;
    }
    let named = left.iter().map(|path| path.display().to_string());
    if fix == Fix::Mend && left.iter().all(|path| fs::remove_file(path).is_ok()) {
        return Some(Finding::mended("state.leftover", format!("{} leftovers are removed", left.len())).seen_by(named));
    }
    let message =
        format!("{} leftovers that nothing reads: locks of another program, or writes that were cut short", left.len());
    Some(Finding::warning("state.leftover", message, "chela doctor --fix removes them").seen_by(named).fixable())
}

/// Which part of the state dir is how large, where it is more than it should be.
fn grown(dir: &Path) -> Vec<Finding> {
    let mut sizes: BTreeMap<PathBuf, u64> = BTreeMap::new();
    let mut aside = Vec::new();
    walk(dir, &mut FILES_MAX.clone(), &mut |path, found| {
        let below = path.strip_prefix(dir).unwrap_or(path);
        let part = below.components().next().map(|part| dir.join(part)).unwrap_or_default();
        *sizes.entry(part).or_default() += found.len();
        if path.parent() == Some(dir) && SET_ASIDE.iter().any(|end| has_end(path, end)) {
            aside.push((path.to_owned(), found.len()));
        }
    });
    let mut findings = Vec::new();
    let logs = sizes.get(&dir.join("logs")).copied().unwrap_or(0);
    if logs > MUCH_BYTES {
        let message = format!("{} of logs", bytes(logs));
        let mend = format!("delete old files in {}", dir.join("logs").display());
        findings.push(Finding::warning("disk.logs", message, mend));
    }
    let sum: u64 = aside.iter().map(|(_, size)| size).sum();
    if sum > MUCH_BYTES {
        let message = format!("{} in databases that a rollback put aside", bytes(sum));
        let named = aside.iter().map(|(path, size)| format!("{}: {}", path.display(), bytes(*size)));
        findings.push(Finding::warning("disk.aside", message, "delete them once you are content").seen_by(named));
    }
    findings
}

fn database(dir: &Path) -> Option<Finding> {
    let path = dir.join(DATABASE_FILE);
    let size = path.metadata().ok()?.len();
    if size > EXAMINED_MAX_BYTES {
        return Some(Finding::ok("database.size", format!("{} large; it was not read through", bytes(size))));
    }
    Some(match examine(&path) {
        Ok(()) => Finding::ok("database.sound", format!("{} is sound, {}", path.display(), bytes(size))),
        Err(error @ StoreError::TooNew { .. }) => {
            let mend = "start the newer version again, or go back with chela state rollback";
            Finding::error("database.newer", error.to_string(), mend)
        }
        Err(error) => {
            let mend = "keep a copy, then chela state rollback, or put a backup of chela.db back";
            Finding::error("database.damaged", format!("{} is damaged: {error}", path.display()), mend)
        }
    })
}

/// Calls `each` with what stands below a directory, at most `left` entries. Links are not followed.
fn walk(dir: &Path, left: &mut usize, each: &mut impl FnMut(&Path, &Metadata)) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let Some(fewer) = left.checked_sub(1) else { return };
        *left = fewer;
        let path = entry.path();
        // What a file system puts into a volume stays root's.
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        if entry.file_name() == "lost+found" {
            continue;
        }
        each(&path, &found);
        if found.is_dir() {
            walk(&path, left, each);
        }
    }
}

fn has_end(path: &Path, end: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(end))
}
