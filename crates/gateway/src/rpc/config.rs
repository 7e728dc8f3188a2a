//! `config.*`: read and change the configuration. What is shown holds no secret, and a change keeps those it does not name.

use chela_config::{KeyPath, Loaded, SchemaPlace, Segment, Severity, edit, redact};
use chela_protocol::methods::config::{
    ConfigGetResult, ConfigHint, ConfigIssue, ConfigLookupChild, ConfigLookupParams, ConfigLookupResult,
    ConfigSchemaResult, ConfigWriteParams, ConfigWriteResult,
};
use chela_protocol::{RpcError, Scope};
use serde_json::{Value, json};

use super::{Access, Call, Method, RpcResult, answer_of};
use crate::config;
use crate::config_write::{EditRefused, change, issue, read};

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    let admin = Access::Holding(Scope::Admin);
    vec![
        Method::new("config.get", Access::Holding(Scope::Read), get),
        Method::new("config.schema", Access::Holding(Scope::Read), schema),
        Method::new("config.schema.lookup", Access::Holding(Scope::Read), schema_lookup),
        Method::new("config.set", admin, |call| write(call, Edit::Text)),
        Method::new("config.apply", admin, |call| write(call, Edit::Text)),
        Method::new("config.patch", admin, |call| write(call, Edit::Patch)),
    ]
}

/// Longest path of a lookup, as in the reference system.
const LOOKUP_PATH_MAX: usize = 1_024;

/// Paths of one patch that replace, as in the reference system.
const REPLACE_PATHS_MAX: usize = 256;

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

async fn schema_lookup(call: Call) -> RpcResult {
    let ConfigLookupParams { path } = call.params()?;
    let not_found = || RpcError::invalid("config schema path not found");
    if path.is_empty() || path.len() > LOOKUP_PATH_MAX {
        return Err(not_found());
    }
    let key_path = if path == "." { KeyPath::root() } else { path.parse().map_err(|_| not_found())? };
    let (place, below) = chela_config::lookup(&config::schema(), &key_path).ok_or_else(not_found)?;
    answer_of(&ConfigLookupResult {
        hint: hint(&place),
        path,
        schema: place.schema,
        reload_kind: place.effect,
        children: below.into_iter().map(child).collect(),
    })
}

fn child(place: SchemaPlace) -> ConfigLookupChild {
    ConfigLookupChild {
        hint: hint(&place),
        key: place.key,
        path: place.path,
        kind: place.schema.get("type").cloned(),
        required: place.is_required,
        has_children: place.has_children,
        reload_kind: place.effect,
    }
}

fn hint(place: &SchemaPlace) -> Option<ConfigHint> {
    let hint = ConfigHint { help: place.help.clone(), sensitive: place.is_secret };
    (hint != ConfigHint::default()).then_some(hint)
}

async fn write(call: Call, kind: Edit) -> RpcResult {
    let params: ConfigWriteParams = call.params()?;
    let edit = |stored: &Loaded| -> Result<String, EditRefused> {
        if params.base_hash.is_none() && stored.exists {
            return Err(RpcError::invalid("config base hash required; re-run config.get and retry").into());
        }
        match kind {
            Edit::Text => Ok(edit::unredacted(&params.raw, &stored.raw)?),
            Edit::Patch => {
                let mut patch: Value = chela_config::parse(&params.raw)
                    .map_err(|error| RpcError::invalid(format!("invalid config: {error}")))?;
                replace_whole(&mut patch, &stored.written, &params.replace_paths)?;
                Ok(edit::merge_patch(&stored.raw, &patch)?)
            }
        }
    };
    let gateway = &call.gateway;
    let changed = change(gateway, params.base_hash.as_deref(), edit).await?;
    answer_of(&ConfigWriteResult {
        ok: true,
        path: changed.path,
        hash: changed.hash,
        config: redact(&gateway.loaded.load().value, &config::schema()),
        changed_paths: changed.applied.changed,
        requires_restart: changed.applied.requires_restart,
    })
}

/// Makes a merge patch replace what stands at the paths: whatever the patch does not name there is taken out.
fn replace_whole(patch: &mut Value, stored: &Value, paths: &[String]) -> Result<(), RpcError> {
    if paths.len() > REPLACE_PATHS_MAX {
        return Err(RpcError::invalid(format!("replacePaths takes at most {REPLACE_PATHS_MAX} paths")));
    }
    for written in paths {
        let place: KeyPath =
            written.parse().map_err(|error| RpcError::invalid(format!("invalid replacePaths: {error}")))?;
        let mut there = Some(&mut *patch);
        for segment in place.segments() {
            let Segment::Key(key) = segment else {
                return Err(RpcError::invalid(
                    "invalid replacePaths: a patch replaces lists as a whole; name the list",
                ));
            };
            there = there.and_then(|value| value.get_mut(key));
        }
        if let (Some(patch), Some(stored)) = (there, place.get(stored)) {
            take_out_the_rest(patch, stored);
        }
    }
    Ok(())
}

fn take_out_the_rest(patch: &mut Value, stored: &Value) {
    let (Value::Object(patch), Value::Object(stored)) = (patch, stored) else { return };
    for (key, value) in stored {
        match patch.get_mut(key) {
            Some(kept) => take_out_the_rest(kept, value),
            None => drop(patch.insert(key.clone(), Value::Null)),
        }
    }
}
