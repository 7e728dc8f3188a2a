//! The machine that is measured on, and a smaller one within it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::stats::Samples;

/// Writes that tell how fast the disk is.
const SYNCED_WRITES: usize = 50;

/// Where the kernel's control groups are on every distribution.
const GROUPS: &str = "/sys/fs/cgroup";

/// A control group with a limit on memory, in which a process has no more than a machine of that size would have for it.
pub(crate) struct SmallMachine {
    folder: PathBuf,
}

impl SmallMachine {
    /// Needs the right to make control groups, which root has. Both versions of them are known.
    pub(crate) fn new(megabytes: u64) -> Result<Self> {
        let (parent, limit) = own_group()?;
        let folder = parent.join(format!("chela-bench-{}-{megabytes}", std::process::id()));
        fs::create_dir(&folder).with_context(|| format!("no control group can be made in {}", parent.display()))?;
        let small = Self { folder };
        fs::write(small.folder.join(limit), (megabytes << 20).to_string())
            .with_context(|| format!("{} has no limit on memory", small.folder.display()))?;
        Ok(small)
    }

    /// The file that takes the id of a process that is to live in here.
    pub(crate) fn members(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }
}

impl Drop for SmallMachine {
    fn drop(&mut self) {
        // Only an empty group goes; one that is left does no harm.
        let _ = fs::remove_dir(&self.folder);
    }
}

/// The group of this process that counts memory, and the name of its limit.
fn own_group() -> Result<(PathBuf, &'static str)> {
    let groups = fs::read_to_string("/proc/self/cgroup")?;
    let of = |wanted: &str| {
        groups.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            controllers.split(',').any(|name| name == wanted).then(|| path.trim_start_matches('/').to_owned())
        })
    };
    let root = Path::new(GROUPS);
    if let Some(path) = of("memory") {
        return Ok((root.join("memory").join(path), "memory.limit_in_bytes"));
    }
    let Some(path) = of("") else { bail!("this kernel has no control groups") };
    Ok((root.join(path), "memory.max"))
}

/// The machine in a few words: cores, memory, kernel, and how long its disk takes for what every commit waits for.
pub(crate) fn describe() -> Result<String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or_default() / 1_048_576;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let sync_ms = synced_write_ms()?;
    Ok(format!("{cores} cores, {memory} GB, Linux {}, {sync_ms:.2} ms for a synced write of 4 KB", kernel.trim()))
}

/// The median of writes where the measured state dirs stand.
fn synced_write_ms() -> Result<f64> {
    let mut file = tempfile::tempfile()?;
    let mut times = Samples::default();
    for _ in 0..SYNCED_WRITES {
        let begun = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        times.time(begun.elapsed());
    }
    Ok(times.median())
}
