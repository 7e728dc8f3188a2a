//! One command: started in a process group of its own, in its sandbox, driven by one task, and ended with all its children.
//!
//! The task alone owns the child and reads its output; everyone else holds a [`Job`] and sees the task's progress.
//! States: running → (asked to end or out of time → SIGTERM → SIGKILL) → ended.

use std::collections::BTreeMap;
use std::io::{self, PipeWriter, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chela_agent::{SessionKey, ToolProgress};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::guard::{Guard, Guarded};
use super::spool::Spool;
use crate::sandbox::{Confinement, LAUNCHER, LAUNCHER_NAME};

/// Between SIGTERM and SIGKILL: time to clean up.
pub(crate) const KILL_GRACE: Duration = Duration::from_secs(2);
/// How long a silent pipe is waited for once the command has ended: a child left behind may hold it for ever.
const PIPE_GRACE: Duration = Duration::from_millis(100);
/// How long a chatty one is.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);
/// Pieces of input that wait for a command to read them.
const INPUT_QUEUE: usize = 16;
/// Size of the terminal that programs see.
const TERMINAL_ROWS: u16 = 40;
const TERMINAL_COLUMNS: u16 = 120;

/// What to run.
pub(crate) struct Spec {
    pub(crate) command: String,
    pub(crate) workdir: PathBuf,
    pub(crate) variables: BTreeMap<String, String>,
    /// The sandbox around it; none where the configuration wants none.
    pub(crate) confinement: Option<Confinement>,
    pub(crate) input: InputKind,
    pub(crate) timeout: Duration,
    pub(crate) owner: SessionKey,
    pub(crate) progress: ToolProgress,
}

/// What stands behind a command's standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InputKind {
    /// Nothing: a command that reads gets an end of file at once, and never hangs.
    Null,
    Pipe,
    /// A terminal, for output too.
    Terminal,
}

/// Something typed at a command.
pub(crate) enum Input {
    Bytes(Vec<u8>),
    Close,
}

/// Why a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Exited,
    TimedOut,
    Killed,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) cause: Cause,
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) at: Instant,
    /// A child that was left behind still holds the output.
    pub(crate) left_children: bool,
}

/// How far a command is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Standing {
    pub(crate) written: u64,
    pub(crate) ending: Option<Ending>,
}

/// A command that runs or ran. Dropping it ends nothing; [`Job::stop`] does.
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) command: String,
    pub(crate) workdir: PathBuf,
    pub(crate) owner: SessionKey,
    pub(crate) pid: u32,
    pub(crate) started: Instant,
    pub(crate) input: InputKind,
    /// Ends the command when cancelled.
    pub(crate) stop: CancellationToken,
    spool: Arc<Mutex<Spool>>,
    standing: watch::Receiver<Standing>,
    typed: mpsc::Sender<Input>,
    /// Output up to here was polled.
    polled: Mutex<u64>,
}

impl Job {
    /// Starts the command and its driver. Must be called within the runtime.
    pub(crate) fn start(id: String, spec: Spec, guard: &Arc<Guard>) -> io::Result<Self> {
        guard.stand_ready();
        let Spawned { child, output, entrance } = spawn(&spec)?;
        let pid = child.id().ok_or(io::ErrorKind::NotFound)?;
        let guarded = Guard::watch(guard, pid);
        let writer = entrance.open(&spec)?;
        let spool = Arc::new(Mutex::new(Spool::default()));
        let (sender, standing) = watch::channel(Standing::default());
        let (typed, input) = mpsc::channel(INPUT_QUEUE);
        let stop = CancellationToken::new();
        let ended = CancellationToken::new();
        if let Some(writer) = writer {
            tokio::spawn(type_into(writer, input, spec.input, ended.clone()));
        }
        let driver = Driver {
            child,
            pid,
            output: Some(output),
            spool: spool.clone(),
            standing: sender,
            progress: spec.progress,
            guarded: Some(guarded),
        };
        tokio::spawn(driver.run(stop.clone(), spec.timeout, ended));
        Ok(Self {
            id,
            command: spec.command,
            workdir: spec.workdir,
            owner: spec.owner,
            pid,
            started: Instant::now(),
            input: spec.input,
            stop,
            spool,
            standing,
            typed,
            polled: Mutex::default(),
        })
    }

    pub(crate) fn ending(&self) -> Option<Ending> {
        self.standing.borrow().ending
    }

    /// Waits for the end. The driver always says it, so this ends when the command does.
    pub(crate) async fn ended(&self) {
        let _ = self.standing.clone().wait_for(|standing| standing.ending.is_some()).await;
    }

    /// Waits for output that was not polled yet, or the end.
    pub(crate) async fn news(&self) {
        let polled = *lock(&self.polled);
        let is_news = |standing: &Standing| standing.ending.is_some() || standing.written > polled;
        let _ = self.standing.clone().wait_for(is_news).await;
    }

    /// All that is kept of the output.
    pub(crate) fn output(&self) -> String {
        self.plain(lock(&self.spool).since(0))
    }

    /// Output since the last call of this.
    pub(crate) fn poll(&self) -> String {
        let spool = lock(&self.spool);
        let from = std::mem::replace(&mut *lock(&self.polled), spool.total());
        self.plain(spool.since(from))
    }

    pub(crate) fn running_for(&self) -> Duration {
        self.ending().map_or_else(Instant::now, |ending| ending.at).saturating_duration_since(self.started)
    }

    /// Hands input to the command. False when it doesn't read and the queue is full, or it has no input.
    pub(crate) fn type_in(&self, input: Input) -> bool {
        self.typed.try_send(input).is_ok()
    }

    fn plain(&self, text: String) -> String {
        if self.input == InputKind::Terminal { super::spool::without_escapes(&text) } else { text }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type Reader = Pin<Box<dyn AsyncRead + Send>>;
type Writer = Pin<Box<dyn AsyncWrite + Send>>;

struct Spawned {
    child: Child,
    output: Reader,
    entrance: Entrance,
}

/// Where input goes in.
enum Entrance {
    /// The command waits behind it: for its policy or, without a sandbox, for a first line. Neither is part of its input.
    Gate(PipeWriter),
    /// The gate of a command in a terminal, and the terminal: one that vanishes takes its programs with it.
    Terminal(Option<PipeWriter>, Writer),
}

impl Entrance {
    /// Lets the command begin. Gives back what can be typed into, if anything.
    fn open(self, spec: &Spec) -> io::Result<Option<Writer>> {
        let go = spec.confinement.as_ref().map_or(&b"\n"[..], |confinement| &confinement.frame);
        // A command that was killed by now doesn't read it, and its end tells so.
        match self {
            Self::Terminal(gate, writer) => {
                gate.map(|mut gate| gate.write_all(go));
                Ok(Some(writer))
            }
            Self::Gate(mut gate) => {
                let _ = gate.write_all(go);
                let typed = |gate: PipeWriter| -> io::Result<Writer> {
                    Ok(Box::pin(pipe::Sender::from_owned_fd(gate.into())?))
                };
                (spec.input == InputKind::Pipe).then(|| typed(gate)).transpose()
            }
        }
    }
}

/// Waits for the gate before anything of the command runs: were the gateway killed between the start of a command and
/// its guard, the command would live on. A gate that nobody opens ends it.
const WAIT_AT_GATE: &str = r#"read -r go && exec /bin/sh -c "$1""#;

fn spawn(spec: &Spec) -> io::Result<Spawned> {
    if spec.input == InputKind::Terminal { spawn_in_terminal(spec) } else { spawn_on_pipes(spec) }
}

/// One pipe for both outputs keeps their order.
fn spawn_on_pipes(spec: &Spec) -> io::Result<Spawned> {
    let (reader, output) = io::pipe()?;
    let (stdin, gate) = io::pipe()?;
    let mut command = match &spec.confinement {
        // The launcher makes its own session, and so its own group.
        Some(_) => launcher(spec),
        None => waiting_shell(spec),
    };
    command.env_clear().envs(&spec.variables);
    command.stdin(stdin).stdout(output.try_clone()?).stderr(output).kill_on_drop(true);
    let child = command.spawn()?;
    // The command holds the writing end too, and with it open the output would never end.
    drop(command);
    let output = Box::pin(pipe::Receiver::from_owned_fd(reader.into())?);
    Ok(Spawned { child, output, entrance: Entrance::Gate(gate) })
}

fn launcher(spec: &Spec) -> Command {
    let mut command = Command::new(LAUNCHER);
    command.arg0(LAUNCHER_NAME).args(["/bin/sh", "-c", &spec.command]).current_dir("/");
    command
}

fn waiting_shell(spec: &Spec) -> Command {
    let script = match spec.input {
        InputKind::Null => format!("{WAIT_AT_GATE} </dev/null"),
        InputKind::Pipe | InputKind::Terminal => WAIT_AT_GATE.to_owned(),
    };
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script, "sh", &spec.command]).current_dir(&spec.workdir).process_group(0);
    command
}

fn spawn_in_terminal(spec: &Spec) -> io::Result<Spawned> {
    let failed = |error: pty_process::Error| io::Error::other(error);
    let (terminal, end) = pty_process::open().map_err(failed)?;
    terminal.resize(pty_process::Size::new(TERMINAL_ROWS, TERMINAL_COLUMNS)).map_err(failed)?;
    let (command, gate) = match &spec.confinement {
        Some(_) => {
            // The launcher takes the terminal as its input once it has read its policy.
            let (stdin, gate) = io::pipe()?;
            let command = pty_process::Command::new(LAUNCHER).arg0(LAUNCHER_NAME).arg("/bin/sh");
            (command.current_dir("/").stdin(stdin), Some(gate))
        }
        None => (pty_process::Command::new("/bin/sh").current_dir(&spec.workdir), None),
    };
    let child = command
        .arg("-c")
        .arg(&spec.command)
        .env_clear()
        .env("TERM", "xterm-256color")
        .envs(&spec.variables)
        .kill_on_drop(true)
        .spawn(end)
        .map_err(failed)?;
    let (output, writer) = terminal.into_split();
    Ok(Spawned { child, output: Box::pin(output), entrance: Entrance::Terminal(gate, Box::pin(writer)) })
}

/// Types what comes until the command ends. Apart from the driver, so that a command that doesn't read can't stop its output.
async fn type_into(mut writer: Writer, mut input: mpsc::Receiver<Input>, kind: InputKind, ended: CancellationToken) {
    const END_OF_TRANSMISSION: &[u8] = &[4];
    let typing = async {
        while let Some(input) = input.recv().await {
            let bytes = match input {
                Input::Bytes(bytes) => bytes,
                Input::Close if kind == InputKind::Terminal => END_OF_TRANSMISSION.to_vec(),
                Input::Close => return,
            };
            if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                return;
            }
        }
        // Nobody can type any more, but the input stays open, as it was.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = ended.cancelled() => {}
        () = typing => {}
    }
}

struct Driver {
    child: Child,
    pid: u32,
    /// `None` once it has ended.
    output: Option<Reader>,
    spool: Arc<Mutex<Spool>>,
    standing: watch::Sender<Standing>,
    progress: ToolProgress,
    /// While the command runs, its group dies with the gateway.
    guarded: Option<Guarded>,
}

impl Driver {
    async fn run(mut self, stop: CancellationToken, limit: Duration, ended: CancellationToken) {
        let (cause, status) = tokio::select! {
            status = self.pump() => (Cause::Exited, status),
            () = stop.cancelled() => (Cause::Killed, self.end().await),
            () = sleep(limit) => (Cause::TimedOut, self.end().await),
        };
        self.guarded = None;
        self.drain().await;
        ended.cancel();
        let status = status.ok();
        let ending = Ending {
            cause,
            code: status.and_then(|status| status.code()),
            signal: status.and_then(|status| status.signal()),
            at: Instant::now(),
            left_children: self.output.is_some(),
        };
        self.standing.send_modify(|standing| standing.ending = Some(ending));
    }

    /// Reads until the command itself has ended.
    async fn pump(&mut self) -> io::Result<ExitStatus> {
        loop {
            tokio::select! {
                status = self.child.wait() => return status,
                () = read_once(&mut self.output, &self.spool, &self.standing, &self.progress) => {}
            }
        }
    }

    /// Asks the whole group to end, then makes it.
    async fn end(&mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::TERM);
        let status = timeout(KILL_GRACE, self.pump()).await;
        // Also after the command itself has gone: its children may have ignored the first signal.
        self.signal(Signal::KILL);
        match status {
            Ok(status) => status,
            Err(_) => self.pump().await,
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            // An empty group is what we want, unless the launcher has not made it yet.
            if kill_process_group(group, signal).is_err() && self.child.id().is_some() {
                let _ = kill_process(group, signal);
            }
        }
    }

    /// Reads what is left in the pipe, without waiting for children that hold it.
    async fn drain(&mut self) {
        let _ = timeout(DRAIN_LIMIT, async {
            while self.output.is_some() {
                let read = read_once(&mut self.output, &self.spool, &self.standing, &self.progress);
                if timeout(PIPE_GRACE, read).await.is_err() {
                    return;
                }
            }
        })
        .await;
    }
}

/// Takes one piece of output. Waits for ever once the output has ended. A closed terminal reads as an error, which is an end.
async fn read_once(
    output: &mut Option<Reader>,
    spool: &Mutex<Spool>,
    standing: &watch::Sender<Standing>,
    progress: &ToolProgress,
) {
    const PIECE_BYTES: usize = 8192;
    let Some(reader) = output else { return std::future::pending().await };
    let mut piece = [0; PIECE_BYTES];
    let read = reader.read(&mut piece).await.unwrap_or(0);
    if read == 0 {
        *output = None;
        return;
    }
    progress.show(String::from_utf8_lossy(&piece[..read]));
    lock(spool).push(&piece[..read]);
    standing.send_modify(|standing| standing.written += read as u64);
}
