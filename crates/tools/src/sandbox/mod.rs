//! The sandbox around commands (G25): what a command can reach, decided here and enforced by the kernel.
//!
//! A command starts as this program's launcher ([`launch_if_asked`]), which puts itself behind every layer that works on this
//! machine and then becomes the command: a view of the files in namespaces of its own, Landlock, a filter of system calls,
//! limits, no privileges. Which ones work is found out once, by trying. Owns the `tools.sandbox` section. What can't be had is
//! never left out in silence: [`Standing`] names it, and where the policy asks for it the command doesn't run.

mod config;
mod launch;
mod places;
mod policy;
mod standing;
mod temporary;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

pub use self::config::{Network, NetworkRule, SandboxConfig, SandboxMode};
pub(crate) use self::launch::NAME as LAUNCHER_NAME;
pub use self::launch::launch_if_asked;
pub(crate) use self::policy::Stdin;
pub use self::standing::{Protection, Standing};

pub(crate) use self::places::Ground;
use self::policy::{Layers, Order, Place, Policy, Probe};

/// The kernel's name for the program that runs. It holds after the file was replaced by a newer version.
pub(crate) const LAUNCHER: &str = "/proc/self/exe";

/// How long a trial counts in which something didn't work. It may have been for want of memory or processes just then, and
/// commands would be held less tightly, or not run, for as long as the gateway does.
const TRIED_AGAIN: Duration = Duration::from_mins(1);

/// What this machine offers, found out once where everything works. Clones share it.
#[derive(Clone, Default)]
pub struct Sandbox(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Held while trying, which everybody who asks meanwhile waits for.
    trial: Mutex<Option<Trial>>,
    system: OnceLock<Vec<Place>>,
}

/// What trying gave.
struct Trial {
    found: Result<Probe, String>,
    /// When it counts no longer; never where nothing was left to wish for.
    until: Option<Instant>,
}

/// A command that is to be confined.
pub(crate) struct Ask<'a> {
    pub(crate) config: &'a SandboxConfig,
    pub(crate) ground: Ground<'a>,
    /// Names the agent, whose commands share one folder for passing files.
    pub(crate) agent: &'a str,
    pub(crate) workdir: PathBuf,
    pub(crate) network: Network,
    pub(crate) input: Stdin,
}

/// How to start a confined command.
#[derive(Debug)]
pub(crate) struct Confinement {
    /// What the launcher reads from its standard input before anything happens.
    pub(crate) frame: Vec<u8>,
    /// Names of the environment that are otherwise inside.
    pub(crate) variables: BTreeMap<String, String>,
}

/// Why a command can't be confined as its policy asks, and so doesn't run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    Standing(String),
    #[error("The sandbox can't be prepared: {0}.")]
    Io(#[from] io::Error),
    #[error(
        "`{}` is private to the gateway and has a second name (a hard link), under which a command could reach it. Remove the other \
         name (`find / -xdev -samefile` finds it)",
        .0.display()
    )]
    SecondName(PathBuf),
}

impl Sandbox {
    /// Nothing is tried yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A machine that offers what the probe says.
    #[cfg(test)]
    fn offering(probe: Probe) -> Self {
        let trial = Trial { found: Ok(probe), until: None };
        Self(Arc::new(Shared { trial: Mutex::new(Some(trial)), system: OnceLock::new() }))
    }

    /// What protects from commands under this configuration. The first call tries the layers, which takes some milliseconds of
    /// blocking work.
    pub fn standing(&self, config: &SandboxConfig) -> Standing {
        Standing::new(config, self.probe().as_ref())
    }

    /// The confinement of a command; `None` where the configuration wants none. Blocking.
    pub(crate) fn confine(&self, ask: Ask<'_>) -> Result<Option<Confinement>, Refusal> {
        if ask.config.mode == Some(SandboxMode::Off) {
            return Ok(None);
        }
        let probe = self.probe();
        let standing = Standing::with_network(ask.config, probe.as_ref(), ask.network);
        let layers = match (standing.refusal, probe) {
            (None, Ok(probe)) => Layers::of(&probe),
            (Some(reason), _) | (None, Err(reason)) => return Err(Refusal::Standing(reason)),
        };
        ask.ground.refuse_second_names()?;
        let temporary = temporary::folder(ask.ground.temporary, ask.agent, ask.ground.workspace)?;
        let system = self.0.system.get_or_init(places::system);
        let policy = Policy {
            layers,
            places: ask.ground.places(system, &temporary, ask.config, layers),
            workdir: ask.workdir,
            network: ask.network,
            limits: ask.config.limits(),
            input: ask.input,
            gateway: std::process::id(),
        };
        let frame = Order::Run(policy).frame()?;
        Ok(Some(Confinement { frame, variables: temporary.variables(layers) }))
    }

    fn probe(&self) -> Result<Probe, String> {
        let mut trial = self.0.trial.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(trial) = trial.as_ref().filter(|trial| trial.counts()) {
            return trial.found.clone();
        }
        // A launcher that was ended in the middle, for want of memory perhaps, says nothing of the machine.
        let found = try_all().or_else(|_| try_all());
        trial.insert(Trial::new(found)).found.clone()
    }
}

impl Trial {
    fn new(found: Result<Probe, String>) -> Self {
        let until = match &found {
            Ok(probe) if probe.is_complete() => None,
            Ok(_) => Some(Instant::now() + TRIED_AGAIN),
            Err(_) => Some(Instant::now()),
        };
        Self { found, until }
    }

    fn counts(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }
}

impl Layers {
    fn of(probe: &Probe) -> Self {
        Self {
            namespaces: probe.namespaces.as_ref().ok().copied(),
            landlock: probe.landlock.as_ref().ok().copied(),
            seccomp: probe.seccomp.is_ok(),
        }
    }
}

/// Lets a launcher try every layer.
fn try_all() -> Result<Probe, String> {
    let ask = || -> io::Result<Vec<u8>> {
        let mut child = Command::new(LAUNCHER)
            .arg0(LAUNCHER_NAME)
            .env_clear()
            .current_dir(Path::new("/"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        child.stdin.take().expect("it is piped").write_all(&Order::Probe.frame()?)?;
        Ok(child.wait_with_output()?.stdout)
    };
    if !launch::is_here() {
        return Err("this program has no launcher in it".to_owned());
    }
    let said = ask().map_err(|error| format!("the launcher could not be started: {error}"))?;
    serde_json::from_slice(&said).map_err(|error| format!("the launcher's trial ended early: {error}"))
}
