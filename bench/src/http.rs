//! Turns over the OpenAI-compatible endpoint: against the gateway, and against the model itself for comparison.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use futures_util::StreamExt;
use serde_json::json;

use crate::process::TOKEN;

/// No turn of a model without delay takes this long.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Somebody who answers chat completions.
#[derive(Clone)]
pub(crate) struct Target {
    client: reqwest::Client,
    url: String,
    model: &'static str,
}

/// How one streamed turn went.
pub(crate) struct Turn {
    pub(crate) first_text: Duration,
    pub(crate) whole: Duration,
}

impl Target {
    pub(crate) fn gateway(base: &str) -> Result<Self> {
        Self::new(base, "chela")
    }

    pub(crate) fn model(base: &str) -> Result<Self> {
        Self::new(base, "fast")
    }

    fn new(base: &str, model: &'static str) -> Result<Self> {
        let client = reqwest::Client::builder().timeout(TIMEOUT).tcp_nodelay(true).no_proxy().build()?;
        Ok(Self { client, url: format!("{base}/v1/chat/completions"), model })
    }

    /// One turn in the session of `user`, streamed to its end.
    pub(crate) async fn turn(&self, user: &str) -> Result<Turn> {
        let body = json!({
            "model": self.model, "user": user, "stream": true, "messages": [{ "role": "user", "content": "hi" }],
        });
        let begun = Instant::now();
        let response = self.client.post(&self.url).bearer_auth(TOKEN).json(&body).send().await?;
        if !response.status().is_success() {
            bail!("{} answered {}: {}", self.url, response.status(), response.text().await?);
        }
        let mut first_text = None;
        let mut chunks = response.bytes_stream();
        let mut text = String::new();
        while let Some(chunk) = chunks.next().await {
            text.push_str(&String::from_utf8_lossy(&chunk?));
            if first_text.is_none() && text.contains("\"content\":\"e") {
                first_text = Some(begun.elapsed());
            }
        }
        let Some(first_text) = first_text else { bail!("no text in the answer: {text}") };
        Ok(Turn { first_text, whole: begun.elapsed() })
    }
}
