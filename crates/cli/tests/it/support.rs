//! A home of its own for every test, and a gateway that can be killed and started again on it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

/// Far more than any command needs, so that a hanging one fails its test instead of the run.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Where nothing listens: a test never talks to a gateway that happens to run on this machine.
const UNUSED_PORT: &str = "1";

/// The gateway on a free port.
const SERVE: &[&str] = &["gateway", "--allow-unconfigured", "--port", "0", "--bind", "loopback"];

/// An empty home directory.
pub(crate) struct Home {
    dir: TempDir,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.path().join(".chela")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.state_dir().join("chela.json")
    }

    /// Writes the configuration as a person would.
    pub(crate) fn write_config(&self, text: &str) {
        fs::create_dir_all(self.state_dir()).unwrap();
        fs::write(self.config(), text).unwrap();
    }

    pub(crate) fn read_config(&self) -> String {
        fs::read_to_string(self.config()).unwrap()
    }

    /// A command with nothing in its environment but this home.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.command_as(Path::new(env!("CARGO_BIN_EXE_chela")), args)
    }

    /// The same under another name of the binary.
    pub(crate) fn command_as(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).env_clear().current_dir(self.path());
        command.env("HOME", self.path()).env("PATH", "/usr/bin:/bin").env("CHELA_GATEWAY_PORT", UNUSED_PORT);
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        finish(self.command(args), "")
    }

    pub(crate) fn run_with_input(&self, args: &[&str], input: &str) -> Ran {
        finish(self.command(args), input)
    }

    /// Text without what differs from run to run.
    pub(crate) fn scrubbed(&self, text: &str) -> String {
        text.replace(self.path().to_str().unwrap(), "~")
    }
}

impl Ran {
    /// Expects success and gives what was printed.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout
    }
}

/// Runs a command to its end, feeding it `input`.
pub(crate) fn finish(mut command: Command, input: &str) -> Ran {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that reads nothing closes its end first.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let pid = rustix::process::Pid::from_child(&child);
    let (done, ended) = mpsc::channel();
    let waiter = std::thread::spawn(move || {
        let output = child.wait_with_output().unwrap();
        // The test has given up when nobody listens.
        let _ = done.send(output);
    });
    let Ok(output) = ended.recv_timeout(PATIENCE) else {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        panic!("{command:?} did not end within {PATIENCE:?}");
    };
    waiter.join().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A gateway of this home that listens. Dropping it kills it.
pub(crate) struct RunningGateway {
    child: Child,
    /// `ws://127.0.0.1:<port>`.
    pub(crate) url: String,
    /// What it has said until it was ready.
    lines: Vec<String>,
    /// What it says since then.
    heard: mpsc::Receiver<String>,
}

impl RunningGateway {
    /// Starts one on a free port and waits until it answers.
    pub(crate) fn start(home: &Home) -> Self {
        Self::start_with(home, &[], &[])
    }

    pub(crate) fn start_with(home: &Home, args: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::launch(home.command(&[SERVE, args].concat()), environment)
    }

    /// The same under a shell that runs this first; it goes on with `exec "$0" "$@"`.
    pub(crate) fn start_under(home: &Home, script: &str, environment: &[(&str, &str)]) -> Self {
        let shell = ["-c", script, env!("CARGO_BIN_EXE_chela")];
        Self::launch(home.command_as(Path::new("sh"), &[&shell, SERVE].concat()), environment)
    }

    fn launch(mut command: Command, environment: &[(&str, &str)]) -> Self {
        command.envs(environment.iter().copied());
        Self::start_command(command)
    }

    /// The same by a command of one's own.
    pub(crate) fn start_command(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (said, heard) = mpsc::channel();
        read_out(child.stdout.take().unwrap(), said.clone());
        read_out(child.stderr.take().unwrap(), said);
        let mut gateway = Self { child, url: String::new(), lines: Vec::new(), heard };
        loop {
            let Ok(line) = gateway.heard.recv_timeout(PATIENCE) else {
                panic!("the gateway does not get ready: {:#?}", gateway.lines)
            };
            if let Some((_, address)) = line.split_once("listening on ") {
                gateway.url = address.split(' ').next().unwrap().into();
            }
            let is_ready = line.ends_with(" ready");
            gateway.lines.push(line);
            if is_ready {
                return gateway;
            }
        }
    }

    /// All that it said on its console, up to now.
    pub(crate) fn console(&self) -> String {
        let further: Vec<String> = self.heard.try_iter().collect();
        [self.lines.as_slice(), &further].concat().join("\n")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns when it has died by itself; that may be never.
    pub(crate) async fn dead(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let (gone, ended) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            use rustix::process::{WaitId, WaitIdOptions, waitid};
            // It is left to be waited for by whoever holds the child.
            let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
            let _ = gone.send(());
        });
        let _ = ended.await;
    }

    /// Waits until it has died by itself.
    pub(crate) fn died(mut self) -> ExitStatus {
        let (done, ended) = mpsc::channel();
        let pid = rustix::process::Pid::from_child(&self.child);
        let waiting = std::thread::spawn(move || {
            let status = self.child.wait().unwrap();
            let _ = done.send(());
            status
        });
        if ended.recv_timeout(PATIENCE).is_err() {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            panic!("the gateway lives on");
        }
        waiting.join().unwrap()
    }

    /// As by `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, as a service manager does.
    pub(crate) fn ask_to_stop(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// As by a service manager; gives the exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.ask_to_stop();
        self.child.wait().unwrap().code()
    }
}

/// Passes on what is said, line by line. Reads to the end, also when nobody listens any more: a program with a full console
/// stands still.
fn read_out(from: impl Read + Send + 'static, said: mpsc::Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let _ = said.send(line);
        }
    });
}

impl Drop for RunningGateway {
    fn drop(&mut self) {
        // It is gone already after `kill` and `stop`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
