//! The parameters of a call: from the query, JSON, a form or a multipart body, all read alike.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::state::ApiError;
use crate::multipart::{self, FormPart};

/// What a call says.
#[derive(Debug, Clone, Default)]
pub(super) struct Params {
    pub(super) values: Map<String, Value>,
    pub(super) uploads: BTreeMap<String, Upload>,
}

/// A file in a multipart body.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) name: String,
    pub(super) mime: Option<String>,
    pub(super) bytes: Bytes,
}

impl Params {
    /// Reads everything that a request says; the error is for a client that can't write its format.
    pub(super) fn read(query: Option<&str>, content_type: &str, body: &Bytes) -> Result<Self, String> {
        let mut params = Self::default();
        params.add_form(query.unwrap_or_default().as_bytes());
        if content_type.starts_with("application/json") {
            let value: Value = serde_json::from_slice(body).map_err(|error| format!("the body is no JSON: {error}"))?;
            let Value::Object(values) = value else { return Err("the body is no JSON object".to_owned()) };
            params.values.extend(values);
        } else if content_type.starts_with("application/x-www-form-urlencoded") {
            params.add_form(body);
        } else if content_type.starts_with("multipart/form-data") {
            params.add_multipart(content_type, body)?;
        } else if !body.is_empty() {
            return Err(format!("a body of the type \"{content_type}\""));
        }
        Ok(params)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.values.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        }
    }

    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.parse();
        number.map(Some).map_err(|_| ApiError::bad(format!("Bad Request: parameter \"{name}\" must be an Integer")))
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.text(name).as_deref(), Some("true" | "True" | "1"))
    }

    /// An object or a list, which may come as JSON in text.
    pub(super) fn json(&self, name: &str) -> Result<Option<Value>, ApiError> {
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| ApiError::bad(format!("Bad Request: can't parse {name} JSON object"))),
            Some(value) => Ok(Some(value.clone())),
        }
    }

    /// Whether a value names this file of the request, alone or within JSON.
    pub(super) fn points_to(&self, upload: &str) -> bool {
        let pointer = format!("attach://{upload}");
        self.values.values().any(|value| match value {
            Value::String(text) => text == &pointer || text.contains(&format!("\"{pointer}\"")),
            other => other.to_string().contains(&format!("\"{pointer}\"")),
        })
    }

    fn add_form(&mut self, form: &[u8]) {
        for (name, value) in url::form_urlencoded::parse(form) {
            self.values.insert(name.into_owned(), Value::String(value.into_owned()));
        }
    }

    fn add_multipart(&mut self, content_type: &str, body: &Bytes) -> Result<(), String> {
        for FormPart { name, file_name, mime, bytes } in multipart::read(content_type, body)? {
            if let Some(file_name) = file_name {
                self.uploads.insert(name, Upload { name: file_name, mime, bytes });
            } else {
                let text = String::from_utf8(bytes.to_vec()).map_err(|_| format!("the part {name} is no UTF-8"))?;
                self.values.insert(name, Value::String(text));
            }
        }
        Ok(())
    }
}
