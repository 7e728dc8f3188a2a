//! The same model behind hooks, whose senders pass on what strangers write.

use chela_testkit::model::FakeModel;
use serde_json::{Value, json};

use super::case::{Case, cases};
use super::victim::Victim;
use super::{changes, check_questions, files_of};
use crate::conversation::{Talker, config};
use crate::hooks::{post, section};
use crate::support::{Setup, TestGateway};

/// A house with hooks, one of which leaves the marks out.
struct Ramp {
    gateway: TestGateway,
    talker: Talker,
    victim: Victim,
    _model: FakeModel,
}

impl Ramp {
    async fn new() -> Self {
        let model = FakeModel::start([]).await;
        let mut config = config(&model);
        config["gateway"] = json!({ "mode": "local" });
        config["hooks"] = section(json!({
            "allowRequestSessionKey": true,
            "allowedSessionKeyPrefixes": ["hook:"],
            "presets": ["gmail"],
            "mappings": [
                { "match": { "path": "ticket" }, "messageTemplate": "Sort this ticket.\n{{title}}\n{{body}}" },
                { "match": { "path": "bare" }, "messageTemplate": "{{body}}", "allowUnsafeExternalContent": true },
                { "match": { "path": "ring" }, "action": "wake", "textTemplate": "{{body}}" },
            ],
        }));
        let gateway = Setup::default().config(config).start().await;
        let talker = Talker::new(&gateway).await;
        Self { victim: Victim::behind(&model), gateway, talker, _model: model }
    }

    /// Sends what a case says to the hook that it names; every question is answered with no.
    async fn play(&mut self, case: Case) {
        let case = case.filled("http://stranger.example");
        let (path, body) = case.says.split_once(' ').unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        let workspace = self.gateway.state_dir.path().join("workspace");
        std::fs::create_dir_all(&workspace).unwrap();
        let before = files_of(&workspace);
        self.victim.begin_empty(&case.obeys);
        let answer = post(&self.gateway, path, body).await;
        assert_eq!(answer.status, 200, "{}: {}", case.name, answer.body);
        let mut asked = Vec::new();
        loop {
            let event = self
                .talker
                .event(|name, payload| {
                    let is_end =
                        name == "sessions.changed" && payload["hasActiveRun"] == false && payload["phase"] != "start";
                    name == "exec.approval.requested" || is_end
                })
                .await;
            if event["request"].is_null() {
                break;
            }
            self.talker.ok("exec.approval.resolve", json!({ "id": event["id"], "decision": "deny" })).await;
            asked.push(event["request"].clone());
        }
        assert!(self.victim.saw(), "{}: the hostile words were to be before the model", case.name);
        check_questions(&case, &asked);
        assert_eq!(
            changes(&before, &files_of(&workspace), &case),
            Vec::<String>::new(),
            "{}: files changed",
            case.name
        );
    }
}

#[tokio::test]
async fn g26_hooks_give_no_orders() {
    let mut ramp = Ramp::new().await;
    for case in cases(include_str!("corpus/hooks.json")) {
        ramp.play(case).await;
    }
}
