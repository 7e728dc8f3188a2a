//! Fetches secrets from where the configuration says they are.
//!
//! Owns the sections `secrets` (providers) and the three ways to a secret: a variable, a file, a program. Nothing is kept:
//! each call reads anew, so that a rotated secret is taken up. Errors name the reference, never what was found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::include::read_limited;
use crate::program::{self, ProgramError};
use crate::{Criticality, Environment, Loaded, Places, Problem, Secret, SecretReference, SecretSource, substitute};

/// The longest secret is a key file of a few KB; more is a wrong path.
const SECRET_MAX_BYTES: u64 = 64 * 1024;

/// A password manager answers in less, and start-up waits for it.
const PROGRAM_TIMEOUT: Duration = Duration::from_secs(5);

/// What a program gets of the environment besides what its provider passes on.
const PROGRAM_ENVIRONMENT: &[&str] = &["HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "USER"];

/// `secrets`: where secrets that the configuration refers to are fetched.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretsSection {
    /// Places to fetch secrets from, by alias.
    pub providers: BTreeMap<String, SecretProvider>,
    /// The alias that a reference without a provider means, by source.
    pub defaults: SecretDefaults,
}

/// `secrets.defaults`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SecretDefaults {
    /// Alias for references with the source `env`.
    pub env: Option<String>,
    /// Alias for references with the source `file`.
    pub file: Option<String>,
    /// Alias for references with the source `exec`.
    pub exec: Option<String>,
}

/// One place to fetch secrets from.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(tag = "source", rename_all = "lowercase")]
pub enum SecretProvider {
    /// Variables of the environment.
    Env {
        /// The only variables that may be read; all of them when absent.
        allowlist: Option<Vec<String>>,
    },
    /// A file.
    File {
        /// Absolute, below `~`, or relative to the state directory.
        path: PathBuf,
        /// How the file is read.
        #[serde(default)]
        mode: SecretFileMode,
    },
    /// A program that prints the secret. It gets the id as its last argument; no shell is involved.
    #[serde(rename_all = "camelCase")]
    Exec {
        /// Absolute path of the program.
        command: PathBuf,
        /// Arguments before the id.
        #[serde(default)]
        args: Vec<String>,
        /// Variables that the program gets besides the few that every program needs.
        #[serde(default)]
        pass_env: Vec<String>,
    },
}

/// How a file of secrets is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SecretFileMode {
    /// A JSON object; the id is a JSON pointer such as `/providers/openai`.
    #[default]
    Json,
    /// The whole file is the secret; the id is `value`.
    SingleValue,
}

/// Why a secret cannot be had. `reference` is written as `env:default:OPENAI_API_KEY`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error("{reference}: the variable is not set")]
    NotSet { reference: String },
    #[error("{reference}: {reason}")]
    BadReference { reference: String, reason: String },
    #[error("{reference}: there is no such provider; add it under `secrets.providers`")]
    NoProvider { reference: String },
    #[error("{reference}: the provider's allowlist does not name it")]
    NotAllowed { reference: String },
    #[error("{reference}: {reason}")]
    Unavailable { reference: String, reason: String },
    #[error("{reference}: the program did not answer within {} ms", after.as_millis())]
    TimedOut { reference: String, after: Duration },
    #[error("{reference}: the section `secrets` is wrong, so that no secret is fetched")]
    SectionWrong { reference: String },
}

/// Fetches secrets for one configuration and environment.
#[derive(Debug, Clone)]
pub struct SecretResolver {
    /// `None` where the section is wrong.
    section: Option<SecretsSection>,
    environment: Environment,
    places: Option<Places>,
    program_timeout: Duration,
}

impl SecretResolver {
    /// Takes the section `secrets`; what is wrong in it goes to `problems`.
    pub fn new(loaded: &Loaded, environment: &Environment, places: &Places, problems: &mut Vec<Problem>) -> Self {
        let section = loaded.section("secrets", Criticality::Security, problems).value();
        Self {
            section,
            environment: environment.clone(),
            places: Some(places.clone()),
            program_timeout: PROGRAM_TIMEOUT,
        }
    }

    /// Without any provider: variables and plain texts only.
    pub fn of_environment(environment: &Environment) -> Self {
        Self {
            section: Some(SecretsSection::default()),
            environment: environment.clone(),
            places: None,
            program_timeout: PROGRAM_TIMEOUT,
        }
    }

    /// The same, with less patience for programs: for tests.
    #[cfg(test)]
    pub(crate) fn with_program_timeout(self, program_timeout: Duration) -> Self {
        Self { program_timeout, ..self }
    }

    /// The secret itself. A text that is `$VAR` or `${VAR}` as a whole means the variable.
    ///
    /// Blocks: for a file as long as reading takes, for a program at most 5 s. Where that matters, call it on a thread that may
    /// block.
    pub fn resolve(&self, secret: &Secret) -> Result<SecretString, SecretError> {
        let reference = match secret {
            Secret::Text(text) => match variable(text.expose_secret()) {
                Some(name) => return self.variable(name, &format!("${name}")),
                None => return Ok(text.clone()),
            },
            Secret::Reference(reference) => reference,
        };
        let name = self.name(reference);
        let Some(section) = &self.section else { return Err(SecretError::SectionWrong { reference: name }) };
        let alias = alias(section, reference);
        match (reference.source, section.providers.get(alias)) {
            (SecretSource::Env, Some(SecretProvider::Env { allowlist })) => {
                if allowlist.as_ref().is_some_and(|allowed| !allowed.contains(&reference.id)) {
                    return Err(SecretError::NotAllowed { reference: name });
                }
                self.variable(&reference.id, &name)
            }
            (SecretSource::Env, None) if is_implicit(alias) => self.variable(&reference.id, &name),
            (SecretSource::File, Some(SecretProvider::File { path, mode })) => {
                self.file(path, *mode, &reference.id, &name)
            }
            (SecretSource::Exec, Some(SecretProvider::Exec { command, args, pass_env })) => {
                self.program(command, args, pass_env, &reference.id, &name)
            }
            (_, None) => Err(SecretError::NoProvider { reference: name }),
            (_, Some(_)) => Err(SecretError::BadReference {
                reference: name,
                reason: format!("the provider `{alias}` has another source"),
            }),
        }
    }

    /// The files that secrets are fetched from, there or not: what a watcher watches, and what no tool may read.
    pub fn files(&self) -> Vec<PathBuf> {
        let providers = self.section.iter().flat_map(|section| section.providers.values());
        let files = providers.filter_map(|provider| match provider {
            SecretProvider::File { path, .. } => Some(path),
            SecretProvider::Env { .. } | SecretProvider::Exec { .. } => None,
        });
        files.map(|path| self.places.as_ref().map_or_else(|| path.clone(), |places| places.expand(path))).collect()
    }

    fn name(&self, reference: &SecretReference) -> String {
        let source = match reference.source {
            SecretSource::Env => "env",
            SecretSource::File => "file",
            SecretSource::Exec => "exec",
        };
        let alias = self.section.as_ref().map_or("", |section| alias(section, reference));
        format!("{source}:{alias}:{}", reference.id)
    }

    fn variable(&self, name: &str, reference: &str) -> Result<SecretString, SecretError> {
        if !substitute::is_name(name) {
            let reason = "a variable's name has capital letters, digits and `_` only".to_owned();
            return Err(SecretError::BadReference { reference: reference.to_owned(), reason });
        }
        let value = self.environment.get(name);
        value.map(SecretString::from).ok_or_else(|| SecretError::NotSet { reference: reference.to_owned() })
    }

    fn file(&self, path: &Path, mode: SecretFileMode, id: &str, reference: &str) -> Result<SecretString, SecretError> {
        let path = self.places.as_ref().map_or_else(|| path.to_owned(), |places| places.expand(path));
        let unavailable = |reason: String| SecretError::Unavailable { reference: reference.to_owned(), reason };
        let text = read_limited(&path, SECRET_MAX_BYTES).map_err(unavailable)?;
        match mode {
            SecretFileMode::SingleValue if id == "value" => non_empty(&text).map_err(unavailable),
            SecretFileMode::SingleValue => Err(SecretError::BadReference {
                reference: reference.to_owned(),
                reason: "the id of a file with one value is `value`".into(),
            }),
            SecretFileMode::Json => {
                let json: Value =
                    serde_json::from_str(&text).map_err(|_| unavailable("the file is not JSON".into()))?;
                match json.pointer(id) {
                    Some(Value::String(text)) => non_empty(text).map_err(unavailable),
                    Some(_) => Err(unavailable("what stands there is no text".into())),
                    None => Err(unavailable("the file has nothing there".into())),
                }
            }
        }
    }

    fn program(
        &self,
        path: &Path,
        args: &[String],
        pass_env: &[String],
        id: &str,
        reference: &str,
    ) -> Result<SecretString, SecretError> {
        if !path.is_absolute() || id.starts_with('-') {
            let reason = "the program needs an absolute path, and an id does not start with `-`".to_owned();
            return Err(SecretError::BadReference { reference: reference.to_owned(), reason });
        }
        let passed = PROGRAM_ENVIRONMENT.iter().copied().chain(pass_env.iter().map(String::as_str));
        let mut command = Command::new(path);
        command.args(args).arg(id).env_clear();
        command.envs(passed.filter_map(|name| Some((name, self.environment.get(name)?))));
        let unavailable = |reason: String| SecretError::Unavailable { reference: reference.to_owned(), reason };
        match program::output(command, self.program_timeout, SECRET_MAX_BYTES) {
            Ok(bytes) => {
                let text = String::from_utf8(bytes).map_err(|_| unavailable("not UTF-8 text".into()))?;
                non_empty(&text).map_err(unavailable)
            }
            Err(ProgramError::TimedOut) => {
                Err(SecretError::TimedOut { reference: reference.to_owned(), after: self.program_timeout })
            }
            Err(ProgramError::Failed(reason)) => Err(unavailable(reason)),
        }
    }
}

/// The provider that a reference means: the one it names, the default of its source, or the source's own name.
fn alias<'a>(section: &'a SecretsSection, reference: &'a SecretReference) -> &'a str {
    let (default, own_name) = match reference.source {
        SecretSource::Env => (&section.defaults.env, "env"),
        SecretSource::File => (&section.defaults.file, "file"),
        SecretSource::Exec => (&section.defaults.exec, "exec"),
    };
    reference.provider.as_deref().or(default.as_deref()).unwrap_or(own_name)
}

/// The variable that a text means as a whole.
fn variable(text: &str) -> Option<&str> {
    match substitute::reference(text) {
        Some((name, "")) => Some(name),
        _ => text.strip_prefix('$').filter(|name| substitute::is_name(name)),
    }
}

/// Variables need no provider; `default` is what the reference system writes where it means none.
fn is_implicit(alias: &str) -> bool {
    matches!(alias, "env" | "default")
}

/// The text without its last line break.
fn non_empty(text: &str) -> Result<SecretString, String> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() { Err("what stands there is empty".into()) } else { Ok(SecretString::from(text)) }
}
