//! Tries every layer, each in a process of its own, and says which ones work on this machine.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;

use rustix::process::{WaitOptions, waitpid};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::kernel::{self, Side};
use super::{Failure, Step, confine, filter, view};
use crate::sandbox::config::{Limits, Network};
use crate::sandbox::policy::{Layers, Namespaces, Place, Policy, Probe, Reach, Stdin};

/// In the order of preference: a user namespace takes privileges away even from a gateway that has them.
const KINDS: [Namespaces; 4] = [
    Namespaces { user: true, fresh_proc: true },
    Namespaces { user: true, fresh_proc: false },
    Namespaces { user: false, fresh_proc: true },
    Namespaces { user: false, fresh_proc: false },
];

pub(super) fn run() -> Result<i32, Failure> {
    kernel::block_signals();
    let probe = Probe { namespaces: namespaces(), landlock: apart(confine::try_landlock), seccomp: apart(seccomp) };
    let text = serde_json::to_vec(&probe).step("probe")?;
    io::stdout().write_all(&text).step("probe")?;
    Ok(0)
}

fn namespaces() -> Result<Namespaces, String> {
    let mut reason = String::new();
    for kinds in KINDS {
        match apart(move || view_of(kinds)) {
            Ok(()) => return Ok(kinds),
            // The first reason is that of what should work.
            Err(error) if reason.is_empty() => reason = error,
            Err(_) => {}
        }
    }
    Err(reason)
}

fn view_of(kinds: Namespaces) -> Result<(), String> {
    let policy = policy(Layers { namespaces: Some(kinds), ..Layers::default() });
    view::enter(kinds, &policy).map_err(|error| format!("namespaces are refused: {error}"))?;
    apart(move || view::build(&policy).map_err(|failure| failure.to_string()))
}

fn seccomp() -> Result<(), String> {
    rustix::thread::set_no_new_privs(true).map_err(|error| error.to_string())?;
    filter::apply(&policy(Layers::default())).map_err(|error| error.to_string())
}

/// A policy that needs every kind of step and no file of anybody's.
fn policy(layers: Layers) -> Policy {
    Policy {
        layers,
        places: vec![Place { path: PathBuf::from("/dev/null"), reach: Reach::Read }],
        workdir: PathBuf::from("/"),
        network: Network::Open,
        limits: Limits { processes: 512, memory_bytes: u64::MAX, file_bytes: u64::MAX },
        input: Stdin::Null,
        gateway: 0,
    }
}

/// Does it in a child, which is gone afterwards with all that it changed of itself.
fn apart<T: Serialize + DeserializeOwned>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let (mut reader, mut writer) = io::pipe().map_err(|error| error.to_string())?;
    match kernel::fork().map_err(|error| error.to_string())? {
        Side::Child => {
            drop(reader);
            let told = serde_json::to_vec(&work()).is_ok_and(|text| writer.write_all(&text).is_ok());
            std::process::exit(i32::from(!told));
        }
        Side::Parent(pid) => {
            drop(writer);
            let mut text = Vec::new();
            let read = reader.read_to_end(&mut text);
            let _ = waitpid(Some(pid), WaitOptions::empty());
            read.map_err(|error| error.to_string())?;
            serde_json::from_slice(&text).map_err(|_| "the trial died".to_owned())?
        }
    }
}
