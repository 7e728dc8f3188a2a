//! Changes of the configuration file by clients and commands: checked before they are written, in force when they return.

use std::sync::Arc;

use chela_config::{EditError, Loaded, Problem, Severity, WriteError};
use chela_protocol::RpcError;
use chela_protocol::methods::config::ConfigIssue;
use serde_json::json;

use crate::app::Gateway;
use crate::config;
use crate::reload::Applied;

/// A change that is written and in force.
pub(crate) struct Changed {
    pub(crate) path: String,
    pub(crate) hash: String,
    pub(crate) applied: Applied,
}

/// Why a new text was not made.
pub(crate) struct EditRefused(RpcError);

impl From<EditError> for EditRefused {
    fn from(error: EditError) -> Self {
        Self(RpcError::invalid(format!("invalid config: {error}")))
    }
}

impl From<RpcError> for EditRefused {
    fn from(error: RpcError) -> Self {
        Self(error)
    }
}

/// What the file says now, whatever is in force.
pub(crate) async fn read(gateway: &Arc<Gateway>) -> Result<Loaded, RpcError> {
    let (places, mut environment) = (gateway.places.clone(), gateway.environment.clone());
    let loaded = tokio::task::spawn_blocking(move || chela_config::load(&places, &mut environment)).await;
    loaded.map_err(|_| RpcError::unavailable("reading the configuration failed"))
}

/// Lets `edit` make a new text of the file and puts that in force. Refused when the text has a wrong value, or when the file is
/// another one than `base_hash` names.
pub(crate) async fn change<E: Into<EditRefused>>(
    gateway: &Arc<Gateway>,
    base_hash: Option<&str>,
    edit: impl FnOnce(&Loaded) -> Result<String, E>,
) -> Result<Changed, RpcError> {
    let stored = read(gateway).await?;
    if base_hash.is_some_and(|hash| *hash != stored.hash) {
        return Err(stale());
    }
    let text = edit(&stored).map_err(|refused| refused.into().0)?;
    refuse_wrong(&text)?;
    let (path, base) = (stored.path.clone(), stored.hash.clone());
    let writing = async move {
        match tokio::task::spawn_blocking(move || chela_config::write(&path, &text, Some(&base))).await {
            Ok(Ok(hash)) => Ok(hash),
            Ok(Err(WriteError::Stale { .. })) => Err(stale()),
            Ok(Err(error)) => Err(RpcError::unavailable(error.to_string())),
            Err(_) => Err(RpcError::unavailable("writing the configuration failed")),
        }
    };
    let (hash, applied) = gateway.reloader.write(gateway, writing).await?;
    Ok(Changed { path: stored.path.display().to_string(), hash, applied })
}

/// A text with a wrong value is not stored: whoever writes is there to mend it. Unknown keys are no mistake.
pub(crate) fn refuse_wrong(text: &str) -> Result<(), RpcError> {
    let value = chela_config::parse(text).map_err(|error| RpcError::invalid(format!("invalid config: {error}")))?;
    let loaded = Loaded::from_value(value);
    let problems = loaded.check(&config::schema());
    // Variables and includes are resolved where the file is read, so only values are judged here.
    let wrong = |problem: &&Problem| problem.severity == Severity::Error && !loaded.problems.contains(problem);
    let issues: Vec<ConfigIssue> = problems.iter().filter(wrong).map(issue).collect();
    match issues.first() {
        None => Ok(()),
        Some(first) => {
            let message = format!("invalid config: {}: {}", first.path, first.message);
            Err(RpcError::invalid(message).with_details(json!({"issues": issues})))
        }
    }
}

pub(crate) fn issue(problem: &Problem) -> ConfigIssue {
    let message = match &problem.hint {
        Some(hint) => format!("{} ({hint})", problem.message),
        None => problem.message.clone(),
    };
    ConfigIssue { path: problem.path.clone(), message }
}

fn stale() -> RpcError {
    RpcError::invalid("config changed since last load; re-run config.get and retry")
}
