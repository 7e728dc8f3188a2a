//! Runs a target over its corpus and what is made of it, and keeps what breaks a promise.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::{Mutator, Target, folder};

/// An input that takes longer hangs somebody's turn. Far more than any takes in a debug build on a busy machine.
const SLOW: Duration = Duration::from_secs(20);
/// Findings of one run; the first few say enough.
const FINDINGS_MAX: usize = 5;
/// Inputs between two looks at the clock and two notes of where the run is.
const BATCH: u64 = 64;

/// An input that broke a promise.
#[derive(Debug)]
pub struct Finding {
    pub index: u64,
    pub input: Vec<u8>,
    pub words: String,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Outcome {
    pub runs: u64,
    pub findings: Vec<Finding>,
}

/// Where a run keeps what it finds, and notes where it is: a stack that overflows takes the process with it.
pub struct Findings {
    folder: PathBuf,
}

impl Findings {
    /// `fuzz/findings/<target>/`.
    pub fn of(target: &Target) -> Self {
        Self { folder: folder().join("findings").join(target.name) }
    }

    /// The batch in which an earlier run died, if one did: its seed and first number.
    pub fn died_at(&self) -> Option<(u64, u64)> {
        let text = fs::read_to_string(self.note()).ok()?;
        let (seed, index) = text.trim().split_once(' ')?;
        Some((seed.parse().ok()?, index.parse().ok()?))
    }

    fn keep(&self, finding: &Finding) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        fs::write(self.folder.join(format!("{}", finding.index)), &finding.input)
    }

    fn begin(&self, seed: u64, index: u64) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        fs::write(self.note(), format!("{seed} {index}"))
    }

    fn end(&self) -> io::Result<()> {
        fs::remove_file(self.note())
    }

    fn note(&self) -> PathBuf {
        self.folder.join("at")
    }
}

/// The files of a corpus, in the order of their names.
pub fn corpus(target: &Target) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    read_folder(&folder().join("corpus").join(target.name), &mut files)?;
    files.sort();
    Ok(files)
}

/// Makes inputs until the time is over or enough was found. `from` is the first one's number.
pub fn run(target: &Target, seed: u64, from: u64, time: Duration, findings: &Findings) -> io::Result<Outcome> {
    let corpus: Vec<Vec<u8>> = corpus(target)?.into_iter().map(|(_, bytes)| bytes).collect();
    let (begun, mut outcome) = (Instant::now(), Outcome::default());
    let mut index = from;
    while begun.elapsed() < time && outcome.findings.len() < FINDINGS_MAX {
        findings.begin(seed, index)?;
        for index in index..index + BATCH {
            let input = Mutator::new(seed, index).input(&corpus, target.words);
            outcome.runs += 1;
            if let Err(words) = check(target, &input) {
                let finding = Finding { index, input, words };
                findings.keep(&finding)?;
                outcome.findings.push(finding);
            }
        }
        index += BATCH;
    }
    findings.end()?;
    Ok(outcome)
}

/// One input. The error says how the promise was broken.
fn check(target: &Target, input: &[u8]) -> Result<(), String> {
    let begun = Instant::now();
    catch_unwind(AssertUnwindSafe(|| (target.check)(input))).map_err(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned())).unwrap_or_default()
    })?;
    let took = begun.elapsed();
    if took > SLOW { Err(format!("it took {} ms", took.as_millis())) } else { Ok(()) }
}

fn read_folder(folder: &Path, files: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push((name, fs::read(path)?));
    }
    Ok(())
}
