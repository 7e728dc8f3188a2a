//! A gateway on a clean machine, and the commands that talk to it.

use std::os::unix::fs::symlink;

use std::sync::Arc;

use chela_testkit::model::{FakeModel, Step};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{Home, RunningGateway, finish};

#[test]
fn on_a_clean_machine_one_command_starts_and_another_talks() {
    let home = Home::new();
    let gateway = RunningGateway::start(&home);
    let answer = home.run_with_input(&["chat"], "hi\n").ok();
    assert!(answer.contains("built-in guide, not a language model"), "{answer}");
    assert!(answer.contains("chela config set"), "{answer}");
    let listed = home.run_with_input(&["chat"], "list the files").ok();
    assert!(listed.contains("AGENTS.md"), "{listed}");
    assert!(home.run(&["status"]).ok().contains("chela/guide"));
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn it_remembers_after_kill_9() {
    let home = Home::new();
    let gateway = RunningGateway::start(&home);
    home.run_with_input(&["chat"], "my favourite colour is teal").ok();
    gateway.kill();
    let _gateway = RunningGateway::start(&home);
    let answer = home.run_with_input(&["chat"], "what is my favourite colour?").ok();
    assert!(answer.contains("my favourite colour is teal"), "{answer}");
    let shown = home.run(&["sessions", "show", "main"]).ok();
    assert_eq!(shown.matches("my favourite colour is teal\n").count(), 2, "said once, quoted once: {shown}");
}

/// A turn panics so often; what a chat and another session then get, and the notes in the first session.
fn with_panics(times: u32, expected_code: i32) -> (String, String) {
    let home = Home::new();
    let fault = format!("turn.before_model=panic*{times}");
    let gateway = RunningGateway::start_with(&home, &[], &[("CHELA_FAULT_POINT", &fault)]);
    let pid = || serde_json::from_str::<Value>(&home.run(&["status", "--json"]).ok()).unwrap()["pid"].clone();
    let before = pid();
    let first = home.run_with_input(&["chat"], "hi\n");
    assert_eq!(first.code, expected_code, "{first:?}");
    let other = home.run_with_input(&["chat", "--session", "other"], "hi\n").ok();
    assert!(other.contains("built-in guide"), "{other}");
    assert_eq!(pid(), before, "the process goes on");
    let shown = home.run(&["sessions", "show", "main"]).ok();
    assert_eq!(gateway.stop(), Some(0));
    (first.stdout, shown)
}

#[test]
fn g14_a_turn_that_panics_is_tried_again() {
    let (answer, shown) = with_panics(2, 0);
    assert!(answer.contains("built-in guide"), "{answer}");
    assert!(!shown.contains("could not be answered"), "{shown}");
}

#[test]
fn g14_a_turn_that_always_panics_fails_alone_with_a_note() {
    let (_, shown) = with_panics(3, 1);
    assert!(shown.contains("could not be answered: the turn panicked"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn g07_a_chat_outlives_the_gateway_that_it_talks_to() {
    let never = Arc::new(Notify::new());
    let model = FakeModel::start([Step::gated(&never, Step::text("lost")), Step::text("found again")]).await;
    let home = Home::new();
    let provider = json!({"baseUrl": format!("{}/v1", model.url()), "api": "openai-completions", "apiKey": "k",
                          "models": [{"id": "big"}]});
    let config = json!({"models": {"providers": {"fake": provider}},
                        "agents": {"defaults": {"model": {"primary": "fake/big"}}}});
    home.write_config(&config.to_string());
    let gateway = RunningGateway::start(&home);
    let chat = home.command(&["chat"]);
    let chat = std::thread::spawn(move || finish(chat, "where is it?"));
    model.wait_for_requests(1).await;
    gateway.kill();
    let _gateway = RunningGateway::start(&home);
    let ran = chat.join().unwrap();
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "found again\n"), "{ran:?}");
    assert_eq!(model.requests().len(), 2);
    model.assert_clean();
}

#[test]
fn agent_prints_the_answer_or_the_whole_document() {
    let home = Home::new();
    let _gateway = RunningGateway::start(&home);
    let link = home.path().join("openclaw");
    symlink(env!("CARGO_BIN_EXE_chela"), &link).unwrap();
    let text = finish(home.command_as(&link, &["agent", "--message", "hello", "--session-key", "main"]), "").ok();
    assert!(text.contains("built-in guide"), "{text}");
    let document = home.run(&["agent", "-m", "hello", "--json"]).ok();
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["status"], "ok");
    assert!(document["result"]["payloads"][0]["text"].as_str().unwrap().contains("built-in guide"));
}

#[test]
fn g21_a_wrong_token_is_refused_and_a_right_one_never_shown() {
    let home = Home::new();
    let gateway = RunningGateway::start_with(&home, &[], &[("CHELA_GATEWAY_TOKEN", "right-and-long-enough")]);
    let token = home.path().join("token");
    for (content, code) in [("wrong\n", 78), ("right-and-long-enough\n", 0)] {
        std::fs::write(&token, content).unwrap();
        let ran = home.run(&["--url", &gateway.url, "--token-file", token.to_str().unwrap(), "health"]);
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(!(ran.stdout + &ran.stderr).contains("right-and-long-enough"));
    }
    let ran = home.run(&["--url", &gateway.url, "health"]);
    assert_eq!(ran.code, 78, "nothing is shown to an address that somebody named: {ran:?}");
}

#[test]
fn g06_a_second_gateway_names_the_first() {
    let home = Home::new();
    let gateway = RunningGateway::start(&home);
    let ran = home.run(&["gateway", "--allow-unconfigured", "--port", "0"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("pid"), "{ran:?}");
    let doctor: Value = serde_json::from_str(&home.run(&["doctor", "--json"]).ok()).unwrap();
    let findings = doctor["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["message"].as_str().unwrap().contains("answers and is well")));
    drop(gateway);
}

#[test]
fn health_fails_while_something_is_degraded() {
    let home = Home::new();
    home.write_config(
        r#"{gateway: {mode: "local"}, models: {providers: {x: {baseUrl: "http://h", api: "no-such-api"}}}}"#,
    );
    let _gateway = RunningGateway::start(&home);
    let ran = home.run(&["health"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.starts_with("degraded") && ran.stdout.contains("config: 1 problem"), "{ran:?}");
    let doctor: Value = serde_json::from_str(&home.run(&["doctor", "--json"]).stdout).unwrap();
    let warned =
        |finding: &Value| finding["level"] == "warning" && finding["message"].as_str().unwrap().contains("1 problem");
    assert!(doctor["findings"].as_array().unwrap().iter().any(warned), "{doctor}");
}

#[test]
fn the_doctor_decides_like_the_gateway_where_it_would_listen() {
    let home = Home::new();
    let address = |pairs: &[(&str, &str)]| {
        let mut command = home.command(&["doctor", "--json"]);
        command.envs(pairs.iter().copied());
        let doctor: Value = serde_json::from_str(&finish(command, "").stdout).unwrap();
        let finding =
            doctor["findings"].as_array().unwrap().iter().find(|row| row["check"] == "address").unwrap().clone();
        (finding["level"].as_str().unwrap().to_owned(), finding["message"].as_str().unwrap().to_owned())
    };
    home.write_config(r#"{gateway: {mode: "local", bind: "lan"}}"#);
    let expected = [
        (&[][..], "warning", "gateway.bind is lan, and no token"),
        (&[("CHELA_GATEWAY_BIND", " loopback")], "ok", "this machine only (CHELA_GATEWAY_BIND is loopback)"),
        (&[("CHELA_GATEWAY_BIND", "everywhere")], "error", "`everywhere`"),
        (&[("CHELA_GATEWAY_TOKEN", "chosen-by-somebody")], "ok", "gateway.bind is lan, with a token"),
    ];
    for (pairs, level, words) in expected {
        let found = address(pairs);
        assert!(found.0 == level && found.1.contains(words), "{pairs:?}: {found:?}");
    }
}

#[test]
fn a_token_that_the_configuration_refers_to_lets_commands_in() {
    let home = Home::new();
    home.write_config(r#"{gateway: {mode: "local", auth: {token: {source: "env", id: "VAULT"}}}}"#);
    let _gateway = RunningGateway::start_with(&home, &[], &[("VAULT", "kept-in-the-vault")]);
    let mut command = home.command(&["health"]);
    command.env("VAULT", "kept-in-the-vault");
    finish(command, "").ok();
    let ran = home.run(&["health"]);
    assert!(ran.code == 78 && ran.stderr.contains("VAULT"), "{ran:?}");
}

#[test]
fn any_method_can_be_called() {
    let home = Home::new();
    let _gateway = RunningGateway::start(&home);
    let answer: Value = serde_json::from_str(&home.run(&["gateway", "call", "health"]).ok()).unwrap();
    assert_eq!(answer["ok"], true);
    let ran = home.run(&["gateway", "call", "no.such.method", "--params", "{a: 1}"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("no.such.method"), "{ran:?}");
}

#[test]
fn the_log_is_readable_and_says_where_to_open_the_page() {
    let home = Home::new();
    let gateway = RunningGateway::start(&home);
    let page = format!("{}/", gateway.url.trim_end_matches('/').replace("ws://", "http://"));
    let shown = home.run(&["logs"]).ok();
    let state_dir = format!("[gateway] state dir: {}", home.state_dir().display());
    let (time, told) =
        shown.lines().find_map(|line| line.split_once(' ').filter(|(_, told)| *told == state_dir)).unwrap();
    assert!(time.starts_with("20") && time.ends_with('Z') && told == state_dir, "{shown}");
    assert!(!shown.contains('{'), "{shown}");
    for line in home.run(&["logs", "--json"]).ok().lines() {
        assert!(serde_json::from_str::<Value>(line).unwrap()["message"].is_string(), "{line}");
    }
    assert_eq!(gateway.stop(), Some(0));
    let files = std::fs::read_dir(home.state_dir().join("logs")).unwrap();
    let written: String = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    assert!(written.contains(&format!("open {page} in a browser")), "{page}: {written}");
}
