//! The connection to Discord's gateway, kept up for as long as the account is open (<https://docs.discord.com/developers/events/gateway>).
//!
//! One twilight shard is one connection; what happens between two connections is decided here: whether a session is resumed or begun
//! anew, how long to wait, and what no further attempt can mend. Events go to the intake at once; nothing here waits for them.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use twilight_gateway::error::{ReceiveMessageError, ReceiveMessageErrorType};
use twilight_gateway::queue::Queue;
use twilight_gateway::{ConfigBuilder, Intents, Message, Session, Shard, ShardId, ShardState};
use url::Url;

use super::api::root_cause;
use super::bot::Shared;
use super::dispatch::{self, Frame};
use super::failure::TOKEN_REFUSED;
use super::progress::{Progress, SessionRef};
use super::work::Event;
use crate::context::{ChannelFailure, FailureKind};
use crate::status::ConnectionState;

/// From the first packet to READY or RESUMED. Discord needs a second; an identify that must wait has waited before.
const GREETING_TIMEOUT: Duration = Duration::from_secs(20);

/// A heartbeat that is not answered for this long has no living peer. With Discord's interval of 41 s, a half-open socket is found
/// and replaced within a minute (G10).
const ACK_PATIENCE_MAX: Duration = Duration::from_secs(10);
const ACK_PATIENCE_MIN: Duration = Duration::from_millis(250);

/// Resumes that fail before a session is given up for a new one (G10).
const RESUMES_MAX: u32 = 3;

/// A connection that stood this long counts as a success.
const STABLE: Duration = Duration::from_mins(1);

/// Pauses before the next connection, in units of the context's first pause, by the number of short connections in a row. The last
/// one keeps a broken account below the thousand identifies that Discord allows in a day.
const RETRY_PAUSES: [u32; 11] = [0, 0, 1, 2, 4, 8, 15, 15, 15, 15, 15];
const RETRY_PAUSE_LAST: u32 = 90;

/// Discord takes one identify in five seconds, which is five of the usual first pauses.
const IDENTIFY_PAUSE: u32 = 5;

/// See the module.
pub(super) struct Socket {
    shared: Arc<Shared>,
    progress: Arc<Progress>,
    events: mpsc::Sender<Event>,
    message_content: bool,
    identified_at: Option<Instant>,
    failed_resumes: u32,
    short_connections: usize,
    /// Resume addresses that did not answer are not asked again before the usual one.
    avoid_resume_url: bool,
}

/// One connection and what was seen of it.
struct Connection {
    shard: Shard<Unqueued>,
    resumes: bool,
    began: Instant,
    reached: bool,
    greeted: bool,
    greeting_timeout: Duration,
    /// Once HELLO told the interval of heartbeats.
    ack_patience: Option<Duration>,
}

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Closed(Option<u16>),
    /// Discord wants us to connect again.
    Asked,
    InvalidSession {
        resumable: bool,
    },
    NotReached(String),
    Silent,
}

impl Socket {
    pub(super) fn new(shared: Arc<Shared>, progress: Arc<Progress>, events: mpsc::Sender<Event>) -> Self {
        Self {
            message_content: shared.setup.intents.message_content,
            shared,
            progress,
            events,
            identified_at: None,
            failed_resumes: 0,
            short_connections: 0,
            avoid_resume_url: false,
        }
    }

    /// Connects again and again, until the shutdown or something that only a person can mend.
    pub(super) async fn run(mut self) -> Result<(), ChannelFailure> {
        self.shared.context.status.update(|status| status.state = ConnectionState::Connecting);
        let shutdown = self.shared.context.shutdown.clone();
        while let Some(outcome) = shutdown.run_until_cancelled(self.connect()).await {
            if let Err(failure) = outcome {
                self.shared.context.status.update(|status| {
                    status.state = ConnectionState::Failed;
                    status.last_error = Some(failure.message.clone());
                });
                return Err(failure);
            }
        }
        self.shared.context.status.update(|status| status.state = ConnectionState::Stopped);
        Ok(())
    }

    /// One connection from the pause before it to its end.
    async fn connect(&mut self) -> Result<(), ChannelFailure> {
        let session = self.progress.session();
        tokio::time::sleep(self.pause(session.is_some())).await;
        if session.is_none() {
            self.identified_at = Some(Instant::now());
        }
        let mut connection = self.open(session.as_ref());
        let end = self.listen(&mut connection).await;
        drop_session_of(&end, &self.progress);
        self.take_stock(&connection, &end);
        tracing::debug!(target: "discord", account = self.shared.context.account, ?end, "the connection ended");
        self.judge(&end)
    }

    fn pause(&self, resumes: bool) -> Duration {
        let units = RETRY_PAUSES.get(self.short_connections).copied().unwrap_or(RETRY_PAUSE_LAST);
        let unit = self.shared.context.patience.retry_first;
        let retry = unit * units;
        let identify = self
            .identified_at
            .filter(|_| !resumes)
            .map_or(Duration::ZERO, |at| (at + unit * IDENTIFY_PAUSE).saturating_duration_since(Instant::now()));
        retry.max(identify)
    }

    fn open(&self, session: Option<&SessionRef>) -> Connection {
        let setup = &self.shared.setup;
        let mut intents = Intents::GUILDS
            | Intents::GUILD_MESSAGES
            | Intents::GUILD_MESSAGE_REACTIONS
            | Intents::DIRECT_MESSAGES
            | Intents::DIRECT_MESSAGE_REACTIONS;
        intents.set(Intents::MESSAGE_CONTENT, self.message_content);
        intents.set(Intents::GUILD_PRESENCES, setup.intents.presence);
        intents.set(Intents::GUILD_MEMBERS, setup.intents.guild_members);
        let mut config = ConfigBuilder::new(self.shared.token(), intents).queue(Unqueued);
        if let Some(url) = &setup.gateway_url {
            config = config.proxy_url(url.clone());
        }
        if let Some(presence) = setup.presence_payload() {
            config = config.presence(presence);
        }
        if let Some(session) = session {
            config = config.session(Session::new(session.sequence, session.id.clone()));
            if let Some(url) = socket_url(&session.resume_url).filter(|_| !self.avoid_resume_url) {
                config = config.resume_url(url);
            }
        }
        Connection {
            shard: Shard::with_config(ShardId::ONE, config.build()),
            resumes: session.is_some(),
            began: Instant::now(),
            reached: false,
            greeted: false,
            greeting_timeout: GREETING_TIMEOUT.min(self.shared.context.patience.silence),
            ack_patience: None,
        }
    }

    /// Reads until the connection ends or proves dead.
    async fn listen(&self, connection: &mut Connection) -> End {
        loop {
            let look = tokio::time::sleep(connection.next_look());
            tokio::select! {
                item = connection.next() => {
                    let end = match item {
                        Some(Ok(Message::Text(text))) => self.hear(connection, &text).await,
                        Some(Ok(Message::Close(frame))) => {
                            connection.reached |= frame.is_some();
                            Some(End::Closed(frame.map(|frame| frame.code)))
                        }
                        Some(Err(error)) if matches!(error.kind(), ReceiveMessageErrorType::Deserializing { .. }) => {
                            tracing::debug!(target: "discord", %error, "an event can't be read");
                            None
                        }
                        Some(Err(error)) => Some(End::NotReached(root_cause(&error))),
                        None => Some(End::Closed(None)),
                    };
                    if let Some(end) = end {
                        return end;
                    }
                }
                () = look => {
                    if connection.is_silent() {
                        return End::Silent;
                    }
                }
            }
        }
    }

    /// Takes one frame; `Some` when it ends the connection.
    async fn hear(&self, connection: &mut Connection, text: &str) -> Option<End> {
        let Ok(frame) = serde_json::from_str::<Frame<'_>>(text) else { return None };
        connection.reached = true;
        match frame.op {
            Frame::DISPATCH => {
                let (name, sequence) = (frame.t?, frame.s?);
                for event in dispatch::dispatch(&self.shared, &self.progress, name, sequence, frame.data()) {
                    // The intake takes events as they come and keeps no more than it can hold.
                    let _ = self.events.send(event).await;
                }
                if matches!(name, "READY" | "RESUMED") {
                    connection.greeted = true;
                    self.greet();
                    self.progress.write(self.shared.context.state.as_ref()).await;
                }
                None
            }
            Frame::HELLO => {
                connection.ack_patience = frame.heartbeat_interval().map(|interval| self.ack_patience(interval));
                None
            }
            Frame::HEARTBEAT_ACK => {
                self.prove_alive();
                None
            }
            Frame::RECONNECT => Some(End::Asked),
            Frame::INVALID_SESSION => Some(End::InvalidSession { resumable: frame.data() == "true" }),
            _ => None,
        }
    }

    /// READY and RESUMED answer what this very connection sent: they prove the inbound side as a heartbeat's answer does.
    fn greet(&self) {
        self.prove_alive();
        let now = (self.shared.context.clock)();
        self.shared.context.status.update(|status| {
            status.state = ConnectionState::Connected;
            status.connected_at_ms = Some(now);
            status.last_error = None;
        });
    }

    fn ack_patience(&self, heartbeat_interval: Duration) -> Duration {
        (heartbeat_interval / 2).clamp(ACK_PATIENCE_MIN, ACK_PATIENCE_MAX).min(self.shared.context.patience.silence)
    }

    fn prove_alive(&self) {
        let now = (self.shared.context.clock)();
        self.shared.context.status.update(|status| status.alive_at_ms = Some(now));
    }

    /// Counts what the next connection depends on.
    fn take_stock(&mut self, connection: &Connection, end: &End) {
        self.short_connections =
            if connection.greeted && connection.began.elapsed() >= STABLE { 0 } else { self.short_connections + 1 };
        self.avoid_resume_url = !connection.reached && connection.resumes && !self.avoid_resume_url;
        if connection.greeted {
            self.failed_resumes = 0;
        } else if connection.resumes && connection.reached {
            self.failed_resumes += 1;
        }
        if self.failed_resumes >= RESUMES_MAX {
            self.failed_resumes = 0;
            self.progress.forget_session();
        }
        let words = end.words();
        self.shared.context.status.update(|status| {
            status.state = ConnectionState::Reconnecting;
            status.reconnects += 1;
            status.last_error = words;
        });
    }

    /// Whether another connection can help.
    fn judge(&mut self, end: &End) -> Result<(), ChannelFailure> {
        let End::Closed(Some(code)) = end else { return Ok(()) };
        let setup = |message: String| Err(ChannelFailure { kind: FailureKind::Setup, message });
        match code {
            4004 => Err(ChannelFailure { kind: FailureKind::Auth, message: TOKEN_REFUSED.to_owned() }),
            4014 if self.message_content => {
                self.message_content = false;
                self.progress.forget_session();
                let warning = "the bot reads only messages that mention it: enable \"Message Content Intent\" on the page \
                    \"Bot\" of the Developer Portal, or set `channels.discord.intents.messageContent` to false";
                tracing::warn!(target: "discord", "{warning}");
                self.shared.context.status.update(|status| status.warnings = vec![warning.to_owned()]);
                Ok(())
            }
            4014 => setup(format!(
                "Discord does not allow this bot what `channels.discord.intents` asks for: enable {} on the page \"Bot\" of the \
                 Developer Portal, or switch it off there",
                self.shared.setup.intents.privileged()
            )),
            4010 | 4011 => {
                setup("the bot is in too many servers for one connection; Chela serves up to 2500".to_owned())
            }
            4012 | 4013 => setup(format!("Discord refuses the connection's settings (close code {code})")),
            _ => Ok(()),
        }
    }
}

impl Connection {
    /// The next message; `None` when the connection is gone. A shard whose peer went without a word would connect again by itself
    /// and tell nobody, which is ours to decide.
    async fn next(&mut self) -> Option<Result<Message, ReceiveMessageError>> {
        std::future::poll_fn(|cx| match self.shard.poll_next_unpin(cx) {
            Poll::Pending if self.reached && matches!(self.shard.state(), ShardState::Disconnected { .. }) => {
                Poll::Ready(None)
            }
            polled => polled,
        })
        .await
    }

    fn next_look(&self) -> Duration {
        let patience = if self.greeted { self.ack_patience.unwrap_or(ACK_PATIENCE_MAX) } else { self.greeting_timeout };
        patience / 4
    }

    /// Nothing came in though something was due.
    fn is_silent(&self) -> bool {
        if !self.greeted && self.began.elapsed() >= self.greeting_timeout {
            return true;
        }
        let latency = self.shard.latency();
        let (Some(patience), Some(sent), None) = (self.ack_patience, latency.sent(), latency.received()) else {
            return false;
        };
        sent.elapsed() >= patience
    }
}

impl End {
    /// For the status; `None` for what is no trouble.
    fn words(&self) -> Option<String> {
        match self {
            Self::Asked => None,
            Self::Closed(Some(code)) => Some(format!("Discord closed the connection (code {code})")),
            Self::Closed(None) => Some("the connection to Discord broke".to_owned()),
            Self::InvalidSession { .. } => Some("Discord no longer knows the session".to_owned()),
            Self::NotReached(cause) => Some(format!("Discord's gateway can't be reached: {cause}")),
            Self::Silent => Some("Discord's gateway no longer answers".to_owned()),
        }
    }
}

/// A gateway address that can be connected to, without the slash that twilight adds.
pub(super) fn socket_url(written: &str) -> Option<String> {
    let url = Url::parse(written).ok()?;
    let is_socket = matches!(url.scheme(), "ws" | "wss") && url.host_str().is_some();
    is_socket.then(|| url.as_str().trim_end_matches('/').to_owned())
}

fn drop_session_of(end: &End, progress: &Progress) {
    // 4007: the sequence that a resume named is none of that session.
    if matches!(end, End::InvalidSession { resumable: false } | End::Closed(Some(4007))) {
        progress.forget_session();
    }
}

/// Identifies are spaced before the connection is made, so that a shard needs no queue.
#[derive(Debug)]
struct Unqueued;

impl Queue for Unqueued {
    fn enqueue(&self, _shard: u32) -> oneshot::Receiver<()> {
        let (permit, permitted) = oneshot::channel();
        let _ = permit.send(());
        permitted
    }
}
