//! Which bots are answered, and how two that answer each other are stopped.

use super::*;

#[test]
fn which_bots_are_answered() {
    use BotRule::{Allow, Ignore, Mentions};
    let group = |us| InboundMessage { mention: Mention { us, others: false }, ..mentioning(STRANGER) };
    let table = [
        (Ignore, group(true), "ignore"),
        (Mentions, group(true), "answer"),
        (Mentions, group(false), "ignore"),
        (Allow, group(false), "answer"),
        (Ignore, direct(FRIEND), "ignore"),
        (Allow, direct(FRIEND), "answer"),
        (Allow, direct(STRANGER), "ignore"),
    ];
    for (bots, mut message, expected) in table {
        message.sender.is_bot = true;
        let rules = AccessRules {
            bots,
            allow_from: list(&[FRIEND]),
            places: Some(vec![Place { require_mention: Some(false), ..place("server") }]),
            ..AccessRules::default()
        };
        assert_eq!(ask(&rules, &message), expected, "{bots:?}, {message:?}");
    }
}

#[test]
fn two_bots_that_talk_to_each_other_are_stopped() {
    let rule = LoopProtection { enabled: true, max_events: 3, window_secs: 10, cooldown_secs: 60 };
    let mut guard = LoopGuard::default();
    let mut at = |secs: i64, bot: &str| guard.observe("chat", bot, rule, secs * 1000);
    assert_eq!([at(0, "a"), at(1, "a"), at(2, "a")], [LoopVerdict::Pass; 3]);
    assert_eq!(at(3, "a"), LoopVerdict::Tripped);
    assert_eq!(at(3, "b"), LoopVerdict::Pass, "another bot is counted for itself");
    assert_eq!(at(62, "a"), LoopVerdict::Cooling);
    assert_eq!(at(63, "a"), LoopVerdict::Pass, "the cool-down is over and the count begins anew");
    assert_eq!([at(73, "a"), at(83, "a"), at(93, "a"), at(103, "a")], [LoopVerdict::Pass; 4], "slow talk is no loop");
    let off = LoopProtection { enabled: false, max_events: 0, ..rule };
    assert_eq!(guard.observe("chat", "c", off, 0), LoopVerdict::Pass);
}

#[test]
fn the_loop_guard_forgets_the_longest_silent_first() {
    let rule = LoopProtection { max_events: 1, ..LoopProtection::default() };
    let mut guard = LoopGuard::default();
    for bot in 0..1024 {
        assert_eq!(guard.observe("chat", &bot.to_string(), rule, bot), LoopVerdict::Pass);
    }
    assert_eq!(guard.observe("chat", "one more", rule, 2000), LoopVerdict::Pass);
    assert_eq!(guard.observe("chat", "1", rule, 2001), LoopVerdict::Tripped, "bot 1 is still known");
    assert_eq!(guard.observe("chat", "0", rule, 2002), LoopVerdict::Pass, "bot 0 made room");
}
