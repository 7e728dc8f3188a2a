//! Parameters that nobody in their right mind would send: refused by name, or kept as they are; never fatal.

use chela_testkit::model::Step;
use serde_json::{Value, json};

use crate::conversation::{MAIN, Talker, fake_model, house, text_of};
use crate::support::{Socket, gateway};

async fn refused(client: &mut Socket, method: &str, params: Value, word: &str) {
    let answer = client.call(method, params).await;
    let message = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(answer["ok"] == false && message.contains(word), "{method}: {answer}");
}

#[tokio::test]
async fn session_keys_and_names_have_a_form() {
    let gateway = gateway().await;
    let mut client = gateway.client().await;
    for (key, word) in [
        ("", "empty"),
        (" \n ", "empty"),
        ("main\0", "control"),
        ("a\u{7f}b", "control"),
        (&"k".repeat(10_000), "512 bytes"),
        ("agent:../..:x", "unknown agent"),
        ("agent::", "agent"),
        ("agent:nobody:main", "unknown agent"),
    ] {
        for method in
            ["chat.history", "chat.send", "sessions.patch", "sessions.reset", "sessions.delete", "chat.inject"]
        {
            let params = json!({"sessionKey": key, "key": key, "message": "x", "label": "x"});
            refused(&mut client, method, params, word).await;
        }
    }
    for label in ["l".repeat(513), "a\0b".to_owned(), "two\nlines".to_owned()] {
        refused(&mut client, "sessions.patch", json!({"key": "main", "label": label}), "`label` has at most").await;
    }
    for odd in [json!({"label": 5}), json!({"model": {}}), json!({"thinkingLevel": "galaxy"}), json!({"model": "../x"})]
    {
        let mut params = odd;
        params["key"] = json!("main");
        assert_eq!(client.call("sessions.patch", params).await["ok"], false);
    }
    let quoted = "x'; drop table sessions;--";
    assert_eq!(client.call("sessions.patch", json!({"key": quoted, "label": "\u{202e}"})).await["ok"], true);
    let list = client.call("sessions.list", json!({"search": "%_\0\"*"})).await;
    assert_eq!(list["ok"], true, "{list}");
}

#[tokio::test]
async fn odd_texts_are_kept_as_they_are_and_huge_ones_refused() {
    let model = fake_model([Step::text("one"), Step::text("two")]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    let odd = "nul \0 escape \u{1b}[2J \u{202e}reversed\u{202c} \u{fffe} 👩‍👩‍👧";
    talker.say(odd, "r1").await;
    assert_eq!(text_of(&talker.end_of("r1").await["message"]), "one");
    assert_eq!(text_of(&talker.history().await[0]), odd);
    let huge = "y".repeat(5 * 1024 * 1024);
    for (method, params) in [
        ("chat.send", json!({"sessionKey": MAIN, "message": huge, "idempotencyKey": "big"})),
        ("chat.send", json!({"sessionKey": MAIN, "message": format!("/help {huge}"), "idempotencyKey": "big2"})),
        ("agent", json!({"sessionKey": MAIN, "message": huge, "idempotencyKey": "big3"})),
        ("chat.inject", json!({"sessionKey": MAIN, "message": huge})),
    ] {
        let answer = talker.call(method, params).await;
        assert!(
            answer["error"]["message"].as_str().is_some_and(|text| text.contains("4194304 bytes")),
            "{method}: {answer}"
        );
    }
    talker.say("still there?", "r2").await;
    assert_eq!(text_of(&talker.end_of("r2").await["message"]), "two");
    model.assert_clean();
}

#[tokio::test]
async fn the_configuration_can_not_be_broken_from_afar() {
    let gateway = gateway().await;
    let mut client = gateway.client().await;
    let before = std::fs::read_to_string(gateway.state_dir.path().join("chela.json")).unwrap();
    let hash = client.call("config.get", json!({})).await["payload"]["hash"].clone();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (method, raw) in [
        ("config.set", "{".repeat(100_000)),
        ("config.set", deep.clone()),
        ("config.set", "[1]".into()),
        ("config.set", "\"text\"".into()),
        ("config.set", "{gateway: {port: \"soon\"}}".into()),
        ("config.set", "{gateway: {auth: {token: \"__OPENCLAW_REDACTED__\"}}}".into()),
        ("config.patch", format!("{{x: {deep}}}")),
        ("config.patch", "{gateway: {port: -1}}".into()),
        ("config.patch", "{\"a\": \"\\ud800".into()),
    ] {
        let answer = client.call(method, json!({"raw": raw, "baseHash": hash})).await;
        assert_eq!(answer["error"]["code"], "INVALID_REQUEST", "{method} {raw:.60}: {answer}");
    }
    let stale = json!({"raw": "{gateway: {mode: 'local'}}", "baseHash": "0".repeat(64)});
    refused(&mut client, "config.set", stale, "changed since").await;
    assert_eq!(std::fs::read_to_string(gateway.state_dir.path().join("chela.json")).unwrap(), before);
    assert_eq!(client.call("health", json!({})).await["ok"], true);
}
