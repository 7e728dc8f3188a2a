//! How saying something fails, in words on which delivery can decide.

use std::time::Duration;

use chela_channels::render::Rendered;
use chela_channels::{OutboundPart, PartKey, RetryClass, SendErrorKind};

use super::platform::{Platform, Said, Trouble, WrongMarkup};
use super::world::{Running, part};

/// Longer than what a channel may wait out by itself.
const WAIT: Duration = Duration::from_secs(7);

pub(crate) async fn a_rate_limit_says_how_long<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.direct();
    running.platform.trouble(Trouble::RateLimited(WAIT));
    let error = running.channel().send(&part(&spot, "run", "hello")).await.expect_err("too fast");
    let RetryClass::After(after) = error.retry() else { panic!("{error:?}") };
    assert!((WAIT..WAIT + Duration::from_secs(2)).contains(&after), "{after:?}");
    assert!(running.platform.shown(&spot).is_empty());
}

pub(crate) async fn wrong_markup_is_shown_or_told_as_refused<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.direct();
    let markup = match running.platform.wrong_markup() {
        WrongMarkup::Refused(markup) => markup,
        WrongMarkup::Shown(markup) => {
            running.channel().send(&part(&spot, "run", markup)).await.expect("no markup is refused");
            let [shown] = running.platform.shown(&spot).try_into().expect("one message");
            let last = markup.rsplit(|sign: char| !sign.is_alphanumeric()).next().unwrap();
            assert!(!last.is_empty() && shown.text.contains(last), "{shown:?}");
            return;
        }
    };
    let content = Rendered { markup: markup.to_owned(), plain: "too large".to_owned() };
    let refused = OutboundPart { content: content.clone(), ..part(&spot, "run", "") };
    let error = running.channel().send(&refused).await.expect_err("the platform refuses it");
    assert_eq!(error.kind, SendErrorKind::Markup, "{error}");
    let plain = OutboundPart { content: Rendered { markup: String::new(), ..content }, ..refused };
    running.channel().send(&plain).await.expect("the plain text passes");
    assert_eq!(running.platform.shown(&spot).len(), 1);
}

pub(crate) async fn a_lost_answer_is_unknown_and_found_again<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let platform = &running.platform;
    for spot in [platform.direct(), platform.group(), platform.thread()] {
        let question = running.hear(&spot, &Said::text("a question")).await.message;
        let answer = part(&spot, &spot.chat, "an answer");
        running.platform.trouble(Trouble::LostAfter);
        let error = running.channel().send(&answer).await.expect_err("nobody told that it arrived");
        assert_eq!(error.kind, SendErrorKind::Unknown, "{error}");
        // Somebody else speaks in between.
        running.hear(&spot, &Said::text("hello?")).await;
        let found = running.channel().find(&answer, Some(&question), &[]).await.expect("the platform answers");
        let [shown] = running.platform.shown(&spot).try_into().expect("one message");
        assert_eq!(found.map(|found| found.message), Some(shown.message));
        assert_eq!(shown.text, "an answer", "looking changes nothing");
    }
    running.platform.assert_clean();
}

pub(crate) async fn what_was_never_sent_is_not_found<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.direct();
    let question = running.hear(&spot, &Said::text("a question")).await.message;
    let answer = part(&spot, "run", "an answer");
    running.platform.trouble(Trouble::LostBefore);
    let error = running.channel().send(&answer).await.expect_err("it was lost");
    assert!(matches!(error.kind, SendErrorKind::Unknown | SendErrorKind::Unreachable), "{error:?}");
    running.hear(&spot, &Said::text("an answer")).await;
    let found = running.channel().find(&answer, Some(&question), &[]).await.expect("the platform answers");
    assert_eq!(found, None, "what a person says is not ours");
    running.channel().send(&answer).await.expect("it is sent");
    assert_eq!(running.platform.shown(&spot).len(), 1);
    running.platform.assert_clean();
}

pub(crate) async fn another_part_with_the_same_words_is_not_taken_for_it<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.direct();
    let question = running.hear(&spot, &Said::text("a question")).await.message;
    let channel = running.channel();
    let first = part(&spot, "run", "ok");
    let second = OutboundPart { key: PartKey { run: "run".to_owned(), part: 1 }, ..first.clone() };
    let sent = channel.send(&first).await.expect("it is sent").message;
    let known = std::slice::from_ref(&sent);
    assert_eq!(channel.find(&second, Some(&question), known).await.expect("the platform answers"), None);
    running.platform.trouble(Trouble::LostAfter);
    channel.send(&second).await.expect_err("nobody told that it arrived");
    let found = channel.find(&second, Some(&question), known).await.expect("the platform answers");
    let [_, shown] = running.platform.shown(&spot).try_into().expect("two messages");
    assert_eq!(found.map(|found| found.message), Some(shown.message));
}

pub(crate) async fn a_closed_door_is_refused_for_good<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.direct();
    running.platform.trouble(Trouble::Blocked);
    let error = running.channel().send(&part(&spot, "run", "hello")).await.expect_err("the person wants none");
    assert_eq!(error.retry(), RetryClass::Never, "{error:?}");
    assert!(error.message.len() > 20, "a sentence for people: {error}");
}

pub(crate) async fn a_message_that_is_gone_is_told_as_gone<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.group();
    let channel = running.channel();
    let sent = channel.send(&part(&spot, "run", "hello")).await.expect("it is sent").message;
    channel.delete(&spot.chat, &sent).await.expect("it is removed");
    let error = channel.edit(&sent, &part(&spot, "run", "hello again")).await.expect_err("it is gone");
    assert_eq!(error.kind, SendErrorKind::Gone, "{error}");
    let error = channel.react(&spot.chat, &sent, Some("👍")).await.expect_err("it is gone");
    assert_eq!(error.kind, SendErrorKind::Gone, "{error}");
}

pub(crate) async fn an_unreachable_platform_is_no_refusal<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.direct();
    for (trouble, kinds) in [
        (Trouble::Unavailable, [SendErrorKind::Unreachable, SendErrorKind::Unknown]),
        (Trouble::Down, [SendErrorKind::Unreachable, SendErrorKind::Unknown]),
    ] {
        running.platform.trouble(trouble);
        let error = running.channel().send(&part(&spot, "run", "hello")).await.expect_err("the platform is ill");
        assert!(kinds.contains(&error.kind), "{trouble:?}: {error:?}");
        assert_eq!(error.retry(), RetryClass::BackOff, "{trouble:?}: {error:?}");
        running.platform.heal();
    }
    running.channel().probe().await.expect("it is well again");
}
