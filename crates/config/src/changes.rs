//! What differs between two configurations, for a reload that touches only what changed.

use serde_json::Value;

use crate::path::KeyPath;

/// The paths at which two values differ, in the order of their keys: objects are entered, lists differ as a whole.
pub fn changes(old: &Value, new: &Value) -> Vec<KeyPath> {
    let mut found = Vec::new();
    collect(old, new, &KeyPath::root(), &mut found);
    found
}

fn collect(old: &Value, new: &Value, path: &KeyPath, out: &mut Vec<KeyPath>) {
    match (old, new) {
        (old, new) if old == new => {}
        (Value::Object(old), Value::Object(new)) => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added) {
                match (old.get(key), new.get(key)) {
                    (Some(before), Some(after)) => collect(before, after, &path.key(key), out),
                    _ => out.push(path.key(key)),
                }
            }
        }
        _ => out.push(path.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_what_differs_and_nothing_else() {
        let old = json!({"gateway": {"port": 1, "bind": "lan"}, "bindings": [1], "same": {"a": []}, "gone": {"a": 1}});
        let new =
            json!({"gateway": {"port": 2, "bind": "lan", "mode": "local"}, "bindings": [1, 2], "same": {"a": []}});
        let paths: Vec<String> = changes(&old, &new).iter().map(ToString::to_string).collect();
        assert_eq!(paths, ["gateway.port", "gateway.mode", "bindings", "gone"]);
        assert_eq!(changes(&old, &old), []);
    }
}
