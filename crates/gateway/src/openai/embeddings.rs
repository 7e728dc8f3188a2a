//! `POST /v1/embeddings`: texts become vectors. On where one of the other endpoints is.
//!
//! As elsewhere here `model` chooses the agent. Which model embeds is said by `x-chela-model` (or `x-openclaw-model`) as
//! `provider/model`, of the configured providers; without it, it is the usual one of the first vendor with a key.

use axum::Json;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chela_llm::{EmbedError, EmbedOrder, LlmError, LlmErrorKind, ModelRef, Models};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::{admit, agent_of, header, is_on};
use crate::app::Gateway;
use crate::route::client_target;
use crate::server::Ready;

/// Texts of one request; the reference system's limit.
const MAX_TEXTS: usize = 128;

/// Bytes of one text: more than any model embeds.
const TEXT_BYTES: usize = 64 * 1024;

/// Bytes of all texts together.
const TEXTS_BYTES: usize = 1024 * 1024;

#[derive(Debug, Deserialize)]
struct EmbeddingsRequest {
    #[serde(default = "super::default_model")]
    model: String,
    #[serde(default)]
    input: Value,
    #[serde(default)]
    encoding_format: Option<String>,
    #[serde(default)]
    dimensions: Option<u32>,
}

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Float,
    /// Little-endian floats of four bytes, as OpenAI's own clients ask for.
    Base64,
}

pub(super) async fn create(Ready(gateway): Ready, request: Request) -> Response {
    let endpoints = gateway.config.load().gateway.http.endpoints;
    let endpoint =
        if is_on(&gateway, endpoints.chat_completions) { endpoints.chat_completions } else { endpoints.responses };
    match admit::<EmbeddingsRequest>(&gateway, endpoint, request).await {
        Ok((parts, request)) => answer(&gateway, &parts, request).await.unwrap_or_else(IntoResponse::into_response),
        Err(refusal) => refusal,
    }
}

async fn answer(gateway: &Gateway, parts: &Parts, request: EmbeddingsRequest) -> Result<Response, ApiError> {
    let EmbeddingsRequest { model, input, encoding_format, dimensions } = request;
    let agent = header(parts, "agent-id").map_or_else(|| agent_of(&model), |agent| Ok(Some(agent)))?;
    let book = gateway.sessions.agents(gateway);
    client_target(&book, None, agent).map_err(|error| ApiError::invalid(error.to_string()))?;
    let texts = texts_of(input)?;
    let encoding = encoding_of(encoding_format.as_deref())?;
    if dimensions == Some(0) {
        return Err(ApiError::invalid("`dimensions` must be at least 1.").with_param("dimensions"));
    }
    let models = gateway.models.load_full();
    let chosen = header(parts, "model").map(|name| named(&models, name)).transpose()?;
    let embedded = models.embed(&EmbedOrder { texts, model: chosen, dimensions }).await?;
    let data =
        embedded.vectors.iter().enumerate().map(
            |(index, vector)| json!({ "object": "embedding", "index": index, "embedding": encoding.written(vector) }),
        );
    let body = json!({
        "object": "list",
        "data": data.collect::<Vec<_>>(),
        "model": model,
        "usage": { "prompt_tokens": embedded.tokens, "total_tokens": embedded.tokens },
    });
    Ok(Json(body).into_response())
}

/// A model by `provider/model`, or by its name alone at the provider that embeds anyway.
fn named(models: &Models, name: &str) -> Result<ModelRef, ApiError> {
    if name.contains('/') {
        return name.parse().map_err(|_| not_allowed());
    }
    let usual = models.usual_embedder().ok_or(EmbedError::NoProvider)?;
    Ok(ModelRef { model: name.to_owned(), ..usual })
}

fn texts_of(input: Value) -> Result<Vec<String>, ApiError> {
    let malformed = || ApiError::invalid("`input` must be a string or an array of strings.").with_param("input");
    let texts: Vec<String> = match input {
        Value::String(text) => vec![text],
        Value::Array(texts) => serde_json::from_value(Value::Array(texts)).map_err(|_| malformed())?,
        _ => return Err(malformed()),
    };
    if texts.is_empty() {
        return Err(malformed());
    }
    if texts.len() > MAX_TEXTS {
        return Err(ApiError::invalid(format!("Too many inputs (max {MAX_TEXTS}).")).with_param("input"));
    }
    if let Some(long) = texts.iter().find(|text| text.len() > TEXT_BYTES) {
        let message = format!("An input has at most {TEXT_BYTES} bytes, this one {}.", long.len());
        return Err(ApiError::invalid(message).with_param("input"));
    }
    let bytes: usize = texts.iter().map(String::len).sum();
    if bytes > TEXTS_BYTES {
        let message = format!("The inputs have at most {TEXTS_BYTES} bytes together, these {bytes}.");
        return Err(ApiError::invalid(message).with_param("input"));
    }
    Ok(texts)
}

fn encoding_of(format: Option<&str>) -> Result<Encoding, ApiError> {
    match format {
        None | Some("float") => Ok(Encoding::Float),
        Some("base64") => Ok(Encoding::Base64),
        Some(_) => Err(ApiError::invalid("`encoding_format` is `float` or `base64`.").with_param("encoding_format")),
    }
}

impl Encoding {
    fn written(self, vector: &[f32]) -> Value {
        match self {
            Self::Float => json!(vector),
            Self::Base64 => {
                let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                STANDARD.encode(bytes).into()
            }
        }
    }
}

/// The reference system's words for a provider that isn't there for this.
fn not_allowed() -> ApiError {
    ApiError::invalid("This agent does not allow that embedding provider on `/v1/embeddings`.").with_param("model")
}

impl From<EmbedError> for ApiError {
    fn from(error: EmbedError) -> Self {
        match error {
            EmbedError::NoProvider => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "api_error", error.to_string()),
            EmbedError::UnknownProvider(_) => not_allowed(),
            EmbedError::Failed(LlmError { ref kind, .. }) => match kind {
                LlmErrorKind::InvalidRequest { .. }
                | LlmErrorKind::ContextLength { .. }
                | LlmErrorKind::UnknownModel { .. } => Self::invalid(error.to_string()),
                LlmErrorKind::RateLimited { .. } | LlmErrorKind::Overloaded { .. } => {
                    Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", error.to_string())
                }
                LlmErrorKind::Timeout(_) => Self::new(StatusCode::GATEWAY_TIMEOUT, "timeout_error", error.to_string()),
                LlmErrorKind::NoKey { .. }
                | LlmErrorKind::Unauthorized { .. }
                | LlmErrorKind::Billing { .. }
                | LlmErrorKind::Server { .. }
                | LlmErrorKind::Network { .. }
                | LlmErrorKind::Protocol { .. } => Self::new(StatusCode::BAD_GATEWAY, "api_error", error.to_string()),
            },
        }
    }
}
