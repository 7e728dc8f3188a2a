//! Tools that the client runs: a call ends the turn, and the next input brings what it gave.

use chela_agent::{
    InputOrigin, ItemBody, Source, SteerQueue, ToolDefinition, ToolResultEntry, TurnEnd, TurnInput, messages,
    unanswered_calls,
};
use chela_llm::{Block, Request, Role, StopReason, ToolResult, ToolUse};
use serde_json::json;

use crate::crash::run_and_fall;
use crate::support::{House, results, text, tools_after};
use crate::transcript::assert_valid;

fn tool(name: &str) -> ToolDefinition {
    ToolDefinition { name: name.into(), description: "The client's.".into(), parameters: json!({"type": "object"}) }
}

fn asking(words: &str) -> TurnInput {
    TurnInput { client_tools: vec![tool("weather")], ..TurnInput::text(words) }
}

fn giving(call: &ToolUse, result: &str) -> TurnInput {
    let result = ToolResult {
        tool_use_id: call.id.clone(),
        name: call.name.clone(),
        text: result.into(),
        media: Vec::new(),
        is_error: false,
    };
    TurnInput { client_results: vec![result], ..asking("") }
}

fn calls_of(end: &TurnEnd) -> Vec<ToolUse> {
    match end {
        TurnEnd::Final { stop: StopReason::ToolUse, calls, .. } => calls.clone(),
        end => panic!("{end:?}"),
    }
}

/// A model that asks the client for the weather, and the agent for a look and a deed, and tells what it got.
fn house() -> House {
    House::new(|request| match was_told(request).as_slice() {
        [] => tools_after(
            "Let me see.",
            &[
                ("a", "weather", json!({"city": "Bern"})),
                ("b", "make", json!({"n": 1})),
                ("c", "look", json!({"n": 2})),
            ],
        ),
        told => text(&told.join(" ")),
    })
}

/// The results in a request, where the client's is among them.
fn was_told(request: &Request) -> Vec<String> {
    results(request).into_iter().filter(|text| text.contains("sunny")).collect()
}

#[tokio::test]
async fn a_call_of_the_clients_tool_ends_the_turn_and_its_result_goes_on() {
    let house = House::new(|request| match results(request).as_slice() {
        [] => tools_after("", &[("a", "weather", json!({"city": "Bern"}))]),
        _ => text("Bern is sunny."),
    });
    let row = house.accept("ask", asking("How is it in Bern?")).await;
    let end = house.run(row).await;
    let [call] = &calls_of(&end)[..] else { panic!("{end:?}") };
    assert_eq!((call.id.as_str(), &call.input), ("a", &json!({"city": "Bern"})));
    assert_eq!(unanswered_calls(house.items().await.iter()), std::slice::from_ref(call));
    assert_eq!(house.open_rows().await, []);
    let names: Vec<_> = house.requests()[0].tools.iter().map(|tool| tool.name.clone()).collect();
    assert_eq!(names.last().map(String::as_str), Some("weather"), "{names:?}");

    let row = house.accept("give", giving(call, "sunny")).await;
    let end = house.run(row).await;
    assert!(
        matches!(&end, TurnEnd::Final { text, calls, .. } if text == "Bern is sunny." && calls.is_empty()),
        "{end:?}"
    );
    let request = &house.requests()[1];
    let last = request.messages.last().unwrap();
    let [Block::ToolResult(result)] = &last.blocks[..] else { panic!("{last:?}") };
    assert_eq!((last.role, result.tool_use_id.as_str()), (Role::User, "a"));
    assert!(result.text.starts_with("<<<untrusted ") && result.text.contains("\nsunny\n"), "{}", result.text);
}

#[tokio::test]
async fn what_the_clients_tool_gave_taints_the_turn() {
    let house = house();
    let row = house.accept("ask", asking("go")).await;
    let call = calls_of(&house.run(row).await).remove(0);
    let row = house.accept("give", giving(&call, "sunny")).await;
    house.run(row).await;
    let bodies = house.bodies().await;
    let entries = bodies.iter().flat_map(|body| match body {
        ItemBody::ToolResults(body) => body.results.clone(),
        _ => Vec::new(),
    });
    let mut entries = entries.filter(|entry: &ToolResultEntry| entry.result.name == "weather");
    let entry = entries.next_back().unwrap();
    let provenance = entry.untrusted.unwrap().provenance;
    assert_eq!((provenance.source, provenance.name.as_str()), (Source::ClientTool, "weather"));
}

#[tokio::test]
async fn the_agents_own_tool_keeps_its_name() {
    let house = House::new(|request| match results(request).as_slice() {
        [] => tools_after("", &[("a", "look", json!({"n": 1}))]),
        told => text(&told.join(" ")),
    });
    let input =
        TurnInput { client_tools: vec![tool("look"), tool("weather"), tool("weather")], ..TurnInput::text("go") };
    let row = house.accept("a", input).await;
    let end = house.run(row).await;
    assert!(matches!(&end, TurnEnd::Final { text, .. } if text == "saw 1"), "{end:?}");
    let offered = &house.requests()[0].tools;
    for name in ["look", "weather"] {
        assert_eq!(offered.iter().filter(|tool| tool.name == name).count(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_client_that_says_something_else_is_answered_all_the_same() {
    let house = house();
    let row = house.accept("ask", asking("go")).await;
    calls_of(&house.run(row).await);
    let input = TurnInput { origin: InputOrigin::default(), ..TurnInput::text("never mind; it is sunny") };
    let row = house.accept("other", input).await;
    house.run(row).await;
    let messages = messages(house.items().await);
    assert_valid(&messages, "a call without a result");
}

#[tokio::test]
async fn a_summary_never_parts_a_call_from_its_result() {
    let house = house();
    let row = house.accept("ask", asking("go")).await;
    let call = calls_of(&house.run(row).await).remove(0);
    let row = house.accept("give", giving(&call, "sunny")).await;
    house.run(row).await;
    let items = house.items().await;
    let starts = items.iter().filter(|item| item.kind == chela_store::ItemKind::User).count();
    assert_eq!(starts, 1, "a turn that only brings results continues the one before");
    assert!(house.requests().last().unwrap().messages.len() > 2);
}

#[tokio::test]
async fn g07_a_crash_at_any_step_hands_each_call_over_once() {
    for step in 1..200 {
        let mut house = house();
        let at = format!("fell after {step} events");
        let row = house.accept("ask", asking("go")).await;
        let mut ended = run_and_fall(&house, row, step, SteerQueue::default()).await;
        house.reopen().await;
        let is_whole = ended.is_some();
        for row in house.open_rows().await {
            ended = Some(house.run(row).await);
        }
        let call = match &ended {
            Some(end) => calls_of(end).remove(0),
            // It ended, and nobody was told: the call stands in the transcript.
            None => unanswered_calls(house.items().await.iter()).remove(0),
        };
        assert_eq!(call.name, "weather", "{at}");
        let row = house.accept("give", giving(&call, "sunny")).await;
        let fell = run_and_fall(&house, row, step, SteerQueue::default()).await;
        house.reopen().await;
        for row in house.open_rows().await {
            house.run(row).await;
        }
        let bodies = house.bodies().await;
        assert!(bodies.last().unwrap().text().contains("sunny"), "{at}: {bodies:?}");
        let made = house.calls().iter().filter(|call| *call == "make 1").count();
        assert!(made <= 1, "{at}: what changes things is never repeated");
        assert_valid(&messages(house.items().await), &at);
        if is_whole && fell.is_some() {
            assert!(step > 10, "the turn has many steps, this one ended after {step}");
            return;
        }
    }
    panic!("the turn never ended");
}
