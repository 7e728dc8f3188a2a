//! Message content in the shapes of both interfaces: plain text, or parts of text, pictures and files.

use chela_agent::Attachment;
use serde::Deserialize;
use serde_json::Value;

use super::conversation::Spoken;
use super::error::ApiError;
use crate::attachments;

/// Pictures and files of one request; the reference system's limit.
const MAX_FILES: usize = 8;

/// What somebody said in a request.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Said {
    pub text: String,
    pub files: Vec<Attachment>,
}

/// `content` of a message.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(untagged)]
pub(super) enum Content {
    #[default]
    None,
    Text(String),
    Parts(Vec<Part>),
}

/// One part. Chat Completions says `text`, `image_url`, `file`; Responses says `input_text`, `output_text`,
/// `input_image`, `input_file`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Part {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    refusal: Option<String>,
    /// `{url}` in Chat Completions, a text in Responses.
    image_url: Option<Value>,
    /// `{file_data, filename}`.
    file: Option<FilePart>,
    #[serde(flatten)]
    inline_file: FilePart,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct FilePart {
    file_data: Option<String>,
    filename: Option<String>,
}

/// Refuses more files than one request may hold.
pub(super) fn check_files(messages: &[Spoken]) -> Result<(), ApiError> {
    let files: usize = messages.iter().map(|spoken| spoken.said.files.len()).sum();
    if files > MAX_FILES {
        let message = format!("A request takes at most {MAX_FILES} pictures and files, this one has {files}.");
        return Err(ApiError::invalid(message));
    }
    Ok(())
}

impl Content {
    pub(super) fn read(&self) -> Result<Said, ApiError> {
        let parts = match self {
            Self::None => return Ok(Said::default()),
            Self::Text(text) => return Ok(Said { text: text.clone(), files: Vec::new() }),
            Self::Parts(parts) => parts,
        };
        let mut texts = Vec::new();
        let mut files = Vec::new();
        for part in parts {
            match part.kind.as_str() {
                "text" | "input_text" | "output_text" => texts.extend(part.text.clone()),
                "refusal" => texts.extend(part.refusal.clone()),
                "image_url" | "input_image" => files.push(part.picture()?),
                "file" | "input_file" => files.push(part.attached_file()?),
                other => return Err(ApiError::invalid(format!("Content of type `{other}` is not taken."))),
            }
        }
        Ok(Said { text: texts.join("\n"), files })
    }
}

impl Said {
    /// Another paragraph.
    pub(super) fn add(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
        self.text.push_str(text);
    }
}

impl Part {
    fn picture(&self) -> Result<Attachment, ApiError> {
        let url = match &self.image_url {
            Some(Value::String(url)) => Some(url.as_str()),
            Some(object) => object.get("url").and_then(Value::as_str),
            None => None,
        };
        let url = url.ok_or_else(|| ApiError::invalid("A picture needs `image_url`."))?;
        attachment(None, url)
    }

    fn attached_file(&self) -> Result<Attachment, ApiError> {
        let file = self.file.as_ref().unwrap_or(&self.inline_file);
        let data = file.file_data.as_deref().ok_or_else(|| {
            ApiError::invalid("A file needs `file_data` with its content; file ids and URLs are not taken.")
        })?;
        attachment(file.filename.clone(), data)
    }
}

/// A `data:` URL or bare base64. Addresses are not fetched: the gateway would become a way into its network.
fn attachment(name: Option<String>, data: &str) -> Result<Attachment, ApiError> {
    if data.starts_with("http://") || data.starts_with("https://") {
        return Err(ApiError::invalid("Pictures and files are sent as `data:` URLs; addresses are not fetched."));
    }
    let (mime, base64) = attachments::data_url(data).map_or((None, data), |(mime, data)| (Some(mime), data));
    let (file, _) = attachments::checked(name, mime, base64).map_err(|error| ApiError::invalid(error.message))?;
    Ok(file)
}
