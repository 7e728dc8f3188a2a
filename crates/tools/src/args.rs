//! Arguments that a model wrote, turned into types; and errors worded for it.

use chela_agent::ToolError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Reads the arguments of `tool`. Unknown names are ignored.
pub(crate) fn parse<T: DeserializeOwned>(tool: &str, args: Value) -> Result<T, ToolError> {
    serde_json::from_value(args)
        .map_err(|error| refuse(format!("Wrong arguments for {tool}: {error}. Correct them and call it again.")))
}

pub(crate) fn refuse(text: impl Into<String>) -> ToolError {
    ToolError::ToModel(text.into())
}

/// A count that models also write as `10.0` or `"10"`.
pub(crate) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    let number = match &value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_u64().or_else(|| number.as_f64().and_then(whole)),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    number
        .map(Some)
        .ok_or_else(|| serde::de::Error::custom(format!("expected a whole number, got {}", value.unwrap_or_default())))
}

fn whole(number: f64) -> Option<u64> {
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0..=2^53 and whole")]
    (number.fract() == 0.0 && (0.0..=LARGEST).contains(&number)).then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Args {
        #[serde(default, deserialize_with = "count")]
        n: Option<u64>,
    }

    #[test]
    fn counts_are_read_as_models_write_them() {
        for (text, expected) in [
            ("{}", None),
            (r#"{"n":null}"#, None),
            (r#"{"n":7}"#, Some(7)),
            (r#"{"n":7.0}"#, Some(7)),
            (r#"{"n":" 7 "}"#, Some(7)),
        ] {
            assert_eq!(parse::<Args>("t", serde_json::from_str(text).unwrap()).unwrap().n, expected, "{text}");
        }
        for text in [r#"{"n":-1}"#, r#"{"n":1.5}"#, r#"{"n":"x"}"#, r#"{"n":[1]}"#, r#"{"n":1e300}"#] {
            let error = parse::<Args>("t", serde_json::from_str(text).unwrap()).unwrap_err();
            assert!(error.to_string().starts_with("Wrong arguments for t: expected a whole number"), "{error}");
        }
    }
}
