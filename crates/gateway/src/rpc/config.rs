//! `config.*`: read and change the configuration. What is shown holds no secret, and a change keeps those it does not name.

use chela_config::{Severity, edit, redact};
use chela_protocol::methods::config::{
    ConfigGetResult, ConfigIssue, ConfigSchemaResult, ConfigWriteParams, ConfigWriteResult,
};
use chela_protocol::{RpcError, Scope};
use serde_json::json;

use super::{Access, Call, Method, RpcResult, answer_of};
use crate::config;
use crate::config_write::{change, issue, read};

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
    let patch = match kind {
        Edit::Text => None,
        Edit::Patch => Some(
            chela_config::parse(&params.raw).map_err(|error| RpcError::invalid(format!("invalid config: {error}")))?,
        ),
    };
    let changed = change(gateway, params.base_hash.as_deref(), |stored| match &patch {
        None => edit::unredacted(&params.raw, &stored.raw),
        Some(patch) => edit::merge_patch(&stored.raw, patch),
    })
    .await?;
    answer_of(&ConfigWriteResult {
        ok: true,
        path: changed.path,
        hash: changed.hash,
        config: redact(&gateway.loaded.load().value, &config::schema()),
        changed_paths: changed.applied.changed,
        requires_restart: changed.applied.requires_restart,
    })
}
