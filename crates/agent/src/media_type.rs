//! The kinds of files that models look at themselves, told by their first bytes and never by their name. Pure.

/// The media type that the beginning of a file proves: a picture or a PDF. `None` for everything else. Vendors refuse the whole
/// conversation for a file that is not what it is called, so nothing but this may call one so.
pub fn proved_media_type(head: &[u8]) -> Option<&'static str> {
    match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some("application/pdf"),
        _ => None,
    }
}

/// Whether a type is one of these.
pub(crate) fn is_shown(mime: &str) -> bool {
    matches!(mime, "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "application/pdf")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_is_told_by_its_bytes() {
        for (head, mime) in [
            (&b"\x89PNG\r\n\x1a\n..."[..], Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"GIF89a", Some("image/gif")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"%PDF-1.7", Some("application/pdf")),
            (b"\x89PNG\n\x1a\n", None),
            (b"RIFF\0\0\0\0WAVE", None),
            (b"#!/bin/sh", None),
        ] {
            assert_eq!(proved_media_type(head), mime);
            assert!(mime.is_none_or(is_shown));
        }
    }
}
