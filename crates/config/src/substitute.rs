//! `${VAR}` in strings of the configuration.
//!
//! A name is `[A-Z_][A-Z0-9_]*`; anything else between the braces stays as it is written. `$${VAR}` writes `${VAR}`.
//! Only values are looked at, never keys, and what a variable holds is not looked at again.

use std::borrow::Cow;

use serde_json::Value;

use crate::path::KeyPath;
use crate::{Environment, Problem, Severity};

/// A variable that is not set.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Missing(pub(crate) String);

/// The text with its variables put in.
pub(crate) fn text<'t>(text: &'t str, environment: &Environment) -> Result<Cow<'t, str>, Missing> {
    if !text.contains("${") {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if let Some((_, after)) = from.strip_prefix('$').and_then(reference) {
            out.push_str(&from[1..from.len() - after.len()]);
            rest = after;
        } else if let Some((name, after)) = reference(from) {
            out.push_str(environment.get(name).ok_or_else(|| Missing(name.to_owned()))?);
            rest = after;
        } else {
            out.push('$');
            rest = &from[1..];
        }
    }
    out.push_str(rest);
    Ok(Cow::Owned(out))
}

/// The name in a `${NAME}` that `text` starts with, and what follows it.
pub(crate) fn reference(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix("${")?.split_once('}')?;
    is_name(name).then_some((name, after))
}

/// Whether this is a name that `${…}` takes.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_')
}

/// Puts variables into all strings of a value. A value with a missing one is left out, reported, and listed in `disabled`.
pub(crate) fn value(
    value: Value,
    path: &KeyPath,
    environment: &Environment,
    problems: &mut Vec<Problem>,
    disabled: &mut Vec<KeyPath>,
) -> Option<Value> {
    match value {
        Value::String(written) => match text(&written, environment) {
            Ok(Cow::Borrowed(_)) => Some(Value::String(written)),
            Ok(Cow::Owned(replaced)) => Some(Value::String(replaced)),
            Err(Missing(name)) => {
                problems.push(missing(path, &name));
                disabled.push(path.clone());
                None
            }
        },
        Value::Array(list) => {
            let elements = list.into_iter().enumerate();
            let kept = elements.filter_map(|(index, element)| {
                self::value(element, &path.index(index), environment, problems, disabled)
            });
            Some(kept.collect())
        }
        Value::Object(map) => {
            let entries = map.into_iter().filter_map(|(key, entry)| {
                let entry = self::value(entry, &path.key(&key), environment, problems, disabled)?;
                Some((key, entry))
            });
            Some(Value::Object(entries.collect()))
        }
        other => Some(other),
    }
}

fn missing(path: &KeyPath, name: &str) -> Problem {
    Problem {
        path: path.to_string(),
        severity: Severity::Error,
        message: format!("the variable {name} is not set, so that this value is left out"),
        hint: Some(format!(
            "set {name} in the environment or in the state directory's .env; $${{{name}}} writes it literally"
        )),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn environment() -> Environment {
        Environment::from_pairs([("A", "one"), ("B_2", "${A}")])
    }

    #[test]
    fn replaces_names_and_leaves_the_rest() {
        for (written, read) in [
            ("x ${A}-${A}", "x one-one"),
            ("${B_2}", "${A}"),
            ("$${A}", "${A}"),
            ("$$${A}", "$${A}"),
            ("${a} ${} ${A B} $A ${A", "${a} ${} ${A B} $A ${A"),
            ("costs $5 ${A}", "costs $5 one"),
        ] {
            assert_eq!(text(written, &environment()).as_deref(), Ok(read), "{written}");
        }
        assert_eq!(text("${NOPE}", &environment()), Err(Missing("NOPE".into())));
    }

    proptest! {
        #[test]
        fn text_without_references_is_unchanged(written in "[^$]*") {
            let read = text(&written, &environment()).map(Cow::into_owned);
            prop_assert_eq!(read, Ok(written));
        }

        #[test]
        fn an_escaped_reference_comes_out_as_written(name in "[A-Z_][A-Z0-9_]{0,8}", around in "[^$]{0,8}") {
            let written = format!("{around}$${{{name}}}{around}");
            let read = format!("{around}${{{name}}}{around}");
            prop_assert_eq!(text(&written, &environment()).map(Cow::into_owned), Ok(read));
        }

        #[test]
        fn any_text_is_read_without_a_panic(written in "[${}A-B_ \\PC]{0,24}") {
            let _ = text(&written, &environment());
        }
    }
}
