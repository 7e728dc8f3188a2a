//! Walking JSON Schemas as `schemars` writes them: references, alternatives, properties.
//!
//! Knows only the keywords that occur there. Validation, redaction and the reference page all stand on it.

use serde_json::{Map, Value};

use crate::redact::is_secret_name;

/// A chain of references longer than this is a circle.
const REFERENCES_MAX: usize = 16;

/// Marks a secret: a schema extension, `"x-secret": true`.
pub(crate) const SECRET_MARK: &str = "x-secret";

/// A root schema with the definitions that its parts refer to.
#[derive(Clone, Copy)]
pub(crate) struct Shapes<'s> {
    root: &'s Value,
}

impl<'s> Shapes<'s> {
    pub(crate) fn new(root: &'s Value) -> Self {
        Self { root }
    }

    pub(crate) fn root(self) -> &'s Value {
        self.root
    }

    /// The schema that `$ref` names, if the schema is a reference.
    pub(crate) fn referred(self, schema: &'s Value) -> Option<&'s Value> {
        let pointer = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
        self.root.pointer(pointer)
    }

    /// Follows references to the end.
    pub(crate) fn resolve(self, schema: &'s Value) -> &'s Value {
        let mut schema = schema;
        for _ in 0..REFERENCES_MAX {
            match self.referred(schema) {
                Some(target) => schema = target,
                None => break,
            }
        }
        schema
    }

    /// The schema and all that speak about the same value: what it refers to, `allOf`, and those alternatives that `keep` takes.
    pub(crate) fn level(
        self,
        schema: &'s Value,
        keep: &mut dyn FnMut(&'s [Value]) -> Vec<&'s Value>,
    ) -> Vec<&'s Value> {
        let mut found = vec![schema];
        let mut next = 0;
        while let Some(&schema) = found.get(next) {
            next += 1;
            if found.len() > 256 {
                break;
            }
            found.extend(self.referred(schema));
            found.extend(list(schema, "allOf"));
            if let Some(branches) = alternatives(schema) {
                found.extend(keep(branches));
            }
        }
        found
    }

    /// As [`Shapes::level`], with all alternatives.
    pub(crate) fn whole_level(self, schema: &'s Value) -> Vec<&'s Value> {
        self.level(schema, &mut |branches| branches.iter().collect())
    }

    /// Whether the schema, or one that speaks about the same value, is marked as a secret.
    pub(crate) fn is_secret(self, schema: &'s Value) -> bool {
        self.whole_level(schema).iter().any(|part| part.get(SECRET_MARK) == Some(&Value::Bool(true)))
    }

    /// Whether secrets stand right below: what stands in the place of them all may be one of them.
    pub(crate) fn holds_secret(self, schema: &'s Value) -> bool {
        self.whole_level(schema).into_iter().any(|part| {
            let mut named = properties(part).into_iter().flatten();
            let mut unnamed = additional(part).into_iter().chain(part.get("items"));
            named.any(|(name, below)| is_secret_name(name) || self.is_secret(below))
                || unnamed.any(|below| self.is_secret(below))
        })
    }

    /// Named properties of an object at this level, all alternatives together.
    pub(crate) fn properties(self, schema: &'s Value) -> Vec<(&'s String, &'s Value)> {
        let level = self.whole_level(schema);
        let mut found: Vec<(&String, &Value)> = Vec::new();
        for (name, part) in level.iter().filter_map(|part| properties(part)).flatten() {
            if !found.iter().any(|(known, _)| *known == name) {
                found.push((name, part));
            }
        }
        found
    }
}

/// The schemas of a key of an object, or of the elements of a list (`None`), in any part of a level.
pub(crate) fn children<'s>(level: &[&'s Value], key: Option<&str>) -> Vec<&'s Value> {
    level
        .iter()
        .filter_map(|part| match key {
            Some(key) => properties(part).and_then(|known| known.get(key)).or_else(|| additional(part)),
            None => part.get("items"),
        })
        .collect()
}

/// The branches of `anyOf` or `oneOf`.
pub(crate) fn alternatives(schema: &Value) -> Option<&[Value]> {
    ["anyOf", "oneOf"].iter().find_map(|keyword| schema.get(keyword)?.as_array()).map(Vec::as_slice)
}

pub(crate) fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties")?.as_object()
}

/// The schema of keys that have no name of their own. `false` counts as none.
pub(crate) fn additional(schema: &Value) -> Option<&Value> {
    schema.get("additionalProperties").filter(|schema| **schema != Value::Bool(false))
}

/// The types a schema allows by its own `type` keyword.
pub(crate) fn types(schema: &Value) -> Option<Vec<&str>> {
    match schema.get("type")? {
        Value::String(name) => Some(vec![name]),
        Value::Array(names) => Some(names.iter().filter_map(Value::as_str).collect()),
        _ => None,
    }
}

/// Values that are allowed one by one: `enum` or `const`.
pub(crate) fn literals(schema: &Value) -> Option<Vec<&Value>> {
    match (schema.get("enum"), schema.get("const")) {
        (Some(Value::Array(values)), _) => Some(values.iter().collect()),
        (_, Some(value)) => Some(vec![value]),
        _ => None,
    }
}

pub(crate) fn list<'s>(schema: &'s Value, keyword: &str) -> impl Iterator<Item = &'s Value> {
    schema.get(keyword).and_then(Value::as_array).into_iter().flatten()
}
