//! Answers on their way to a chat, played against the fake Telegram: each arrives once, whole and in order, whatever the platform does.

use std::sync::Arc;

use chela_store::{DATABASE_FILE, OpenOptions, OutboxRow, Store, WriterMode};
use chela_testkit::model::{FakeModel, Part, Reply, Step};
use chela_testkit::telegram::{FakeTelegram, TelegramFailure, TelegramMessage, TelegramOptions};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::conversation::{config, fake_model};
use crate::support::{Setup, TestGateway};

/// A person in a direct chat with a gateway's bot.
struct Talk {
    telegram: FakeTelegram,
    model: FakeModel,
    ada: i64,
    chat: i64,
    /// Keys of the account besides those that let everybody in.
    account: Value,
}

impl Talk {
    async fn new(account: Value, steps: impl IntoIterator<Item = Step>) -> Self {
        let telegram = FakeTelegram::start(TelegramOptions::default()).await;
        let ada = telegram.user(1001, "Ada");
        let chat = telegram.private_chat(ada);
        Self { model: fake_model(steps).await, telegram, ada, chat, account }
    }

    fn setup(&self) -> Setup {
        let mut config = config(&self.model);
        let mut account = json!({
            "botToken": self.telegram.token(),
            "apiBase": self.telegram.url(),
            "dmPolicy": "open",
            "allowFrom": ["*"],
            "streaming": { "mode": "off" },
        });
        account.as_object_mut().unwrap().extend(self.account.as_object().unwrap().clone());
        config["models"]["providers"]["fake"]["models"][0]["input"] = json!(["text", "image"]);
        config["channels"] = json!({ "telegram": account });
        Setup::default().config(config)
    }

    async fn gateway(&self) -> TestGateway {
        self.setup().start().await
    }

    fn says(&self, text: &str) -> i64 {
        self.telegram.say(self.chat, self.ada, text).send()
    }

    /// The bot's messages, once there are as many.
    async fn answers(&self, count: usize) -> Vec<TelegramMessage> {
        let seen = |telegram: &FakeTelegram| Some(telegram.bot_messages(self.chat)).filter(|seen| seen.len() >= count);
        self.telegram.wait_for(&format!("{count} messages"), seen).await
    }

    /// The bot's one message, once it says this.
    async fn says_at_last(&self, text: &str) -> TelegramMessage {
        let seen = |telegram: &FakeTelegram| {
            let mut seen = telegram.bot_messages(self.chat);
            (seen.len() == 1 && seen[0].text == text).then(|| seen.remove(0))
        };
        self.telegram.wait_for(text, seen).await
    }

    /// Says something more, so that whatever was on its way before has arrived with the answer to it.
    async fn all_is_said(&self, texts: &[&str]) {
        self.says("and now?");
        let expected: Vec<_> = texts.iter().copied().chain(["echo: and now?"]).collect();
        let seen = self.answers(expected.len()).await;
        assert_eq!(seen.iter().map(|message| message.text.as_str()).collect::<Vec<_>>(), expected);
        self.telegram.assert_clean();
    }
}

/// Stops the gateway and looks into its outbox: what waits, what was given up.
async fn outbox(gateway: TestGateway) -> (Vec<OutboxRow>, Vec<OutboxRow>) {
    gateway.running.stop("test").await;
    let path = gateway.state_dir.path().join(DATABASE_FILE);
    let store = Store::open(OpenOptions { path, writer: WriterMode::Inline }).unwrap();
    (store.due_outbox(i64::MAX, 10).await.unwrap(), store.dead_letters(10).await.unwrap())
}

fn paragraphs() -> [String; 3] {
    ["one ", "two ", "three "].map(|word| word.repeat(3000 / word.len()).trim().to_owned())
}

#[tokio::test]
async fn a_long_answer_goes_on_behind_the_part_that_failed() {
    let paragraphs = paragraphs();
    let talk = Talk::new(json!({}), [Step::text(paragraphs.join("\n\n"))]).await;
    let gateway = talk.gateway().await;
    talk.telegram.fail_next("sendMessage", TelegramFailure::CutAfter);
    talk.says("tell me");
    let expected = paragraphs.each_ref().map(String::as_str);
    talk.all_is_said(&expected).await;
    assert_eq!(outbox(gateway).await, (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn an_outcome_that_nobody_knows_is_looked_up() {
    for failure in [TelegramFailure::CutAfter, TelegramFailure::CutBefore] {
        let talk = Talk::new(json!({}), []).await;
        let _gateway = talk.gateway().await;
        talk.telegram.fail_next("sendMessage", failure);
        talk.says("hello");
        talk.all_is_said(&["echo: hello"]).await;
    }
}

#[tokio::test]
async fn refused_markup_goes_out_as_plain_text() {
    let talk = Talk::new(json!({}), [Step::text("**yes** & no")]).await;
    let _gateway = talk.gateway().await;
    let description = "Bad Request: can't parse entities: Unsupported start tag".to_owned();
    talk.telegram.fail_next("sendMessage", TelegramFailure::Error { code: 400, description, retry_after: None });
    talk.says("really?");
    let said = talk.says_at_last("yes & no").await;
    assert_eq!(said.entities, []);
}

#[tokio::test]
async fn g08_a_reply_survives_a_stop_and_arrives_when_the_platform_is_back() {
    let talk = Talk::new(json!({}), []).await;
    let gateway = talk.gateway().await;
    talk.telegram.fail_always("sendMessage", TelegramFailure::CutBefore);
    talk.says("hello");
    let tried = |telegram: &FakeTelegram| (!telegram.calls("sendMessage").is_empty()).then_some(());
    talk.telegram.wait_for("a try", tried).await;
    let TestGateway { running, state_dir } = gateway;
    running.stop("test").await;
    assert_eq!(talk.telegram.bot_messages(talk.chat).len(), 0);
    talk.telegram.heal();
    let _again = talk.setup().start_in(&state_dir).await.unwrap();
    talk.all_is_said(&["echo: hello"]).await;
    assert_eq!(talk.model.requests().len(), 2, "the answer was not made again");
}

#[tokio::test]
async fn g08_what_can_not_be_delivered_is_a_dead_letter_and_holds_nobody_up() {
    let talk = Talk::new(json!({}), []).await;
    let gateway = talk.gateway().await;
    let description = "Forbidden: bot was blocked by the user".to_owned();
    talk.telegram.fail_next("sendMessage", TelegramFailure::Error { code: 403, description, retry_after: None });
    talk.says("hello");
    talk.all_is_said(&[]).await;
    let (waiting, dead) = outbox(gateway).await;
    assert_eq!(waiting, []);
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].body["text"], "echo: hello");
    assert!(dead[0].last_error.as_deref().unwrap().contains("blocked"), "{:?}", dead[0].last_error);
}

/// An answer whose second half waits.
fn halves(first: &str, second: &str) -> (Step, Arc<Notify>) {
    let gate = Arc::new(Notify::new());
    let parts = [Part::Text(first.to_owned()), Part::Gate(gate.clone()), Part::Text(second.to_owned())];
    (Step::Reply(Reply::new(parts)), gate)
}

const FIRST: &str = "The first words of an answer that takes long";

#[tokio::test]
async fn a_preview_becomes_the_answer() {
    let (step, gate) = halves(FIRST, " **and its end**.");
    let talk = Talk::new(json!({ "streaming": { "mode": "partial" } }), [step]).await;
    let _gateway = talk.gateway().await;
    talk.says("tell me");
    let preview = talk.says_at_last(FIRST).await;
    gate.notify_one();
    let whole = talk.says_at_last(&format!("{FIRST} and its end.")).await;
    assert_eq!(whole.id, preview.id);
    assert_eq!(whole.entities.len(), 1, "the answer has its markup: {:?}", whole.entities);
    talk.telegram.assert_clean();
}

#[tokio::test]
async fn progress_is_one_message_with_the_newest_steps_until_the_answer_takes_its_place() {
    let (first, second) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let reads = (1..=7).map(|number| ("read", json!({ "path": format!("log *{number}*.md") })));
    let talk = Talk::new(
        json!({ "streaming": { "mode": "progress" } }),
        [
            Reply::tools([("ls", json!({ "path": "." }))]).saying("I **look** first.").into(),
            Step::gated(&first, Step::tools(reads)),
            Step::gated(&second, Step::text("All **read**.")),
        ],
    )
    .await;
    let gateway = talk.gateway().await;
    std::fs::create_dir_all(gateway.state_dir.path().join("workspace")).unwrap();
    for number in 1..=7 {
        std::fs::write(gateway.state_dir.path().join(format!("workspace/log *{number}*.md")), "x").unwrap();
    }
    talk.says("read everything");
    let progress = talk.says_at_last("Looking through files…").await;
    first.notify_one();
    let newest: Vec<_> = (2..=7).map(|number| format!("Reading log  {number} .md…")).collect();
    let grown = talk.says_at_last(&newest.join("\n\n")).await;
    assert_eq!((grown.id, grown.entities.len()), (progress.id, 0), "names are no markup: {grown:?}");
    second.notify_one();
    let answer = talk.says_at_last("All read.").await;
    assert_eq!(answer.id, progress.id);
    talk.all_is_said(&["All read."]).await;
}

#[tokio::test]
async fn g09_a_text_that_is_too_long_is_refused_once_with_the_reason_and_the_next_one_is_answered() {
    let talk = Talk::new(json!({}), []).await;
    let _gateway = talk.gateway().await;
    let bytes = 4 * 1024 * 1024 + 1;
    talk.says(&"x".repeat(bytes));
    let refusal = talk.answers(1).await.remove(0).text;
    assert!(refusal.contains(&bytes.to_string()) && refusal.contains("send it as a file"), "{refusal}");
    let confirmed = |telegram: &FakeTelegram| (telegram.waiting_updates() == 0).then_some(());
    talk.telegram.wait_for("the confirmation", confirmed).await;
    talk.telegram.redeliver_last();
    talk.all_is_said(&[&refusal]).await;
    assert_eq!(talk.model.requests().len(), 1, "the model saw nothing of it");
}

#[tokio::test]
async fn a_text_that_is_just_short_enough_is_answered_or_says_why_not() {
    let talk = Talk::new(json!({}), []).await;
    let _gateway = talk.gateway().await;
    let text = format!("{}\nend of it", "many words ".repeat(4 * 1024 * 1024 / 11 - 2));
    talk.says(&text);
    let first = talk.answers(1).await.remove(0).text;
    assert_eq!(first, "echo: end of it");
    talk.all_is_said(&[&first]).await;
}

#[tokio::test]
async fn a_stopped_answer_says_so_and_a_failed_one_is_replaced() {
    let (step, _gate) = halves(FIRST, "never said");
    let talk = Talk::new(json!({ "streaming": { "mode": "partial" } }), [step]).await;
    let _gateway = talk.gateway().await;
    talk.says("tell me");
    talk.says_at_last(FIRST).await;
    talk.says("/stop");
    let stopped = format!("{FIRST}\n\n(stopped)");
    let seen =
        |telegram: &FakeTelegram| telegram.bot_messages(talk.chat).iter().any(|m| m.text == stopped).then_some(());
    talk.telegram.wait_for("the word that it was stopped", seen).await;
    talk.telegram.assert_clean();
}

#[tokio::test]
async fn g08_a_preview_that_was_cut_off_becomes_the_answer_after_the_start() {
    let (step, _gate) = halves(FIRST, "never said");
    let talk = Talk::new(json!({ "streaming": { "mode": "partial" } }), [step]).await;
    let TestGateway { running, state_dir } = talk.gateway().await;
    talk.says("tell me");
    let preview = talk.says_at_last(FIRST).await;
    running.stop("test").await;
    let _again = talk.setup().start_in(&state_dir).await.unwrap();
    let answer = talk.says_at_last("echo: tell me").await;
    assert_eq!(answer.id, preview.id);
}

#[tokio::test]
async fn files_come_in_and_go_out() {
    let out = Step::text("Here it is:\nMEDIA: media/inbound/../../made.txt\nMEDIA: ../chela.json");
    let talk = Talk::new(json!({}), [Step::text("seen"), Step::text("kept"), out]).await;
    let gateway = talk.gateway().await;
    let workspace = gateway.state_dir.path().join("workspace");

    // The head of a PNG with one point.
    let picture = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01".to_vec();
    talk.telegram.say(talk.chat, talk.ada, "what is it?").photo(picture).send();
    talk.answers(1).await;
    let asked = talk.model.requests().remove(0).text;
    assert!(asked.contains("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB"), "{asked}");

    talk.telegram.say(talk.chat, talk.ada, "").voice(b"OggS sound".to_vec()).send();
    talk.answers(2).await;
    let asked = talk.model.requests().remove(1).last_user_text();
    assert!(asked.contains("[voice message that can't be heard: no transcription provider"), "{asked}");
    let kept = asked.split("kept as ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    assert_eq!(std::fs::read(workspace.join(kept)).unwrap(), b"OggS sound");

    std::fs::write(workspace.join("made.txt"), "made").unwrap();
    talk.says("send it");
    let sent = talk.answers(5).await;
    assert_eq!(sent[2].text, "Here it is:");
    let file = sent[3].media.as_ref().unwrap();
    assert_eq!((file.kind.as_str(), &file.bytes[..]), ("document", &b"made"[..]));
    assert!(sent[4].text.contains("outside the workspace"), "{}", sent[4].text);
    talk.telegram.assert_clean();
}

#[tokio::test]
async fn messages_that_wait_are_collected_for_their_own_chat() {
    let (step, gate) = halves("wait", " no more");
    let talk = Talk::new(json!({}), [step]).await;
    let bob = talk.telegram.user(1002, "Bob");
    let his = talk.telegram.private_chat(bob);
    let setup = talk.setup();
    let mut whole: Value = serde_json::from_str(setup.config.as_deref().unwrap()).unwrap();
    whole["messages"] = json!({ "queue": { "byChannel": { "telegram": "collect" }, "debounceMs": 20 } });
    let _gateway = setup.config(whole).start().await;
    talk.says("first");
    talk.model.wait_for_requests(1).await;
    // All three write into one session, `agent:main:main`.
    for text in ["second", "third"] {
        talk.says(text);
    }
    talk.telegram.say(his, bob, "from bob").send();
    let accepted = |telegram: &FakeTelegram| (telegram.waiting_updates() == 0).then_some(());
    talk.telegram.wait_for("all updates to be taken", accepted).await;
    gate.notify_one();
    let ours = talk.answers(2).await;
    assert_eq!(ours.iter().map(|m| m.text.as_str()).collect::<Vec<_>>(), ["wait no more", "echo: third"]);
    let theirs = |telegram: &FakeTelegram| telegram.bot_messages(his).pop();
    assert_eq!(talk.telegram.wait_for("Bob's answer", theirs).await.text, "echo: from bob");
}

#[tokio::test]
async fn an_answer_that_would_be_a_flood_is_a_file() {
    let answer = (0..3_000).map(|line| format!("Line {line} of what there is to say.")).collect::<Vec<_>>().join("\n");
    let talk = Talk::new(json!({}), [Step::text(answer.clone())]).await;
    let gateway = talk.gateway().await;
    // The first try breaks off at the file, and the second one makes it again.
    talk.telegram.fail_next("sendDocument", TelegramFailure::CutBefore);
    talk.says("tell me everything");
    let said = talk.answers(20).await;
    assert!(said[0].text.starts_with("Line 0 of what") && said[18].text.contains("of what there is to say."));
    assert!(said[..19].iter().all(|message| message.media.is_none()));
    let file = said[19].media.as_ref().expect("the last message is the file");
    assert_eq!((file.file_name.as_deref(), &file.bytes[..]), (Some("answer.md"), answer.as_bytes()));
    assert_eq!(said[19].text, "The answer goes on: this file holds the whole of it.");
    talk.says("and now?");
    assert_eq!(talk.answers(21).await[20].text, "echo: and now?");
    let left = std::fs::read_dir(gateway.state_dir.path().join("media/outbound")).unwrap().count();
    assert_eq!(left, 0, "the file stands only while it is sent");
    talk.telegram.assert_clean();
}

#[tokio::test]
async fn what_is_too_long_even_for_a_file_breaks_off_with_a_word() {
    let answer = vec!["A line of an answer that is far too long."; 3_000].join("\n");
    let talk = Talk::new(json!({ "mediaMaxMb": 0.05 }), [Step::text(answer)]).await;
    let _gateway = talk.gateway().await;
    talk.says("tell me everything");
    let said = talk.answers(20).await;
    assert_eq!(said[19].text, "The answer is too long for this chat, so its rest is left out.");
    assert!(talk.telegram.calls("sendDocument").is_empty());
}
