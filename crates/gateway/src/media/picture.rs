//! Whether vendors take a picture: one that they can't read, or that is too wide or too high, makes them refuse the whole
//! conversation that it stands in. Reads the head of the file only; nothing is unpacked.

/// Width and height that every vendor takes.
const SIDE_MAX: u32 = 8000;

/// Whether the head of the file is whole and tells a size that is taken.
pub(super) fn can_be_shown(bytes: &[u8]) -> bool {
    size(bytes).is_some_and(|sides| sides.into_iter().all(|side| (1..=SIDE_MAX).contains(&side)))
}

fn size(bytes: &[u8]) -> Option<[u32; 2]> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some([big(bytes, 16, 4)?, big(bytes, 20, 4)?]),
        [b'G', b'I', b'F', b'8', ..] => Some([little(bytes, 6, 2)?, little(bytes, 8, 2)?]),
        [0xff, 0xd8, rest @ ..] => of_jpeg(rest),
        [b'R', b'I', b'F', b'F', ..] => of_webp(bytes),
        _ => None,
    }
}

/// Source: ITU T.81, annex B: segments with a mark and a length, until the one of a frame.
fn of_jpeg(mut rest: &[u8]) -> Option<[u32; 2]> {
    loop {
        match *rest {
            // Marks may be filled up.
            [0xff, 0xff, ..] => rest = &rest[1..],
            [0xff, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf, ..] => {
                return Some([big(rest, 7, 2)?, big(rest, 5, 2)?]);
            }
            [0xff, _, ..] => rest = rest.get(2 + big(rest, 2, 2)? as usize..)?,
            _ => return None,
        }
    }
}

/// Source: RFC 9649, sections 2.5 to 2.7.
fn of_webp(bytes: &[u8]) -> Option<[u32; 2]> {
    match bytes.get(12..16)? {
        b"VP8 " => Some([little(bytes, 26, 2)? & 0x3fff, little(bytes, 28, 2)? & 0x3fff]),
        b"VP8L" => {
            let sides = little(bytes, 21, 4)?;
            Some([(sides & 0x3fff) + 1, (sides >> 14 & 0x3fff) + 1])
        }
        b"VP8X" => Some([little(bytes, 24, 3)? + 1, little(bytes, 27, 3)? + 1]),
        _ => None,
    }
}

fn big(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    Some(bytes.get(at..at + length)?.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
}

fn little(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    Some(bytes.get(at..at + length)?.iter().rfold(0, |value, byte| value << 8 | u32::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let head = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        [head, width.to_be_bytes().to_vec(), height.to_be_bytes().to_vec()].concat()
    }

    #[test]
    fn sizes_are_read_from_the_head() {
        assert_eq!(size(&png(640, 480)), Some([640, 480]));
        assert_eq!(size(b"GIF89a\x02\x01\x04\x00"), Some([258, 4]));
        let jpeg = b"\xff\xd8\xff\xe0\x00\x04xx\xff\xff\xc2\x00\x11\x08\x01\x02\x03\x04";
        assert_eq!(size(jpeg), Some([0x304, 0x102]));
        let webp = |kind: &[u8; 4], rest: &[u8]| [b"RIFF\0\0\0\0WEBP", &kind[..], b"\0\0\0\0", rest].concat();
        assert_eq!(size(&webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a\x10\x40\x20\x00")), Some([16, 32]));
        assert_eq!(size(&webp(b"VP8L", b"\x2f\x0f\xc0\x07\x00")), Some([16, 32]));
        assert_eq!(size(&webp(b"VP8X", b"\0\0\0\0\x0f\0\0\x1f\0\0")), Some([16, 32]));
    }

    #[test]
    fn what_a_vendor_refuses_is_not_shown() {
        assert!(can_be_shown(&png(8000, 1)));
        for bytes in [png(8001, 1), png(1, 60_000), png(0, 1), png(1, 1)[..20].to_vec(), b"\xff\xd8\xff\xe0".to_vec()] {
            assert!(!can_be_shown(&bytes), "{bytes:?}");
        }
        // A segment that leads nowhere, and one that has no length.
        assert!(!can_be_shown(b"\xff\xd8\xff\xe0\xff\xff\0"));
        assert!(!can_be_shown(&[b"\xff\xd8".to_vec(), vec![0xff; 1000]].concat()));
    }
}
