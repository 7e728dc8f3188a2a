//! A snapshot of the environment. Only this crate and the command line ever look at the real one.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::redact::is_secret_name;

/// Prefixes under which the gateway's own variables are read, best first.
pub const PREFIXES: &[&str] = &["CHELA", "OPENCLAW", "CLAWDBOT", "KRABKRAB", "krabkrab"];

/// `env`: variables for the gateway, for `${VAR}` and for secrets. Those of the process and of `.env` win.
///
/// Read while the file is loaded, before any section; the struct is its shape for the root's schema.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvSection {
    /// Variables by name. Takes effect at the next start.
    pub vars: BTreeMap<String, EnvValue>,
    /// Accepted and without effect: nothing is taken from a login shell.
    pub shell_env: Option<serde_json::Map<String, serde_json::Value>>,
    /// Variables may also stand right here.
    #[serde(flatten)]
    pub bare: BTreeMap<String, EnvValue>,
}

/// The value of a variable; a number or a truth value counts as its text.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("x-secret" = true))]
pub enum EnvValue {
    Text(String),
    Number(serde_json::Number),
    Truth(bool),
}

/// The kind only: the value may be a secret.
impl fmt::Debug for EnvValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnvValue(***)")
    }
}

/// Variables as they stood at start, with `.env` files and `env.vars` folded in (they never win over the process's own).
#[derive(Clone, Default)]
pub struct Environment {
    vars: BTreeMap<String, String>,
}

impl Environment {
    /// The process's variables. Names or values that are not UTF-8 are left out.
    pub fn of_process() -> Self {
        let vars =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self { vars: vars.collect() }
    }

    /// A made-up environment, for tests and simulations.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        Self { vars: pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect() }
    }

    /// A variable's value; an empty one counts as unset.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A variable of the gateway's own, under any of [`PREFIXES`]: `gateway("STATE_DIR")`.
    pub fn gateway(&self, name: &str) -> Option<&str> {
        PREFIXES.iter().find_map(|prefix| self.get(&format!("{prefix}_{name}")))
    }

    /// Values of variables whose names sound secret (`…_API_KEY`, `…_TOKEN`, `…_PASSWORD`), for whoever must recognise them.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let secret = self.vars.iter().filter(|(name, _)| is_secret_name(name));
        secret.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Adds variables that are not set yet, or are set to nothing.
    pub fn fill<N: Into<String>, V: Into<String>>(&mut self, pairs: impl IntoIterator<Item = (N, V)>) {
        for (name, value) in pairs {
            let slot = self.vars.entry(name.into()).or_default();
            if slot.is_empty() {
                *slot = value.into();
            }
        }
    }
}

/// Names only: values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.vars.keys()).finish()
    }
}
