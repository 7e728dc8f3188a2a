//! `chela gateway`: runs the daemon, or asks a running one.

use std::process::ExitCode;
use std::time::Duration;

use chela_gateway::config::AuthMode;
use chela_gateway::{Bind, Exit, LogFormat, Options};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{BAD, BOLD, GOOD};
use crate::{resident, target, user};

/// The exit code after a second signal: what shells give a program that a signal ended.
const FORCED: u8 = 130;

#[derive(Debug, Args)]
pub(crate) struct GatewayArgs {
    #[command(subcommand)]
    command: Option<GatewayCommand>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Subcommand)]
enum GatewayCommand {
    /// Run the gateway (the same as no subcommand)
    Run(RunArgs),
    /// Say whether a gateway runs, and where
    #[command(visible_alias = "probe")]
    Status,
    /// Ask the gateway whether it is well
    Health,
    /// Call one method of the gateway's protocol
    Call(CallArgs),
}

/// How to run the daemon.
#[derive(Debug, Default, Args)]
struct RunArgs {
    /// Port of everything: WebSocket, HTTP, the web page; 0 lets the system choose
    #[arg(long)]
    port: Option<u16>,
    /// Which addresses to listen on; anything but loopback needs a token or password
    #[arg(long, value_enum)]
    bind: Option<BindArg>,
    /// What proves that a client may connect
    #[arg(long, value_enum)]
    auth: Option<AuthArg>,
    /// Start without a configuration, and write a minimal one
    #[arg(long)]
    allow_unconfigured: bool,
    /// Stop whatever holds the port first
    #[arg(long)]
    force: bool,
    /// Log in more detail
    #[arg(short, long)]
    verbose: bool,
    /// How log lines are written to the console
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormatArg,
    #[command(flatten)]
    foreign: ForeignArgs,
}

/// Flags of OpenClaw that have no effect here. They are accepted, so that its start scripts work, and noted.
#[derive(Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "independent flags of another program")]
struct ForeignArgs {
    #[arg(long, hide = true, value_name = "STYLE")]
    ws_log: Option<String>,
    #[arg(long, hide = true, value_name = "MODE")]
    tailscale: Option<String>,
    #[arg(long, hide = true)]
    tailscale_reset_on_exit: bool,
    #[arg(long, hide = true)]
    reset: bool,
    #[arg(long, hide = true)]
    compact: bool,
    #[arg(long, hide = true)]
    raw_stream: bool,
    #[arg(long, hide = true, value_name = "FILE")]
    raw_stream_path: Option<String>,
    #[arg(long, hide = true)]
    claude_cli_logs: bool,
    #[arg(long, hide = true)]
    cli_backend_logs: bool,
}

#[derive(Debug, Args)]
struct CallArgs {
    /// For example `health` or `sessions.list`
    method: String,
    /// The method's parameters, as JSON5
    #[arg(long, default_value = "{}", value_name = "JSON")]
    params: String,
    /// Milliseconds to wait for the answer
    #[arg(long, default_value_t = 30_000, value_name = "MS")]
    timeout: u64,
    /// OpenClaw: wait for the last of several answers, which happens anyway.
    #[arg(long, hide = true)]
    expect_final: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum BindArg {
    Auto,
    Lan,
    Loopback,
    Custom,
    Tailnet,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AuthArg {
    None,
    Token,
    Password,
    TrustedProxy,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum LogFormatArg {
    #[default]
    Pretty,
    Json,
}

pub(crate) fn run(args: GatewayArgs, context: &Context) -> Outcome {
    match args.command {
        None => serve(args.run, context),
        Some(GatewayCommand::Run(run)) => serve(run, context),
        Some(GatewayCommand::Status) => status(context),
        Some(GatewayCommand::Health) => super::health::run(super::health::HealthArgs {}, context),
        Some(GatewayCommand::Call(call_args)) => call(&call_args, context),
    }
}

fn serve(args: RunArgs, context: &Context) -> Outcome {
    for flag in args.foreign.given() {
        context.output.note(format!("--{flag} has no effect here"));
    }
    user::may_use(&context.places)?;
    super::import::offer(context)?;
    let options = options(args, context)?;
    context.block_on_workers(async {
        tokio::spawn(resident::give_back());
        let exit = chela_gateway::run(options).await.map_err(Failure::start)?;
        Ok(match exit {
            Exit::Stopped => ExitCode::SUCCESS,
            Exit::Forced => ExitCode::from(FORCED),
        })
    })
}

fn options(args: RunArgs, context: &Context) -> Result<Options, Failure> {
    let global = &context.global;
    let token = match &global.token_file {
        Some(file) => Some(target::first_line(file)?.into()),
        None => global.token.clone(),
    };
    let password = match &global.password_file {
        Some(file) => Some(target::first_line(file)?.into()),
        None => global.password.clone(),
    };
    if global.token.is_some() || global.password.is_some() {
        context.output.note("what stands on the command line can be seen by every user of this machine; prefer --token-file or CHELA_GATEWAY_TOKEN");
    }
    Ok(Options {
        environment: context.environment.clone(),
        places: Some(context.places.clone()),
        port: args.port.or(global.dev.then_some(target::DEV_PORT)),
        bind: args.bind.map(Bind::from),
        auth: args.auth.map(AuthMode::from),
        token,
        password,
        allow_unconfigured: args.allow_unconfigured || global.dev,
        verbose: args.verbose,
        log_format: args.log_format.into(),
        force: args.force,
    })
}

/// Says where a gateway should be, and whether one answers there.
fn status(context: &Context) -> Outcome {
    let output = context.output;
    let target = context.target()?;
    let url = target.url.clone();
    let found = context.block_on(async { context.connect().await?.call("health", json!({})).await });
    if output.json {
        let error = found.as_ref().err().map(Failure::message);
        output.document(&json!({"url": url, "running": found.is_ok(), "health": found.as_ref().ok(), "error": error}));
    } else {
        output.line(format!("{}  {url} ({})", output.style(BOLD, "gateway"), target.source.words()));
        match &found {
            Ok(_) => output.line(format!("{}   {}", output.style(BOLD, "answer"), output.style(GOOD, "it is running"))),
            Err(failure) => {
                output.line(format!("{}   {}", output.style(BOLD, "answer"), output.style(BAD, failure.message())));
            }
        }
    }
    Ok(if found.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn call(args: &CallArgs, context: &Context) -> Outcome {
    let params: Value =
        chela_config::parse(&args.params).map_err(|error| Failure::usage(format!("--params is no JSON: {error}")))?;
    let timeout = Duration::from_millis(args.timeout);
    let answer = context.block_on(async {
        let link = context.connect().await?;
        link.call_within(timeout, &args.method, params).await
    })?;
    context.output.document(&answer);
    Ok(ExitCode::SUCCESS)
}

impl ForeignArgs {
    /// Names of the flags that were given.
    fn given(&self) -> Vec<&'static str> {
        let flags = [
            ("ws-log", self.ws_log.is_some()),
            ("tailscale", self.tailscale.is_some()),
            ("tailscale-reset-on-exit", self.tailscale_reset_on_exit),
            ("reset", self.reset),
            ("compact", self.compact),
            ("raw-stream", self.raw_stream),
            ("raw-stream-path", self.raw_stream_path.is_some()),
            ("claude-cli-logs", self.claude_cli_logs),
            ("cli-backend-logs", self.cli_backend_logs),
        ];
        flags.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect()
    }
}

impl From<BindArg> for Bind {
    fn from(bind: BindArg) -> Self {
        match bind {
            BindArg::Auto => Self::Auto,
            BindArg::Lan => Self::Lan,
            BindArg::Loopback => Self::Loopback,
            BindArg::Custom => Self::Custom,
            BindArg::Tailnet => Self::Tailnet,
        }
    }
}

impl From<AuthArg> for AuthMode {
    fn from(auth: AuthArg) -> Self {
        match auth {
            AuthArg::None => Self::None,
            AuthArg::Token => Self::Token,
            AuthArg::Password => Self::Password,
            AuthArg::TrustedProxy => Self::TrustedProxy,
        }
    }
}

impl From<LogFormatArg> for LogFormat {
    fn from(format: LogFormatArg) -> Self {
        match format {
            LogFormatArg::Pretty => Self::Pretty,
            LogFormatArg::Json => Self::Json,
        }
    }
}
