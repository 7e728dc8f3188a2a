//! The stock programs as they talk: how each of them connects and what it asks first, and what refuses a device. Frames are
//! written from what OpenClaw 2026.9.6, OpenClaw 2026.1.29 and Clawdbot 2026.1.24 send; `cargo xtask compat` runs the programs
//! themselves.

use chela_client::Identity;
use chela_protocol::limits::{DEVICE_CLOCK_SKEW, TICK_INTERVAL};
use chela_protocol::{CloseCode, DeviceClaim, SignatureVersion};
use chela_testkit::model::Step;
use serde_json::{Value, json};

use crate::conversation::{fake_model, house, text_of};
use crate::support::{Socket, TOKEN, TestGateway, gateway};

/// What is done to a connect's parameters; the challenge's nonce comes along.
type Change<'a> = Box<dyn Fn(&mut Value, &str) + 'a>;

/// A program as its `connect` shows it.
struct Stock {
    id: &'static str,
    mode: &'static str,
    version: &'static str,
    protocols: (u32, u32),
    scopes: &'static [&'static str],
    caps: &'static [&'static str],
    /// How its device signs, when it brings one.
    signs: Option<SignatureVersion>,
}

const COMMAND_LINE: Stock = Stock {
    id: "cli",
    mode: "cli",
    version: "2026.9.6",
    protocols: (4, 4),
    scopes: &["operator.write"],
    caps: &[],
    signs: None,
};
const BACKEND: Stock = Stock { id: "gateway-client", mode: "backend", scopes: &["operator.read"], ..COMMAND_LINE };
const PROBE: Stock =
    Stock { mode: "probe", version: "dev", protocols: (3, 4), scopes: &["operator.read"], ..COMMAND_LINE };
const TUI: Stock = Stock {
    id: "openclaw-tui",
    mode: "ui",
    scopes: &["operator.admin", "operator.read", "operator.write", "operator.approvals"],
    caps: &["agent-kind", "plugin-approvals", "task-suggestions", "tool-events"],
    signs: Some(SignatureVersion::V3),
    ..COMMAND_LINE
};
const CONTROL_UI: Stock = Stock {
    id: "openclaw-control-ui",
    mode: "webchat",
    scopes: &["operator.admin", "operator.read", "operator.write", "operator.approvals", "operator.pairing"],
    caps: &["tool-events", "inline-widgets", "ui-commands"],
    ..TUI
};
/// January's programs speak version 3 only, and each of them brings its device.
const JANUARY_COMMAND_LINE: Stock = Stock {
    id: "cli",
    mode: "cli",
    version: "2026.1.29",
    protocols: (3, 3),
    scopes: &["operator.admin", "operator.approvals", "operator.pairing"],
    caps: &[],
    signs: Some(SignatureVersion::V2),
};
const JANUARY_TUI: Stock =
    Stock { id: "gateway-client", mode: "ui", scopes: &["operator.admin"], ..JANUARY_COMMAND_LINE };
/// January's programs wait for the challenge only so long, and then sign without it.
const CLAWDBOT: Stock = Stock { version: "2026.1.24-3", signs: Some(SignatureVersion::V1), ..JANUARY_COMMAND_LINE };

const ALL: [Stock; 8] = [COMMAND_LINE, BACKEND, PROBE, TUI, CONTROL_UI, JANUARY_COMMAND_LINE, JANUARY_TUI, CLAWDBOT];

impl Stock {
    /// The parameters with which it answers a challenge at `signed_at`.
    fn connect(&self, device: &Identity, nonce: &str, signed_at: i64) -> Value {
        let mut params = json!({
            "minProtocol": self.protocols.0, "maxProtocol": self.protocols.1,
            "client": {"id": self.id, "version": self.version, "platform": "Linux", "mode": self.mode,
                "instanceId": "9f3c"},
            "role": "operator", "scopes": self.scopes, "caps": self.caps, "auth": {"token": TOKEN}
        });
        if self.mode == "webchat" {
            params["auth"]["password"] = json!(TOKEN);
        }
        if let Some(version) = self.signs {
            params["device"] = self.signed(version, device, nonce, signed_at);
        }
        params
    }

    fn signed(&self, version: SignatureVersion, device: &Identity, nonce: &str, signed_at: i64) -> Value {
        let scopes: Vec<String> = self.scopes.iter().map(|&scope| scope.to_owned()).collect();
        let claim = DeviceClaim {
            device_id: device.id().as_str(),
            client_id: self.id,
            client_mode: self.mode,
            role: "operator",
            scopes: &scopes,
            signed_at_ms: signed_at,
            token: TOKEN,
            nonce,
            platform: Some("Linux"),
            device_family: None,
        };
        let mut signed = json!({"id": device.id(), "publicKey": device.public_key(),
            "signature": device.sign(&claim, version), "signedAt": signed_at});
        if version != SignatureVersion::V1 {
            signed["nonce"] = json!(nonce);
        }
        signed
    }

    /// Connects on a socket of its own; returns the hello.
    async fn enter(&self, gateway: &TestGateway) -> (Socket, Value) {
        let (mut socket, nonce) = gateway.socket().await;
        let answer = socket.connect(self.connect(&Identity::generate().unwrap(), &nonce, now_ms())).await;
        assert_eq!(answer["ok"], true, "{} {} {}: {answer}", self.id, self.mode, self.version);
        (socket, answer["payload"].clone())
    }
}

fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

#[tokio::test]
async fn each_program_gets_in_by_its_own_connect() {
    let gateway = gateway().await;
    for stock in ALL {
        let name = format!("{} {} {}", stock.id, stock.mode, stock.version);
        let (mut socket, hello) = stock.enter(&gateway).await;
        assert_eq!(hello["protocol"], stock.protocols.1, "{name}");
        assert_eq!(hello["auth"]["scopes"], json!(stock.scopes), "{name}");
        assert_eq!(hello["auth"]["deviceToken"].is_string(), stock.signs.is_some(), "{name}: {}", hello["auth"]);
        assert_eq!(socket.call("health", json!({})).await["ok"], true, "{name}");
        assert_eq!(socket.call("status", json!({})).await["ok"], true, "{name}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_device_is_told_by_its_code() {
    let (device, other) = (Identity::generate().unwrap(), Identity::generate().unwrap());
    let skew_ms = i64::try_from(DEVICE_CLOCK_SKEW.as_millis()).unwrap();
    let late = now_ms() - skew_ms - 60_000;
    let early = now_ms() + skew_ms + 60_000;
    let expired = |signed_at: i64| -> Change<'_> {
        let device = &device;
        Box::new(move |params, nonce| *params = TUI.connect(device, nonce, signed_at))
    };
    let rows: [(&str, &str, Change<'_>); 8] = [
        ("DEVICE_AUTH_SIGNATURE_EXPIRED", "device signature expired", expired(late)),
        ("DEVICE_AUTH_SIGNATURE_EXPIRED", "device signature expired", expired(early)),
        (
            "DEVICE_AUTH_DEVICE_ID_MISMATCH",
            "device identity mismatch",
            Box::new(|params, _| params["device"]["id"] = json!(other.id())),
        ),
        (
            "DEVICE_AUTH_PUBLIC_KEY_INVALID",
            "device public key invalid",
            Box::new(|params, _| params["device"]["publicKey"] = json!("c2hvcnQ")),
        ),
        (
            "DEVICE_AUTH_NONCE_MISMATCH",
            "device nonce mismatch",
            Box::new(|params, _| params["device"]["nonce"] = json!("another")),
        ),
        (
            "DEVICE_AUTH_SIGNATURE_INVALID",
            "device signature invalid",
            Box::new(|params, nonce| {
                let signature = TUI.signed(SignatureVersion::V3, &other, nonce, now_ms())["signature"].clone();
                params["device"]["signature"] = signature;
            }),
        ),
        // What was signed is what is asked: a scope that was added on the way voids the signature.
        (
            "DEVICE_AUTH_SIGNATURE_INVALID",
            "device signature invalid",
            Box::new(|params, _| params["scopes"].as_array_mut().unwrap().push(json!("operator.pairing"))),
        ),
        (
            "DEVICE_AUTH_SIGNATURE_INVALID",
            "device signature invalid",
            Box::new(|params, _| params["client"]["mode"] = json!("cli")),
        ),
    ];
    let gateway = gateway().await;
    for (code, message, change) in &rows {
        let (mut socket, nonce) = gateway.socket().await;
        let mut params = TUI.connect(&device, &nonce, now_ms());
        change(&mut params, &nonce);
        let answer = socket.connect(params).await;
        let error = json!({"code": "INVALID_REQUEST", "message": message,
            "details": {"code": code, "reason": message.replace(' ', "-")}});
        assert_eq!(answer["error"], error);
        socket.assert_closed(CloseCode::Policy, message).await;
    }
}

#[tokio::test]
async fn a_signature_without_the_challenge_counts_on_loopback_only() {
    let gateway = gateway().await;
    let device = Identity::generate().unwrap();
    let (mut socket, nonce) = gateway.socket_with(&[("x-forwarded-for", "203.0.113.7")]).await;
    let answer = socket.connect(CLAWDBOT.connect(&device, &nonce, now_ms())).await;
    assert_eq!(answer["error"]["details"]["code"], "DEVICE_AUTH_NONCE_REQUIRED", "{answer}");
    socket.assert_closed(CloseCode::Policy, "device nonce required").await;
}

/// Connects as the TUI with other credentials; checks the details that the stock clients decide on.
async fn refused_with(auth: Value, code: &str, details: Value) {
    let gateway = gateway().await;
    let (mut socket, nonce) = gateway.socket().await;
    let device = Identity::generate().unwrap();
    let signed_at = now_ms();
    let mut params = TUI.connect(&device, &nonce, signed_at);
    let credential = ["token", "deviceToken"].iter().find_map(|name| auth[name].as_str()).unwrap_or_default();
    let scopes: Vec<String> = TUI.scopes.iter().map(|&scope| scope.to_owned()).collect();
    let claim = DeviceClaim {
        device_id: device.id().as_str(),
        client_id: TUI.id,
        client_mode: TUI.mode,
        role: "operator",
        scopes: &scopes,
        signed_at_ms: signed_at,
        token: credential,
        nonce: &nonce,
        platform: Some("Linux"),
        device_family: None,
    };
    params["device"]["signature"] = json!(device.sign(&claim, SignatureVersion::V3));
    params["auth"] = auth;
    let answer = socket.connect(params).await;
    assert_eq!((&answer["error"]["code"], &answer["error"]["details"]), (&json!(code), &details), "{answer}");
    let reason = answer["error"]["message"].as_str().unwrap().to_owned();
    socket.assert_closed(CloseCode::Policy, &reason).await;
}

#[tokio::test]
async fn a_device_is_told_which_credential_is_wrong() {
    let token = json!({"code": "AUTH_TOKEN_MISMATCH", "authReason": "token_mismatch", "canRetryWithDeviceToken": true,
        "recommendedNextStep": "update_auth_credentials"});
    refused_with(json!({"token": "wrong"}), "INVALID_REQUEST", token).await;
    let device_token = json!({"code": "AUTH_DEVICE_TOKEN_MISMATCH", "authReason": "device_token_mismatch",
        "canRetryWithDeviceToken": false,
        "recommendedNextStep": "update_auth_credentials"});
    refused_with(json!({"deviceToken": "wrong"}), "INVALID_REQUEST", device_token).await;
    let missing = json!({"code": "AUTH_TOKEN_MISSING", "authReason": "token_missing", "canRetryWithDeviceToken": false,
        "recommendedNextStep": "update_auth_configuration"});
    refused_with(json!({}), "INVALID_REQUEST", missing).await;
}

#[tokio::test]
async fn events_are_numbered_on_each_socket_from_one() {
    let gateway = gateway().await;
    let (mut early, _) = TUI.enter(&gateway).await;
    let (mut late, _) = JANUARY_TUI.enter(&gateway).await;
    early.call("sessions.subscribe", json!({})).await;
    late.call("sessions.subscribe", json!({})).await;
    gateway.running.stop("gateway stopping").await;
    for socket in [&mut early, &mut late] {
        let mut last = 0;
        let close = loop {
            match socket.next_or_close().await {
                Ok(frame) => {
                    let Some(seq) = frame["seq"].as_u64() else { continue };
                    assert!(last == 0 || seq == last + 1, "{frame} follows {last}");
                    last = seq;
                }
                Err(close) => break close,
            }
        };
        assert_eq!(close, (1012, "service restart".to_owned()));
        assert!(last > 0, "the stop is announced");
    }
}

#[tokio::test]
async fn a_tick_says_that_the_gateway_lives() {
    let gateway = gateway().await;
    let (mut socket, hello) = TUI.enter(&gateway).await;
    assert_eq!(hello["policy"]["tickIntervalMs"].as_u64().map(u128::from), Some(TICK_INTERVAL.as_millis()));
    tokio::time::pause();
    tokio::time::advance(TICK_INTERVAL).await;
    tokio::time::resume();
    let tick = socket.event("tick").await;
    assert!(tick["payload"]["ts"].as_i64().is_some_and(|ts| ts > 0), "{tick}");
}

/// What the TUI asks when it has connected, in its order.
#[tokio::test]
async fn the_tui_draws_its_first_screen() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let (mut socket, _) = TUI.enter(&gateway).await;
    let mut ask = async |method: &str, params: Value| {
        let answer = socket.call(method, params).await;
        assert_eq!(answer["ok"], true, "{method}: {answer}");
        answer["payload"].clone()
    };
    ask("sessions.subscribe", json!({})).await;
    let agents = ask("agents.list", json!({})).await;
    assert_eq!((&agents["defaultId"], &agents["mainKey"]), (&json!("main"), &json!("main")), "{agents}");
    assert_eq!(agents["agents"][0]["id"], "main");
    let key = "agent:main:main";
    let history = ask("chat.history", json!({"sessionKey": key, "limit": 200})).await;
    assert_eq!(history["messages"], json!([]), "{history}");
    let list = json!({"limit": 50, "includeGlobal": false, "includeUnknown": false, "agentId": "main"});
    assert!(ask("sessions.list", list).await["sessions"].is_array());
    ask("sessions.describe", json!({"key": key})).await;
    assert!(ask("commands.list", json!({"agentId": "main", "scope": "text"})).await["commands"].is_array());
    assert!(ask("models.list", json!({})).await["models"].is_array());
}

/// The Control UI looks for its own message in the history when a run has ended, by the run's id.
#[tokio::test]
async fn the_control_ui_finds_its_message_again_after_the_final() {
    let model = fake_model([Step::text("Hello")]).await;
    let gateway = house(&model).await;
    let (mut socket, _) = CONTROL_UI.enter(&gateway).await;
    let key = "agent:main:main";
    for (method, params) in [
        ("sessions.subscribe", json!({})),
        ("chat.startup", json!({"sessionKey": key, "limit": 100})),
        ("sessions.messages.subscribe", json!({"key": key})),
    ] {
        let answer = socket.call(method, params).await;
        assert_eq!(answer["ok"], true, "{method}: {answer}");
    }
    let run = "5b0c6a0e-97a1-4b2c-a7de-2f2f2b0b7c11";
    let send = json!({"sessionKey": key, "message": "hi", "deliver": false, "idempotencyKey": run});
    assert_eq!(socket.call("chat.send", send).await["payload"], json!({"runId": run, "status": "started"}));
    loop {
        let event = socket.event("chat").await;
        assert_eq!(event["payload"]["runId"], run);
        if event["payload"]["state"] == "final" {
            break;
        }
    }
    let ask = json!({"sessionKey": key, "inputRunIds": [run], "limit": 1000});
    let history = socket.call("chat.history", ask).await["payload"].clone();
    let said: Vec<(Value, String)> = history["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| (message["role"].clone(), text_of(message)))
        .collect();
    assert_eq!(said, [(json!("user"), "hi".to_owned()), (json!("assistant"), "Hello".to_owned())]);
    let mine = &history["messages"][0];
    assert_eq!(mine["idempotencyKey"], format!("{run}:user"), "{mine}");
    assert_eq!(mine["__openclaw"]["idempotencyKey"], format!("{run}:user"), "{mine}");
}

/// A January client draws a stream from each event's whole message, and knows nothing of `deltaText`.
#[tokio::test]
async fn a_january_tui_sees_each_event_with_the_whole_message() {
    let model = fake_model([Step::text("Hello there")]).await;
    let gateway = house(&model).await;
    let (mut socket, _) = JANUARY_TUI.enter(&gateway).await;
    let send = json!({"sessionKey": "main", "message": "hi", "deliver": false, "timeoutMs": 60_000,
        "idempotencyKey": "r1"});
    assert_eq!(socket.call("chat.send", send).await["ok"], true);
    let mut so_far = String::new();
    loop {
        let event = socket.event("chat").await;
        let text = text_of(&event["payload"]["message"]);
        assert!(text.starts_with(&so_far), "{event}");
        so_far = text;
        if event["payload"]["state"] == "final" {
            break;
        }
    }
    assert_eq!(so_far, "Hello there");
    let stop = socket.call("chat.abort", json!({"sessionKey": "main", "runId": "r1"})).await;
    assert_eq!(stop["payload"], json!({"ok": true, "aborted": false, "runIds": []}));
}

/// `openclaw agent --session-id <id>` begins a conversation of that name where none is, and goes on there the next time.
#[tokio::test]
async fn the_command_line_names_conversations_itself() {
    let model = fake_model([Step::text("one"), Step::text("two")]).await;
    let gateway = house(&model).await;
    let (mut socket, _) = COMMAND_LINE.enter(&gateway).await;
    for (run, words) in [("a", "one"), ("b", "two")] {
        let params = json!({"message": "hi", "agentId": "main", "sessionId": "1234", "deliver": false,
            "idempotencyKey": run});
        socket.send(json!({"type": "req", "id": "1:x", "method": "agent", "params": params})).await;
        let mut answers = Vec::new();
        while answers.len() < 2 {
            let frame = socket.next().await;
            if frame["id"] == "1:x" {
                answers.push(frame["payload"].clone());
            }
        }
        assert_eq!((&answers[0]["status"], &answers[1]["status"]), (&json!("accepted"), &json!("ok")));
        assert_eq!(answers[0]["sessionKey"], "agent:main:explicit:1234");
        assert_eq!(answers[1]["result"]["payloads"][0]["text"], words);
    }
    assert!(model.requests()[1].text.contains("one"), "the second turn goes on where the first ended");
}
