//! Strangers, codes, owners, agents: who is answered by whom.

use serde_json::{Value, json};

use super::{ADA, BOB, said, telegram, telegram_house, telegram_section, texts, with_channels};
use crate::conversation::{Talker, fake_model};
use crate::support::Setup;

/// The code that a stranger was told.
fn code_in(text: &str) -> String {
    text.split("pairing approve telegram ").nth(1).unwrap().chars().take(8).collect()
}

async fn code_for(fake: &chela_testkit::telegram::FakeTelegram, chat: i64) -> String {
    let told = |fake: &chela_testkit::telegram::FakeTelegram| {
        texts(fake, chat).into_iter().find(|text| text.contains("chela pairing approve"))
    };
    code_in(&fake.wait_for("a code", told).await)
}

#[tokio::test]
async fn a_stranger_gets_a_code_once_and_is_answered_when_it_is_approved() {
    let (model, fake) = (fake_model([]).await, telegram().await);
    let gateway = telegram_house(&model, &fake, json!({ "dmPolicy": "pairing", "allowFrom": [] })).await;
    let mut talker = Talker::new(&gateway).await;
    fake.say(ADA, ADA, "hello?").send();
    let code = code_for(&fake, ADA).await;
    fake.say(ADA, ADA, "hello again?").send();
    fake.say(BOB, BOB, "me too").send();
    let other = code_for(&fake, BOB).await;

    let list = talker.ok("channels.pairing.list", json!({})).await;
    let pending: Vec<Value> = list["pending"].as_array().unwrap().clone();
    assert_eq!(pending.len(), 2, "{list}");
    assert_eq!((&pending[0]["sender"], &pending[0]["name"]), (&json!("1001"), &json!("Ada Lovelace")));

    let (asked, account) = (&list["requests"][0], &list["accounts"][0]);
    assert_eq!((&asked["requestId"], &asked["senderId"]), (&json!(code), &json!("1001")), "{list}");
    assert_eq!((&account["channel"], &account["accountId"]), (&asked["channel"], &asked["accountId"]), "{list}");
    assert_eq!(list["commandOwnerConfigured"], false, "{list}");

    let typed = format!(" {}-{} ", code[..4].to_lowercase(), &code[4..]);
    let paired = talker.ok("channels.pairing.approve", json!({ "channel": "telegram", "code": typed })).await;
    assert_eq!(paired["owner"], true, "the first one ever is an owner: {paired}");
    fake.wait_for("the news", |fake| texts(fake, ADA).into_iter().find(|text| text.starts_with("You are let in")))
        .await;
    fake.say(ADA, ADA, "/model fake/spare").send();
    said(&fake, ADA, "This conversation uses fake/spare from the next message on.").await;

    talker.ok("channels.pairing.reject", json!({ "channel": "telegram", "code": other })).await;
    talker.ok("channels.pairing.remove", json!({ "channel": "telegram", "sender": "1001" })).await;
    fake.say(ADA, ADA, "still there?").send();
    fake.wait_for("a second code", |fake| {
        (texts(fake, ADA).iter().filter(|text| text.contains("pairing approve")).count() == 2).then_some(())
    })
    .await;
    assert!(model.requests().is_empty(), "no model ever heard a stranger");
    assert_eq!(texts(&fake, BOB).len(), 1, "who is turned away is told nothing");
    let unknown = talker.call("channels.pairing.approve", json!({ "channel": "telegram", "code": "AAAAAAAA" })).await;
    assert!(unknown["error"]["message"].as_str().unwrap().contains("nobody on telegram waits"), "{unknown}");
}

#[tokio::test]
async fn the_stock_page_lets_people_in_on_its_terms() {
    let (model, fake) = (fake_model([]).await, telegram().await);
    let gateway = telegram_house(&model, &fake, json!({ "dmPolicy": "pairing", "allowFrom": [] })).await;
    let mut talker = Talker::new(&gateway).await;
    fake.say(ADA, ADA, "hello?").send();
    let code = code_for(&fake, ADA).await;
    fake.say(BOB, BOB, "me too").send();
    let other = code_for(&fake, BOB).await;
    let of = |code: &str| json!({ "channel": "telegram", "accountId": "default", "requestId": code });

    let mut terms = of(&code);
    terms["notify"] = false.into();
    terms["bootstrapCommandOwner"] = false.into();
    let approved = talker.ok("channels.pairing.approve", terms).await;
    assert_eq!((&approved["requestId"], &approved["senderId"]), (&json!(code), &json!("1001")), "{approved}");
    assert_eq!(approved["owner"], false, "the first one ever, but it was not wanted: {approved}");
    assert_eq!(approved["commandOwnerBootstrap"], "not-requested", "{approved}");
    assert_eq!(approved["notification"], "not-requested", "{approved}");
    let dismissed = talker.ok("channels.pairing.dismiss", of(&other)).await;
    assert_eq!(dismissed, json!({ "requestId": other, "senderId": BOB.to_string() }));
    let list = talker.ok("channels.pairing.list", json!({ "accountId": "default" })).await;
    assert_eq!((&list["requests"], &list["commandOwnerConfigured"]), (&json!([]), &json!(false)), "{list}");

    fake.say(ADA, ADA, "now?").send();
    said(&fake, ADA, "echo: now?").await;
    assert!(!texts(&fake, ADA).iter().any(|text| text.starts_with("You are let in")), "nobody was to tell her");
}

#[tokio::test]
async fn who_may_not_write_is_not_answered() {
    let (model, fake) = (fake_model([]).await, telegram().await);
    let groups = json!({ "crew": { "members": { "*": ["1"], "telegram": [ADA] } } });
    let rules = json!({ "dmPolicy": "allowlist", "allowFrom": ["accessGroup:crew"] });
    let channels = json!({ "telegram": telegram_section(&fake, rules) });
    let more = json!({ "accessGroups": groups });
    let _gateway = Setup::default().config(with_channels(&model, channels, more)).start().await;
    fake.say(BOB, BOB, "let me in").send();
    fake.say(ADA, ADA, "hello").send();
    said(&fake, ADA, "echo: hello").await;
    assert!(texts(&fake, BOB).is_empty());
}

#[tokio::test]
async fn bindings_and_scopes_choose_the_agent_and_the_session() {
    let (model, fake) = (fake_model([]).await, telegram().await);
    let channels = json!({ "telegram": telegram_section(&fake, json!({})) });
    let mut whole = with_channels(
        &model,
        channels,
        json!({
            "bindings": [{ "agentId": "ops", "match": { "channel": "telegram", "peer": { "kind": "direct", "id": BOB.to_string() } } }],
            "session": { "dmScope": "per-peer", "identityLinks": { "ada": [format!("telegram:{ADA}")] } },
        }),
    );
    whole["agents"]["list"] = json!([{ "id": "main" }, { "id": "ops" }]);
    let gateway = Setup::default().config(whole).start().await;
    fake.say(ADA, ADA, "one").send();
    fake.say(BOB, BOB, "two").send();
    said(&fake, ADA, "echo: one").await;
    said(&fake, BOB, "echo: two").await;
    let listed = Talker::new(&gateway).await.ok("sessions.list", json!({})).await;
    let mut keys: Vec<&str> =
        listed["sessions"].as_array().unwrap().iter().map(|row| row["key"].as_str().unwrap()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["agent:main:direct:ada", &format!("agent:ops:direct:{BOB}")]);
}
