//! What people choose by a command, and what the next turns make of it.

use std::sync::Arc;

use chela_testkit::model::{FakeModel, Step};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::conversation::{MAIN, Talker, config, fake_model, text_of};
use crate::support::{Setup, TestGateway};

/// A model that can think, under a configuration with `more`.
async fn house(model: &FakeModel, more: Value) -> TestGateway {
    let mut config = config(model);
    for entry in config["models"]["providers"]["fake"]["models"].as_array_mut().unwrap() {
        entry["reasoning"] = true.into();
    }
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    Setup::default().config(config).start().await
}

/// Types a command and returns its answer.
async fn typed(talker: &mut Talker, command: &str) -> String {
    let sent = talker.ok("chat.send", json!({ "sessionKey": MAIN, "message": command })).await;
    let run = sent["runId"].as_str().unwrap().to_owned();
    text_of(&talker.end_of(&run).await["message"])
}

async fn row(talker: &mut Talker) -> Value {
    talker.ok("sessions.describe", json!({ "key": MAIN })).await["session"].clone()
}

#[tokio::test]
async fn a_level_goes_to_the_model_until_it_is_cleared() {
    let model = fake_model([]).await;
    // A vendor that is told how hard to think by a word.
    let mut vendor = config(&model)["models"]["providers"]["fake"].clone();
    vendor["models"][0]["reasoning"] = true.into();
    let more = json!({
        "models": { "providers": { "cerebras": vendor } },
        "agents": { "defaults": { "model": { "primary": "cerebras/m" }, "skipBootstrap": true } },
    });
    let gateway = Setup::default().config(more).start().await;
    let mut talker = Talker::new(&gateway).await;
    let effort = |at: usize| model.requests()[at].body["reasoning_effort"].clone();
    assert_eq!(typed(&mut talker, "/think high").await, "How hard the model thinks: `high` from the next message on.");
    talker.say("one", "r1").await;
    talker.end_of("r1").await;
    assert_eq!((effort(0), row(&mut talker).await["thinkingLevel"].clone()), (json!("high"), json!("high")));

    talker.say("two /t:low please", "r2").await;
    assert_eq!(text_of(&talker.end_of("r2").await["message"]), "echo: two  please", "the setting is no word of it");
    assert_eq!((effort(1), row(&mut talker).await["thinkingLevel"].clone()), (json!("low"), json!("high")));

    let wrong = typed(&mut talker, "/think big").await;
    assert!(wrong.contains("`big`") && wrong.contains("`medium`"), "{wrong}");
    assert!(typed(&mut talker, "/think").await.contains("`high`, as chosen"), "asking changes nothing");
    typed(&mut talker, "/thinking default").await;
    assert_eq!(row(&mut talker).await.get("thinkingLevel"), None);
}

#[tokio::test]
async fn several_settings_in_one_message_are_kept_each() {
    let model = fake_model([]).await;
    let gateway = house(&model, json!({})).await;
    let mut talker = Talker::new(&gateway).await;
    let said = typed(&mut talker, "/think low /v full").await;
    assert_eq!(said.lines().count(), 2, "{said}");
    let row = row(&mut talker).await;
    assert_eq!((&row["thinkingLevel"], &row["verboseLevel"]), (&json!("low"), &json!("full")));
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn a_model_is_named_for_one_message_or_with_a_new_conversation() {
    let model = fake_model([]).await;
    let gateway = house(&model, json!({})).await;
    let mut talker = Talker::new(&gateway).await;
    talker.say("/model fake/spare who are you", "r1").await;
    assert_eq!(text_of(&talker.end_of("r1").await["message"]), "echo: who are you");
    talker.say("and now", "r2").await;
    talker.end_of("r2").await;
    talker.say("/new fake/spare hello", "r3").await;
    assert_eq!(text_of(&talker.end_of("r3").await["message"]), "echo: hello");
    let models: Vec<_> = model.requests().into_iter().map(|request| request.model).collect();
    assert_eq!(models, ["spare", "m", "spare"]);
    assert_eq!(row(&mut talker).await["model"], "spare", "a new conversation keeps it");
}

#[tokio::test]
async fn a_session_has_a_queue_mode_of_its_own() {
    let gate = Arc::new(Notify::new());
    let model = fake_model([Step::gated(&gate, Step::text("late"))]).await;
    let gateway = house(&model, json!({ "messages": { "queue": { "mode": "followup" } } })).await;
    let mut talker = Talker::new(&gateway).await;
    let said = typed(&mut talker, "/queue interrupt debounce:2s cap:7 drop:old").await;
    assert_eq!(
        said,
        "Messages that come while a turn runs: `interrupt`, debounce 2000 ms, cap 7, drop `old` (as chosen for this session)."
    );
    let chosen = row(&mut talker).await;
    let fields = ["queueMode", "effectiveQueueMode", "queueDebounceMs", "queueCap", "queueDrop"];
    assert_eq!(
        fields.map(|field| chosen[field].clone()),
        [json!("interrupt"), json!("interrupt"), json!(2_000), json!(7), json!("old")]
    );
    talker.say("first", "r1").await;
    model.wait_for_requests(1).await;
    talker.say("instead", "r2").await;
    assert_eq!(talker.end_of("r1").await["state"], "aborted", "the newest takes its place");
    assert_eq!(text_of(&talker.end_of("r2").await["message"]), "echo: instead");
    typed(&mut talker, "/queue default").await;
    assert_eq!(row(&mut talker).await["effectiveQueueMode"], "followup");
    assert!(typed(&mut talker, "/queue loudly").await.contains("no queue setting"));
}

#[tokio::test]
async fn sessions_patch_takes_what_the_commands_take() {
    let model = fake_model([]).await;
    let gateway = house(&model, json!({})).await;
    let mut talker = Talker::new(&gateway).await;
    let patch = json!({ "key": MAIN, "verboseLevel": "full", "reasoningLevel": "stream", "responseUsage": "on",
        "sendPolicy": "deny", "groupActivation": "always" });
    let patched = talker.ok("sessions.patch", patch).await;
    let row = row(&mut talker).await;
    for (field, expected) in [
        ("verboseLevel", "full"),
        ("reasoningLevel", "stream"),
        ("responseUsage", "tokens"),
        ("sendPolicy", "deny"),
        ("groupActivation", "always"),
    ] {
        assert_eq!((&row[field], &patched["entry"][field]), (&json!(expected), &json!(expected)), "{field}");
        let wrong = talker.call("sessions.patch", json!({ "key": MAIN, field: "loud" })).await;
        assert_eq!(wrong["error"]["code"], "INVALID_REQUEST", "{field}: {wrong}");
        talker.ok("sessions.patch", json!({ "key": MAIN, field: null })).await;
    }
    let cleared = self::row(&mut talker).await;
    assert_eq!((cleared.get("sendPolicy"), &cleared["effectiveResponseUsage"]), (None, &json!("off")));
}

#[tokio::test]
async fn models_are_listed_page_by_page() {
    let model = fake_model([]).await;
    let mut many = config(&model)["models"].clone();
    let one = |at: usize| json!({ "id": format!("m{at:02}"), "name": "x", "contextWindow": 1_000, "maxTokens": 100 });
    many["providers"]["fake"]["models"] = (0..20).map(one).collect();
    let gateway = house(&model, json!({ "models": many })).await;
    let mut talker = Talker::new(&gateway).await;
    let providers = typed(&mut talker, "/models").await;
    assert!(providers.contains("- `fake`: 20 models"), "{providers}");
    let first = typed(&mut talker, "/models fake").await;
    assert!(first.contains("page 1 of 3") && first.contains("`fake/m00`") && !first.contains("`fake/m08`"), "{first}");
    let last = typed(&mut talker, "/models FAKE 3").await;
    assert!(last.contains("`fake/m19`") && !last.contains("`fake/m15`"), "{last}");
    assert!(typed(&mut talker, "/models nobody").await.contains("`fake`"));
}

#[tokio::test]
async fn a_skill_is_used_by_its_name() {
    let model = fake_model([]).await;
    let gateway = house(&model, json!({})).await;
    let folder = gateway.state_dir.path().join("workspace/skills/baker");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("SKILL.md"), "---\nname: baker\ndescription: Bakes bread.\n---\nKnead.\n").unwrap();
    let mut talker = Talker::new(&gateway).await;
    let listed = typed(&mut talker, "/skill").await;
    assert!(listed.contains("- `baker`: Bakes bread."), "{listed}");
    assert!(typed(&mut talker, "/skill butcher a pig").await.contains("No skill is called `butcher`"));
    talker.say("/skill baker two loaves", "r").await;
    assert_eq!(text_of(&talker.end_of("r").await["message"]), "echo: two loaves");
    let asked = model.requests()[0].last_user_text();
    assert!(asked.contains("Use the skill `baker`") && asked.contains("SKILL.md"), "{asked}");
}

#[tokio::test]
async fn a_conversation_is_exported_into_the_workspace() {
    let model = fake_model([Step::text("a <b>bold</b> answer")]).await;
    let gateway = house(&model, json!({})).await;
    let mut talker = Talker::new(&gateway).await;
    talker.say("what & why", "r").await;
    talker.end_of("r").await;
    let said = typed(&mut talker, "/export-session talks/one.html").await;
    assert!(said.contains("`talks/one.html`"), "{said}");
    let workspace = gateway.state_dir.path().join("workspace");
    let page = std::fs::read_to_string(workspace.join("talks/one.html")).unwrap();
    for part in ["what &amp; why", "a &lt;b&gt;bold&lt;/b&gt; answer", "System prompt", "personal assistant"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<script"));
    let again = typed(&mut talker, "/export talks/one.html ").await;
    assert!(again.contains("could not be written"), "what stands there stays: {again}");
    typed(&mut talker, "/export talks/one.md").await;
    let text = std::fs::read_to_string(workspace.join("talks/one.md")).unwrap();
    assert!(text.contains("a <b>bold</b> answer") && text.contains("## User"), "{text}");
    assert!(typed(&mut talker, "/export ../out.md").await.contains("a place in the workspace"));
    assert!(!gateway.state_dir.path().join("out.md").exists());
}

#[tokio::test]
async fn a_session_says_when_it_ends() {
    let model = fake_model([]).await;
    let gateway = house(&model, json!({})).await;
    let mut talker = Talker::new(&gateway).await;
    assert!(typed(&mut talker, "/session").await.contains(MAIN));
    let idle = typed(&mut talker, "/session idle 36h").await;
    assert_eq!(idle, "The conversation ends by a silence after 36 hours, by its age never.");
    let both = typed(&mut talker, "/session max-age 7d").await;
    assert_eq!(both, "The conversation ends by a silence after 36 hours, by its age after 7 days.");
    assert!(typed(&mut talker, "/session idle soon").await.contains("no time"));
    let off = typed(&mut talker, "/session idle default").await;
    assert!(off.contains("by a silence as configured"), "{off}");
}

#[tokio::test]
async fn the_configuration_is_read_and_changed_where_it_allows_that() {
    let model = fake_model([]).await;
    let gateway = house(&model, json!({})).await;
    let mut talker = Talker::new(&gateway).await;
    assert!(typed(&mut talker, "/config show").await.contains("switched off"));
    drop((talker, gateway));

    let gateway = house(&model, json!({ "commands": { "config": true } })).await;
    let mut talker = Talker::new(&gateway).await;
    let shown = typed(&mut talker, "/config show models.providers.fake").await;
    assert!(shown.contains("openai-completions") && !shown.contains("\"apiKey\": \"x\""), "{shown}");
    let set = typed(&mut talker, "/config set messages.responsePrefix=[house]").await;
    assert!(set.contains("`messages.responsePrefix`") || set.contains("`messages`"), "{set}");
    let file = || std::fs::read_to_string(gateway.state_dir.path().join("chela.json")).unwrap();
    assert!(file().contains("[house]"), "{}", file());
    let wrong = typed(&mut talker, "/config set messages.queue.mode=loud").await;
    assert!(wrong.contains("Nothing has changed") && !file().contains("loud"), "{wrong}");
    assert!(typed(&mut talker, "/config get messages.responsePrefix").await.contains("[house]"));
    typed(&mut talker, "/config unset messages.responsePrefix").await;
    assert!(!file().contains("[house]"), "{}", file());

    let mut guest = gateway.client_with(json!(["operator.read", "operator.write"])).await;
    let params = json!({ "sessionKey": MAIN, "message": "/config show", "idempotencyKey": "g" });
    let refused = guest.call("chat.send", params).await;
    assert_eq!(refused["ok"], false, "{refused}");
    assert!(refused["error"].to_string().contains("operator.admin"), "{refused}");
}

#[tokio::test]
async fn settings_over_the_file_hold_until_they_are_taken_away() {
    let model = fake_model([]).await;
    let gateway = house(&model, json!({ "commands": { "debug": true } })).await;
    let mut talker = Talker::new(&gateway).await;
    let file = || std::fs::read_to_string(gateway.state_dir.path().join("chela.json")).unwrap();
    let before = file();
    let set = typed(&mut talker, "/debug set messages.queue.mode=collect").await;
    assert!(set.contains("until the next start"), "{set}");
    assert_eq!((row(&mut talker).await["effectiveQueueMode"].clone(), file()), (json!("collect"), before));
    assert!(typed(&mut talker, "/debug show").await.contains("collect"));
    let wrong = typed(&mut talker, "/debug set messages.queue.mode=loud").await;
    assert!(wrong.contains("Nothing has changed"), "{wrong}");
    typed(&mut talker, "/debug unset messages.queue.mode").await;
    assert_eq!(row(&mut talker).await["effectiveQueueMode"], "followup");
    typed(&mut talker, "/debug set commands.debug=false").await;
    assert!(typed(&mut talker, "/debug reset").await.contains("switched off"), "what was locked out stays out");
}

#[tokio::test]
async fn a_restart_is_asked_for_once_its_answer_is_durable() {
    let model = fake_model([]).await;
    let gateway = house(&model, json!({})).await;
    let mut talker = Talker::new(&gateway).await;
    let said = typed(&mut talker, "/restart").await;
    assert!(said.contains("restarts now"), "{said}");
    gateway.running.restart_asked().await;
    drop((talker, gateway));

    let gateway = house(&model, json!({ "commands": { "restart": false } })).await;
    let mut talker = Talker::new(&gateway).await;
    assert!(typed(&mut talker, "/restart").await.contains("switched off"));
}

#[tokio::test]
async fn clients_read_the_whole_table() {
    let model = fake_model([]).await;
    let gateway = house(&model, json!({})).await;
    let mut talker = Talker::new(&gateway).await;
    let listed = talker.ok("commands.list", json!({ "scope": "both", "includeArgs": true })).await;
    let commands = listed["commands"].as_array().unwrap().clone();
    let think = commands.iter().find(|command| command["name"] == "think").unwrap();
    assert_eq!(think["textAliases"], json!(["/think", "/thinking", "/t"]));
    assert_eq!(
        (&think["args"][0]["type"], &think["args"][0]["choices"][0]["value"]),
        (&json!("string"), &json!("off"))
    );
    let model_arg = &commands.iter().find(|command| command["name"] == "model").unwrap()["args"][0];
    assert_eq!(model_arg["dynamic"], true);
    let bare = talker.ok("commands.list", json!({ "includeArgs": false })).await;
    assert!(!bare.to_string().contains("\"args\""), "{bare}");
    // A page at a time, in the same words.
    let pages = commands.len().div_ceil(10);
    let mut shown = String::new();
    for page in 1..=pages {
        shown.push_str(&typed(&mut talker, &format!("/commands {page}")).await);
    }
    for command in &commands {
        assert!(shown.contains(&format!("`/{}", command["name"].as_str().unwrap())), "{command}");
    }
}
