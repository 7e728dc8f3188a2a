//! OpenAI's embeddings API: texts in, vectors out that say which text they are of. Strict about what it is sent.

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

/// Numbers of a vector that nobody ordered otherwise.
const DIMENSIONS: u64 = 3;

/// A request for vectors as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct FakeEmbedding {
    /// The header as it came.
    pub authorization: String,
    pub body: Value,
}

/// Whether calls to this path are for vectors.
pub(super) fn is_path(path: &str) -> bool {
    path == "/v1/embeddings"
}

/// What was sent, or what the vendor says of it.
pub(super) fn read(headers: &HeaderMap, body: &Bytes) -> Result<FakeEmbedding, String> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let body: Value = serde_json::from_slice(body).map_err(|error| format!("no JSON: {error}"))?;
    if authorization.is_empty() {
        return Err("You didn't provide an API key.".to_owned());
    }
    if body["model"].as_str().is_none_or(str::is_empty) {
        return Err("you must provide a model parameter".to_owned());
    }
    let texts = body["input"].as_array().ok_or("'$.input' is invalid")?;
    if texts.is_empty() || texts.iter().any(|text| text.as_str().is_none_or(str::is_empty)) {
        return Err("'$.input' is invalid".to_owned());
    }
    Ok(FakeEmbedding { authorization: authorization.to_owned(), body })
}

/// A vector of each text: its bytes first, then zeros and a half at the end. The last text's comes first.
pub(super) fn answer(asked: &FakeEmbedding) -> Value {
    let dimensions = asked.body["dimensions"].as_u64().unwrap_or(DIMENSIONS);
    let texts: Vec<&str> = asked.body["input"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let row = |(index, text): (usize, &&str)| {
        let number = |at: u64| match at {
            0 => json!(text.len()),
            at if at + 1 == dimensions => json!(0.5),
            _ => json!(0),
        };
        let vector: Vec<Value> = (0..dimensions).map(number).collect();
        json!({ "object": "embedding", "index": index, "embedding": vector })
    };
    let data: Vec<Value> = texts.iter().enumerate().map(row).rev().collect();
    let tokens = texts.len() * 2;
    json!({
        "object": "list", "data": data, "model": asked.body["model"],
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    })
}
