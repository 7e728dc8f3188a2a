//! The image on a machine like Fly's: what the Dockerfile lays out, booted with Fly's variables, behind Fly's proxy.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use chela_client::Identity;
use chela_protocol::{DeviceClaim, SignatureVersion};
use chela_testkit::fly::{Behind, FlyProxy};
use chela_testkit::model::{FakeModel, Step};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use super::machine::{self, Booted, MACHINE, Machine, NEIGHBOUR, PLATFORM, PRIVATE};
use super::{FlyFile, ImageFile, house, http};

const TOKEN: &str = "the-only-secret-of-this-machine-0451";

/// Where the world finds the machine.
const SITE: &str = "https://my-chela.fly.dev";

/// The numbers of the image's user.
const USER: &str = "10001 10001 10001 10001";

/// Wrong secrets that an address has by default.
const ATTEMPTS: usize = 10;

/// Turns that a machine of 32 MB has to serve.
const TURNS: usize = 100;

#[test]
fn g17_g18_g20_g37_the_image_is_at_home_on_fly() {
    if let Some(reason) = machine::refusal() {
        eprintln!("skipped: no machine can be made here: {reason}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    machine::lay_out(&root, &house(), Path::new(env!("CARGO_BIN_EXE_chela")));
    machine::run_inside("deploy::image::on_the_machine", &root);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs inside the namespaces that the test above makes"]
async fn on_the_machine() {
    let mut machine = Machine::new();
    let model = FakeModel::start((0..=TURNS).map(|turn| Step::text(format!("answer {turn}")))).await;
    let fly = FlyFile::read("deploy/fly.toml");
    let environment = environment(&fly, &model);

    machine.limit_memory(256);
    let booted = machine.boot(&fly.command(), &environment);
    first_boot(&machine, &booted).await;
    let proxy = FlyProxy::start(owner_behind_fly()).await.unwrap();
    one_port_for_everything(&proxy).await;
    assert_eq!(booted.stop(), Some(0));

    a_broken_configuration_is_mended_from_the_page(&machine, &fly.command(), &environment, &proxy).await;
    let booted = machine.boot(&fly.command(), &environment);
    the_page_needs_the_token_only(&proxy).await;
    who_guesses_is_locked_out_and_nobody_else(&proxy).await;
    assert_eq!(booted.stop(), Some(0));
    the_command_of_the_documents_works(&machine, &environment, &proxy).await;

    machine.limit_memory(32);
    let booted = machine.boot(&fly.command(), &environment);
    for turn in 0..TURNS {
        let answer = turn_through(&proxy, turn).await;
        assert_eq!(answer["choices"][0]["message"]["content"], format!("answer {turn}"), "{answer}");
    }
    assert_eq!(booted.stop(), Some(0), "it lives to the end");
    model.assert_clean();
}

/// What the image, fly.toml, two secrets and the platform put into the environment.
fn environment(fly: &FlyFile, model: &FakeModel) -> Vec<(String, String)> {
    let mut environment = ImageFile::read().environment;
    environment.extend(fly.environment());
    let given = [
        ("CHELA_GATEWAY_TOKEN", TOKEN.to_owned()),
        ("ANTHROPIC_API_KEY", "sk-of-the-test".to_owned()),
        // The vendor of this world.
        ("ANTHROPIC_BASE_URL", model.url()),
        ("FLY_APP_NAME", "my-chela".to_owned()),
        ("FLY_MACHINE_ID", "e784079b449483".to_owned()),
        ("FLY_REGION", "fra".to_owned()),
        ("FLY_VM_MEMORY_MB", "256".to_owned()),
        ("FLY_PRIVATE_IP", PRIVATE.to_owned()),
        ("PRIMARY_REGION", "fra".to_owned()),
    ];
    environment.extend(given.map(|(name, value)| (name.to_owned(), value)));
    environment
}

/// Fly's own proxy, with the owner before it.
fn owner_behind_fly() -> Behind {
    Behind {
        app: "my-chela".to_owned(),
        client: "203.0.113.7".parse().unwrap(),
        from: PLATFORM.parse().unwrap(),
        machine: format!("{MACHINE}:3000").parse().unwrap(),
    }
}

/// A client out in the world, to which the app's name leads to the proxy, and which trusts no certificate but the proxy's.
fn outside(proxy: &FlyProxy) -> reqwest::Client {
    let client = reqwest::Client::builder().tls_backend_preconfigured(proxy.trust());
    client.resolve("my-chela.fly.dev", proxy.address()).no_proxy().build().unwrap()
}

/// G37, G17: the volume was root's and is the gateway's now, which is root no more; and nothing is wrong with it.
async fn first_boot(machine: &Machine, booted: &Booted) {
    let said = booted.lines.join("\n");
    assert!(said.contains("listening on ws://0.0.0.0:3000 (PID "), "{said}");
    assert!(!said.contains(" WARN") && !said.contains("ERROR"), "{said}");
    for name in ["Uid", "Gid"] {
        assert_eq!(machine.fact(booted, name), USER, "{name}");
    }
    assert_eq!((machine.fact(booted, "Groups").as_str(), machine.fact(booted, "NoNewPrivs").as_str()), ("", "1"));
    for capabilities in ["CapEff", "CapPrm", "CapAmb"] {
        assert_eq!(machine.fact(booted, capabilities), "0000000000000000", "{capabilities}");
    }
    let owner = |path: &str| fs::symlink_metadata(machine.volume().join(path)).unwrap().uid();
    assert_eq!([owner("."), owner("chela.json"), owner("chela.db"), owner("lost+found")], [10_001, 10_001, 10_001, 0]);
    let ready: Value = http().get(format!("http://{MACHINE}:3000/readyz")).send().await.unwrap().json().await.unwrap();
    assert_eq!((&ready["ready"], &ready["degraded"]), (&json!(true), &json!([])), "{ready}");
}

/// G20: IPv4 and IPv6, from inside, from the private network and through the proxy.
async fn one_port_for_everything(proxy: &FlyProxy) {
    let client = outside(proxy);
    let sites = ["127.0.0.1", "[::1]", MACHINE, &format!("[{PRIVATE}]")].map(|host| format!("http://{host}:3000"));
    for site in sites.iter().map(String::as_str).chain([SITE]) {
        for (path, expected) in [("/healthz", 200), ("/readyz", 200), ("/", 200), ("/v1/models", 401)] {
            let url = format!("{site}{path}");
            let answer = client.get(&url).send().await.unwrap_or_else(|error| panic!("{url}: {error:?}"));
            assert_eq!(answer.status(), expected, "{url}");
        }
    }
}

/// G17, G19: a browser that has never been here, at the app's own address.
async fn the_page_needs_the_token_only(proxy: &FlyProxy) {
    let page = outside(proxy).get(SITE).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("<html"), "{page}");
    let mut browser = Browser::open(proxy, SITE).await;
    let hello = browser.connect(TOKEN).await;
    assert_eq!(hello["ok"], true, "{hello}");
    let status = browser.call("status", json!({})).await;
    assert_eq!(
        (&status["payload"]["machine"], &status["payload"]["problems"]),
        (&json!({"platform": "fly", "app": "my-chela", "region": "fra", "id": "e784079b449483"}), &json!([])),
        "{status}"
    );
    for (origin, token) in [(SITE, "wrong"), ("https://evil.example", TOKEN), ("https://other.fly.dev", TOKEN)] {
        assert_eq!(Browser::open(proxy, origin).await.connect(token).await["ok"], false, "{origin} {token}");
    }
}

/// G19: attempts are counted by the address that Fly's proxy names. What a neighbour's proxy says of its client counts for nothing: it
/// can neither spend the owner's attempts nor get new ones by another name.
async fn who_guesses_is_locked_out_and_nobody_else(owner: &FlyProxy) {
    let stranger = Behind { client: "198.51.100.9".parse().unwrap(), ..owner_behind_fly() };
    let machine = format!("[{PRIVATE}]:3000").parse().unwrap();
    let liar = Behind { from: NEIGHBOUR.parse().unwrap(), machine, ..owner_behind_fly() };
    let renamed = Behind { client: "127.0.0.1".parse().unwrap(), ..liar.clone() };
    for (behind, guesses) in [(stranger, ATTEMPTS), (liar, ATTEMPTS), (renamed, 0)] {
        let proxy = FlyProxy::start(behind.clone()).await.unwrap();
        for _ in 0..guesses {
            let refused = Browser::open(&proxy, SITE).await.connect("wrong").await;
            assert_eq!(refused["error"]["details"]["authReason"], "token_mismatch", "{behind:?}: {refused}");
        }
        let locked_out = Browser::open(&proxy, SITE).await.connect(TOKEN).await;
        assert_eq!(locked_out["error"]["details"]["authReason"], "rate_limited", "{behind:?}: {locked_out}");
        assert_eq!(Browser::open(owner, SITE).await.connect(TOKEN).await["ok"], true, "{behind:?}");
    }
}

/// G18: it starts, says so, lets its owner in who has never been here before, and the page can mend it.
async fn a_broken_configuration_is_mended_from_the_page(
    machine: &Machine,
    command: &[String],
    environment: &[(String, String)],
    proxy: &FlyProxy,
) {
    let file = machine.volume().join("chela.json");
    fs::write(&file, "{gateway: {mode: 'local'").unwrap();
    let booted = machine.boot(command, environment);
    let ready: Value = http().get(format!("http://{MACHINE}:3000/readyz")).send().await.unwrap().json().await.unwrap();
    assert!(ready["ready"] == true && ready["degraded"][0].as_str().unwrap().contains("safe mode"), "{ready}");
    let mut browser = Browser::open(proxy, SITE).await;
    let hello = browser.connect(TOKEN).await;
    assert_eq!(hello["ok"], true, "{hello}");
    let shown = browser.call("config.get", json!({})).await;
    let mended = json!({"raw": "{gateway: {mode: 'local'}}", "baseHash": shown["payload"]["hash"]});
    let answer = browser.call("config.set", mended).await;
    assert_eq!(answer["ok"], true, "{answer}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "{gateway: {mode: 'local'}}");
    assert_eq!(booted.stop(), Some(0));

    // A setting that no gateway can be started with: the platform would only start it again and again.
    fs::write(&file, "{gateway: {mode: 'remote'}}").unwrap();
    let booted = machine.boot(command, environment);
    assert!(booted.lines.join("\n").contains("gateway.mode=remote"), "{:?}", booted.lines);
    assert_eq!(booted.stop(), Some(0));
    fs::remove_file(&file).unwrap();
}

/// The fly.toml of the documents, with its own names and its command for Node, and a configuration that was put there over ssh.
async fn the_command_of_the_documents_works(machine: &Machine, environment: &[(String, String)], proxy: &FlyProxy) {
    let command = "node dist/index.js gateway --allow-unconfigured --port 3000 --bind lan";
    let command: Vec<String> = command.split(' ').map(str::to_owned).collect();
    let theirs = |(name, value): &(String, String)| (name.replace("CHELA_GATEWAY", "krabkrab_GATEWAY"), value.clone());
    let mut environment: Vec<(String, String)> = environment.iter().map(theirs).collect();
    environment.retain(|(name, _)| name != "CHELA_STATE_DIR");
    environment.extend([("NODE_ENV".into(), "production".into()), ("krabkrab_PREFER_PNPM".into(), "1".into())]);
    fs::write(machine.volume().join("krabkrab.json"), "{gateway: {mode: 'local', bind: 'auto'}}").unwrap();
    let booted = machine.boot(&command, &environment);
    assert!(booted.lines.iter().any(|line| line.ends_with("config file: /data/krabkrab.json")), "{:?}", booted.lines);
    assert_eq!(Browser::open(proxy, SITE).await.connect(TOKEN).await["ok"], true);
    assert_eq!(booted.stop(), Some(0));
    fs::remove_file(machine.volume().join("krabkrab.json")).unwrap();
}

async fn turn_through(proxy: &FlyProxy, turn: usize) -> Value {
    let body = json!({"model": "openclaw", "messages": [{"role": "user", "content": format!("question {turn}")}]});
    let request = outside(proxy).post(format!("{SITE}/v1/chat/completions"));
    let request = request.bearer_auth(TOKEN).header("content-type", "application/json").body(body.to_string());
    serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
}

/// The page in a browser that has a key of its own since just now, as far as the gateway can tell.
struct Browser {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    challenge: Value,
}

impl Browser {
    async fn open(proxy: &FlyProxy, origin: &str) -> Self {
        let mut request = SITE.replace("https:", "wss:").into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        let stream = TcpStream::connect(proxy.address()).await.unwrap();
        let tls = Some(Connector::Rustls(Arc::new(proxy.trust())));
        let (socket, _) = client_async_tls_with_config(request, stream, None, tls).await.unwrap();
        let mut browser = Self { socket, challenge: Value::Null };
        browser.challenge = browser.next().await["payload"].take();
        browser
    }

    async fn connect(&mut self, token: &str) -> Value {
        let identity = Identity::generate().unwrap();
        let (id, mode, platform, role) = ("openclaw-control-ui", "webchat", "web", "operator");
        let scopes = ["operator.admin".to_owned()];
        let (nonce, signed_at_ms) = (self.challenge["nonce"].as_str().unwrap(), self.challenge["ts"].as_i64().unwrap());
        let claim = DeviceClaim {
            device_id: identity.id().as_str(),
            client_id: id,
            client_mode: mode,
            role,
            scopes: &scopes,
            signed_at_ms,
            token,
            nonce,
            platform: Some(platform),
            device_family: None,
        };
        let signature = identity.sign(&claim, SignatureVersion::V3);
        let device = json!({"id": identity.id(), "publicKey": identity.public_key(), "signature": signature,
                            "signedAt": signed_at_ms, "nonce": nonce});
        let client = json!({"id": id, "version": "1", "platform": platform, "mode": mode});
        let params = json!({"minProtocol": 3, "maxProtocol": 4, "client": client, "role": role, "scopes": scopes,
                            "caps": [], "auth": {"token": token}, "device": device});
        self.call("connect", params).await
    }

    /// Sends a request and returns its answer.
    async fn call(&mut self, method: &str, params: Value) -> Value {
        let frame = json!({"type": "req", "id": method, "method": method, "params": params});
        self.socket.send(Message::text(frame.to_string())).await.unwrap();
        loop {
            let frame = self.next().await;
            if frame["type"] == "res" && frame["id"] == method {
                return frame;
            }
        }
    }

    async fn next(&mut self) -> Value {
        loop {
            match self.socket.next().await.expect("the socket stays open").unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(reason) => panic!("closed: {reason:?}"),
                _ => {}
            }
        }
    }
}
