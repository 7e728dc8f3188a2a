//! Agents that are made, changed and deleted by clients, and the files that tell them what to do.

use serde_json::{Value, json};

use crate::support::{Setup, Socket, TestGateway};

/// A gateway whose owner has written notes and two agents into the file.
async fn written() -> TestGateway {
    let text = "{\n  // who works here\n  agents: { list: [\n    { id: 'main' }, // the first\n    { id: 'ops', model: { primary: 'a/b', fallbacks: ['c/d'] } },\n  ] },\n  bindings: [{ agentId: 'ops', match: { channel: 'telegram' } }],\n}\n";
    Setup { config: Some(text.to_owned()), ..Setup::default() }.start().await
}

fn file(gateway: &TestGateway) -> String {
    std::fs::read_to_string(gateway.state_dir.path().join("chela.json")).unwrap()
}

async fn ok(client: &mut Socket, method: &str, params: Value) -> Value {
    let answer = client.call(method, params).await;
    assert_eq!(answer["ok"], true, "{method}: {answer}");
    answer["payload"].clone()
}

async fn refused(client: &mut Socket, method: &str, params: Value, word: &str) -> Value {
    let answer = client.call(method, params).await;
    let message = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(answer["ok"] == false && message.contains(word), "{method}: {answer}");
    answer["error"].clone()
}

async fn ids(client: &mut Socket) -> Vec<String> {
    let rows = ok(client, "agents.list", json!({})).await["agents"].clone();
    rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_agent_is_made_changed_and_deleted_and_the_owners_notes_stay() {
    let gateway = written().await;
    let mut client = gateway.client().await;
    let made = ok(&mut client, "agents.create", json!({"name": "Night Shift", "emoji": "🌙"})).await;
    assert_eq!((&made["agentId"], &made["name"]), (&json!("night-shift"), &json!("Night Shift")));
    let folder = gateway.state_dir.path().join("workspace-night-shift");
    assert_eq!(made["workspace"], folder.to_str().unwrap());
    assert!(folder.join("AGENTS.md").is_file());
    assert_eq!(ids(&mut client).await, ["main", "ops", "night-shift"]);
    refused(&mut client, "agents.create", json!({"name": "night shift"}), "already exists").await;
    refused(&mut client, "agents.create", json!({"name": "…"}), "no letter or digit").await;

    ok(&mut client, "agents.update", json!({"agentId": "ops", "name": "Operations", "model": "e/f"})).await;
    ok(&mut client, "agents.update", json!({"agentId": "night-shift", "model": "x/y"})).await;
    ok(&mut client, "agents.update", json!({"agentId": "night-shift", "model": null})).await;
    let text = file(&gateway);
    for kept in ["// who works here", "// the first", "Operations", "e/f", "c/d", "🌙"] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    assert!(!text.contains("x/y"), "{text}");
    refused(&mut client, "agents.update", json!({"agentId": "nobody", "name": "x"}), "\"nobody\" not found").await;

    let deleted = ok(&mut client, "agents.delete", json!({"agentId": "ops"})).await;
    assert_eq!((&deleted["removedBindings"], &deleted["removed"][0]["method"]), (&json!(1), &json!("missing")));
    let deleted = ok(&mut client, "agents.delete", json!({"agentId": "night-shift"})).await;
    assert_eq!(deleted["removed"][0]["method"], "trash", "{deleted}");
    assert!(!folder.exists() && gateway.state_dir.path().join("trash").read_dir().unwrap().count() == 1);
    assert_eq!(ids(&mut client).await, ["main"]);
    refused(&mut client, "agents.delete", json!({"agentId": "main"}), "is the only configured agent").await;
    assert!(file(&gateway).contains("// who works here"));
}

#[tokio::test]
async fn the_first_agent_that_is_written_does_not_push_the_unwritten_one_out() {
    let gateway = Setup::default().start().await;
    let mut client = gateway.client().await;
    ok(&mut client, "agents.create", json!({"name": "ops"})).await;
    assert_eq!(ids(&mut client).await, ["main", "ops"]);
    ok(&mut client, "agents.update", json!({"agentId": "main", "name": "Chief"})).await;
    let list = ok(&mut client, "agents.list", json!({})).await;
    assert_eq!((&list["defaultId"], &list["agents"][0]["name"]), (&json!("main"), &json!("Chief")));
}

#[tokio::test]
async fn a_folder_that_another_agent_works_in_stays() {
    let gateway = Setup::default().start().await;
    let mut client = gateway.client().await;
    let shared = gateway.state_dir.path().join("workspace");
    ok(&mut client, "agents.create", json!({"name": "twin", "workspace": shared})).await;
    let deleted = ok(&mut client, "agents.delete", json!({"agentId": "twin"})).await;
    assert!(deleted["failed"][0]["reason"].as_str().unwrap().contains("works there as well"), "{deleted}");
    assert!(shared.join("AGENTS.md").is_file());
}

#[tokio::test]
async fn instructions_are_read_and_replaced_on_the_state_that_was_seen() {
    let gateway = Setup::default().start().await;
    let mut client = gateway.client().await;
    let set = |content: &str, hash: Value| json!({"agentId": "main", "name": "SOUL.md", "content": content, "expectedHash": hash});
    let first = json!({"agentId": "main", "name": "SOUL.md", "content": "Be kind."});
    let stored = ok(&mut client, "agents.files.set", first).await;
    let hash = stored["file"]["hash"].clone();
    assert_eq!((&stored["ok"], &stored["file"]["size"]), (&json!(true), &json!(8)));
    let shown = ok(&mut client, "agents.files.get", json!({"agentId": "main", "name": "SOUL.md"})).await;
    assert_eq!((&shown["file"]["content"], &shown["file"]["hash"]), (&json!("Be kind."), &hash));
    let other = ok(&mut client, "agents.files.set", set("Be brief.", hash.clone())).await["file"]["hash"].clone();
    let conflict = refused(&mut client, "agents.files.set", set("Be loud.", hash), "changed since it was read").await;
    assert_eq!(conflict["details"], json!({"type": "agent_file_conflict", "name": "SOUL.md", "currentHash": other}));
    let path = gateway.state_dir.path().join("workspace/SOUL.md");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "Be brief.");

    let files = ok(&mut client, "agents.files.list", json!({"agentId": "main"})).await["files"].clone();
    let names: Vec<&str> = files.as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"AGENTS.md") && names.contains(&"HEARTBEAT.md"), "{names:?}");
    assert!(files.as_array().unwrap().iter().all(|file| file.get("content").is_none()), "{files}");
}

#[tokio::test]
async fn no_other_file_is_reached_by_name_or_by_link() {
    let gateway = Setup::default().start().await;
    let mut client = gateway.client().await;
    let workspace = gateway.state_dir.path().join("workspace");
    std::fs::create_dir_all(&workspace).unwrap();
    std::fs::write(gateway.state_dir.path().join("secret"), "the key").unwrap();
    std::os::unix::fs::symlink("../secret", workspace.join("TOOLS.md")).unwrap();
    for name in ["../secret", "notes.md", "", "/etc/passwd"] {
        refused(&mut client, "agents.files.get", json!({"agentId": "main", "name": name}), "unsupported file").await;
        let params = json!({"agentId": "main", "name": name, "content": "x"});
        refused(&mut client, "agents.files.set", params, "unsupported file").await;
    }
    for (method, params) in [
        ("agents.files.get", json!({"agentId": "main", "name": "TOOLS.md"})),
        ("agents.files.set", json!({"agentId": "main", "name": "TOOLS.md", "content": "x"})),
    ] {
        refused(&mut client, method, params, "unsafe workspace file \"TOOLS.md\"").await;
    }
    assert_eq!(std::fs::read_to_string(gateway.state_dir.path().join("secret")).unwrap(), "the key");
    let huge = json!({"agentId": "main", "name": "SOUL.md", "content": "x".repeat(2 * 1024 * 1024 + 1)});
    refused(&mut client, "agents.files.set", huge, "larger than").await;
}
