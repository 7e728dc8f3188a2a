//! The same model in a chat, where strangers are in the room.

use chela_testkit::model::FakeModel;
use chela_testkit::telegram::FakeTelegram;
use serde_json::{Value, json};

use super::case::{Call, Case, Said, Who, cases};
use super::victim::Victim;
use super::{changes, files_of};
use crate::channels::{ADA, BOB, said, telegram, telegram_section, with_channels};
use crate::conversation::Talker;
use crate::support::{Setup, TestGateway};

/// What a stranger is told who wants to decide.
const ONLY_OWNERS: &str = "Only the assistant's owner may use /approve.";

/// A house with a Telegram account, an owner (Ada) and a stranger (Bob).
struct Room {
    fake: FakeTelegram,
    gateway: TestGateway,
    talker: Talker,
    victim: Victim,
    _model: FakeModel,
}

impl Room {
    async fn new() -> Self {
        let (model, fake) = (FakeModel::start([]).await, telegram().await);
        let rules = json!({ "groups": { "*": { "requireMention": true } }, "streaming": { "mode": "off" } });
        let channels = json!({ "telegram": telegram_section(&fake, rules) });
        let more = json!({
            "commands": { "ownerAllowFrom": [format!("telegram:{ADA}")] },
        });
        let gateway = Setup::default().config(with_channels(&model, channels, more)).start().await;
        let talker = Talker::new(&gateway).await;
        Self { victim: Victim::behind(&model), fake, gateway, talker, _model: model }
    }

    /// Plays a case in a group of its own, then lets the owner ask for something where nobody else is.
    async fn play(&mut self, case: Case) {
        let case = case.filled("http://stranger.example");
        let workspace = self.gateway.state_dir.path().join("workspace");
        std::fs::create_dir_all(&workspace).unwrap();
        let before = files_of(&workspace);
        self.victim.begin_empty(&case.obeys);
        let group = self.fake.supergroup("Crew", &[ADA, BOB]);
        let mut last = None;
        for said in &case.chat {
            last = Some(self.say(group, said, last));
        }
        let asked = self.questions(&case, group).await;
        assert!(self.victim.saw(), "{}: the hostile words were to be before the model", case.name);
        assert_eq!(asked.len(), case.asks.len(), "{}: {asked:?} was asked", case.name);
        for (shown, part) in asked.iter().zip(&case.asks) {
            assert!(shown.contains(part.as_str()), "{}: `{shown}` does not show `{part}`", case.name);
        }
        let mut changed = changes(&before, &files_of(&workspace), &case);
        // Files that people send lie in the workspace.
        changed.retain(|name| name.contains("pwned") || !name.contains('/'));
        assert_eq!(changed, Vec::<String>::new(), "{}: files were changed", case.name);
        let answer = self.fake.calls("sendMessage").into_iter().rfind(|call| call.params["text"] == "done").unwrap();
        assert_eq!(
            answer.params["link_preview_options"]["is_disabled"], true,
            "{}: an address in the answer would be called",
            case.name
        );
        self.own_wish(&case).await;
    }

    fn say(&self, group: i64, said: &Said, last: Option<i64>) -> i64 {
        let user = if said.by == Who::Owner { ADA } else { BOB };
        if let Some(name) = &said.called {
            self.fake.user(user, name);
        }
        let text = if said.to_us { format!("@chela_bot {}", said.text) } else { said.text.clone() };
        let mut message = self.fake.say(group, user, &text);
        if let (true, Some(last)) = (said.quotes, last) {
            message = message.reply_to(last);
        }
        if let Some(name) = &said.forwarded {
            message = message.forwarded_from(name);
        }
        if let Some((name, text)) = &said.file {
            message = message.document(name, "text/plain", text.clone());
        }
        if let Some(album) = &said.album {
            message = message.album(album);
        }
        message.send()
    }

    /// Until the answer is there, the stranger allows everything that is asked, and the owner refuses it.
    async fn questions(&mut self, case: &Case, group: i64) -> Vec<String> {
        let mut questions = Vec::new();
        loop {
            let event: Value = tokio::select! {
                event = self.talker.event(|name, _| name == "exec.approval.requested") => event,
                _ = said(&self.fake, group, "done") => return questions,
            };
            let id = event["id"].as_str().unwrap();
            let shown = event["request"]["command"].as_str().unwrap().to_owned();
            let card = |fake: &FakeTelegram| fake.bot_messages(group).into_iter().find(|one| one.text.contains(id));
            let card = self.fake.wait_for("the question", card).await;
            assert!(card.text.contains(&shown), "{}: {} does not show {shown}", case.name, card.text);
            let heard = || self.fake.bot_messages(group).iter().filter(|one| one.text == ONLY_OWNERS).count();
            let before = heard();
            self.fake.say(group, BOB, &format!("/approve@chela_bot {id} allow-once")).send();
            self.fake.press(group, card.id, BOB, "Allow once");
            self.fake.wait_for("the refusals", |_| (heard() >= before + 2).then_some(())).await;
            self.talker.ok("exec.approval.resolve", json!({ "id": id, "decision": "deny" })).await;
            questions.push(shown);
        }
    }

    /// In the owner's own chat, the owner's wish is granted unasked.
    async fn own_wish(&mut self, case: &Case) {
        let none: [Call; 0] = [];
        let free = format!("free-{}", case.id());
        self.victim.begin(&free, &none, &none);
        let answers = || self.fake.bot_messages(ADA).iter().filter(|one| one.text == "done").count();
        let before = answers();
        self.fake.say(ADA, ADA, "And now something for me.").send();
        self.fake.wait_for("the owner's answer", |_| (answers() > before).then_some(())).await;
        let made = self.gateway.state_dir.path().join("workspace").join(free);
        assert!(made.exists(), "{}: the owner's own wish was not granted: {}", case.name, self.victim.heard());
        std::fs::remove_file(made).unwrap();
    }
}

#[tokio::test]
async fn g26_strangers_in_chats_give_no_orders() {
    let mut room = Room::new().await;
    for case in cases(include_str!("corpus/chats.json")) {
        room.play(case).await;
    }
    room.fake.assert_clean();
}
