//! From an address to an authenticated socket: challenge, connect, hello.

use std::sync::Arc;

use chela_protocol::{
    ChallengePayload, ConnectDevice, ConnectParams, DeviceClaim, HelloOk, MIN_PROTOCOL_VERSION, PROTOCOL_VERSION,
    RequestFrame, ResponseFrame, RpcError, SignatureVersion, limits,
};
use futures_util::{SinkExt, StreamExt};
use rustls::RootCertStore;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};
use url::Url;

use crate::{ClientError, ClientOptions, Event};

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The library would take 128 KiB a socket.
const READ_BUFFER: usize = 4096;
const CONNECT_ID: &str = "connect";

pub(crate) async fn open(options: &ClientOptions) -> Result<(Socket, HelloOk), ClientError> {
    let url = address(&options.url)?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(limits::FRAME_MAX))
        .max_frame_size(Some(limits::FRAME_MAX));
    let connector = (url.scheme() == "wss").then(|| Connector::Rustls(Arc::new(tls(options.roots.clone()))));
    let opening = connect_async_tls_with_config(url.as_str(), Some(config), true, connector);
    let (mut socket, _) = opening.await.map_err(|error| refused(options, &error))?;
    let first: Event = receive(&mut socket, options).await?;
    let challenge: ChallengePayload = serde_json::from_value(first.payload)
        .map_err(|error| not_a_gateway(options, &format!("its first frame is no challenge: {error}")))?;
    let request = RequestFrame {
        id: CONNECT_ID.into(),
        method: "connect".into(),
        params: serde_json::to_value(params(options, &challenge)).ok(),
    };
    let frame = serde_json::to_string(&request).map_err(|error| not_a_gateway(options, &error.to_string()))?;
    socket.send(Message::text(frame)).await.map_err(|error| refused(options, &error))?;
    let response: ResponseFrame = receive(&mut socket, options).await?;
    if let Some(error) = response.error {
        return Err(rejected(error));
    }
    let hello = serde_json::from_value(response.payload.unwrap_or(Value::Null))
        .map_err(|error| not_a_gateway(options, &format!("the hello can't be read: {error}")))?;
    Ok((socket, hello))
}

fn address(text: &str) -> Result<Url, ClientError> {
    let fault = |message: String| ClientError::Address { url: text.to_owned(), message };
    let mut url = Url::parse(text).map_err(|error| fault(error.to_string()))?;
    let scheme = match url.scheme() {
        "ws" | "http" => "ws",
        "wss" | "https" => "wss",
        other => return Err(fault(format!("`{other}` is not ws, wss, http or https"))),
    };
    url.set_scheme(scheme).map_err(|()| fault("the scheme can't be a WebSocket's".into()))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(fault("credentials don't belong into the address; pass the token by itself".into()));
    }
    Ok(url)
}

fn tls(roots: Option<Arc<RootCertStore>>) -> rustls::ClientConfig {
    let built_in = || Arc::new(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows the default protocol versions")
        .with_root_certificates(roots.unwrap_or_else(built_in))
        .with_no_client_auth()
}

fn params(options: &ClientOptions, challenge: &ChallengePayload) -> ConnectParams {
    let scopes: Vec<String> = options.scopes.iter().map(ToString::to_string).collect();
    let device = options.identity.as_ref().map(|identity| {
        let claim = DeviceClaim {
            device_id: identity.id().as_str(),
            client_id: &options.client.id,
            client_mode: &options.client.mode,
            role: &options.role,
            scopes: &scopes,
            signed_at_ms: challenge.ts,
            token: options.auth.signed_credential(),
            nonce: &challenge.nonce,
            platform: Some(&options.client.platform),
            device_family: options.client.device_family.as_deref(),
        };
        ConnectDevice {
            id: identity.id().clone(),
            public_key: identity.public_key(),
            signature: identity.sign(&claim, SignatureVersion::V3),
            signed_at: challenge.ts,
            nonce: Some(challenge.nonce.clone()),
        }
    });
    ConnectParams {
        min_protocol: MIN_PROTOCOL_VERSION,
        max_protocol: PROTOCOL_VERSION,
        client: options.client.clone(),
        caps: options.caps.clone(),
        commands: Vec::new(),
        permissions: None,
        role: Some(options.role.clone()),
        scopes: Some(scopes),
        device,
        auth: Some(options.auth.clone()),
        locale: None,
        user_agent: None,
    }
}

/// The next text frame as what it must be at this point.
async fn receive<T: DeserializeOwned>(socket: &mut Socket, options: &ClientOptions) -> Result<T, ClientError> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                return serde_json::from_str(&text)
                    .map_err(|error| not_a_gateway(options, &format!("unexpected frame: {error}")));
            }
            Some(Ok(Message::Close(frame))) => {
                return Err(ClientError::closed(frame.map(|frame| (frame.code.into(), frame.reason.to_string()))));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(refused(options, &error)),
            None => return Err(ClientError::closed(None)),
        }
    }
}

fn rejected(error: RpcError) -> ClientError {
    let details = error.details.clone().and_then(|details| serde_json::from_value(details).ok());
    ClientError::Rejected { error, details }
}

fn refused(options: &ClientOptions, error: &Error) -> ClientError {
    let url = options.url.clone();
    match error {
        Error::Io(io) => ClientError::Unreachable { url, message: io.to_string() },
        Error::Http(response) => {
            ClientError::NotAGateway { url, message: format!("it answered HTTP {}", response.status()) }
        }
        other => ClientError::NotAGateway { url, message: other.to_string() },
    }
}

fn not_a_gateway(options: &ClientOptions, message: &str) -> ClientError {
    ClientError::NotAGateway { url: options.url.clone(), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_websocket_addresses() {
        assert_eq!(address("http://localhost:18789").unwrap().as_str(), "ws://localhost:18789/");
        assert_eq!(address("https://bot.fly.dev").unwrap().as_str(), "wss://bot.fly.dev/");
        assert_eq!(address("ws://[::1]:3000/").unwrap().as_str(), "ws://[::1]:3000/");
    }

    #[test]
    fn secrets_in_addresses_are_refused() {
        for text in ["ws://user:secret@host/", "ws://host/?token=secret", "ftp://host", "host:1"] {
            assert!(matches!(address(text), Err(ClientError::Address { .. })), "{text}");
        }
    }
}
