//! What the machine gives: memory, the clock, open files.

use std::fs;

use rustix::process::{Resource, getrlimit};

use super::Finding;
use crate::output::{bytes, now_ms};

/// What the gateway needs to serve a hundred turns, with room for a picture or two.
const MEMORY_LOW_BYTES: u64 = 64 * 1024 * 1024;

/// Each channel, client and running command holds some; a turn with many tools a few dozen.
const FILES_LOW: u64 = 1024;

/// The beginning of 2026, before which this program was not written: certificates are not valid yet for a clock that says so.
const CLOCK_EARLIEST_MS: i64 = 1_767_225_600_000;

/// Where the kernel tells a group of processes its limit: the newer form, then the older.
const MEMORY_LIMITS: &[&str] = &["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// Where it counts processes that it killed for memory.
const MEMORY_KILLS: &[&str] = &["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"];

pub(super) fn findings() -> Vec<Finding> {
    let read = |paths: &[&str]| paths.iter().find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    let total = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let mut findings = memory(&total, &read(MEMORY_LIMITS), &read(MEMORY_KILLS));
    findings.extend(clock(now_ms()));
    findings.extend(open_files(getrlimit(Resource::Nofile).current));
    findings
}

fn memory(total: &str, limit: &str, events: &str) -> Vec<Finding> {
    let total = total.lines().find_map(|line| line.strip_prefix("MemTotal:")).and_then(first_number);
    let total = total.map(|kilobytes| kilobytes.saturating_mul(1024));
    let limit = first_number(limit).filter(|limit| total.is_none_or(|total| *limit < total)).or(total);
    let mut findings = Vec::new();
    if let Some(limit) = limit {
        findings.push(if limit < MEMORY_LOW_BYTES {
            let message = format!("{} in all: a turn with large files may not fit", bytes(limit));
            Finding::warning("memory.low", message, "give it 256 MB: in fly.toml, [[vm]] memory = \"256mb\"")
        } else {
            Finding::ok("memory.size", format!("{} in all", bytes(limit)))
        });
    }
    let kills = events.lines().find_map(|line| line.strip_prefix("oom_kill ")).and_then(first_number).unwrap_or(0);
    if kills > 0 {
        let message = "the kernel has killed processes here because memory was full";
        let mend = "give the machine more memory, or the assistant's commands less to do at once";
        findings.push(Finding::warning("memory.killed", message, mend).seen_by([format!("oom_kill {kills}")]));
    }
    findings
}

fn clock(now_ms: i64) -> Option<Finding> {
    (now_ms < CLOCK_EARLIEST_MS).then(|| {
        let message =
            "the clock is years behind: no certificate is valid for it, so no model or channel can be reached";
        Finding::error("clock.behind", message, "set the clock, or turn on time synchronisation")
    })
}

fn open_files(limit: Option<u64>) -> Option<Finding> {
    let limit = limit.filter(|limit| *limit < FILES_LOW)?;
    let message = format!("only {limit} files may be open at once");
    Some(Finding::warning(
        "machine.files",
        message,
        format!("ulimit -n {FILES_LOW}; with systemd, LimitNOFILE={FILES_LOW}"),
    ))
}

fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn the_smaller_of_machine_and_limit_counts() {
        let machine = "MemTotal:      245760 kB\nMemFree: 1 kB\n";
        assert_eq!(memory(machine, "max\n", "")[0].message, "240.0 MB in all");
        assert_eq!(memory(machine, "9223372036854771712\n", "")[0].message, "240.0 MB in all");
        assert_eq!(ids(&memory(machine, "33554432", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n")), ["memory.low"]);
        let killed = memory(machine, "", "low 0\nhigh 4\nmax 4\noom 1\noom_kill 3\n");
        assert_eq!(
            (ids(&killed), &killed[1].evidence),
            (vec!["memory.size", "memory.killed"], &vec!["oom_kill 3".into()])
        );
        assert!(memory("", "", "").is_empty());
    }

    #[test]
    fn a_wrong_clock_and_few_files_are_told() {
        assert_eq!(clock(0).unwrap().id, "clock.behind");
        assert_eq!(clock(now_ms()), None);
        assert_eq!(open_files(Some(256)).unwrap().id, "machine.files");
        assert_eq!((open_files(Some(FILES_LOW)), open_files(None)), (None, None));
    }
}
