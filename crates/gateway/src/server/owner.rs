//! Who holds a port: the process behind a listening socket, from `/proc`.

use std::fmt;
use std::fs;

/// A process that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PortOwner {
    pub(crate) pid: i32,
    pub(crate) command: String,
}

impl fmt::Display for PortOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {} ({})", self.pid, self.command)
    }
}

/// Who listens on a port, for people: `pid 12 (nginx)`. `None` also where this user may not see it.
pub fn port_owner(port: u16) -> Option<String> {
    PortOwner::find(port).map(|owner| owner.to_string())
}

/// State of a listening socket in the kernel's tables.
const LISTEN: &str = "0A";

impl PortOwner {
    /// Finds the owner, where this user may see it.
    pub(crate) fn find(port: u16) -> Option<Self> {
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
        let inodes: Vec<String> = tables
            .iter()
            .filter_map(|table| fs::read_to_string(table).ok())
            .flat_map(|table| listening_inodes(&table, port))
            .collect();
        let links: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
        let pids = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let pid = pids.into_iter().find(|pid| holds_one_of(*pid, &links))?;
        let command = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned();
        Some(Self { pid, command })
    }
}

fn listening_inodes(table: &str, port: u16) -> Vec<String> {
    let port = format!("{port:04X}");
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter_map(|row| {
        let (local, state, inode) = (row.get(1)?, row.get(3)?, row.get(9)?);
        let here = local.rsplit_once(':').is_some_and(|(_, number)| number == port);
        (here && *state == LISTEN).then(|| (*inode).to_owned())
    })
    .collect()
}

fn holds_one_of(pid: i32, links: &[String]) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|target| target.to_str().is_some_and(|target| links.iter().any(|link| link == target)))
}
