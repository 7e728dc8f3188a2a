//! What an agent is made of (tools, skills, models), and that a change of it needs no restart.

use chela_testkit::model::{FakeModel, Step};
use serde_json::{Value, json};

use crate::conversation::{Talker, config, fake_model};
use crate::support::{Setup, TestGateway};

async fn house(model: &FakeModel, more: Value) -> TestGateway {
    let mut config = config(model);
    config["gateway"] = json!({ "mode": "local" });
    for (name, section) in more.as_object().unwrap() {
        config[name] = section.clone();
    }
    Setup::default().config(config).start().await
}

async fn tools_of(talker: &mut Talker, agent: &str) -> Vec<String> {
    let catalogue = talker.ok("tools.catalog", json!({ "agentId": agent })).await;
    let groups = catalogue["groups"].as_array().unwrap().iter();
    let tools = groups.flat_map(|group| group["tools"].as_array().unwrap());
    tools.map(|tool| tool["id"].as_str().unwrap().to_owned()).collect()
}

async fn patch(talker: &mut Talker, change: Value) -> Value {
    let hash = talker.ok("config.get", json!({})).await["hash"].clone();
    talker.ok("config.patch", json!({ "raw": change.to_string(), "baseHash": hash })).await
}

#[tokio::test]
async fn an_agent_has_the_tools_that_its_section_leaves() {
    let model = fake_model([Step::text("hi")]).await;
    let agents = json!({ "defaults": { "model": "fake/m", "skipBootstrap": true }, "list": [
        { "id": "main" },
        { "id": "small", "tools": { "profile": "minimal", "alsoAllow": ["read"] } },
        { "id": "bold", "tools": { "allow": ["group:runtime"], "exec": { "security": "full" } } },
    ] });
    let gateway = house(&model, json!({ "agents": agents, "tools": { "exec": { "security": "deny" } } })).await;
    let mut talker = Talker::new(&gateway).await;
    assert_eq!(tools_of(&mut talker, "small").await, ["read", "session_status"]);
    assert_eq!(tools_of(&mut talker, "bold").await, ["exec", "process"]);
    assert!(!tools_of(&mut talker, "main").await.contains(&"exec".to_owned()));
    let send = json!({ "sessionKey": "agent:small:main", "message": "hi", "idempotencyKey": "small" });
    talker.ok("chat.send", send).await;
    talker.end_of("small").await;
    let offered = &model.requests()[0].body["tools"];
    let names: Vec<&str> =
        offered.as_array().unwrap().iter().map(|tool| tool["function"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["read", "session_status"]);
}

#[tokio::test]
async fn rules_for_commands_that_can_not_be_kept_are_told() {
    let model = fake_model([]).await;
    let gateway = house(&model, json!({ "tools": { "exec": { "host": "node" } } })).await;
    let mut talker = Talker::new(&gateway).await;
    let problems = talker.ok("status", json!({})).await["problems"].to_string();
    assert!(problems.contains("tools.exec") && problems.contains("host that is not there"), "{problems}");
    assert!(!tools_of(&mut talker, "main").await.contains(&"exec".to_owned()));
}

#[tokio::test]
async fn agents_and_tools_change_without_a_restart() {
    let model = fake_model([]).await;
    let gateway = house(&model, json!({})).await;
    let mut talker = Talker::new(&gateway).await;
    assert!(tools_of(&mut talker, "main").await.contains(&"exec".to_owned()));
    let change = json!({ "tools": { "deny": ["group:runtime"] }, "agents": { "list": [{ "id": "main" }, { "id": "ops" }] },
        "session": { "resetTriggers": ["begin"] }, "logging": { "level": "debug" }, "skills": { "allowBundled": [] } });
    let saved = patch(&mut talker, change).await;
    assert_eq!(saved["requiresRestart"], json!([]), "{saved}");
    assert!(!tools_of(&mut talker, "ops").await.contains(&"exec".to_owned()));
}

#[tokio::test]
async fn a_new_skill_shows_at_once_and_only_then_changes_the_prompt() {
    let model = fake_model([]).await;
    let gateway = house(&model, json!({})).await;
    let mut talker = Talker::new(&gateway).await;
    for run in ["one", "two"] {
        talker.say("hi", run).await;
        talker.end_of(run).await;
    }
    let folder = gateway.state_dir.path().join("workspace/skills/brewing");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("SKILL.md"), "---\nname: brewing\ndescription: How tea is made.\n---\nHot water.\n")
        .unwrap();
    let skills = talker.ok("skills.status", json!({})).await["skills"].to_string();
    assert!(skills.contains("brewing"), "{skills}");
    talker.say("hi", "three").await;
    talker.end_of("three").await;
    let prompts: Vec<String> =
        model.requests().iter().map(|request| request.body["messages"][0]["content"].to_string()).collect();
    assert_eq!(prompts[0], prompts[1]);
    assert!(!prompts[1].contains("brewing") && prompts[2].contains("How tea is made."), "{}", prompts[2]);
}
