//! Words for people: what a schema expects, and what was found instead.

use serde_json::Value;

use crate::shape::{Shapes, alternatives, list, literals, types};
use crate::url;

/// Longer values say no more; they only push the message off the line.
const QUOTED_MAX_CHARS: usize = 40;

/// What fits, as the object of "expected": `a whole number from 1 to 65535`, `"a" or "b"`.
pub(crate) fn describe(shapes: Shapes<'_>, schema: &Value) -> String {
    let mut words = Vec::new();
    let mut values = Vec::new();
    collect(shapes, schema, &mut words, &mut values, 0);
    if !values.is_empty() {
        words.insert(0, possible(&values));
    }
    words.dedup();
    if words.is_empty() { "another value".into() } else { words.join(" or ") }
}

/// A choice of literals: `"a", "b" or "c"`.
pub(crate) fn possible(literals: &[&Value]) -> String {
    let words: Vec<String> = literals.iter().map(ToString::to_string).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

/// What stands there. Hidden values, addresses with a secret in them and whole objects are not quoted.
pub(crate) fn found(value: &Value, hidden: bool) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
        Value::String(text) if hidden || url::holds_secret(text) => "a text that is not shown".into(),
        _ if hidden => "a value that is not shown".into(),
        Value::String(text) if text.chars().count() > QUOTED_MAX_CHARS => {
            let start: String = text.chars().take(QUOTED_MAX_CHARS).collect();
            format!("{:?}", start + "…")
        }
        Value::String(text) => format!("{text:?}"),
        scalar => scalar.to_string(),
    }
}

fn collect<'s>(
    shapes: Shapes<'s>,
    schema: &'s Value,
    words: &mut Vec<String>,
    values: &mut Vec<&'s Value>,
    depth: usize,
) {
    if depth > 8 {
        return;
    }
    let schema = shapes.resolve(schema);
    if let Some(allowed) = literals(schema) {
        values.extend(allowed.into_iter().filter(|value| !value.is_null()));
    } else if let Some(types) = types(schema) {
        words.extend(types.iter().filter(|name| **name != "null").map(|name| type_words(name, schema)));
    } else {
        let parts = alternatives(schema).into_iter().flatten().chain(list(schema, "allOf"));
        for part in parts {
            collect(shapes, part, words, values, depth + 1);
        }
    }
}

fn type_words(name: &str, schema: &Value) -> String {
    match name {
        "boolean" => "true or false".into(),
        "integer" => format!("a whole number{}", range(schema)),
        "number" => format!("a number{}", range(schema)),
        "string" => "a string".into(),
        "array" => match schema.pointer("/items/type").and_then(Value::as_str) {
            Some("string") => "a list of strings".into(),
            Some("integer" | "number") => "a list of numbers".into(),
            _ => "a list".into(),
        },
        _ => "an object".into(),
    }
}

fn range(schema: &Value) -> String {
    let limit = |keyword: &str| schema.get(keyword).map(ToString::to_string);
    let least = limit("minimum");
    let above = limit("exclusiveMinimum");
    match (least, above, limit("maximum")) {
        (Some(least), _, Some(most)) => format!(" from {least} to {most}"),
        (Some(least), _, None) => format!(", {least} or more"),
        (None, Some(above), Some(most)) => format!(" above {above}, at most {most}"),
        (None, Some(above), None) => format!(" above {above}"),
        (None, None, Some(most)) => format!(", at most {most}"),
        (None, None, None) => String::new(),
    }
}
