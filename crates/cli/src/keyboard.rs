//! Asks the person at the keyboard: for a secret, without showing it, and for a yes.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::failure::Failure;

/// Most that is read: a key file of a few KB is the largest secret there is.
const SECRET_MAX_BYTES: u64 = 64 * 1024;

/// One line from the keyboard, unseen; or all that a pipe gives, without its last line end.
pub(crate) fn secret(what: &str) -> Result<String, Failure> {
    let stdin = io::stdin();
    let mut text = String::new();
    let read = if stdin.is_terminal() {
        let _ = write!(io::stderr(), "{what}: ");
        let _quiet = Quiet::begin();
        let read = stdin.lock().take(SECRET_MAX_BYTES).read_line(&mut text);
        let _ = writeln!(io::stderr());
        read
    } else {
        stdin.lock().take(SECRET_MAX_BYTES).read_to_string(&mut text)
    };
    read.map_err(|error| Failure::file("read standard input", &error))?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err(Failure::usage(format!("no value for {what} came from standard input")));
    }
    Ok(text.to_owned())
}

/// Whether the person at the keyboard says yes; anything else is no.
pub(crate) fn yes(question: &str) -> Result<bool, Failure> {
    let _ = write!(io::stderr(), "{question} ");
    let mut text = String::new();
    let read = io::stdin().lock().take(SECRET_MAX_BYTES).read_line(&mut text);
    read.map_err(|error| Failure::file("read standard input", &error))?;
    Ok(matches!(text.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// The terminal without echo, until this is dropped.
struct Quiet {
    before: rustix::termios::Termios,
}

impl Quiet {
    /// `None` where the terminal can't do that; the line is then seen, as with any other prompt.
    fn begin() -> Option<Self> {
        let before = tcgetattr(io::stdin()).ok()?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Now, &quiet).ok()?;
        Some(Self { before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // Nothing can be done when the terminal is gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}
