//! What became of everything: the report that people and programs read, and the ledger in which it is written.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chela_config::KeyReport;
use serde::Serialize;

/// Faults and differing files that are named; the rest is counted. A damaged disk has millions of them.
pub const FAULTS_MAX: usize = 1_000;

/// Everything that an import did, or would do. Holds no secret.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    pub from: PathBuf,
    pub to: PathBuf,
    pub dry_run: bool,
    /// Whether anything is other than before (or would be, as far as a dry run can see).
    pub changed: bool,
    pub counts: Counts,
    /// Every key of the configuration.
    pub keys: Vec<KeyReport>,
    /// Every file, folder and table of the source.
    pub files: Vec<FileReport>,
    pub conversations: Vec<ConversationReport>,
    /// What could not be read: [`FAULTS_MAX`] at most.
    pub faults: Vec<ImportFault>,
    /// How many there are in all.
    pub faults_total: usize,
}

/// How much was moved in; what was here before is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    pub conversations: usize,
    /// Entries of transcripts.
    pub items: usize,
    pub credentials: usize,
    pub automations: usize,
    pub devices: usize,
    /// People who may write, and requests that wait.
    pub people: usize,
    pub files: usize,
}

/// A file, a folder with all that is in it, or a table (`state/openclaw.sqlite#cron_jobs`), relative to the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileReport {
    pub path: String,
    pub fate: FileFate,
    /// What it became, or why it was not taken.
    pub detail: String,
    /// Things in it.
    pub count: usize,
    /// Those of them that are new here.
    pub new: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFate {
    /// Taken over as it is.
    Applied,
    /// Taken over in another form.
    Mapped,
    /// Left there.
    Ignored,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConversationReport {
    pub key: String,
    pub id: String,
    /// Where it stood, relative to the source.
    pub path: String,
    /// Its entries here.
    pub items: usize,
    /// Entries of the source that are no part of the conversation as it stands: other branches, settings, marks.
    pub left: usize,
    /// What it is here now.
    pub outcome: &'static str,
}

/// Something that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportFault {
    /// Relative to the source.
    pub path: String,
    /// From 1; `None` for the thing as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Without anything of the content.
    pub message: String,
}

/// The report while it is written.
pub(crate) struct Ledger {
    report: ImportReport,
    /// Paths that somebody has told of.
    claimed: BTreeSet<PathBuf>,
    source: PathBuf,
}

impl Ledger {
    pub(crate) fn new(from: &Path, to: &Path, dry_run: bool) -> Self {
        let report = ImportReport {
            from: from.to_owned(),
            to: to.to_owned(),
            dry_run,
            changed: false,
            counts: Counts::default(),
            keys: Vec::new(),
            files: Vec::new(),
            conversations: Vec::new(),
            faults: Vec::new(),
            faults_total: 0,
        };
        Self { report, claimed: BTreeSet::new(), source: from.to_owned() }
    }

    pub(crate) fn counts(&mut self) -> &mut Counts {
        &mut self.report.counts
    }

    pub(crate) fn keys(&mut self, keys: Vec<KeyReport>) {
        self.report.keys = keys;
    }

    /// A path of the source as the report names it.
    pub(crate) fn name(&self, path: &Path) -> String {
        path.strip_prefix(&self.source).unwrap_or(path).display().to_string()
    }

    /// Says that a path of the source is told of elsewhere in the report.
    pub(crate) fn claim(&mut self, path: &Path) {
        self.claimed.insert(path.to_owned());
    }

    pub(crate) fn is_claimed(&self, path: &Path) -> bool {
        self.claimed.contains(path)
    }

    pub(crate) fn has_claims_below(&self, dir: &Path) -> bool {
        self.claimed.range(dir.to_owned()..).next().is_some_and(|path| path.starts_with(dir))
    }

    /// Whether something of this name was told of.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.report.files.iter().any(|file| file.path == name)
    }

    /// Tells of a file or folder as a whole.
    pub(crate) fn file(&mut self, path: &Path, told: FileTold) {
        self.claim(path);
        let name = self.name(path);
        self.named(name, told);
    }

    /// Tells of something that stands in a file, a table say.
    pub(crate) fn named(&mut self, path: String, told: FileTold) {
        let FileTold { fate, detail, count, new } = told;
        self.report.changed |= new > 0;
        self.report.files.push(FileReport { path, fate, detail, count, new });
    }

    pub(crate) fn conversation(&mut self, report: ConversationReport) {
        self.report.conversations.push(report);
    }

    pub(crate) fn fault(&mut self, path: &Path, line: Option<u64>, message: impl Into<String>) {
        let path = self.name(path);
        self.fault_named(ImportFault { path, line, message: message.into() });
    }

    pub(crate) fn fault_named(&mut self, fault: ImportFault) {
        self.report.faults_total += 1;
        if self.report.faults.len() < FAULTS_MAX {
            self.report.faults.push(fault);
        }
    }

    pub(crate) fn finish(mut self) -> ImportReport {
        self.report.files.sort_by(|a, b| (a.fate, &a.path).cmp(&(b.fate, &b.path)));
        let Counts { conversations, items, credentials, automations, devices, people, files } = self.report.counts;
        self.report.changed |= conversations + items + credentials + automations + devices + people + files > 0;
        self.report
    }
}

/// What is told of a file.
pub(crate) struct FileTold {
    fate: FileFate,
    detail: String,
    count: usize,
    new: usize,
}

impl FileTold {
    pub(crate) fn new_ones(&self) -> usize {
        self.new
    }

    pub(crate) fn applied(detail: impl Into<String>, count: usize, new: usize) -> Self {
        Self { fate: FileFate::Applied, detail: detail.into(), count, new }
    }

    pub(crate) fn mapped(detail: impl Into<String>, count: usize, new: usize) -> Self {
        Self { fate: FileFate::Mapped, detail: detail.into(), count, new }
    }

    pub(crate) fn ignored(why: impl Into<String>, count: usize) -> Self {
        Self { fate: FileFate::Ignored, detail: why.into(), count, new: 0 }
    }
}
