//! One place of the schema and what stands right below it, for forms and for whoever asks what can be written there.

use serde_json::{Map, Value};

use crate::effect::mark;
use crate::path::{KeyPath, Segment};
use crate::shape::{Shapes, additional, children, list, properties, types};

/// What stands for any key of a map and any element of a list.
const ANY: &str = "*";

/// Keywords of a schema that speak about what stands below, and are told by the children instead.
const BELOW: &[&str] =
    &["$defs", "$ref", "$schema", "properties", "additionalProperties", "items", "anyOf", "oneOf", "allOf"];

/// A key and what its schema says.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaPlace {
    /// The last part of `path`; empty for the whole.
    pub key: String,
    pub path: String,
    /// Without what stands below.
    pub schema: Value,
    /// What a change does: `hot`, `restart` or `none`.
    pub effect: String,
    pub help: Option<String>,
    pub is_secret: bool,
    pub is_required: bool,
    pub has_children: bool,
}

/// The place at a path and those right below it, in the schema's order. `*` stands for any key of a map or element of a list. `None`
/// when no schema speaks about the path.
pub fn lookup(root_schema: &Value, path: &KeyPath) -> Option<(SchemaPlace, Vec<SchemaPlace>)> {
    let shapes = Shapes::new(root_schema);
    let mut level = shapes.whole_level(root_schema);
    let mut effect = mark(&level);
    let (mut key, mut walked, mut is_required, mut is_secret) = (String::new(), String::new(), false, false);
    for segment in path.segments() {
        key = match segment {
            Segment::Key(name) => name.clone(),
            Segment::Index(index) => index.to_string(),
        };
        is_required = requires(&level, &key);
        let below = below(&level, &key);
        is_secret = below.iter().any(|schema| shapes.is_secret(schema));
        level = below.iter().flat_map(|schema| shapes.whole_level(schema)).collect();
        if level.is_empty() {
            return None;
        }
        effect = mark(&level).or(effect);
        walked = deeper(&walked, &key);
    }
    let place = place(key, walked.clone(), &level, effect, is_secret, is_required);
    let children = keys(&level).into_iter().filter_map(|key| {
        let schemas = below(&level, &key);
        let is_secret = schemas.iter().any(|schema| shapes.is_secret(schema));
        let inner: Vec<&Value> = schemas.iter().flat_map(|schema| shapes.whole_level(schema)).collect();
        let path = deeper(&walked, &key);
        let required = requires(&level, &key);
        let effect = mark(&inner).or(effect);
        (!inner.is_empty()).then(|| self::place(key, path, &inner, effect, is_secret, required))
    });
    Some((place, children.collect()))
}

fn place(
    key: String,
    path: String,
    level: &[&Value],
    effect: Option<&str>,
    is_secret: bool,
    is_required: bool,
) -> SchemaPlace {
    SchemaPlace {
        key,
        path,
        schema: shallow(level),
        effect: effect.unwrap_or("hot").to_owned(),
        help: level.iter().find_map(|part| part.get("description")?.as_str()).map(str::to_owned),
        is_secret,
        is_required,
        has_children: !keys(level).is_empty(),
    }
}

/// A path one key deeper. `*` is no key, and stands without quotes.
fn deeper(path: &str, key: &str) -> String {
    let key = if key == ANY { ANY.to_owned() } else { KeyPath::root().key(key).to_string() };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// The schemas of a key, of any key, or of a list's elements.
fn below<'s>(level: &[&'s Value], key: &str) -> Vec<&'s Value> {
    let is_element = key == ANY || key.parse::<usize>().is_ok();
    let named = children(level, Some(key)).into_iter();
    named.chain(children(level, None).into_iter().filter(|_| is_element)).collect()
}

/// The keys that can stand at this level; `*` where any can.
fn keys(level: &[&Value]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let named = level.iter().filter_map(|part| properties(part)).flat_map(Map::keys).cloned();
    let open = level.iter().any(|part| additional(part).is_some_and(Value::is_object) || part.get("items").is_some());
    for key in named.chain(open.then(|| ANY.to_owned())) {
        if !found.contains(&key) {
            found.push(key);
        }
    }
    found
}

fn requires(level: &[&Value], key: &str) -> bool {
    level.iter().any(|part| list(part, "required").any(|name| name == key))
}

/// What the schemas of a level say of the value itself, the closest to the key first; the types of all alternatives together.
fn shallow(level: &[&Value]) -> Value {
    let mut shown = Map::new();
    let mut names: Vec<&str> = Vec::new();
    for part in level {
        for (keyword, value) in part.as_object().into_iter().flatten() {
            if keyword != "type" && !BELOW.contains(&keyword.as_str()) && !keyword.starts_with("x-") {
                shown.entry(keyword.clone()).or_insert_with(|| value.clone());
            }
        }
        for name in types(part).unwrap_or_default() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    match names.as_slice() {
        [] => {}
        [one] => drop(shown.insert("type".to_owned(), Value::from(*one))),
        _ => drop(shown.insert("type".to_owned(), Value::from(names))),
    }
    Value::Object(shown)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::lookup;
    use crate::KeyPath;

    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "gateway": { "$ref": "#/$defs/Gateway", "description": "The gateway." },
                "accounts": { "type": "object", "additionalProperties": { "$ref": "#/$defs/Account" } },
            },
            "$defs": {
                "Gateway": { "type": "object", "required": ["port"], "properties": {
                    "port": { "type": ["integer", "null"], "x-reload": "restart", "description": "Where it listens." },
                    "names": { "type": "array", "items": { "type": "string" } },
                } },
                "Account": { "type": "object", "properties": { "token": { "type": "string", "x-secret": true } } },
            },
        })
    }

    #[test]
    fn a_place_tells_of_itself_and_of_what_is_right_below() {
        let (place, below) = lookup(&schema(), &"gateway".parse().unwrap()).unwrap();
        assert_eq!((place.key.as_str(), place.help.as_deref()), ("gateway", Some("The gateway.")));
        assert_eq!(place.schema["type"], "object");
        assert!(place.schema.get("properties").is_none() && place.has_children);
        let mut told: Vec<_> =
            below.iter().map(|one| (one.path.as_str(), one.effect.as_str(), one.is_required)).collect();
        told.sort_unstable();
        assert_eq!(told, [("gateway.names", "hot", false), ("gateway.port", "restart", true)]);
        let (port, below) = lookup(&schema(), &"gateway.port".parse().unwrap()).unwrap();
        assert_eq!((port.effect.as_str(), port.schema["type"].clone()), ("restart", json!(["integer", "null"])));
        assert!(below.is_empty());
    }

    #[test]
    fn any_key_of_a_map_and_any_element_of_a_list_are_found() {
        let (token, _) = lookup(&schema(), &"accounts.work.token".parse().unwrap()).unwrap();
        assert!(token.is_secret);
        let (_, below) = lookup(&schema(), &"accounts".parse().unwrap()).unwrap();
        assert_eq!(below.iter().map(|one| one.key.as_str()).collect::<Vec<_>>(), ["*"]);
        let (name, _) = lookup(&schema(), &KeyPath::root().key("gateway").key("names").key("*")).unwrap();
        assert_eq!(name.schema["type"], "string");
        assert!(lookup(&schema(), &"gateway.nothing".parse().unwrap()).is_none());
    }
}
