//! Secrets are canaries here: whatever goes wrong, none may show up in a place that people or models read.

mod canaries;
mod failures;
mod modes;

use chela_testkit::model::{FakeModel, Step};
use serde_json::json;

use self::canaries::{Canaries, House};
use crate::support::{Home, RunningGateway, finish};

/// What is looked for: the name says where it was planted.
#[tokio::test(flavor = "multi_thread")]
async fn g25_no_secret_reaches_logs_errors_commands_or_tools() {
    let house = House::new([
        // A vendor that answers with the key it was shown, as it is and encoded.
        Step::fail_with(401, json!({"error": {"message": Canaries::every_form_of("model-key")}}).to_string()),
        Step::tools([(
            "exec",
            json!({"command": "env; tr '\\0' '\\n' </proc/self/environ; cat /proc/self/cmdline /proc/$$/cmdline"}),
        )]),
        Step::text("done"),
        Step::tools([
            ("read", json!({"path": "~/.chela/chela.json"})),
            ("read", json!({"path": "~/.chela/gateway-token"})),
            ("read", json!({"path": "~/.chela/.env"})),
            ("read", json!({"path": house_file("vault.json")})),
            ("grep", json!({"pattern": "canary", "path": "~/.chela"})),
        ]),
        Step::text("done"),
    ])
    .await;
    let gateway = house.start(&[]);
    for message in ["fail", "show your environment", "read your secrets"] {
        house.look(&["agent", "--message", message]);
    }
    for args in [
        &["sessions", "show", "main", "--json"] as &[&str],
        &["models", "status"],
        &["models", "list", "--all", "--json"],
        &["doctor"],
        &["doctor", "--json"],
        &["status"],
        &["status", "--json"],
        &["health", "--json"],
        &["config", "get"],
        &["config", "get", "models.providers.fake.apiKey"],
        &["config", "get", "models.providers"],
        &["config", "validate"],
        &["config", "schema"],
        &["gateway", "call", "config.get"],
        &["gateway", "call", "config.schema"],
        &["gateway", "call", "channels.status"],
        &["gateway", "call", "models.authStatus"],
        &["gateway", "call", "logs.tail"],
        &["devices", "list", "--json"],
        &["skills", "list", "--json"],
        &["logs"],
    ] {
        house.look(args);
    }
    let told: String = house.model.requests().iter().map(|request| request.text.clone()).collect();
    house.assert_silent("what the model was told", told.as_bytes());
    assert!(told.contains("PATH="), "the environment was looked at: {told}");
    house.assert_silent("the program that keeps a secret", &house.program_saw());
    house.end(gateway);
}

/// Where the test's own file of secrets stands, for a tool that looks for it.
fn house_file(name: &str) -> String {
    format!("~/kept/{name}")
}

/// A key that is long enough to be one, and shown by nothing but the file: what a broken part of the file says about itself.
#[test]
fn g25_a_configuration_that_is_wrong_where_a_secret_stands_does_not_quote_it() {
    let home = Home::new();
    let canaries = Canaries::new();
    let secret = |name: &str| canaries.of(name).to_owned();
    let wrong = [
        json!({"channels": {"discord": {"token": [secret("list")]}}}).to_string(),
        json!({"channels": {"telegram": {"botToken": {"source": secret("source"), "id": 5}}}}).to_string(),
        json!({"gateway": {"auth": {"token": {"text": secret("object")}, "mode": "token"}}}).to_string(),
        json!({"models": {"providers": {"a": {"apikey": secret("misspelt"), "baseUrl": "http://h"}}}}).to_string(),
        json!({"models": {"providers": {"a": {"apiKey": 5, "baseUrl": format!("ht!tp://u:{}@h", secret("scheme"))}}}})
            .to_string(),
        json!({"models": {"providers": {"a": {"headers": [secret("headers")], "baseUrl": "http://h"}}}}).to_string(),
        json!({"secrets": {"providers": {"a": {"source": "exec", "command": "x", "args": {"token": secret("args")}}}}})
            .to_string(),
        json!({"env": {"vars": {"A_TOKEN": [secret("vars")]}}}).to_string(),
        format!("{{gateway: {{auth: {{token: '{}}}}}}}", secret("open-quote")),
        format!("{{gateway: {{auth: {{token: {}}}}}}}", secret("no-quotes")),
        format!("{{token: '{}', token: }}", secret("no-value")),
    ];
    for text in wrong {
        home.write_config(&text);
        for args in [
            &["config", "validate"] as &[&str],
            &["config", "get"],
            &["config", "set", "gateway.port", "1"],
            &["doctor", "--json"],
            &["status"],
        ] {
            let ran = home.run(args);
            canaries.assert_silent(&format!("{args:?} of {text}"), (ran.stdout + &ran.stderr).as_bytes());
        }
    }
}

/// Whoever gives a secret to a command sees what is wrong with it, and never the secret again.
#[test]
fn g25_a_value_that_is_refused_is_not_said_again() {
    let home = Home::new();
    let canaries = Canaries::new();
    home.write_config("{gateway: {mode: 'local'}}");
    for (path, value) in [
        ("channels.discord.token", json!([canaries.of("list")])),
        ("gateway.auth.token", json!({"text": canaries.of("object")})),
        ("models.providers.a.headers", json!(canaries.of("headers"))),
        ("gateway.auth.password", json!(canaries.of("taken"))),
    ] {
        let ran = home.run_with_input(&["config", "set", path, "-"], &value.to_string());
        canaries.assert_silent(path, (ran.stdout + &ran.stderr).as_bytes());
    }
    let shown = home.run(&["config", "get"]).ok();
    canaries.assert_silent("config get", shown.as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn g25_a_model_that_says_a_key_says_it_to_no_log() {
    let canaries = Canaries::new();
    let model = FakeModel::start([Step::text("never mind")]).await;
    let home = Home::new();
    let provider = json!({"baseUrl": format!("{}/v1", model.url()), "api": "openai-completions",
                          "apiKey": canaries.of("model-key"), "models": [{"id": "big"}]});
    let config = json!({
        "models": {"providers": {"fake": provider}}, "agents": {"defaults": {"model": {"primary": "fake/big"}}},
        "logging": {"level": "trace"},
    });
    home.write_config(&config.to_string());
    let gateway = RunningGateway::start_with(&home, &[], &[]);
    let mut command = home.command(&["agent", "--message", "-"]);
    command.arg("--json");
    let _ = finish(command, canaries.of("model-key"));
    let _ = home.run(&["agent", "--message", &Canaries::every_form_of("model-key")]);
    assert_eq!(gateway.stop(), Some(0));
    canaries.assert_silent("the log", &canaries::files_of(&home.state_dir().join("logs")));
}
