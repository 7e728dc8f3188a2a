//! What must hold for any text that strangers write for the model: entry points for the crate `fuzz`, in no shipped build.

#![allow(clippy::missing_panics_doc, reason = "to panic is how these say that a promise is broken")]

use crate::{skills, untrusted};

/// Any `SKILL.md` is a skill with a name or none, and says the same each time.
pub fn skill(data: &[u8]) {
    skills::check_any(&String::from_utf8_lossy(data));
}

/// Untrusted text stands between exactly one pair of marks, and hides nothing.
pub fn untrusted(data: &[u8]) {
    const ID: &str = "0123456789abcdef";
    let text = String::from_utf8_lossy(data);
    let wrapped = untrusted::wrapped(ID, &text);
    let inner = wrapped.strip_prefix("<<<untrusted 0123456789abcdef>>>\n").expect("it begins with its mark");
    let inner = inner.strip_suffix("\n<<<end untrusted 0123456789abcdef>>>").expect("it ends with its mark");
    let lower = inner.to_lowercase();
    assert!(!lower.contains("<<<untrusted") && !lower.contains("<<<end untrusted"), "{inner}");
    let hides = |sign: char| {
        matches!(sign, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}')
            || (sign.is_control() && !matches!(sign, '\n' | '\t' | '\r'))
    };
    assert!(!inner.contains(hides), "{}", inner.escape_unicode());
}
