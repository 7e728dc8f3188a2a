//! What must hold for any text that strangers write for the model: entry points for the crate `fuzz`, in no shipped build.

#![allow(clippy::missing_panics_doc, reason = "to panic is how these say that a promise is broken")]

use crate::{skills, untrusted};

/// Any `SKILL.md` is a skill with a name or none, and says the same each time.
pub fn skill(data: &[u8]) {
    skills::check_any(&String::from_utf8_lossy(data));
}

/// Any bytes are an archive of a skill or none; what is one keeps to its bounds and comes back as it was when it is packed again.
pub fn skill_archives(data: &[u8]) {
    let Ok(tree) = crate::unpack_skill(data) else { return };
    for file in tree.files() {
        let leads_out = file.path.starts_with('/') || file.path.split('/').any(|name| matches!(name, "" | "." | ".."));
        assert!(!leads_out && !file.path.contains(['\\', '\0']), "{:?}", file.path);
    }
    assert!(tree.files().iter().any(|file| file.path == "SKILL.md"));
    let again = crate::unpack_skill(&crate::pack_skill(&tree)).expect("what was packed here can be read");
    assert_eq!(again, tree);
}

/// Any text can be scanned, with the same findings each time, at lines that it has.
pub fn skill_scans(data: &[u8]) {
    static SCANNER: std::sync::LazyLock<crate::SkillScanner> = std::sync::LazyLock::new(crate::SkillScanner::new);
    let file = crate::SkillFile { path: "SKILL.md".to_owned(), bytes: data.to_owned() };
    let Ok(tree) = crate::SkillTree::new(vec![file]) else { return };
    let report = SCANNER.scan(&tree);
    let lines = String::from_utf8_lossy(data).matches('\n').count() + 1;
    for finding in &report.findings {
        assert!(finding.line <= lines, "{finding:?} of {lines}");
        assert!(!finding.what.contains(['\u{202e}', '\u{200b}', '\u{1b}']), "{finding:?}");
    }
    assert_eq!(report, SCANNER.scan(&tree));
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
