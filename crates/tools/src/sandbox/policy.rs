//! What one command may do, as it is told to the launcher, and how it crosses the pipe.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::config::{Limits, Network};

/// Bytes of a frame: a pipe takes 64 KB at once, so that writing never waits for the launcher.
const FRAME_LIMIT: usize = 60_000;

/// What the launcher is asked to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Try every layer and say on standard output which ones work here, as a [`Probe`] in JSON.
    Probe,
    Run(Policy),
}

/// The whole policy of one command. A layer that it names and that can't be had means that the command doesn't run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Policy {
    pub(crate) layers: Layers,
    /// Outer ones first; a path inside another one is an exception of it.
    pub(crate) places: Vec<Place>,
    pub(crate) workdir: PathBuf,
    pub(crate) network: Network,
    pub(crate) limits: Limits,
    pub(crate) input: Stdin,
    /// Process that must not be signalled; the kernel is asked by number where nothing better holds.
    pub(crate) gateway: u32,
}

/// A path and what the command may do with what is beneath it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    pub(crate) reach: Reach,
}

/// What a command may do with a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reach {
    Read,
    Write,
    /// Another folder stands here, and may be changed.
    Instead(PathBuf),
    /// Not there, though what it lies in is.
    Closed,
    /// A link that is made anew in a view of the files.
    Link(PathBuf),
}

/// What stands behind the command's standard input once the policy is read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stdin {
    Null,
    /// What comes after the policy.
    Rest,
    /// The terminal that standard output is.
    Terminal,
}

/// The layers that a command gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layers {
    pub(crate) namespaces: Option<Namespaces>,
    /// The version of Landlock.
    pub(crate) landlock: Option<u32>,
    pub(crate) seccomp: bool,
}

/// The kind of namespaces that work here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Namespaces {
    /// A user namespace around them. Without one they need a privileged gateway.
    pub(crate) user: bool,
    /// A `/proc` of its own. Containers often refuse it; then the machine's stands there, read-only.
    pub(crate) fresh_proc: bool,
}

/// What works on this machine, found out by doing it; a reason where it doesn't.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Probe {
    pub(crate) namespaces: Result<Namespaces, String>,
    pub(crate) landlock: Result<u32, String>,
    pub(crate) seccomp: Result<(), String>,
}

impl Probe {
    /// Whether trying again could find nothing better.
    pub(crate) fn is_complete(&self) -> bool {
        self.namespaces == Ok(Namespaces { user: true, fresh_proc: true })
            && self.landlock.is_ok()
            && self.seccomp.is_ok()
    }
}

impl Order {
    /// The bytes to write into the launcher's standard input: four of length, then JSON.
    pub(crate) fn frame(&self) -> io::Result<Vec<u8>> {
        let text = serde_json::to_vec(self)?;
        if text.len() > FRAME_LIMIT {
            let text =
                format!("the sandbox's policy has {} bytes, more than {FRAME_LIMIT}: name fewer folders", text.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let length = u32::try_from(text.len()).expect("the limit is far below");
        Ok([&length.to_le_bytes()[..], &text].concat())
    }

    /// Takes exactly one frame: what follows belongs to the command.
    pub(crate) fn read(mut read: impl io::Read) -> io::Result<Self> {
        let mut length = [0; 4];
        read.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > FRAME_LIMIT {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut text = vec![0; length];
        read.read_exact(&mut text)?;
        Ok(serde_json::from_slice(&text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_ends_where_the_input_begins() {
        let bytes = [Order::Probe.frame().unwrap(), b"input".to_vec()].concat();
        let mut rest = &bytes[..];
        assert!(matches!(Order::read(&mut rest).unwrap(), Order::Probe));
        assert_eq!(rest, b"input");
        assert!(Order::read(&bytes[..5]).is_err());
        assert!(Order::read(&b"\xff\xff\xff\xff"[..]).is_err());
    }
}
