//! What must hold for every rule and every message.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn a_stranger_is_never_answered_directly(dm in any_closed_dm(), friends in entries(), message in any_message()) {
        let rules = AccessRules { dm, allow_from: AllowList(friends), ..AccessRules::default() };
        let message = InboundMessage { chat_kind: ChatKind::Direct, ..message };
        let verdict = decide(&rules, facts(&AllowList::default()), &message);
        prop_assert!(!matches!(verdict, Verdict::Answer(_)), "{verdict:?}");
        prop_assert!(dm == DmPolicy::Pairing || verdict != Verdict::Pair);
    }

    #[test]
    fn a_stranger_is_never_answered_in_a_group_with_a_list(friends in entries(), message in any_message(), listed: bool) {
        let own = Place { users: Some(AllowList(friends.clone())), ..place("*") };
        let rules = AccessRules {
            // The list stands at the place or at the account; one entry, so that it is a list.
            group_allow_from: AllowList([friends, strings(&[FRIEND])].concat()),
            places: listed.then(|| vec![own]),
            ..AccessRules::default()
        };
        let message = InboundMessage { chat_kind: ChatKind::Group, ..message };
        let verdict = decide(&rules, facts(&AllowList::default()), &message);
        prop_assert!(!matches!(verdict, Verdict::Answer(_) | Verdict::Pair), "{verdict:?}");
    }

    #[test]
    fn what_is_disabled_never_answers(message in any_message(), owner: bool) {
        let places = Some(vec![place("*")]);
        let everybody = list(&["*"]);
        let rules = AccessRules {
            dm: DmPolicy::Disabled,
            groups: GroupPolicy::Disabled,
            allow_from: everybody.clone(),
            group_allow_from: everybody,
            places,
            bots: BotRule::Allow,
            ..AccessRules::default()
        };
        let owners = list(if owner { &[STRANGER] } else { &[] });
        prop_assert!(matches!(decide(&rules, facts(&owners), &message), Verdict::Ignore(_)));
    }
}

fn any_closed_dm() -> impl Strategy<Value = DmPolicy> {
    prop_oneof![Just(DmPolicy::Pairing), Just(DmPolicy::Allowlist), Just(DmPolicy::Open), Just(DmPolicy::Disabled)]
}

/// Entries of lists that name other people or nobody.
fn entries() -> impl Strategy<Value = Vec<String>> {
    let entry = prop_oneof![
        "[0-8]{1,3}",
        "@[a-z]{1,3}",
        "(tg|user|discord|telegram):[0-8*]?",
        "[*]{2,3}",
        Just(String::new()),
        Just("9*".to_owned()),
        Just("@".to_owned()),
        Just("accessGroup:nobody".to_owned()),
        Just("accessGroup:family".to_owned()),
    ];
    proptest::collection::vec(entry, 0..5)
}

/// A message of the stranger, wherever and however it is said.
fn any_message() -> impl Strategy<Value = InboundMessage> {
    let kind = prop_oneof![Just(ChatKind::Direct), Just(ChatKind::Group), Just(ChatKind::Channel)];
    let steps = proptest::collection::vec(prop_oneof![Just("server"), Just("channel"), Just("*"), Just("")], 0..3);
    (kind, steps, any::<[bool; 4]>()).prop_map(|(chat_kind, steps, [us, others, is_native_command, is_bot])| {
        let mut message = InboundMessage {
            chat_kind,
            mention: Mention { us, others },
            is_native_command,
            places: steps.into_iter().map(step).collect(),
            ..mentioning(STRANGER)
        };
        message.sender.is_bot = is_bot;
        message.sender.username = Some("stranger".to_owned());
        message
    })
}
