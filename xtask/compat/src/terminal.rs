//! The stock TUI in a pseudo-terminal: it connects, shows what was said before, sends, and stops a turn.

use std::time::Duration;

use anyhow::{Result, anyhow};
use pty_process::{OwnedReadPty, OwnedWritePty};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep, timeout_at};

use crate::clients::Program;
use crate::house::{ECHO, ENDLESS, House, TOKEN};
use crate::report::Report;

const ROWS: u16 = 40;
const COLUMNS: u16 = 120;

/// The stock programs take seconds to start on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Between two keys: what comes at once is taken for something pasted.
const KEY_PAUSE: Duration = Duration::from_millis(30);

/// Until a screen that was drawn takes keys.
const SETTLE: Duration = Duration::from_secs(2);

const ESCAPE: u8 = 0x1b;

/// What programs ask their terminal, and what one of the xterm family answers.
const QUESTIONS: &[(&[u8], &[u8])] =
    &[(b"\x1b[6n", b"\x1b[1;1R"), (b"\x1b[c", b"\x1b[?62;c"), (b"\x1b[?u", b"\x1b[?0u")];

/// Runs the TUI against the house.
pub(crate) async fn run(program: &Program, house: &House, report: &mut Report) -> Result<()> {
    let home = house.home();
    program.settle(&home, &house.websocket(), TOKEN)?;
    let steps = Steps { title: program.client.title(), report };
    steps.walk(Terminal::open(program, house)?).await
}

struct Steps<'a> {
    title: &'a str,
    report: &'a mut Report,
}

impl Steps<'_> {
    async fn walk(mut self, mut terminal: Terminal) -> Result<()> {
        if !self.sees(&mut terminal, "tui connects", "connected").await {
            return Ok(());
        }
        sleep(SETTLE).await;
        terminal.say("from-the-terminal").await?;
        self.sees(&mut terminal, "tui sends and shows the answer", &format!("{ECHO}from-the-terminal")).await;
        sleep(SETTLE).await;
        terminal.say(&format!("go-on {ENDLESS}")).await?;
        self.sees(&mut terminal, "tui shows an answer that streams", &format!("{ECHO}go-on")).await;
        sleep(SETTLE).await;
        terminal.press(&[ESCAPE]).await?;
        self.sees(&mut terminal, "tui stops a turn", "aborted").await;
        sleep(SETTLE).await;
        terminal.say("still-there").await?;
        self.sees(&mut terminal, "tui goes on after a stop", &format!("{ECHO}still-there")).await;
        Ok(())
    }

    async fn sees(&mut self, terminal: &mut Terminal, what: &str, text: &str) -> bool {
        let is_seen = terminal.shows(text).await;
        let fault = format!("`{text}` does not come; the last of the screen:\n{}", terminal.end());
        self.report.add(self.title, what, (!is_seen).then_some(&fault));
        is_seen
    }
}

/// A program in a terminal of its own; killed when dropped.
struct Terminal {
    _child: tokio::process::Child,
    output: OwnedReadPty,
    keys: OwnedWritePty,
    /// What it drew since it was looked at last, without the marks for colours and places.
    drawn: String,
}

impl Terminal {
    fn open(program: &Program, house: &House) -> Result<Self> {
        let failed = |error: pty_process::Error| anyhow!("no pseudo-terminal: {error}");
        let (terminal, end) = pty_process::open().map_err(failed)?;
        terminal.resize(pty_process::Size::new(ROWS, COLUMNS)).map_err(failed)?;
        let home = house.home();
        let child = pty_process::Command::new(&program.node)
            .arg(&program.entry)
            .args(["tui", "--url", &house.websocket(), "--token", TOKEN])
            .env_clear()
            .envs(Program::environment(&home))
            .env("TERM", "xterm-256color")
            .current_dir(&home)
            .kill_on_drop(true)
            .spawn(end)
            .map_err(failed)?;
        let (output, keys) = terminal.into_split();
        Ok(Self { _child: child, output, keys, drawn: String::new() })
    }

    /// Types a line as a person does, and ends it.
    async fn say(&mut self, line: &str) -> Result<()> {
        self.drawn.clear();
        for key in line.bytes() {
            self.press(&[key]).await?;
            sleep(KEY_PAUSE).await;
        }
        sleep(SETTLE).await;
        self.press(b"\r").await
    }

    async fn press(&mut self, keys: &[u8]) -> Result<()> {
        Ok(self.keys.write_all(keys).await?)
    }

    /// Waits until it draws this.
    async fn shows(&mut self, text: &str) -> bool {
        let deadline = Instant::now() + PATIENCE;
        let mut buffer = vec![0; 64 * 1024];
        while !self.drawn.contains(text) {
            let Ok(Ok(read)) = timeout_at(deadline, self.output.read(&mut buffer)).await else { return false };
            let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else { return false };
            for (question, answer) in QUESTIONS {
                if piece.windows(question.len()).any(|window| window == *question) {
                    let _ = self.keys.write_all(answer).await;
                }
            }
            self.drawn.push_str(&plain(&String::from_utf8_lossy(piece)));
        }
        true
    }

    fn end(&self) -> String {
        let lines: Vec<&str> = self.drawn.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

/// Text without escape sequences. One that moves the cursor ends a line; one of colours leaves no trace.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = match after.chars().next() {
            Some('[') => {
                let length = after[1..].find(|c: char| ('@'..='~').contains(&c)).map_or(after.len(), |at| at + 2);
                if !after[..length].ends_with('m') {
                    plain.push('\n');
                }
                &after[length..]
            }
            // A title or a link ends with a bell or the next escape.
            Some(']' | '_' | 'P') => &after[after.find(['\u{7}', '\u{1b}']).unwrap_or(after.len())..],
            Some(other) => &after[other.len_utf8()..],
            None => after,
        };
    }
    plain.push_str(rest);
    plain.replace('\u{7}', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_through_their_colours() {
        assert_eq!(plain("\u{1b}[1mYou said:\u{1b}[0m hi\u{1b}[2Kthere"), "You said: hi\nthere");
        assert_eq!(plain("\u{1b}]0;a title\u{7}connected\u{1b}]8;;x\u{1b}\\ | idle"), "connected | idle");
        assert_eq!(plain("cut off\u{1b}[38;5"), "cut off\n");
    }
}
