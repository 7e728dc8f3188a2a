//! `config.*`: read and change the configuration. What is shown holds no secret, and a change keeps those it does not name.

use std::sync::Arc;

use chela_config::{EditError, Loaded, Problem, Severity, WriteError, edit, redact};
use chela_protocol::methods::config::{
    ConfigGetResult, ConfigIssue, ConfigSchemaResult, ConfigWriteParams, ConfigWriteResult,
};
use chela_protocol::{RpcError, Scope};
use serde_json::{Value, json};

use super::{Access, Call, Method, RpcResult, answer_of};
use crate::app::Gateway;
use crate::config;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    let admin = Access::Holding(Scope::Admin);
    vec![
        Method::new("config.get", Access::Holding(Scope::Read), get),
        Method::new("config.schema", Access::Holding(Scope::Read), schema),
        Method::new("config.set", admin, |call| write(call, Edit::Text)),
        Method::new("config.apply", admin, |call| write(call, Edit::Text)),
        Method::new("config.patch", admin, |call| write(call, Edit::Patch)),
    ]
}

/// What `raw` of a write is.
#[derive(Clone, Copy)]
enum Edit {
    /// The whole file.
    Text,
    /// A merge patch.
    Patch,
}

async fn get(call: Call) -> RpcResult {
    let gateway = &call.gateway;
    // The file, not what is in force: an edit must start from what stands there now.
    let loaded = read(gateway).await?;
    let schema = config::schema();
    let problems = loaded.check(&schema);
    let of = |wanted: Severity| {
        let found = problems.iter().filter(move |problem| problem.severity == wanted);
        found.map(issue).collect::<Vec<ConfigIssue>>()
    };
    let issues = of(Severity::Error);
    answer_of(&ConfigGetResult {
        path: loaded.path.display().to_string(),
        exists: loaded.exists,
        raw: Some(edit::redacted(&loaded.raw, &schema)),
        parsed: redact(&loaded.written, &schema),
        valid: issues.is_empty(),
        config: redact(&loaded.value, &schema),
        hash: loaded.hash,
        issues,
        warnings: of(Severity::Warning),
        legacy_issues: Vec::new(),
    })
}

async fn schema(_: Call) -> RpcResult {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    answer_of(&ConfigSchemaResult { schema: config::schema(), ui_hints: json!({}), version })
}

async fn write(call: Call, kind: Edit) -> RpcResult {
    let params: ConfigWriteParams = call.params()?;
    let gateway = &call.gateway;
    let stored = read(gateway).await?;
    if params.base_hash.as_ref().is_some_and(|hash| *hash != stored.hash) {
        return Err(stale());
    }
    let text = match kind {
        Edit::Text => edit::unredacted(&params.raw, &stored.raw).map_err(|error| edit_failed(&error))?,
        Edit::Patch => {
            let patch: Value = chela_config::parse(&params.raw)
                .map_err(|error| RpcError::invalid(format!("invalid config: {error}")))?;
            edit::merge_patch(&stored.raw, &patch).map_err(|error| edit_failed(&error))?
        }
    };
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
    answer_of(&ConfigWriteResult {
        ok: true,
        path: stored.path.display().to_string(),
        hash,
        config: redact(&gateway.loaded.load().value, &config::schema()),
        changed_paths: applied.changed,
        requires_restart: applied.requires_restart,
    })
}

/// A text with a wrong value is not stored: whoever writes is there to mend it. Unknown keys are no mistake.
fn refuse_wrong(text: &str) -> Result<(), RpcError> {
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

async fn read(gateway: &Arc<Gateway>) -> Result<Loaded, RpcError> {
    let (places, mut environment) = (gateway.places.clone(), gateway.environment.clone());
    let loaded = tokio::task::spawn_blocking(move || chela_config::load(&places, &mut environment)).await;
    loaded.map_err(|_| RpcError::unavailable("reading the configuration failed"))
}

fn issue(problem: &Problem) -> ConfigIssue {
    let message = match &problem.hint {
        Some(hint) => format!("{} ({hint})", problem.message),
        None => problem.message.clone(),
    };
    ConfigIssue { path: problem.path.clone(), message }
}

fn stale() -> RpcError {
    RpcError::invalid("config changed since last load; re-run config.get and retry")
}

fn edit_failed(error: &EditError) -> RpcError {
    RpcError::invalid(format!("invalid config: {error}"))
}
