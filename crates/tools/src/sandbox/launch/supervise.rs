//! Who waits for the command: the launcher itself and, in a namespace of processes, its first process. Ends everything that
//! the command leaves behind, and ends like the command did.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, set_dumpable_behavior,
    set_parent_process_death_signal, setsid, wait,
};

use super::kernel;
use super::{COULD_NOT, Failure, Step, confine, refuse, view};
use crate::sandbox::policy::Policy;

/// How long what a command left behind may take to die. A process in the kernel's hands can outlive SIGKILL.
const DEATH_LIMIT: Duration = Duration::from_secs(2);
/// How often it is looked whether they have.
const DEATH_LOOK: Duration = Duration::from_millis(1);

/// Runs the command behind its layers. Gives back the exit code to end with.
pub(super) fn run(policy: &Policy, argv: &[OsString]) -> Result<i32, Failure> {
    kernel::block_signals();
    kernel::close_rest_on_exec();
    // A session of its own: no terminal of the gateway's can be read or typed into. A terminal's process leads one already.
    if !kernel::leads_session() {
        setsid().step("session")?;
    }
    confine::prefer_for_lack_of_memory();
    let status = if let Some(kinds) = policy.layers.namespaces {
        view::enter(kinds, policy).step("namespaces")?;
        in_namespaces(policy, argv)?
    } else {
        set_child_subreaper(Some(getpid())).step("supervision")?;
        protect_itself();
        let status = start_and_wait(policy, argv)?;
        end_what_is_left();
        status
    };
    Ok(end_like(status))
}

/// The first process of the new namespace waits for the command. When it ends, whatever is left dies with it.
fn in_namespaces(policy: &Policy, argv: &[OsString]) -> Result<i32, Failure> {
    let mut told = None;
    let ended =
        kernel::patiently(|| kernel::lend_until_ended(|| first(policy, argv, &mut told))).step("supervision")?;
    Ok(told.unwrap_or(ended))
}

/// The first process's work; gives back its exit code, which counts only when it can't tell the command's status.
fn first(policy: &Policy, argv: &[OsString], told: &mut Option<i32>) -> i32 {
    let work = || {
        // The launcher may be killed at any time, and nothing may live on without it.
        set_parent_process_death_signal(Some(Signal::KILL)).step("supervision")?;
        view::build(policy)?;
        confine::drop_privileges().step("privileges")?;
        protect_itself();
        start_and_wait(policy, argv)
    };
    match work() {
        Ok(status) => {
            *told = Some(status);
            0
        }
        Err(failure) => refuse(&failure),
    }
}

/// Starts the command behind the rest of the layers and waits for it, reaping what else dies meanwhile.
fn start_and_wait(policy: &Policy, argv: &[OsString]) -> Result<i32, Failure> {
    let pid = kernel::patiently(|| kernel::lend(|| become_command(policy, argv))).step("supervision")?;
    kernel::wait_for(pid).step("supervision")
}

fn become_command(policy: &Policy, argv: &[OsString]) -> i32 {
    if let Err(error) = std::env::set_current_dir(&policy.workdir) {
        eprintln!("chela: the sandbox can't reach the folder {}: {error}", policy.workdir.display());
        return COULD_NOT;
    }
    if let Err(failure) = confine::all(policy) {
        return refuse(&failure);
    }
    let Some((program, arguments)) = argv.split_first() else { return COULD_NOT };
    // Sets the mask and the handling of signals to what programs expect.
    let error = Command::new(program).args(arguments).exec();
    eprintln!("chela: {} could not be started: {error}", program.display());
    COULD_NOT
}

/// Closes this process's memory and descriptors to the command, which runs as the same user.
fn protect_itself() {
    // Asked for a value that exists, it can't fail; were it to, the other layers still stand between.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Kills every process that the command left behind: orphans become children of this one, however they were made.
#[expect(
    clippy::disallowed_methods,
    reason = "the launcher has one thread and no runtime, and no event tells of orphans"
)]
fn end_what_is_left() {
    let started = Instant::now();
    while started.elapsed() < DEATH_LIMIT {
        match wait(WaitOptions::NOHANG) {
            Err(_) => return,
            Ok(Some(_)) => {}
            Ok(None) => {
                for child in children() {
                    let _ = kill_process(child, Signal::KILL);
                }
                std::thread::sleep(DEATH_LOOK);
            }
        }
    }
}

fn children() -> Vec<Pid> {
    let own = getpid().as_raw_nonzero().get().to_string();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_child = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name in brackets may hold anything; state and parent come behind its last one.
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)) == Some(&own)
    };
    pids.filter(is_child).filter_map(Pid::from_raw).collect()
}

/// Ends by the signal that ended the command, so that whoever waits sees the same; else gives back its exit code.
fn end_like(status: i32) -> i32 {
    if libc::WIFEXITED(status) {
        return libc::WEXITSTATUS(status);
    }
    kernel::die_by(libc::WTERMSIG(status));
    128 + libc::WTERMSIG(status)
}
