//! The binary with both chat platforms at once, and trouble on one of them.

use std::time::{Duration, Instant};

use chela_testkit::discord::{ConnectionPlan, DiscordFailure};
use chela_testkit::model::Step;
use chela_testkit::telegram::TelegramFailure;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::kills::chats::{answer, assert_answers, until_answered};
use crate::kills::house::{House, WIRES};
use crate::kills::platforms::{Discord, Place, Platform, Preview, Telegram};
use crate::support::{PATIENCE, RunningGateway};

/// Codes with which Discord closes connections, and after which a bot comes back.
const CLOSE_CODES: [u16; 13] = [1000, 1001, 1002, 1003, 1006, 4000, 4001, 4002, 4003, 4005, 4007, 4008, 4009];

/// A break of the connection has no code of its own on the wire.
const BROKEN: u16 = 1006;

/// From the start of the process until it hears both platforms; ten times what it takes on a busy machine.
const RESTART_MAX: Duration = Duration::from_secs(1);

/// One gateway on both platforms.
struct Both {
    telegram: Telegram,
    discord: Discord,
    house: House,
}

impl Both {
    async fn new() -> Self {
        let (telegram, discord) = (Telegram::start().await, Discord::start().await);
        let channels = json!({
            "telegram": telegram.account(Preview::Partial), "discord": discord.account(Preview::Partial),
        });
        let house = House::with_channels(WIRES[0], &channels, &[telegram.owner(), discord.owner()]).await;
        house.model.respond_with(answer);
        Self { telegram, discord, house }
    }

    async fn start(&self) -> RunningGateway {
        let gateway = self.house.start();
        self.discord.connected().await;
        gateway
    }

    fn assert_clean(&self) {
        self.telegram.assert_clean();
        self.discord.assert_clean();
        self.house.model.assert_clean();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g39_a_stop_in_mid_turn_loses_nothing_on_any_platform() {
    let both = Both::new().await;
    let Both { telegram, discord, house } = &both;
    let gateway = both.start().await;
    house.model.push(Step::Hang);
    house.model.push(Step::Hang);
    // Two turns that hang, and what waits behind one of them.
    telegram.say(Place::Group, "m1");
    discord.say(Place::Group, "m2");
    house.model.wait_for_requests(2).await;
    telegram.say(Place::Direct, "text3");
    discord.say(Place::Group, "text4");
    until_answered(telegram, &["text3"], &[], "before the stop").await;
    assert_eq!(gateway.stop(), Some(0));
    telegram.say(Place::Group, "text5");
    discord.say(Place::Group, "text6");

    let began = Instant::now();
    let gateway = both.start().await;
    let away = began.elapsed();
    assert!(away < RESTART_MAX, "on both platforms after {away:?} only");
    until_answered(telegram, &["text3"], &["m1", "text5"], "after it").await;
    until_answered(discord, &[], &["m2", "text4", "text6"], "after it").await;
    assert_eq!(gateway.stop(), Some(0));
    assert_answers(telegram, &["text3"], &["m1", "text5"], "in the end");
    assert_answers(discord, &[], &["m2", "text4", "text6"], "in the end");
    both.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn g14_a_platform_that_goes_mad_touches_no_other() {
    let both = Both::new().await;
    let Both { telegram, discord, house } = &both;
    let gateway = both.start().await;

    // Telegram's polls and calls fail, in all ways that there are, while a turn for its group runs.
    telegram.say(Place::Group, "m1");
    house.model.wait_for_requests(1).await;
    telegram.fake.fail_next("getUpdates", TelegramFailure::CutBefore);
    telegram.fake.fail_next(
        "getUpdates",
        TelegramFailure::Error {
            code: 400,
            description: "\u{fffd}{{{ not a word of this is true".to_owned(),
            retry_after: None,
        },
    );
    for method in ["sendMessage", "editMessageText", "sendChatAction"] {
        telegram.fake.fail_always(method, TelegramFailure::Page { status: 502 });
    }
    telegram.fake.fail_always("getUpdates", TelegramFailure::Page { status: 500 });
    discord.say(Place::Direct, "m2");
    until_answered(discord, &["m2"], &[], "while Telegram is mad").await;
    telegram.fake.heal();
    telegram.say(Place::Group, "text3");
    until_answered(telegram, &[], &["m1", "text3"], "once it is well again").await;

    // Discord closes, refuses, forgets and babbles, while a turn for its channel runs.
    let asked = house.model.requests().len();
    discord.say(Place::Group, "m4");
    house.model.wait_for_requests(asked + 1).await;
    for _ in 0..2 {
        discord.fake.fail_next("POST", "/channels/*/messages", DiscordFailure::unavailable());
    }
    discord.fake.plan_connections([ConnectionPlan::Refuse(503), ConnectionPlan::Close(4000), ConnectionPlan::Drop]);
    discord.fake.send_event("MESSAGE_CREATE", &json!({ "id": [7], "author": "nobody" }));
    discord.fake.send_event("GUILD_CREATE", &Value::Null);
    discord.fake.close_gateway(4000);
    telegram.say(Place::Direct, "m5");
    until_answered(telegram, &["m5"], &["m1", "text3"], "while Discord is mad").await;
    discord.say(Place::Group, "text6");
    until_answered(discord, &["m2"], &["m4", "text6"], "once it is well again").await;

    assert_answers(telegram, &["m5"], &["m1", "text3"], "in the end");
    assert_answers(discord, &["m2"], &["m4", "text6"], "in the end");
    house.model.assert_clean();
    assert_eq!(gateway.stop(), Some(0), "it is the same process all the while");
}

/// What is said around a close is answered once, and the bot is there again.
async fn comes_back_after(code: u16) {
    let at = format!("after {code}");
    let discord = Discord::start().await;
    let house =
        House::with_channels(WIRES[0], &json!({ "discord": discord.account(Preview::Off) }), &[discord.owner()]).await;
    house.model.respond_with(answer);
    let gateway = house.start();
    discord.connected().await;
    discord.say(Place::Direct, "text1");
    discord.say(Place::Group, "text2");
    until_answered(&discord, &["text1"], &["text2"], &at).await;
    match code {
        BROKEN => discord.fake.drop_gateway(),
        code => discord.fake.close_gateway(code),
    }
    discord.say(Place::Direct, "text3");
    discord.say(Place::Group, "text4");
    let is_back = |fake: &chela_testkit::FakeDiscord| fake.gateway_stats().connections > 1 && fake.live_sessions() > 0;
    discord.fake.wait_until(&format!("the bot {at}"), is_back).await;
    discord.say(Place::Direct, "text5");
    let (direct, group) = (["text1", "text3", "text5"], ["text2", "text4"]);
    until_answered(&discord, &direct, &group, &at).await;
    assert_answers(&discord, &direct, &group, &at);
    discord.assert_clean();
    assert_eq!(gateway.stop(), Some(0), "{at}");
}

#[tokio::test(flavor = "multi_thread")]
async fn g10_it_is_back_after_every_close_code() {
    let is_full = std::env::var_os("CHELA_KILLS").is_some();
    let codes = CLOSE_CODES.into_iter().filter(|code| is_full || matches!(code, 1000 | 1006 | 4000 | 4009));
    join_all(codes.map(comes_back_after)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g21_a_token_of_a_platform_stands_nowhere_but_in_the_configuration() {
    let both = Both::new().await;
    let Both { telegram, discord, house } = &both;
    let mut config: Value = serde_json::from_str(&house.home.read_config()).unwrap();
    config["logging"] = json!({ "level": "trace", "consoleLevel": "trace" });
    // One token comes from the environment, the other stands in the file.
    config["channels"]["telegram"].as_object_mut().unwrap().remove("botToken");
    house.home.write_config(&config.to_string());
    let tokens = [telegram.fake.token(), discord.fake.token()];
    let gateway = house.start_with(&[("TELEGRAM_BOT_TOKEN", &tokens[0])]);
    discord.connected().await;
    for place in [Place::Direct, Place::Group] {
        telegram.say(place, "text1");
        discord.say(place, "text1");
    }
    until_answered(telegram, &["text1"], &["text1"], "at first").await;
    until_answered(discord, &["text1"], &["text1"], "at first").await;

    // Every kind of failure has words of its own; the address of a call to Telegram holds the token.
    telegram.fake.fail_next("sendMessage", TelegramFailure::CutBefore);
    telegram.fake.fail_next("sendMessage", TelegramFailure::Page { status: 500 });
    telegram.say(Place::Direct, "text2");
    telegram.fake.wait_for("the calls that fail", |fake| (fake.calls("sendMessage").len() > 3).then_some(())).await;
    telegram.fake.go_down();
    discord.fake.go_down();
    house.home.run(&["doctor"]);
    let polls = telegram.fake.polls().started;
    telegram.fake.heal();
    discord.fake.heal();
    telegram.fake.wait_for("the next poll", |fake| (fake.polls().started > polls).then_some(())).await;
    telegram.fake.revoke_token();
    discord.fake.revoke_token();
    discord.fake.wait_until("the end of Discord", |fake| fake.live_sessions() == 0).await;

    let command_line = std::fs::read(format!("/proc/{}/cmdline", gateway.pid())).unwrap();
    let mut places = vec![("its arguments".to_owned(), command_line)];
    for args in
        [&["status", "--json"][..], &["health", "--json"], &["logs"], &["doctor"], &["config", "get", "channels"]]
    {
        let ran = crate::support::finish(asking(house, &gateway, args), "");
        places.push((args.join(" "), [ran.stdout, ran.stderr].concat().into_bytes()));
    }
    places.push(("its console".to_owned(), gateway.console().into_bytes()));
    assert_eq!(gateway.stop(), Some(0));
    for file in files(&house.home.state_dir()) {
        if file != house.home.config() {
            places.push((file.display().to_string(), std::fs::read(&file).unwrap()));
        }
    }
    assert!(places.iter().any(|(place, text)| place.contains("/logs/") && !text.is_empty()), "there is a log");
    let console = gateway_said(&places);
    assert!(console.contains("telegram") && console.contains("discord"), "both had something to say: {console}");
    for (place, text) in &places {
        let text = String::from_utf8_lossy(text);
        for token in &tokens {
            let secret = token.rsplit([':', '.']).next().unwrap();
            assert!(!text.contains(secret), "{secret} stands in {place}: {}", line_with(&text, secret));
        }
    }
}

/// The dead letters, once there are so many, oldest first.
fn letters(house: &House, gateway: &RunningGateway, count: usize) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let listed = documented(house, gateway, &["channels", "dead-letters", "--json"]);
        let letters = listed["letters"].as_array().unwrap();
        if letters.len() == count {
            return letters.iter().rev().cloned().collect();
        }
        assert!(began.elapsed() < PATIENCE, "{count} letters were to come: {listed}");
    }
}

/// What a command that succeeds prints.
fn told(house: &House, gateway: &RunningGateway, args: &[&str]) -> String {
    crate::support::finish(asking(house, gateway, args), "").ok()
}

fn documented(house: &House, gateway: &RunningGateway, args: &[&str]) -> Value {
    serde_json::from_str(&told(house, gateway, args)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn g08_dead_letters_are_listed_sent_again_and_discarded_by_hand() {
    let telegram = Telegram::start().await;
    let house =
        House::with_channels(WIRES[0], &json!({ "telegram": telegram.account(Preview::Off) }), &[telegram.owner()])
            .await;
    house.model.respond_with(answer);
    let gateway = house.start();
    let none = crate::support::finish(asking(&house, &gateway, &["channels", "dead-letters"]), "");
    assert!(none.stdout.is_empty() && none.stderr.contains("every reply was delivered"), "{none:?}");

    let description = "Forbidden: bot was blocked by the user".to_owned();
    let blocked = TelegramFailure::Error { code: 403, description, retry_after: None };
    telegram.fake.fail_always("sendMessage", blocked);
    for count in 1..=4 {
        telegram.say(Place::Direct, &format!("text{count}"));
        letters(&house, &gateway, count);
    }
    let dead = letters(&house, &gateway, 4);
    let ids: Vec<String> = dead.iter().map(|letter| letter["id"].to_string()).collect();
    for (letter, count) in dead.iter().zip(1..) {
        assert_eq!(letter["text"], format!("This is the whole of the answer to text{count}, which is short."));
        assert_eq!(
            (&letter["channel"], &letter["attempts"], &letter["partsSent"]),
            (&json!("telegram"), &json!(1), &json!(0))
        );
        assert!(letter["error"].as_str().unwrap().contains("blocked by the user"), "{letter}");
    }
    let table = told(&house, &gateway, &["channels", "dead-letters", "list", "--limit", "2"]);
    assert!(table.contains("answer to text4") && table.contains("answer to text3"), "{table}");
    assert!(!table.contains("answer to text2"), "the newest ones: {table}");

    let retried = told(&house, &gateway, &["channels", "dead-letters", "retry", &ids[0]]);
    assert_eq!(retried, format!("tried again: {}\n", ids[0]));
    let again = until(|| letters(&house, &gateway, 4).into_iter().find(|letter| letter["attempts"] != 1));
    assert_eq!(again["id"].to_string(), ids[0], "it is refused again, and stands in the list again: {again}");
    assert_eq!(telegram.answers(Place::Direct), [""; 0]);

    telegram.fake.heal();
    let retried = documented(&house, &gateway, &["channels", "dead-letters", "retry", &ids[1], "--json"]);
    assert_eq!(retried, json!({ "ids": [dead[1]["id"]] }));
    until_answered(&telegram, &["text2"], &[], "after the retry").await;
    let discarded = told(&house, &gateway, &["channels", "dead-letters", "discard", &ids[0]]);
    assert_eq!(discarded, format!("discarded: {}\n", ids[0]));
    let left: Vec<Value> = letters(&house, &gateway, 2).iter().map(|letter| letter["id"].clone()).collect();
    assert_eq!(left, [dead[2]["id"].clone(), dead[3]["id"].clone()]);
    for gone in [&ids[0], &ids[1]] {
        for verb in ["retry", "discard"] {
            let failed =
                crate::support::finish(asking(&house, &gateway, &["channels", "dead-letters", verb, gone]), "");
            assert!(
                failed.code != 0 && failed.stderr.contains(&format!("no dead letter has the number {gone}")),
                "{failed:?}"
            );
        }
    }
    let all = documented(&house, &gateway, &["channels", "dead-letters", "retry", "--all", "--json"]);
    assert_eq!(all, json!({ "ids": left }));
    until_answered(&telegram, &["text2", "text3", "text4"], &[], "after all of them").await;
    let all = documented(&house, &gateway, &["channels", "dead-letters", "discard", "--all", "--json"]);
    assert_eq!(all, json!({ "ids": [] }));
    assert_eq!(documented(&house, &gateway, &["channels", "dead-letters", "--json"]), json!({ "letters": [] }));
    assert_eq!(gateway.stop(), Some(0));
    assert_answers(&telegram, &["text2", "text3", "text4"], &[], "in the end");
    assert_eq!(house.model.requests().len(), 4, "no answer was made anew");
}

/// Asks until there is an answer.
fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "it does not come");
    }
}

/// A command that asks this gateway.
fn asking(house: &House, gateway: &RunningGateway, args: &[&str]) -> std::process::Command {
    let mut command = house.home.command(args);
    let port = gateway.url.rsplit(':').next().unwrap();
    command.env("CHELA_GATEWAY_PORT", port).env("CHELA_GATEWAY_TOKEN", crate::kills::house::TOKEN);
    command
}

fn gateway_said(places: &[(String, Vec<u8>)]) -> String {
    let console = places.iter().find(|(place, _)| place == "its console");
    console.map(|(_, text)| String::from_utf8_lossy(text).into_owned()).unwrap_or_default()
}

fn files(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn line_with<'a>(text: &'a str, secret: &str) -> &'a str {
    text.lines().find(|line| line.contains(secret)).unwrap_or_default()
}
