//! A short day of the gateway under callgrind, so that `cargo xtask dist` learns which functions run when.
//!
//! Leaves a profile for each part of the day: `start`, `rest`, `work` and `stop`. Measures no time: everything is some fifty times slower.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use chela_client::{Client, ClientOptions};
use serde_json::json;

use crate::http::Target;
use crate::platforms::{Platform, Platforms, answering_model};
use crate::process::{Home, Running, TOKEN};

/// Until a gateway that is this slow has nothing left to do.
const SETTLE: Duration = Duration::from_secs(15);
/// Long enough for what a gateway does by itself: looks each second, polls and heartbeats.
const REST: Duration = Duration::from_secs(45);
/// All of it takes some four minutes. Past this the gateway doesn't run under callgrind here.
const DAY_MAX: Duration = Duration::from_mins(20);
/// Turns of each kind. The second of a conversation takes other ways than the first.
const TURNS: usize = 4;
const PATHS: &[&str] = &["/healthz", "/readyz", "/metrics", "/", "/v1/models"];
const METHODS: &[&str] = &["health", "status", "sessions.list", "config.get"];

pub(crate) async fn run(folder: &Path) -> Result<()> {
    let day = tokio::time::timeout(DAY_MAX, day(folder)).await;
    day.with_context(|| format!("the gateway was not done after {} minutes under callgrind", DAY_MAX.as_secs() / 60))?
}

async fn day(folder: &Path) -> Result<()> {
    let (model, platforms) = (answering_model().await, Platforms::start().await?);
    let home = Home::new(&model.url(), &platforms.config())?;
    let gateway = home.start_under(&callgrind(folder))?;
    platforms.connected().await;
    tokio::time::sleep(SETTLE).await;
    end_part(&gateway, folder, "start").await?;
    tokio::time::sleep(REST).await;
    end_part(&gateway, folder, "rest").await?;
    work(&gateway, &platforms).await?;
    tokio::time::sleep(SETTLE).await;
    end_part(&gateway, folder, "work").await?;
    gateway.stop()?;
    take_profile(folder, "stop")
}

/// Names stay as the linker knows them, and are written out each time.
fn callgrind(folder: &Path) -> [String; 6] {
    [
        "valgrind".into(),
        "--quiet".into(),
        "--demangle=no".into(),
        "--tool=callgrind".into(),
        "--compress-strings=no".into(),
        format!("--callgrind-out-file={}", folder.join("profile").display()),
    ]
}

/// What people do in an hour: they look, write in every way there is, and wait for the answers.
async fn work(gateway: &Running, platforms: &Platforms) -> Result<()> {
    for path in PATHS {
        reqwest::Client::new().get(gateway.url(path)).bearer_auth(TOKEN).send().await?.bytes().await?;
    }
    let mut options = ClientOptions::new(gateway.websocket(), Some(TOKEN.into()));
    options.connect_timeout = REST;
    options.request_timeout = REST;
    let (client, _events) = Client::connect(options).await?;
    for method in METHODS {
        client.call(method, json!({})).await?;
    }
    let through = Target::gateway(&gateway.url(""))?;
    for number in 0..TURNS {
        let send = json!({ "sessionKey": "main", "message": "hi", "idempotencyKey": format!("trace-{number}") });
        client.call("chat.send", send).await?;
        through.turn("trace").await?;
    }
    for platform in [Platform::Telegram, Platform::Discord] {
        for talk in &mut platforms.talks(platform, 2) {
            for _ in 0..TURNS {
                if platforms.ask(talk).await.is_none() {
                    bail!("a message of {platform:?} was not answered under callgrind");
                }
            }
        }
    }
    client.call("chat.history", json!({ "sessionKey": "main" })).await?;
    client.close().await;
    Ok(())
}

/// Has what was counted since the last time written, and counts anew.
async fn end_part(gateway: &Running, folder: &Path, part: &str) -> Result<()> {
    let process = format!("--pid={}", gateway.id());
    let mut dump = Command::new("vgdb");
    dump.args([&process, "dump"]).stdin(Stdio::null()).stdout(Stdio::null());
    // The gateway goes on with its talks to this process while it writes.
    let status = tokio::task::spawn_blocking(move || dump.status()).await??;
    if !status.success() {
        bail!("`vgdb {process} dump` failed with {status}");
    }
    take_profile(folder, part)
}

/// Gives the profile that was written last, whose name ends with its number, the name of its part.
fn take_profile(folder: &Path, part: &str) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_profile = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("profile"));
        // At the end there is an empty one of the whole run, too.
        if is_profile && fs::metadata(&path)?.len() > 0 {
            fs::rename(path, folder.join(part))?;
            return Ok(());
        }
    }
    bail!("callgrind left no profile of {part} in {}", folder.display())
}
