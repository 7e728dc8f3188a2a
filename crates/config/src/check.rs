//! Compares a value with the JSON Schema of what it should be, and finds everything that is wrong at once.
//!
//! Wrong values are errors, keys that nobody reads are warnings (with the nearest known key) or, where they belong to the
//! reference system, notes. Values that may be secrets are never quoted.

use serde_json::Value;

use crate::describe::{describe, found, possible};
use crate::foreign;
use crate::nearest::nearest;
use crate::path::KeyPath;
use crate::redact::is_secret_name;
use crate::shape::{Shapes, additional, alternatives, children, list, literals, properties, types};
use crate::{Problem, Severity, syntax};

/// Keys at the root that say something about the file and nothing to the gateway: an editor's schema, and the stamp of who
/// wrote it last.
const ABOUT_THE_FILE: &[&str] = &["$schema", "meta"];

/// A value nested deeper than this was refused when it was read; it also ends schemas that refer to themselves.
const DEPTH_MAX: usize = 200;

/// All problems of a value, wrong ones first, against a schema whose `$defs` it carries itself.
/// `base` is where the value stands in the configuration.
pub fn check(value: &Value, schema: &Value, base: &KeyPath) -> Vec<Problem> {
    let checker = Checker { shapes: Shapes::new(schema), base };
    let mut problems = checker.wrong_values(value, schema, base);
    checker.unknown_keys(value, &[schema], base, &mut problems);
    problems
}

/// Reads a value as somebody typed it: as JSON5, or as plain text where it is none or where only a text fits at the path
/// (ids and tokens made of digits).
pub fn read_typed(text: &str, path: &KeyPath, root_schema: &Value) -> Value {
    let plain = Value::String(text.to_owned());
    let Some(read) = syntax::parse(text).ok().filter(|_| !text.trim().is_empty()) else { return plain };
    let checker = Checker { shapes: Shapes::new(root_schema), base: path };
    let mut schemas = vec![root_schema];
    for segment in path.segments() {
        let level: Vec<&Value> = schemas.iter().flat_map(|schema| checker.shapes.whole_level(schema)).collect();
        let mut below = segment.as_key().map_or_else(Vec::new, |key| children(&level, Some(key)));
        if below.is_empty() && segment.as_index().is_some() {
            below = children(&level, None);
        }
        schemas = below;
    }
    let fits = |value: &Value| schemas.iter().any(|schema| checker.fits(value, schema));
    if !fits(&read) && fits(&plain) { plain } else { read }
}

struct Checker<'s> {
    shapes: Shapes<'s>,
    base: &'s KeyPath,
}

/// Where the walk stands.
#[derive(Clone)]
struct At {
    path: KeyPath,
    /// Inside a secret: no value is quoted.
    hidden: bool,
}

impl At {
    fn key(&self, name: &str) -> Self {
        Self { path: self.path.key(name), hidden: self.hidden || is_secret_name(name) }
    }

    fn index(&self, index: usize) -> Self {
        Self { path: self.path.index(index), hidden: self.hidden }
    }

    fn error(&self, message: String, hint: Option<String>) -> Problem {
        Problem { path: self.path.to_string(), severity: Severity::Error, message, hint }
    }

    fn mismatch(&self, expected: &str, value: &Value) -> Problem {
        self.error(format!("expected {expected}, found {}", found(value, self.hidden)), None)
    }
}

impl<'s> Checker<'s> {
    fn wrong_values(&self, value: &Value, schema: &'s Value, base: &KeyPath) -> Vec<Problem> {
        let hidden = base.last_key().is_some_and(is_secret_name);
        let mut problems = Vec::new();
        self.wrong(value, schema, &At { path: base.clone(), hidden }, &mut problems);
        problems
    }

    fn fits(&self, value: &Value, schema: &'s Value) -> bool {
        self.wrong_values(value, schema, &KeyPath::root()).is_empty()
    }

    fn wrong(&self, value: &Value, schema: &'s Value, at: &At, out: &mut Vec<Problem>) {
        if at.path.segments().len() > DEPTH_MAX {
            return;
        }
        let hidden =
            at.hidden || self.shapes.is_secret(schema) || (value.is_string() && self.shapes.holds_secret(schema));
        let at = &At { path: at.path.clone(), hidden };
        if *schema == Value::Bool(false) {
            out.push(at.error("nothing may stand here".into(), None));
        }
        if let Some(target) = self.shapes.referred(schema) {
            self.wrong(value, target, at, out);
        }
        for part in list(schema, "allOf") {
            self.wrong(value, part, at, out);
        }
        if let Some(branches) = alternatives(schema) {
            self.wrong_alternative(value, schema, branches, at, out);
        }
        if !type_fits(value, schema) {
            out.push(at.mismatch(&describe(self.shapes, schema), value));
            return;
        }
        self.wrong_scalar(value, schema, at, out);
        match value {
            Value::Object(map) => {
                for (key, entry) in map {
                    let known = properties(schema).and_then(|known| known.get(key));
                    if let Some(part) = known.or_else(|| additional(schema)) {
                        self.wrong(entry, part, &at.key(key), out);
                    }
                }
                self.missing_keys(map, schema, at, out);
            }
            Value::Array(elements) => {
                if let Some(part) = schema.get("items") {
                    for (index, element) in elements.iter().enumerate() {
                        self.wrong(element, part, &at.index(index), out);
                    }
                }
            }
            _ => {}
        }
    }

    /// None of the alternatives fits: reports the one that was meant, or all of them in one sentence.
    fn wrong_alternative(
        &self,
        value: &Value,
        schema: &'s Value,
        branches: &'s [Value],
        at: &At,
        out: &mut Vec<Problem>,
    ) {
        let tried: Vec<(&Value, Vec<Problem>)> = branches
            .iter()
            .map(|branch| {
                let mut problems = Vec::new();
                self.wrong(value, branch, at, &mut problems);
                (branch, problems)
            })
            .collect();
        if tried.iter().any(|(_, problems)| problems.is_empty()) {
            return;
        }
        if let Some(problem) = self.wrong_tag(value, branches, at) {
            out.push(problem);
            return;
        }
        let likely = |branch: &&(&'s Value, Vec<Problem>)| self.kind_fits(value, branch.0);
        let meant: Vec<_> = tried.iter().filter(likely).collect();
        let best = meant.iter().min_by_key(|(branch, problems)| (!self.tag_fits(value, branch), problems.len()));
        match best {
            Some((_, problems)) if meant.len() == 1 || value.is_object() || value.is_array() => {
                out.extend(problems.iter().cloned());
            }
            _ => {
                let hint = self.nearest_literal(value, schema, at);
                let expected = describe(self.shapes, schema);
                out.push(at.error(format!("expected {expected}, found {}", found(value, at.hidden)), hint));
            }
        }
    }

    /// The tag that tells the alternatives apart has a value of none of them.
    fn wrong_tag(&self, value: &Value, branches: &'s [Value], at: &At) -> Option<Problem> {
        let map = value.as_object()?;
        let tags: Vec<(&String, &Value)> = branches.iter().filter_map(|branch| self.tag(branch)).collect();
        let (name, _) = *tags.first()?;
        let written = map.get(name)?;
        if tags.len() < 2 || tags.iter().any(|(other, literal)| *other != name || *literal == written) {
            return None;
        }
        let literals: Vec<&Value> = tags.iter().map(|(_, literal)| *literal).collect();
        Some(at.key(name).mismatch(&possible(&literals), written))
    }

    fn tag_fits(&self, value: &Value, branch: &'s Value) -> bool {
        self.tag(branch).is_some_and(|(name, literal)| value.get(name) == Some(literal))
    }

    /// The property of an object that has a single value.
    fn tag(&self, branch: &'s Value) -> Option<(&'s String, &'s Value)> {
        let known = properties(self.shapes.resolve(branch))?;
        known.iter().find_map(|(name, part)| Some((name, part.get("const")?)))
    }

    /// Whether the value is at least of the right kind (a string for a string), whatever it says.
    fn kind_fits(&self, value: &Value, branch: &'s Value) -> bool {
        let branch = self.shapes.resolve(branch);
        match (types(branch), literals(branch), alternatives(branch)) {
            (Some(_), ..) => type_fits(value, branch),
            (_, Some(literals), _) => {
                literals.iter().any(|literal| std::mem::discriminant(*literal) == std::mem::discriminant(value))
            }
            (_, _, Some(branches)) => branches.iter().any(|branch| self.kind_fits(value, branch)),
            _ => true,
        }
    }

    fn nearest_literal(&self, value: &Value, schema: &'s Value, at: &At) -> Option<String> {
        let written = value.as_str().filter(|_| !at.hidden)?;
        let parts = self.shapes.whole_level(schema);
        let known = parts.iter().filter_map(|part| literals(part)).flatten().filter_map(Value::as_str);
        nearest(written, known).map(|literal| format!("did you mean \"{literal}\"?"))
    }

    fn wrong_scalar(&self, value: &Value, schema: &'s Value, at: &At, out: &mut Vec<Problem>) {
        let expected = || describe(self.shapes, schema);
        if let Some(literals) = literals(schema)
            && !literals.contains(&value)
        {
            let hint = self.nearest_literal(value, schema, at);
            out.push(at.error(format!("expected {}, found {}", expected(), found(value, at.hidden)), hint));
            return;
        }
        let limit = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
        let size = match value {
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or(f64::NAN);
                let low = limit("minimum").is_some_and(|least| number < least)
                    || limit("exclusiveMinimum").is_some_and(|least| number <= least);
                let high = limit("maximum").is_some_and(|most| number > most)
                    || limit("exclusiveMaximum").is_some_and(|most| number >= most);
                if low || high {
                    out.push(at.mismatch(&expected(), value));
                }
                return;
            }
            Value::String(text) => (text.chars().count(), "minLength", "maxLength", "characters"),
            Value::Array(elements) => (elements.len(), "minItems", "maxItems", "elements"),
            _ => return,
        };
        let (length, least, most, unit) = size;
        #[expect(clippy::cast_precision_loss, reason = "no text or list in a file of 2 MiB is that long")]
        let length = length as f64;
        if let Some(least) = limit(least).filter(|least| length < *least) {
            out.push(at.error(format!("expected at least {least} {unit}, found {length}"), None));
        }
        if let Some(most) = limit(most).filter(|most| length > *most) {
            out.push(at.error(format!("expected at most {most} {unit}, found {length}"), None));
        }
    }

    fn missing_keys(&self, map: &serde_json::Map<String, Value>, schema: &'s Value, at: &At, out: &mut Vec<Problem>) {
        for name in list(schema, "required").filter_map(Value::as_str).filter(|name| !map.contains_key(*name)) {
            let part = properties(schema).and_then(|known| known.get(name));
            let expected = part.map_or_else(|| "a value".to_owned(), |part| describe(self.shapes, part));
            out.push(at.key(name).error(format!("expected {expected}, found nothing"), None));
        }
    }

    /// Keys that no schema of this level knows. Alternatives that do not fit are not asked, unless none does.
    fn unknown_keys(&self, value: &Value, schemas: &[&'s Value], path: &KeyPath, out: &mut Vec<Problem>) {
        if !(value.is_object() || value.is_array()) || path.segments().len() > DEPTH_MAX {
            return;
        }
        let mut keep = |branches: &'s [Value]| {
            let fitting: Vec<&Value> = branches.iter().filter(|branch| self.fits(value, branch)).collect();
            if fitting.is_empty() { branches.iter().collect() } else { fitting }
        };
        let level: Vec<&Value> = schemas.iter().flat_map(|schema| self.shapes.level(schema, &mut keep)).collect();
        match value {
            Value::Object(map) => {
                let names: Vec<&str> = level
                    .iter()
                    .filter_map(|part| properties(part))
                    .flat_map(|known| known.keys().map(String::as_str))
                    .collect();
                let speaks_of_keys = !names.is_empty() || level.iter().any(|part| additional(part).is_some());
                for (key, entry) in map {
                    let below = children(&level, Some(key));
                    if !below.is_empty() {
                        self.unknown_keys(entry, &below, &path.key(key), out);
                    } else if speaks_of_keys && !(path.segments().is_empty() && ABOUT_THE_FILE.contains(&key.as_str()))
                    {
                        out.push(self.unknown(&path.key(key), key, &names));
                    }
                }
            }
            Value::Array(elements) => {
                let below = children(&level, None);
                for (index, element) in elements.iter().enumerate() {
                    self.unknown_keys(element, &below, &path.index(index), out);
                }
            }
            _ => {}
        }
    }

    fn unknown(&self, path: &KeyPath, key: &str, siblings: &[&str]) -> Problem {
        if foreign::knows(path) {
            let message = "belongs to the reference system and has no effect here".to_owned();
            return Problem { path: path.to_string(), severity: Severity::Note, message, hint: None };
        }
        let hint = nearest(key, siblings.iter().copied())
            .map(|name| format!("did you mean `{name}`?"))
            .or_else(|| self.elsewhere(key).map(|path| format!("did you mean `{path}`?")));
        Problem { path: path.to_string(), severity: Severity::Warning, message: "unknown key, ignored".into(), hint }
    }

    /// Where a key of this very name is known, if it is in the wrong place.
    fn elsewhere(&self, key: &str) -> Option<KeyPath> {
        let mut row = vec![(self.base.clone(), self.shapes.root())];
        // Three levels down is where people look; deeper names repeat too often to be meant.
        for _ in 0..3 {
            let mut below = Vec::new();
            for (path, schema) in row {
                for (name, part) in self.shapes.properties(schema) {
                    if name == key {
                        return Some(path.key(name));
                    }
                    below.push((path.key(name), part));
                }
            }
            row = below;
        }
        None
    }
}

fn type_fits(value: &Value, schema: &Value) -> bool {
    let Some(types) = types(schema) else { return true };
    types.iter().any(|name| match *name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    })
}
