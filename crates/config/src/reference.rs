//! Writes the reference page of the configuration from its JSON Schema, so that it says what the code does.

use std::fmt::Write as _;

use serde_json::Value;

use crate::describe::describe;
use crate::effect;
use crate::path::KeyPath;
use crate::shape::{Shapes, additional, list, literals, properties, types};

/// Keys below this depth belong to something else (a plugin's own settings) or to a schema that contains itself.
const DEPTH_MAX: usize = 8;

/// The page in Markdown: one part per section in alphabetic order, and in it one row per key in the order of the struct.
///
/// Read from each property: `description`, `default`, the type, and the extension `x-reload` (what a change of the key does).
pub fn reference(root_schema: &Value) -> String {
    let shapes = Shapes::new(root_schema);
    let mut page = String::from(
        "<!-- Generated from the code. Change the doc comments of the section's struct instead. -->\n\n\
         # Configuration reference\n\n\
         Keys of `chela.json`. `*` stands for any name, `[]` for each element of a list. A change is `hot` when it takes effect\n\
         at once, `restart` when it does at the next start, and `none` when the key has no effect in this version.\n",
    );
    let mut sections = shapes.properties(root_schema);
    sections.sort_by_key(|(name, _)| *name);
    for (name, schema) in sections {
        let _ = write!(page, "\n## `{name}`\n");
        let text = description(shapes, schema);
        if !text.is_empty() {
            let _ = write!(page, "\n{text}\n");
        }
        let mut rows = Rows { shapes, text: String::new() };
        rows.below(schema, name, None, 0);
        let is_told = !text.is_empty() && types(schema).is_none();
        if rows.text.is_empty() && is_told {
            continue;
        }
        if rows.text.is_empty() {
            let _ = write!(page, "\nTakes {}.\n", type_words(shapes, schema));
        } else {
            page.push_str("\n| Key | Value | Default | A change | Meaning |\n|---|---|---|---|---|\n");
            page.push_str(&rows.text);
        }
    }
    page
}

struct Rows<'s> {
    shapes: Shapes<'s>,
    text: String,
}

impl<'s> Rows<'s> {
    /// Rows for everything inside a value: named keys, free keys, elements. `above` is what a change does where nothing else is said.
    fn below(&mut self, schema: &'s Value, path: &str, above: Option<&'s str>, depth: usize) {
        if depth > DEPTH_MAX || self.shapes.is_secret(schema) {
            return;
        }
        let level = self.shapes.whole_level(schema);
        let above = effect::mark(&level).or(above);
        for (name, part) in self.shapes.properties(schema) {
            let path = format!("{path}.{}", KeyPath::root().key(name));
            self.row(part, &path, above);
            self.below(part, &path, above, depth + 1);
        }
        for part in &level {
            if let Some(free) = additional(part) {
                self.below(free, &format!("{path}.*"), above, depth + 1);
            }
            if let Some(element) = part.get("items") {
                self.below(element, &format!("{path}[]"), above, depth + 1);
            }
        }
    }

    fn row(&mut self, schema: &'s Value, path: &str, above: Option<&str>) {
        let default = schema.get("default").filter(|default| !default.is_null() && !is_empty(default));
        let default = default.map_or_else(String::new, |default| format!("`{default}`"));
        let level = self.shapes.whole_level(schema);
        let reload = effect::mark(&level).or(above).unwrap_or_default();
        let cells = [
            format!("`{path}`"),
            type_words(self.shapes, schema),
            default,
            reload.to_owned(),
            description(self.shapes, schema),
        ];
        let cells = cells.map(|cell| cell.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" "));
        let _ = writeln!(self.text, "| {} |", cells.join(" | "));
    }
}

/// Defaults that say nothing: the section itself tells its keys.
fn is_empty(default: &Value) -> bool {
    match default {
        Value::Object(map) => map.values().all(|value| value.is_null() || is_empty(value)),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

fn type_words(shapes: Shapes<'_>, schema: &Value) -> String {
    if shapes.is_secret(schema) { "a secret".into() } else { describe(shapes, schema) }
}

/// The key's own words, else those of its type; then what each choice means.
fn description(shapes: Shapes<'_>, schema: &Value) -> String {
    let words = |schema: &Value| Some(schema.get("description")?.as_str()?.trim().to_owned());
    let level = shapes.whole_level(schema);
    let is_choice = |part: &&Value| literals(part).is_some() && properties(part).is_none();
    let own = words(schema).or_else(|| level.iter().filter(|part| !is_choice(part)).find_map(|part| words(part)));
    let choices = level.iter().flat_map(|part| list(part, "oneOf")).filter(is_choice);
    let meanings: Vec<String> =
        choices.filter_map(|choice| Some(format!("`{}`: {}", literals(choice)?.first()?, words(choice)?))).collect();
    [own.unwrap_or_default(), meanings.join(" ")].join(" ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema_of;
    use crate::tests::Root;

    #[test]
    fn every_key_has_its_row() {
        let page = reference(&schema_of::<Root>());
        assert_eq!(page, reference(&schema_of::<Root>()), "the same each time");
        for row in [
            "| `gateway.port` | a whole number from 1 to 65535 |  |  | The port it listens on. |",
            "| `gateway.bind` | \"auto\", \"lan\" or \"loopback\" |  |  | `\"auto\"`: Loopback; all interfaces in a container. `\"lan\"`: All interfaces. `\"loopback\"`: This machine only. |",
            "| `gateway.auth.token` | a secret |  |  | A secret: its text, `${VAR}`, or where to fetch it. |",
            "| `agents.list[].id` | a string |  |  |  |",
            "| `secrets.providers.*.command` | a string |  |  | Absolute path of the program. |",
        ] {
            assert!(page.contains(&format!("\n{row}\n")), "{row}\n{page}");
        }
        let headings: Vec<&str> = page.lines().filter(|line| line.starts_with("## ")).collect();
        assert!(headings.is_sorted() && headings.len() == 8, "{headings:?}");
    }

    #[test]
    fn defaults_and_reload_are_shown_and_bars_escaped() {
        let schema = serde_json::json!({"properties": {"a": {"description": "An A.", "properties": {
            "b": {"type": "string", "default": "x|y", "x-reload": "restart", "description": "One\n|two|"},
            "self": {"$ref": "#"},
        }}}});
        let page = reference(&schema);
        assert!(page.contains("| `a.b` | a string | `\"x\\|y\"` | restart | One \\|two\\| |"), "{page}");
    }
}
