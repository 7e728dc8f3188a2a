//! How much memory is in use, of how much: in the control group that limits this process, else on the machine.
//!
//! Reads a few hundred bytes from two files that stay open, so that asking once a second costs nothing. Decides nothing.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// The longest file that is asked is a group's `memory.stat`, with about 2 KB.
const TEXT_MAX: usize = 8 * 1024;

/// Below this share of a machine's memory, whoever asks for more may be killed, and it may be us.
const STARVED_SHARE: u64 = 16;
/// Our work needs little: on a large machine this much is enough.
const STARVED_MAX: u64 = 64 * 1024 * 1024;

/// Where the kernel tells; other places in tests.
#[derive(Debug, Clone)]
pub(super) struct Sources {
    pub proc: PathBuf,
    pub groups: PathBuf,
}

impl Default for Sources {
    fn default() -> Self {
        Self { proc: "/proc".into(), groups: "/sys/fs/cgroup".into() }
    }
}

/// What is in use now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// Bytes that can't be taken back: without the pages of files that the kernel may drop.
    pub used: u64,
    /// Bytes that may be in use.
    pub limit: u64,
    /// What the machine still has for anybody; `None` where a group is what limits.
    pub available: Option<u64>,
}

impl Reading {
    /// Whether the machine itself runs out, whoever uses it. Once it did, it must have twice as much again.
    pub(super) fn is_starved(&self, was_high: bool) -> bool {
        let least = (self.limit / STARVED_SHARE).min(STARVED_MAX) * if was_high { 2 } else { 1 };
        self.available.is_some_and(|available| available < least)
    }
}

/// Asks the kernel.
pub(super) struct Gauge {
    limit: u64,
    kind: Kind,
}

enum Kind {
    /// All processes of a group together: what tools run counts as well.
    Group { usage: File, stat: File, droppable: [&'static str; 2] },
    /// This process, and what the machine has left.
    Machine { own: File, machine: File },
}

/// The two generations of control groups, by how they name things.
struct Generation {
    mount: &'static str,
    limit: &'static str,
    usage: &'static str,
    droppable: [&'static str; 2],
}

const FIRST: Generation = Generation {
    mount: "memory",
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    droppable: ["total_inactive_file", "total_active_file"],
};

const SECOND: Generation =
    Generation { mount: "", limit: "memory.max", usage: "memory.current", droppable: ["inactive_file", "active_file"] };

impl Gauge {
    /// Finds what limits this process. An error means that the kernel does not tell.
    pub(super) fn find(sources: &Sources) -> io::Result<Self> {
        let machine = File::open(sources.proc.join("meminfo"))?;
        let total = kilobytes(&text(&machine)?, "MemTotal:")?;
        if let Some((limit, dir, generation)) = tightest(sources).filter(|(limit, ..)| *limit < total) {
            let usage = File::open(dir.join(generation.usage))?;
            let stat = File::open(dir.join("memory.stat"))?;
            return Ok(Self { limit, kind: Kind::Group { usage, stat, droppable: generation.droppable } });
        }
        let own = File::open(sources.proc.join("self/status"))?;
        Ok(Self { limit: total, kind: Kind::Machine { own, machine } })
    }

    /// Bytes that may be in use.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    pub(super) fn read(&self) -> io::Result<Reading> {
        let limit = self.limit;
        Ok(match &self.kind {
            Kind::Group { usage, stat, droppable } => {
                let stat = text(stat)?;
                let droppable: u64 = droppable.iter().map(|name| number_of(&stat, name).unwrap_or(0)).sum();
                let used = number(text(usage)?.trim())?.saturating_sub(droppable);
                Reading { used, limit, available: None }
            }
            Kind::Machine { own, machine } => {
                let available = kilobytes(&text(machine)?, "MemAvailable:")?;
                Reading { used: kilobytes(&text(own)?, "VmRSS:")?, limit, available: Some(available) }
            }
        })
    }
}

/// The smallest limit among this process's groups and those around them.
fn tightest(sources: &Sources) -> Option<(u64, PathBuf, &'static Generation)> {
    let groups = fs::read_to_string(sources.proc.join("self/cgroup")).ok()?;
    let of_line = |line: &str| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let generation = match controllers {
            "" => &SECOND,
            controllers if controllers.split(',').any(|name| name == "memory") => &FIRST,
            _ => return None,
        };
        let mount = sources.groups.join(generation.mount);
        // In a container the path may be the host's, and the mount shows only what belongs to the container.
        let own = mount.join(path.trim_start_matches('/'));
        let is_seen = !path.contains("..") && own.join(generation.usage).exists();
        let from = if is_seen { own } else { mount.clone() };
        let limits = from.ancestors().take_while(|dir| dir.starts_with(&mount));
        let (limit, dir) =
            limits.filter_map(|dir| Some((limit_of(dir, generation)?, dir))).min_by_key(|(limit, _)| *limit)?;
        Some((limit, dir.to_owned(), generation))
    };
    groups.lines().filter_map(of_line).min_by_key(|(limit, ..)| *limit)
}

/// `None` where a group has no limit (`max`, or no such file).
fn limit_of(dir: &Path, generation: &Generation) -> Option<u64> {
    fs::read_to_string(dir.join(generation.limit)).ok()?.trim().parse().ok()
}

/// The whole of a small file, from its beginning, whatever was read of it before.
fn text(file: &File) -> io::Result<String> {
    let mut bytes = vec![0; TEXT_MAX];
    let mut filled = 0;
    loop {
        match file.read_at(&mut bytes[filled..], filled as u64)? {
            0 => break,
            more => filled += more,
        }
    }
    bytes.truncate(filled);
    String::from_utf8(bytes).map_err(io::Error::other)
}

fn number(text: &str) -> io::Result<u64> {
    text.parse().map_err(io::Error::other)
}

/// The number behind a name at the beginning of a line.
fn number_of(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// Bytes, from a line such as `MemTotal:  1024 kB`.
fn kilobytes(text: &str, name: &str) -> io::Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    number.map(|kilobytes| kilobytes * 1024).ok_or_else(|| io::Error::other(format!("there is no `{name}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1024 * 1024;

    struct Kernel {
        dir: tempfile::TempDir,
    }

    impl Kernel {
        /// A machine with 1 GB, of which 900 MB are free and we use 20.
        fn new() -> Self {
            let kernel = Self { dir: tempfile::tempdir().unwrap() };
            kernel.write("proc/meminfo", "MemTotal:  1048576 kB\nMemFree: 1 kB\nMemAvailable:  921600 kB\n");
            kernel.write("proc/self/status", "Name:\tchela\nVmRSS:\t   20480 kB\n");
            kernel
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn reading(&self) -> Reading {
            let sources = Sources { proc: self.dir.path().join("proc"), groups: self.dir.path().join("groups") };
            Gauge::find(&sources).unwrap().read().unwrap()
        }
    }

    #[test]
    fn without_a_limit_the_machine_counts() {
        let kernel = Kernel::new();
        let expected = Reading { used: 20 * MB, limit: 1024 * MB, available: Some(900 * MB) };
        assert_eq!(kernel.reading(), expected);
        kernel.write("proc/self/cgroup", "4:memory:/a\n0::/\n");
        kernel.write("groups/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
        kernel.write("groups/memory/a/memory.usage_in_bytes", "1\n");
        assert_eq!(kernel.reading(), expected, "a limit above the machine is none");
    }

    #[test]
    fn a_group_of_the_first_generation_counts_without_what_can_be_dropped() {
        let kernel = Kernel::new();
        kernel.write("proc/self/cgroup", "7:cpu,memory:/a/b\n3:pids:/\n");
        kernel.write("groups/memory/a/b/memory.limit_in_bytes", "268435456\n");
        kernel.write("groups/memory/a/b/memory.usage_in_bytes", "104857600\n");
        kernel.write(
            "groups/memory/a/b/memory.stat",
            "inactive_file 1\ntotal_inactive_file 31457280\ntotal_active_file 10485760\n",
        );
        assert_eq!(kernel.reading(), Reading { used: 60 * MB, limit: 256 * MB, available: None });
    }

    #[test]
    fn the_tightest_of_nested_groups_counts() {
        let kernel = Kernel::new();
        kernel.write("proc/self/cgroup", "0::/outer/inner\n");
        kernel.write("groups/outer/memory.max", "134217728\n");
        kernel.write("groups/outer/memory.current", "67108864\n");
        kernel.write("groups/outer/memory.stat", "anon 5\ninactive_file 1048576\nactive_file 0\n");
        kernel.write("groups/outer/inner/memory.max", "max\n");
        kernel.write("groups/outer/inner/memory.current", "1\n");
        assert_eq!(kernel.reading(), Reading { used: 63 * MB, limit: 128 * MB, available: None });
    }

    #[test]
    fn a_container_that_sees_only_its_own_group_finds_it() {
        let kernel = Kernel::new();
        kernel.write("proc/self/cgroup", "9:memory:/docker/0123\n");
        kernel.write("groups/memory/memory.limit_in_bytes", "33554432\n");
        kernel.write("groups/memory/memory.usage_in_bytes", "8388608\n");
        kernel.write("groups/memory/memory.stat", "cache 0\n");
        assert_eq!(kernel.reading(), Reading { used: 8 * MB, limit: 32 * MB, available: None });
    }

    #[test]
    fn a_machine_without_memory_is_starved_until_it_has_twice_as_much() {
        let with = |available| Reading { used: 0, limit: 256 * MB, available: Some(available) };
        assert!(with(15 * MB).is_starved(false));
        assert!(!with(17 * MB).is_starved(false));
        assert!(with(31 * MB).is_starved(true));
        assert!(!with(33 * MB).is_starved(true));
    }

    #[test]
    fn this_machine_tells() {
        let reading = Gauge::find(&Sources::default()).unwrap().read().unwrap();
        assert!(reading.used > 0 && reading.used < reading.limit, "{reading:?}");
    }
}
