//! Secrets are not shown, and everything else is.

use serde_json::{Value, json};

use super::Root;
use crate::{REDACTED, redact, restore_redacted, schema_of};

#[test]
fn secrets_are_found_by_mark_by_name_and_in_addresses() {
    let value = json!({
        "gateway": {"port": 1, "auth": {"mode": "token", "token": "hunter2"}},
        "channels": {"discord": {"token": "hunter2"}, "other": {"token": {"source": "env", "id": "T"}}},
        "auth": {"headers": {"Authorization": "hunter2", "X-Api-Key": "hunter2", "accept": "json"}},
        "meta": {"maxTokens": 5, "db": "postgres://me:hunter2@host/x", "page": "https://host/a@b:c", "tokens": ["kept"]},
        "secrets": {"providers": {"s": {"source": "env", "allowlist": ["A"]}}},
        "env": {"vars": {"ANY": "hunter2", "N": 5}, "BARE": "hunter2", "shellEnv": {"enabled": true}},
        "odd": {"bot_token": "hunter2", "password": "${PASS}", "secret": "$PASS", "apiKeys": ["kept"], "clientSecret": ["hunter2"]},
    });
    let shown = redact(&value, &schema_of::<Root>());
    assert!(!shown.to_string().contains("hunter2"), "{shown}");
    assert_eq!(shown["gateway"], json!({"port": 1, "auth": {"mode": "token", "token": REDACTED}}));
    assert_eq!(shown["channels"]["other"], value["channels"]["other"]);
    assert_eq!(shown["auth"]["headers"]["accept"], "json");
    assert_eq!(shown["meta"]["page"], value["meta"]["page"]);
    assert_eq!(shown["meta"]["maxTokens"], 5);
    assert_eq!(shown["secrets"], value["secrets"]);
    assert_eq!(shown["odd"]["password"], "${PASS}");
    assert_eq!(shown["odd"]["secret"], "$PASS");
    assert_eq!(restore_redacted(&shown, &value), Ok(value));
}

#[test]
fn a_marked_object_hides_all_its_texts() {
    let schema = json!({"properties": {"env": {"x-secret": true, "additionalProperties": {"type": "string"}}}});
    let shown = redact(&json!({"env": {"A": "x", "B": ""}, "free": "x"}), &schema);
    assert_eq!(shown, json!({"env": {"A": REDACTED, "B": ""}, "free": "x"}));
}

#[test]
fn nothing_stored_is_an_error_and_the_mark_itself_is_never_stored() {
    let new = json!({"a": {"token": REDACTED}});
    for stored in [json!({}), Value::Null, json!({"a": []}), json!({"a": {"token": REDACTED}})] {
        assert_eq!(restore_redacted(&new, &stored).unwrap_err().path, "a.token");
    }
}
