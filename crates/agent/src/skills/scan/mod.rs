//! What in a skill could harm whoever uses it: findings by severity, each with its place and its reason (G24).
//!
//! Pure and total: any files give a report, the same one each time. It knows patterns, not intentions: a skill without findings is
//! not proved harmless, which is why what it can do is decided by trust, approvals and the sandbox. A critical finding keeps a skill
//! from being used until an owner accepts exactly these files.

mod content;
mod declared;
mod rules;
#[cfg(test)]
mod tests;
mod text;

use base64::Engine as _;
use base64::engine::general_purpose::GeneralPurposeConfig;
use base64::engine::{DecodePaddingMode, GeneralPurpose};
use regex::bytes::{Regex, RegexBuilder};
use serde::Serialize;

use self::rules::{RULES, Rule};
use self::text::{ScanText, View};
use super::tree::{SkillFile, SkillTree};
use crate::untrusted::written_out;

/// Findings of one rule in one file, and of all together: what is wrong is said by the first few.
const FINDINGS_PER_RULE: usize = 3;
const FINDINGS_MAX: usize = 200;
/// Characters of what is quoted.
const EXCERPT_CHARS: usize = 120;
/// Largest compiled pattern, far above what the table needs.
const PATTERN_BYTES: usize = 4 * 1024 * 1024;
/// Encoded text within encoded text that is looked into.
const DECODE_DEPTH: usize = 2;
/// Encoded pieces of one file that are looked into.
const DECODED_PIECES: usize = 64;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// To be read before the skill is used.
    Warning,
    /// Not used unless an owner accepts it.
    Critical,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub severity: Severity,
    /// A short name, stable across versions.
    pub rule: &'static str,
    pub file: String,
    /// From 1; 0 where it is about the whole file.
    pub line: usize,
    /// The place itself, shortened, with signs that hide written out.
    pub what: String,
    pub why: &'static str,
}

/// What a scan found, worst first, then by file and line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ScanReport {
    /// Of the files that were looked at.
    pub hash: String,
    pub findings: Vec<Finding>,
}

impl ScanReport {
    /// The findings that keep a skill from being used.
    pub fn critical(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Critical)
    }
}

/// The rules, ready to be used. Held as long as skills are scanned and no longer: compiled patterns are large.
pub struct SkillScanner {
    rules: Vec<(&'static Rule, Regex)>,
    encoded: Regex,
    names: Regex,
    base64: GeneralPurpose,
}

impl Default for SkillScanner {
    fn default() -> Self {
        Self::new()
    }
}

impl SkillScanner {
    /// # Panics
    /// When a pattern of the table is wrong, which a test rules out.
    pub fn new() -> Self {
        let compile = |pattern: &str| {
            // By bytes: commands and English words are ASCII, and tables of Unicode would make the patterns ten times as large.
            let built =
                RegexBuilder::new(pattern).unicode(false).case_insensitive(true).size_limit(PATTERN_BYTES).build();
            built.expect("a test compiles every pattern of the table")
        };
        let padding = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        Self {
            rules: RULES.iter().map(|rule| (rule, compile(rule.pattern))).collect(),
            encoded: compile(text::ENCODED),
            names: compile(declared::NAMES),
            base64: GeneralPurpose::new(&base64::alphabet::STANDARD, padding.with_decode_allow_trailing_bits(true)),
        }
    }

    /// Looks at every file.
    pub fn scan(&self, tree: &SkillTree) -> ScanReport {
        let mut findings = Vec::new();
        for file in tree.files() {
            findings.extend(self.file(file));
        }
        findings.extend(declared::undeclared(tree, &self.names));
        findings.extend(declared::install_steps(tree));
        findings.sort_by(|one, other| {
            (other.severity, &one.file, one.line, one.rule).cmp(&(one.severity, &other.file, other.line, other.rule))
        });
        findings.truncate(FINDINGS_MAX);
        ScanReport { hash: tree.hash(), findings }
    }

    fn file(&self, file: &SkillFile) -> Vec<Finding> {
        let mut findings = content::judge(file);
        let Some(whole) = content::text_of(file) else { return findings };
        findings.extend(text::hidden(&file.path, &whole));
        let text = ScanText::new(&whole);
        self.text(file, &text, DECODE_DEPTH, &mut findings);
        findings
    }

    /// The rules over a text, and over what is encoded in it.
    fn text(&self, file: &SkillFile, text: &ScanText, depth: usize, findings: &mut Vec<Finding>) {
        for (rule, pattern) in &self.rules {
            if rule.only_code && !content::is_code(file) {
                continue;
            }
            for found in pattern.find_iter(text.view(rule.view).as_bytes()).take(FINDINGS_PER_RULE) {
                findings.push(Finding {
                    severity: rule.severity,
                    rule: rule.name,
                    file: file.path.clone(),
                    line: text.line(found.start()),
                    what: excerpt(&String::from_utf8_lossy(found.as_bytes())),
                    why: rule.why,
                });
            }
        }
        if depth == 0 {
            return;
        }
        for found in self.encoded.find_iter(text.view(View::Lines).as_bytes()).take(DECODED_PIECES) {
            let Some(decoded) = self.decoded(found.as_bytes()) else { continue };
            let mut inner = Vec::new();
            self.text(file, &ScanText::new(&decoded), depth - 1, &mut inner);
            let line = text.line(found.start());
            findings.extend(inner.into_iter().map(|finding| Finding {
                line,
                what: excerpt(&format!("encoded: {}", finding.what)),
                // What hides what it does has a reason to.
                severity: finding.severity.max(Severity::Warning),
                ..finding
            }));
        }
    }

    /// The text that a piece of base64 or hex stands for.
    fn decoded(&self, piece: &[u8]) -> Option<String> {
        let piece = std::str::from_utf8(piece).ok()?;
        let bytes = match unhex(piece) {
            Some(bytes) => bytes,
            None => self.base64.decode(piece.trim_end_matches('=')).ok()?,
        };
        let text = String::from_utf8(bytes).ok()?;
        text.chars().all(|sign| !sign.is_control() || matches!(sign, '\n' | '\t' | '\r')).then_some(text)
    }
}

fn unhex(piece: &str) -> Option<Vec<u8>> {
    if !piece.len().is_multiple_of(2) || !piece.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    (0..piece.len()).step_by(2).map(|at| u8::from_str_radix(&piece[at..at + 2], 16).ok()).collect()
}

/// What people are shown of a place.
fn excerpt(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = written_out(&text);
    if shown.chars().count() <= EXCERPT_CHARS {
        return shown;
    }
    shown.chars().take(EXCERPT_CHARS - 1).chain(['…']).collect()
}
