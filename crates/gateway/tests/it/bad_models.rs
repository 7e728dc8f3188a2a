//! Models gone bad. Each turn ends with a clear word, the session goes on, and the transcript stays one that a vendor accepts (the
//! fake vendor refuses any other).

use chela_testkit::model::{FakeCall, Part, Reply, Step};
use serde_json::{Value, json};

use crate::conversation::{MAIN, Talker, fake_model, house, text_of};

/// A part of an answer on the wire of OpenAI's chat completions.
fn chunk(delta: &str, finish: &str) -> String {
    format!(
        "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\
         \"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
    )
}

fn call(id: Option<&str>, name: &str, arguments: &str) -> Part {
    Part::ToolCall(FakeCall { id: id.map(str::to_owned), name: name.to_owned(), arguments: arguments.to_owned() })
}

fn calls(parts: Vec<Part>) -> Step {
    Step::Reply(Reply { parts, ..Reply::default() })
}

/// How a turn with this model ends. Afterwards the session must answer as if nothing had been.
async fn end_with(name: &str, step: Step) -> Value {
    let model = fake_model([step]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    let params = json!({"sessionKey": MAIN, "message": "go", "idempotencyKey": "bad", "timeoutMs": 15_000});
    talker.ok("chat.send", params).await;
    let end = talker.end_of("bad").await;
    let told = end["errorMessage"].as_str().is_some_and(|message| !message.is_empty()) || end["state"] != "error";
    assert!(told, "{name}: {end}");
    talker.say("are you well?", "next").await;
    let next = talker.end_of("next").await;
    assert_eq!(text_of(&next["message"]), "echo: are you well?", "{name}: {next}");
    model.assert_clean();
    end
}

#[tokio::test]
async fn streams_that_are_no_streams() {
    let text = |text: &str| chunk(&json!({ "content": text }).to_string(), "null");
    for (name, body) in [
        ("nothing", String::new()),
        ("no json", "data: {not json\n\n".to_owned()),
        ("a page", "<!doctype html><html><body>Bad gateway</body></html>".to_owned()),
        ("json, but no chunk", "data: [1,2,3]\n\ndata: \"x\"\n\ndata: null\n\ndata: [DONE]\n\n".to_owned()),
        ("no choices", "data: {\"choices\":[]}\n\ndata: {\"choices\":null}\n\ndata: [DONE]\n\n".to_owned()),
        ("only the end", "data: [DONE]\n\n".to_owned()),
        ("half a word", format!("{}data: {{\"choices\":[{{\"del", text("half a"))),
        ("no end", text("no end")),
        ("half a surrogate", format!("{}data: [DONE]\n\n", chunk(r#"{"content":"a\ud83d"}"#, "\"stop\""))),
        ("deep", format!("data: {}{}\n\n", "[".repeat(100_000), "]".repeat(100_000))),
        ("nul bytes", "data: \0\0\0\n\n\0".to_owned()),
        (
            "an index of billions",
            chunk(
                r#"{"tool_calls":[{"index":4000000000,"id":"x","function":{"name":"read","arguments":"{}"}}]}"#,
                "null",
            ),
        ),
    ] {
        end_with(name, Step::Raw(body)).await;
    }
}

#[tokio::test]
async fn an_error_that_is_a_page() {
    let page = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>";
    end_with("502", Step::fail_with(502, page)).await;
    let end = end_with("403", Step::fail_with(403, page)).await;
    assert!(end["state"] == "error" && !end["errorMessage"].as_str().unwrap().contains("<html"), "{end}");
}

#[tokio::test]
async fn connections_that_break() {
    for after_bytes in [0, 1, 60, 250, 400] {
        end_with("cut", Step::Cut { after_bytes, reply: Reply::text("a sentence that is cut off somewhere") }).await;
        let reply = Reply { parts: vec![call(None, "read", r#"{"path":"AGENTS.md"}"#)], ..Reply::default() };
        end_with("cut call", Step::Cut { after_bytes, reply }).await;
    }
}

#[tokio::test]
async fn texts_without_an_end() {
    let piece = "x".repeat(64 * 1024);
    let endless = chunk(&json!({ "content": piece }).to_string(), "null").repeat(20 * 16);
    let end = end_with("20 MB in pieces", Step::Raw(endless)).await;
    assert_eq!(text_of(&end["message"]), "echo: go", "it is asked again: {:.200}", end.to_string());
    let one = chunk(&json!({ "content": "x".repeat(50 * 1024 * 1024) }).to_string(), "null");
    let end = end_with("50 MB in one", Step::Raw(one)).await;
    assert_eq!(text_of(&end["message"]), "echo: go", "it is asked again: {:.200}", end.to_string());
    end_with("a line without an end", Step::Raw(format!("data: {}", "x".repeat(20 * 1024 * 1024)))).await;
}

#[tokio::test]
async fn calls_that_make_no_sense() {
    for (name, parts) in [
        ("half an object", vec![call(None, "read", r#"{"path": "AGEN"#)]),
        ("no object", vec![call(None, "read", "[1, 2]")]),
        ("no json", vec![call(None, "read", "please read it")]),
        ("nothing", vec![call(None, "read", "")]),
        ("a path as a name", vec![call(None, "../../bin/sh", "{}")]),
        ("an empty name", vec![call(None, "", "{}")]),
        ("a name with control characters", vec![call(None, "re\u{0}ad\n", "{}")]),
        ("a long name", vec![call(None, &"n".repeat(10_000), "{}")]),
        ("the same id twice", vec![call(Some("same"), "read", "{}"), call(Some("same"), "read", "{}")]),
        ("an empty id", vec![call(Some(""), "read", "{}")]),
        ("a long id", vec![call(Some(&"i".repeat(5_000)), "read", "{}")]),
        ("deep arguments", vec![call(None, "read", &format!("{}{}", "[".repeat(50_000), "]".repeat(50_000)))]),
        ("two hundred at once", (0..200).map(|_| call(None, "nothing", "{}")).collect()),
    ] {
        let end = end_with(name, calls(parts)).await;
        assert_eq!(end["state"], "final", "{name}: {end}");
    }
}

#[tokio::test]
async fn an_id_that_comes_back_in_a_later_answer() {
    let model = fake_model([
        calls(vec![call(Some("same"), "read", r#"{"path":"AGENTS.md"}"#)]),
        calls(vec![call(Some("same"), "read", r#"{"path":"AGENTS.md"}"#)]),
        Step::text("done"),
    ])
    .await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    talker.say("go", "r1").await;
    assert_eq!(text_of(&talker.end_of("r1").await["message"]), "done");
    model.assert_clean();
}

#[tokio::test]
async fn calls_without_an_end() {
    let model = fake_model([]).await;
    model.respond_with(|request| {
        if request.last_user_text().contains("stop it") {
            return Step::text("stopped");
        }
        calls(vec![call(None, "read", r#"{"path":"AGENTS.md"}"#)])
    });
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    talker.say("go on for ever", "r1").await;
    let end = talker.end_of("r1").await;
    assert!(matches!(end["state"].as_str(), Some("final" | "error")), "{end}");
    assert!(model.requests().len() < 200, "{}", model.requests().len());
    talker.say("stop it", "r2").await;
    assert_eq!(text_of(&talker.end_of("r2").await["message"]), "stopped");
    model.assert_clean();
}

#[tokio::test]
async fn a_model_that_hangs_ends_with_its_turns_time() {
    let model = fake_model([Step::Hang]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    let params = json!({"sessionKey": MAIN, "message": "go", "idempotencyKey": "r1", "timeoutMs": 300});
    talker.ok("chat.send", params).await;
    let end = talker.end_of("r1").await;
    assert_eq!((&end["state"], &end["stopReason"]), (&json!("aborted"), &json!("timeout")), "{end}");
    talker.say("again", "r2").await;
    assert_eq!(text_of(&talker.end_of("r2").await["message"]), "echo: again");
    model.assert_clean();
}
