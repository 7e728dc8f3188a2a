//! OpenAI's transcription API: a recording in, words out. Strict about the form that carries it.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

use crate::multipart::{self, FormPart};

/// A recording as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeRecording {
    /// The header as it came.
    pub authorization: String,
    /// All fields but the file.
    pub fields: BTreeMap<String, String>,
    pub file_name: String,
    pub bytes: Vec<u8>,
}

/// Whether calls to this path carry recordings.
pub(super) fn is_path(path: &str) -> bool {
    path == "/v1/audio/transcriptions"
}

/// What was sent, or what the vendor says of a broken form.
pub(super) fn read(headers: &HeaderMap, body: &Bytes) -> Result<FakeRecording, String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let mut recording = FakeRecording {
        authorization: text(header::AUTHORIZATION),
        fields: BTreeMap::new(),
        file_name: String::new(),
        bytes: Vec::new(),
    };
    let form = text(header::CONTENT_TYPE);
    if !form.starts_with("multipart/form-data") {
        return Err("the body is no multipart form".to_owned());
    }
    for FormPart { name, file_name, bytes, .. } in multipart::read(&form, body)? {
        match file_name {
            Some(file_name) if name == "file" => {
                recording.file_name = file_name;
                recording.bytes = bytes.to_vec();
            }
            _ => {
                recording.fields.insert(name, String::from_utf8_lossy(&bytes).into_owned());
            }
        }
    }
    if recording.authorization.is_empty() {
        return Err("You didn't provide an API key.".to_owned());
    }
    if recording.fields.get("model").is_none_or(String::is_empty) {
        return Err("you must provide a model parameter".to_owned());
    }
    let known = ["mp3", "m4a", "wav", "webm", "flac", "mp4", "ogg", "oga", "mpeg", "mpga"];
    if recording.bytes.is_empty() || !known.iter().any(|ending| recording.file_name.ends_with(&format!(".{ending}"))) {
        return Err(format!("Invalid file format. Supported formats: {known:?}"));
    }
    Ok(recording)
}

/// The words of every recording.
pub(super) fn answer(recording: &FakeRecording) -> Value {
    json!({ "text": format!("words of {} bytes", recording.bytes.len()) })
}
