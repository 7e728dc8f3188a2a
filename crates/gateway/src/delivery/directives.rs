//! What an answer says to its delivery between the lines: files to send, the message to quote. Pure.
//!
//! The marks are the reference system's: a line `MEDIA: <path>`, and the tags `[[reply_to_current]]`, `[[reply_to:<id>]]` and
//! `[[audio_as_voice]]`. Inside a code block they are text like any other.

use chela_channels::MessageId;

/// An answer without its marks, and what they asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Directives {
    pub text: String,
    /// As written, in their order; at most [`FILES_MAX`].
    pub files: Vec<String>,
    pub quote: Option<Quote>,
    /// Sound files are sent as voice messages.
    pub as_voice: bool,
}

/// The message that an answer asks to quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Quote {
    /// The one that is answered.
    Current,
    Message(MessageId),
}

/// Files of one answer; what stands behind them stays in the text.
const FILES_MAX: usize = 10;

const FILE_MARK: &str = "MEDIA:";

impl Directives {
    pub(super) fn read(answer: &str) -> Self {
        let mut found = Self::default();
        let mut fence: Option<&str> = None;
        let mut kept = Vec::new();
        for line in answer.lines() {
            let mark = fence_of(line);
            match (fence, mark) {
                (None, Some(opened)) => fence = Some(opened),
                (Some(opened), Some(closing)) if closing.starts_with(opened) => fence = None,
                _ => {}
            }
            if fence.is_some() || mark.is_some() {
                kept.push(line.to_owned());
                continue;
            }
            match file_of(line).filter(|_| found.files.len() < FILES_MAX) {
                Some(path) => found.files.push(path.to_owned()),
                None => kept.extend(found.without_tags(line)),
            }
        }
        kept.join("\n").trim().clone_into(&mut found.text);
        found
    }

    /// The line without its tags; `None` when it had nothing else.
    fn without_tags(&mut self, line: &str) -> Option<String> {
        let mut rest = line;
        let mut kept = String::new();
        let mut found_any = false;
        while let Some((before, tag, after)) = next_tag(rest) {
            kept.push_str(before);
            if self.take(tag) {
                found_any = true;
            } else {
                kept.extend(["[[", tag, "]]"]);
            }
            rest = after;
        }
        kept.push_str(rest);
        if !found_any {
            return Some(kept);
        }
        let kept = kept.trim();
        (!kept.is_empty()).then(|| kept.to_owned())
    }

    /// Whether it is a tag of ours.
    fn take(&mut self, tag: &str) -> bool {
        let tag = tag.trim();
        if tag == "reply_to_current" {
            self.quote = Some(Quote::Current);
        } else if let Some(id) = tag.strip_prefix("reply_to:") {
            self.quote = Some(Quote::Message(MessageId(id.trim().to_owned())));
        } else if tag == "audio_as_voice" {
            self.as_voice = true;
        } else {
            return false;
        }
        true
    }
}

/// The marks that open or close a code block on this line.
fn fence_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let end = line.find(|other| other != mark).unwrap_or(line.len());
    (end >= 3).then(|| &line[..end])
}

/// The path of a line that names a file. A web address is no file of ours.
fn file_of(line: &str) -> Option<&str> {
    let path = line.trim().strip_prefix(FILE_MARK)?.trim();
    let path = path.trim_matches(|quote| matches!(quote, '`' | '"' | '\'')).trim();
    let path = path.strip_prefix("file://").unwrap_or(path);
    (!path.is_empty() && !path.contains("://")).then_some(path)
}

fn next_tag(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("[[")?;
    let (tag, after) = rest.split_once("]]")?;
    Some((before, tag, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &str, text: &str, files: &[&str]) -> Directives {
        let found = Directives::read(answer);
        assert_eq!((found.text.as_str(), found.files.as_slice()), (text, files.map_strings().as_slice()), "{answer}");
        found
    }

    trait Strings {
        fn map_strings(&self) -> Vec<String>;
    }

    impl Strings for [&str] {
        fn map_strings(&self) -> Vec<String> {
            self.iter().map(|text| (*text).to_owned()).collect()
        }
    }

    #[test]
    fn files_are_taken_out_of_the_text() {
        check("Here:\nMEDIA: a b.png\nMEDIA:`out/c.pdf`\nDone.", "Here:\nDone.", &["a b.png", "out/c.pdf"]);
        check("MEDIA: file:///w/a.png", "", &["/w/a.png"]);
        check("MEDIA: https://example.org/a.png", "MEDIA: https://example.org/a.png", &[]);
        check("```\nMEDIA: a.png\n```\nsee MEDIA: b", "```\nMEDIA: a.png\n```\nsee MEDIA: b", &[]);
        check("````\n```\nMEDIA: a.png\n````\nMEDIA: b", "````\n```\nMEDIA: a.png\n````", &["b"]);
    }

    #[test]
    fn tags_are_taken_out_of_the_text() {
        assert_eq!(check("[[reply_to_current]] Yes.", "Yes.", &[]).quote, Some(Quote::Current));
        let other = check("[[ reply_to: 12 ]]\nYes.", "Yes.", &[]);
        assert_eq!(other.quote, Some(Quote::Message(MessageId("12".into()))));
        assert!(check("[[audio_as_voice]]\nMEDIA: a.ogg", "", &["a.ogg"]).as_voice);
        assert_eq!(check("a [[wiki link]] b [[", "a [[wiki link]] b [[", &[]).quote, None);
        assert_eq!(check("`x`\n\n  indented", "`x`\n\n  indented", &[]).quote, None);
    }
}
