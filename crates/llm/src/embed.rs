//! Texts become vectors: OpenAI's embeddings API (`POST {base}/embeddings`), which several vendors and most servers of one's own speak.
//!
//! One provider, one attempt: a vector of one model says nothing beside those of another.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use crate::models::{ModelRef, Models};
use crate::types::{LlmError, LlmErrorKind};
use crate::wire::endpoint::{Endpoint, api_url};
use crate::wire::error::{self, Failure};
use crate::wire::whole::whole_answer;

/// What is to be embedded, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmbedOrder {
    pub texts: Vec<String>,
    /// `None`: the usual one of the first vendor that is known to embed and has a key.
    pub model: Option<ModelRef>,
    /// Numbers of each vector, where the model lets one choose.
    pub dimensions: Option<u32>,
}

/// The vectors of an order's texts, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    pub model: ModelRef,
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of all texts, as the vendor counted them; zero where it doesn't say.
    pub tokens: u64,
}

/// Why there are no vectors.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EmbedError {
    #[error(
        "no provider of embeddings is configured; set a key of OpenAI or Mistral, or name a model as provider/model"
    )]
    NoProvider,
    #[error("no provider `{0}` is configured")]
    UnknownProvider(String),
    #[error(transparent)]
    Failed(#[from] LlmError),
}

/// Vendors that embed, with the model that most people take.
const EMBEDDERS: &[(&str, &str)] = &[("openai", "text-embedding-3-small"), ("mistral", "mistral-embed")];

/// From sending to the whole answer: long inputs on a small machine take a while.
const TIME: Duration = Duration::from_mins(1);

/// Bytes of an answer: hundreds of vectors of thousands of numbers.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

#[derive(Deserialize)]
struct Answer {
    data: Vec<Row>,
    #[serde(default)]
    usage: Spent,
}

#[derive(Deserialize)]
struct Row {
    index: usize,
    embedding: Vec<f32>,
}

#[derive(Default, Deserialize)]
struct Spent {
    #[serde(default)]
    prompt_tokens: u64,
}

impl Models {
    /// The model that embeds where nobody named one.
    pub fn usual_embedder(&self) -> Option<ModelRef> {
        let (provider, model) = EMBEDDERS.iter().find(|(provider, _)| self.ready_endpoint(provider).is_some())?;
        Some(ModelRef { provider: (*provider).to_owned(), model: (*model).to_owned() })
    }

    /// The vectors of some texts. The caller bounds the texts.
    pub async fn embed(&self, order: &EmbedOrder) -> Result<Embedded, EmbedError> {
        let model = order.model.clone().or_else(|| self.usual_embedder()).ok_or(EmbedError::NoProvider)?;
        let endpoint =
            self.endpoint(&model.provider).ok_or_else(|| EmbedError::UnknownProvider(model.provider.clone()))?;
        let asked = timeout(TIME, ask(&endpoint, order, &model.model)).await;
        match asked.unwrap_or_else(|_| Err(LlmErrorKind::Timeout(TIME).into())) {
            Ok((vectors, tokens)) => Ok(Embedded { model, vectors, tokens }),
            Err(Failure { kind, status, .. }) => Err(EmbedError::Failed(LlmError {
                kind: kind.map_message(|message| endpoint.without_key(&message)),
                provider: model.provider,
                model: model.model,
                status,
                after_output: false,
            })),
        }
    }
}

async fn ask(endpoint: &Endpoint, order: &EmbedOrder, model: &str) -> Result<(Vec<Vec<f32>>, u64), Failure> {
    let url = api_url(&endpoint.base_url, "v1", false, "embeddings");
    let client = endpoint.http.get().map_err(|error| LlmErrorKind::Network { message: error.to_string() })?;
    let mut body = json!({ "model": model, "input": order.texts, "encoding_format": "float" });
    if let Some(dimensions) = order.dimensions {
        body["dimensions"] = dimensions.into();
    }
    let request = client.post(url).headers(endpoint.call_headers(&[])?).json(&body);
    let answer = whole_answer(request, MAX_ANSWER_BYTES).await?;
    let Answer { mut data, usage } = serde_json::from_slice(&answer)
        .map_err(|_| error::protocol("the answer holds no embeddings; check the address and the model"))?;
    data.sort_by_key(|row| row.index);
    let is_whole = data.iter().enumerate().all(|(at, row)| row.index == at && !row.embedding.is_empty());
    if data.len() != order.texts.len() || !is_whole {
        let message = format!("{} vectors for {} texts", data.len(), order.texts.len());
        return Err(error::protocol(message).into());
    }
    Ok((data.into_iter().map(|row| row.embedding).collect(), usage.prompt_tokens))
}
