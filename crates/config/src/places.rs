//! Where the state directory and the configuration file are.
//!
//! Owns the names of both, ours and the foreign ones. Decides from the environment it is given and from which files exist;
//! creates nothing.

use std::path::{Path, PathBuf};

use crate::Environment;

/// Names of the configuration in a state directory, in the order in which they are looked for. New files get the first.
pub const CONFIG_NAMES: &[&str] = &["chela.json", "openclaw.json", "clawdbot.json", "moltbot.json", "krabkrab.json"];

/// What a first start writes where there is no configuration. Valid, and says where to go on.
pub const FIRST_FILE: &str = r#"{
  // Settings of this gateway. `chela config schema` lists what can stand here; changes are taken up while it runs.
  gateway: {
    mode: "local",
  },
}
"#;

/// State directories of the systems that this one replaces, below the home directory.
pub const FOREIGN_STATE_DIRS: &[&str] = &[".openclaw", ".clawdbot", ".moltbot", ".krabkrab"];

/// Long enough for any name that a person gives; short enough for a file name.
const PROFILE_NAME_MAX: usize = 64;

/// What the command line says about places; it wins over the environment.
#[derive(Debug, Clone, Default)]
pub struct PlaceOverrides {
    /// `--profile <name>`: a state directory of its own, `~/.chela-<name>`.
    pub profile: Option<String>,
    /// `--dev`: the profile `dev`.
    pub dev: bool,
    pub state_dir: Option<PathBuf>,
    pub config: Option<PathBuf>,
}

/// Where everything is. All paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    pub home: PathBuf,
    pub state_dir: PathBuf,
    pub config_path: PathBuf,
    pub config_exists: bool,
    /// `None` is the ordinary one.
    pub profile: Option<String>,
    /// Where agents work unless the configuration says otherwise.
    pub workspace_dir: PathBuf,
    /// A state directory of the reference system, when ours does not exist yet: it can be imported.
    pub foreign_state_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    #[error("no home directory: set HOME, CHELA_HOME or CHELA_STATE_DIR")]
    NoHome,
    #[error("`{0}` is not a profile name: use 1 to 64 letters, digits, `-` and `_`")]
    BadProfile(String),
    #[error("`{path}` cannot be made absolute: {reason}")]
    NotAbsolute { path: PathBuf, reason: String },
}

impl Places {
    /// Finds all places. An explicit state directory makes the home directory unnecessary.
    pub fn locate(environment: &Environment, overrides: &PlaceOverrides) -> Result<Self, PlaceError> {
        let profile = profile(environment, overrides)?;
        let home = environment.gateway("HOME").or_else(|| environment.get("HOME")).map(PathBuf::from);
        let resolve = |path: &Path| absolute(&expand_home(path, home.as_deref()));

        let explicit = overrides.state_dir.clone().or_else(|| environment.gateway("STATE_DIR").map(PathBuf::from));
        let state_dir = match (&explicit, &home) {
            (Some(dir), _) => resolve(dir)?,
            (None, Some(home)) => absolute(&home.join(default_state_dir_name(profile.as_deref())))?,
            (None, None) => return Err(PlaceError::NoHome),
        };
        let config = overrides.config.clone().or_else(|| environment.gateway("CONFIG_PATH").map(PathBuf::from));
        let config_path = match config {
            Some(path) => resolve(&path)?,
            None => config_in(&state_dir),
        };
        let asks_for_another = explicit.is_some() || profile.is_some();
        let foreign_state_dir = match &home {
            Some(home) if !asks_for_another && !state_dir.exists() => foreign_state_dir(home),
            _ => None,
        };
        Ok(Self {
            home: absolute(&home.unwrap_or_else(|| state_dir.clone()))?,
            workspace_dir: state_dir.join("workspace"),
            config_exists: config_path.is_file(),
            state_dir,
            config_path,
            profile,
            foreign_state_dir,
        })
    }

    /// A path from the configuration: `~` is the home directory, and what is relative stands in the state directory.
    pub fn expand(&self, path: impl AsRef<Path>) -> PathBuf {
        self.state_dir.join(expand_home(path.as_ref(), Some(&self.home)))
    }
}

fn profile(environment: &Environment, overrides: &PlaceOverrides) -> Result<Option<String>, PlaceError> {
    let flag = overrides.profile.as_deref().or(overrides.dev.then_some("dev"));
    let Some(name) = flag.or_else(|| environment.gateway("PROFILE")).filter(|name| *name != "default") else {
        return Ok(None);
    };
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if name.is_empty() || name.len() > PROFILE_NAME_MAX || !plain {
        return Err(PlaceError::BadProfile(name.to_owned()));
    }
    Ok(Some(name.to_owned()))
}

fn default_state_dir_name(profile: Option<&str>) -> String {
    profile.map_or_else(|| ".chela".to_owned(), |name| format!(".chela-{name}"))
}

/// The first name that exists, else the name of a new file. What a first start wrote, and nobody has touched, gives way to a file
/// that somebody put beside it under another name.
fn config_in(state_dir: &Path) -> PathBuf {
    let candidates = CONFIG_NAMES.iter().map(|name| state_dir.join(name));
    let mut present = candidates.filter(|path| path.is_file());
    let Some(first) = present.next() else { return state_dir.join(CONFIG_NAMES[0]) };
    match present.next() {
        Some(other) if is_untouched(&first) => other,
        _ => first,
    }
}

fn is_untouched(path: &Path) -> bool {
    let is_as_long = path.metadata().is_ok_and(|found| found.len() == FIRST_FILE.len() as u64);
    is_as_long && std::fs::read(path).is_ok_and(|text| text == FIRST_FILE.as_bytes())
}

fn foreign_state_dir(home: &Path) -> Option<PathBuf> {
    FOREIGN_STATE_DIRS.iter().map(|name| home.join(name)).find(|dir| dir.is_dir())
}

fn expand_home(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, PlaceError> {
    std::path::absolute(path)
        .map_err(|error| PlaceError::NotAbsolute { path: path.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn locate(pairs: &[(&str, &str)], overrides: &PlaceOverrides) -> Result<Places, PlaceError> {
        Places::locate(&Environment::from_pairs(pairs.iter().copied()), overrides)
    }

    #[test]
    fn everything_stands_below_home_by_default() {
        let places = locate(&[("HOME", "/nowhere/anna")], &PlaceOverrides::default()).unwrap();
        assert_eq!(places.state_dir, Path::new("/nowhere/anna/.chela"));
        assert_eq!(places.config_path, Path::new("/nowhere/anna/.chela/chela.json"));
        assert_eq!(places.workspace_dir, Path::new("/nowhere/anna/.chela/workspace"));
        assert!(!places.config_exists);
        assert_eq!(places.foreign_state_dir, None);
    }

    #[test]
    fn every_prefix_names_the_places() {
        for prefix in crate::PREFIXES {
            let state = format!("{prefix}_STATE_DIR");
            let config = format!("{prefix}_CONFIG_PATH");
            let places =
                locate(&[(&state, "/data"), (&config, "~/my.json"), ("HOME", "/h")], &PlaceOverrides::default())
                    .unwrap();
            assert_eq!(places.state_dir, Path::new("/data"), "{prefix}");
            assert_eq!(places.config_path, Path::new("/h/my.json"), "{prefix}");
        }
    }

    #[test]
    fn the_command_line_wins_over_the_environment() {
        let overrides = PlaceOverrides { state_dir: Some("/flag".into()), ..PlaceOverrides::default() };
        let places = locate(&[("CHELA_STATE_DIR", "/env")], &overrides).unwrap();
        assert_eq!(places.state_dir, Path::new("/flag"));
    }

    #[test]
    fn profiles_have_state_directories_of_their_own() {
        let home = [("CHELA_HOME", "/h"), ("HOME", "/other")];
        let dev = PlaceOverrides { dev: true, ..PlaceOverrides::default() };
        assert_eq!(locate(&home, &dev).unwrap().state_dir, Path::new("/h/.chela-dev"));
        let env = [("HOME", "/h"), ("OPENCLAW_PROFILE", "work")];
        assert_eq!(locate(&env, &PlaceOverrides::default()).unwrap().state_dir, Path::new("/h/.chela-work"));
        let bad = PlaceOverrides { profile: Some("../x".into()), ..PlaceOverrides::default() };
        assert_eq!(locate(&home, &bad), Err(PlaceError::BadProfile("../x".into())));
    }

    #[test]
    fn without_a_home_a_state_directory_must_be_named() {
        assert_eq!(locate(&[], &PlaceOverrides::default()), Err(PlaceError::NoHome));
        assert!(locate(&[("CHELA_STATE_DIR", "/data")], &PlaceOverrides::default()).is_ok());
    }

    #[test]
    fn foreign_names_are_read_and_ours_goes_first() {
        let dir = tempfile::tempdir().unwrap();
        let overrides = PlaceOverrides { state_dir: Some(dir.path().into()), ..PlaceOverrides::default() };
        for name in CONFIG_NAMES.iter().rev() {
            fs::write(dir.path().join(name), "{}").unwrap();
            let places = locate(&[], &overrides).unwrap();
            assert_eq!(places.config_path, dir.path().join(name));
            assert!(places.config_exists);
        }
    }

    #[test]
    fn a_first_file_gives_way_until_somebody_writes_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let overrides = PlaceOverrides { state_dir: Some(dir.path().into()), ..PlaceOverrides::default() };
        let used = || locate(&[], &overrides).unwrap().config_path;
        fs::write(dir.path().join("chela.json"), FIRST_FILE).unwrap();
        assert_eq!(used(), dir.path().join("chela.json"));
        fs::write(dir.path().join("krabkrab.json"), "{}").unwrap();
        assert_eq!(used(), dir.path().join("krabkrab.json"));
        fs::write(dir.path().join("chela.json"), FIRST_FILE.replace("local", "mine!")).unwrap();
        assert_eq!(used(), dir.path().join("chela.json"));
    }

    #[test]
    fn a_foreign_state_directory_is_told_until_ours_exists() {
        let home = tempfile::tempdir().unwrap();
        let pairs = [("HOME", home.path().to_str().unwrap())];
        fs::create_dir(home.path().join(".clawdbot")).unwrap();
        let places = locate(&pairs, &PlaceOverrides::default()).unwrap();
        assert_eq!(places.state_dir, home.path().join(".chela"));
        assert_eq!(places.foreign_state_dir, Some(home.path().join(".clawdbot")));
        fs::create_dir(home.path().join(".chela")).unwrap();
        assert_eq!(locate(&pairs, &PlaceOverrides::default()).unwrap().foreign_state_dir, None);
    }
}
