//! `sessions.*`, `agents.*`, `models.*`, `skills.*`, `tools.*`: what clients show beside the conversation.

use serde_json::{Value, json};

use crate::conversation::{MAIN, Talker, config, fake_model, house};
use crate::support::Setup;

#[tokio::test]
async fn a_session_is_made_changed_listed_emptied_and_deleted() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    let made = talker.ok("sessions.create", json!({ "key": "work", "label": "Work" })).await;
    let key = made["key"].as_str().unwrap().to_owned();
    assert_eq!(key, "agent:main:work");
    talker.ok("chat.send", json!({ "sessionKey": key, "message": "first words", "idempotencyKey": "r" })).await;
    talker.end_of("r").await;

    let patch = json!({ "key": key, "label": "Job", "pinned": true, "model": "fake/spare", "category": "c" });
    let patched = talker.ok("sessions.patch", patch).await;
    assert_eq!(patched["resolved"], json!({ "modelProvider": "fake", "model": "spare" }));
    let listed = talker
        .ok("sessions.list", json!({ "search": "job", "includeDerivedTitles": true, "includeLastMessage": true }))
        .await;
    let row = &listed["sessions"][0];
    assert_eq!((&row["key"], &row["label"], &row["pinned"]), (&json!(key), &json!("Job"), &json!(true)));
    assert_eq!((&row["derivedTitle"], &row["model"]), (&json!("first words"), &json!("spare")));
    assert_eq!(row["lastMessagePreview"], "echo: first words");
    assert_eq!((&listed["defaults"]["model"], &listed["totalCount"]), (&json!("m"), &json!(1)));

    let found = talker.ok("sessions.resolve", json!({ "label": "Job" })).await;
    assert_eq!(found, json!({ "ok": true, "key": key, "agentId": "main" }));
    let reset = talker.ok("sessions.reset", json!({ "key": key, "reason": "reset" })).await;
    assert_ne!(reset["entry"]["sessionId"], made["sessionId"]);
    let preview = talker.ok("sessions.preview", json!({ "keys": [key, "nobody"] })).await;
    let states: Vec<&Value> = preview["previews"].as_array().unwrap().iter().map(|row| &row["status"]).collect();
    assert_eq!(states, ["empty", "missing"]);
    let deleted = talker.ok("sessions.delete", json!({ "key": key })).await;
    assert_eq!(deleted["deleted"], true);
    assert_eq!(talker.ok("sessions.describe", json!({ "key": key })).await["session"], Value::Null);
    let main = talker.call("sessions.delete", json!({ "key": MAIN })).await;
    assert_eq!(main["error"]["code"], "INVALID_REQUEST");
}

#[tokio::test]
async fn wrong_values_are_named() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    let rows = [
        ("sessions.patch", json!({ "key": "main", "model": "nobody/nothing" }), "nobody/nothing"),
        ("sessions.patch", json!({ "key": "main", "thinkingLevel": "hard" }), "hard"),
        ("sessions.resolve", json!({}), "one of key"),
        ("chat.send", json!({ "sessionKey": "main", "message": " ", "idempotencyKey": "x" }), "message or attachment"),
        ("chat.send", json!({ "sessionKey": "agent:main", "message": "x", "idempotencyKey": "x" }), "agent:main"),
        ("chat.send", json!({ "sessionKey": "agent:ghost:main", "message": "x", "idempotencyKey": "x" }), "ghost"),
        ("chat.send", json!({ "message": "x" }), "sessionKey"),
        ("agent", json!({ "message": "x", "agentId": "ghost", "idempotencyKey": "x" }), "ghost"),
    ];
    for (method, params, named) in rows {
        let answer = talker.call(method, params.clone()).await;
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(answer["error"]["code"] == "INVALID_REQUEST" && message.contains(named), "{method} {params}: {answer}");
    }
    let ghost = talker.call("agent.identity.get", json!({ "agentId": "ghost" })).await;
    assert_eq!(ghost["error"]["details"], json!({ "code": "UNKNOWN_AGENT_ID", "agentId": "ghost" }));
}

#[tokio::test]
async fn what_a_page_asks_before_it_lets_anybody_type() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    let agents = talker.ok("agents.list", json!({})).await;
    assert_eq!((&agents["defaultId"], &agents["mainKey"]), (&json!("main"), &json!("main")));
    assert_eq!(agents["agents"][0]["model"]["primary"], "fake/m");
    let models = talker.ok("models.list", json!({ "provider": "fake" })).await;
    let names: Vec<&Value> = models["models"].as_array().unwrap().iter().map(|model| &model["id"]).collect();
    assert_eq!(names, ["m", "spare"]);
    let auth = talker.ok("models.authStatus", json!({})).await;
    let fake = auth["providers"].as_array().unwrap().iter().find(|row| row["provider"] == "fake").unwrap();
    assert_eq!(
        (&fake["status"], &fake["apiKey"]["source"]),
        (&json!("ok"), &json!("config:models.providers.fake.apiKey"))
    );
    assert_eq!((&auth["model"], &auth["fallbacks"]), (&json!("fake/m"), &json!([])));
    assert_eq!(talker.ok("agent.identity.get", json!({ "sessionKey": MAIN })).await["agentId"], "main");
    let start = talker.ok("chat.startup", json!({ "sessionKey": "main", "limit": 80, "maxBytes": 262_144 })).await;
    assert_eq!(
        (&start["sessionKey"], &start["messages"], &start["hasMore"]),
        (&json!(MAIN), &json!([]), &json!(false))
    );
    let metadata = talker.ok("chat.metadata", json!({})).await;
    assert!(metadata["commands"].as_array().unwrap().iter().any(|command| command["name"] == "new"));
    let tools = talker.ok("tools.catalog", json!({})).await;
    assert!(tools["groups"].as_array().unwrap().iter().any(|group| group["id"] == "fs"), "{tools}");
    let skills = talker.ok("skills.status", json!({})).await;
    assert!(skills["skills"].as_array().unwrap().iter().any(|skill| skill["name"] == "machines"), "{skills}");
}

#[tokio::test]
async fn where_a_key_comes_from_is_told_without_the_key() {
    let model = fake_model([]).await;
    let mut config = config(&model);
    config["agents"]["defaults"]["model"]["fallbacks"] = json!(["fake/spare"]);
    config["models"]["providers"]["near"] = json!({ "baseUrl": "http://127.0.0.1:1", "models": [{ "id": "n" }] });
    config["models"]["providers"]["openai"] = json!({ "apiKey": { "source": "env", "id": "NOT_SET" } });
    let environment = vec![("ANTHROPIC_API_KEY".to_owned(), "canary-of-a-key".to_owned())];
    let gateway = Setup { environment, ..Setup::default() }.config(config).start().await;
    let auth = Talker::new(&gateway).await.ok("models.authStatus", json!({})).await;
    assert!(!auth.to_string().contains("canary"), "{auth}");
    assert_eq!((&auth["model"], &auth["fallbacks"]), (&json!("fake/m"), &json!(["fake/spare"])));
    let of = |id: &str| auth["providers"].as_array().unwrap().iter().find(|row| row["provider"] == id).unwrap();
    let source = |id: &str| (of(id)["status"].clone(), of(id)["apiKey"]["source"].clone());
    assert_eq!(source("anthropic"), (json!("ok"), json!("env:ANTHROPIC_API_KEY")));
    assert_eq!(source("near"), (json!("ok"), Value::Null));
    assert_eq!(source("openai"), (json!("missing"), Value::Null));
}

#[tokio::test]
async fn what_was_said_before_a_reset_is_found() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    talker.say("the heron nests in May", "r").await;
    talker.end_of("r").await;
    let before = talker.ok("sessions.describe", json!({ "key": MAIN })).await["session"]["sessionId"].clone();
    talker.say("/new", "n").await;
    talker.end_of("n").await;
    let found = talker.ok("sessions.search", json!({ "query": "heron May", "limit": 5 })).await;
    let hits = found["results"].as_array().unwrap();
    let said = hits.iter().find(|hit| hit["kind"] == "user").unwrap();
    assert_eq!((&said["key"], &said["sessionId"]), (&json!(MAIN), &before));
    assert!(said["snippet"].as_str().unwrap().contains("the «heron» nests in «May»"), "{said}");
    assert_eq!(talker.ok("sessions.search", json!({ "query": "?!" })).await["results"], json!([]));
}

#[tokio::test]
async fn an_agents_turn_lands_in_the_conversation_that_is_named() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    let made = talker.ok("sessions.create", json!({ "key": "work" })).await;
    let id = made["sessionId"].clone();
    let params = |session: &Value, run: &str| json!({ "message": "hi", "sessionId": session, "idempotencyKey": run });
    let accepted = talker.ok("agent", params(&id, "a")).await;
    assert_eq!(accepted["sessionKey"], "agent:main:work");
    talker.end_of("a").await;
    talker.ok("sessions.reset", json!({ "key": "work" })).await;
    let refused = talker.call("agent", params(&id, "b")).await;
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("ended when `agent:main:work` was reset"), "{refused}");
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_with_the_configuration_makes_the_health_bad() {
    let model = fake_model([]).await;
    let mut config = config(&model);
    config["models"]["providers"]["fake"]["api"] = json!("no-such-api");
    let gateway = Setup::default().config(config).start().await;
    let health = Talker::new(&gateway).await.ok("health", json!({})).await;
    assert_eq!(health["ok"], false);
    assert_eq!(health["degraded"], json!(["config: 1 problem, the section with it is off"]));
}

#[tokio::test]
async fn long_histories_come_in_pages() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    for turn in ["a", "b", "c"] {
        talker.say(turn, turn).await;
        talker.end_of(turn).await;
    }
    let page = talker.ok("chat.history", json!({ "sessionKey": MAIN, "limit": 2 })).await;
    assert_eq!((&page["hasMore"], &page["totalMessages"]), (&json!(true), &json!(6)));
    assert_eq!(page["messages"][0]["content"], "c");
    let page = talker.ok("chat.history", json!({ "sessionKey": MAIN, "limit": 2, "offset": 4 })).await;
    assert_eq!((&page["hasMore"], &page["messages"][0]["content"]), (&json!(false), &json!("a")));
    let small = talker.ok("chat.history", json!({ "sessionKey": MAIN, "maxBytes": 1_024, "maxChars": 3 })).await;
    assert_eq!(small["hasMore"], true);
    let injected = talker.ok("chat.inject", json!({ "sessionKey": MAIN, "message": "by hand", "label": "note" })).await;
    assert_eq!(injected["ok"], true);
    assert_eq!(talker.transcript().await.last().unwrap(), "assistant: [note]\n\nby hand");
}

#[tokio::test]
async fn a_history_can_be_asked_for_by_cursor_message_and_run() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    for turn in ["a", "b", "c", "d"] {
        talker.say(turn, turn).await;
        talker.end_of(turn).await;
    }
    let contents = |page: &Value| -> Vec<String> {
        page["messages"].as_array().unwrap().iter().map(crate::conversation::text_of).collect()
    };
    let all = talker.ok("chat.history", json!({ "sessionKey": MAIN })).await;
    let since = talker.ok("chat.history", json!({ "sessionKey": MAIN, "cursor": "6" })).await;
    assert_eq!((contents(&since), &since["hasMore"]), (vec!["d".to_owned(), "echo: d".to_owned()], &json!(false)));
    let cursor = all["deltaCursor"].clone();
    let none = talker.ok("chat.history", json!({ "sessionKey": MAIN, "cursor": cursor })).await;
    assert_eq!(contents(&none).len(), 0);
    let foreign = talker.ok("chat.history", json!({ "sessionKey": MAIN, "cursor": "999" })).await;
    assert_eq!(contents(&foreign).len(), 8);

    let id = all["messages"][2]["__openclaw"]["id"].clone();
    let around = talker.ok("chat.history", json!({ "sessionKey": MAIN, "messageId": id, "limit": 2 })).await;
    assert!(contents(&around).contains(&"b".to_owned()), "{around}");
    let unknown = talker.call("chat.history", json!({ "sessionKey": MAIN, "messageId": "nope" })).await;
    assert!(unknown["error"]["message"].as_str().unwrap().contains("nope"), "{unknown}");

    let inputs = json!({ "sessionKey": MAIN, "inputRunIds": ["a", "d"], "limit": 2 });
    assert_eq!(contents(&talker.ok("chat.history", inputs).await), ["a", "d", "echo: d"]);
}

#[tokio::test]
async fn a_session_is_made_with_its_first_message() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    let params = json!({ "label": "plans", "message": "hello", "idempotencyKey": "first" });
    let made = talker.ok("sessions.create", params).await;
    assert_eq!((&made["runStarted"], &made["runId"]), (&json!(true), &json!("first")), "{made}");
    assert_eq!(crate::conversation::text_of(&talker.end_of("first").await["message"]), "echo: hello");
    let history = talker.ok("chat.history", json!({ "sessionKey": made["key"] })).await;
    assert_eq!(history["messages"].as_array().unwrap().len(), 2);
    let empty = talker.ok("sessions.create", json!({})).await;
    assert_eq!((&empty["runStarted"], empty.get("runId")), (&json!(false), None));
    let bad = json!({ "message": "x", "attachments": [{ "type": "image", "mimeType": "image/png", "content": "%%" }] });
    let failed = talker.ok("sessions.create", bad).await;
    assert_eq!((&failed["runStarted"], &failed["runError"]["code"]), (&json!(false), &json!("INVALID_REQUEST")));
}
