//! The files that the configuration in force was made of: where they stand, and whether they say something else by now.
//!
//! Secrets stand in files of their own (`.env`, what `secrets.providers` names, the token that was made), so that a rotated one
//! changes nothing in the configuration itself. Keeps a digest, never what the files say.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use chela_config::{Environment, Loaded, Places, SecretResolver};
use sha2::{Digest as _, Sha256};

/// Of a larger file the beginning is looked at: none that is taken up is larger (2 MiB is the configuration's own limit).
const LOOKED_AT_MAX_BYTES: u64 = 2 * 1024 * 1024;

/// The files of one configuration and what they said.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Sources {
    files: Vec<PathBuf>,
    digest: [u8; 32],
}

impl Sources {
    /// The sources of what was just loaded, as they stand now. `made` are files of the gateway's own making that count. Blocks
    /// for as long as reading takes.
    pub(crate) fn of(loaded: &Loaded, places: &Places, made: &[&str]) -> Self {
        let mut files = loaded.files.clone();
        files.extend([".env"].iter().chain(made).map(|name| places.state_dir.join(name)));
        files.extend(secret_files(loaded, places));
        files.sort();
        files.dedup();
        let digest = digest(&files);
        Self { files, digest }
    }

    /// The same files as they stand now. Blocks for as long as reading takes.
    pub(crate) fn again(&self) -> Self {
        Self { files: self.files.clone(), digest: digest(&self.files) }
    }

    /// What was seen earlier, if it was seen of the same files.
    pub(crate) fn or_earlier(self, earlier: Self) -> Self {
        if self.files == earlier.files { earlier } else { self }
    }

    /// Whether a file says something else than it did, came or went. Blocks for as long as reading takes.
    pub(crate) fn have_changed(&self) -> bool {
        self.again() != *self
    }

    /// The folders that the files stand in, or would.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().filter_map(|file| file.parent())
    }
}

/// The files that `secrets.providers` names. What is wrong in that section is told where the configuration is read.
pub(crate) fn secret_files(loaded: &Loaded, places: &Places) -> Vec<PathBuf> {
    SecretResolver::new(loaded, &Environment::default(), places, &mut Vec::new()).files()
}

fn digest(files: &[PathBuf]) -> [u8; 32] {
    let mut whole = Sha256::new();
    for file in files {
        // One that can't be read is as good as none; that it can be read again is a change.
        let content = beginning(file).map(|bytes| Sha256::digest(&bytes));
        whole.update(file.as_os_str().as_encoded_bytes());
        whole.update([0, u8::from(content.is_some())]);
        whole.update(content.unwrap_or_default());
    }
    whole.finalize().into()
}

fn beginning(file: &Path) -> Option<Vec<u8>> {
    // A pipe would never end, and a device never begin.
    if !std::fs::metadata(file).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(file).ok()?.take(LOOKED_AT_MAX_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use chela_config::PlaceOverrides;
    use serde_json::json;

    use super::*;

    #[test]
    fn g21_every_file_that_can_hold_a_secret_is_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        fs::create_dir(&state).unwrap();
        let pairs = [("CHELA_STATE_DIR", state.to_str().unwrap()), ("HOME", dir.path().to_str().unwrap())];
        let mut environment = Environment::from_pairs(pairs);
        let places = Places::locate(&environment, &PlaceOverrides::default()).unwrap();
        let providers = json!({"secrets": {"providers": {
            "one": {"source": "file", "path": "~/one.json"},
            "two": {"source": "file", "path": "two", "mode": "singleValue"},
        }}});
        fs::write(state.join("chela.json"), json!({"$include": "./more.json"}).to_string()).unwrap();
        fs::write(state.join("more.json"), providers.to_string()).unwrap();
        let read = |environment: &mut Environment| {
            Sources::of(&chela_config::load(&places, environment), &places, &["gateway-token"])
        };
        for file in
            ["state/chela.json", "state/more.json", "state/.env", "one.json", "state/two", "state/gateway-token"]
        {
            let before = read(&mut environment);
            assert!(!before.have_changed(), "{file}");
            assert!(before.folders().any(|folder| folder == dir.path().join(file).parent().unwrap()), "{file}");
            let text = fs::read_to_string(dir.path().join(file)).unwrap_or_default();
            fs::write(dir.path().join(file), format!("{text} ")).unwrap();
            assert!(before.have_changed(), "{file}");
        }
    }
}
