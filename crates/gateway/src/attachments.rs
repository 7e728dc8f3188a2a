//! Files that come with a message: read from every form that clients send, checked, and capped.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use chela_agent::{Attachment, proved_media_type};
use chela_protocol::RpcError;
use chela_protocol::methods::chat::ChatAttachment;
use serde_json::Value;

/// Files with one message.
const MAX_FILES: usize = 8;

/// Bytes of one picture; what every vendor takes. The reference system's limit.
pub(crate) const MAX_IMAGE_BYTES: usize = 6 * 1024 * 1024;

/// Bytes of all files of a message together: with base64 and the frame around them they fit into one frame.
pub(crate) const MAX_BYTES: usize = 19_464_192;

/// Reads the attachments of a message. The error names the file and says what would be taken.
pub(crate) fn read(attachments: &[ChatAttachment]) -> Result<Vec<Attachment>, RpcError> {
    if attachments.len() > MAX_FILES {
        return Err(RpcError::invalid(format!(
            "a message takes at most {MAX_FILES} attachments, this one has {}",
            attachments.len()
        )));
    }
    let files: Vec<_> = attachments.iter().map(read_one).collect::<Result<_, _>>()?;
    let bytes: usize = files.iter().map(|(_, bytes)| bytes).sum();
    if bytes > MAX_BYTES {
        return Err(RpcError::invalid(format!("attachments hold at most {MAX_BYTES} bytes together, these {bytes}")));
    }
    Ok(files.into_iter().map(|(file, _)| file).collect())
}

/// Checks one file that stands as base64 text. Returns it with its size in bytes.
pub(crate) fn checked(name: Option<String>, mime: Option<&str>, base64: &str) -> Result<(Attachment, usize), RpcError> {
    let shown = name.clone().unwrap_or_else(|| "attachment".to_owned());
    let compact: String = base64.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = STANDARD
        .decode(&compact)
        .or_else(|_| STANDARD_NO_PAD.decode(&compact))
        .map_err(|_| RpcError::invalid(format!("{shown}: the content is not base64")))?;
    let mime = proved_media_type(&bytes)
        .map(str::to_owned)
        .or_else(|| mime.map(|mime| mime.split(';').next().unwrap_or(mime).trim().to_ascii_lowercase()))
        .unwrap_or_else(|| "application/octet-stream".to_owned());
    if mime.starts_with("image/") && bytes.len() > MAX_IMAGE_BYTES {
        return Err(RpcError::invalid(format!(
            "{shown}: a picture has at most {MAX_IMAGE_BYTES} bytes, this one {}",
            bytes.len()
        )));
    }
    if !taken(&mime, &bytes) {
        return Err(RpcError::invalid(format!(
            "{shown}: files of type {mime} are not taken; send PNG, JPEG, GIF, WebP, PDF or text"
        )));
    }
    let size = bytes.len();
    Ok((Attachment { mime, name, data: STANDARD.encode(bytes), source: None }, size))
}

fn read_one(attachment: &ChatAttachment) -> Result<(Attachment, usize), RpcError> {
    let name = attachment.file_name.clone();
    let (mime, data) = match &attachment.content {
        Some(Value::String(text)) => match data_url(text) {
            Some((mime, data)) => (Some(mime.to_owned()), data.to_owned()),
            None => (None, text.clone()),
        },
        // January's clients send Node's JSON form of a buffer.
        Some(Value::Object(buffer)) => (None, node_buffer(buffer.get("data"))),
        _ => (None, String::new()),
    };
    if data.is_empty() {
        let shown = name.as_deref().unwrap_or("attachment");
        return Err(RpcError::invalid(format!("{shown}: `content` holds the file as base64 text")));
    }
    checked(name, mime.as_deref().or(attachment.mime_type.as_deref()), &data)
}

/// Media type and base64 text of a `data:` URL.
pub(crate) fn data_url(text: &str) -> Option<(&str, &str)> {
    let (head, data) = text.strip_prefix("data:")?.split_once(',')?;
    Some((head.strip_suffix(";base64")?.split(';').next()?, data))
}

fn node_buffer(data: Option<&Value>) -> String {
    let bytes = data.and_then(Value::as_array).into_iter().flatten();
    let bytes: Vec<u8> = bytes.filter_map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect();
    STANDARD.encode(bytes)
}

/// Pictures and PDFs must prove what they are; anything else has to be text.
fn taken(mime: &str, bytes: &[u8]) -> bool {
    proved_media_type(bytes).is_some() || (!mime.starts_with("image/") && std::str::from_utf8(bytes).is_ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(content: Value, mime: &str) -> Result<Attachment, String> {
        let attachment = ChatAttachment {
            mime_type: Some(mime.to_owned()),
            file_name: Some("a".to_owned()),
            content: Some(content),
            ..ChatAttachment::default()
        };
        read(&[attachment]).map(|mut files| files.remove(0)).map_err(|error| error.message)
    }

    #[test]
    fn the_bytes_decide_the_type() {
        let png = STANDARD.encode(b"\x89PNG\r\n\x1a\n");
        assert_eq!(of(json!(png), "image/jpeg").unwrap().mime, "image/png");
        assert_eq!(of(json!(format!("data:image/webp;base64,{png}")), "").unwrap().mime, "image/png");
        assert_eq!(of(json!({ "type": "Buffer", "data": [37, 80, 68, 70, 45] }), "").unwrap().mime, "application/pdf");
        assert_eq!(of(json!(STANDARD.encode("# hi")), "text/markdown").unwrap().mime, "text/markdown");
    }

    #[test]
    fn what_is_not_taken_is_named() {
        let rows = [
            (json!("%%%"), "text/plain", "not base64"),
            (json!(STANDARD.encode([0, 159, 146, 150])), "application/zip", "application/zip are not taken"),
            (json!(STANDARD.encode("<svg/>")), "image/svg+xml", "image/svg+xml are not taken"),
            (Value::Null, "text/plain", "`content` holds"),
        ];
        for (content, mime, expected) in rows {
            let error = of(content, mime).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
