//! Reads the configuration: from the file to one value that sections are taken from.
//!
//! ```text
//!  chela.json ── bytes ── JSON5 ── $include ── env: .env, env.vars ── ${VAR} ── old names ── value ── section::<T>()
//!                  │        │          │                                 │           │                     │
//!                hash   safe mode    files                            disabled     notes         problems, one section off
//! ```
//!
//! Nothing here stops start-up. A file that cannot be read or parsed gives an empty value in safe mode; everything smaller
//! is a [`Problem`] at its path. Reads files, never writes one.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::environment::EnvSection;
use crate::include::{Includes, read_limited};
use crate::normalise::{self, Moved};
use crate::path::KeyPath;
use crate::syntax::{self, FILE_MAX_BYTES};
use crate::{Environment, Places, Problem, Severity, check, dotenv, schema_of, substitute};

/// A configuration as it was read. Holds secrets: its `Debug` shows names only.
#[derive(Clone, Default)]
pub struct Loaded {
    pub path: PathBuf,
    /// Whether the file was there. A missing one is an empty configuration, not a broken one.
    pub exists: bool,
    /// The file cannot be read or parsed: only what is needed to repair it may run.
    pub safe_mode: bool,
    /// What is in force, with includes, variables and new names put in. What `chela config get` must not show.
    pub value: Value,
    /// What the main file says, before all that: the base of edits and of what is shown.
    pub written: Value,
    /// The main file's text; empty when there is none.
    pub raw: String,
    /// SHA-256 of the main file in hex; of nothing when there is none.
    pub hash: String,
    /// What was wrong while reading. Sections add theirs when they are taken.
    pub problems: Vec<Problem>,
    /// Every file that was read or asked for, the main one first: what a watcher watches.
    pub files: Vec<PathBuf>,
    /// Values that were left out, so that security-relevant sections above or below them fail closed.
    pub(crate) disabled: Vec<KeyPath>,
    /// Values that stand elsewhere than where they were written.
    pub(crate) moved: Vec<Moved>,
}

/// Reads the configuration and adds `.env` and `env.vars` to the environment; what is set there already wins.
/// For a reload pass the process's own environment again, so that a variable taken out of the file is gone.
pub fn load(places: &Places, environment: &mut Environment) -> Loaded {
    let mut loaded = Loaded {
        path: places.config_path.clone(),
        value: Value::Object(Map::new()),
        written: Value::Object(Map::new()),
        files: vec![places.config_path.clone()],
        ..Loaded::default()
    };
    read_dotenv(places, environment, &mut loaded);
    match read_main(places) {
        Ok(raw) => {
            loaded.exists = raw.is_some();
            loaded.raw = raw.unwrap_or_default();
        }
        Err(message) => loaded.enter_safe_mode(message, "make the file readable, or move it away"),
    }
    loaded.hash = syntax::hash(loaded.raw.as_bytes());
    match syntax::parse(&loaded.raw) {
        Ok(written @ Value::Object(_)) => {
            loaded.written = written.clone();
            loaded.put_in_force(written, environment);
        }
        Ok(_) => loaded.enter_safe_mode("the file is no object".into(), "a configuration starts with `{`"),
        Err(error) => {
            let hint = repair_hint(&places.config_path);
            loaded.enter_safe_mode(error.to_string(), &hint);
        }
    }
    loaded
}

impl Loaded {
    /// A configuration that stands in no file, for tests and simulations.
    pub fn from_value(value: Value) -> Self {
        let mut loaded = Self { exists: true, written: value.clone(), ..Self::default() };
        loaded.put_in_force(value, &mut Environment::default());
        loaded
    }

    /// The value in force at a path such as `gateway.port`.
    pub fn get(&self, path: &str) -> Option<&Value> {
        path.parse::<KeyPath>().ok()?.get(&self.value)
    }

    /// Keys that the file still calls by an old name: as they are written, and as they are called now.
    pub fn renamed(&self) -> Vec<(&'static str, &'static str)> {
        normalise::RENAMED
            .iter()
            .filter(|(from, _)| self.moved.iter().any(|moved| moved.is_from(from)))
            .copied()
            .collect()
    }

    /// Values above or below this path that were left out because a variable or a file is missing: what is security-relevant there
    /// fails closed. A path that can't be read is none of ours: empty.
    pub fn left_out_at(&self, path: &str) -> Vec<KeyPath> {
        let Ok(path) = path.parse::<KeyPath>() else { return Vec::new() };
        self.disabled.iter().filter(|gone| gone.is_within(&path) || path.is_within(gone)).cloned().collect()
    }

    /// Leaves out all that the file says, as if it could not be read, because nothing can be started with it. What it says stays in
    /// `written` and `raw`, where it can be mended.
    pub fn set_aside(&mut self, message: String) {
        self.enter_safe_mode(message, "mend it in the page or with `chela config`, then restart");
    }

    fn put_in_force(&mut self, written: Value, environment: &mut Environment) {
        let mut includes = Includes::new(&self.path);
        let whole = includes.expand(written, &KeyPath::root()).unwrap_or_else(|| Value::Object(Map::new()));
        self.files.append(&mut includes.files);
        self.problems.append(&mut includes.problems);
        self.disabled.append(&mut includes.disabled);

        fill_from_env_section(&whole, environment, &mut self.problems);
        let substituted =
            substitute::value(whole, &KeyPath::root(), environment, &mut self.problems, &mut self.disabled);
        self.value = substituted.unwrap_or_else(|| Value::Object(Map::new()));
        self.moved = normalise::normalise(&mut self.value, &mut self.problems);
    }

    fn enter_safe_mode(&mut self, message: String, hint: &str) {
        self.safe_mode = true;
        self.value = Value::Object(Map::new());
        self.disabled.push(KeyPath::root());
        self.problems.push(Problem {
            path: String::new(),
            severity: Severity::Error,
            message,
            hint: Some(hint.into()),
        });
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("path", &self.path)
            .field("exists", &self.exists)
            .field("safe_mode", &self.safe_mode)
            .field("hash", &self.hash)
            .field("problems", &self.problems)
            .finish_non_exhaustive()
    }
}

/// The main file's text; `None` when there is no file.
fn read_main(places: &Places) -> Result<Option<String>, String> {
    match fs::symlink_metadata(&places.config_path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        _ => read_limited(&places.config_path, FILE_MAX_BYTES).map(Some),
    }
}

fn repair_hint(path: &Path) -> String {
    let mut backup = path.file_name().unwrap_or_default().to_owned();
    backup.push(".bak");
    if path.with_file_name(&backup).exists() {
        format!("mend it there, or put back {}, which stands beside it", backup.display())
    } else {
        "mend it there".into()
    }
}

fn read_dotenv(places: &Places, environment: &mut Environment, loaded: &mut Loaded) {
    let path = places.state_dir.join(".env");
    if !path.exists() {
        return;
    }
    let mut warn = |message| {
        loaded.problems.push(Problem { path: ".env".into(), severity: Severity::Warning, message, hint: None });
    };
    match read_limited(&path, FILE_MAX_BYTES) {
        Ok(text) => {
            let (pairs, wrong) = dotenv::parse(&text);
            environment.fill(pairs);
            for line in wrong {
                warn(format!("line {line} is not NAME=value"));
            }
        }
        Err(message) => warn(message),
    }
    loaded.files.push(path);
}

/// `env.vars`, and keys that stand right under `env`; both may use variables that are set already.
fn fill_from_env_section(root: &Value, environment: &mut Environment, problems: &mut Vec<Problem>) {
    let Some(section) = root.get("env") else { return };
    let wrong = check(section, &schema_of::<EnvSection>(), &KeyPath::root().key("env"));
    problems.extend(wrong.into_iter().filter(|problem| problem.severity == Severity::Error));

    let vars = section.get("vars").and_then(Value::as_object).into_iter().flatten();
    let bare = section.as_object().into_iter().flatten();
    for (name, value) in vars.chain(bare) {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => continue,
        };
        // A missing variable is reported once, by the substitution of the whole value.
        if let Ok(text) = substitute::text(&text, environment) {
            let text = text.into_owned();
            environment.fill([(name.clone(), text)]);
        }
    }
}
