//! Which commands run without a question: the list of allowed ones, and those that can do no harm (G23).
//!
//! Matching is exact, on the words of a plain command and the real path of its program. Whatever needs a shell to be understood
//! matches nothing, and programs that run other programs never do. Owns no list: whoever keeps one gives its entries.

mod argv;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod programs;
#[cfg(test)]
mod tests;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use chela_agent::Subject;
use globset::GlobBuilder;
use regex::RegexBuilder;

pub use self::argv::NotPlain;

/// Memory of one compiled pattern of arguments.
const PATTERN_LIMIT: usize = 200_000;
/// Folders in which anybody may put a program.
const OPEN_FOLDERS: [&str; 4] = ["/tmp", "/var/tmp", "/dev", "/proc"];

/// An entry of the list, in the words of OpenClaw's file of approvals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEntry {
    /// With a `/`: a glob for the program's real path (`*` stays within a folder). Without: the name under which the program was found.
    pub pattern: String,
    /// A regular expression for all the arguments, from the first to the last. With a NUL in it, each argument ends in one; else
    /// they are joined by blanks, and arguments that have blanks themselves match nothing. `None`: whatever arguments.
    pub arg_pattern: Option<String>,
}

impl ListEntry {
    /// What is wrong with an entry that could never match.
    pub fn check(&self) -> Result<(), String> {
        if self.pattern.trim().is_empty() {
            return Err("the pattern is empty".to_owned());
        }
        let glob = GlobBuilder::new(&self.pattern).literal_separator(true).backslash_escape(true).build();
        glob.map_err(|error| error.to_string())?;
        let Some(args) = &self.arg_pattern else { return Ok(()) };
        let args = RegexBuilder::new(&format!("^(?:{args})$")).size_limit(PATTERN_LIMIT).build();
        args.map(drop).map_err(|error| error.to_string())
    }
}

/// A command that is nothing but a program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainCommand {
    /// As written; the first is the program.
    pub argv: Vec<String>,
    /// The real path of the program.
    pub program: PathBuf,
}

impl PlainCommand {
    /// Understands what a call would run. `changeable` are the folders that the agent writes to. Follows paths, so it looks at
    /// the disk.
    pub fn of(subject: &Subject, changeable: &[PathBuf]) -> Result<Self, NotPlain> {
        let open = OPEN_FOLDERS.iter().map(PathBuf::from);
        Self::outside_of(subject, &open.chain(changeable.iter().cloned()).collect::<Vec<_>>())
    }

    fn outside_of(subject: &Subject, changeable: &[PathBuf]) -> Result<Self, NotPlain> {
        let Subject::Command { command, workdir, variables, path } = subject else { return Err(NotPlain::Empty) };
        let argv = argv::plain_words(command)?;
        if !variables.is_empty() {
            return Err(NotPlain::Variables);
        }
        let program = resolve(&argv[0], workdir, path).ok_or(NotPlain::NoProgram)?;
        let lies_in = |folder: &PathBuf| fs::canonicalize(folder).is_ok_and(|folder| program.starts_with(folder));
        if changeable.iter().any(lies_in) { Err(NotPlain::Changeable) } else { Ok(Self { argv, program }) }
    }

    /// Whether it can do no harm, whoever wants it to run.
    pub fn is_harmless(&self) -> bool {
        programs::TRUSTED_FOLDERS.iter().any(|folder| self.program.starts_with(folder))
            && self.argv[0] == self.name()
            && programs::is_harmless(self.name(), &self.argv[1..])
    }

    /// Whether an entry of the list speaks for it.
    pub fn is_listed(&self, entry: &ListEntry) -> bool {
        !self.is_wrapper() && self.matches_program(&entry.pattern) && self.matches_args(entry.arg_pattern.as_deref())
    }

    /// The entry that speaks for exactly this command; `None` if it is of a kind that must be asked about every time,
    /// or too long to be written down.
    pub fn entry(&self) -> Option<ListEntry> {
        if self.is_wrapper() || programs::is_runner(self.name()) {
            return None;
        }
        let args: String = self.argv[1..].iter().map(|arg| regex::escape(arg) + "\\x00").collect();
        let pattern = globset::escape(self.program.to_str()?);
        let entry = ListEntry { pattern, arg_pattern: Some(format!("^{args}$")) };
        // Arguments may be longer than a pattern can be.
        self.is_listed(&entry).then_some(entry)
    }

    fn name(&self) -> &str {
        self.program.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// By the name that it is called with, too: a link may hide what it is.
    fn is_wrapper(&self) -> bool {
        let called = self.argv[0].rsplit('/').next().unwrap_or_default();
        programs::is_wrapper(self.name()) || programs::is_wrapper(called)
    }

    fn matches_program(&self, pattern: &str) -> bool {
        if !pattern.contains('/') {
            return !pattern.is_empty() && self.argv[0] == pattern;
        }
        let glob = GlobBuilder::new(pattern).literal_separator(true).backslash_escape(true).build();
        glob.is_ok_and(|glob| glob.compile_matcher().is_match(&self.program))
    }

    fn matches_args(&self, pattern: Option<&str>) -> bool {
        let Some(pattern) = pattern else { return true };
        let args = &self.argv[1..];
        let ends_each = pattern.contains("\\x00") || pattern.contains('\0') || (args.is_empty() && pattern == "^$");
        if !ends_each && args.iter().any(|arg| arg.is_empty() || arg.contains(char::is_whitespace)) {
            return false;
        }
        let joined =
            if ends_each { args.iter().flat_map(|arg| [arg.as_str(), "\0"]).collect() } else { args.join(" ") };
        // Without the flag for lines, `^` and `$` are the ends of the whole.
        let whole = RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(PATTERN_LIMIT).build();
        whole.is_ok_and(|whole| whole.is_match(&joined))
    }
}

/// What a shell would run for this word: the real path of a file that may be run.
fn resolve(word: &str, workdir: &Path, path: &str) -> Option<PathBuf> {
    let is_program =
        |path: &Path| fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
    let found = if word.contains('/') {
        Some(workdir.join(word)).filter(|path| is_program(path))
    } else {
        // An empty or relative folder in the path is the folder of the command, which is the agent's.
        let folders = path.split(':').map(Path::new);
        folders.map(|folder| workdir.join(folder).join(word)).find(|path| is_program(path))
    }?;
    let real = fs::canonicalize(&found).ok()?;
    let is_many = real.file_name().and_then(|name| name.to_str()).is_some_and(programs::is_multi_call);
    match found.file_name() {
        // One file for many programs: the folder is followed, the name kept.
        Some(name) if is_many => Some(fs::canonicalize(found.parent()?).ok()?.join(name)),
        _ => Some(real),
    }
}
