//! Watches one running turn and tells clients: paced `chat` and `agent` events, `session.message`, `sessions.changed`.

use std::sync::Arc;

use chela_agent::{AbortReason, TurnEnd, TurnEvent, TurnEventKind};
use chela_llm::{StopReason, Usage};
use chela_protocol::{RunId, SessionKey};
use chela_store::{InboxId, InboxRow, Session};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::messages::messages_of;
use super::row::{RowContext, row_of};
use super::runs::{Outcome, RowName};
use crate::app::Gateway;
use crate::delivery::Live;
use crate::events::{Audience, Event};
use crate::route::Target;
use crate::turn_events::{Moment, RunEvents};

/// One run's watcher.
pub(super) struct Observer {
    gateway: Arc<Gateway>,
    row: RowName,
    events: RunEvents,
    model: Option<(String, String)>,
    started_at_ms: i64,
    concluded: bool,
    begun: bool,
    /// Shows the run to the chat that it answers.
    live: Option<Arc<Live>>,
}

/// Tells clients how a run ended that had no turn of its own.
pub(crate) fn announce(gateway: &Arc<Gateway>, row: &InboxRow, end: &TurnEnd) {
    announce_name(gateway, &RowName::of(row), end);
}

/// Shows clients words of the assistant that no run made.
pub(crate) fn announce_text(gateway: &Arc<Gateway>, target: &Target, run: RunId, text: String) {
    let Target { agent, session } = target.clone();
    let name = RowName { id: InboxId(0), run, session, agent };
    announce_name(
        gateway,
        &name,
        &TurnEnd::Final { text, stop: StopReason::EndTurn, usage: Usage::default(), calls: Vec::new() },
    );
}

/// See [`announce`].
pub(super) fn announce_name(gateway: &Arc<Gateway>, row: &RowName, end: &TurnEnd) {
    let mut events = RunEvents::new(row.session.clone(), row.agent.clone(), row.run.clone());
    let event =
        TurnEvent { session: row.session.clone(), run: row.run.clone(), kind: TurnEventKind::Ended(end.clone()) };
    for event in events.on(&event, moment(gateway)) {
        gateway.events.publish(&event);
    }
}

/// Publishes `sessions.changed` for a session, off the caller's path.
pub(crate) fn session_changed(gateway: &Arc<Gateway>, session: &SessionKey, cause: Value) {
    if !gateway.events.is_session_list_watched() {
        return;
    }
    let (gateway, session) = (gateway.clone(), session.clone());
    gateway.clone().tasks.spawn(async move {
        match gateway.store.session(&session).await {
            Ok(stored) => publish_changed(&gateway, &session, stored.as_ref(), cause),
            Err(error) => tracing::warn!(%error, %session, "can't tell clients about a changed session"),
        }
    });
}

impl Observer {
    pub(super) fn new(gateway: &Arc<Gateway>, row: &RowName, live: Option<Arc<Live>>, now_ms: i64) -> Self {
        Self {
            gateway: gateway.clone(),
            row: row.clone(),
            events: RunEvents::new(row.session.clone(), row.agent.clone(), row.run.clone()),
            model: None,
            started_at_ms: now_ms,
            concluded: false,
            begun: false,
            live,
        }
    }

    /// Passes events on until the turn closes its queue.
    pub(super) async fn watch(&mut self, mut events: mpsc::Receiver<TurnEvent>) {
        if std::mem::replace(&mut self.begun, true) {
            self.events.restart();
        }
        loop {
            let due = self.events.due();
            let pause = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                event = events.recv() => match event {
                    Some(event) => self.happened(&event).await,
                    None => return,
                },
                () = pause => {
                    let now = moment(&self.gateway);
                    let told = self.events.flush(now);
                    self.publish(&told);
                }
            }
        }
    }

    /// The run is over: `together` are the runs that were answered with it.
    pub(super) fn conclude(mut self, end: &TurnEnd, together: &[RowName]) {
        let gateway = self.gateway.clone();
        let runs = &gateway.sessions.runs;
        let _telling = runs.telling();
        self.ended(end);
        if is_shutdown(end) {
            for row in together {
                runs.forget(&row.run);
            }
            return;
        }
        let outcome = Arc::new(self.outcome(end));
        for row in together {
            runs.finish(&row.run, &outcome);
            announce_name(&self.gateway, row, &without_text(end));
        }
    }

    async fn happened(&mut self, event: &TurnEvent) {
        if let TurnEventKind::Ended(end) = &event.kind {
            return self.ended(end);
        }
        if let Some(live) = &self.live {
            live.happened(event);
            if matches!(event.kind, TurnEventKind::ToolStart { .. } | TurnEventKind::ToolEnd { .. }) {
                // The chat may be told of it.
                self.gateway.delivery.wake();
            }
        }
        match &event.kind {
            TurnEventKind::Started { at_ms, .. } => {
                self.started_at_ms = *at_ms;
                self.changed(json!({ "phase": "start", "reason": "agent.run.started" }));
            }
            TurnEventKind::Model { provider, model } => self.model = Some((provider.clone(), model.clone())),
            TurnEventKind::Item { seq, .. } => self.tell_item(*seq).await,
            TurnEventKind::TextDelta { .. }
            | TurnEventKind::ThinkingDelta { .. }
            | TurnEventKind::ToolStart { .. }
            | TurnEventKind::ToolUpdate { .. }
            | TurnEventKind::ToolEnd { .. }
            | TurnEventKind::Usage(_)
            | TurnEventKind::Compaction(_)
            | TurnEventKind::Ended(_) => {}
        }
        self.gateway.sessions.runs.show(event);
        let told = self.events.on(event, moment(&self.gateway));
        self.publish(&told);
    }

    /// Tells the end once. The run leaves the table first, so that whoever asks on the final event finds it gone.
    fn ended(&mut self, end: &TurnEnd) {
        if std::mem::replace(&mut self.concluded, true) {
            return;
        }
        let kind = TurnEventKind::Ended(end.clone());
        let event = TurnEvent { session: self.row.session.clone(), run: self.row.run.clone(), kind };
        if let Some(live) = &self.live {
            live.happened(&event);
        }
        let runs = &self.gateway.sessions.runs;
        let _telling = runs.telling();
        runs.show(&event);
        if is_shutdown(end) {
            // No end for clients: the same run goes on after the next start.
            return runs.forget(&self.row.run);
        }
        runs.finish(&self.row.run, &Arc::new(self.outcome(end)));
        self.gateway.delivery.wake();
        let told = self.events.on(&event, moment(&self.gateway));
        self.publish(&told);
        let phase = if matches!(end, TurnEnd::Failed { .. }) { "error" } else { "end" };
        self.changed(json!({ "phase": phase, "reason": "agent.input.settled" }));
    }

    fn outcome(&self, end: &TurnEnd) -> Outcome {
        Outcome {
            end: end.clone(),
            model: self.model.clone(),
            started_at_ms: self.started_at_ms,
            ended_at_ms: self.gateway.now_ms(),
        }
    }

    fn changed(&self, mut cause: Value) {
        cause["runId"] = self.row.run.as_str().into();
        session_changed(&self.gateway, &self.row.session, cause);
    }

    /// Shows a new transcript item to those who watch this session.
    async fn tell_item(&self, seq: i64) {
        let RowName { session, agent, .. } = &self.row;
        if !self.gateway.events.is_session_watched(session) {
            return;
        }
        let store = &self.gateway.store;
        let Ok(Some(stored)) = store.session(session).await else { return };
        let Ok(items) = store.items_after(&stored.id, seq - 1, 1).await else { return };
        for item in items {
            for message in messages_of(&item) {
                let payload = json!({
                    "sessionKey": session,
                    "agentId": agent,
                    "messageId": item.id,
                    "messageSeq": item.seq,
                    "message": message,
                });
                self.gateway.events.publish(&Event::new(
                    "session.message",
                    Audience::SessionWatchers(session.clone()),
                    &payload,
                ));
            }
        }
    }

    fn publish(&self, events: &[Event]) {
        for event in events {
            self.gateway.events.publish(event);
        }
    }
}

fn publish_changed(gateway: &Arc<Gateway>, key: &SessionKey, stored: Option<&Session>, cause: Value) {
    let mut payload = json!({ "sessionKey": key, "agentId": key.agent(), "ts": gateway.now_ms() });
    if let Some(stored) = stored {
        let book = gateway.sessions.agents(gateway);
        let row = row_of(stored, &RowContext::of(gateway, &book));
        let row = serde_json::to_value(row).unwrap_or_default();
        extend(&mut payload, row.clone());
        payload["session"] = row;
    }
    extend(&mut payload, cause);
    gateway.events.publish(&Event::new("sessions.changed", Audience::SessionListWatchers, &payload));
}

fn extend(target: &mut Value, fields: Value) {
    if let (Value::Object(target), Value::Object(fields)) = (target, fields) {
        target.extend(fields);
    }
}

/// A run whose message went into another's turn ends without words of its own.
fn without_text(end: &TurnEnd) -> TurnEnd {
    match end.clone() {
        TurnEnd::Final { stop, usage, .. } => TurnEnd::Final { text: String::new(), stop, usage, calls: Vec::new() },
        TurnEnd::Aborted { reason, .. } => TurnEnd::Aborted { text: String::new(), reason },
        failed @ TurnEnd::Failed { .. } => failed,
    }
}

fn is_shutdown(end: &TurnEnd) -> bool {
    matches!(end, TurnEnd::Aborted { reason: AbortReason::Shutdown, .. })
}

fn moment(gateway: &Gateway) -> Moment {
    Moment { unix_ms: gateway.now_ms(), instant: Instant::now() }
}
