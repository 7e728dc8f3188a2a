//! One turn as the terminal sees it: send, follow the events, survive a lost connection, abort.

use std::future::Future;
use std::time::Duration;

use chela_client::Event;
use chela_protocol::methods::agent::{AgentWaitParams, AgentWaitResult};
use chela_protocol::methods::chat::{ChatAbortParams, ChatHistoryParams, ChatHistoryResult, ChatSendParams};
use chela_protocol::{AgentEvent, ChatEvent, ChatState};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::prompt::Entry;
use super::view::TurnView;
use super::{ChatArgs, RECONNECT_FOR};
use crate::context::Context;
use crate::failure::Failure;
use crate::link::{Link, decode, message_text};

/// First pause before a lost connection is tried again; doubled up to [`RETRY_MAX`].
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(2);

/// How long one question for a run's end waits before it is asked again.
const WAIT_STEP_MS: u64 = 20_000;

/// How a turn ended for the person who watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TurnEnd {
    Answered,
    Aborted,
    Failed,
    /// A second Ctrl-C.
    Leave,
}

/// A conversation with one session.
pub(super) struct Chat<'c> {
    link: Link,
    key: String,
    thinking: Option<String>,
    verbose: bool,
    context: &'c Context,
}

/// What the loop of a turn waits for.
enum Happening {
    Event(Event),
    Lost,
    Interrupted,
}

impl<'c> Chat<'c> {
    pub(super) fn new(link: Link, key: String, args: &ChatArgs, context: &'c Context) -> Self {
        Self { link, key, thinking: args.thinking.clone(), verbose: args.verbose, context }
    }

    /// Waits for the keyboard and drops what the gateway says meanwhile, so that its queue for us stays empty.
    pub(super) async fn while_idle(
        &mut self,
        typed: impl Future<Output = Result<Entry, Failure>>,
    ) -> Result<Entry, Failure> {
        tokio::pin!(typed);
        let mut alive = true;
        loop {
            tokio::select! {
                entry = &mut typed => return entry,
                event = self.link.next_event(), if alive => alive = event.is_some(),
            }
        }
    }

    /// Sends a message and shows the answer until its end.
    pub(super) async fn turn(&mut self, message: &str) -> Result<TurnEnd, Failure> {
        let run = uuid::Uuid::new_v4().to_string();
        let params = ChatSendParams {
            session_key: self.key.clone(),
            message: message.to_owned(),
            thinking: self.thinking.clone(),
            idempotency_key: Some(run.clone()),
            ..ChatSendParams::default()
        };
        let answer = self.send(&params).await?;
        let mut view = TurnView::new(self.context.output, self.verbose);
        let Some(run) = answer["runId"].as_str().map(str::to_owned) else {
            // `/stop` and the like are done when they are answered.
            view.notice(if answer["aborted"] == true { "stopped" } else { "done" });
            return Ok(TurnEnd::Answered);
        };
        let end = match answer["status"].as_str() {
            Some("ok") => self.show_stored(&mut view).await?,
            _ => self.follow(&run, &mut view).await?,
        };
        view.close();
        Ok(end)
    }

    /// Sends; over a new connection when the old one is gone. The key makes a repeated message one message.
    async fn send(&mut self, params: &ChatSendParams) -> Result<Value, Failure> {
        match self.link.call("chat.send", params).await {
            Err(failure) if failure.is_disconnect() => {
                self.reconnect().await?;
                self.link.call("chat.send", params).await
            }
            other => other,
        }
    }

    async fn follow(&mut self, run: &str, view: &mut TurnView) -> Result<TurnEnd, Failure> {
        let mut aborting = false;
        loop {
            match self.happening().await {
                Happening::Event(event) => {
                    if let Some(end) = show(run, event, view) {
                        return Ok(end);
                    }
                }
                Happening::Lost => {
                    view.notice("connection lost; waiting for the gateway");
                    self.reconnect().await?;
                    return self.wait_for_end(run, view).await;
                }
                Happening::Interrupted if aborting => return Ok(TurnEnd::Leave),
                Happening::Interrupted => {
                    aborting = true;
                    self.abort(run).await?;
                }
            }
        }
    }

    async fn happening(&mut self) -> Happening {
        tokio::select! {
            event = self.link.next_event() => event.map_or(Happening::Lost, Happening::Event),
            // Without a signal handler there is no Ctrl-C to wait for.
            Ok(()) = tokio::signal::ctrl_c() => Happening::Interrupted,
        }
    }

    async fn abort(&self, run: &str) -> Result<(), Failure> {
        let params = ChatAbortParams {
            session_key: self.key.clone(),
            run_id: Some(run.to_owned()),
            ..ChatAbortParams::default()
        };
        self.link.call("chat.abort", params).await.map(|_| ())
    }

    async fn reconnect(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + RECONNECT_FOR;
        let mut pause = RETRY_FIRST;
        loop {
            match self.context.connect().await {
                Ok(link) => {
                    self.link = link;
                    return Ok(());
                }
                Err(failure) if Instant::now() + pause > deadline => return Err(failure),
                Err(_) => {
                    sleep(pause).await;
                    pause = (pause * 2).min(RETRY_MAX);
                }
            }
        }
    }

    /// After a reconnect the events of the run so far are gone: its end is waited for, and the answer read from the history.
    async fn wait_for_end(&mut self, run: &str, view: &mut TurnView) -> Result<TurnEnd, Failure> {
        loop {
            let params = AgentWaitParams { run_id: run.to_owned(), timeout_ms: Some(WAIT_STEP_MS) };
            let result: AgentWaitResult = decode("agent.wait", self.link.call("agent.wait", params).await?)?;
            match result.status.as_str() {
                "timeout" => {}
                "ok" => return self.show_stored(view).await,
                _ => {
                    view.failed(result.error.as_deref().unwrap_or("the turn failed"));
                    return Ok(TurnEnd::Failed);
                }
            }
        }
    }

    /// Shows the last answer of the session as it is stored.
    async fn show_stored(&self, view: &mut TurnView) -> Result<TurnEnd, Failure> {
        let params =
            ChatHistoryParams { session_key: self.key.clone(), limit: Some(1), ..ChatHistoryParams::default() };
        let history: ChatHistoryResult = decode("chat.history", self.link.call("chat.history", params).await?)?;
        if let Some(message) = history.messages.last() {
            view.whole(&message_text(message));
        }
        Ok(TurnEnd::Answered)
    }
}

/// Shows an event when it belongs to the run. `Some` at the run's end.
fn show(run: &str, event: Event, view: &mut TurnView) -> Option<TurnEnd> {
    match event.name.as_str() {
        "chat" => {
            let chat: ChatEvent = serde_json::from_value(event.payload).ok()?;
            if chat.run_id.as_str() == run { show_chat(chat.state, view) } else { None }
        }
        "agent" => {
            let agent: AgentEvent = serde_json::from_value(event.payload).ok()?;
            if agent.run_id.as_str() == run {
                view.agent(&agent.stream, &agent.data);
            }
            None
        }
        _ => None,
    }
}

fn show_chat(state: ChatState, view: &mut TurnView) -> Option<TurnEnd> {
    match state {
        ChatState::Status { .. } => None,
        ChatState::Delta { delta_text, replace, .. } => {
            view.delta(&delta_text, replace == Some(true));
            None
        }
        ChatState::Final { message, usage, .. } => {
            view.whole(&message.as_ref().map(message_text).unwrap_or_default());
            view.usage(usage.as_ref());
            Some(TurnEnd::Answered)
        }
        ChatState::Aborted { .. } => {
            view.notice("stopped");
            Some(TurnEnd::Aborted)
        }
        ChatState::Error { error_message, .. } => {
            view.failed(error_message.as_deref().unwrap_or("the turn failed"));
            Some(TurnEnd::Failed)
        }
    }
}
