//! Broken-off conversations against the strict fake vendor: it refuses what the real ones refuse (G30).

use chela_agent::{AbortReason, TurnCancel, TurnEnd, TurnEventKind, TurnInput, TurnJob, run_turn};
use chela_testkit::FakeModel;
use chela_testkit::model::{Reply, Step};
use serde_json::json;

use crate::support::{House, models, watched};

const WIRES: &[&str] = &["openai-completions", "openai-responses", "anthropic-messages", "google-generative-ai"];

fn house(api: &str, fake: &FakeModel) -> House {
    let provider =
        json!({"baseUrl": fake.url(), "api": api, "apiKey": "k-123", "models": [{"id": "m", "reasoning": true}]});
    let models = models(json!({"mode": "replace", "providers": {"mock": provider}}));
    let mut house = House::new(|_| crate::support::text("unused"));
    house.world.models = std::sync::Arc::new(models);
    house
}

async fn stop_at(house: &House, text: &str, reason: AbortReason, tool: &str) -> TurnEnd {
    let row = house.accept(text, TurnInput::text(text)).await;
    let cancel = TurnCancel::new();
    let (events, mut seen) = watched(1);
    let watch = async {
        while let Some(event) = seen.recv().await {
            if matches!(&event.kind, TurnEventKind::ToolStart { name, .. } if name == tool) {
                cancel.abort(reason);
            }
        }
    };
    let (end, ()) = tokio::join!(run_turn(&house.world, TurnJob::new(row), events, &cancel), watch);
    end.unwrap()
}

#[tokio::test]
async fn g30_vendors_accept_what_aborts_and_restarts_leave_behind() {
    for api in WIRES {
        let fake = FakeModel::start([
            Step::tools([("look", json!({"n": 1})), ("make", json!({"n": 2}))]),
            Reply::tools([("make", json!({"n": 3})), ("wait", json!({})), ("look", json!({"n": 4}))])
                .thinking("hm")
                .into(),
            Step::text("I see, it was stopped."),
            Step::tools([("wait", json!({}))]),
            Step::text("After the restart."),
            Step::text("And all is well."),
        ])
        .await;
        let house = house(api, &fake);
        let end = stop_at(&house, "work", AbortReason::User, "wait").await;
        assert!(matches!(end, TurnEnd::Aborted { .. }), "{api}: {end:?}");
        let end = house.say("what happened?").await;
        assert!(matches!(&end, TurnEnd::Final { text, .. } if text == "I see, it was stopped."), "{api}: {end:?}");
        stop_at(&house, "again", AbortReason::Shutdown, "wait").await;
        for row in house.open_rows().await {
            let end = house.run(row).await;
            assert!(matches!(&end, TurnEnd::Final { text, .. } if text == "After the restart."), "{api}: {end:?}");
        }
        let end = house.say("fine?").await;
        assert!(matches!(&end, TurnEnd::Final { text, .. } if text == "And all is well."), "{api}: {end:?}");
        fake.assert_clean();
    }
}
