//! What a change of a key does, as its schema says: the extension `x-reload`, which holds for everything below it.
//!
//! `hot` takes effect at once, `restart` at the next start, `none` has no effect in this version. Each section's struct marks its
//! own keys; the reload, the command line and the reference page all read the marks here.

use serde_json::Value;

use crate::path::KeyPath;
use crate::shape::{Shapes, children};

/// The extension that carries the mark.
const MARK: &str = "x-reload";

/// The mark of keys whose change waits for the next start.
const RESTART: &str = "restart";

/// The paths at which two configurations differ and whose change takes effect at the next start only. Where a whole section came
/// or went, those in it.
pub fn needing_restart(root_schema: &Value, before: &Value, after: &Value) -> Vec<KeyPath> {
    let mut found = Vec::new();
    let mut search = Search { shapes: Shapes::new(root_schema), found: &mut found };
    search.descend(&[root_schema], None, [Some(before), Some(after)], &KeyPath::root());
    found
}

/// The mark that the schemas of one value carry, the closest to the key first.
pub(crate) fn mark<'s>(level: &[&'s Value]) -> Option<&'s str> {
    level.iter().find_map(|part| part.get(MARK)?.as_str())
}

struct Search<'s, 'f> {
    shapes: Shapes<'s>,
    found: &'f mut Vec<KeyPath>,
}

impl<'s> Search<'s, '_> {
    /// `sides` is what stands at the path before and after; values that were read are never too deep for this.
    fn descend(&mut self, schemas: &[&'s Value], above: Option<&'s str>, sides: [Option<&Value>; 2], path: &KeyPath) {
        if sides[0] == sides[1] {
            return;
        }
        let level: Vec<&Value> = schemas.iter().flat_map(|schema| self.shapes.whole_level(schema)).collect();
        let mark = mark(&level).or(above);
        let objects = sides.map(|side| side.and_then(Value::as_object));
        if sides.iter().flatten().count() > objects.iter().flatten().count() {
            self.found.extend((mark == Some(RESTART)).then(|| path.clone()));
            return;
        }
        let [before, after] = objects;
        let added = after.into_iter().flatten().filter(|(key, _)| before.is_none_or(|map| !map.contains_key(*key)));
        for (key, _) in before.into_iter().flatten().chain(added) {
            let sides = objects.map(|object| object.and_then(|map| map.get(key)));
            self.descend(&children(&level, Some(key)), mark, sides, &path.key(key));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn marks_hold_for_what_lies_below_until_another_one_says_otherwise() {
        let schema = json!({"properties": {
            "cold": {"x-reload": "restart", "properties": {
                "deep": {"properties": {"leaf": {}}},
                "warm": {"x-reload": "hot"},
            }},
            "open": {"x-reload": "hot", "additionalProperties": {"$ref": "#/$defs/entry"}},
        }, "$defs": {"entry": {"properties": {"port": {"x-reload": "restart"}, "name": {}}}}});
        let check = |before: Value, after: Value, expected: &[&str]| {
            for (before, after) in [(&before, &after), (&after, &before)] {
                let found: Vec<String> =
                    needing_restart(&schema, before, after).iter().map(ToString::to_string).collect();
                assert_eq!(found, expected, "{before} to {after}");
            }
        };
        check(json!({}), json!({"cold": {"deep": {"leaf": 1}, "warm": 1}}), &["cold.deep.leaf"]);
        check(json!({"cold": {"warm": 1}}), json!({"cold": {"warm": 2}}), &[]);
        check(json!({"cold": 1}), json!({"cold": {"warm": 1}}), &["cold"]);
        check(json!({"open": {"a": {"port": 1, "name": 1}}}), json!({"open": {"a": {"port": 2}}}), &["open.a.port"]);
        check(json!({"unknown": 1}), json!({}), &[]);
    }
}
