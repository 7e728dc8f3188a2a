//! The launcher: this very program, started again under another name, which confines itself and becomes the command.
//!
//! A second start costs less than preparing a child inside a process of many threads, and only code that is safe there runs.
//! The policy comes by standard input, so that no other process can read it; until it is there, nothing happens, and when it
//! never comes the launcher ends. Reads nothing else, and starts a command only behind every layer that its policy names.

mod confine;
mod filter;
mod kernel;
mod probe;
mod supervise;
mod view;

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) use self::view::has_own_process_limit;

use super::policy::{Order, Stdin};

/// The name that the program is started under to be the launcher.
pub(crate) const NAME: &str = "__launch";
/// Exit code of a launcher that could not do what its policy says; shells use it for commands that can't be started.
const COULD_NOT: i32 = 126;

static IS_HERE: AtomicBool = AtomicBool::new(false);

/// Must be called first in `main`, before threads, the command line and the environment: becomes the launcher, and then never
/// returns, when the program was started as it. Else it notes that this program can be started so.
pub fn launch_if_asked() {
    IS_HERE.store(true, Ordering::Relaxed);
    let mut arguments = std::env::args_os();
    if arguments.next().as_deref() == Some(OsStr::new(NAME)) {
        std::process::exit(run(&arguments.collect::<Vec<_>>()));
    }
}

/// Whether this program calls [`launch_if_asked`], so that starting it again gives a launcher.
pub(crate) fn is_here() -> bool {
    IS_HERE.load(Ordering::Relaxed)
}

/// A step that failed, for the person who reads the command's output.
pub(super) struct Failure {
    step: &'static str,
    error: String,
}

/// Says what a step was for when it fails.
pub(super) trait Step<T> {
    fn step(self, step: &'static str) -> Result<T, Failure>;
}

impl<T, E: std::fmt::Display> Step<T> for Result<T, E> {
    fn step(self, step: &'static str) -> Result<T, Failure> {
        self.map_err(|error| Failure { step, error: error.to_string() })
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.step, self.error)
    }
}

fn run(arguments: &[OsString]) -> i32 {
    // An end of input means that the gateway is gone, and nobody is left to tell.
    let Ok(order) = Order::read(Unbuffered) else { return COULD_NOT };
    let result = match order {
        Order::Probe => probe::run(),
        Order::Run(policy) => input(policy.input).step("input").and_then(|()| supervise::run(&policy, arguments)),
    };
    result.unwrap_or_else(|failure| refuse(&failure))
}

/// Says why the command doesn't run.
fn refuse(failure: &Failure) -> i32 {
    eprintln!("chela: the sandbox could not be set up, and the command did not run ({failure})");
    COULD_NOT
}

/// Standard input without a buffer, which would swallow what belongs to the command.
struct Unbuffered;

impl Read for Unbuffered {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(rustix::stdio::stdin(), bytes)?)
    }
}

fn input(input: Stdin) -> io::Result<()> {
    match input {
        Stdin::Rest => {}
        Stdin::Null => rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?,
        Stdin::Terminal => rustix::stdio::dup2_stdin(rustix::stdio::stdout())?,
    }
    Ok(())
}
