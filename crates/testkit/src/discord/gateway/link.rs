//! One connection to the gateway, from its greeting to its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::super::failure::ConnectionPlan;
use super::super::{Shared, State};
use super::hub::LinkCommand;
use super::{WORD_MAX, intents};

/// How much later than asked a heartbeat may come; a busy machine must not look like a dead client.
const HEARTBEAT_GRACE: Duration = Duration::from_secs(20);
/// Words that a client may send in a minute.
const WORDS_MAX: usize = 120;

/// What a word of the client leads to.
enum Flow {
    Go,
    Close(u16, String),
    Drop,
}

struct Link {
    number: u64,
    /// The session that it serves, once there is one.
    session: Option<String>,
    plan: ConnectionPlan,
    words: Vec<Instant>,
    heard: Instant,
}

pub(super) async fn run(
    mut socket: WebSocket,
    shared: Arc<Shared>,
    plan: ConnectionPlan,
    query: Vec<(String, String)>,
) {
    let (sender, mut commands) = mpsc::unbounded_channel();
    let (number, interval) = shared.change(|state| {
        let number = state.hub.next_number();
        state.hub.links.insert(number, sender);
        state.hub.stats.connections += 1;
        (number, state.options.heartbeat)
    });
    let now = Instant::now();
    let mut link = Link { number, session: None, plan, words: Vec::new(), heard: now };
    let talk = async {
        if matches!(link.plan, ConnectionPlan::Silent) {
            return frozen(&mut commands).await;
        }
        greet(&mut socket, &shared, interval, &query).await;
        converse(&mut socket, &mut commands, &shared, &mut link, interval).await;
    };
    tokio::select! {
        () = talk => {}
        () = shared.stop.cancelled() => {}
    }
    shared.change(|state| state.end_link(&link));
}

/// HELLO, for clients that asked for what is spoken here.
async fn greet(socket: &mut WebSocket, shared: &Shared, interval: Duration, query: &[(String, String)]) {
    let asked = |wanted: &str| query.iter().any(|(name, value)| format!("{name}={value}") == wanted);
    if !asked("v=10") || !asked("encoding=json") {
        shared.change(|state| state.faults.push(format!("gateway: asked for {query:?}, not v=10 and encoding=json")));
        return close(socket, 4012, "Invalid API version").await;
    }
    let interval = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
    let hello = json!({"t": null, "s": null, "op": 10, "d": {"heartbeat_interval": interval, "_trace": ["fake"]}});
    // Who is gone already is found out by the next word.
    let _ = socket.send(Message::text(hello.to_string())).await;
}

/// Until one side is done.
async fn converse(
    socket: &mut WebSocket,
    commands: &mut mpsc::UnboundedReceiver<LinkCommand>,
    shared: &Shared,
    link: &mut Link,
    interval: Duration,
) {
    loop {
        let deadline = link.heard + interval + HEARTBEAT_GRACE;
        let flow = tokio::select! {
            command = commands.recv() => match command {
                None | Some(LinkCommand::Drop) => Flow::Drop,
                Some(LinkCommand::Close(code)) => Flow::Close(code, "asked by the script".to_owned()),
                Some(LinkCommand::Freeze) => {
                    frozen(commands).await;
                    Flow::Drop
                }
                // What a frozen connection was to be told waits in its session.
                Some(LinkCommand::Send(_)) if shared.lock().hub.frozen.contains(&link.number) => Flow::Go,
                Some(LinkCommand::Send(frame)) => {
                    let latency = shared.lock().latency;
                    if !latency.is_zero() {
                        tokio::time::sleep(latency).await;
                    }
                    if socket.send(Message::text(frame)).await.is_ok() { Flow::Go } else { Flow::Drop }
                }
            },
            word = socket.recv() => match word {
                Some(Ok(Message::Text(text))) => shared.change(|state| state.hear(link, text.as_str())),
                Some(Ok(Message::Binary(bytes))) => {
                    shared.change(|state| state.hear(link, &String::from_utf8_lossy(&bytes)))
                }
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.map_or(1005, |frame| frame.code);
                    shared.change(|state| state.client_closed(link, code));
                    Flow::Drop
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => Flow::Go,
                None | Some(Err(_)) => Flow::Drop,
            },
            () = tokio::time::sleep_until(deadline.into()) => {
                shared.change(|state| state.faults.push("gateway: no heartbeat came in time".to_owned()));
                Flow::Close(4009, "Session timed out".to_owned())
            }
        };
        match flow {
            Flow::Go => {}
            Flow::Drop => return,
            Flow::Close(code, reason) => {
                shared.change(|state| state.server_closed(link, code));
                close(socket, code, &reason).await;
                return;
            }
        }
    }
}

/// Reads nothing and says nothing, until the script ends the connection.
async fn frozen(commands: &mut mpsc::UnboundedReceiver<LinkCommand>) {
    while let Some(command) = commands.recv().await {
        if matches!(command, LinkCommand::Drop) {
            return;
        }
    }
}

async fn close(socket: &mut WebSocket, code: u16, reason: &str) {
    /// A client that does not answer a close keeps nothing open.
    const FAREWELL: Duration = Duration::from_secs(2);
    let frame = CloseFrame { code, reason: reason.into() };
    if socket.send(Message::Close(Some(frame))).await.is_ok() {
        let answer = async { while let Some(Ok(_)) = socket.recv().await {} };
        let _ = tokio::time::timeout(FAREWELL, answer).await;
    }
}

impl State {
    /// A word of the client.
    fn hear(&mut self, link: &mut Link, text: &str) -> Flow {
        if self.hub.frozen.contains(&link.number) {
            return Flow::Go;
        }
        let now = Instant::now();
        link.words.retain(|at| now.duration_since(*at) < Duration::from_mins(1));
        link.words.push(now);
        if link.words.len() > WORDS_MAX {
            return self.blame(4008, "You are being rate limited");
        }
        let word: Option<Value> = serde_json::from_str(text).ok().filter(|_| text.len() <= WORD_MAX);
        let Some((word, op)) = word.and_then(|word| word["op"].as_u64().map(|op| (word, op))) else {
            return self.blame(4002, "Error while decoding payload");
        };
        // A session that was called invalid counts no more; the client may identify again on the spot.
        let is_known = link.session.as_ref().is_some_and(|id| self.hub.sessions.contains_key(id));
        if op != 1 && !is_known {
            match link.plan {
                ConnectionPlan::Close(code) => return Flow::Close(code, "planned by the script".to_owned()),
                ConnectionPlan::Drop => return Flow::Drop,
                ConnectionPlan::Invalid { resumable } => {
                    link.plan = ConnectionPlan::Normal;
                    return self.invalid(link.number, &word["d"]["session_id"], resumable);
                }
                ConnectionPlan::Refuse(_) | ConnectionPlan::Silent | ConnectionPlan::Normal => {}
            }
        }
        match (op, is_known) {
            (1, _) => self.beat(link, &word["d"]),
            (2, false) => self.identify(link, &word["d"]),
            (6, false) => self.resume(link, &word["d"]),
            (2 | 6, true) => self.blame(4005, "Already authenticated"),
            (3, true) => {
                self.hub.presence = Some(word["d"].clone());
                Flow::Go
            }
            (3 | 4 | 8, false) => self.blame(4003, "Not authenticated"),
            _ => self.blame(4001, "Unknown opcode"),
        }
    }

    fn blame(&mut self, code: u16, words: &str) -> Flow {
        self.faults.push(format!("gateway: closed with {code}: {words}"));
        Flow::Close(code, words.to_owned())
    }

    fn beat(&mut self, link: &mut Link, sequence: &Value) -> Flow {
        link.heard = Instant::now();
        self.hub.stats.heartbeats += 1;
        let sent = link.session.as_ref().and_then(|id| self.hub.sessions.get(id)).map_or(0, |session| session.sequence);
        if sequence.as_u64().is_some_and(|heard| heard > sent) && link.session.is_some() {
            self.faults.push(format!("gateway: a heartbeat names {sequence}, and {sent} was the last"));
        }
        if !self.hub.withholds_acks {
            self.say_to(link.number, &json!({"t": null, "s": null, "op": 11, "d": null}));
        }
        Flow::Go
    }

    fn identify(&mut self, link: &mut Link, data: &Value) -> Flow {
        self.hub.stats.identifies += 1;
        if data["token"].as_str().map(|token| token.trim_start_matches("Bot ")) != Some(self.options.token.as_str()) {
            return Flow::Close(4004, "Authentication failed.".to_owned());
        }
        let Some(intents) = data["intents"].as_u64() else {
            return self.blame(4013, "Invalid intent(s).");
        };
        if intents & !intents::ALL != 0 {
            return self.blame(4013, "Invalid intent(s).");
        }
        self.hub.stats.last_intents = intents;
        if intents & super::super::PRIVILEGED & !self.options.allowed_intents != 0 {
            return Flow::Close(4014, "Disallowed intent(s).".to_owned());
        }
        if ["os", "browser", "device"].iter().any(|name| !data["properties"][name].is_string()) {
            return self.blame(4002, "Error while decoding payload: properties");
        }
        if let Some(shard) = data.get("shard").filter(|shard| !shard.is_null() && **shard != json!([0, 1])) {
            self.faults.push(format!("gateway: there is one shard, not {shard}"));
            return Flow::Close(4010, "Invalid shard.".to_owned());
        }
        if !data["presence"].is_null() {
            self.hub.presence = Some(data["presence"].clone());
        }
        let id = self.hub.begin(intents, link.number);
        link.session = Some(id.clone());
        self.greet(&id, intents, data.get("shard"));
        Flow::Go
    }

    /// READY, then every server.
    fn greet(&mut self, session: &str, wanted: u64, shard: Option<&Value>) {
        let absent = |id: &super::super::Snowflake| json!({"id": id, "unavailable": true});
        let mut ready = json!({
            "v": 10, "user": self.world.myself_json(), "session_id": session, "session_type": "normal",
            "resume_gateway_url": self.base.replacen("http", "ws", 1),
            "guilds": self.world.guilds.keys().map(absent).collect::<Vec<_>>(),
            "application": {"id": self.world.application, "flags": self.application_flags()},
            "private_channels": [], "presences": [], "relationships": [], "user_settings": {}, "_trace": ["fake"],
        });
        if let Some(shard) = shard {
            ready["shard"] = shard.clone();
        }
        self.hub.tell(session, "READY", &ready);
        if wanted & intents::GUILDS != 0 {
            let guilds: Vec<Value> =
                self.world.guilds.values().map(|guild| self.world.guild_create_json(guild)).collect();
            for guild in guilds {
                self.hub.tell(session, "GUILD_CREATE", &guild);
            }
        }
    }

    fn resume(&mut self, link: &mut Link, data: &Value) -> Flow {
        self.hub.stats.resumes += 1;
        if data["token"].as_str().map(|token| token.trim_start_matches("Bot ")) != Some(self.options.token.as_str()) {
            return Flow::Close(4004, "Authentication failed.".to_owned());
        }
        let (Some(id), Some(sequence)) = (data["session_id"].as_str(), data["seq"].as_u64()) else {
            return self.blame(4002, "Error while decoding payload: session_id and seq");
        };
        let Some(session) = self.hub.sessions.get(id) else {
            return self.invalid(link.number, &Value::Null, false);
        };
        if sequence > session.sequence {
            return self.blame(4007, "Invalid seq.");
        }
        let Some(missed) = self.hub.missed(id, sequence) else {
            return self.invalid(link.number, &json!(id), false);
        };
        let former = self.hub.sessions.get_mut(id).and_then(|session| session.link.replace(link.number));
        if let Some(former) = former.and_then(|former| self.hub.links.get(&former)) {
            let _ = former.send(LinkCommand::Drop);
        }
        link.session = Some(id.to_owned());
        if let Some(own) = self.hub.links.get(&link.number) {
            for frame in missed {
                let _ = own.send(LinkCommand::Send(frame));
            }
        }
        self.hub.stats.resumed += 1;
        self.hub.tell(id, "RESUMED", &json!({"_trace": ["fake"]}));
        Flow::Go
    }

    /// Op 9. A session that can't be resumed is gone.
    fn invalid(&mut self, link: u64, session: &Value, resumable: bool) -> Flow {
        if let Some(id) = session.as_str().filter(|_| !resumable) {
            self.hub.sessions.remove(id);
        }
        self.say_to(link, &json!({"t": null, "s": null, "op": 9, "d": resumable}));
        Flow::Go
    }

    fn say_to(&self, link: u64, frame: &Value) {
        if let Some(link) = self.hub.links.get(&link) {
            let _ = link.send(LinkCommand::Send(frame.to_string()));
        }
    }

    /// A client that says goodbye properly ends its session.
    fn client_closed(&mut self, link: &Link, code: u16) {
        self.hub.stats.closes.push(code);
        if let Some(id) = link.session.as_ref().filter(|_| matches!(code, 1000 | 1001)) {
            self.hub.sessions.remove(id);
        }
    }

    /// After these codes a session can't be resumed.
    fn server_closed(&mut self, link: &Link, code: u16) {
        if let Some(id) = link.session.as_ref().filter(|_| matches!(code, 4003..=4005 | 4007 | 4009..=4014)) {
            self.hub.sessions.remove(id);
        }
    }

    fn end_link(&mut self, link: &Link) {
        self.hub.links.remove(&link.number);
        self.hub.frozen.remove(&link.number);
        let session = link.session.as_ref().and_then(|id| self.hub.sessions.get_mut(id));
        if let Some(session) = session.filter(|session| session.link == Some(link.number)) {
            session.link = None;
        }
    }
}
