//! What people read of a question. A model and strangers wrote parts of it: signs that hide are written out, and nothing in it can
//! end the block in which it stands.

use std::fmt::Write as _;

use chela_agent::{ApprovalRequest, Risk, Subject, written_out};
use chela_protocol::methods::approvals::ApprovalDecision;
use url::Url;

use super::Waiting;

/// Characters of a question. Nobody reads more with care, and what nobody has read nobody can allow.
const READ_CHARS: usize = 8_000;
/// Line breaks and blanks in a row that are shown as they are: more than code has.
const GAP_BREAKS: usize = 4;
const GAP_BLANKS: usize = 60;

/// The label of a button.
pub(super) fn button(decision: ApprovalDecision) -> &'static str {
    match decision {
        ApprovalDecision::AllowOnce => "Allow once",
        ApprovalDecision::AllowAlways => "Allow always",
        ApprovalDecision::Deny => "Deny",
    }
}

/// What would be done, and where.
pub(super) fn subject(tool: &str, subject: &Subject) -> (String, Option<String>) {
    let (text, workdir) = match subject {
        Subject::Nothing => (tool.to_owned(), None),
        Subject::Command { command, workdir, variables, .. } => {
            let mut text = String::new();
            for (name, value) in variables {
                let _ = write!(text, "{name}={value:?} ");
            }
            text.push_str(command);
            (text, Some(written_out(&workdir.display().to_string())))
        }
        Subject::Typing { session, text } => (format!("type into {session}: {text}"), None),
        Subject::Url(url) => (format!("{tool} {}", address(url)), None),
        Subject::Paths(paths) => (format!("{tool} {}", paths.join(", ")), None),
        Subject::Change { paths, text } => (format!("{tool} {}\n{text}", paths.join(", ")), None),
    };
    (laid_open(&text), workdir)
}

/// A text in which nothing hides: signs that show nothing are written out, and long gaps counted.
pub(crate) fn laid_open(text: &str) -> String {
    without_gaps(&written_out(text))
}

/// Whether a question is too long for a person to read all of it, so that anything could hide in it.
pub(crate) fn is_unreadable(command: &str) -> bool {
    command.chars().count() > READ_CHARS
}

/// An address, and in plain letters the one that is really called if that is another one: its host may look like something else.
fn address(url: &str) -> String {
    match Url::parse(url) {
        Ok(real) if real.as_str().trim_end_matches('/') == url.trim_end_matches('/') && real.username().is_empty() => {
            url.to_owned()
        }
        Ok(real) => format!("{url}\n(this calls {}: {real})", real.host_str().unwrap_or_default()),
        Err(_) => url.to_owned(),
    }
}

/// The text with long gaps counted instead of shown: behind one, nobody looks.
fn without_gaps(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(char::is_whitespace) {
        shown.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|sign: char| !sign.is_whitespace()).unwrap_or(rest.len());
        let (gap, behind) = rest.split_at(end);
        let breaks = gap.matches('\n').count();
        let blanks = gap.chars().count();
        if breaks > GAP_BREAKS {
            let _ = write!(shown, " [{breaks} line breaks] ");
        } else if blanks > GAP_BLANKS {
            let _ = write!(shown, " [{blanks} blanks] ");
        } else {
            shown.push_str(gap);
        }
        rest = behind;
    }
    shown.push_str(rest);
    shown
}

/// Why a person is asked, in one line.
pub(super) fn warning(request: &ApprovalRequest) -> String {
    let what = match request.risk {
        Risk::None | Risk::Exec => "It runs a command",
        Risk::Outbound => "It sends something off this machine",
        Risk::Instructions => "It changes files that outlive the conversation, or that others obey",
        Risk::Secret => "It reads what looks like credentials",
        Risk::Private => "It reads the assistant's memory, where others can hear the answer",
    };
    let why = request.reason.as_deref().map_or_else(|| "every such call is asked about".to_owned(), one_line);
    format!("{what}; {why}.")
}

/// The question as a chat shows it.
pub(super) fn question(waiting: &Waiting) -> String {
    let request = &waiting.request;
    let fence = fence_for(&request.command);
    let minutes = (waiting.expires_at_ms - waiting.created_at_ms) / 60_000;
    let cwd = request.cwd.as_deref().map_or_else(String::new, |cwd| format!("\nin {}", code(cwd)));
    let choices: Vec<&str> = request.allowed_decisions.iter().map(|decision| decision.as_str()).collect();
    format!(
        "**Approval needed**\n{fence}\n{}\n{fence}{cwd}\n{}\n\nAn owner decides within {} min: `/approve {} {}`",
        request.command,
        request.warning_text.as_deref().unwrap_or_default(),
        minutes.max(1),
        waiting.id,
        choices.join("|"),
    )
}

/// Longer than any run of backticks in the text.
fn fence_for(text: &str) -> String {
    let longest = text.split(|sign| sign != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'"))
}

fn one_line(text: &str) -> String {
    let signs = written_out(text).replace(['`', '*', '_', '[', ']', '<', '>', '\n', '\r'], " ");
    signs.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g26_a_command_cannot_break_out_of_its_block_or_hide() {
        assert_eq!(fence_for("a ```` b"), "`````");
        let command = Subject::Command {
            command: "echo \u{202e}x\u{200b}".into(),
            workdir: "/w".into(),
            variables: vec![("A".into(), "b\nc".into())],
            path: String::new(),
        };
        let (text, cwd) = subject("exec", &command);
        assert_eq!((text.as_str(), cwd.as_deref()), ("A=\"b\\nc\" echo \\u{202e}x\\u{200b}", Some("/w")));
        assert!(is_unreadable(&"x".repeat(8_001)) && !is_unreadable(&"x".repeat(8_000)));
    }

    #[test]
    fn g26_nothing_hides_behind_a_gap_or_in_an_address() {
        assert_eq!(without_gaps("a b\n\n    c"), "a b\n\n    c");
        assert_eq!(without_gaps(&format!("ls{}; rm x", " ".repeat(90))), "ls [90 blanks] ; rm x");
        assert_eq!(without_gaps(&format!("ls{}rm x", "\n ".repeat(9))), "ls [9 line breaks] rm x");
        assert_eq!(address("https://example.org/a?b"), "https://example.org/a?b");
        assert!(address("https://gооgle.com/").contains("(this calls xn--"));
        assert!(address("https://google.com@evil.example/").contains("(this calls evil.example:"));
    }
}
