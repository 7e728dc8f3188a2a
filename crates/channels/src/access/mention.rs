//! The names by which people call us in a text (`mentionPatterns`): compiled once, asked for each message.

use regex::{Regex, RegexBuilder};

/// Patterns of one agent. More than anybody writes by hand; the rest is reported.
const PATTERNS_MAX: usize = 64;

/// Bytes of one compiled pattern: plenty for names, too little for a pattern that was built to eat memory.
const PATTERN_BYTES_MAX: usize = 256 * 1024;

/// Compiled patterns. The default is never called.
#[derive(Debug, Clone, Default)]
pub struct MentionPatterns(Vec<Regex>);

/// A pattern that can't be used; it matches nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("mentionPatterns[{index}] can't be used: {reason}")]
pub struct BadPattern {
    pub index: usize,
    /// For people, on one line.
    pub reason: String,
}

impl MentionPatterns {
    /// Compiles regular expressions, all without regard to case. Without any (`None`), the agent's name as a word of its own, with
    /// or without `@`, is the pattern; an empty list is meant and matches nothing.
    pub fn compile(patterns: Option<&[String]>, agent_name: Option<&str>) -> (Self, Vec<BadPattern>) {
        let Some(patterns) = patterns else {
            return (Self(agent_name.and_then(name_pattern).into_iter().collect()), Vec::new());
        };
        let mut compiled = Vec::new();
        let mut bad = Vec::new();
        for (index, pattern) in patterns.iter().enumerate() {
            match compile_one(pattern, index) {
                Ok(regex) => compiled.push(regex),
                Err(reason) => bad.push(BadPattern { index, reason }),
            }
        }
        (Self(compiled), bad)
    }

    /// Whether the text calls us.
    pub fn called_by_name(&self, text: &str) -> bool {
        !self.0.is_empty() && {
            let visible = without_invisible(text);
            self.0.iter().any(|pattern| pattern.is_match(&visible))
        }
    }
}

fn compile_one(pattern: &str, index: usize) -> Result<Regex, String> {
    if index >= PATTERNS_MAX {
        return Err(format!("only {PATTERNS_MAX} patterns are read"));
    }
    // An empty pattern would match every text.
    if pattern.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    build(pattern).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => format!("it needs more than {PATTERN_BYTES_MAX} bytes when compiled"),
        // The error's last line says what is wrong; those before it draw the pattern.
        other => other.to_string().lines().last().unwrap_or_default().trim().to_owned(),
    })
}

fn build(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&without_invisible(pattern)).case_insensitive(true).size_limit(PATTERN_BYTES_MAX).build()
}

/// The name where no letter or digit touches it: `\b` would not do for names that begin or end with another sign.
fn name_pattern(name: &str) -> Option<Regex> {
    let words: Vec<String> = name.split_whitespace().map(regex::escape).collect();
    if words.is_empty() {
        return None;
    }
    build(&format!(r"(?:^|[^\w@])@?{}(?:$|\W)", words.join(r"\s+"))).ok()
}

/// Takes out signs of no width, which some keyboards put into names. Patterns lose them as well, so that both still match.
fn without_invisible(text: &str) -> String {
    text.chars().filter(|sign| !matches!(sign, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')).collect()
}
