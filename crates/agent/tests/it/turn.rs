//! What a turn does when nothing goes wrong with the process.

use chela_agent::{
    Effect, FailureKind, ItemBody, ToolOutput, ToolSet, TurnCancel, TurnEnd, TurnEventKind, TurnInput, TurnJob,
    run_turn,
};
use chela_llm::{Block, LlmErrorKind, Role, StopReason};
use chela_store::InboxState;
use chela_testkit::FakeModel;
use chela_testkit::model::Step;
use serde_json::json;

use crate::support::{
    Answer, House, Watched, completion, results, results_so_far, session, steer, text, to_discord, tools_after, watched,
};

fn final_text(end: &TurnEnd) -> &str {
    match end {
        TurnEnd::Final { text, .. } => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_answer_is_durable_delivered_and_booked() {
    let house = House::new(|_| text("hello"));
    let row = house.accept("a", to_discord("hi")).await;
    assert_eq!(final_text(&house.run(row.clone()).await), "hello");
    assert_eq!(house.open_rows().await, []);
    let outbox = house.world.store.due_outbox(i64::MAX, 10).await.unwrap();
    assert_eq!((outbox.len(), &outbox[0].body["text"], outbox[0].chat.as_str()), (1, &json!("hello"), "42"));
    let session = house.world.store.session(&session()).await.unwrap().unwrap();
    assert_eq!((session.items, session.input_tokens, session.output_tokens), (2, 100, 10));
    assert_eq!(session.last_state, Some(InboxState::Done));

    assert_eq!(final_text(&house.run(row).await), "hello", "a closed row gives its recorded end");
    assert_eq!(house.requests().len(), 1);
}

#[tokio::test]
async fn tools_run_until_there_is_an_answer() {
    let house = House::new(|request| match results_so_far(request) {
        0 => tools_after("Let me look.", &[("a", "look", json!({"n": 1}))]),
        1 => tools_after("", &[("b", "make", json!({"n": 2})), ("c", "make", json!({"n": 3}))]),
        _ => text("done"),
    });
    assert_eq!(final_text(&house.say("go").await), "done");
    assert_eq!(house.calls(), ["look 1", "make 2", "make 3"]);
    assert_eq!(results(&house.requests()[2]), ["saw 1", "made 2", "made 3"]);
    assert_eq!(house.bodies().await.len(), 7, "user, answer, result, answer, two results, answer");
}

#[tokio::test]
async fn reads_run_side_by_side_and_writes_in_turn() {
    for (effect, at_once) in [(Effect::Read, 2), (Effect::Write, 1)] {
        let mut house = House::new(|request| match results_so_far(request) {
            0 => tools_after("", &[("a", "meet", json!({})), ("b", "meet", json!({}))]),
            _ => text("done"),
        });
        let running = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let most = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let (inside, peak) = (running.clone(), most.clone());
        house.world.tools = ToolSet::new(vec![Watched::tool(&house.calls, "meet", effect, move |_, _| {
            let (inside, peak) = (inside.clone(), peak.clone());
            async move {
                use std::sync::atomic::Ordering::SeqCst;
                peak.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
                for _ in 0..8 {
                    tokio::task::yield_now().await;
                }
                inside.fetch_sub(1, SeqCst);
                Ok(ToolOutput::text("met"))
            }
        })]);
        house.say("go").await;
        assert_eq!(most.load(std::sync::atomic::Ordering::SeqCst), at_once, "{effect:?}");
    }
}

#[tokio::test]
async fn a_bad_call_is_told_and_the_turn_goes_on() {
    let house = House::new(|request| match results_so_far(request) {
        0 => {
            let Answer::Whole(mut answer) =
                tools_after("", &[("a", "nothing", json!({})), ("b", "break", json!({})), ("c", "look", json!({}))])
            else {
                unreachable!()
            };
            if let Some(Block::ToolUse(call)) = answer.blocks.last_mut() {
                call.invalid = Some("{\"n\": ".into());
            }
            Answer::Whole(answer)
        }
        _ => text("recovered"),
    });
    assert_eq!(final_text(&house.say("go").await), "recovered");
    let told = results(&house.requests()[1]);
    assert!(told[0].contains("no tool `nothing`") && told[0].contains("look, make"), "{told:?}");
    assert!(told[1].contains("broke down") && told[2].contains("not a JSON object"), "{told:?}");
    assert_eq!(house.calls(), ["break null"]);
}

#[tokio::test]
async fn g27_a_long_result_is_cut_and_kept_outside_the_context() {
    let house = House::new(|request| match results_so_far(request) {
        0 => tools_after("", &[("call_1", "flood", json!({}))]),
        _ => text("done"),
    });
    house.say("go").await;
    let told = &results(&house.requests()[1])[0];
    assert!(told.chars().count() < 101_000 && told.contains("150000 of 250000 characters left out"));
    let path = told.split("all of it is in ").nth(1).unwrap().split(' ').next().unwrap();
    assert!(path.starts_with(".chela/outputs/call_1-"), "{path}");
    let kept = house.world.profile.workspace.join(path);
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "é".repeat(250_000));
}

#[tokio::test]
async fn what_is_said_meanwhile_is_taken_in_and_answered_with_it() {
    let house = House::new(|request| match results_so_far(request) {
        0 if request.messages.len() == 1 => tools_after("", &[("a", "look", json!({"n": 1}))]),
        _ => text("both"),
    });
    let first = house.accept("first", TurnInput::text("first")).await;
    let second = house.accept("second", TurnInput::text("second")).await;
    let third = house.accept("third", TurnInput::text("third")).await;
    let job = TurnJob { row: first, also: vec![second], steer: steer([third.clone()]) };
    let queue = job.steer.clone();
    assert_eq!(final_text(&house.run_job(job).await), "both");
    let said: Vec<_> =
        house.bodies().await.iter().filter(|body| matches!(body, ItemBody::User(_))).map(ItemBody::text).collect();
    assert_eq!(said, ["first", "second", "third"]);
    assert_eq!(house.open_rows().await, [], "all three are closed");
    assert_eq!(final_text(&house.run(third).await), "both");
    assert_eq!(queue.take(), []);
}

#[tokio::test]
async fn events_tell_the_story_in_order() {
    let house = House::new(|request| match results_so_far(request) {
        0 => tools_after("Making.", &[("a", "make", json!({"n": 1}))]),
        _ => text("done"),
    });
    let row = house.accept("a", TurnInput::text("go")).await;
    let (events, mut seen) = watched(chela_agent::EVENT_QUEUE);
    run_turn(&house.world, TurnJob::new(row), events, &TurnCancel::new()).await.unwrap();
    let mut story = Vec::new();
    while let Some(event) = seen.recv().await {
        story.push(match event.kind {
            TurnEventKind::Started { resumed, .. } => format!("started {resumed}"),
            TurnEventKind::Model { model, .. } => format!("model {model}"),
            TurnEventKind::TextDelta { text, replace } => format!("text {text} {replace}"),
            TurnEventKind::ThinkingDelta { text } => format!("thinking {text}"),
            TurnEventKind::ToolStart { name, .. } => format!("start {name}"),
            TurnEventKind::ToolUpdate { partial, .. } => format!("update {partial}"),
            TurnEventKind::ToolEnd { output, is_error, .. } => format!("end {output} {is_error}"),
            TurnEventKind::Item { seq, .. } => format!("item {seq}"),
            TurnEventKind::Usage(usage) => format!("usage {}", usage.output),
            TurnEventKind::Compaction(phase) => format!("compaction {phase:?}"),
            TurnEventKind::Ended(end) => format!("ended {}", final_text(&end)),
        });
    }
    assert_eq!(
        story,
        [
            "started false",
            "item 1",
            "model one",
            "text Ma false",
            "text king. false",
            "usage 10",
            "item 2",
            "start make",
            "update half",
            "item 3",
            "end made 1 false",
            "model one",
            "text do false",
            "text ne false",
            "usage 10",
            "item 4",
            "ended done",
        ]
    );
}

#[tokio::test]
async fn going_round_in_circles_is_stopped() {
    let house = House::new(|request| {
        let id = format!("c{}", results_so_far(request));
        tools_after("", &[(id.as_str(), "look", json!({"n": 1}))])
    });
    let TurnEnd::Failed { message, .. } = house.say("go").await else { panic!("a failure was to come") };
    assert!(message.contains("repeating"), "{message}");
    assert_eq!(house.calls().len(), 3, "the fourth identical call is not run");
    assert!(results(house.requests().last().unwrap()).last().unwrap().contains("3 times in a row"));
}

#[tokio::test]
async fn a_turn_ends_at_its_limits() {
    let mut house = House::new(|request| {
        let n = results_so_far(request);
        tools_after("still at it", &[(format!("c{n}").as_str(), "look", json!({"n": n}))])
    });
    house.world.limits.model_calls = 4;
    let end = house.say("go").await;
    assert!(matches!(&end, TurnEnd::Failed { message, .. } if message.contains("4 calls")), "{end:?}");
    house.world.limits = chela_agent::TurnLimits { output_tokens: 25, ..Default::default() };
    let end = house.say("again").await;
    assert!(matches!(&end, TurnEnd::Failed { message, .. } if message.contains("30 generated tokens")), "{end:?}");
}

#[tokio::test]
async fn a_failed_turn_says_so_and_the_session_goes_on() {
    let house = House::new(|request| match request.messages.last().unwrap().blocks.len() {
        1 => Answer::Fail(LlmErrorKind::InvalidRequest { message: "no".into() }),
        _ => text("better now"),
    });
    let row = house.accept("a", to_discord("first")).await;
    let end = house.run(row).await;
    assert!(
        matches!(&end, TurnEnd::Failed { message, kind: FailureKind::Lasting } if message.contains("no")),
        "{end:?}"
    );
    let outbox = house.world.store.due_outbox(i64::MAX, 10).await.unwrap();
    assert!(
        outbox[0].body["text"].as_str().unwrap().starts_with("I could not answer"),
        "the sender isn't left waiting"
    );
    assert_eq!(final_text(&house.say("second").await), "better now");
    let last = house.requests().pop().unwrap();
    assert_eq!(last.messages.len(), 1, "two inputs without an answer between them are one message");
    assert_eq!(last.messages[0].role, Role::User);
}

#[tokio::test]
async fn an_answer_of_nothing_is_a_failure() {
    let house = House::new(|_| Answer::Whole(completion(Vec::new(), StopReason::Refusal)));
    let end = house.say("go").await;
    assert!(matches!(end, TurnEnd::Failed { kind: FailureKind::Refusal, .. }), "{end:?}");
}

#[tokio::test]
async fn a_context_that_is_too_long_after_all_is_made_shorter() {
    let house = House::new(|request| {
        let length: usize = request.messages.iter().map(|message| serde_json::to_string(message).unwrap().len()).sum();
        if length > 20_000 {
            return Answer::Fail(LlmErrorKind::ContextLength { message: "too long".into() });
        }
        text("ok")
    });
    for number in 0..8 {
        let end = house.say(&format!("{number} {}", "words ".repeat(700))).await;
        assert_eq!(final_text(&end), "ok", "turn {number}");
    }
    let last = house.requests().pop().unwrap();
    let first = serde_json::to_string(&last.messages[0]).unwrap();
    assert!(first.contains("Earlier turns of this conversation are left out"), "{}", &first[..200]);
}

#[tokio::test]
async fn a_file_that_a_vendor_refuses_spoils_no_conversation() {
    use chela_agent::Attachment;
    let refuses_pictures = |request: &chela_testkit::model::Recorded| {
        let has_picture = request.body.to_string().contains("image_url");
        if has_picture {
            Step::fail_with(400, r#"{"error":{"message":"Could not process image"}}"#)
        } else {
            Step::text("ok")
        }
    };
    let fake = FakeModel::start([]).await;
    fake.respond_with(refuses_pictures);
    let listed = json!({"id": "m", "input": ["text", "image"]});
    let provider = json!({"baseUrl": fake.url(), "api": "openai-completions", "apiKey": "k-123", "models": [listed]});
    let mut house = House::new(|_| text("unused"));
    let known = crate::support::models(json!({"mode": "replace", "providers": {"mock": provider}}));
    house.world.models = std::sync::Arc::new(known);
    let picture =
        Attachment { mime: "image/png".into(), name: Some("bomb.png".into()), data: "AA==".into(), source: None };
    let row = house.accept("a", TurnInput { attachments: vec![picture], ..TurnInput::text("see") }).await;
    assert_eq!(final_text(&house.run(row).await), "ok");
    assert_eq!(fake.requests().len(), 2, "the picture was tried once");
    assert_eq!(final_text(&house.say("and now?").await), "ok");
}

#[tokio::test]
async fn attachments_reach_the_model_as_far_as_it_can_read_them() {
    use chela_agent::Attachment;
    let house = House::new(|_| text("ok"));
    let file = |mime: &str, data: &str| Attachment {
        mime: mime.into(),
        name: Some("f".into()),
        data: data.into(),
        source: None,
    };
    let elsewhere = Attachment { source: Some(json!({ "at": "the platform" })), ..file("image/png", "") };
    let attachments = vec![
        file("text/plain; charset=utf-8", "aGVsbG8="),
        file("image/png", "AA=="),
        file("application/zip", "AA=="),
        elsewhere,
    ];
    let row = house.accept("a", TurnInput { attachments, ..TurnInput::text("see") }).await;
    house.run(row).await;
    let sent = serde_json::to_string(&house.requests()[0].messages).unwrap();
    assert!(sent.contains("hello") && sent.contains("only images, PDFs and text"), "{sent}");
    assert_eq!(sent.matches("this model can't see it").count(), 1, "the fake model takes text only: {sent}");
    assert!(sent.contains("[attachment f (image/png) left out: it was not fetched]"), "{sent}");
}
