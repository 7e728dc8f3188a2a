//! `skills.update` with a `skillKey`: on or off, its key, its variables. Written into the configuration file, in force at the next turn.

use chela_config::{Loaded, edit, redact};
use chela_protocol::RpcError;
use chela_protocol::methods::skills::SkillsUpdateParams;
use serde_json::{Map, Value, json};

use crate::config;
use crate::config_write::change as change_config;
use crate::rpc::{Call, RpcResult};
use crate::skills::changed;

/// Longest name of a skill or variable, and longest value.
const NAME_MAX: usize = 128;
const VALUE_MAX: usize = 16 * 1024;
/// Variables of one change.
const VARIABLES_MAX: usize = 64;

pub(super) async fn change(call: Call, params: SkillsUpdateParams) -> RpcResult {
    let key = params.skill_key.clone().unwrap_or_default().trim().to_owned();
    if key.is_empty() || key.len() > NAME_MAX || key.contains(char::is_control) {
        return Err(RpcError::invalid("invalid skills.update params: skillKey is missing or no name"));
    }
    let patch = json!({"skills": {"entries": {&key: entry(&params)?}}});
    let editing = move |stored: &Loaded| edit::merge_patch(&stored.raw, &patch);
    change_config(&call.gateway, None, editing).await?;
    changed(&call.gateway, "config");
    // What the file says, with whatever is secret in it taken out.
    let loaded = call.gateway.loaded.load();
    let shown = redact(&loaded.value, &config::schema());
    let entry = shown.pointer("/skills/entries").and_then(|entries| entries.get(&key)).cloned();
    Ok(json!({"ok": true, "skillKey": key, "config": entry.unwrap_or_else(|| json!({}))}))
}

/// The change as a merge patch: an empty text takes a value out.
fn entry(params: &SkillsUpdateParams) -> Result<Value, RpcError> {
    let mut entry = Map::new();
    if let Some(enabled) = params.enabled {
        entry.insert("enabled".to_owned(), enabled.into());
    }
    if let Some(key) = &params.api_key {
        entry.insert("apiKey".to_owned(), value("apiKey", key)?);
    }
    if let Some(variables) = &params.env {
        if variables.len() > VARIABLES_MAX {
            return Err(RpcError::invalid(format!("skills.update takes at most {VARIABLES_MAX} variables")));
        }
        let named = variables.iter().map(|(name, text)| Ok((variable(name)?.to_owned(), value(name, text)?)));
        entry.insert("env".to_owned(), Value::Object(named.collect::<Result<_, RpcError>>()?));
    }
    Ok(Value::Object(entry))
}

fn value(name: &str, text: &str) -> Result<Value, RpcError> {
    let text = text.trim();
    if text.len() > VALUE_MAX || text.contains(['\0', '\n', '\r']) {
        return Err(RpcError::invalid(format!("the value of {name} is too long or has line ends in it")));
    }
    Ok(if text.is_empty() { Value::Null } else { text.into() })
}

fn variable(name: &str) -> Result<&str, RpcError> {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let begins_well = name.as_bytes().first().is_some_and(|byte| !byte.is_ascii_digit());
    if begins_well && name.len() <= NAME_MAX && name.bytes().all(is_fine) {
        return Ok(name);
    }
    Err(RpcError::invalid(format!("{name:?} is no name of a variable")))
}
