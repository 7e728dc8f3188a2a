//! Tools that a client of the OpenAI endpoints runs itself: offered, called, and gone on with.

use chela_testkit::model::{FakeModel, Reply, Step};
use serde_json::{Value, json};

use crate::conversation::{Answer, config, fake_model, house, http};
use crate::support::{Setup, TestGateway};

fn weather() -> Value {
    json!({
        "type": "function", "name": "weather", "description": "Tells the weather of a city.", "strict": true,
        "parameters": { "type": "object", "properties": { "city": { "type": "string" } } },
    })
}

/// The same as Chat Completions says it.
fn chat_weather() -> Value {
    let mut function = weather();
    function.as_object_mut().unwrap().remove("type");
    json!({ "type": "function", "function": function })
}

fn asking(input: &str) -> Value {
    json!({ "model": "chela", "input": input, "tools": [weather()] })
}

fn giving(previous: &Value, call: &Value, output: &str) -> Value {
    json!({
        "model": "chela", "previous_response_id": previous["id"], "tools": [weather()],
        "input": [{ "type": "function_call_output", "call_id": call["call_id"], "output": output }],
    })
}

/// A model that asks the client for the weather of these cities.
fn asks_for(cities: &[&str]) -> Reply {
    Reply::tools(cities.iter().map(|city| ("weather", json!({ "city": city }))))
}

/// What the model is shown of tools in its last request.
fn results(model: &FakeModel) -> Vec<(String, String)> {
    let body = model.requests().last().unwrap().body.clone();
    let messages = body["messages"].as_array().unwrap().clone();
    let results = messages.into_iter().filter(|message| message["role"] == "tool");
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    results.map(|message| (text(&message["tool_call_id"]), text(&message["content"]))).collect()
}

/// The payloads of a stream that ends as it should.
pub(crate) fn events(answer: &Answer) -> Vec<Value> {
    let mut lines = answer.data();
    assert_eq!(lines.pop().as_deref(), Some("[DONE]"), "{}", answer.body);
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_response_asks_for_a_call_and_the_next_one_brings_its_output() {
    let model = fake_model([Step::Reply(asks_for(&["Bern"])), Step::text("Bern is sunny.")]).await;
    let gateway = house(&model).await;
    let first = http(&gateway, "POST", "/v1/responses", &asking("How is Bern?"), "").await.json();
    let [call] = &first["output"].as_array().unwrap()[..] else { panic!("{first}") };
    assert_eq!((&first["status"], &first["tools"]), (&json!("completed"), &json!([weather()])));
    assert_eq!((&call["type"], &call["name"]), (&json!("function_call"), &json!("weather")));
    assert_eq!((&call["arguments"], &call["status"]), (&json!(r#"{"city":"Bern"}"#), &json!("completed")));

    let second = http(&gateway, "POST", "/v1/responses", &giving(&first, call, "sunny, 20°"), "").await.json();
    assert_eq!(second["output"][0]["content"][0]["text"], "Bern is sunny.", "{second}");
    let [(id, given)] = &results(&model)[..] else { panic!("one result") };
    assert_eq!(json!(id), call["call_id"]);
    assert!(given.starts_with("<<<untrusted ") && given.contains("\nsunny, 20°\n"), "{given}");
}

#[tokio::test]
async fn an_empty_output_completes_its_call() {
    let model = fake_model([Step::Reply(asks_for(&["Bern", "Rome"])), Step::text("done")]).await;
    let gateway = house(&model).await;
    let first = http(&gateway, "POST", "/v1/responses", &asking("go"), "").await.json();
    let mut body = giving(&first, &first["output"][0], "");
    let other = json!({ "type": "function_call_output", "call_id": first["output"][1]["call_id"], "output": "rain" });
    body["input"].as_array_mut().unwrap().push(other);
    let second = http(&gateway, "POST", "/v1/responses", &body, "").await;
    assert_eq!((second.status, &second.json()["output"][0]["content"][0]["text"]), (200, &json!("done")));
    let given = results(&model);
    assert!(given.len() == 2 && given[1].1.contains("\nrain\n"), "{given:?}");
}

#[tokio::test]
async fn a_streamed_response_shows_words_and_then_calls() {
    let model = fake_model([Step::Reply(asks_for(&["Bern", "Rome"]).saying("Let me see."))]).await;
    let gateway = house(&model).await;
    let mut body = asking("go");
    body["stream"] = json!(true);
    let events = events(&http(&gateway, "POST", "/v1/responses", &body, "").await);
    let mut kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    kinds.dedup();
    let call = [
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
    ];
    let message = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
    ];
    assert_eq!(kinds, [&message[..], &call, &call, &["response.completed"]].concat());
    let indices: Vec<_> = events.iter().filter(|event| event["type"] == "response.output_item.done").collect();
    assert_eq!(indices.iter().map(|event| event["output_index"].clone()).collect::<Vec<_>>(), [0, 1, 2]);
    let output = &events.last().unwrap()["response"]["output"];
    for (index, event) in indices.iter().enumerate() {
        assert_eq!(event["item"], output[index], "what was shown is what the whole response holds");
    }
}

#[tokio::test]
async fn an_answer_that_only_calls_has_no_message() {
    let model = fake_model([Step::Reply(asks_for(&["Bern"]))]).await;
    let gateway = house(&model).await;
    let mut body = asking("go");
    body["stream"] = json!(true);
    let events = events(&http(&gateway, "POST", "/v1/responses", &body, "").await);
    assert!(events.iter().all(|event| event["item"]["type"] != "message"), "{events:?}");
    assert_eq!(events.last().unwrap()["response"]["output"][0]["type"], "function_call");
}

#[tokio::test]
async fn the_agents_own_tools_run_beside_the_clients() {
    let both = Reply::tools([("ls", json!({})), ("weather", json!({ "city": "Bern" }))]);
    let model = fake_model([Step::Reply(both), Step::text("done")]).await;
    let gateway = house(&model).await;
    let first = http(&gateway, "POST", "/v1/responses", &asking("go"), "").await.json();
    let [call] = &first["output"].as_array().unwrap()[..] else { panic!("{first}") };
    http(&gateway, "POST", "/v1/responses", &giving(&first, call, "sunny"), "").await;
    let given = results(&model);
    assert!(given.len() == 2 && given[1].1.contains("\nsunny\n"), "{given:?}");
}

#[tokio::test]
async fn a_completion_asks_for_calls_and_a_session_that_remembers_takes_their_results() {
    let reply = asks_for(&["Bern", "Rome"]).saying("Let me see.");
    let model = fake_model([Step::Reply(reply), Step::text("Sunny and wet.")]).await;
    let gateway = house(&model).await;
    let user = json!({ "role": "user", "content": "How is it there?" });
    let mut body = json!({ "model": "openclaw", "user": "ada", "messages": [user.clone()], "tools": [chat_weather()] });
    let first = http(&gateway, "POST", "/v1/chat/completions", &body, "").await.json();
    let choice = &first["choices"][0];
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["content"]),
        (&json!("tool_calls"), &json!("Let me see."))
    );
    let calls = choice["message"]["tool_calls"].as_array().unwrap();
    assert_eq!((calls.len(), &calls[1]["function"]["arguments"]), (2, &json!(r#"{"city":"Rome"}"#)));
    let result = |call: &Value, text: &str| json!({ "role": "tool", "tool_call_id": call["id"], "content": text });
    body["messages"] = json!([user, choice["message"], result(&calls[0], "sunny"), result(&calls[1], "wet")]);
    let second = http(&gateway, "POST", "/v1/chat/completions", &body, "").await.json();
    assert_eq!(second["choices"][0]["message"]["content"], "Sunny and wet.", "{second}");
    assert_eq!(second["choices"][0]["finish_reason"], "stop");
    let given = results(&model);
    assert!(given.len() == 2 && given[0].1.contains("\nsunny\n") && given[1].1.contains("\nwet\n"), "{given:?}");
}

#[tokio::test]
async fn a_fresh_session_is_told_of_calls_that_it_never_made() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let call = json!({ "id": "c1", "type": "function", "function": { "name": "weather", "arguments": "{}" } });
    let body = json!({ "model": "chela", "tools": [chat_weather()], "messages": [
        { "role": "user", "content": "How is it?" },
        { "role": "assistant", "content": null, "tool_calls": [call] },
        { "role": "tool", "tool_call_id": "c1", "content": "sunny" },
    ] });
    assert_eq!(http(&gateway, "POST", "/v1/chat/completions", &body, "").await.status, 200);
    let told = model.requests()[0].last_user_text();
    for part in ["User: How is it?", "Assistant: [Called weather with {}]", "[Tool result]\nsunny"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[tokio::test]
async fn a_streamed_completion_names_each_call_and_then_its_arguments() {
    let model = fake_model([Step::Reply(asks_for(&["Bern", "Rome"]))]).await;
    let gateway = house(&model).await;
    let body = json!({ "model": "chela", "stream": true, "tools": [chat_weather()],
        "messages": [{ "role": "user", "content": "go" }] });
    let chunks = events(&http(&gateway, "POST", "/v1/chat/completions", &body, "").await);
    let deltas: Vec<&Value> = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]).collect();
    let calls: Vec<&Value> =
        deltas.iter().flat_map(|delta| delta["tool_calls"].as_array().into_iter().flatten()).collect();
    assert_eq!(calls.len(), 4, "{calls:?}");
    assert_eq!((&calls[2]["index"], &calls[2]["function"]["name"]), (&json!(1), &json!("weather")));
    assert_eq!(calls[3], &json!({ "index": 1, "function": { "arguments": r#"{"city":"Rome"}"# } }));
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
}

#[tokio::test]
async fn tools_that_can_not_be_offered_are_refused_by_name() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let rows = [
        ("tools", json!({ "tools": [{ "type": "function", "name": "read" }] }), "agent's own tools"),
        ("tools", json!({ "tools": [{ "type": "web_search" }] }), "web_search"),
        ("tool_choice", json!({ "tool_choice": "required" }), "offers no `tools`"),
        ("tool_choice", json!({ "tools": [weather()], "tool_choice": { "type": "function", "name": "x" } }), "`x`"),
    ];
    for (param, fields, named) in rows {
        for (path, said) in [
            ("/v1/responses", json!({ "input": "hi" })),
            ("/v1/chat/completions", json!({ "messages": [{ "role": "user", "content": "hi" }] })),
        ] {
            let mut body = said;
            body["model"] = json!("chela");
            body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            let answer = http(&gateway, "POST", path, &body, "").await;
            let error = answer.json()["error"].clone();
            assert_eq!((answer.status, &error["type"]), (400, &json!("invalid_request_error")), "{error}");
            assert_eq!(error["param"], param, "{error}");
            assert!(error["message"].as_str().unwrap().contains(named), "{error}");
        }
    }
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn a_choice_narrows_what_is_offered_and_a_call_that_is_not_made_is_an_error() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let other = json!({ "type": "function", "name": "other" });
    let mut body = asking("hi");
    body["tools"] = json!([weather(), other]);
    body["tool_choice"] = json!({ "type": "function", "name": "weather" });
    let refused = http(&gateway, "POST", "/v1/responses", &body, "").await;
    let error = refused.json()["error"].clone();
    assert_eq!((refused.status, &error["type"]), (502, &json!("api_error")));
    assert!(refused.head.contains("x-should-retry: false"), "{}", refused.head);
    let sent = model.requests()[0].text.clone();
    assert!(sent.contains("Call the tool `weather` before you answer.") && !sent.contains("\"other\""), "{sent}");

    body["stream"] = json!(true);
    body["tool_choice"] = json!("required");
    let events = events(&http(&gateway, "POST", "/v1/responses", &body, "").await);
    assert!(events.iter().all(|event| event["delta"].is_null()), "no words before the call is known to be made");
    assert_eq!(events.last().unwrap()["type"], "response.failed");
    let message = &events.last().unwrap()["response"]["error"]["message"];
    assert_eq!(message, "tool_choice=required was not satisfied by the agent response");

    body["tool_choice"] = json!("none");
    http(&gateway, "POST", "/v1/responses", &body, "").await;
    assert!(!model.requests().last().unwrap().text.contains("\"weather\""));
}

#[tokio::test]
async fn the_same_request_again_is_asked_for_the_same_call() {
    let model = fake_model([Step::Reply(asks_for(&["Bern"]))]).await;
    let gateway = house(&model).await;
    let headers = "idempotency-key: k1\r\n";
    let first = http(&gateway, "POST", "/v1/responses", &asking("go"), headers).await.json();
    let second = http(&gateway, "POST", "/v1/responses", &asking("go"), headers).await.json();
    assert_eq!((&first["id"], &first["output"]), (&second["id"], &second["output"]));
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn g07_a_call_waits_for_its_output_over_a_restart() {
    let model = fake_model([Step::Reply(asks_for(&["Bern"])), Step::text("Bern is sunny.")]).await;
    let gateway = house(&model).await;
    let first = http(&gateway, "POST", "/v1/responses", &asking("go"), "").await.json();
    let TestGateway { running, state_dir } = gateway;
    running.stop("test").await;
    let running = Setup::default().config(config(&model)).start_in(&state_dir).await.unwrap();
    let gateway = TestGateway { running, state_dir };
    let second =
        http(&gateway, "POST", "/v1/responses", &giving(&first, &first["output"][0], "sunny"), "").await.json();
    assert_eq!(second["output"][0]["content"][0]["text"], "Bern is sunny.", "{second}");
    assert_eq!(json!(results(&model)[0].0), first["output"][0]["call_id"]);
}
