//! Small pieces of HTTP that the fake reads by itself: percent signs, queries, forms with files; and how it refuses.

use serde_json::{Value, json};

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
pub(super) fn read_form(content_type: &str, body: &[u8]) -> Result<(Value, Vec<FormFile>), String> {
    let boundary = content_type.split_once("boundary=").ok_or("no boundary")?.1.trim_matches('"');
    let (mut payload, mut files) = (None, Vec::new());
    for part in parts(body, boundary)? {
        let (head, bytes) = split_at(part, b"\r\n\r\n").ok_or("a part without headers")?;
        let head = std::str::from_utf8(head).map_err(|_| "headers that are no text")?;
        let name = quoted(head, "name").ok_or("a part without a name")?;
        if name == "payload_json" {
            payload = Some(serde_json::from_slice(bytes).map_err(|error| format!("payload_json: {error}"))?);
            continue;
        }
        let index = name.strip_prefix("files[").and_then(|rest| rest.strip_suffix(']')?.parse().ok());
        let index = index.ok_or_else(|| format!("unknown part `{name}`"))?;
        let file_name = quoted(head, "filename").ok_or_else(|| format!("{name} without a file name"))?;
        let mime = head.lines().find_map(|line| {
            let (header, value) = line.split_once(':')?;
            header.eq_ignore_ascii_case("content-type").then(|| value.trim().to_owned())
        });
        files.push(FormFile { index, name: file_name.to_owned(), mime, bytes: bytes.to_vec() });
    }
    Ok((payload.unwrap_or_else(|| json!({})), files))
}

fn parts<'a>(body: &'a [u8], boundary: &str) -> Result<Vec<&'a [u8]>, String> {
    let opening = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(opening.as_bytes()).ok_or("the form does not begin with its boundary")?;
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        let inner = rest.strip_prefix(b"\r\n").ok_or("a boundary without a line end")?;
        let (part, after) = split_at(inner, between.as_bytes()).ok_or("the form has no end")?;
        parts.push(part);
        rest = after;
    }
    Ok(parts)
}

fn split_at<'a>(bytes: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(separator.len()).position(|window| window == separator)?;
    Some((&bytes[..at], &bytes[at + separator.len()..]))
}

/// `key="value"` of a header; `name` is not found inside `filename`.
fn quoted<'a>(head: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = head.split_once(&format!("; {key}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
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
