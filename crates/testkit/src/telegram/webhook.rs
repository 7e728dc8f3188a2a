//! The server's side of a webhook: calls it with each update until it is answered with 200.
//!
//! Updates of one chat are given in their order, the next after the last was taken; chats don't wait for each other.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Shared;
use super::state::{Hook, State, Update, unix_seconds};

/// Shorter than the real server's, so that tests don't wait.
const RETRY_PAUSE: Duration = Duration::from_millis(20);
/// Longest that a webhook may think.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// Runs as long as the server.
pub(super) async fn call(shared: Arc<Shared>) {
    let mut changed = shared.changed.subscribe();
    let mut busy: HashSet<i64> = HashSet::new();
    let mut calls = JoinSet::new();
    loop {
        changed.mark_unchanged();
        let next = shared.lock().next_call(&busy);
        if let Some((hook, update, address)) = next {
            busy.insert(update.chat);
            let shared = Arc::clone(&shared);
            calls.spawn(async move {
                deliver(&shared, &hook, &update, address).await;
                update.chat
            });
            continue;
        }
        tokio::select! {
            Some(Ok(chat)) = calls.join_next() => { busy.remove(&chat); }
            changed = changed.changed() => {
                if changed.is_err() {
                    return;
                }
            }
        }
    }
}

async fn deliver(shared: &Shared, hook: &Hook, update: &Update, address: Option<SocketAddr>) {
    let answer = match address {
        Some(address) => tokio::time::timeout(CALL_TIMEOUT, post(hook, update, address)).await,
        None => Ok(Err(std::io::Error::other("Failed to resolve host: Name or service not known"))),
    };
    let error = match answer {
        Ok(Ok(200)) => None,
        Ok(Ok(status)) => Some(format!("Wrong response from the webhook: {status}")),
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("Read timeout expired".to_owned()),
    };
    let failed = error.is_some();
    shared.change(|state| state.called(update, error));
    if failed {
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}

/// Speaks just enough HTTP; the fake never calls over TLS, whatever the webhook's address says.
async fn post(hook: &Hook, update: &Update, address: SocketAddr) -> std::io::Result<u16> {
    let after_scheme = hook.url.split_once("://").map_or("", |(_, rest)| rest);
    let (host, path) = after_scheme.split_once('/').unwrap_or((after_scheme, ""));
    let body = update.wire.to_string();
    let secret = hook.secret.iter().map(|secret| format!("X-Telegram-Bot-Api-Secret-Token: {secret}\r\n"));
    let head = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         {}Connection: close\r\n\r\n",
        body.len(),
        secret.collect::<String>(),
    );
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all(head.as_bytes()).await?;
    socket.write_all(body.as_bytes()).await?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await?;
    let line = String::from_utf8_lossy(&answer);
    let status = line.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| std::io::Error::other("Connection closed without an answer"))
}

impl State {
    /// The first update whose chat has no call under way.
    fn next_call(&self, busy: &HashSet<i64>) -> Option<(Hook, Update, Option<SocketAddr>)> {
        let hook = self.webhook.clone().filter(|_| !self.black_hole && !self.down)?;
        let again = self.updates.again.iter();
        let update = again.chain(&self.updates.waiting).find(|update| !busy.contains(&update.chat))?.clone();
        let written = hook.url.strip_prefix("http://").and_then(|rest| rest.split('/').next()?.parse().ok());
        Some((hook, update, self.options.webhook_goes_to.or(written)))
    }

    fn called(&mut self, update: &Update, error: Option<String>) {
        let Some(hook) = &mut self.webhook else { return };
        hook.calls += 1;
        if let Some(error) = error {
            hook.last_error = Some((unix_seconds(), error));
            return;
        }
        if let Some(position) = self.updates.again.iter().position(|found| found.id == update.id) {
            self.updates.again.remove(position);
        } else if let Some(position) = self.updates.waiting.iter().position(|found| found.id == update.id) {
            self.updates.confirmed.extend(self.updates.waiting.remove(position));
        }
    }
}
