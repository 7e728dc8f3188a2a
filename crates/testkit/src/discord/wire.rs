//! Small pieces of HTTP that the fake reads by itself: percent signs, queries, the forms of messages; and how it refuses.

use axum::body::Bytes;
use serde_json::{Value, json};

use crate::multipart::{self, FormPart};

/// An error of the platform.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: u64,
    pub(super) message: String,
    /// Per field, for forms.
    pub(super) errors: Option<Value>,
    /// The client broke a rule that a careful client never breaks.
    pub(super) is_fault: bool,
}

impl Refusal {
    pub(super) fn new(status: u16, code: u64, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), errors: None, is_fault: false }
    }

    pub(super) fn unknown(what: &str, code: u64) -> Self {
        Self::new(404, code, format!("Unknown {what}"))
    }

    /// The client is to blame.
    pub(super) fn fault(mut self) -> Self {
        self.is_fault = true;
        self
    }

    /// Adds words for the list of faults.
    pub(super) fn because(mut self, words: &str) -> Self {
        self.errors = Some(json!({"_errors": [{"code": "BECAUSE", "message": words}]}));
        self
    }

    /// 50035 at one field, named with dots: `components.0.type`.
    pub(super) fn form(field: &str, code: &str, message: impl Into<String>) -> Self {
        let leaf = json!({"_errors": [{"code": code, "message": message.into()}]});
        let errors = field.rsplit('.').fold(leaf, |inner, name| json!({ name: inner }));
        Self { errors: Some(errors), ..Self::new(400, 50035, "Invalid Form Body") }.fault()
    }

    pub(super) fn too_long(field: &str, max: usize) -> Self {
        Self::form(field, "BASE_TYPE_MAX_LENGTH", format!("Must be {max} or fewer in length."))
    }

    pub(super) fn body(&self) -> Value {
        let mut body = json!({"message": self.message, "code": self.code});
        if let Some(errors) = &self.errors {
            body["errors"] = errors.clone();
        }
        body
    }
}

/// A file in a form.
#[derive(Debug, Clone)]
pub(super) struct FormFile {
    /// The `n` of `files[n]`.
    pub(super) index: u64,
    pub(super) name: String,
    pub(super) mime: Option<String>,
    pub(super) bytes: Vec<u8>,
}

/// Reads a form with `payload_json` and `files[n]`. The error says what is wrong with it.
pub(super) fn read_form(content_type: &str, body: &Bytes) -> Result<(Value, Vec<FormFile>), String> {
    let (mut payload, mut files) = (None, Vec::new());
    for FormPart { name, file_name, mime, bytes } in multipart::read(content_type, body)? {
        if name == "payload_json" {
            payload = Some(serde_json::from_slice(&bytes).map_err(|error| format!("payload_json: {error}"))?);
            continue;
        }
        let index = name.strip_prefix("files[").and_then(|rest| rest.strip_suffix(']')?.parse().ok());
        let index = index.ok_or_else(|| format!("unknown part `{name}`"))?;
        let file_name = file_name.ok_or_else(|| format!("{name} without a file name"))?;
        files.push(FormFile { index, name: file_name, mime, bytes: bytes.to_vec() });
    }
    Ok((payload.unwrap_or_else(|| json!({})), files))
}

/// Undoes percent signs; `None` when they hide no text.
pub(super) fn decode_path(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

/// The pairs of a query, in order.
pub(super) fn read_query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let split = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    split.map(|(name, value)| (name.to_owned(), decode_path(value).unwrap_or_default())).collect()
}

pub(super) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
