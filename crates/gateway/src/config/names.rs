//! Ids of people and chats as they are written: texts, or numbers where the platform's ids are numbers.

use chela_channels::access::AllowList;
use schemars::JsonSchema;
use serde::Deserialize;

/// A list of ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Names(Vec<Name>);

/// One id; a number counts as its digits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Name {
    Text(String),
    Number(i64),
}

impl Names {
    pub(crate) fn texts(&self) -> Vec<String> {
        let text = |name: &Name| match name {
            Name::Text(text) => text.clone(),
            Name::Number(number) => number.to_string(),
        };
        self.0.iter().map(text).collect()
    }

    pub(crate) fn to_list(&self) -> AllowList {
        AllowList(self.texts())
    }
}
