//! What pages for admins ask for: the machine, what runs, what is built in, and the configuration's schema.

use std::sync::Arc;

use chela_testkit::model::Step;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::conversation::{MAIN, Talker, fake_model, house};
use crate::support::gateway;

#[tokio::test]
async fn the_machine_is_told_as_it_is() {
    let gateway = gateway().await;
    let mut client = gateway.client().await;
    let info = client.call("system.info", json!({})).await["payload"].clone();
    assert_eq!((&info["pid"], &info["platform"]), (&json!(std::process::id()), &json!(std::env::consts::OS)));
    assert_eq!(info["diskPath"], gateway.state_dir.path().to_str().unwrap());
    let number = |name: &str| info[name].as_u64().unwrap_or_default();
    assert!(number("memoryTotalBytes") > number("memoryFreeBytes") && number("memoryFreeBytes") > 0, "{info}");
    assert!(number("diskTotalBytes") >= number("diskAvailableBytes") && number("cpuCount") > 0, "{info}");
    let environments = client.call("environments.list", json!({})).await["payload"]["environments"].clone();
    assert_eq!((&environments[0]["id"], &environments[0]["type"]), (&json!("gateway"), &json!("local")));
    assert_eq!(environments.as_array().unwrap().len(), 1);
    let memory = client.call("diagnostics.stability", json!({})).await["payload"]["summary"]["memory"].clone();
    assert!(memory["latest"]["rssBytes"].as_u64().unwrap() > 0 && memory["pressureCount"] == 0, "{memory}");
}

#[tokio::test]
async fn what_is_not_there_is_an_empty_list_and_no_error() {
    let gateway = gateway().await;
    let mut client = gateway.client().await;
    for (method, expected) in [
        ("themes.list", json!({"themes": []})),
        ("question.list", json!({"questions": []})),
        ("plugin.approval.list", json!([])),
        ("openclaw.approval.list", json!([])),
        ("tasks.list", json!({"tasks": []})),
        ("update.status", json!({"sentinel": null, "updateAvailable": null})),
        ("last-heartbeat", Value::Null),
    ] {
        let answer = client.call(method, json!({})).await;
        assert_eq!((&answer["ok"], &answer["payload"]), (&json!(true), &expected), "{method}: {answer}");
    }
    let branches = client.call("sessions.branches.list", json!({"sessionKey": MAIN})).await;
    assert_eq!(branches["payload"], json!({"branches": []}));
}

#[tokio::test]
async fn the_platforms_that_are_built_in_are_plugins_that_need_an_account() {
    let gateway = gateway().await;
    let mut client = gateway.client().await;
    let list = client.call("plugins.list", json!({})).await["payload"].clone();
    let rows: Vec<_> = list["plugins"].as_array().unwrap().iter().map(|row| (&row["id"], &row["state"])).collect();
    let needs = json!("needs-setup");
    assert_eq!(rows, [(&json!("discord"), &needs), (&json!("telegram"), &needs)]);
    assert_eq!(list["mutationAllowed"], false);
}

#[tokio::test]
async fn a_turn_that_runs_stands_in_its_lane_and_a_conversation_has_one_branch() {
    let never = Arc::new(Notify::new());
    let model = fake_model([Step::text("one"), Step::gated(&never, Step::text("never"))]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    talker.say("first words", "r1").await;
    talker.end_of("r1").await;
    let branches = talker.ok("sessions.branches.list", json!({"sessionKey": MAIN})).await["branches"].clone();
    assert_eq!(branches.as_array().unwrap().len(), 1, "{branches}");
    assert_eq!((&branches[0]["headline"], &branches[0]["messageCount"]), (&json!("one"), &json!(2)));
    assert_eq!(branches[0]["active"], true);
    let lanes = talker.ok("diagnostics.lanes", json!({})).await;
    assert_eq!((&lanes["lanes"][0]["lane"], &lanes["dynamic"]), (&json!("main"), &Value::Null));
    talker.say("second words", "r2").await;
    let lanes = talker.ok("diagnostics.lanes", json!({})).await;
    let (main, dynamic) = (&lanes["lanes"][0], &lanes["dynamic"]);
    let at_work = main["activeCount"].as_u64().unwrap() + main["queuedCount"].as_u64().unwrap();
    assert_eq!((at_work, &main["maxConcurrent"], &dynamic["laneCount"]), (1, &json!(4), &json!(1)), "{lanes}");
    talker.ok("chat.abort", json!({"sessionKey": MAIN})).await;
}

#[tokio::test]
async fn a_place_of_the_configuration_is_looked_up() {
    let gateway = gateway().await;
    let mut client = gateway.client().await;
    let port = client.call("config.schema.lookup", json!({"path": "gateway.port"})).await["payload"].clone();
    assert_eq!((&port["path"], &port["reloadKind"]), (&json!("gateway.port"), &json!("restart")), "{port}");
    let auth = client.call("config.schema.lookup", json!({"path": "gateway.auth"})).await["payload"].clone();
    let token = auth["children"].as_array().unwrap().iter().find(|child| child["key"] == "token").unwrap();
    assert_eq!((&token["path"], &token["hint"]["sensitive"]), (&json!("gateway.auth.token"), &json!(true)));
    let whole = client.call("config.schema.lookup", json!({"path": "."})).await["payload"].clone();
    assert!(whole["children"].as_array().unwrap().iter().any(|child| child["key"] == "agents"), "{whole}");
    let nothing = client.call("config.schema.lookup", json!({"path": "gateway.nothing"})).await;
    assert_eq!(nothing["error"]["message"], "config schema path not found");
}

#[tokio::test]
async fn a_patch_names_the_state_that_it_was_made_on_and_replaces_whole_where_it_says() {
    let written = "{\n  // the owner's note\n  models: { providers: { a: { baseUrl: 'http://127.0.0.1:1/v1' }, b: { baseUrl: 'http://127.0.0.1:1/v1' } } },\n}\n";
    let setup = crate::support::Setup { config: Some(written.to_owned()), ..Default::default() };
    let gateway = setup.start().await;
    let mut client = gateway.client().await;
    let raw = json!({"models": {"providers": {"a": {"baseUrl": "http://127.0.0.1:2/v1"}}}}).to_string();
    let blind = client.call("config.patch", json!({"raw": raw})).await;
    assert_eq!(blind["error"]["message"], "config base hash required; re-run config.get and retry");
    let hash = client.call("config.get", json!({})).await["payload"]["hash"].clone();
    let patch = json!({"raw": raw, "baseHash": hash, "replacePaths": ["models.providers"]});
    let saved = client.call("config.patch", patch).await;
    assert_eq!(saved["ok"], true, "{saved}");
    let text = std::fs::read_to_string(gateway.state_dir.path().join("chela.json")).unwrap();
    assert!(text.contains("the owner's note") && text.contains(":2/v1") && !text.contains("b:"), "{text}");
}

#[tokio::test]
async fn a_hello_names_the_release_that_is_spoken_and_the_program_beside_it() {
    let gateway = gateway().await;
    let (mut socket, _) = gateway.socket().await;
    let hello = socket.connect(crate::support::connect_params()).await["payload"].clone();
    assert_eq!(hello["server"]["version"], chela_protocol::OPENCLAW_RELEASE);
    assert_eq!(hello["server"]["implementation"], json!({"name": "chela", "version": env!("CARGO_PKG_VERSION")}));
    assert_eq!(hello["features"]["capabilities"], json!(["published-model-catalog"]));
}

#[tokio::test]
async fn logging_out_stops_the_account_and_says_where_its_token_stands() {
    let config =
        json!({"channels": {"telegram": {"enabled": true, "botToken": "1:x", "apiRoot": "http://127.0.0.1:9"}}});
    let gateway = crate::support::Setup::default().config(config).start().await;
    let mut client = gateway.client().await;
    let out = client.call("channels.logout", json!({"channel": "telegram"})).await;
    let told = &out["payload"];
    assert_eq!(
        (&told["accountId"], &told["cleared"], &told["envToken"]),
        (&json!("default"), &json!(false), &json!(false)),
        "{out}"
    );
    assert!(told["message"].as_str().unwrap().contains("the configuration"), "{out}");
    let status = client.call("channels.status", json!({})).await["payload"].clone();
    assert_eq!(status["channelAccounts"]["telegram"][0]["running"], false, "{status}");
    let unknown = client.call("channels.logout", json!({"channel": "pigeon"})).await;
    assert_eq!(unknown["error"]["message"], "invalid channels.logout channel");
    for (channel, message) in [
        ("telegram", "web login is not supported by provider telegram"),
        ("whatsapp", "web login provider is not available"),
    ] {
        for method in ["web.login.start", "web.login.wait"] {
            assert_eq!(client.call(method, json!({"channel": channel})).await["error"]["message"], message);
        }
    }
}

#[tokio::test]
async fn tools_are_told_as_a_session_has_them() {
    let gateway = gateway().await;
    let mut client = gateway.client().await;
    assert_eq!(client.call("skills.library.list", json!({"scope": "all"})).await["payload"]["entries"], json!([]));
    let tools = client.call("tools.effective", json!({"sessionKey": MAIN})).await["payload"].clone();
    let group = tools["groups"].as_array().unwrap().iter().find(|group| group["id"] == "fs").unwrap();
    assert!(group["tools"].as_array().unwrap().iter().any(|tool| tool["id"] == "read"), "{tools}");
}
