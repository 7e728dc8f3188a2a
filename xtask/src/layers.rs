//! The edge table: which crate may use which. Any other edge between our crates fails.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::shell;

/// Every allowed edge, lowest layer first. ARCHITECTURE.md draws the same picture.
const ALLOWED: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("config", &[]),
    ("ui", &[]),
    ("testkit", &["protocol"]),
    ("store", &["protocol"]),
    ("client", &["protocol"]),
    ("llm", &["config"]),
    ("channels", &["config"]),
    ("agent", &["llm", "store", "config", "protocol"]),
    ("tools", &["agent", "config"]),
    ("import", &["agent", "config", "llm", "protocol", "store"]),
    ("gateway", &["agent", "channels", "client", "config", "llm", "protocol", "store", "tools", "ui"]),
    ("cli", &["agent", "client", "config", "gateway", "import", "llm", "protocol", "store", "tools"]),
    ("fuzz", &["agent", "channels", "config", "gateway", "llm", "protocol", "tools"]),
    ("compat", &["testkit"]),
    ("bench", &["agent", "client", "protocol", "store", "testkit"]),
];

/// Only this crate may name SQLite.
const SQL_CRATE: &str = "store";

pub(crate) fn run() -> Result<()> {
    let text = shell::output(&mut shell::cargo(&["metadata", "--no-deps", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&text)?;
    let faults = faults(&edges(&metadata)?);
    if !faults.is_empty() {
        bail!("edges that the table in xtask/src/layers.rs doesn't allow:\n  {}", faults.join("\n  "));
    }
    Ok(())
}

/// Our crates with what they use in a normal build, our own prefix cut off.
fn edges(metadata: &Value) -> Result<BTreeMap<String, Vec<String>>> {
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let mut edges = BTreeMap::new();
    for package in packages {
        let Some(name) = package["name"].as_str().and_then(|name| name.strip_prefix("chela-")) else { continue };
        let used = package["dependencies"].as_array().into_iter().flatten();
        let used =
            used.filter(|dependency| dependency["kind"].is_null()).filter_map(|dependency| dependency["name"].as_str());
        edges.insert(name.to_owned(), used.map(str::to_owned).collect());
    }
    Ok(edges)
}

fn faults(edges: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let allowed: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    let mut faults = Vec::new();
    for (user, used) in edges {
        let Some(allowed) = allowed.get(user.as_str()) else {
            faults.push(format!("{user} stands nowhere in the table"));
            continue;
        };
        for name in used {
            match name.strip_prefix("chela-") {
                Some(name) if !allowed.contains(&name) => faults.push(format!("{user} → {name}")),
                None if matches!(name.as_str(), "rusqlite" | "libsqlite3-sys") && user != SQL_CRATE => {
                    faults.push(format!("{user} → {name} (SQL belongs to {SQL_CRATE})"));
                }
                _ => {}
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(edges: &[(&str, &[&str])]) -> Vec<String> {
        let own = |names: &&[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        faults(&edges.iter().map(|(user, used)| ((*user).to_owned(), own(used))).collect())
    }

    #[test]
    fn allowed_edges_and_foreign_crates_pass() {
        assert!(check(&[("llm", &["chela-config", "serde"]), ("store", &["rusqlite"])]).is_empty());
    }

    #[test]
    fn other_edges_fail_by_name() {
        assert_eq!(check(&[("llm", &["chela-store"])]), ["llm → store"]);
        assert_eq!(check(&[("agent", &["rusqlite"])]), ["agent → rusqlite (SQL belongs to store)"]);
        assert_eq!(check(&[("util", &[])]), ["util stands nowhere in the table"]);
    }
}
