//! The webhook: the whole way through a port, and what is refused at the door.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use chela_channels::{ConnectionState, Transport, Webhook, WebhookRequest};
use chela_testkit::telegram::{FakeTelegram, TelegramFailure, TelegramOptions};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{ADA, Gateway, fake_with};
use crate::conformance::world::eventually;

const SECRET: &str = "shown-by-telegram";

/// A port like the gateway's, for one door.
struct Port {
    address: SocketAddr,
    door: watch::Sender<Option<Arc<dyn Webhook>>>,
}

impl Port {
    async fn listen() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback can be bound");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (door, opened) = watch::channel(None);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let opened: watch::Receiver<Option<Arc<dyn Webhook>>> = opened.clone();
                tokio::spawn(async move { serve(socket, opened).await });
            }
        });
        Self { address, door }
    }

    async fn fake(&self) -> FakeTelegram {
        fake_with(TelegramOptions { webhook_goes_to: Some(self.address), ..TelegramOptions::default() }).await
    }
}

/// Answers one call as the gateway does.
async fn serve(socket: TcpStream, mut opened: watch::Receiver<Option<Arc<dyn Webhook>>>) {
    let door = opened.wait_for(Option::is_some).await.expect("the test holds the sender").clone().expect("it is some");
    let mut socket = BufReader::new(socket);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        socket.read_line(&mut line).await.expect("the head can be read");
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let is_ours = lines[0].split_whitespace().nth(1) == Some(door.path());
    let headers: BTreeMap<String, String> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned())))
        .collect();
    let mut body = vec![0; headers["content-length"].parse().expect("a length")];
    socket.read_exact(&mut body).await.expect("the body can be read");
    let status = if is_ours { door.call(WebhookRequest { headers, body }).await.status } else { 404 };
    let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n");
    socket.write_all(answer.as_bytes()).await.expect("the answer can be written");
}

#[tokio::test]
async fn g11_a_webhook_brings_everything_in_and_nothing_twice() {
    let port = Port::listen().await;
    let (fake, gateway) = (port.fake().await, Gateway::default());
    fake.say(ADA, ADA, "before").send();
    let running = gateway.open(&fake, json!({"webhookUrl": "https://my.host"}));
    let door = running.webhook.clone().expect("a webhook is configured");
    assert!(door.path().len() >= "/telegram/".len() + 16, "{}", door.path());
    port.door.send_replace(Some(Arc::clone(&door)));
    gateway.connected().await;
    assert_eq!(fake.webhook_url(), Some(format!("https://my.host{}", door.path())));
    assert_eq!(gateway.0.status.read().transport, Transport::Webhook);
    gateway.heard("before").await;

    gateway.set_busy();
    fake.say(ADA, ADA, "waits").send();
    eventually("a second try", || (gateway.0.inbox.offers() > 2).then_some(())).await;
    gateway.set_free();
    gateway.heard("waits").await;
    eventually("all to be taken", || (fake.waiting_updates() == 0).then_some(())).await;
    let texts: Vec<String> = gateway.0.inbox.messages().into_iter().map(|message| message.text).collect();
    assert_eq!(texts, ["before", "waits"]);
    // Back to polling: what waits at Telegram is not lost.
    drop(running);
    let _running = gateway.open(&fake, json!({}));
    eventually("no webhook", || fake.webhook_url().is_none().then_some(())).await;
    fake.say(ADA, ADA, "polled").send();
    gateway.heard("polled").await;
    fake.assert_clean();
}

#[tokio::test]
async fn an_address_that_telegram_never_takes_ends_it_and_one_that_it_can_not_see_yet_is_told_again() {
    let refused = |reason: &str| TelegramFailure::Error {
        code: 400,
        description: format!("Bad Request: bad webhook: {reason}"),
        retry_after: None,
    };
    let port = Port::listen().await;
    let (fake, gateway) = (port.fake().await, Gateway::default());
    let keys = json!({"webhookUrl": "https://my.host"});
    fake.fail_next("setWebhook", refused("Failed to resolve host: Name or service not known"));
    let running = gateway.open(&fake, keys.clone());
    gateway.connected().await;
    drop(running);
    fake.fail_always("setWebhook", refused("Webhook can be set up only on ports 80, 88, 443 or 8443"));
    let running = gateway.open(&fake, keys);
    eventually("its end", || running.worker.is_finished().then_some(())).await;
    fake.assert_clean();
}

#[tokio::test]
async fn g22_the_door_opens_for_the_secret_only() {
    let port = Port::listen().await;
    let (fake, gateway) = (port.fake().await, Gateway::default());
    let keys = json!({"webhookUrl": "https://my.host", "webhookPath": "/hook", "webhookSecret": SECRET});
    let running = gateway.open(&fake, keys);
    gateway.connected().await;
    let door = running.webhook.clone().expect("a webhook is configured");
    assert_eq!(door.path(), "/hook");
    let chat = json!({"id": ADA, "type": "private", "first_name": "Ada"});
    let update = json!({"update_id": 1, "message": {"message_id": 77, "date": 1, "chat": chat, "text": "forged",
        "from": {"id": ADA, "is_bot": false, "first_name": "Ada"}}});
    let call = async |secret: Option<&str>, body: Vec<u8>| {
        let header = |secret: &str| ("x-telegram-bot-api-secret-token".to_owned(), secret.to_owned());
        door.call(WebhookRequest { headers: secret.map(header).into_iter().collect(), body }).await.status
    };
    let body = update.to_string().into_bytes();
    for wrong in [None, Some(""), Some("x"), Some("shown-by-telegran"), Some("shown-by-telegram ")] {
        assert_eq!(call(wrong, body.clone()).await, 401, "{wrong:?}");
    }
    assert_eq!(gateway.0.inbox.messages(), []);
    assert_eq!(call(Some(SECRET), vec![b' '; 1024 * 1024 + 1]).await, 413);
    assert_eq!(call(Some(SECRET), b"{".to_vec()).await, 400);
    assert_eq!(call(Some(SECRET), json!({"update_id": 2, "message": 5}).to_string().into_bytes()).await, 200);
    gateway.set_busy();
    assert_eq!(call(Some(SECRET), body.clone()).await, 503);
    gateway.set_free();
    assert_eq!(call(Some(SECRET), body).await, 200);
    gateway.heard("forged").await;
}

#[tokio::test]
async fn g13_a_webhook_that_telegram_cannot_reach_is_not_healthy() {
    let nobody = {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback can be bound");
        listener.local_addr().expect("a bound socket has an address")
    };
    let options = TelegramOptions { webhook_goes_to: Some(nobody), ..TelegramOptions::default() };
    let (fake, gateway) = (fake_with(options).await, Gateway::default());
    fake.say(ADA, ADA, "never comes").send();
    let _running = gateway.open(&fake, json!({"webhookUrl": "https://my.host"}));
    eventually("a failed call", || (fake.webhook_calls() > 0).then_some(())).await;
    let told = |words: &Option<String>| words.as_ref().is_some_and(|words| words.contains("can't deliver 1 update"));
    let status =
        eventually("the words", || Some(gateway.0.status.read()).filter(|status| told(&status.last_error))).await;
    assert_ne!(status.state, ConnectionState::Connected);
}
