//! One table of the vendors that are known without configuration. A new vendor is a new row.
//!
//! Prices and limits are the vendors' published ones and only inform (costs shown, context budgets); calls never depend on a
//! model being listed.

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::models::{ModelInfo, ModelRef, Price};
use crate::types::LlmErrorKind;

/// A row of the table.
#[derive(Debug)]
pub struct Vendor {
    pub id: &'static str,
    /// For people.
    pub name: &'static str,
    pub(crate) wire: Wire,
    pub(crate) base_url: &'static str,
    /// Variables that override `base_url`, best first.
    pub base_url_vars: &'static [&'static str],
    /// Variables that hold a key, best first.
    pub key_vars: &'static [&'static str],
    pub key_need: KeyNeed,
    pub(crate) key_header: KeyHeader,
    /// What the vendor's models are called when the user named none. Servers on the user's own machine have none.
    pub default_model: Option<&'static str>,
    pub(crate) quirks: &'static [Quirk],
    /// What an unlisted model of this vendor is taken for.
    pub(crate) unlisted: KnownModel,
    pub(crate) models: &'static [KnownModel],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyNeed {
    Required,
    /// Runs on the user's own machine; a key is sent when there is one. Counts as configured once anything names it.
    Optional,
}

/// The dialect of a vendor's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Wire {
    Anthropic,
    OpenAiChat,
    OpenAiResponses,
    Gemini,
}

impl Wire {
    /// How the wire's own vendor wants the key.
    pub(crate) fn key_header(self) -> KeyHeader {
        match self {
            Self::Anthropic => KeyHeader::Anthropic,
            Self::OpenAiChat | Self::OpenAiResponses => KeyHeader::Bearer,
            Self::Gemini => KeyHeader::Google,
        }
    }
}

/// How a key is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyHeader {
    /// `Authorization: Bearer`, with Anthropic's beta header for the tokens of a subscription (`sk-ant-oat…`).
    Bearer,
    /// `x-api-key`; tokens of a subscription go as [`KeyHeader::Bearer`].
    Anthropic,
    /// `x-goog-api-key`.
    Google,
}

impl KeyHeader {
    pub(crate) fn apply(self, key: &str, headers: &mut HeaderMap) -> Result<(), LlmErrorKind> {
        let value = |text: String| {
            let mut value = HeaderValue::from_str(&text).map_err(|_| LlmErrorKind::NoKey {
                hint: "the key holds characters that no header can carry".into(),
            })?;
            value.set_sensitive(true);
            Ok(value)
        };
        match self {
            Self::Anthropic | Self::Bearer if key.starts_with("sk-ant-oat") => {
                headers.insert(AUTHORIZATION, value(format!("Bearer {key}"))?);
                headers.insert(HeaderName::from_static("anthropic-beta"), HeaderValue::from_static("oauth-2025-04-20"));
            }
            Self::Bearer => {
                headers.insert(AUTHORIZATION, value(format!("Bearer {key}"))?);
            }
            Self::Anthropic => {
                headers.insert(HeaderName::from_static("x-api-key"), value(key.to_owned())?);
            }
            Self::Google => {
                headers.insert(HeaderName::from_static("x-goog-api-key"), value(key.to_owned())?);
            }
        }
        Ok(())
    }
}

/// Where a vendor's dialect differs from the plainest form that most servers take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quirk {
    /// The cap on the answer is `max_completion_tokens`.
    MaxCompletionTokens,
    /// `stream_options` is refused; usage comes without asking.
    NoStreamOptions,
    /// Takes `prompt_cache_key`.
    PromptCacheKey,
    /// Thinking is asked for with `reasoning_effort`.
    ReasoningEffort,
    /// Thinking is asked for with `reasoning: {effort}`.
    ReasoningObject,
    /// Thinking is asked for with `thinking: {type: enabled | disabled}`.
    ThinkingSwitch,
    /// Thinking is asked for with `enable_thinking`.
    EnableThinking,
    /// The model wants its `reasoning_content` back in a tool loop.
    ReplayReasoning,
    /// Ids of tool calls have exactly nine letters or digits.
    NineLetterIds,
}

/// A listed model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct KnownModel {
    pub(crate) id: &'static str,
    pub(crate) context_window: u64,
    pub(crate) max_output_tokens: u32,
    pub(crate) senses: Senses,
    pub(crate) thinking: Thinks,
    pub(crate) price: Option<Price>,
}

/// What a model takes in besides text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Senses {
    Text,
    Images,
    ImagesAndDocuments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thinks {
    Yes,
    No,
}

impl KnownModel {
    /// `price`: input, output, cache read, cache write.
    const fn new(
        id: &'static str,
        window_k: u64,
        output_k: u32,
        senses: Senses,
        thinking: Thinks,
        price: [f64; 4],
    ) -> Self {
        let [input, output, cache_read, cache_write] = price;
        let price = Price { input, output, cache_read, cache_write };
        Self::unpriced(id, window_k, output_k, senses, thinking).priced(price)
    }

    const fn unpriced(id: &'static str, window_k: u64, output_k: u32, senses: Senses, thinking: Thinks) -> Self {
        let (context_window, max_output_tokens) = (window_k * 1000, output_k * 1000);
        Self { id, context_window, max_output_tokens, senses, thinking, price: None }
    }

    /// The row as it is told to the rest of the house.
    pub(crate) fn info(&self, provider: &str, model: &str, available: bool) -> ModelInfo {
        ModelInfo {
            reference: ModelRef { provider: provider.to_owned(), model: model.to_owned() },
            name: model.to_owned(),
            context_window: self.context_window,
            max_output_tokens: self.max_output_tokens,
            reasoning: self.thinking == Thinks::Yes,
            images: self.senses != Senses::Text,
            documents: self.senses == Senses::ImagesAndDocuments,
            price: self.price,
            available,
        }
    }

    const fn priced(mut self, price: Price) -> Self {
        self.price = Some(price);
        self
    }
}

/// What is assumed of a model of which nothing is known: most open models since 2025 hold this much.
pub(crate) const UNKNOWN: KnownModel = KnownModel::unpriced("", 128, 8, Senses::Text, Thinks::No);

/// Habits of a server that the user added: `reasoning_effort` is what compatible servers understand, and it is sent only for
/// models that the user marked as reasoning.
pub(crate) const ADDED_QUIRKS: &[Quirk] = &[Quirk::ReasoningEffort];

/// The row of a vendor.
pub fn vendor(id: &str) -> Option<&'static Vendor> {
    VENDORS.iter().find(|vendor| vendor.id == id)
}

/// All rows, in the order in which a default is looked for.
pub fn vendors() -> &'static [Vendor] {
    VENDORS
}

mod table;
use table::VENDORS;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn rows_are_whole() {
        let mut ids = HashSet::new();
        for row in VENDORS {
            assert!(ids.insert(row.id), "{} stands twice", row.id);
            let local = row.key_need == KeyNeed::Optional;
            assert_eq!(row.base_url.starts_with("https://"), !local, "{}: keys travel over TLS only", row.id);
            assert!(!row.base_url.ends_with('/'), "{}", row.id);
            assert!(!row.key_vars.is_empty(), "{}", row.id);
            assert_eq!(row.default_model.is_none(), local, "{}", row.id);
            if let Some(default) = row.default_model {
                assert!(row.models.iter().any(|model| model.id == default), "{}: {default} is not listed", row.id);
            }
            let mut models = HashSet::new();
            for model in row.models {
                assert!(models.insert(model.id), "{}: {} stands twice", row.id, model.id);
                assert!(u64::from(model.max_output_tokens) <= model.context_window, "{}", model.id);
                assert!(model.price.is_none_or(|price| price.cache_read <= price.input), "{}", model.id);
            }
        }
    }

    #[test]
    fn every_vendor_that_was_promised_is_there() {
        let promised = "anthropic openai google openrouter groq mistral xai deepseek together fireworks cerebras moonshot \
                        minimax zai qwen nvidia ollama lmstudio vllm litellm";
        for id in promised.split_whitespace() {
            assert!(vendor(id).is_some(), "{id}");
        }
    }

    #[test]
    fn tokens_of_a_subscription_go_as_bearer() {
        let mut headers = HeaderMap::new();
        KeyHeader::Anthropic.apply("sk-ant-oat01-x", &mut headers).expect("a header");
        assert!(headers.contains_key(AUTHORIZATION) && headers.contains_key("anthropic-beta"));
        let mut headers = HeaderMap::new();
        KeyHeader::Anthropic.apply("sk-ant-api03-x", &mut headers).expect("a header");
        assert!(headers.contains_key("x-api-key") && !headers.contains_key(AUTHORIZATION));
        assert!(KeyHeader::Bearer.apply("a\nb", &mut HeaderMap::new()).is_err());
    }
}
