//! Recordings become words, where a vendor can do it.

use std::time::Duration;

use chela_channels::FetchedMedia;
use chela_llm::{Ear, Hearing, ModelRef, Recording};
use chela_tools::AudioConfig;
use tokio::time::timeout;

use crate::app::Gateway;

/// Largest recording that is sent, where the configuration sets none; what the strictest vendor takes, with room for the frame.
const MAX_BYTES: u64 = 20_000_000;

/// Longest that all who may hear it take together. Less than a message's files may take, so that a recording that nobody hears in
/// time can still be kept.
const TIME: Duration = Duration::from_mins(1);

/// The words of a recording; the error is half a sentence for the model.
pub(super) async fn words(gateway: &Gateway, file: &FetchedMedia, name: Option<&str>) -> Result<String, String> {
    let config = gateway.config.load_full();
    let audio = &config.tools.media.audio;
    if audio.enabled == Some(false) {
        return Err("transcription is switched off".to_owned());
    }
    let max = audio.max_bytes.unwrap_or(MAX_BYTES);
    if file.bytes.len() as u64 > max {
        return Err(format!("it has more than {max} bytes"));
    }
    let models = gateway.models.load_full();
    let recording = Recording { bytes: file.bytes.clone(), mime: file.mime.clone(), name: name.map(str::to_owned) };
    match timeout(TIME, models.transcribe(&recording, &hearing(audio))).await {
        Err(_) => Err("it took too long".to_owned()),
        Ok(Ok(text)) if text.is_empty() => Err("nobody speaks in it".to_owned()),
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a recording stays unheard");
            Err(error.to_string())
        }
    }
}

/// Entries without a provider (programs of the reference system) are passed over.
fn hearing(audio: &AudioConfig) -> Hearing {
    let ear = |model: &chela_tools::AudioModel| {
        let (provider, name) = (model.provider.clone()?, model.model.clone());
        let usual = chela_llm::usual_ear(&provider).map(str::to_owned);
        Some(Ear { model: ModelRef { model: name.or(usual)?, provider }, base_url: model.base_url.clone() })
    };
    Hearing { candidates: audio.models.iter().filter_map(ear).collect(), language: audio.language.clone() }
}
