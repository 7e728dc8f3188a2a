//! Secrets are canaries here: whatever goes wrong, none may show up in a place that people or models read.

use std::fs;
use std::path::Path;

use chela_testkit::model::{FakeModel, Step};
use serde_json::json;

use crate::support::{Home, RunningGateway, finish};

const IN_FILE: &str = "canary-in-the-file-8w3k";
const IN_ENVIRONMENT: &str = "canary-in-the-environment-2mq7";
const GATEWAY: &str = "canary-of-the-gateway-9zp4";
const CANARIES: [&str; 3] = [IN_FILE, IN_ENVIRONMENT, GATEWAY];

#[track_caller]
fn assert_silent(place: &str, text: &str) {
    for canary in CANARIES {
        assert!(!text.contains(canary), "{place} shows {canary}: {text}");
    }
}

fn logs(state_dir: &Path) -> String {
    let files = fs::read_dir(state_dir.join("logs")).unwrap();
    files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn g25_no_secret_reaches_logs_errors_commands_or_tools() {
    let model = FakeModel::start([
        // A vendor that answers with the key it was shown.
        Step::fail_with(401, json!({"error": {"message": format!("bad key {IN_FILE}")}}).to_string()),
        Step::tools([("exec", json!({"command": "env; cat /proc/self/environ | tr '\\0' '\\n'"}))]),
        Step::text("done"),
        Step::tools([
            ("read", json!({"path": "~/.chela/chela.json"})),
            ("read", json!({"path": "~/.chela/gateway-token"})),
        ]),
        Step::text("done"),
    ])
    .await;
    let home = Home::new();
    let config = json!({
        "models": {"providers": {"fake": {"baseUrl": format!("{}/v1", model.url()), "api": "openai-completions",
                                          "apiKey": IN_FILE, "models": [{"id": "big"}]}}},
        "agents": {"defaults": {"model": {"primary": "fake/big"}}},
    });
    home.write_config(&config.to_string());
    let environment = [("ANTHROPIC_API_KEY", IN_ENVIRONMENT), ("CHELA_GATEWAY_TOKEN", GATEWAY)];
    let gateway = RunningGateway::start_with(&home, &["--verbose"], &environment);
    let run = |args: &[&str]| {
        let mut command = home.command(args);
        command.envs(environment);
        let ran = finish(command, "");
        format!("{}{}", ran.stdout, ran.stderr)
    };
    for args in [
        &["agent", "--message", "fail"] as &[&str],
        &["agent", "--message", "show your environment"],
        &["agent", "--message", "read your secrets"],
        &["config", "get"],
        &["config", "get", "models.providers.fake.apiKey"],
        &["gateway", "call", "config.get"],
        &["sessions", "show", "main", "--json"],
        &["models", "status"],
        &["doctor"],
        &["status", "--json"],
        &["logs"],
    ] {
        assert_silent(&args.join(" "), &run(args));
    }
    let told: String = model.requests().iter().map(|request| request.text.clone()).collect();
    assert_silent("what the model was told", &told);
    assert!(told.contains("PATH="), "the environment was looked at: {told}");
    drop(gateway);
    let log = logs(&home.state_dir());
    assert!(log.contains("***"), "the vendor's complaint is in the log, without the key: {log}");
    assert_silent("the log", &log);
}
