//! A text as the rules see it: without the signs that hide, as lines and as one flow.

use super::{Finding, Severity, excerpt};
use crate::untrusted::hidden_signs;

/// Pieces that may be base64 or hex; long ones are as good as any for hiding something.
pub(super) const ENCODED: &str = r"[A-Za-z0-9+/]{24,}={0,2}";
/// Hidden signs that are a message more likely than a slip of an editor.
const MANY_HIDDEN: usize = 16;

/// Which form of a text a pattern is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// Line by line, where a line that ends with a backslash goes on: for commands.
    Lines,
    /// Lines as one: for sentences, which are wrapped anywhere.
    Flow,
}

/// Both views have the same length, so that a place in one is a place in the other.
pub(super) struct ScanText {
    plain: String,
    lines: String,
    flow: String,
}

impl ScanText {
    pub(super) fn new(whole: &str) -> Self {
        let hidden: Vec<usize> = hidden_signs(whole).map(|(at, _)| at).collect();
        let mut next = hidden.iter().copied().peekable();
        let mut plain = String::with_capacity(whole.len());
        for (at, sign) in whole.char_indices() {
            if next.next_if_eq(&at).is_none() {
                plain.push(sign);
            }
        }
        let plain = plain.replace("\r\n", "\n");
        let (lines, flow) = (plain.replace("\\\n", "  "), plain.replace('\n', " "));
        Self { plain, lines, flow }
    }

    pub(super) fn view(&self, view: View) -> &str {
        match view {
            View::Lines => &self.lines,
            View::Flow => &self.flow,
        }
    }

    /// The number of the line that holds a place, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.plain.as_bytes()[..at].split(|byte| *byte == b'\n').count()
    }
}

/// Signs that people don't see and models read.
pub(super) fn hidden(path: &str, whole: &str) -> Vec<Finding> {
    let signs: Vec<(usize, char)> =
        hidden_signs(whole).filter(|(at, sign)| !(*at == 0 && *sign == '\u{feff}')).collect();
    let Some((first, _)) = signs.first() else { return Vec::new() };
    let reorders = |sign: char| matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_tag = |sign: char| matches!(sign, '\u{e0000}'..='\u{e0fff}');
    let (severity, why) = if signs.iter().any(|(_, sign)| is_tag(*sign)) {
        (Severity::Critical, "tag characters are text that models read and people can't see")
    } else if signs.iter().any(|(_, sign)| reorders(*sign)) {
        (Severity::Critical, "these signs show text in another order than it has")
    } else if signs.len() >= MANY_HIDDEN {
        (Severity::Critical, "so many signs that show nothing can spell out a hidden message")
    } else {
        (Severity::Warning, "signs that show nothing split words that a search would find")
    };
    let at = signs.iter().find(|(_, sign)| is_tag(*sign) || reorders(*sign)).map_or(*first, |(at, _)| *at);
    let line = whole[..at].matches('\n').count() + 1;
    let shown = whole.lines().nth(line - 1).unwrap_or_default();
    let what = excerpt(&format!("{} hidden: {shown}", signs.len()));
    vec![Finding { severity, rule: "hidden-signs", file: path.to_owned(), line, what, why }]
}
