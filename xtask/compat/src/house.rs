//! Our gateway as its users run it, in front of a fake model and a fake Telegram.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chela_testkit::model::{FakeModel, Part, Reply, Step};
use chela_testkit::telegram::{FakeTelegram, TelegramOptions};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::time::timeout;

/// The token of the tested gateway; it listens on loopback only.
pub(crate) const TOKEN: &str = "a-token-for-stock-clients";

/// With this word in it a message is begun to be answered, and no more.
pub(crate) const ENDLESS: &str = "endlessly";

/// With this every answer of the model begins; the message follows.
pub(crate) const ECHO: &str = "You said: ";

/// Who writes to the bot on the fake Telegram.
pub(crate) const ADA: i64 = 1001;

/// A debug build on a busy machine.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// A running gateway with all that it talks to; gone when dropped.
pub(crate) struct House {
    folder: TempDir,
    model: FakeModel,
    telegram: FakeTelegram,
    _gateway: Child,
    pub(crate) port: u16,
}

impl House {
    pub(crate) async fn start(binary: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let model = FakeModel::start([]).await;
        model.respond_with(|request| answer(&request.last_user_text()));
        let telegram = FakeTelegram::start(TelegramOptions::default()).await;
        telegram.user(ADA, "Ada Lovelace");
        telegram.private_chat(ADA);
        let state = folder.path().join("state");
        std::fs::create_dir_all(&state)?;
        std::fs::write(state.join("chela.json"), config(&model, &telegram).to_string())?;
        let mut command = Command::new(binary);
        command.args(["gateway", "--port", "0"]).env_clear().env("PATH", "/usr/bin:/bin");
        command.env("HOME", folder.path()).env("CHELA_STATE_DIR", &state).env("CHELA_GATEWAY_TOKEN", TOKEN);
        // Why it does not start is for the eyes of who runs this.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        let mut gateway = command.spawn().with_context(|| format!("can't start {}", binary.display()))?;
        let port = timeout(START_TIMEOUT, ready(&mut gateway)).await.context("the gateway does not get ready")??;
        Ok(Self { folder, model, telegram, _gateway: gateway, port })
    }

    pub(crate) fn websocket(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A home for a client.
    pub(crate) fn home(&self) -> std::path::PathBuf {
        self.folder.path().join("client")
    }

    /// What the fakes found wrong with what the gateway sent them.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = self.model.violations();
        faults.extend(self.telegram.faults());
        faults
    }
}

fn answer(said: &str) -> Step {
    let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let words = format!("{ECHO}{line}");
    if line.contains(ENDLESS) {
        let never = Arc::new(Notify::new());
        return Step::Reply(Reply::new([Part::Text(words), Part::Gate(never), Part::Text("done".to_owned())]));
    }
    Step::text(words)
}

fn config(model: &FakeModel, telegram: &FakeTelegram) -> serde_json::Value {
    json!({
        "gateway": { "mode": "local" },
        "models": { "providers": { "fake": {
            "baseUrl": format!("{}/v1", model.url()), "api": "openai-completions", "apiKey": "none",
            "models": [{ "id": "m1", "name": "M One", "contextWindow": 200_000, "maxTokens": 8_192,
                "cost": { "input": 1, "output": 2, "cacheRead": 0, "cacheWrite": 0 } }],
        } } },
        "agents": { "defaults": { "model": { "primary": "fake/m1" }, "skipBootstrap": true } },
        "channels": { "telegram": {
            "apiBase": telegram.url(), "botToken": telegram.token(), "dmPolicy": "open", "allowFrom": ["*"],
        } },
    })
}

/// Reads what the gateway says until it is ready; the rest is read away, so that it never waits for us.
async fn ready(gateway: &mut Child) -> Result<u16> {
    let stdout = gateway.stdout.take().context("stdout is piped")?;
    let mut lines = BufReader::new(stdout).lines();
    let (mut port, mut seen) = (None, Vec::new());
    while let Some(line) = lines.next_line().await? {
        port = port.or_else(|| port_of(&line));
        if let Some(port) = port
            && line.contains("[gateway] ready")
        {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(port);
        }
        seen.push(line);
    }
    bail!("the gateway ended; it said:\n{}", seen.join("\n"))
}

fn port_of(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("listening on ws://")?;
    rest.split_whitespace().next()?.rsplit(':').next()?.parse().ok()
}
