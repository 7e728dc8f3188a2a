//! The models that can be reached now: vendors' rows, the user's own providers, their keys, and which to try next.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{EventStream, Request};

/// The model that answers while none is configured.
pub const GUIDE: &str = "chela/guide";

/// `provider/model`. The model's part may hold slashes (`openrouter/anthropic/claude-opus-4.5`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModelRef {
    pub provider: String,
    pub model: String,
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)
    }
}

/// A text that names no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a model is written `provider/model`, for example `anthropic/claude-opus-4-5`; got `{0}`")]
pub struct ModelRefError(pub String);

impl FromStr for ModelRef {
    type Err = ModelRefError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().split_once('/') {
            Some((provider, model)) if !provider.is_empty() && !model.is_empty() => {
                Ok(Self { provider: provider.to_owned(), model: model.to_owned() })
            }
            _ => Err(ModelRefError(text.to_owned())),
        }
    }
}

/// What is known about a model. Unknown models of a known vendor get the vendor's defaults.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelInfo {
    #[serde(flatten)]
    pub reference: ModelRef,
    /// For people.
    pub name: String,
    /// Tokens that fit in one call, input and output together.
    pub context_window: u64,
    pub max_output_tokens: u32,
    pub reasoning: bool,
    pub images: bool,
    pub documents: bool,
    pub price: Option<Price>,
    /// A key is there (or none is needed).
    pub available: bool,
}

/// US dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub struct Price {
    pub input: f64,
    pub output: f64,
    pub cache_read: f64,
    pub cache_write: f64,
}

/// All reachable models. Immutable: rebuilt when `models`, `auth` or a key changes.
pub struct Models {}

impl Models {
    /// Every model that can be named: rows of vendors with a key, and all that the user configured.
    pub fn list(&self) -> Vec<ModelInfo> {
        todo!()
    }

    pub fn info(&self, reference: &ModelRef) -> ModelInfo {
        let _ = reference;
        todo!()
    }

    /// Whether any model but the built-in guide can be reached.
    pub fn is_configured(&self) -> bool {
        todo!()
    }

    /// The models to try, in order: `primary`, then `fallbacks`, without those that can't be named. With neither, the default
    /// model of the first vendor that has a key; with no key at all, the guide. Never empty.
    pub fn chain(&self, primary: Option<&str>, fallbacks: &[String]) -> Vec<ModelRef> {
        let _ = (primary, fallbacks);
        todo!()
    }

    /// Calls the first model of the chain and fails over along it. `request.model` is set here.
    pub fn stream(&self, chain: &[ModelRef], request: Request) -> EventStream {
        let _ = (chain, request);
        todo!()
    }
}
