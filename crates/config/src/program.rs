//! Runs a program that prints a secret: no shell, few variables, little time, little output.

use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// Why a program gave no text. Says nothing of what it printed.
#[derive(Debug)]
pub(crate) enum ProgramError {
    TimedOut,
    Failed(String),
}

/// What the program prints, at most `max_bytes`. Blocks for `timeout` at most; then the program and its children are killed.
pub(crate) fn output(mut command: Command, timeout: Duration, max_bytes: u64) -> Result<Vec<u8>, ProgramError> {
    let failed = |error: io::Error| ProgramError::Failed(error.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let child = command.spawn().map_err(failed)?;
    let group = Pid::from_child(&child);
    let (answer, answered) = mpsc::sync_channel(1);
    // A thread, because reading a pipe has no timeout. It ends with the program, which the kill below ensures.
    thread::Builder::new().name("secret".into()).spawn(move || answer.send(read(child, max_bytes))).map_err(failed)?;
    let Ok(read) = answered.recv_timeout(timeout) else {
        // Gone already is as good.
        let _ = kill_process_group(group, Signal::KILL);
        return Err(ProgramError::TimedOut);
    };
    read.map_err(ProgramError::Failed)
}

fn read(mut child: Child, max_bytes: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = match child.stdout.take() {
        Some(stdout) => stdout.take(max_bytes + 1).read_to_end(&mut bytes),
        None => Ok(0),
    };
    let too_long = bytes.len() as u64 > max_bytes;
    if too_long || read.is_err() {
        let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    read.map_err(|error| error.to_string())?;
    if too_long {
        return Err(format!("longer than {} KiB", max_bytes / 1024));
    }
    if status.success() { Ok(bytes) } else { Err(format!("the program failed ({status})")) }
}
