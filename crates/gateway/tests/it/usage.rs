//! What calls used, as clients ask for it.

use chela_testkit::model::Step;
use serde_json::{Value, json};

use crate::conversation::{Talker, config, fake_model};
use crate::support::Setup;

/// Tokens that the fake vendor bills for a call.
const CALL: u64 = 110;

/// Close enough for money that is added up.
fn assert_dollars(value: &Value, dollars: f64) {
    assert!((value.as_f64().unwrap() - dollars).abs() < 1e-9, "{value} is not {dollars}");
}

#[tokio::test]
async fn tokens_and_money_are_told_by_day_model_and_session() {
    let called = Step::tools([("no_such_tool", json!({}))]);
    let model = fake_model([called, Step::text("done"), Step::text("more")]).await;
    let mut whole = config(&model);
    whole["models"]["providers"]["fake"]["models"][0]["cost"] = json!({ "input": 1000, "output": 1000 });
    let gateway = Setup::default().config(whole).start().await;
    let mut talker = Talker::new(&gateway).await;
    for (text, run) in [("one", "r1"), ("two", "r2")] {
        talker.say(text, run).await;
        talker.end_of(run).await;
    }

    let cost = talker.ok("usage.cost", json!({ "days": 7 })).await;
    assert_eq!((&cost["days"], cost["daily"].as_array().unwrap().len()), (&json!(7), 1), "{cost}");
    assert_eq!(cost["totals"]["totalTokens"], 3 * CALL);
    assert_dollars(&cost["totals"]["totalCost"], 0.33);
    let parts = ["inputCost", "outputCost"].map(|part| cost["totals"][part].as_f64().unwrap());
    assert!((parts[0] + parts[1] - 0.33).abs() < 1e-9 && parts[0] > 0.0 && parts[1] > 0.0, "{cost}");
    assert_eq!((&cost["totals"]["missingCostEntries"], &cost["cacheStatus"]["status"]), (&json!(0), &json!("fresh")));

    let usage = talker.ok("sessions.usage", json!({ "range": "all", "groupBy": "family" })).await;
    let sessions = usage["sessions"].as_array().unwrap();
    let session = &sessions[0];
    assert_eq!((sessions.len(), &session["key"], &session["scope"]), (1, &json!("agent:main:main"), &json!("family")));
    let counts = json!({ "total": 5, "user": 2, "assistant": 3, "toolCalls": 1, "toolResults": 1, "errors": 0 });
    assert_eq!(session["usage"]["messageCounts"], counts);
    assert_eq!(session["usage"]["totalTokens"], 3 * CALL);
    assert_eq!(session["usage"]["dailyBreakdown"][0]["tokens"], 3 * CALL);
    let aggregates = &usage["aggregates"];
    assert_eq!(aggregates["messages"], counts);
    assert_eq!(aggregates["tools"]["tools"], json!([{ "name": "no_such_tool", "count": 1 }]));
    let by_model = &aggregates["byModel"][0];
    assert_eq!((&by_model["provider"], &by_model["count"]), (&json!("fake"), &json!(3)), "{by_model}");
    assert_eq!(aggregates["byAgent"][0]["agentId"], "main");

    let course = talker.ok("sessions.usage.timeseries", json!({ "key": "main" })).await;
    let points = course["points"].as_array().unwrap();
    assert_eq!((points.len(), &points[2]["cumulativeTokens"]), (3, &json!(3 * CALL)), "{course}");
    let logs = talker.ok("sessions.usage.logs", json!({ "key": "main" })).await;
    let logs = logs["logs"].as_array().unwrap();
    let roles: Vec<&str> = logs.iter().filter_map(|log| log["role"].as_str()).collect();
    assert_eq!(roles, ["user", "assistant", "toolResult", "assistant", "user", "assistant"]);
    assert_eq!((&logs[1]["content"], &logs[1]["tokens"]), (&json!("[Tool: no_such_tool]"), &json!(CALL)));
}

#[tokio::test]
async fn what_was_not_used_is_nothing_and_what_makes_no_sense_is_refused() {
    let gateway = Setup::default().config(config(&fake_model([]).await)).start().await;
    let mut talker = Talker::new(&gateway).await;
    let usage = talker.ok("sessions.usage", json!({ "agentScope": "all" })).await;
    assert_eq!((&usage["sessions"], &usage["totals"]["totalTokens"]), (&json!([]), &json!(0)));
    assert_eq!(talker.ok("sessions.usage.timeseries", json!({ "key": "nobody" })).await["points"], json!([]));
    assert_eq!(talker.ok("usage.status", json!({})).await["providers"], json!([]));
    let cases = [
        ("usage.cost", json!({ "agentScope": "all", "agentId": "main" }), "agentScope=all"),
        ("usage.cost", json!({ "startDate": "2026-13-01", "endDate": "2026-01-02" }), "startDate"),
        ("sessions.usage.logs", json!({}), "key is required"),
    ];
    for (method, params, said) in cases {
        let answer = talker.call(method, params).await;
        assert!(answer["error"]["message"].as_str().is_some_and(|message| message.contains(said)), "{answer}");
    }
}
