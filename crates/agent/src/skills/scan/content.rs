//! What kind of file it is: text, code, a picture, a program, an archive.

use std::borrow::Cow;

use super::{Finding, Severity};
use crate::skills::tree::SkillFile;

/// Bytes at the start that are looked at for what no text has.
const SNIFFED: usize = 8_192;
/// Characters of a line that nobody reads.
const LONG_LINE: usize = 5_000;

/// First bytes of what the system runs by itself.
const PROGRAMS: &[&[u8]] = &[
    b"\x7fELF",
    b"MZ",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\0asm",
    b"dex\n",
];
/// First bytes of what holds files that are not looked at.
const ARCHIVES: &[&[u8]] = &[
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\0",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!",
    b"\x28\xb5\x2f\xfd",
    b"xar!",
    b"!<arch>\n",
    b"koly",
];
/// First bytes of pictures, sounds, documents and fonts.
const MEDIA: &[&[u8]] = &[
    b"\x89PNG\r\n",
    b"\xff\xd8\xff",
    b"GIF8",
    b"RIFF",
    b"%PDF",
    b"OggS",
    b"ID3",
    b"wOF2",
    b"wOFF",
    b"\0\x01\0\0",
    b"OTTO",
    b"\0\0\x01\0",
];
/// Ends of names of files that are run.
const CODE: &[&str] = &[
    ".sh",
    ".bash",
    ".zsh",
    ".fish",
    ".py",
    ".js",
    ".mjs",
    ".cjs",
    ".ts",
    ".mts",
    ".tsx",
    ".jsx",
    ".rb",
    ".pl",
    ".php",
    ".lua",
    ".ps1",
    ".bat",
    ".cmd",
    ".applescript",
    ".scpt",
    ".go",
    ".rs",
    ".swift",
    ".command",
];

/// What the kind of a file says about it.
pub(super) fn judge(file: &SkillFile) -> Vec<Finding> {
    let finding = |severity, rule, what: &str, why| {
        vec![Finding { severity, rule, file: file.path.clone(), line: 0, what: what.to_owned(), why }]
    };
    let begins = |kinds: &[&[u8]]| kinds.iter().any(|kind| file.bytes.starts_with(kind));
    if begins(PROGRAMS) && text_of(file).is_none() {
        return finding(Severity::Critical, "program", "a compiled program", "nobody can read what it does");
    }
    if begins(ARCHIVES) {
        return finding(Severity::Warning, "archive", "an archive", "what is packed in it is not looked at");
    }
    let Some(text) = text_of(file) else {
        let known = begins(MEDIA) || file.bytes.get(4..8) == Some(b"ftyp");
        return if known {
            Vec::new()
        } else {
            finding(Severity::Warning, "binary", "data of an unknown kind", "nobody can read what is in it")
        };
    };
    if is_code(file) && text.lines().any(|line| line.len() > LONG_LINE) {
        return finding(
            Severity::Warning,
            "unreadable",
            "lines of code too long to be read",
            "code that can't be read can't be judged",
        );
    }
    Vec::new()
}

/// The file as text, if that is what it is.
pub(super) fn text_of(file: &SkillFile) -> Option<Cow<'_, str>> {
    let head = &file.bytes[..file.bytes.len().min(SNIFFED)];
    // Text of other encodings has zeros; the rules would not see it.
    if head.contains(&0) {
        return None;
    }
    let text = String::from_utf8_lossy(&file.bytes);
    let broken = text.chars().filter(|sign| *sign == '\u{fffd}').count();
    (broken * 10 <= text.len()).then_some(text)
}

/// Whether it is run, not read.
pub(super) fn is_code(file: &SkillFile) -> bool {
    let name = file.path.to_lowercase();
    file.bytes.starts_with(b"#!") || CODE.iter().any(|end| name.ends_with(end))
}
