//! `$include`: parts of the configuration in files of their own.
//!
//! A string replaces the object it stands in, a list is merged deeply (later files win), and the keys beside `$include` are
//! merged over both. Files stand below the directory of the main file, whatever links say. A file that cannot be used
//! disables the object that asks for it, never start-up.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::path::KeyPath;
use crate::syntax::{self, FILE_MAX_BYTES};
use crate::{Problem, Severity};

const KEY: &str = "$include";
/// As in the reference system; deeper is a mistake.
const DEPTH_MAX: usize = 10;
/// Together with the depth of one file this bounds how deep the whole is, so that walking it does not overflow the stack.
const PATH_MAX: usize = 64;
/// Files may include each other twofold at each level; this bounds the work.
const FILES_MAX: usize = 256;

/// One expansion of all includes, with what it met.
pub(crate) struct Includes {
    config_dir: PathBuf,
    /// The files being read, outermost first.
    open: Vec<PathBuf>,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) problems: Vec<Problem>,
    /// What is missing because its file could not be used.
    pub(crate) disabled: Vec<KeyPath>,
    reads: usize,
}

/// Reads a file of limited size as text; the message names what is wrong, never the content.
pub(crate) fn read_limited(path: &Path, max_bytes: u64) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    // Opening a pipe would wait for its writer.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(format!("{} is no file", path.display()));
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(failed)?;
    file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > max_bytes {
        return Err(format!("{} is larger than {} KiB", path.display(), max_bytes / 1024));
    }
    String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8 text", path.display()))
}

impl Includes {
    pub(crate) fn new(config_path: &Path) -> Self {
        let main = config_path.canonicalize().unwrap_or_else(|_| config_path.to_owned());
        Self {
            config_dir: main.parent().unwrap_or(Path::new("/")).to_owned(),
            open: vec![main],
            files: Vec::new(),
            problems: Vec::new(),
            disabled: Vec::new(),
            reads: 0,
        }
    }

    /// The value with all includes put in. An object whose include fails is left out; of the root, its other keys stay.
    pub(crate) fn expand(&mut self, value: Value, path: &KeyPath) -> Option<Value> {
        match value {
            Value::Object(map) => self.expand_object(map, path),
            Value::Array(list) => {
                let kept = list.into_iter().enumerate();
                Some(kept.filter_map(|(index, element)| self.expand(element, &path.index(index))).collect())
            }
            other => Some(other),
        }
    }

    fn expand_object(&mut self, mut map: Map<String, Value>, path: &KeyPath) -> Option<Value> {
        let include = map.remove(KEY);
        let mut siblings = Map::new();
        for (key, value) in map {
            if let Some(value) = self.expand(value, &path.key(&key)) {
                siblings.insert(key, value);
            }
        }
        let Some(include) = include else { return Some(Value::Object(siblings)) };
        match self.included(&include, path) {
            Ok(base) if siblings.is_empty() => Some(base),
            Ok(mut base @ Value::Object(_)) => {
                merge(&mut base, Value::Object(siblings));
                Some(base)
            }
            Ok(_) => self.fail(path, "the included file is no object, but keys stand beside `$include`", siblings),
            Err(message) => self.fail(path, &message, siblings),
        }
    }

    fn fail(&mut self, path: &KeyPath, message: &str, siblings: Map<String, Value>) -> Option<Value> {
        self.problems.push(Problem {
            path: path.key(KEY).to_string(),
            severity: Severity::Error,
            message: message.to_owned(),
            hint: Some(
                "included files are named relative to the file that names them, below the configuration's directory"
                    .into(),
            ),
        });
        self.disabled.push(path.clone());
        path.segments().is_empty().then_some(Value::Object(siblings))
    }

    fn included(&mut self, include: &Value, path: &KeyPath) -> Result<Value, String> {
        match include {
            Value::String(name) => self.file(name, path),
            Value::Array(names) => {
                let mut merged = Value::Object(Map::new());
                for name in names {
                    let name = name.as_str().ok_or("`$include` lists names of files")?;
                    let part = self.file(name, path)?;
                    merge(&mut merged, part);
                }
                Ok(merged)
            }
            _ => Err("`$include` takes the name of a file or a list of them".into()),
        }
    }

    fn file(&mut self, name: &str, path: &KeyPath) -> Result<Value, String> {
        let from = self.open.last().and_then(|file| file.parent()).unwrap_or(&self.config_dir).to_owned();
        let file = from.join(name).canonicalize().map_err(|error| {
            // A watcher sees when it comes.
            self.files.push(from.join(name));
            format!("cannot read {name}: {error}")
        })?;
        if !file.starts_with(&self.config_dir) {
            return Err(format!("{name} is outside of the configuration's directory"));
        }
        if self.open.contains(&file) {
            return Err(format!("{name} includes itself"));
        }
        if self.open.len() > DEPTH_MAX {
            return Err(format!("{name} is included more than {DEPTH_MAX} levels deep"));
        }
        if path.segments().len() > PATH_MAX {
            return Err(format!("{name} is included below more than {PATH_MAX} keys"));
        }
        self.reads += 1;
        if self.reads > FILES_MAX {
            return Err(format!("more than {FILES_MAX} files are included"));
        }
        if !self.files.contains(&file) {
            self.files.push(file.clone());
        }
        let value = syntax::parse(&read_limited(&file, FILE_MAX_BYTES)?).map_err(|error| format!("{name}, {error}"))?;
        self.open.push(file);
        let expanded = self.expand_part(value, path);
        self.open.pop();
        expanded.ok_or_else(|| format!("{name} cannot be used as a whole"))
    }

    /// Inside a file no object is the root: an include that fails disables the object above it.
    fn expand_part(&mut self, value: Value, path: &KeyPath) -> Option<Value> {
        let failures = self.disabled.len();
        let expanded = self.expand(value, path);
        let failed_here = self.disabled[failures..].contains(path);
        expanded.filter(|_| !failed_here)
    }
}

/// Objects are merged key by key; anything else is replaced.
fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                match base.get_mut(&key) {
                    Some(slot) => merge(slot, value),
                    None => {
                        base.insert(key, value);
                    }
                }
            }
        }
        (base, over) => *base = over,
    }
}
