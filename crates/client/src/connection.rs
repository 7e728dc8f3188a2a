//! The socket: opening it, the handshake, and the task that owns it afterwards.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use std::sync::Arc;

use chela_protocol::{
    ChallengePayload, ClientInfo, CloseCode, ConnectAuth, ConnectDevice, ConnectParams, DeviceClaim, EventFrame,
    HelloOk, MIN_PROTOCOL_VERSION, PROTOCOL_VERSION, RequestFrame, RpcError, SignatureVersion, limits,
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};
use url::Url;

use crate::{ClientError, ClientOptions};

/// A client reads little at a time; large answers grow the buffer by themselves.
const READ_BUFFER: usize = 8 * 1024;
/// Calls that may wait for their answers.
const PENDING_MAX: usize = 1024;

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What the gateway sends.
#[derive(Deserialize)]
struct Inbound {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    ok: bool,
    #[serde(default)]
    payload: Option<Box<RawValue>>,
    #[serde(default)]
    error: Option<RpcError>,
}

/// A call on its way to the socket.
pub(crate) struct Outbound {
    pub(crate) request: RequestFrame,
    pub(crate) answers: mpsc::Sender<Result<Value, ClientError>>,
}

/// Opens a socket and shakes hands.
pub(crate) async fn open(url: &str, options: &ClientOptions) -> Result<(Socket, HelloOk), ClientError> {
    let target = parse_url(url)?;
    let opening = async {
        let mut socket = dial(&target).await?;
        let hello = shake_hands(&mut socket, options, &target).await?;
        Ok((socket, hello))
    };
    let late = || ClientError::ConnectTimeout { url: target.to_string(), after: options.connect_timeout };
    timeout(options.connect_timeout, opening).await.unwrap_or_else(|_| Err(late()))
}

/// `http` and `https` addresses mean the same gateway.
fn parse_url(text: &str) -> Result<Url, ClientError> {
    let bad = || ClientError::BadUrl { url: text.to_owned() };
    let text = match text.trim() {
        plain if plain.contains("://") => plain.to_owned(),
        plain => format!("ws://{plain}"),
    };
    let mut url = Url::parse(&text).map_err(|_| bad())?;
    let scheme = match url.scheme() {
        "ws" | "http" => "ws",
        "wss" | "https" => "wss",
        _ => return Err(bad()),
    };
    let fixed = text.split_once("://").map(|(_, rest)| format!("{scheme}://{rest}")).ok_or_else(bad)?;
    url = Url::parse(&fixed).unwrap_or(url);
    if url.host_str().is_none() || !url.username().is_empty() || url.password().is_some() {
        return Err(bad());
    }
    Ok(url)
}

async fn dial(url: &Url) -> Result<Socket, ClientError> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(limits::OUTBOUND_BYTES_MAX))
        .max_frame_size(Some(limits::OUTBOUND_BYTES_MAX));
    let connector = if url.scheme() == "wss" { Connector::Rustls(tls(url)?) } else { Connector::Plain };
    match connect_async_tls_with_config(url.as_str(), Some(config), true, Some(connector)).await {
        Ok((socket, _)) => Ok(socket),
        Err(error) => Err(dial_error(url, &error)),
    }
}

fn tls(url: &Url) -> Result<Arc<rustls::ClientConfig>, ClientError> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientError::Tls { url: url.to_string(), reason: error.to_string() })?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn dial_error(url: &Url, error: &WsError) -> ClientError {
    let (url, reason) = (url.to_string(), error.to_string());
    match error {
        WsError::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => ClientError::Tls { url, reason },
        WsError::Io(_) => ClientError::Unreachable { url, reason },
        WsError::Tls(_) => ClientError::Tls { url, reason },
        WsError::Url(_) => ClientError::BadUrl { url },
        _ => ClientError::NotAGateway { url, reason },
    }
}

async fn shake_hands(socket: &mut Socket, options: &ClientOptions, url: &Url) -> Result<HelloOk, ClientError> {
    let foreign = |reason: &str| ClientError::NotAGateway { url: url.to_string(), reason: reason.to_owned() };
    let challenge: EventFrame<ChallengePayload> =
        serde_json::from_str(&next_text(socket).await?).map_err(|_| foreign("it does not begin with a challenge"))?;
    let challenge = challenge.payload.ok_or_else(|| foreign("its challenge is empty"))?;
    let params = serde_json::to_value(connect_params(options, &challenge)).expect("our parameters serialise");
    let request = RequestFrame { id: "connect".to_owned(), method: "connect".to_owned(), params: Some(params) };
    let text = serde_json::to_string(&request).expect("our request serialises");
    socket.send(Message::text(text)).await.map_err(|error| closed(&error))?;
    loop {
        let inbound: Inbound =
            serde_json::from_str(&next_text(socket).await?).map_err(|_| foreign("its answer can't be read"))?;
        if inbound.kind != "res" || inbound.id.as_deref() != Some("connect") {
            continue;
        }
        if let Some(error) = inbound.error {
            return Err(ClientError::of_connect(error));
        }
        let payload = inbound.payload.ok_or_else(|| foreign("its hello is empty"))?;
        return serde_json::from_str(payload.get())
            .map_err(|error| foreign(&format!("its hello can't be read: {error}")));
    }
}

fn connect_params(options: &ClientOptions, challenge: &ChallengePayload) -> ConnectParams {
    let auth = ConnectAuth {
        token: options.token.clone(),
        password: options.password.clone(),
        device_token: options.device_token.clone(),
        bootstrap_token: None,
    };
    let device = options.identity.as_ref().map(|identity| {
        // A clock that is off on either side must not lock anybody out, so the challenge's time is signed.
        let signed_at = if challenge.ts > 0 { challenge.ts } else { now_ms() };
        let id = identity.id();
        let claim = DeviceClaim {
            device_id: id.as_str(),
            client_id: &options.client_id,
            client_mode: &options.client_mode,
            role: &options.role,
            scopes: &options.scopes,
            signed_at_ms: signed_at,
            token: auth.signed_credential(),
            nonce: &challenge.nonce,
            platform: Some(std::env::consts::OS),
            device_family: None,
        };
        let signature = identity.sign(&claim.payload(SignatureVersion::V3));
        let nonce = Some(challenge.nonce.clone());
        ConnectDevice { public_key: identity.public_key(), signature, signed_at, nonce, id }
    });
    ConnectParams {
        min_protocol: MIN_PROTOCOL_VERSION,
        max_protocol: PROTOCOL_VERSION,
        client: ClientInfo {
            id: options.client_id.clone(),
            display_name: options.display_name.clone(),
            version: options.version.clone(),
            build_id: None,
            platform: std::env::consts::OS.to_owned(),
            device_family: None,
            model_identifier: None,
            time_zone: None,
            mode: options.client_mode.clone(),
            instance_id: None,
        },
        caps: options.caps.clone(),
        commands: Vec::new(),
        permissions: None,
        role: Some(options.role.clone()),
        scopes: Some(options.scopes.clone()),
        device,
        auth: Some(auth),
        locale: None,
        user_agent: None,
    }
}

fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

async fn next_text(socket: &mut Socket) -> Result<String, ClientError> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
            Some(Ok(Message::Close(frame))) => return Err(closed_by(frame)),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(closed(&error)),
            None => return Err(ClientError::Closed { code: None, reason: String::new() }),
        }
    }
}

fn closed(error: &WsError) -> ClientError {
    ClientError::Closed { code: None, reason: error.to_string() }
}

fn closed_by(frame: Option<CloseFrame>) -> ClientError {
    match frame {
        Some(frame) => ClientError::Closed { code: Some(frame.code.into()), reason: frame.reason.to_string() },
        None => ClientError::Closed { code: None, reason: String::new() },
    }
}

/// Owns the socket until it ends or nobody calls any more.
pub(crate) async fn drive(
    mut socket: Socket,
    mut calls: mpsc::Receiver<Outbound>,
    events: mpsc::Sender<EventFrame>,
    silence: Duration,
) {
    let mut pending = HashMap::new();
    let end = loop {
        tokio::select! {
            call = calls.recv() => {
                let Some(call) = call else {
                    let _ = timeout(limits::CLOSE_GRACE, socket.close(None)).await;
                    return;
                };
                if let Err(error) = send(&mut socket, &mut pending, call).await {
                    break error;
                }
            }
            text = timeout(silence, next_text(&mut socket)) => match text {
                Ok(Ok(text)) => receive(&text, &mut pending, &events),
                Ok(Err(error)) => break error,
                Err(_) => {
                    let frame = CloseFrame { code: CloseCode::TickTimeout.as_u16().into(), reason: "tick timeout".into() };
                    let _ = timeout(limits::CLOSE_GRACE, socket.close(Some(frame))).await;
                    break ClientError::Closed { code: None, reason: "the gateway went silent".to_owned() };
                }
            },
        }
    };
    for (_, answers) in pending {
        let _ = answers.try_send(Err(end.clone()));
    }
    calls.close();
    while let Some(call) = calls.recv().await {
        let _ = call.answers.try_send(Err(end.clone()));
    }
}

type Pending = HashMap<String, mpsc::Sender<Result<Value, ClientError>>>;

async fn send(socket: &mut Socket, pending: &mut Pending, call: Outbound) -> Result<(), ClientError> {
    pending.retain(|_, answers| !answers.is_closed());
    if pending.len() >= PENDING_MAX {
        let _ = call.answers.try_send(Err(ClientError::Busy));
        return Ok(());
    }
    let text = serde_json::to_string(&call.request).expect("our request serialises");
    pending.insert(call.request.id, call.answers);
    match timeout(limits::REQUEST_TIMEOUT, socket.send(Message::text(text))).await {
        Ok(sent) => sent.map_err(|error| closed(&error)),
        Err(_) => Err(ClientError::Closed { code: None, reason: "the gateway takes nothing more".to_owned() }),
    }
}

fn receive(text: &str, pending: &mut Pending, events: &mpsc::Sender<EventFrame>) {
    let Ok(inbound) = serde_json::from_str::<Inbound>(text) else {
        tracing::debug!("passed over a frame that can't be read");
        return;
    };
    if inbound.kind == "event" {
        if let Ok(event) = serde_json::from_str(text) {
            // A caller that does not read its events loses them; `seq` shows the gap.
            let _ = events.try_send(event);
        }
        return;
    }
    let Some(id) = inbound.id else { return };
    let answer = match (inbound.ok, inbound.error) {
        (true, _) => {
            let payload = inbound.payload.and_then(|payload| serde_json::from_str(payload.get()).ok());
            Ok(payload.unwrap_or(Value::Null))
        }
        (false, Some(error)) => Err(ClientError::Refused(error)),
        (false, None) => Err(ClientError::Refused(RpcError::unavailable("the gateway gave no reason"))),
    };
    let is_last = !matches!(&answer, Ok(payload) if payload["status"] == "accepted");
    if let Some(answers) = pending.get(&id) {
        let _ = answers.try_send(answer);
    }
    if is_last {
        pending.remove(&id);
    }
}
