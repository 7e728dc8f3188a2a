//! Recorded speech becomes text: OpenAI's transcription API (`POST {base}/audio/transcriptions`), which several vendors speak.
//!
//! One attempt for each candidate, in order; the first that answers wins.

use std::sync::Arc;
use std::time::Duration;

use reqwest::multipart::{Form, Part};
use serde::Deserialize;
use tokio::time::timeout;

use crate::models::{ModelRef, Models};
use crate::types::{LlmError, LlmErrorKind};
use crate::wire::endpoint::{Endpoint, api_url};
use crate::wire::error::{self, Failure};
use crate::wire::whole::whole_answer;

/// A recording to be heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    pub bytes: Vec<u8>,
    pub mime: String,
    /// With the ending that names its format, where the sender gave one.
    pub name: Option<String>,
}

/// Who may hear it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hearing {
    /// In the order in which they are tried. Empty: every vendor that is known to hear and has a key.
    pub candidates: Vec<Ear>,
    /// As in `de`; vendors guess better with it.
    pub language: Option<String>,
}

/// A model that hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ear {
    pub model: ModelRef,
    /// Instead of the provider's own address.
    pub base_url: Option<String>,
}

/// Why a recording stays unheard.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TranscribeError {
    #[error(
        "no transcription provider is configured; set `tools.media.audio.models` or a key of OpenAI, Groq or Mistral"
    )]
    NoProvider,
    #[error(transparent)]
    Failed(#[from] LlmError),
}

/// Vendors that hear, with the model that does it best for its price, fastest first.
const EARS: &[(&str, &str)] =
    &[("groq", "whisper-large-v3-turbo"), ("openai", "gpt-4o-mini-transcribe"), ("mistral", "voxtral-mini-latest")];

/// From sending to the whole answer. Minutes of speech are heard in seconds.
const TIME: Duration = Duration::from_mins(1);

/// Bytes of an answer: hours of speech.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

#[derive(Deserialize)]
struct Answer {
    text: String,
}

/// The model of a vendor that hears, where nobody named one.
pub fn usual_ear(provider: &str) -> Option<&'static str> {
    EARS.iter().find(|(vendor, _)| *vendor == provider).map(|(_, model)| *model)
}

impl Models {
    /// The words of a recording. With several candidates the last one's error comes back.
    pub async fn transcribe(&self, recording: &Recording, hearing: &Hearing) -> Result<String, TranscribeError> {
        let candidates = if hearing.candidates.is_empty() { self.ears() } else { hearing.candidates.clone() };
        let mut failed = TranscribeError::NoProvider;
        for ear in candidates {
            match self.hear(recording, &ear, hearing.language.as_deref()).await {
                Ok(text) => return Ok(text),
                Err(error) => {
                    tracing::info!(%error, model = %ear.model, "a recording could not be transcribed");
                    failed = error.into();
                }
            }
        }
        Err(failed)
    }

    fn ears(&self) -> Vec<Ear> {
        let ready = |(provider, model): &(&str, &str)| {
            self.ready_endpoint(provider)?;
            let model = ModelRef { provider: (*provider).to_owned(), model: (*model).to_owned() };
            Some(Ear { model, base_url: None })
        };
        EARS.iter().filter_map(ready).collect()
    }

    async fn hear(&self, recording: &Recording, ear: &Ear, language: Option<&str>) -> Result<String, LlmError> {
        let ModelRef { provider, model } = ear.model.clone();
        let unknown = || {
            let message = format!("no provider `{provider}` is configured");
            Failure::from(LlmErrorKind::UnknownModel { message })
        };
        let asked = async {
            let endpoint = self.endpoint(&provider).ok_or_else(unknown)?;
            let asked = timeout(TIME, ask(&endpoint, recording, ear, language)).await;
            let asked = asked.unwrap_or_else(|_| Err(LlmErrorKind::Timeout(TIME).into()));
            asked.map_err(|failure| Failure {
                kind: failure.kind.map_message(|message| endpoint.without_key(&message)),
                ..failure
            })
        };
        let failure = match asked.await {
            Ok(text) => return Ok(text),
            Err(failure) => failure,
        };
        Err(LlmError {
            provider: provider.clone(),
            model,
            kind: failure.kind,
            status: failure.status,
            after_output: false,
        })
    }
}

async fn ask(
    endpoint: &Arc<Endpoint>,
    recording: &Recording,
    ear: &Ear,
    language: Option<&str>,
) -> Result<String, Failure> {
    let base = ear.base_url.as_deref().unwrap_or(&endpoint.base_url);
    let url = api_url(base, "v1", false, "audio/transcriptions");
    let client = endpoint.http.get().map_err(|error| LlmErrorKind::Network { message: error.to_string() })?;
    let sound = Part::bytes(recording.bytes.clone()).file_name(file_name(recording));
    let sound = sound.mime_str(&recording.mime).map_err(|error| error::network(&error))?;
    let mut form =
        Form::new().part("file", sound).text("model", ear.model.model.clone()).text("response_format", "json");
    if let Some(language) = language {
        form = form.text("language", language.to_owned());
    }
    let request = client.post(url).headers(endpoint.call_headers(&[])?).multipart(form);
    let body = whole_answer(request, MAX_ANSWER_BYTES).await?;
    let answer: Answer = serde_json::from_slice(&body)
        .map_err(|_| error::protocol("the answer holds no `text`; check the address and the model"))?;
    Ok(answer.text.trim().to_owned())
}

/// Vendors go by the ending.
fn file_name(recording: &Recording) -> String {
    let ending = match recording.mime.split(';').next().unwrap_or_default().trim() {
        "audio/mpeg" | "audio/mp3" => "mp3",
        "audio/mp4" | "audio/x-m4a" | "audio/m4a" | "audio/aac" => "m4a",
        "audio/wav" | "audio/x-wav" => "wav",
        "audio/webm" | "video/webm" => "webm",
        "audio/flac" => "flac",
        "video/mp4" => "mp4",
        _ => "ogg",
    };
    let named = recording.name.as_deref().filter(|name| {
        let known = ["mp3", "m4a", "wav", "webm", "flac", "mp4", "ogg", "oga", "mpeg", "mpga"];
        name.rsplit_once('.').is_some_and(|(_, ending)| known.contains(&ending.to_ascii_lowercase().as_str()))
    });
    named.map_or_else(|| format!("recording.{ending}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_the_format() {
        let named = |mime: &str, name: Option<&str>| {
            file_name(&Recording { bytes: Vec::new(), mime: mime.into(), name: name.map(str::to_owned) })
        };
        assert_eq!(named("audio/ogg; codecs=opus", None), "recording.ogg");
        assert_eq!(named("audio/mpeg", Some("song")), "recording.mp3");
        assert_eq!(named("audio/ogg", Some("file_1.oga")), "file_1.oga");
    }
}
