//! Words that somebody has the gateway say in a chat, and what is done with messages there.

use chela_testkit::telegram::TelegramFailure;
use serde_json::{Value, json};

use super::{ADA, said, telegram, telegram_house, texts};
use crate::conversation::{Talker, fake_model};

fn action(action: &str, params: Value, key: &str) -> Value {
    json!({ "channel": "telegram", "action": action, "params": params, "idempotencyKey": key })
}

#[tokio::test]
async fn what_is_sent_by_hand_arrives_once() {
    let (model, fake) = (fake_model([]).await, telegram().await);
    let gateway = telegram_house(&model, &fake, json!({})).await;
    let mut talker = Talker::new(&gateway).await;
    let hello = action("send", json!({ "target": ADA.to_string(), "message": "**hi** there" }), "k1");

    let sent = talker.ok("message.action", hello.clone()).await;

    let message = said(&fake, ADA, "hi there").await;
    assert_eq!(sent["result"]["messageId"], message.id.to_string(), "{sent}");
    assert_eq!((&sent["via"], &sent["deliveryStatus"]), (&json!("gateway"), &json!("sent")));
    let again = talker.ok("message.action", hello).await;
    assert_eq!(again["result"]["messageId"], sent["result"]["messageId"]);
    let plain = json!({ "to": format!("telegram:{ADA}"), "message": "more", "idempotencyKey": "k2" });
    let more = talker.ok("send", plain).await;
    assert_eq!((&more["runId"], &more["chatId"]), (&json!("k2"), &json!(ADA.to_string())));
    assert_eq!(texts(&fake, ADA), ["hi there", "more"]);

    let id = more["messageId"].clone();
    let edit = json!({ "to": ADA.to_string(), "messageId": id, "message": "_less_" });
    assert_eq!(talker.ok("message.action", action("edit", edit, "k3")).await["ok"], true);
    assert_eq!(texts(&fake, ADA), ["hi there", "less"]);
    let delete = json!({ "to": ADA.to_string(), "messageId": id });
    assert_eq!(talker.ok("message.action", action("delete", delete, "k4")).await["deleted"], true);
    assert_eq!(texts(&fake, ADA), ["hi there"]);
    let react = json!({ "to": ADA.to_string(), "messageId": message.id, "emoji": "👍" });
    assert_eq!(talker.ok("message.action", action("react", react, "k5")).await["added"], "👍");
}

#[tokio::test]
async fn what_can_not_be_sent_is_refused_in_plain_words() {
    let (model, fake) = (fake_model([]).await, telegram().await);
    let gateway = telegram_house(&model, &fake, json!({})).await;
    let mut talker = Talker::new(&gateway).await;
    let to = ADA.to_string();
    let cases = [
        (action("poll", json!({ "to": to }), "k1"), "does not support action poll"),
        (action("send", json!({ "to": to }), "k1"), "text is required"),
        (action("send", json!({ "message": "hi" }), "k1"), "no target"),
        (action("send", json!({ "to": to, "message": "hi" }), ""), "idempotencyKey is required"),
        (action("send", json!({ "to": to, "message": "hi", "media": "/a.png" }), "k1"), "`media` can't be sent"),
        (action("send", json!({ "to": "discord:1", "accountId": "other", "message": "hi" }), "k1"), "not configured"),
        (action("edit", json!({ "to": to, "message": "hi" }), "k1"), "needs messageId"),
    ];
    for (params, said) in cases {
        let answer = talker.call("message.action", params.clone()).await;
        let message = answer["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.contains(said), "{params}: {answer}");
    }
    let description = "Forbidden: bot was blocked by the user".to_owned();
    fake.fail_next("sendMessage", TelegramFailure::Error { code: 403, description, retry_after: None });
    let refused = talker.call("message.action", action("send", json!({ "to": to, "message": "hi" }), "k9")).await;
    assert!(refused["error"]["message"].as_str().is_some_and(|said| said.contains("dead letters")), "{refused}");
    assert_eq!(refused["error"]["details"]["method"], "message.action");
    assert_eq!(texts(&fake, ADA), Vec::<String>::new());
}
