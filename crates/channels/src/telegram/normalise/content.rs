//! What a message holds: its text, its files, and everything else in words.

use super::super::wire::{Message, MessageEntity, PhotoSize};
use crate::inbound::{MediaKind, MediaRef};

/// The content of one message.
pub(super) struct Content<'a> {
    /// As it was written: the text, or the caption of a file.
    pub(super) text: &'a str,
    pub(super) entities: &'a [MessageEntity],
    /// What is neither text nor file, one line each.
    pub(super) described: Vec<String>,
    pub(super) media: Vec<MediaRef>,
}

pub(super) fn of(message: &Message) -> Content<'_> {
    let (text, entities) = match &message.text {
        Some(text) => (text.as_str(), message.entities.as_deref()),
        None => (message.caption.as_deref().unwrap_or_default(), message.caption_entities.as_deref()),
    };
    Content { text, entities: entities.unwrap_or_default(), described: described(message), media: media(message) }
}

/// A message in one line, for a quotation.
pub(super) fn summary(message: &Message) -> String {
    let content = of(message);
    let files = content.media.iter().map(|media| match &media.name {
        Some(name) => format!("[{}: {name}]", kind_word(media.kind)),
        None => format!("[{}]", kind_word(media.kind)),
    });
    let text = Some(content.text.to_owned()).filter(|text| !text.is_empty());
    text.into_iter().chain(content.described).chain(files).collect::<Vec<_>>().join("\n")
}

fn kind_word(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "picture",
        MediaKind::Audio => "audio",
        MediaKind::Voice => "voice message",
        MediaKind::Video => "video",
        MediaKind::Sticker => "sticker",
        MediaKind::File => "file",
    }
}

/// The files. A message has one; an animation is told as a document as well, for old clients, and a picture in several sizes.
fn media(message: &Message) -> Vec<MediaRef> {
    let one = |kind: MediaKind, handle: &str, mime: Option<&str>, name: Option<&String>, bytes: Option<u64>| {
        let (mime, name) = (mime.map(str::to_owned), name.cloned());
        Some(MediaRef { kind, handle: handle.to_owned(), mime, name, bytes })
    };
    let found = if let Some(photo) = message.photo.as_deref().and_then(largest) {
        one(MediaKind::Image, &photo.file_id, Some("image/jpeg"), None, photo.file_size)
    } else if let Some(voice) = &message.voice {
        let mime = voice.mime_type.as_deref().unwrap_or("audio/ogg");
        one(MediaKind::Voice, &voice.file_id, Some(mime), None, voice.file_size)
    } else if let Some(audio) = &message.audio {
        let name = audio.file_name.as_ref().or(audio.title.as_ref());
        one(MediaKind::Audio, &audio.file_id, audio.mime_type.as_deref(), name, audio.file_size)
    } else if let Some(note) = &message.video_note {
        one(MediaKind::Video, &note.file_id, Some("video/mp4"), None, note.file_size)
    } else if let Some(video) = &message.video {
        one(MediaKind::Video, &video.file_id, video.mime_type.as_deref(), video.file_name.as_ref(), video.file_size)
    } else if let Some(moving) = &message.animation {
        one(MediaKind::Video, &moving.file_id, moving.mime_type.as_deref(), moving.file_name.as_ref(), moving.file_size)
    } else if let Some(file) = &message.document {
        let mime = file.mime_type.as_deref();
        let kind = match mime.and_then(|mime| mime.split_once('/')) {
            Some(("image", _)) => MediaKind::Image,
            Some(("audio", _)) => MediaKind::Audio,
            Some(("video", _)) => MediaKind::Video,
            _ => MediaKind::File,
        };
        one(kind, &file.file_id, mime, file.file_name.as_ref(), file.file_size)
    } else {
        // Moving stickers are vectors or films; only the still ones are pictures that a model can see.
        let still = message.sticker.as_ref().filter(|sticker| !sticker.is_animated && !sticker.is_video);
        still.and_then(|still| one(MediaKind::Sticker, &still.file_id, Some("image/webp"), None, still.file_size))
    };
    found.into_iter().collect()
}

fn largest(sizes: &[PhotoSize]) -> Option<&PhotoSize> {
    sizes.iter().max_by_key(|size| u64::from(size.width) * u64::from(size.height))
}

fn described(message: &Message) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(sticker) = &message.sticker {
        let emoji = sticker.emoji.as_ref().map(|emoji| format!(" {emoji}")).unwrap_or_default();
        let set = sticker.set_name.as_ref().map(|set| format!(" from the set {set}")).unwrap_or_default();
        lines.push(format!("[sticker{emoji}{set}]"));
    }
    if let Some(venue) = &message.venue {
        let at = &venue.location;
        lines.push(format!("[place: {}, {} ({}, {})]", venue.title, venue.address, at.latitude, at.longitude));
    } else if let Some(location) = &message.location {
        let word = if location.live_period.is_some() { "live location" } else { "location" };
        lines.push(format!("[{word}: {}, {}]", location.latitude, location.longitude));
    }
    if let Some(contact) = &message.contact {
        let last = contact.last_name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        lines.push(format!("[contact: {}{last}, {}]", contact.first_name, contact.phone_number));
    }
    if let Some(poll) = &message.poll {
        let options = poll.options.iter().map(|option| option.text.as_str()).collect::<Vec<_>>().join("; ");
        lines.push(format!("[poll: {} ({options})]", poll.question));
    }
    if let Some(dice) = &message.dice {
        lines.push(format!("[dice {}: {}]", dice.emoji, dice.value));
    }
    lines
}
