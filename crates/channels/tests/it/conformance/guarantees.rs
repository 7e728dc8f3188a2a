//! The guarantees that a channel alone can show.

use std::time::Duration;

use chela_channels::{INBOUND_SILENCE_MAX, Patience, SendErrorKind};

use super::platform::{Platform, Said, Spot, Trouble};
use super::world::{Door, IMPATIENT, Running, part};

/// Notices nothing by itself while a test lasts.
const PATIENT: Patience = Patience { poll: Duration::from_secs(20), silence: Duration::from_secs(30), ..IMPATIENT };

pub(crate) async fn g07_nothing_is_acknowledged_before_it_was_accepted<P: Platform>(platform: P) {
    let mut running = Running::connect(platform).await;
    let (held, free) = (running.platform.direct(), running.platform.group());
    running.hear(&held, &Said::text("before")).await;
    running.inbox.set_door(Door::Closed { chat: held.chat.clone() });
    let one = running.platform.say(&held, &Said::text("one"));
    // What others say goes on meanwhile, each after the one before was acknowledged; it must not take the held one with it.
    for text in ["first", "second", "third"] {
        running.hear(&free, &Said::text(text)).await;
    }
    running.kill().await;
    let two = running.platform.say(&held, &Said::text("two"));
    running.inbox.set_door(Door::Open);
    running.restart().await;
    running.heard(&held, &one).await;
    running.heard(&held, &two).await;
    let texts = |spot: &Spot| -> Vec<String> {
        let here = running.inbox.messages().into_iter().filter(|message| message.chat == spot.chat);
        here.map(|message| message.text).collect()
    };
    assert_eq!(texts(&held), ["before", "one", "two"]);
    assert_eq!(texts(&free), ["first", "second", "third"]);
    running.platform.assert_clean();
}

pub(crate) async fn g09_an_event_ten_times_is_one_event<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.direct();
    running.hear(&spot, &Said::text("once")).await;
    // The platform gives again what was acknowledged, so something must follow that acknowledges it.
    running.hear(&spot, &Said::text("twice")).await;
    for _ in 0..10 {
        running.platform.redeliver();
    }
    running.hear(&spot, &Said::text("thrice")).await;
    let texts: Vec<String> = running.inbox.messages().into_iter().map(|message| message.text).collect();
    assert_eq!(texts, ["once", "twice", "thrice"]);
    let mut events: Vec<String> = running.inbox.messages().into_iter().map(|message| message.event).collect();
    events.sort();
    events.dedup();
    assert_eq!(events.len(), 3, "each message has an event of its own");
}

pub(crate) async fn g10_every_message_comes_once_over_reconnects<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.direct();
    let mut said = Vec::new();
    let mut say = |running: &Running<P>, spot: &Spot| {
        for _ in 0..3 {
            let text = format!("message {}", said.len());
            running.platform.say(spot, &Said::text(text.as_str()));
            said.push(text);
        }
    };
    say(&running, &spot);
    running.platform.trouble(Trouble::Cut);
    say(&running, &spot);
    running.platform.trouble(Trouble::Down);
    say(&running, &spot);
    running.platform.heal();
    say(&running, &spot);
    running.inbox.wait_for("all messages", |events| (events.len() >= 12).then_some(())).await;
    running.hear(&spot, &Said::text("last")).await;
    said.push("last".to_owned());
    let texts: Vec<String> = running.inbox.messages().into_iter().map(|message| message.text).collect();
    assert_eq!(texts, said);
    running.platform.assert_clean();
}

pub(crate) async fn g11_a_dead_inbound_side_is_made_again<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.direct();
    running.hear(&spot, &Said::text("before")).await;
    running.platform.trouble(Trouble::InboundSilent);
    let during = running.platform.say(&spot, &Said::text("during"));
    running.wait_for_status("that it is noticed", |status| status.reconnects > 0 || status.last_error.is_some()).await;
    running.platform.heal();
    running.heard(&spot, &during).await;
    running.hear(&spot, &Said::text("after")).await;
    let texts: Vec<String> = running.inbox.messages().into_iter().map(|message| message.text).collect();
    assert_eq!(texts, ["before", "during", "after"]);
    running
        .wait_for_status("health", |status| status.last_error.is_none() && status.is_healthy(super::world::now_ms()))
        .await;
}

pub(crate) async fn g11_a_send_proves_nothing_about_the_inbound_side<P: Platform>(platform: P) {
    let running = Running::connect_with(platform, PATIENT).await;
    let spot = running.platform.direct();
    running.hear(&spot, &Said::text("before")).await;
    running.platform.trouble(Trouble::InboundSilent);
    let channel = running.channel();
    // What was on its way when it fell silent comes in during the first call.
    channel.send(&part(&spot, "first run", "still there?")).await.expect("sending goes on");
    let before = running.status.read();
    for number in 0..3 {
        let sent = channel.send(&part(&spot, &format!("run {number}"), "still there?")).await;
        sent.expect("sending goes on");
    }
    channel.typing(&spot.chat).await.expect("so does typing");
    let after = running.status.read();
    assert_eq!(after.alive_at_ms, before.alive_at_ms);
    assert!(after.last_outbound_at_ms.is_some());
}

pub(crate) async fn g13_silence_is_never_healthy<P: Platform>(platform: P) {
    let running = Running::connect_with(platform, PATIENT).await;
    let spot = running.platform.direct();
    running.hear(&spot, &Said::text("before")).await;
    running.platform.trouble(Trouble::AllSilent);
    let silence = i64::try_from(INBOUND_SILENCE_MAX.as_millis()).unwrap();
    let status = running.status.read();
    let alive = status.alive_at_ms.expect("something came in");
    assert!(status.is_healthy(alive + silence), "nobody can know yet");
    let (channel, question) = (running.channel(), part(&spot, "run", "hello?"));
    let fail = async || {
        let call = tokio::time::timeout(Duration::from_secs(5), channel.send(&question));
        let error = call.await.expect("a call has its own limit").expect_err("nothing answers");
        assert_eq!(error.kind, SendErrorKind::Unknown, "{error}");
    };
    // What was on its way when all fell silent comes in during the first call.
    fail().await;
    let status = running.status.read();
    let alive = status.alive_at_ms.expect("it was alive");
    assert!(!status.is_healthy(alive + silence + 1));
    fail().await;
    assert_eq!(running.status.read().alive_at_ms, Some(alive), "a failing call proves nothing either");
}
