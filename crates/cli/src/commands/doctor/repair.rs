//! Repairs of the configuration's text: names of keys, and a text that can't be read.

use std::fs;

use chela_config::{KeyPath, Loaded, Problem, Severity, WriteError, check, edit, former_texts, parse, write};

use super::Finding;
use crate::context::Context;

/// End of the name under which a text that can't be read is kept.
const BROKEN: &str = ".broken";

/// Gives keys the names that they are read by. Each change must leave fewer problems and no new one, or it is not made.
pub(super) fn key_names(context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (loaded, _) = context.load();
    if loaded.safe_mode || !loaded.exists {
        return findings;
    }
    let mut text = loaded.raw.clone();
    for (old, new) in wanted(&loaded) {
        let Some(changed) = renamed(&text, &old, &new) else { continue };
        text = changed;
        findings.push(Finding::mended("config.renamed", format!("{old} is written {new} now")));
    }
    if findings.is_empty() {
        return findings;
    }
    match write(&loaded.path, &text, Some(&loaded.hash)) {
        Ok(_) => findings,
        Err(error) => vec![not_written(&error)],
    }
}

/// The name that a key should have, where there is no doubt: the nearest of its siblings' names, and nothing stands there.
pub(super) fn new_name(problem: &Problem, loaded: &Loaded) -> Option<KeyPath> {
    let old: KeyPath = problem.path.parse().ok()?;
    let meant = problem.meant().filter(|meant| problem.severity == Severity::Warning && !meant.contains('.'))?;
    // The same name would be a key in another place, which is a guess.
    let new = old.sibling(meant)?;
    (old.get(&loaded.written).is_some() && new.get(&loaded.written).is_none()).then_some(new)
}

/// Puts the newest former text that can be read in the place of one that can't. The present one is kept beside it.
pub(super) fn restore(context: &Context) -> Vec<Finding> {
    let (loaded, _) = context.load();
    if !loaded.safe_mode {
        return vec![Finding::ok("config.restored", "the configuration can be read; nothing is put back")];
    }
    let readable = |text: &String| parse(text).is_ok_and(|value| value.is_object());
    let former = former_texts(&loaded.path)
        .into_iter()
        .find_map(|path| Some((fs::read_to_string(&path).ok().filter(readable)?, path)));
    let Some((text, from)) = former else {
        let mend = "mend it by hand; the gateway's page shows it in safe mode";
        return vec![Finding::error("config.restored", "no former text of the configuration can be read", mend)];
    };
    let mut kept = loaded.path.clone().into_os_string();
    kept.push(BROKEN);
    if let Err(error) = fs::rename(&loaded.path, &kept) {
        let message = format!("{} can't be moved away: {error}", loaded.path.display());
        return vec![Finding::error("config.restored", message, "run this as the owner of the file")];
    }
    match write(&loaded.path, &text, None) {
        Ok(_) => {
            let message = format!("{} is in force again; the text before is in {}", from.display(), kept.display());
            vec![Finding::mended("config.restored", message)]
        }
        Err(error) => {
            // A start without any file would be another gateway; better the one that says what is wrong.
            let _ = fs::rename(&kept, &loaded.path);
            vec![not_written(&error)]
        }
    }
}

/// Old names and what they are called now, then mistyped ones.
fn wanted(loaded: &Loaded) -> Vec<(KeyPath, KeyPath)> {
    let paths = |(old, new): (&str, &str)| Some((old.parse().ok()?, new.parse().ok()?));
    let moved = loaded.renamed().into_iter().filter_map(paths);
    let problems = loaded.check(&chela_gateway::config::schema());
    let mistyped = problems.iter().filter_map(|problem| Some((problem.path.parse().ok()?, new_name(problem, loaded)?)));
    moved.chain(mistyped).collect()
}

fn renamed(text: &str, old: &KeyPath, new: &KeyPath) -> Option<String> {
    let before = parse(text).ok()?;
    let value = old.get(&before)?;
    let changed = edit::unset(&edit::set(text, new, value).ok()?, old).ok()?;
    let schema = chela_gateway::config::schema();
    let known = check(&before, &schema, &KeyPath::root());
    let left = check(&parse(&changed).ok()?, &schema, &KeyPath::root());
    let is_new = |problem: &Problem| problem.severity == Severity::Error && !known.contains(problem);
    (left.len() <= known.len() && !left.iter().any(is_new)).then_some(changed)
}

fn not_written(error: &WriteError) -> Finding {
    Finding::error("config.not_written", error.to_string(), "run this again as the owner of the file")
}
