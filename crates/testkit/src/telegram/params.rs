//! The parameters of a call: from the query, JSON, a form or a multipart body, all read alike.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::state::ApiError;

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
            let boundary = header_value(content_type, "boundary").ok_or("multipart without a boundary")?;
            params.add_multipart(&boundary, body)?;
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

    fn add_form(&mut self, form: &[u8]) {
        for (name, value) in url::form_urlencoded::parse(form) {
            self.values.insert(name.into_owned(), Value::String(value.into_owned()));
        }
    }

    fn add_multipart(&mut self, boundary: &str, body: &Bytes) -> Result<(), String> {
        let opening = format!("--{boundary}");
        let closing = format!("\r\n--{boundary}");
        let mut at = find(body, opening.as_bytes(), 0).ok_or("multipart without a part")? + opening.len();
        while body[at..].starts_with(b"\r\n") {
            let head_end = find(body, b"\r\n\r\n", at).ok_or("a part without an end of its headers")?;
            let end = find(body, closing.as_bytes(), head_end).ok_or("a part without an end")?;
            let head = String::from_utf8_lossy(&body[at..head_end]).into_owned();
            self.add_part(&head, body.slice(head_end + 4..end))?;
            at = end + closing.len();
        }
        if body[at..].starts_with(b"--") { Ok(()) } else { Err("multipart without its last boundary".to_owned()) }
    }

    fn add_part(&mut self, head: &str, bytes: Bytes) -> Result<(), String> {
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (found, value) = line.split_once(':')?;
                found.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let disposition = header("content-disposition").ok_or("a part without Content-Disposition")?;
        let name = header_value(&disposition, "name").ok_or("a part without a name")?;
        if let Some(file_name) = header_value(&disposition, "filename") {
            let upload = Upload { name: file_name, mime: header("content-type"), bytes };
            self.uploads.insert(name, upload);
        } else {
            let text = String::from_utf8(bytes.to_vec()).map_err(|_| format!("the part {name} is no UTF-8"))?;
            self.values.insert(name, Value::String(text));
        }
        Ok(())
    }
}

/// A parameter of a header: `form-data; name="photo"; filename="a.jpg"`.
fn header_value(header: &str, name: &str) -> Option<String> {
    header.split(';').skip(1).find_map(|pair| {
        let (found, value) = pair.split_once('=')?;
        found.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

fn find(bytes: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    bytes.get(from..)?.windows(wanted.len()).position(|window| window == wanted).map(|found| from + found)
}
