//! The gateway as its users run it: the release binary as a child process with a state dir of its own.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::resident::Resident;

/// The token of every measured gateway; it listens on loopback only.
pub(crate) const TOKEN: &str = "bench-token-for-loopback-only";

/// How long a start may take before the harness gives up; under a tracer it takes fifty times as long.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// The kernel counts a process's time in hundredths of a second, whatever it counts by itself.
const TICK_MS: u64 = 10;

/// The binary that the command line names.
static CHOSEN: OnceLock<PathBuf> = OnceLock::new();

/// Measures this binary instead of the one beside the harness's own. Only the first choice counts.
pub(crate) fn choose_binary(path: PathBuf) {
    let _ = CHOSEN.set(path);
}

/// The binary to measure: the chosen one, else the release build beside the harness's own.
pub(crate) fn binary() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().context("the harness stands in a folder")?;
    let binary = CHOSEN.get().cloned().unwrap_or_else(|| folder.join("chela"));
    if !binary.exists() {
        bail!("{} is missing; run `cargo xtask bench` or `cargo xtask dist`, which build it", binary.display());
    }
    Ok(binary)
}

/// A home for gateways: state dir and configuration.
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    /// A fresh state dir whose models are served at `model_url`.
    pub(crate) fn new(model_url: &str, extra: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let config = format!(
            r#"{{
  gateway: {{ mode: "local" }},
  agents: {{ defaults: {{ model: {{ primary: "fake/fast" }}, maxConcurrent: 64 }} }},
  models: {{ providers: {{ fake: {{ baseUrl: "{model_url}/v1", api: "openai-completions", apiKey: "none",
    models: [{{ id: "fast", name: "Fast" }}] }} }} }},
  {extra}
}}"#
        );
        fs::write(folder.path().join("chela.json"), config)?;
        Ok(Self { folder })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command of the binary against this home.
    pub(crate) fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(binary()?);
        self.prepare(command.args(arguments));
        Ok(command)
    }

    /// Starts the gateway and waits until it says where it listens.
    pub(crate) fn start(&self) -> Result<Running> {
        self.start_under(&[])
    }

    /// Starts the gateway as the last argument of another program, which becomes it or runs it.
    pub(crate) fn start_under(&self, runner: &[String]) -> Result<Running> {
        let begun = Instant::now();
        let binary = binary()?;
        let mut command = match runner.split_first() {
            None => Command::new(binary),
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(binary);
                command
            }
        };
        self.prepare(command.args(["gateway", "--allow-unconfigured", "--port", "0"]));
        Running::when_ready(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?, begun)
    }

    fn prepare(&self, command: &mut Command) {
        command
            .env_clear()
            .env("HOME", self.path())
            .env("PATH", "/usr/bin:/bin")
            .env("CHELA_STATE_DIR", self.path())
            .env("CHELA_GATEWAY_TOKEN", TOKEN)
            .stdin(Stdio::null());
    }
}

fn port_of(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("listening on ws://")?;
    let address = rest.split_whitespace().next()?;
    address.rsplit(':').next()?.parse().ok()
}

/// A running gateway; killed when dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) port: u16,
    /// From exec until the line that says where it listens.
    pub(crate) to_listening: Duration,
    /// From exec until `[gateway] ready`.
    pub(crate) to_ready: Duration,
}

impl Running {
    /// Reads what a child says that was started at `begun`, until it is ready.
    fn when_ready(mut child: Child, begun: Instant) -> Result<Self> {
        let stdout = child.stdout.take().context("stdout is piped")?;
        let stderr = child.stderr.take().context("stderr is piped")?;
        let (lines, read) = std::sync::mpsc::channel();
        for stream in [Box::new(stdout) as Box<dyn Read + Send>, Box::new(stderr)] {
            let lines = lines.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = lines.send((Instant::now(), line));
                }
            });
        }
        let mut listening = None;
        let mut seen = Vec::new();
        while begun.elapsed() < START_TIMEOUT {
            let Ok((at, line)) = read.recv_timeout(START_TIMEOUT) else { break };
            if let Some(port) = port_of(&line) {
                listening = Some((at - begun, port));
            }
            if let Some((to_listening, port)) = listening
                && line.contains("[gateway] ready")
            {
                return Ok(Self { child, port, to_listening, to_ready: at - begun });
            }
            seen.push(line);
        }
        let _ = child.kill();
        bail!("the gateway did not get ready; it said:\n{}", seen.join("\n"))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn websocket(&self) -> String {
        format!("ws://127.0.0.1:{}/", self.port)
    }

    /// A figure of `/proc/<pid>/smaps_rollup` in kilobytes, for example `Pss` or `Private_Dirty`.
    pub(crate) fn memory_kb(&self, field: &str) -> Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let line = text.lines().find(|line| line.split(':').next() == Some(field));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.and_then(|number| number.parse().ok()).with_context(|| format!("no {field} in smaps_rollup"))
    }

    /// Where its memory is.
    pub(crate) fn resident(&self) -> Result<Resident> {
        let folder = PathBuf::from(format!("/proc/{}", self.child.id()));
        let program = fs::read_link(folder.join("exe"))?;
        Resident::read(&fs::read_to_string(folder.join("smaps"))?, &program.to_string_lossy())
    }

    /// Its process, or the one of the program that it was started under.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<()> {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }

    /// Time of the processor that it took so far, in the kernel too.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name of the program is in parentheses and may hold spaces; the 14th and 15th field are counted behind it.
        let (_, fields) = text.rsplit_once(')').context("a stat line names its program")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
        Ok(Duration::from_millis(ticks * TICK_MS))
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes the binary's pages back and drops them from the page cache, so that memory is counted as after a fresh boot.
pub(crate) fn drop_page_cache(binary: &Path) -> Result<()> {
    let file = fs::File::open(binary)?;
    file.sync_all()?;
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    Ok(())
}
