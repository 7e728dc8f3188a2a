//! What people read of a question. A model and strangers wrote parts of it: signs that hide are written out, and nothing in it can
//! end the block in which it stands.

use std::fmt::Write as _;

use chela_agent::{ApprovalRequest, Risk, Subject, written_out};
use chela_protocol::methods::approvals::ApprovalDecision;

use super::Waiting;

/// Characters of a command that a chat shows: its begin and its end, since what matters may stand at either.
const SHOWN_HEAD: usize = 1_000;
const SHOWN_TAIL: usize = 400;

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
        Subject::Url(url) => (format!("{tool} {url}"), None),
        Subject::Paths(paths) => (format!("{tool} {}", paths.join(", ")), None),
    };
    (written_out(&text), workdir)
}

/// Why a person is asked, in one line.
pub(super) fn warning(request: &ApprovalRequest) -> String {
    let what = match request.risk {
        Risk::None | Risk::Exec => "It runs a command",
        Risk::Outbound => "It sends something off this machine",
        Risk::Instructions => "It changes files that outlive the conversation, or that others obey",
        Risk::Secret => "It reads what looks like credentials",
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
        cut(&request.command),
        request.warning_text.as_deref().unwrap_or_default(),
        minutes.max(1),
        waiting.id,
        choices.join("|"),
    )
}

fn cut(text: &str) -> String {
    let count = text.chars().count();
    if count <= SHOWN_HEAD + SHOWN_TAIL {
        return text.to_owned();
    }
    let head: String = text.chars().take(SHOWN_HEAD).collect();
    let tail: String = text.chars().skip(count - SHOWN_TAIL).collect();
    let left_out = count - SHOWN_HEAD - SHOWN_TAIL;
    format!("{head}\n[… {left_out} characters are not shown here; `chela approvals list` shows all …]\n{tail}")
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
        let long = "x".repeat(3_000) + "; rm -rf /";
        assert!(cut(&long).ends_with("; rm -rf /") && cut(&long).contains("not shown here"));
    }
}
