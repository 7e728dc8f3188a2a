//! Which functions run when: a day of the gateway under callgrind, and the order that follows from it.
//!
//! What runs at rest comes first, then what runs with work, so that both stay together in memory; what only starts and stops
//! comes last. Nobody of the day speaks TLS, so its code is taken by name and stands behind the work.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::shell;

/// Parts of the day in the order in which their functions are to lie. The harness in `bench/` writes a profile for each.
const PARTS: &[&str] = &["rest", "work", "start", "stop"];

/// The part behind which the code of TLS comes.
const BEFORE_TLS: &str = "work";

/// Marks of names of TLS: the crates as the compiler writes them, and ring's C and assembly.
const TLS: &[&str] = &["6rustls", "6webpki", "ring_core_0", "4ring"];

/// A day calls some thousands. Fewer mean that the trace went wrong, and the order would be worse than none.
const FUNCTIONS_MIN: usize = 500;

/// Whether what traces is installed.
pub(crate) fn is_possible() -> bool {
    let version = Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Traces `binary`, which still has the names of its functions, into `folder`, and writes their order to `order`.
pub(crate) fn find(binary: &Path, folder: &Path, order: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let mut harness = shell::cargo(&["run", "--release", "--quiet", "--locked", "--package", "chela-bench", "--"]);
    shell::run(harness.arg("--binary").arg(binary).arg("--trace").arg(folder))?;
    let names = shell::output(Command::new("nm").args(["--defined-only", "--format=posix"]).arg(binary))?;
    let mut profiles = Vec::new();
    for part in PARTS {
        let profile = folder.join(part);
        let text = fs::read_to_string(&profile).with_context(|| format!("no trace in {}", profile.display()))?;
        profiles.push((*part, text));
    }
    let mut ordered = Ordered::default();
    for (part, profile) in &profiles {
        let before = ordered.names.len();
        ordered.add(called(profile));
        println!("{part}: {} functions more", ordered.names.len() - before);
        if *part == BEFORE_TLS {
            ordered.add(names.lines().filter_map(tls_function));
        }
    }
    if ordered.names.len() < FUNCTIONS_MIN {
        bail!("only {} functions were seen in {}", ordered.names.len(), folder.display());
    }
    fs::write(order, ordered.names.join("\n") + "\n")?;
    Ok(())
}

/// Names, each once, in the order of their first mention.
#[derive(Default)]
struct Ordered<'a> {
    seen: HashSet<&'a str>,
    names: Vec<&'a str>,
}

impl<'a> Ordered<'a> {
    fn add(&mut self, names: impl Iterator<Item = &'a str>) {
        for name in names {
            if self.seen.insert(name) {
                self.names.push(name);
            }
        }
    }
}

/// Functions that spent time in a profile of callgrind (its format: "fn=" and a name begin the costs of a function).
fn called(profile: &str) -> impl Iterator<Item = &str> {
    let names = profile.lines().filter_map(|line| line.strip_prefix("fn="));
    // A function that calls itself is listed again with a mark for each depth.
    names.map(|name| name.split('\'').next().unwrap_or(name)).filter(|name| !name.starts_with("0x") && *name != "???")
}

fn tls_function(line: &str) -> Option<&str> {
    let mut fields = line.split(' ');
    let (name, kind) = (fields.next()?, fields.next()?);
    (matches!(kind, "t" | "T") && TLS.iter().any(|mark| name.contains(mark))).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_a_profile_are_named_once_each() {
        let profile = "events: Ir\n\nob=chela\nfl=???\nfn=_ZN5start\n0 12\ncfn=_ZN5other\ncalls=1 0\n0 3\n\nfn=_ZN5other\n0 3\n\n\
            fn=_ZN5start'2\n0 5\n\nfn=0x00000000001000\n0 1\n";
        let mut ordered = Ordered::default();
        ordered.add(called(profile));
        ordered.add(called("fn=_ZN5other\n0 1\nfn=_ZN4last\n0 1\n"));
        assert_eq!(ordered.names, ["_ZN5start", "_ZN5other", "_ZN4last"]);
    }

    #[test]
    fn functions_of_tls_are_known_by_name() {
        assert_eq!(tls_function("_ZN6rustls4conn4read17h01E t 10 20"), Some("_ZN6rustls4conn4read17h01E"));
        assert_eq!(tls_function("ring_core_0_17_14__sha256_block T 10 20"), Some("ring_core_0_17_14__sha256_block"));
        assert_eq!(tls_function("_ZN6rustls5TABLEE r 10 20"), None);
        assert_eq!(tls_function("_ZN5chela4main17h01E t 10 20"), None);
    }
}
