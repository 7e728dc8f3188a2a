//! What a command works with: where things are, the configuration, and how to reach the gateway.

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use chela_config::{Environment, Loaded, PlaceOverrides, Places};
use serde::Serialize;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::args::GlobalArgs;
use crate::failure::Failure;
use crate::link::Link;
use crate::output::Output;
use crate::target::Target;

/// Workers of the gateway's runtime: turns wait for models and disks, and two keep a slow one from holding up the rest.
const GATEWAY_WORKERS: usize = 2;

/// Threads for work on files and in the database. Long work, which is two long reads of the store and two searches of tools, leaves
/// half of them to the short. Each that has run keeps a heap of its own, so the number is part of what the gateway holds in memory.
const GATEWAY_BLOCKING_THREADS: usize = 8;

/// How long such a thread waits for more to do. What the allocator keeps for a thread goes only with the thread.
pub(crate) const GATEWAY_BLOCKING_KEPT: Duration = Duration::from_secs(1);

/// Built once from the command line and the environment; holds no open file or socket.
pub(crate) struct Context {
    pub global: GlobalArgs,
    pub output: Output,
    /// The process's variables, without what the configuration adds.
    pub environment: Environment,
    pub places: Places,
}

impl Context {
    pub(crate) fn new(global: GlobalArgs, output: Output) -> Result<Self, Failure> {
        let environment = Environment::of_process();
        let overrides =
            PlaceOverrides { profile: global.profile.clone(), dev: global.dev, ..PlaceOverrides::default() };
        let places = Places::locate(&environment, &overrides).map_err(Failure::place)?;
        Ok(Self { global, output, environment, places })
    }

    /// The configuration, and the environment with what it adds.
    pub(crate) fn load(&self) -> (Loaded, Environment) {
        let mut environment = self.environment.clone();
        let loaded = chela_config::load(&self.places, &mut environment);
        (loaded, environment)
    }

    /// Which gateway the command line, the environment and the configuration mean.
    pub(crate) fn target(&self) -> Result<Target, Failure> {
        let (loaded, environment) = self.load();
        Target::find(&self.global, &environment, &loaded, &self.places)
    }

    pub(crate) async fn connect(&self) -> Result<Link, Failure> {
        Link::open(self.target()?, &self.places).await
    }

    /// One request, one answer.
    pub(crate) fn ask(&self, method: &'static str, params: impl Serialize) -> Result<Value, Failure> {
        self.block_on(async { self.connect().await?.call(method, params).await })
    }

    /// Says that a change is made: the gateway's answer with `--json`, a sentence without.
    pub(crate) fn done(&self, answer: &Value, said: &str) {
        if self.output.json {
            self.output.document(answer);
        } else {
            self.output.line(said);
        }
    }

    /// Runs a client command on this thread. A prompt that still waits for the keyboard doesn't hold up the end.
    #[expect(clippy::unused_self, reason = "commands reach everything outside through their context")]
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        finish(runtime.map_err(|error| Failure::file("start the runtime", &error))?, work)
    }

    /// Runs the daemon on its workers.
    #[expect(clippy::unused_self, reason = "commands reach everything outside through their context")]
    pub(crate) fn block_on_workers(
        &self,
        work: impl Future<Output = Result<ExitCode, Failure>>,
    ) -> Result<ExitCode, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(GATEWAY_WORKERS)
            .max_blocking_threads(GATEWAY_BLOCKING_THREADS)
            .thread_keep_alive(GATEWAY_BLOCKING_KEPT)
            .enable_all()
            .build();
        finish(runtime.map_err(|error| Failure::file("start the runtime", &error))?, work)
    }
}

fn finish<T>(runtime: Runtime, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}
