//! Files that people send: fetched from the channel before the turn begins, and made into what a model can take.
//!
//! Pictures, PDFs and short texts go into the message; recordings become words; everything else is put into the agent's
//! workspace and named. What can't be fetched is named too: a message is answered whatever becomes of its files.

mod hear;
mod keep;
mod picture;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chela_agent::{Attachment, TurnInput, proved_media_type};
use chela_channels::{Channel, FetchedMedia, MediaKind, MediaRef, SendError, SendErrorKind};
use chela_store::InboxRow;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::keep::Keeping;
use crate::app::Gateway;

/// Bytes of a picture that a model is shown; what every vendor takes. A larger one is a file.
const PICTURE_MAX: usize = 5 * 1024 * 1024;
/// Bytes of a PDF that a model is shown.
const PDF_MAX: usize = 10 * 1024 * 1024;
/// Bytes of a text that stands in the message itself.
const TEXT_MAX: usize = 32 * 1024;

/// Tries to fetch one file.
const TRIES: u32 = 3;
/// Pause before the second try; it doubles.
const PAUSE: Duration = Duration::from_millis(500);
/// Longest that a platform may make us wait for one file, when it says how long.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Longest that all files of a message may take: the person waits for an answer.
const TIME: Duration = Duration::from_secs(90);

/// The type of a file that nobody knows anything about.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// Where a file of a message is, as [`Attachment::source`] keeps it until the turn begins.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MediaSource {
    pub channel: String,
    pub account: String,
    pub media: MediaRef,
}

impl MediaSource {
    pub(crate) fn to_value(&self) -> Value {
        serde_json::to_value(self).expect("a struct of texts and numbers can be written")
    }
}

/// What became of a file.
enum Became {
    /// Shown to the model as it is.
    Shown(Attachment),
    /// Told in words.
    Words(String),
}

/// Replaces the files of a row that are still on the platform. Only in memory: a row that is begun again fetches them again,
/// until its input stands in the transcript.
pub(crate) async fn bring(gateway: &Arc<Gateway>, row: &mut InboxRow) {
    let mut input = TurnInput::from_body(&row.body);
    let (mut kept, mut words) = (Vec::new(), Vec::new());
    let deadline = tokio::time::Instant::now() + TIME;
    for (number, attachment) in std::mem::take(&mut input.attachments).into_iter().enumerate() {
        let Some(source) = attachment.source.clone() else {
            kept.push(attachment);
            continue;
        };
        let bringing = bring_one(gateway, row, number, source, attachment.name.as_deref());
        match tokio::time::timeout_at(deadline, bringing).await {
            Ok(Became::Shown(attachment)) => kept.push(attachment),
            Ok(Became::Words(text)) => words.push(text),
            Err(_) => words.push(not_fetched(attachment.name.as_deref(), "it took too long")),
        }
    }
    input.attachments = kept;
    let said = (!input.text.is_empty()).then_some(input.text);
    input.text = said.into_iter().chain(words).collect::<Vec<_>>().join("\n\n");
    row.body = input.to_body();
}

async fn bring_one(gateway: &Arc<Gateway>, row: &InboxRow, number: usize, source: Value, name: Option<&str>) -> Became {
    let Ok(MediaSource { channel, account, media }) = MediaSource::deserialize(source) else {
        return Became::Words(not_fetched(name, "nobody knows where it is"));
    };
    let name = media.name.clone().or_else(|| name.map(str::to_owned));
    let account = gateway.channels.get(&channel, &account);
    let open = account.as_ref().and_then(|account| account.speaker());
    let (Some(account), Some(channel)) = (account, open) else {
        return Became::Words(not_fetched(name.as_deref(), "the channel is not connected"));
    };
    let max_bytes = account.policy.load().delivery.media_max_bytes;
    if media.bytes.is_some_and(|size| size > max_bytes) {
        return Became::Words(not_fetched(name.as_deref(), &format!("it has more than {max_bytes} bytes")));
    }
    if gateway.pressure.refuse_heavy().is_err() {
        return Became::Words(not_fetched(name.as_deref(), "there is not enough memory for it now"));
    }
    let fetched = match fetch(&channel, &media, max_bytes).await {
        Ok(fetched) => fetched,
        Err(error) => return Became::Words(not_fetched(name.as_deref(), &error.message)),
    };
    let mime = proved_type(&fetched);
    become_input(gateway, row, number, media.kind, FetchedMedia { bytes: fetched.bytes, mime }, name).await
}

async fn become_input(
    gateway: &Arc<Gateway>,
    row: &InboxRow,
    number: usize,
    kind: MediaKind,
    file: FetchedMedia,
    name: Option<String>,
) -> Became {
    let mime = file.mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let fits = match mime.as_str() {
        "image/png" | "image/jpeg" | "image/gif" | "image/webp" => {
            file.bytes.len() <= PICTURE_MAX && picture::can_be_shown(&file.bytes)
        }
        "application/pdf" => file.bytes.len() <= PDF_MAX,
        _ => is_text(&mime) && file.bytes.len() <= TEXT_MAX && std::str::from_utf8(&file.bytes).is_ok(),
    };
    if fits {
        return Became::Shown(Attachment { mime, name, data: STANDARD.encode(&file.bytes), source: None });
    }
    let is_recording = matches!(kind, MediaKind::Voice | MediaKind::Audio) || mime.starts_with("audio/");
    let mut unheard = None;
    if is_recording {
        match hear::words(gateway, &file, name.as_deref()).await {
            Ok(words) => return Became::Words(format!("[{}, transcribed] {words}", recording_word(kind))),
            Err(why) => unheard = Some(why),
        }
    }
    if !gateway.pressure.has_room_for_extras() {
        return Became::Words(not_fetched(name.as_deref(), "the disk of the gateway is nearly full"));
    }
    let keeping = Keeping {
        workspace: gateway.sessions.agents(gateway).profile_or_default(&row.agent).workspace.clone(),
        received_at_ms: row.received_at_ms,
        run: row.run.to_string(),
        number,
        name: name.clone(),
        mime: mime.clone(),
    };
    let bytes = file.bytes.len();
    let kept = gateway.outside.off_thread(move || keep::put(&keeping, &file.bytes)).await;
    let kept = kept.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    Became::Words(match (kept, unheard) {
        (Ok(path), None) => format!("[file {path} in the workspace: {mime}, {bytes} bytes]"),
        (Ok(path), Some(why)) => {
            format!("[{} that can't be heard: {why}; it is kept as {path} in the workspace]", recording_word(kind))
        }
        (Err(error), _) => {
            tracing::warn!(%error, run = %row.run, "a file could not be put into the workspace");
            not_fetched(name.as_deref(), "the workspace does not take it")
        }
    })
}

async fn fetch(channel: &Arc<dyn Channel>, media: &MediaRef, max_bytes: u64) -> Result<FetchedMedia, SendError> {
    let mut tries = 1;
    loop {
        let error = match crate::delivery::within(channel.fetch(media, max_bytes)).await {
            Ok(fetched) => return Ok(fetched),
            Err(error) => error,
        };
        let pause = match error.kind {
            SendErrorKind::RateLimited { after } => after,
            SendErrorKind::Unreachable | SendErrorKind::Unknown => PAUSE * 2_u32.pow(tries - 1),
            SendErrorKind::Markup | SendErrorKind::Refused | SendErrorKind::Auth | SendErrorKind::Gone => {
                return Err(error);
            }
        };
        if tries == TRIES || pause > WAIT_MAX {
            return Err(error);
        }
        tokio::time::sleep(pause).await;
        tries += 1;
    }
}

/// What the first bytes prove, else what the sender says. Who says that it is a picture or a PDF has to prove it: what is none makes
/// a vendor refuse the whole conversation.
fn proved_type(file: &FetchedMedia) -> String {
    match proved_media_type(&file.bytes) {
        Some(proved) => proved.to_owned(),
        None if file.mime.starts_with("image/") || file.mime.starts_with("application/pdf") => UNKNOWN_TYPE.to_owned(),
        None => file.mime.clone(),
    }
}

fn is_text(mime: &str) -> bool {
    mime.starts_with("text/") || matches!(mime, "application/json" | "application/xml")
}

fn recording_word(kind: MediaKind) -> &'static str {
    if kind == MediaKind::Voice { "voice message" } else { "recording" }
}

fn not_fetched(name: Option<&str>, why: &str) -> String {
    format!("[a file{} could not be fetched: {why}]", name.map(|name| format!(", {name},")).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_is_a_lie_is_not_believed() {
        let rows: [(&[u8], &str, &str); 5] = [
            (b"<html>", "image/png", UNKNOWN_TYPE),
            (b"<html>", "image/svg+xml", UNKNOWN_TYPE),
            (b"hello", "application/pdf", UNKNOWN_TYPE),
            (b"\x89PNG\r\n\x1a\n", "text/plain", "image/png"),
            (b"hello", "text/plain", "text/plain"),
        ];
        for (bytes, said, expected) in rows {
            let file = FetchedMedia { bytes: bytes.to_vec(), mime: said.to_owned() };
            assert_eq!(proved_type(&file), expected, "{said}");
        }
    }
}
