//! The commands that run in the background, and those that ended lately. Bounded; each is seen by its own session alone.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chela_agent::{SessionKey, ToolError};
use tokio::time::{Instant, timeout};

use super::guard::Guard;
use super::job::{Cause, Job, KILL_GRACE, Spec};
use crate::args::refuse;

/// Commands kept, running or ended: each holds up to 200 KB of output.
const JOBS_LIMIT: usize = 32;
/// How long an ended command can still be asked about.
const KEPT_FOR: Duration = Duration::from_mins(30);

/// All commands of the gateway. Clones share one list. What still runs when the process ends, in whatever way, is killed.
#[derive(Clone, Default)]
pub struct Processes(Arc<Shared>);

#[derive(Default)]
struct Shared {
    jobs: Mutex<Vec<Arc<Job>>>,
    guard: Arc<Guard>,
}

/// One command as lists for people show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackgroundCommand {
    pub id: String,
    pub command: String,
    pub owner: SessionKey,
    /// Since it began.
    pub age: Duration,
    pub state: CommandState,
}

/// How far a command is; `since` is the time from its end on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandState {
    Running,
    Succeeded { since: Duration },
    Failed { since: Duration },
    TimedOut { since: Duration },
    Killed { since: Duration },
}

impl Processes {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends every command with all its children, and waits for that; for the end of the gateway.
    pub async fn end_all(&self) {
        let jobs: Vec<Arc<Job>> = self.list().drain(..).collect();
        for job in &jobs {
            job.stop.cancel();
        }
        for job in jobs {
            // Twice the grace: a process in the kernel's hands can outlive SIGKILL, and the gateway doesn't wait for it.
            let _ = timeout(KILL_GRACE * 2, job.ended()).await;
        }
    }

    /// Every session's commands, in the order in which they began.
    pub fn listed(&self) -> Vec<BackgroundCommand> {
        let mut jobs = self.list();
        forget_old(&mut jobs);
        jobs.iter().map(|job| background(job)).collect()
    }

    pub(crate) fn start(&self, spec: Spec) -> Result<Arc<Job>, ToolError> {
        let mut jobs = self.list();
        make_room(&mut jobs)?;
        let command = spec.command.clone();
        let job = Job::start(new_id(&jobs), spec, &self.0.guard).map_err(|error| could_not_start(&command, &error))?;
        let job = Arc::new(job);
        jobs.push(job.clone());
        Ok(job)
    }

    pub(crate) fn of(&self, owner: &SessionKey) -> Vec<Arc<Job>> {
        let mut jobs = self.list();
        forget_old(&mut jobs);
        jobs.iter().filter(|job| job.owner == *owner).cloned().collect()
    }

    pub(crate) fn get(&self, id: &str, owner: &SessionKey) -> Option<Arc<Job>> {
        self.of(owner).into_iter().find(|job| job.id == id)
    }

    pub(crate) fn forget(&self, id: &str) {
        self.list().retain(|job| job.id != id);
    }

    fn list(&self) -> MutexGuard<'_, Vec<Arc<Job>>> {
        self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn background(job: &Job) -> BackgroundCommand {
    let now = Instant::now();
    let state = match job.ending() {
        None => CommandState::Running,
        Some(ending) => {
            let since = now.saturating_duration_since(ending.at);
            match ending.cause {
                Cause::Exited if ending.code == Some(0) => CommandState::Succeeded { since },
                Cause::Exited => CommandState::Failed { since },
                Cause::TimedOut => CommandState::TimedOut { since },
                Cause::Killed => CommandState::Killed { since },
            }
        }
    };
    BackgroundCommand {
        id: job.id.clone(),
        command: job.command.clone(),
        owner: job.owner.clone(),
        age: now.saturating_duration_since(job.started),
        state,
    }
}

fn make_room(jobs: &mut Vec<Arc<Job>>) -> Result<(), ToolError> {
    forget_old(jobs);
    if jobs.len() < JOBS_LIMIT {
        return Ok(());
    }
    let Some(oldest) = jobs.iter().position(|job| job.ending().is_some()) else {
        return Err(refuse(format!(
            "{JOBS_LIMIT} commands are running, which is the limit. Kill one with process first."
        )));
    };
    jobs.remove(oldest);
    Ok(())
}

fn forget_old(jobs: &mut Vec<Arc<Job>>) {
    let now = Instant::now();
    jobs.retain(|job| job.ending().is_none_or(|ending| now.saturating_duration_since(ending.at) < KEPT_FOR));
}

fn new_id(jobs: &[Arc<Job>]) -> String {
    loop {
        let mut bytes = [0; 4];
        // Ids only have to differ: without randomness, the count of commands does.
        if getrandom::fill(&mut bytes).is_err() {
            bytes = u32::try_from(jobs.len()).unwrap_or_default().to_be_bytes();
        }
        let id = format!("{:08x}", u32::from_be_bytes(bytes));
        if jobs.iter().all(|job| job.id != id) {
            return id;
        }
    }
}

fn could_not_start(command: &str, error: &io::Error) -> ToolError {
    let command: String = command.chars().take(80).collect();
    refuse(format!("The command `{command}` could not be started: {error}."))
}
