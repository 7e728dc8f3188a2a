//! What Discord alone has: sessions and their ends, intents, interactions, and how far was read.

use std::time::Duration;

use chela_channels::{ChannelFailure, ConnectionState, FailureKind, InboundMessage, MessageId, OutboundPart};
use chela_testkit::discord::{ConnectionPlan, DiscordFailure};

use crate::conformance::platform::{Platform as _, Said, Spot};
use crate::conformance::world::{Door, IMPATIENT, Running, eventually, part};
use crate::fake_discord::DiscordPlatform;

async fn connected() -> Running<DiscordPlatform> {
    Running::connect(DiscordPlatform::start().await).await
}

fn texts(running: &Running<DiscordPlatform>, spot: &Spot) -> Vec<String> {
    let messages = running.inbox.messages().into_iter().filter(|message| message.chat == spot.chat);
    messages.map(|message| message.text).collect()
}

/// What choosing this command brought in.
async fn chosen(running: &Running<DiscordPlatform>, spot: &Spot, command: &str) -> InboundMessage {
    eventually("the menu", || running.platform.menu().contains(&command.to_owned()).then_some(())).await;
    running.platform.choose(spot, command);
    let text = format!("/{command}");
    let said = |message: &InboundMessage| message.text == text;
    eventually("the command", || running.inbox.messages().into_iter().find(said)).await
}

#[tokio::test]
async fn g10_a_session_is_resumed_three_times_and_then_begun_anew() {
    let running = connected().await;
    let fake = running.platform.fake();
    let spot = running.platform.direct();
    running.hear(&spot, &Said::text("before")).await;
    fake.plan_connections(
        [4000, 1006, 4009].map(|code| if code == 1006 { ConnectionPlan::Drop } else { ConnectionPlan::Close(code) }),
    );
    fake.forget_sessions();
    fake.drop_gateway();
    fake.wait_until("a new session", |fake| fake.gateway_stats().identifies == 2).await;
    running.hear(&spot, &Said::text("after")).await;
    let stats = fake.gateway_stats();
    assert_eq!((stats.resumed, stats.identifies), (0, 2), "{stats:?}");
    assert_eq!(stats.connections, 5, "{stats:?}");
    fake.assert_clean();
}

#[tokio::test]
async fn g10_what_was_said_while_no_session_stood_is_fetched() {
    let running = connected().await;
    let fake = running.platform.fake();
    let places = [running.platform.direct(), running.platform.group(), running.platform.thread()];
    for spot in &places {
        running.hear(spot, &Said::text("before")).await;
    }
    fake.go_down();
    fake.forget_sessions();
    let missed: Vec<MessageId> = places.iter().map(|spot| running.platform.say(spot, &Said::text("missed"))).collect();
    fake.heal();
    for (spot, id) in places.iter().zip(&missed) {
        let message = running.heard(spot, id).await;
        assert_eq!((&message.chat_id, &message.thread), (&spot.chat_id, &spot.thread));
        running.hear(spot, &Said::text("after")).await;
        assert_eq!(texts(&running, spot), ["before", "missed", "after"]);
    }
    fake.assert_clean();
}

/// Says something in the group, and more while the bot is away. Its first looks at the chat, when it is back, meet these failures.
async fn away(running: &Running<DiscordPlatform>, missed: usize, failures: &[DiscordFailure]) -> (Spot, Vec<String>) {
    let fake = running.platform.fake();
    let spot = running.platform.group();
    running.hear(&spot, &Said::text("before")).await;
    fake.go_down();
    fake.forget_sessions();
    let missed: Vec<String> = (0..missed).map(|number| format!("missed {number}")).collect();
    for text in &missed {
        running.platform.say(&spot, &Said::text(text.as_str()));
    }
    fake.heal();
    for failure in failures {
        fake.fail_next("GET", "/channels/*/messages", failure.clone());
    }
    (spot, missed)
}

/// Hears something new, and has then heard everything in its order.
async fn nothing_is_left_out(running: &Running<DiscordPlatform>, spot: &Spot, missed: Vec<String>) {
    let fake = running.platform.fake();
    fake.wait_until("a new session", |fake| fake.gateway_stats().identifies == 2).await;
    running.hear(spot, &Said::text("after")).await;
    let expected: Vec<String> = ["before".to_owned()].into_iter().chain(missed).chain(["after".to_owned()]).collect();
    assert_eq!(texts(running, spot), expected);
    assert_eq!(fake.failures_left(), 0);
    fake.assert_clean();
}

#[tokio::test]
async fn g10_more_was_said_than_one_look_brings_and_the_rest_is_fetched_as_well() {
    let running = connected().await;
    let (spot, missed) = away(&running, 420, &[]).await;
    nothing_is_left_out(&running, &spot, missed).await;
}

#[tokio::test]
async fn g10_a_look_that_fails_is_made_again_before_anything_newer_is_given() {
    let running = connected().await;
    let (spot, missed) = away(&running, 3, &vec![DiscordFailure::unavailable(); 9]).await;
    nothing_is_left_out(&running, &spot, missed).await;
}

#[tokio::test]
async fn a_command_does_not_wait_for_a_pause_that_discord_wants_before_it_tells_what_was_missed() {
    let running = connected().await;
    eventually("the menu", || running.platform.menu().contains(&"status".to_owned()).then_some(())).await;
    let hour = DiscordFailure::RateLimited { after: Duration::from_hours(1), global: false };
    let (spot, _) = away(&running, 1, &[hour]).await;
    let fake = running.platform.fake();
    fake.wait_until("the refused look", |fake| fake.failures_left() == 0).await;
    chosen(&running, &spot, "status").await;
    assert_eq!(texts(&running, &spot), ["before", "/status"]);
    fake.assert_clean();
}

#[tokio::test]
async fn without_the_text_of_messages_it_goes_on_with_a_warning() {
    let platform = DiscordPlatform::start().await;
    platform.fake().allow_message_content(false);
    let running = Running::connect(platform).await;
    let status = running.status.read();
    assert!(status.warnings.iter().any(|warning| warning.contains("Message Content Intent")), "{:?}", status.warnings);
    let spot = running.platform.direct();
    assert_eq!(running.hear(&spot, &Said::text("hello")).await.text, "hello");
    running.platform.fake().assert_clean();
}

#[tokio::test]
async fn settings_that_no_retry_mends_end_it_with_what_to_do() {
    for (code, words) in [(4013, "close code 4013"), (4011, "too many servers")] {
        let platform = DiscordPlatform::start().await;
        platform.fake().plan_connections([ConnectionPlan::Close(code)]);
        let mut running = Running::open(platform, IMPATIENT);
        let ChannelFailure { kind, message } = running.end().await.expect_err("it can't work");
        assert_eq!(kind, FailureKind::Setup);
        assert!(message.contains(words), "{message}");
        assert_eq!(running.status.read().state, ConnectionState::Failed);
    }
}

#[tokio::test]
async fn a_command_is_answered_where_it_was_given_and_later_in_the_chat() {
    let running = connected().await;
    let fake = running.platform.fake();
    let spot = running.platform.group();
    let command = chosen(&running, &spot, "status").await;
    assert!(command.via.is_some());
    let answer = |run: &str, text: &str| OutboundPart { via: command.via.clone(), ..part(&spot, run, text) };
    let first = answer("run", "all is well");
    let sent = running.channel().send(&first).await.expect("it answers");
    assert!(running.platform.shown(&spot).is_empty(), "one person sees it only");
    assert_eq!(running.channel().find(&first, None, &[]).await.expect("it can be looked for"), Some(sent.clone()));
    running.channel().edit(&sent.message, &answer("run", "all is very well")).await.expect("it changes");
    fake.expire_interactions();
    running.channel().send(&answer("later", "it took long")).await.expect("it goes to the chat");
    let shown: Vec<String> = running.platform.shown(&spot).into_iter().map(|shown| shown.text).collect();
    assert_eq!(shown, ["it took long"]);
    fake.assert_clean();
}

#[tokio::test]
async fn a_process_that_resumes_knows_the_names_of_places() {
    let mut running = connected().await;
    let spot = running.platform.thread();
    running.hear(&spot, &Said::text("before")).await;
    running.kill().await;
    running.restart().await;
    let message = running.hear(&spot, &Said::text("after")).await;
    let named: Vec<bool> = message.places.iter().map(|place| !place.names.is_empty()).collect();
    assert_eq!(named, [true, true, true], "{:?}", message.places);
    assert_eq!(running.platform.fake().gateway_stats().identifies, 1, "the session was resumed");
    running.platform.fake().assert_clean();
}

#[tokio::test]
async fn a_command_behind_more_messages_than_may_wait_is_not_lost() {
    let running = connected().await;
    let spot = running.platform.group();
    eventually("the menu", || running.platform.menu().contains(&"status".to_owned()).then_some(())).await;
    running.hear(&spot, &Said::text("first")).await;
    running.inbox.set_door(Door::Closed { chat: spot.chat.clone() });
    let said: Vec<String> = (0..80).map(|number| format!("message {number}")).collect();
    for text in &said {
        running.platform.say(&spot, &Said::text(text.as_str()));
    }
    running.platform.choose(&spot, "status");
    eventually("its first answer", || (running.platform.open_presses() == 0).then_some(())).await;
    running.inbox.set_door(Door::Open);
    running.inbox.wait_for("all of it", |events| (events.len() == 1 + said.len() + 1).then_some(())).await;
    let (commands, messages): (Vec<String>, Vec<String>) =
        texts(&running, &spot).into_iter().skip(1).partition(|text| text.starts_with('/'));
    assert_eq!((commands, messages), (vec!["/status".to_owned()], said));
    running.platform.fake().assert_clean();
}
