//! Ids of people and chats as they are written: texts, or numbers where a platform's ids are numbers.

use schemars::JsonSchema;
use serde::Deserialize;

/// A list of ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Ids(Vec<WrittenId>);

/// One id; a number counts as its digits. Numbers that JSON writers round (Discord's are long) have to be texts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
enum WrittenId {
    Text(String),
    Number(i64),
}

impl Ids {
    /// The ids as texts, in the order in which they are written.
    pub fn texts(&self) -> Vec<String> {
        let text = |id: &WrittenId| match id {
            WrittenId::Text(text) => text.clone(),
            WrittenId::Number(number) => number.to_string(),
        };
        self.0.iter().map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_and_numbers_are_one_list() {
        let written = json!(["*", "@ann", 123, -100, 1_234_567_890_123_456_789_i64]);
        let ids: Ids = serde_json::from_value(written).unwrap();
        assert_eq!(ids.texts(), ["*", "@ann", "123", "-100", "1234567890123456789"]);
        serde_json::from_value::<Ids>(json!([true])).unwrap_err();
    }
}
