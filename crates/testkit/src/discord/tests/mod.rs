//! The fake as twilight, a client that others use against the real one, sees it; and what it refuses.

mod conversation;
mod requests;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use twilight_gateway::{ConfigBuilder, Event, EventTypeFlags, Intents, Shard, ShardId, StreamExt as _};
use twilight_http::Client;
use twilight_http::api_error::ApiError;
use twilight_http::error::ErrorType;
use twilight_http::request::channel::reaction::RequestReactionType;
use twilight_http::request::{Form, Method, RequestBuilder};
use twilight_model::id::Id;

use super::*;

const WANTED: Intents = Intents::GUILDS
    .union(Intents::GUILD_MESSAGES)
    .union(Intents::GUILD_MESSAGE_REACTIONS)
    .union(Intents::DIRECT_MESSAGES)
    .union(Intents::MESSAGE_CONTENT);

fn shard(discord: &FakeDiscord, intents: Intents) -> Shard {
    // Twilight builds a TLS client in any case. Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = ConfigBuilder::new(discord.token(), intents).proxy_url(discord.gateway_url()).build();
    Shard::with_config(ShardId::ONE, config)
}

fn client(discord: &FakeDiscord) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().token(discord.token()).proxy(discord.host(), true).build()
}

/// The next event that the pick takes.
async fn next<T>(shard: &mut Shard, what: &str, pick: impl Fn(Event) -> Option<T>) -> T {
    let searching = async {
        loop {
            // Errors on the way are what reconnecting looks like.
            if let Some(Ok(event)) = shard.next_event(EventTypeFlags::all()).await
                && let Some(found) = pick(event)
            {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, searching).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

async fn next_text(shard: &mut Shard) -> String {
    next(shard, "a message", |event| match event {
        Event::MessageCreate(message) => Some(message.content.clone()),
        _ => None,
    })
    .await
}

async fn ready(shard: &mut Shard) {
    next(shard, "READY", |event| matches!(event, Event::Ready(_)).then_some(())).await;
}

/// Code of the platform's own error.
fn code<T>(result: Result<T, twilight_http::Error>) -> u64 {
    match result.map(|_| ()).expect_err("a refusal").kind() {
        ErrorType::Response { error: ApiError::General(error), .. } => error.code,
        other => panic!("another error: {other:?}"),
    }
}

/// Status and body of a request in the client's own way.
async fn call(client: &Client, method: Method, path: String, body: &Value) -> (u16, Value) {
    // What a token in the path opens is asked without the bot's own: twilight takes a 401 there for the end of it.
    let open = path.starts_with("webhooks/") || path.starts_with("interactions/");
    let mut request = RequestBuilder::raw(method, path).use_authorization_token(!open);
    if !body.is_null() {
        request = request.json(body);
    }
    answer(client.request::<()>(request.build().expect("a request")).await).await
}

async fn answer(result: Result<twilight_http::Response<()>, twilight_http::Error>) -> (u16, Value) {
    match result {
        Ok(response) => {
            let status = response.status().get();
            let bytes = response.bytes().await.expect("a body");
            (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
        }
        Err(error) => match error.kind() {
            ErrorType::Response { body, status, .. } => {
                (status.get(), serde_json::from_slice(body).unwrap_or(Value::Null))
            }
            other => panic!("no answer: {other:?}"),
        },
    }
}

const AGENT: &str = "DiscordBot (https://example.org, 1)";

/// A request without a client that retries by itself; the whole answer as text.
async fn raw(discord: &FakeDiscord, line: &str, agent: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(discord.host()).await.expect("connects");
    let request = format!(
        "{line} HTTP/1.1\r\nhost: x\r\nuser-agent: {agent}\r\nauthorization: Bot {}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        discord.token(),
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("writes");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("reads");
    answer
}
