//! TypeScript of the protocol: reads the source of the crate `protocol` and writes what its types look like as JSON, so that the
//! page in `ui/` speaks of the same fields as the gateway, with the same words about them.
//!
//! It follows serde's attributes as they are written. What it doesn't know it refuses by name; nothing is guessed.

mod serde_words;
mod shape;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use shape::Declared;

/// Where the types are read, in the order in which they are written.
const FOLDERS: &[&str] = &["crates/protocol/src", "crates/protocol/src/methods", "crates/protocol/src/methods/cron"];

/// One generated file: its name within `ui/src/protocol`, and its text.
pub(crate) struct Generated {
    pub(crate) name: &'static str,
    pub(crate) text: String,
}

/// The files of `ui/src/protocol`.
pub(crate) fn generate(root: &Path) -> Result<Vec<Generated>> {
    let mut sections = Vec::new();
    let mut seen = BTreeSet::new();
    let mut names = BTreeMap::new();
    for path in sources(root)? {
        let text = fs::read_to_string(&path)?;
        let file = syn::parse_file(&text).with_context(|| path.display().to_string())?;
        let declared = shape::declared(&file).with_context(|| path.display().to_string())?;
        for one in &declared {
            if !seen.insert(one.name.clone()) {
                bail!("{}: two types of the protocol are called `{}`", path.display(), one.name);
            }
        }
        names.extend(shape::constants(&file));
        sections.push((heading(root, &path), declared));
    }
    let asked = asked_of_clients(&sections);
    Ok(vec![
        Generated { name: "types.ts", text: write::types(&sections, &asked) },
        Generated { name: "names.ts", text: write::names(&names)? },
    ])
}

fn sources(root: &Path) -> Result<Vec<PathBuf>> {
    let mut sources = Vec::new();
    for folder in FOLDERS {
        let entries = fs::read_dir(root.join(folder)).with_context(|| (*folder).to_owned())?;
        let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        files.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
        files.sort();
        sources.extend(files);
    }
    Ok(sources)
}

fn heading(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

/// Types that a client writes: everything that parameters are made of. There, a field with a default may be left out.
fn asked_of_clients(sections: &[(String, Vec<Declared>)]) -> BTreeSet<String> {
    let all: BTreeMap<&str, &Declared> =
        sections.iter().flat_map(|(_, declared)| declared).map(|one| (one.name.as_str(), one)).collect();
    let mut asked = BTreeSet::new();
    let mut open: Vec<&str> = all.keys().copied().filter(|name| name.ends_with("Params")).collect();
    while let Some(name) = open.pop() {
        if asked.insert(name.to_owned()) {
            open.extend(all[name].mentions().into_iter().filter_map(|used| all.get(used).map(|one| one.name.as_str())));
        }
    }
    asked
}

#[cfg(test)]
mod tests;
