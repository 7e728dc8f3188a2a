//! Where each byte of a process's resident memory is, as the kernel counts it: by what the pages hold.
//!
//! Pages that processes share count in part (PSS). What the kernel holds for the process (sockets, page tables) is not in it.

use std::ops::AddAssign;

use anyhow::{Context, Result};

/// The hole that is kept free below a thread's stack is a few pages; what an allocator only reserves is megabytes.
const GUARD_MAX: u64 = 256 * 1024;

/// Megabytes by what they hold.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Resident {
    /// Machine code of the program.
    pub(crate) code: f64,
    /// Constants, tables for unwinding and relocations, as they stand in the file.
    pub(crate) constants: f64,
    /// Variables, and constants with addresses in them, which the start wrote.
    pub(crate) variables: f64,
    /// Everything that is allocated, and what the allocator keeps of it when it is freed.
    pub(crate) heap: f64,
    /// Stacks of all threads.
    pub(crate) stacks: f64,
    /// Index of the database's log, which is shared with whoever opens it.
    pub(crate) database: f64,
    /// The C library where it is no part of the program, and whatever else is mapped.
    pub(crate) other: f64,
}

/// A line of smaps that begins a mapping.
struct Mapping<'a> {
    first: u64,
    last: u64,
    rights: &'a str,
    name: &'a str,
}

impl Resident {
    /// Reads the text of `/proc/<pid>/smaps` of a process that runs `program`.
    pub(crate) fn read(smaps: &str, program: &str) -> Result<Self> {
        let mut resident = Self::default();
        let mut here: Option<Mapping> = None;
        let mut is_guarded = false;
        for line in smaps.lines() {
            if let Some(mapping) = Mapping::read(line) {
                is_guarded = here.as_ref().is_some_and(|below| below.guards(&mapping));
                here = Some(mapping);
            } else if let Some(kilobytes) = line.strip_prefix("Pss:") {
                let mapping = here.as_ref().context("smaps begins with a mapping")?;
                let kilobytes: f64 = kilobytes.trim().trim_end_matches(" kB").parse()?;
                resident.part(mapping, is_guarded, program).add_assign(kilobytes / 1024.0);
            }
        }
        Ok(resident)
    }

    pub(crate) fn total(&self) -> f64 {
        self.columns().into_iter().map(|(_, megabytes)| megabytes).sum()
    }

    /// Each part with its name.
    pub(crate) fn columns(&self) -> [(&'static str, f64); 7] {
        [
            ("code", self.code),
            ("constants", self.constants),
            ("variables", self.variables),
            ("heap", self.heap),
            ("stacks", self.stacks),
            ("database", self.database),
            ("other", self.other),
        ]
    }

    fn part(&mut self, mapping: &Mapping, is_guarded: bool, program: &str) -> &mut f64 {
        let is_writable = mapping.rights.contains('w');
        match mapping.name {
            name if name == program && mapping.rights.contains('x') => &mut self.code,
            name if name == program && is_writable => &mut self.variables,
            // What the start relocated is no longer writable, but it is no longer as it is in the file either.
            name if name == program => &mut self.constants,
            "[stack]" => &mut self.stacks,
            "" if is_guarded => &mut self.stacks,
            "" | "[heap]" => &mut self.heap,
            name if name.starts_with("[anon") => &mut self.heap,
            name if name.ends_with("-shm") => &mut self.database,
            _ => &mut self.other,
        }
    }
}

impl<'a> Mapping<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut fields = line.splitn(6, ' ');
        let (first, last) = fields.next()?.split_once('-')?;
        let address = |text: &str| u64::from_str_radix(text, 16).ok();
        let (first, last) = (address(first)?, address(last)?);
        let rights = fields.next()?;
        let name = fields.nth(3).unwrap_or_default().trim();
        Some(Self { first, last, rights, name })
    }

    /// Whether this is the hole below the stack `above`.
    fn guards(&self, above: &Self) -> bool {
        let is_hole = self.rights.starts_with("---") && self.last - self.first <= GUARD_MAX;
        is_hole && self.last == above.first && above.rights.starts_with("rw")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mapping_is_counted_where_it_belongs() {
        let mapping =
            |line: &str, kilobytes: u32| format!("{line}\nRss: 4096 kB\nPss:      {kilobytes} kB\nPss_Dirty: 9 kB\n");
        let smaps = [
            mapping("1000-2000 r--p 00000000 fe:00 10       /opt/chela", 512),
            mapping("2000-9000 r-xp 00001000 fe:00 10       /opt/chela", 2048),
            mapping("9000-a000 rw-p 00008000 fe:00 10       /opt/chela", 256),
            mapping("a000-b000 rw-p 00000000 00:00 0        [heap]", 1024),
            mapping("7f0000000000-7f0000021000 rw-p 00000000 00:00 0 ", 3072),
            mapping("7f0000021000-7f0004000000 ---p 00000000 00:00 0 ", 0),
            mapping("7f0004000000-7f0004001000 ---p 00000000 00:00 0 ", 0),
            mapping("7f0004001000-7f0004201000 rw-p 00000000 00:00 0 ", 128),
            mapping("7f0008000000-7f0008008000 rw-s 00000000 fe:00 11 /state/chela.db-shm", 32),
            mapping("7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0  [stack]", 64),
            mapping("7ffd00030000-7ffd00032000 r-xp 00000000 00:00 0  [vdso]", 4),
        ]
        .concat();
        let resident = Resident::read(&smaps, "/opt/chela").unwrap();
        let expected = Resident {
            code: 2.0,
            constants: 0.5,
            variables: 0.25,
            heap: 4.0,
            stacks: 0.1875,
            database: 0.03125,
            other: 0.003_906_25,
        };
        assert_eq!(resident, expected);
        assert!((resident.total() - 6.972_656_25).abs() < 1e-9);
    }
}
