//! Commands die with the gateway, even when it is killed: otherwise the next start works beside what the last one began.
//!
//! The kernel could tie a child to its parent (`PR_SET_PDEATHSIG`), but only to the very thread that made it, and the
//! child's own children would live on. So a small shell waits at the end of a pipe whose other end nobody but the gateway
//! holds, and kills the process groups that it was told of when the pipe breaks.

use std::collections::BTreeSet;
use std::io::{self, PipeWriter, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keeps a list of groups from lines of `+ <group>` and `- <group>`. Signals to stop are for the gateway to act on; what they
/// leave is killed after it. `kill -9 -<group>` is the form that every shell takes.
const SCRIPT: &str = r#"trap '' HUP INT TERM
groups=
while read -r sign group; do
  others=
  for known in $groups; do [ "$known" = "$group" ] || others="$others $known"; done
  groups=$others
  [ "$sign" = + ] && groups="$groups $group"
done
for group in $groups; do kill -9 "-$group"; done
"#;

/// Watches over process groups. The shell starts with the first one.
#[derive(Default)]
pub(crate) struct Guard(Mutex<Watch>);

#[derive(Default)]
struct Watch {
    groups: BTreeSet<u32>,
    shell: Option<Shell>,
}

struct Shell {
    child: Child,
    pipe: PipeWriter,
}

/// A group under guard; dropping it ends that.
pub(crate) struct Guarded {
    guard: Arc<Guard>,
    group: u32,
}

impl Guard {
    /// Starts the shell if there is none, so that no time passes between the start of a command and its guard.
    pub(crate) fn stand_ready(&self) {
        self.lock().shell();
    }

    /// Takes a process group under guard.
    pub(crate) fn watch(guard: &Arc<Self>, group: u32) -> Guarded {
        let mut watch = guard.lock();
        watch.groups.insert(group);
        watch.tell('+', group);
        Guarded { guard: guard.clone(), group }
    }

    fn lock(&self) -> MutexGuard<'_, Watch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let mut watch = self.guard.lock();
        watch.groups.remove(&self.group);
        watch.tell('-', self.group);
    }
}

impl Watch {
    /// A shell that died, by somebody's kill, is replaced by one that learns everything anew.
    fn tell(&mut self, sign: char, group: u32) {
        let told = self.shell().is_some_and(|shell| shell.tell(sign, group).is_ok());
        if !told && let Some(mut shell) = self.shell.take() {
            // It may be alive and stuck, and its list is out of date now.
            let _ = shell.child.kill();
            let _ = shell.child.wait();
            self.shell();
        }
    }

    fn shell(&mut self) -> Option<&mut Shell> {
        if self.shell.is_none() {
            self.shell = match Shell::start(&self.groups) {
                Ok(shell) => Some(shell),
                Err(error) => {
                    tracing::warn!(%error, "commands that run when the gateway is killed will live on");
                    None
                }
            };
        }
        self.shell.as_mut()
    }
}

impl Shell {
    fn start(groups: &BTreeSet<u32>) -> io::Result<Self> {
        let (lines, pipe) = io::pipe()?;
        // A shell that doesn't read must not hold up the gateway: a full pipe is an error.
        rustix::io::ioctl_fionbio(&pipe, true)?;
        let mut command = Command::new("/bin/sh");
        // Outside every folder, which it would keep busy, and out of reach of a terminal's Ctrl-C.
        command.arg("-c").arg(SCRIPT).env_clear().current_dir("/").process_group(0);
        let child = command.stdin(lines).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut shell = Self { child, pipe };
        for group in groups {
            shell.tell('+', *group)?;
        }
        Ok(shell)
    }

    /// One write, which a pipe takes as a whole or not at all.
    fn tell(&mut self, sign: char, group: u32) -> io::Result<()> {
        self.pipe.write_all(format!("{sign} {group}\n").as_bytes())
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // Its end follows from the broken pipe; nobody needs to wait for it.
        let _ = self.child.try_wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process in a group of its own.
    fn sleeper() -> Child {
        Command::new("/bin/sh").arg("-c").arg("sleep 60 & sleep 60").process_group(0).spawn().unwrap()
    }

    #[test]
    fn what_is_watched_when_the_pipe_breaks_dies_and_nothing_else() {
        use std::os::unix::process::ExitStatusExt as _;
        let guard = Arc::new(Guard::default());
        guard.stand_ready();
        let (mut kept, mut released) = (sleeper(), sleeper());
        let watched = Guard::watch(&guard, kept.id());
        drop(Guard::watch(&guard, released.id()));
        drop(guard.lock().shell.take());
        assert_eq!(kept.wait().unwrap().signal(), Some(9));
        assert!(released.try_wait().unwrap().is_none());
        drop(watched);
        end(&mut released);
    }

    #[test]
    fn a_guard_that_was_killed_is_replaced() {
        use std::os::unix::process::ExitStatusExt as _;
        let guard = Arc::new(Guard::default());
        let mut early = sleeper();
        let _early = Guard::watch(&guard, early.id());
        {
            let mut watch = guard.lock();
            let shell = watch.shell.as_mut().unwrap();
            shell.child.kill().unwrap();
            shell.child.wait().unwrap();
        }
        let mut late = sleeper();
        let _late = Guard::watch(&guard, late.id());
        drop(guard.lock().shell.take());
        assert_eq!(early.wait().unwrap().signal(), Some(9));
        assert_eq!(late.wait().unwrap().signal(), Some(9));
    }

    fn end(child: &mut Child) {
        use rustix::process::{Pid, Signal, kill_process_group};
        kill_process_group(Pid::from_child(child), Signal::KILL).unwrap();
        child.wait().unwrap();
    }
}
