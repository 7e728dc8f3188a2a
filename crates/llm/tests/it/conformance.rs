//! What each wire must do, whatever its vendor's dialect.

use std::sync::Arc;
use std::time::Duration;

use chela_llm::{
    Block, LlmErrorKind, Media, Message, RetryClass, Role, StopReason, StreamEvent, Thinking, ThinkingBlock,
};
use chela_testkit::FakeModel;
use chela_testkit::model::{FakeCall, FakeStop, FakeUsage, Part, Reply, Step};
use futures_util::StreamExt;
use serde_json::json;
use tokio::sync::Notify;

use crate::support::{Heard, KEY, WIRES, answered, calls, chain, hear, mock, request, results, says, text_of};

const GEMINI: &str = "google-generative-ai";
const CHAT: &str = "openai-completions";
const ANTHROPIC: &str = "anthropic-messages";
const RESPONSES: &str = "openai-responses";

/// One call of `m1` against one step.
async fn one(api: &str, step: Step) -> Heard {
    let fake = FakeModel::start([step]).await;
    let provider = mock(api, &fake);
    let heard = hear(provider.stream(&chain(&["m1"]), request(vec![says("hi")]))).await;
    fake.assert_clean();
    heard
}

/// An error without a second try: the vendor wants a longer pause than anybody waits.
async fn fails(api: &str, status: u16, body: Option<&str>) -> LlmErrorKind {
    let hour = Some(Duration::from_secs(3599));
    let heard = one(api, Step::Fail { status, body: body.map(str::to_owned), retry_after: hour }).await;
    assert_eq!(heard.failed().status, Some(status), "{api}");
    assert!(heard.events.is_empty(), "{api}: {:?}", heard.events);
    heard.failed().kind
}

#[tokio::test]
async fn text_comes_in_pieces_and_whole() {
    for api in WIRES {
        let usage = FakeUsage { input: 70, output: 9, cache_read: 20, cache_write: 0 };
        let heard = one(api, Reply::text("Hello there, né?").costing(usage).into()).await;
        let done = heard.done();
        let started = StreamEvent::Started { provider: "mock".into(), model: "m1".into() };
        assert_eq!(heard.events[0], started, "{api}");
        assert!(heard.events.len() > 4, "{api}: {:?}", heard.events);
        assert_eq!(heard.text(), "Hello there, né?", "{api}");
        assert_eq!(done.blocks, [Block::Text { text: "Hello there, né?".into() }], "{api}");
        assert_eq!(done.stop, StopReason::EndTurn, "{api}");
        assert_eq!((done.usage.input, done.usage.output, done.usage.cache_read), (70, 9, 20), "{api}");
        assert!(done.response_id.is_some(), "{api}");
    }
}

#[tokio::test]
async fn the_key_and_the_path_are_the_vendors() {
    for (api, path, header, value) in [
        (CHAT, "/v1/chat/completions", "authorization", format!("Bearer {KEY}")),
        (RESPONSES, "/v1/responses", "authorization", format!("Bearer {KEY}")),
        (ANTHROPIC, "/v1/messages", "x-api-key", KEY.to_owned()),
        (GEMINI, "/v1beta/models/m1:streamGenerateContent", "x-goog-api-key", KEY.to_owned()),
    ] {
        let fake = FakeModel::start([]).await;
        hear(mock(api, &fake).stream(&chain(&["m1"]), request(vec![says("hi")]))).await.done();
        let seen = &fake.requests()[0];
        assert_eq!((seen.path.as_str(), seen.headers.get(header)), (path, Some(&value)), "{api}");
        assert_eq!(seen.last_user_text(), "hi", "{api}");
    }
}

#[tokio::test]
async fn calls_side_by_side_come_back_with_their_results() {
    for api in WIRES {
        for model in ["m1", "gemini-3-x"] {
            let two = Reply::tools([("read", json!({"path": "ä b.txt"})), ("list", json!({}))]).saying("Looking.");
            let fake = FakeModel::start([two.into(), Step::text("All done.")]).await;
            let models = mock(api, &fake);
            let mut messages = vec![says("look")];
            let first = hear(models.stream(&chain(&[model]), request(messages.clone()))).await;
            let done = first.done();
            assert_eq!(done.stop, StopReason::ToolUse, "{api}");
            let asked = calls(&done);
            assert_eq!(asked.len(), 2, "{api}");
            assert_eq!((asked[0].name.as_str(), &asked[0].input), ("read", &json!({"path": "ä b.txt"})), "{api}");
            assert_eq!((asked[1].name.as_str(), &asked[1].input), ("list", &json!({})), "{api}");
            assert_ne!(asked[0].id, asked[1].id, "{api}");
            assert_deltas_make_up_the_call(&first, &asked[0].id, &asked[0].input);

            messages.extend([answered(&done), results(&done)]);
            let second = hear(models.stream(&chain(&[model]), request(messages))).await;
            assert_eq!(text_of(&second.done()), "All done.", "{api}");
            fake.assert_clean();
        }
    }
}

#[track_caller]
fn assert_deltas_make_up_the_call(heard: &Heard, id: &str, input: &serde_json::Value) {
    let deltas = heard.events.iter().filter_map(|event| match event {
        StreamEvent::ToolUseDelta { id: call, partial_json } if call == id => Some(partial_json.as_str()),
        _ => None,
    });
    let whole: serde_json::Value = serde_json::from_str(&deltas.collect::<String>()).expect("whole JSON");
    assert_eq!(&whole, input);
    let begun =
        heard.events.iter().any(|event| matches!(event, StreamEvent::ToolUseStart { id: call, .. } if call == id));
    assert!(begun);
}

#[tokio::test]
async fn thoughts_are_replayed_verbatim_to_who_thought_them() {
    for api in WIRES {
        let thinking = Reply::tools([("read", json!({"path": "a"}))]).thinking("Hm, let me see.");
        let fake = FakeModel::start([thinking.into(), Reply::text("Yes it is.").thinking("Aha.").into()]).await;
        let models = mock(api, &fake);
        let mut messages = vec![says("look")];
        for _ in 0..3 {
            let asked = chela_llm::Request { thinking: Thinking::High, ..request(messages.clone()) };
            let heard = hear(models.stream(&chain(&["m1"]), asked)).await;
            let done = heard.done();
            messages.push(answered(&done));
            messages.push(if calls(&done).is_empty() { says("and now?") } else { results(&done) });
        }
        fake.assert_clean();
        let Block::Thinking(thought) = &messages[1].blocks[0] else { panic!("{api}: {:?}", messages[1]) };
        assert_eq!((thought.text.as_str(), thought.origin.as_str()), ("Hm, let me see.", "mock/m1"), "{api}");
        // The fake's signatures are numbered: one that comes back stands in the last request's text.
        let sent = fake.requests()[2].text.contains("sig-");
        assert_eq!(sent, *api != CHAT, "{api}");
    }
}

#[tokio::test]
async fn thoughts_of_another_model_stay_away() {
    for api in WIRES {
        let thinking = Reply::tools([("read", json!({"path": "a"}))]).thinking("Secret.");
        let fake = FakeModel::start([thinking.into()]).await;
        let models = mock(api, &fake);
        let done = hear(models.stream(&chain(&["m1"]), request(vec![says("look")]))).await.done();
        for other in ["m2", "gemini-3-x"] {
            let asked = chela_llm::Request {
                thinking: Thinking::High,
                ..request(vec![says("look"), answered(&done), results(&done)])
            };
            hear(models.stream(&chain(&[other]), asked)).await.done();
        }
        fake.assert_clean();
        for seen in &fake.requests()[1..] {
            assert!(!seen.text.contains("sig-") && !seen.text.contains("Secret."), "{api}: {}", seen.text);
        }
    }
}

#[tokio::test]
async fn withheld_thoughts_are_replayed_as_they_are() {
    for api in [ANTHROPIC, RESPONSES] {
        let reply = Reply::new([Part::Redacted(String::new()), Part::Text("Sure.".into())]);
        let fake = FakeModel::start([reply.into()]).await;
        let models = mock(api, &fake);
        let done = hear(models.stream(&chain(&["m1"]), request(vec![says("look")]))).await.done();
        hear(models.stream(&chain(&["m1"]), request(vec![says("look"), answered(&done), says("more")]))).await.done();
        fake.assert_clean();
        assert!(fake.requests()[1].text.contains("sig-0"), "{api}");
    }
}

/// G30: an answer that was cut off while the model thought leaves nothing that the vendor would refuse.
#[tokio::test]
async fn g30_thoughts_that_led_to_nothing_are_left_out() {
    for api in WIRES {
        let only_thoughts = [Part::Thinking("Hm.".into()), Part::Redacted(String::new())];
        let stopped = Reply::new(only_thoughts).stopping(FakeStop::MaxTokens);
        let fake = FakeModel::start([stopped.into()]).await;
        let models = mock(api, &fake);
        let done = hear(models.stream(&chain(&["m1"]), request(vec![says("look")]))).await.done();
        assert!(!done.blocks.is_empty(), "{api}");
        let asked = request(vec![says("look"), answered(&done), says("go on")]);
        hear(models.stream(&chain(&["m1"]), asked)).await.done();
        fake.assert_clean();
    }
}

/// G30: whichever vendor made a transcript, every other takes it.
#[tokio::test]
async fn g30_a_transcript_of_one_vendor_is_taken_by_all_others() {
    let mut transcript = vec![says("look")];
    for (turn, api) in WIRES.iter().enumerate() {
        let odd_id =
            FakeCall { id: Some(format!("functions.read:{turn}")), name: "read".into(), arguments: "{}".into() };
        let reply = Reply::new([Part::Thinking("Hm.".into()), Part::ToolCall(odd_id)]);
        let fake = FakeModel::start([reply.into()]).await;
        let done = hear(mock(api, &fake).stream(&chain(&["m1"]), request(vec![says("look")]))).await.done();
        transcript.extend([answered(&done), results(&done), says("  "), says("go on")]);
        // An answer that was stopped in its first thought.
        let origin = "mock/m1".to_owned();
        let thought = ThinkingBlock { text: "so".into(), signature: None, redacted: false, id: None, origin };
        transcript.push(Message { role: Role::Assistant, blocks: vec![Block::Thinking(thought)] });
        transcript.push(says("still there?"));
    }
    for api in WIRES {
        for model in ["m2", "gemini-3-x"] {
            let fake = FakeModel::start([]).await;
            let asked = chela_llm::Request { thinking: Thinking::Medium, ..request(transcript.clone()) };
            let heard = hear(mock(api, &fake).stream(&chain(&[model]), asked)).await;
            fake.assert_clean();
            heard.done();
        }
    }
}

#[tokio::test]
async fn files_go_in_each_vendors_own_form() {
    let file = |mime: &str, name: &str| Media { mime: mime.into(), data: "aGk=".into(), name: Some(name.into()) };
    let looks = Message {
        role: Role::User,
        blocks: vec![
            Block::Text { text: "look".into() },
            Block::Media(file("image/png", "a.png")),
            Block::Media(file("application/pdf", "b.pdf")),
        ],
    };
    for api in WIRES {
        let fake = FakeModel::start([Step::tools([("read", json!({}))])]).await;
        let models = mock(api, &fake);
        let done = hear(models.stream(&chain(&["m1"]), request(vec![looks.clone()]))).await.done();
        let mut shown = results(&done);
        if let Block::ToolResult(result) = &mut shown.blocks[0] {
            result.media.push(file("image/jpeg", "c.jpg"));
        }
        hear(models.stream(&chain(&["m1"]), request(vec![looks.clone(), answered(&done), shown]))).await.done();
        fake.assert_clean();
        assert_eq!(fake.requests()[1].text.matches("aGk=").count(), 3, "{api}");
        // Nothing is known of this model, so it is told in words.
        hear(models.stream(&chain(&["blind"]), request(vec![looks.clone()]))).await.done();
        let told = &fake.requests()[2].text;
        assert!(!told.contains("aGk=") && told.contains("b.pdf") && told.contains("can't read it"), "{api}: {told}");
    }
}

#[tokio::test]
async fn stops_are_told_apart() {
    for api in WIRES {
        for (stop, expected) in [(FakeStop::MaxTokens, StopReason::MaxTokens), (FakeStop::Refusal, StopReason::Refusal)]
        {
            let heard = one(api, Reply::text("As far as").stopping(stop).into()).await;
            assert_eq!(heard.done().stop, expected, "{api}");
        }
    }
}

#[tokio::test]
async fn half_sent_arguments_are_kept_as_text() {
    for api in WIRES.iter().filter(|api| **api != GEMINI) {
        let call = FakeCall { id: None, name: "read".into(), arguments: "{\"path\": \"/etc/pa".into() };
        let reply = Reply::new([Part::ToolCall(call)]).stopping(FakeStop::MaxTokens);
        let fake = FakeModel::start([reply.into()]).await;
        let models = mock(api, &fake);
        let done = hear(models.stream(&chain(&["m1"]), request(vec![says("look")]))).await.done();
        let call = &calls(&done)[0];
        assert_eq!(call.input, json!({}), "{api}");
        assert_eq!(call.invalid.as_deref(), Some("{\"path\": \"/etc/pa"), "{api}");
        assert_eq!(done.stop, StopReason::MaxTokens, "{api}");
        // And the vendor takes the transcript with it.
        let asked = request(vec![says("look"), answered(&done), results(&done)]);
        hear(models.stream(&chain(&["m1"]), asked)).await.done();
        fake.assert_clean();
    }
}

#[tokio::test]
async fn errors_are_told_apart() {
    for api in WIRES {
        let kind = fails(api, 429, None).await;
        assert!(
            matches!(kind, LlmErrorKind::RateLimited { retry_after: Some(after), .. } if after.as_secs() == 3599),
            "{api}"
        );
        assert!(matches!(fails(api, 503, None).await, LlmErrorKind::Overloaded { .. }), "{api}");
        assert!(matches!(fails(api, 529, None).await, LlmErrorKind::Overloaded { .. }), "{api}");
        assert!(matches!(fails(api, 401, None).await, LlmErrorKind::Unauthorized { .. }), "{api}");
        assert!(matches!(fails(api, 404, None).await, LlmErrorKind::UnknownModel { .. }), "{api}");
        assert!(matches!(fails(api, 402, None).await, LlmErrorKind::Billing { .. }), "{api}");
        assert!(matches!(fails(api, 400, None).await, LlmErrorKind::InvalidRequest { .. }), "{api}");
        let echoed = fails(api, 401, Some(&format!("{{\"error\": {{\"message\": \"bad key {KEY}\"}}}}"))).await;
        assert_eq!(echoed, LlmErrorKind::Unauthorized { message: "bad key ***".into() }, "{api}");
    }
}

#[tokio::test]
async fn a_prompt_that_is_too_long_is_known_by_the_vendors_words() {
    for (api, body) in [
        (
            ANTHROPIC,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
        ),
        (
            CHAT,
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
        ),
        (
            RESPONSES,
            r#"{"error":{"message":"Your input exceeds the context window of this model.","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
        ),
        (
            GEMINI,
            r#"{"error":{"code":400,"message":"The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}"#,
        ),
    ] {
        let heard = one(api, Step::fail_with(400, body)).await;
        assert!(matches!(heard.failed().kind, LlmErrorKind::ContextLength { .. }), "{api}: {:?}", heard.error);
        assert_eq!(heard.failed().retry(), RetryClass::Never, "{api}");
    }
}

#[tokio::test]
async fn an_error_in_mid_stream_counts() {
    for (api, class) in [
        (ANTHROPIC, "overloaded_error"),
        (CHAT, "server_is_overloaded"),
        (RESPONSES, "server_is_overloaded"),
        (GEMINI, "UNAVAILABLE"),
    ] {
        let fake = FakeModel::start([]).await;
        fake.respond_with(move |_| Step::Break {
            reply: Reply::text("Half of"),
            class: class.into(),
            message: "busy".into(),
        });
        let heard = hear(mock(api, &fake).stream(&chain(&["m1"]), request(vec![says("hi")]))).await;
        let error = heard.failed();
        assert!(matches!(error.kind, LlmErrorKind::Overloaded { .. }), "{api}: {error:?}");
        assert!(error.after_output, "{api}");
        assert_eq!(heard.text(), "Half of", "{api}");
    }
}

#[tokio::test]
async fn a_cut_stream_is_no_answer() {
    for api in WIRES {
        let fake = FakeModel::start([]).await;
        fake.respond_with(|_| Step::Cut { after_bytes: 700, reply: Reply::text("word ".repeat(40)) });
        let error = hear(mock(api, &fake).stream(&chain(&["m1"]), request(vec![says("hi")]))).await.failed();
        assert!(matches!(error.kind, LlmErrorKind::Network { .. }), "{api}: {error:?}");
        assert!(error.after_output, "{api}");
    }
}

#[tokio::test]
async fn dropping_the_stream_closes_the_call() {
    for api in WIRES {
        let gate = Arc::new(Notify::new());
        let held = Reply::new([Part::Text("One ".into()), Part::Gate(Arc::clone(&gate)), Part::Text("two".into())]);
        let fake = FakeModel::start([held.into()]).await;
        let mut stream = mock(api, &fake).stream(&chain(&["m1"]), request(vec![says("hi")]));
        while !matches!(stream.next().await, Some(Ok(StreamEvent::TextDelta(_)))) {}
        // The server's half of the answer holds the gate; it is let go when the connection closes.
        let holders = Arc::strong_count(&gate);
        drop(stream);
        tokio::time::timeout(Duration::from_secs(5), async {
            while Arc::strong_count(&gate) >= holders {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("{api}: the call goes on without a reader"));
    }
}

/// G27: what was sent once stands at the same place in every later body.
#[tokio::test]
async fn g27_a_later_body_begins_with_the_earlier_one() {
    for api in WIRES {
        let fake = FakeModel::start([Step::tools([("read", json!({"path": "a"}))])]).await;
        let models = mock(api, &fake);
        let mut messages = vec![says("look")];
        for turn in 0..6 {
            let asked = chela_llm::Request { cache_key: Some("s".into()), ..request(messages.clone()) };
            let done = hear(models.stream(&chain(&["m1"]), asked)).await.done();
            messages.push(answered(&done));
            messages.push(if turn == 0 { results(&done) } else { says(&format!("turn {turn}")) });
        }
        let bodies: Vec<String> = fake.requests().into_iter().map(|seen| without_marks(&seen.text)).collect();
        for pair in bodies.windows(2) {
            let kept = pair[0].strip_suffix("]}").expect("messages stand last");
            assert!(pair[1].starts_with(kept), "{api}:\n{}\n{}", pair[0], pair[1]);
        }
        fake.assert_clean();
    }
}

/// Anthropic's marks move on with the conversation; its cache does not count them.
fn without_marks(body: &str) -> String {
    body.replace(",\"cache_control\":{\"type\":\"ephemeral\"}", "")
}
