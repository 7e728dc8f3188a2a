//! What starts, what is refused, and on which addresses.

use chela_gateway::config::AuthMode;
use chela_gateway::{Bind, Options, StartError};
use secrecy::ExposeSecret as _;
use serde_json::json;
use tokio::net::TcpStream;

use crate::support::{Setup, TOKEN, connect_params, gateway};

fn with(change: impl FnOnce(&mut Options)) -> Setup {
    let mut setup = Setup::default();
    change(&mut setup.options);
    setup
}

#[tokio::test]
async fn g20_one_port_takes_ipv4_and_ipv6() {
    let gateway = with(|options| options.bind = Some(Bind::Lan)).start().await;
    for host in ["127.0.0.1", "::1"] {
        let reached = TcpStream::connect((host, gateway.running.port)).await;
        // A machine without IPv6 is served on IPv4.
        assert!(reached.is_ok() || host == "::1" && !std::path::Path::new("/proc/net/if_inet6").exists(), "{host}");
    }
    assert_eq!(gateway.running.address, format!("ws://0.0.0.0:{}", gateway.running.port));
}

#[tokio::test]
async fn g21_what_others_can_reach_needs_a_secret() {
    let refuse = |change: fn(&mut Options)| async move {
        let (_dir, started) = with(change).try_start().await;
        let error = started.err().unwrap();
        assert_eq!(error.exit_code(), 78);
        error.to_string()
    };
    let without_token = refuse(|options| {
        options.bind = Some(Bind::Lan);
        options.token = None;
    });
    assert!(without_token.await.starts_with("Refusing to bind gateway to lan without auth."));
    let without_auth = refuse(|options| {
        options.bind = Some(Bind::Lan);
        options.auth = Some(AuthMode::None);
    });
    assert!(without_auth.await.starts_with("Refusing to bind gateway to lan without auth."));
}

/// Where a gateway listens that is started in a container.
async fn host_in_container(dir: &tempfile::TempDir, change: impl FnOnce(&mut Options)) -> String {
    let mut setup = with(|options| options.token = None);
    change(&mut setup.options);
    setup.environment = vec![("FLY_APP_NAME".into(), "app".into())];
    let running = setup.start_in(dir).await.unwrap();
    let host = running.address.rsplit_once(':').unwrap().0.to_owned();
    running.stop("gateway stopping").await;
    host
}

#[tokio::test]
async fn g21_unless_somebody_says_otherwise_only_this_machine_reaches_it() {
    let dir = tempfile::tempdir().unwrap();
    for token in [None, Some(TOKEN)] {
        let host = host_in_container(&dir, |options| {
            options.bind = None;
            options.token = token.map(Into::into);
        });
        assert_eq!(host.await, "ws://127.0.0.1");
    }
}

#[tokio::test]
async fn g21_auto_opens_a_container_only_behind_a_secret_that_somebody_chose() {
    let dir = tempfile::tempdir().unwrap();
    for _made_then_kept in 0..2 {
        assert_eq!(host_in_container(&dir, |options| options.bind = Some(Bind::Auto)).await, "ws://127.0.0.1");
    }
    let by_flag = host_in_container(&dir, |options| {
        options.bind = Some(Bind::Auto);
        options.token = Some(TOKEN.into());
    });
    assert_eq!(by_flag.await, "ws://0.0.0.0");
    std::fs::write(dir.path().join("chela.json"), json!({"gateway": {"auth": {"password": TOKEN}}}).to_string())
        .unwrap();
    let by_file = host_in_container(&dir, |options| options.bind = Some(Bind::Auto));
    assert_eq!(by_file.await, "ws://0.0.0.0");
    let open = host_in_container(&dir, |options| {
        options.bind = Some(Bind::Auto);
        options.auth = Some(AuthMode::None);
    });
    assert_eq!(open.await, "ws://127.0.0.1");
}

#[tokio::test]
async fn a_first_start_makes_a_token_and_keeps_it() {
    let dir = tempfile::tempdir().unwrap();
    let first = with(|options| options.token = None).start_in(&dir).await.unwrap();
    let token = first.new_token.clone().unwrap();
    first.stop("gateway stopping").await;
    let file = dir.path().join("gateway-token");
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), token.expose_secret());
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let later = with(|options| options.token = None).start_in(&dir).await.unwrap();
    assert!(later.new_token.is_none());
}

#[tokio::test]
async fn a_missing_configuration_is_refused_or_written() {
    let (_dir, started) = with(|options| options.allow_unconfigured = false).try_start().await;
    assert!(matches!(started.err().unwrap(), StartError::Refused(text) if text.starts_with("Missing config.")));
    let gateway = gateway().await;
    let written = std::fs::read_to_string(gateway.state_dir.path().join("chela.json")).unwrap();
    assert_eq!(chela_config::parse(&written).unwrap(), json!({"gateway": {"mode": "local"}}));
}

#[tokio::test]
async fn a_file_for_a_remote_gateway_starts_none() {
    for (config, word) in [(json!({}), "has no gateway.mode"), (json!({"gateway": {"mode": "remote"}}), "mode=remote")]
    {
        let (_dir, started) = with(|options| options.allow_unconfigured = false).config(config).try_start().await;
        let error = started.err().unwrap();
        assert!(error.exit_code() == 78 && error.to_string().contains(word), "{error}");
    }
}

#[tokio::test]
async fn g06_a_second_gateway_on_the_same_state_is_refused_and_names_the_first() {
    let gateway = gateway().await;
    let error = Setup::default().start_in(&gateway.state_dir).await.err().unwrap();
    assert_eq!(error.exit_code(), 1);
    assert!(error.to_string().contains(&format!("pid {}", std::process::id())), "{error}");
}

#[tokio::test]
async fn g18_a_broken_file_still_starts_and_can_be_mended() {
    let setup = Setup { config: Some("{ gateway: { port: ".into()), ..Setup::default() };
    let gateway = setup.start().await;
    let (status, body) = gateway.get("/readyz", &[]).await;
    assert_eq!(status, 200);
    assert!(body.contains("config: safe mode"), "{body}");
    let mut client = gateway.client().await;
    let shown = client.call("config.get", json!({})).await;
    assert_eq!(shown["payload"]["valid"], false);
    let mended = json!({"raw": "{gateway: {mode: 'local'}}", "baseHash": shown["payload"]["hash"]});
    let answer = client.call("config.set", mended).await;
    assert_eq!(answer["ok"], true, "{answer}");
    let (_, body) = gateway.get("/readyz", &[]).await;
    assert!(!body.contains("safe mode"), "{body}");
}

#[tokio::test]
async fn g15_a_wrong_section_is_off_alone_and_security_fails_closed() {
    let config = json!({
        "gateway": {"mode": "local", "prot": 1, "auth": {"mode": "tokne"}, "reload": {"mode": "off"}},
        "agents": {"list": 7}, "bindings": [{"agentId": "main", "match": {"channel": "discord"}}]
    });
    let gateway = Setup::default().config(config).start().await;
    let (mut stranger, _) = gateway.socket().await;
    let mut params = connect_params();
    params["auth"] = json!({});
    assert_eq!(stranger.connect(params).await["ok"], false);
    let mut client = gateway.client().await;
    let status = client.call("status", json!({})).await;
    let problems = status["payload"]["problems"].to_string();
    for path in ["gateway.prot", "gateway.auth.mode", "agents.list"] {
        assert!(problems.contains(path), "{path} in {problems}");
    }
    assert!(problems.contains("did you mean `port`?"), "the nearest key is named: {problems}");
}

#[tokio::test]
async fn probes_answer_without_a_token() {
    let gateway = gateway().await;
    assert_eq!(gateway.get("/healthz", &[]).await, (200, r#"{"ok":true,"status":"live"}"#.to_owned()));
    assert_eq!(gateway.get("/health", &[]).await.0, 200);
    let (status, body) = gateway.get("/readyz", &[]).await;
    assert!(status == 200 && body.starts_with(r#"{"ready":true,"failing":[]"#), "{body}");
    assert_eq!(gateway.get("/startupz", &[]).await.0, 200);
    assert!(gateway.get("/metrics", &[]).await.1.contains("chela_sessions 0"));
    assert_eq!(gateway.get("/no/such.file", &[]).await.0, 404);
    assert!(!gateway.get("/metrics", &[]).await.1.contains(TOKEN));
}
