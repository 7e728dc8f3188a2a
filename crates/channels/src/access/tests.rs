//! The rules as people know them, one table per question; and what must hold for every rule and every message.

use proptest::prelude::*;

use super::*;
use crate::inbound::{ChatKind, InboundMessage, Mention, PlaceName, Quoted, Sender};

const OWNER: &str = "1";
const FRIEND: &str = "2";
const PAIRED: &str = "3";
const STRANGER: &str = "9";

#[test]
fn who_may_write_directly() {
    use DmPolicy::{Allowlist, Disabled, Open, Pairing};
    let friend = || list(&[FRIEND]);
    let table = [
        // policy, allowFrom, sender, what happens
        (Pairing, list(&[]), STRANGER, "pair"),
        (Pairing, list(&[]), PAIRED, "answer"),
        (Pairing, list(&[]), OWNER, "answer owner"),
        (Pairing, friend(), FRIEND, "answer"),
        (Pairing, friend(), STRANGER, "pair"),
        (Pairing, list(&["*"]), STRANGER, "answer"),
        (Pairing, list(&[]), "", "ignore"),
        (Allowlist, friend(), FRIEND, "answer"),
        (Allowlist, friend(), OWNER, "answer owner"),
        (Allowlist, friend(), PAIRED, "ignore"),
        (Allowlist, friend(), STRANGER, "ignore"),
        (Open, list(&["*"]), STRANGER, "answer"),
        (Open, friend(), FRIEND, "answer"),
        (Open, friend(), STRANGER, "ignore"),
        (Open, list(&[]), STRANGER, "ignore"),
        (Disabled, list(&["*"]), OWNER, "ignore"),
    ];
    for (dm, allow_from, sender, expected) in table {
        let rules = AccessRules { dm, allow_from: allow_from.clone(), ..AccessRules::default() };
        assert_eq!(ask(&rules, &direct(sender)), expected, "{dm:?}, {allow_from:?}, {sender}");
    }
}

#[test]
fn how_a_list_names_a_person() {
    let table = [
        // entry, whether it is Ada with the id 2 on Telegram
        ("2", true),
        (" 2 ", true),
        ("*", true),
        ("@ada", true),
        ("@ADA", true),
        ("telegram:2", true),
        ("tg:2", true),
        ("TG:2", true),
        ("user:2", true),
        ("telegram:user:2", true),
        ("tg:@ada", true),
        ("accessGroup:family", true),
        ("accessGroup:nobody", false),
        ("accessGroup:", false),
        ("accessGroup:nested", false),
        ("ada", false),
        ("Ada Lovelace", false),
        ("discord:2", false),
        ("2*", false),
        ("**", false),
        ("tg:*", false),
        ("tg:", false),
        ("user:", false),
        ("@", false),
        ("", false),
        (" ", false),
        ("22", false),
    ];
    for (entry, expected) in table {
        let sender = Sender {
            id: "2".to_owned(),
            name: "Ada Lovelace".to_owned(),
            username: Some("Ada".to_owned()),
            ..Sender::default()
        };
        assert_eq!(list(&[entry]).names(&sender, facts(&AllowList::default())), expected, "`{entry}`");
    }
    let nobody = Sender::default();
    for entry in ["", "@", "user:", "accessGroup:"] {
        assert!(!list(&[entry]).names(&nobody, facts(&AllowList::default())), "`{entry}` names a sender without an id");
    }
}

#[test]
fn nobody_is_an_owner_by_a_wildcard() {
    let everybody = list(&["*"]);
    let rules = AccessRules { allow_from: list(&["*"]), ..AccessRules::default() };
    let verdict = decide(&rules, facts(&everybody), &direct(STRANGER));
    assert_eq!(verdict, Verdict::Answer(Granted { was_mentioned: true, ..Granted::default() }));
}

#[test]
fn which_groups_are_open() {
    use GroupPolicy::{Allowlist, Disabled, Open};
    let here = || Some(vec![place("server")]);
    let elsewhere = || Some(vec![place("another")]);
    let off = || Some(vec![Place { allowed: Some(false), ..place("server") }]);
    let table = [
        // policy, places, groupAllowFrom, sender, what happens
        (Allowlist, None, &[][..], FRIEND, "ignore"),
        (Allowlist, None, &[], OWNER, "ignore"),
        (Allowlist, None, &[], PAIRED, "ignore"),
        (Allowlist, None, &[FRIEND], FRIEND, "answer"),
        (Allowlist, None, &[FRIEND], STRANGER, "overheard"),
        (Allowlist, None, &[FRIEND], PAIRED, "overheard"),
        (Allowlist, None, &[""], STRANGER, "overheard"),
        (Allowlist, here(), &[], STRANGER, "answer"),
        (Allowlist, here(), &[FRIEND], FRIEND, "answer"),
        (Allowlist, here(), &[FRIEND], OWNER, "answer owner"),
        (Allowlist, here(), &[FRIEND], STRANGER, "overheard"),
        (Allowlist, elsewhere(), &[FRIEND], FRIEND, "ignore"),
        (Allowlist, elsewhere(), &[FRIEND], OWNER, "ignore"),
        (Allowlist, Some(vec![place("*")]), &[], STRANGER, "answer"),
        (Allowlist, Some(vec![place("")]), &[], STRANGER, "ignore"),
        (Allowlist, Some(Vec::new()), &["*"], STRANGER, "ignore"),
        (Allowlist, off(), &["*"], OWNER, "ignore"),
        (Open, None, &[], STRANGER, "answer"),
        (Open, None, &[FRIEND], STRANGER, "answer"),
        (Open, elsewhere(), &[], STRANGER, "answer"),
        (Open, off(), &[], STRANGER, "ignore"),
        (Disabled, here(), &["*"], OWNER, "ignore"),
    ];
    for (groups, places, senders, sender, expected) in table {
        let said = format!("{groups:?}, {places:?}, {senders:?}, {sender}");
        let rules = AccessRules { groups, places, group_allow_from: list(senders), ..AccessRules::default() };
        assert_eq!(ask(&rules, &mentioning(sender)), expected, "{said}");
    }
}

#[test]
fn who_may_speak_at_a_place() {
    let users = |ids: &[&str]| Some(list(ids));
    let holders = |ids: &[&str]| Some(strings(ids));
    let table = [
        // the server's users and roles, the channel's, the sender and the roles held, what happens
        ((None, None), (None, None), STRANGER, &[][..], "answer"),
        ((users(&[FRIEND]), None), (None, None), FRIEND, &[], "answer"),
        ((users(&[FRIEND]), None), (None, None), OWNER, &[], "answer owner"),
        ((users(&[FRIEND]), None), (None, None), STRANGER, &[], "overheard"),
        ((None, holders(&["mods"])), (None, None), STRANGER, &["mods"], "answer"),
        ((None, holders(&["mods"])), (None, None), FRIEND, &["crew"], "overheard"),
        ((users(&[FRIEND]), holders(&["mods"])), (None, None), FRIEND, &[], "answer"),
        ((users(&[FRIEND]), holders(&["mods"])), (None, None), STRANGER, &["mods"], "answer"),
        ((users(&[]), None), (None, None), STRANGER, &[], "overheard"),
        ((users(&[STRANGER]), None), (users(&[FRIEND]), None), FRIEND, &[], "answer"),
        ((users(&[STRANGER]), None), (users(&[FRIEND]), None), STRANGER, &[], "overheard"),
        ((users(&[FRIEND]), None), (None, holders(&["mods"])), FRIEND, &[], "answer"),
        ((None, holders(&[""])), (None, None), STRANGER, &[""], "overheard"),
    ];
    for (outer, inner, sender, held, expected) in table {
        let said = format!("{outer:?}, {inner:?}, {sender}, {held:?}");
        let channel = Place { users: inner.0, roles: inner.1, ..place("channel") };
        let server = Place { users: outer.0, roles: outer.1, places: Some(vec![channel]), ..place("server") };
        let rules = AccessRules { places: Some(vec![server]), ..AccessRules::default() };
        let mut message = mentioning(sender);
        message.sender.roles = strings(held);
        assert_eq!(ask(&rules, &message), expected, "{said}");
    }
}

#[test]
fn inner_places_are_a_list_once_they_are_named() {
    let table = [
        // what the server lists, the steps of the message's place, what happens
        (None, &["server", "channel"][..], "answer"),
        (Some(vec![place("channel")]), &["server", "channel"], "answer"),
        (Some(vec![place("#Channel name")]), &["server", "channel"], "answer"),
        (Some(vec![place("channel")]), &["server", "channel", "thread"], "answer"),
        (Some(vec![place("thread")]), &["server", "channel", "thread"], "answer"),
        (Some(vec![place("thread name")]), &["server", "channel", "thread"], "ignore"),
        (Some(vec![place("other")]), &["server", "channel"], "ignore"),
        (Some(vec![place("other"), place("*")]), &["server", "channel"], "answer"),
        (Some(vec![Place { allowed: Some(false), ..place("channel") }, place("*")]), &["server", "channel"], "ignore"),
        (Some(vec![place("")]), &["server", "channel"], "ignore"),
        (Some(Vec::new()), &["server", "channel"], "ignore"),
    ];
    for (places, steps, expected) in table {
        for groups in [GroupPolicy::Allowlist, GroupPolicy::Open] {
            let said = format!("{groups:?}, {places:?}, {steps:?}");
            let server = Place { places: places.clone(), ..place("server") };
            let rules = AccessRules { groups, places: Some(vec![server]), ..AccessRules::default() };
            let mut message = mentioning(STRANGER);
            message.places = steps.iter().map(|id| step(id)).collect();
            assert_eq!(ask(&rules, &message), expected, "{said}");
        }
    }
}

#[test]
fn a_closed_place_closes_what_is_in_it() {
    let channel = Place { allowed: Some(true), policy: Some(GroupPolicy::Open), ..place("channel") };
    let server = Place { allowed: Some(false), places: Some(vec![channel]), ..place("server") };
    let rules = AccessRules { places: Some(vec![server]), ..AccessRules::default() };
    assert_eq!(ask(&rules, &mentioning(OWNER)), "ignore");
}

#[test]
fn a_place_has_its_own_policy() {
    let with = |groups, policy| AccessRules {
        groups,
        group_allow_from: list(&[FRIEND]),
        places: Some(vec![Place { policy: Some(policy), ..place("server") }]),
        ..AccessRules::default()
    };
    let table = [
        (with(GroupPolicy::Allowlist, GroupPolicy::Open), STRANGER, "answer"),
        (with(GroupPolicy::Open, GroupPolicy::Allowlist), STRANGER, "overheard"),
        (with(GroupPolicy::Open, GroupPolicy::Allowlist), FRIEND, "answer"),
        (with(GroupPolicy::Open, GroupPolicy::Disabled), FRIEND, "ignore"),
    ];
    for (rules, sender, expected) in table {
        assert_eq!(ask(&rules, &mentioning(sender)), expected, "{rules:?}, {sender}");
    }
}

#[test]
fn the_innermost_step_says_what_an_answer_is_given_with() {
    let channel = Place { system_prompt: Some("Be brief.".to_owned()), ..place("channel") };
    let server = Place {
        system_prompt: Some("Be kind.".to_owned()),
        skills: Some(strings(&["weather"])),
        agent: Some("work".to_owned()),
        places: Some(vec![channel]),
        ..place("server")
    };
    let rules = AccessRules { places: Some(vec![server]), ..AccessRules::default() };
    let granted = Granted {
        was_mentioned: true,
        skills: Some(strings(&["weather"])),
        system_prompt: Some("Be brief.".to_owned()),
        agent: Some("work".to_owned()),
        ..Granted::default()
    };
    assert_eq!(decide(&rules, facts(&AllowList::default()), &mentioning(STRANGER)), Verdict::Answer(granted));
}

#[test]
fn which_messages_of_a_group_are_meant_for_us() {
    let plain = Mention::default();
    let us = Mention { us: true, others: false };
    let both = Mention { us: true, others: true };
    let others = Mention { us: false, others: true };
    let table = [
        // requireMention, ignoreOtherMentions, /activation, the mention, by name, native, what happens
        (Some(true), None, None, plain, false, false, "overheard"),
        (Some(true), None, None, us, false, false, "answer"),
        (Some(true), None, None, plain, true, false, "answer"),
        (Some(true), None, None, plain, false, true, "answer"),
        (Some(true), None, Some(true), plain, false, false, "answer"),
        (None, None, None, plain, false, false, "overheard"),
        (Some(false), None, None, plain, false, false, "answer"),
        (Some(false), None, None, others, false, false, "answer"),
        (Some(false), None, Some(false), plain, false, false, "overheard"),
        (Some(false), Some(true), None, plain, false, false, "answer"),
        (Some(false), Some(true), None, others, false, false, "ignore"),
        (Some(false), Some(true), None, others, true, false, "answer"),
        (Some(false), Some(true), None, both, false, false, "answer"),
        (Some(false), Some(true), Some(true), others, false, false, "ignore"),
    ];
    for (require_mention, ignore_other_mentions, always_active, mention, called_by_name, native, expected) in table {
        let said = format!(
            "{require_mention:?}, {ignore_other_mentions:?}, {always_active:?}, {mention:?}, {called_by_name}, {native}"
        );
        let server = Place { require_mention, ignore_other_mentions, ..place("server") };
        let rules = AccessRules { places: Some(vec![server]), ..AccessRules::default() };
        let message = InboundMessage { mention, is_native_command: native, ..mentioning(FRIEND) };
        let owners = AllowList::default();
        let facts = Facts { called_by_name, always_active, ..facts(&owners) };
        assert_eq!(word(&decide(&rules, facts, &message)), expected, "{said}");
    }
}

#[test]
fn a_text_command_needs_a_mention_like_any_text() {
    let rules = AccessRules { places: Some(vec![place("server")]), ..AccessRules::default() };
    let message = InboundMessage { text: "/stop".to_owned(), mention: Mention::default(), ..mentioning(OWNER) };
    assert_eq!(ask(&rules, &message), "overheard");
}

#[test]
fn whose_words_become_context() {
    use ContextVisibility::{All, Allowlist, AllowlistQuote};
    let table = [
        (All, STRANGER, "overheard"),
        (Allowlist, STRANGER, "ignore"),
        (AllowlistQuote, STRANGER, "ignore"),
        (Allowlist, FRIEND, "overheard"),
    ];
    for (context, sender, expected) in table {
        let server = Place { users: Some(list(&[FRIEND])), ..place("server") };
        let rules = AccessRules { context, places: Some(vec![server]), ..AccessRules::default() };
        let message = InboundMessage { mention: Mention::default(), ..mentioning(sender) };
        assert_eq!(ask(&rules, &message), expected, "{context:?}, {sender}");
    }
}

#[test]
fn whose_words_are_told_where_they_are_quoted() {
    use ContextVisibility::{All, Allowlist, AllowlistQuote};
    let quoting = |id: &str| Quoted { sender: Sender { id: id.to_owned(), ..Sender::default() }, ..Quoted::default() };
    let ours = Quoted { is_ours: true, ..quoting(STRANGER) };
    let table = [
        (All, quoting(STRANGER), true),
        (AllowlistQuote, quoting(STRANGER), true),
        (Allowlist, quoting(STRANGER), false),
        (Allowlist, quoting(""), false),
        (Allowlist, quoting(FRIEND), true),
        (Allowlist, quoting(OWNER), true),
        (Allowlist, ours, true),
    ];
    let owners = list(&[OWNER]);
    for (context, quoted, expected) in table {
        let server = Place { users: Some(list(&[FRIEND])), ..place("server") };
        let rules = AccessRules { context, places: Some(vec![server]), ..AccessRules::default() };
        let message = InboundMessage { reply_to: Some(quoted), ..mentioning(FRIEND) };
        assert_eq!(shows_quote(&rules, facts(&owners), &message), expected, "{context:?}, {:?}", message.reply_to);
        let direct = InboundMessage { chat_kind: ChatKind::Direct, ..message };
        assert!(shows_quote(&rules, facts(&owners), &direct), "the chat is theirs");
    }
}

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

#[test]
fn by_which_names_we_are_called() {
    let table = [
        // patterns, the agent's name, the text, whether it calls us
        (None, Some("Chela"), "chela, what time is it?", true),
        (None, Some("Chela"), "Ask @CHELA!", true),
        (None, Some("Chela"), "che\u{200b}la?", true),
        (None, Some("Chela"), "Chelation is slow", false),
        (None, Some("Chela"), "write to me@chela", false),
        (None, Some("Claw (v2)"), "hi Claw  (v2)", true),
        (None, Some("Клешня"), "привет, КЛЕШНЯ", true),
        (None, Some("🦀"), "hey🦀", false),
        (None, Some("🦀"), "hey 🦀 you", true),
        (None, Some(" "), "anything", false),
        (None, None, "anything", false),
        (Some(&["crab", "^ok bot"][..]), Some("Chela"), "OK Bot, go", true),
        (Some(&["crab"]), Some("Chela"), "Chela", false),
        (Some(&[]), Some("Chela"), "Chela", false),
    ];
    for (patterns, name, text, expected) in table {
        let (compiled, bad) = MentionPatterns::compile(patterns.map(strings).as_deref(), name);
        assert_eq!(bad, []);
        assert_eq!(compiled.called_by_name(text), expected, "{patterns:?}, {name:?}, {text}");
    }
}

#[test]
fn a_bad_pattern_is_told_and_the_others_work() {
    let patterns = strings(&["(", "", "(?=x)", r"\w{1000}\w{1000}", "crab"]);
    let (compiled, bad) = MentionPatterns::compile(Some(&patterns), None);
    assert!(compiled.called_by_name("Crab!"));
    assert!(!compiled.called_by_name("("));
    assert_eq!(bad.iter().map(|bad| bad.index).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(bad[0].to_string(), "mentionPatterns[0] can't be used: error: unclosed group");
    assert!(bad[3].reason.contains("bytes when compiled"), "{}", bad[3]);
    let (_, bad) = MentionPatterns::compile(Some(&vec!["x".to_owned(); 65]), None);
    assert_eq!(bad.len(), 1);
}

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

fn ask(rules: &AccessRules, message: &InboundMessage) -> &'static str {
    word(&decide(rules, facts(&list(&[OWNER])), message))
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Answer(granted) if granted.is_owner => "answer owner",
        Verdict::Answer(_) => "answer",
        Verdict::Overheard => "overheard",
        Verdict::Pair => "pair",
        Verdict::Ignore(_) => "ignore",
    }
}

fn facts(owners: &AllowList) -> Facts<'_> {
    Facts {
        channel: "telegram",
        paired: &|id| id == PAIRED,
        access_groups: &|name| match name {
            "family" => strings(&["7", "tg:2"]),
            "nested" => strings(&["accessGroup:family", "*"]),
            _ => Vec::new(),
        },
        called_by_name: false,
        always_active: None,
        owners,
    }
}

fn direct(sender: &str) -> InboundMessage {
    InboundMessage { sender: Sender { id: sender.to_owned(), ..Sender::default() }, ..InboundMessage::default() }
}

/// A message in a channel of a server that mentions us.
fn mentioning(sender: &str) -> InboundMessage {
    InboundMessage {
        chat_kind: ChatKind::Channel,
        places: vec![step("server"), step("channel")],
        mention: Mention { us: true, others: false },
        ..direct(sender)
    }
}

fn step(id: &str) -> PlaceName {
    PlaceName { id: id.to_owned(), names: vec![format!("{id} name")] }
}

fn place(name: &str) -> Place {
    Place { name: name.to_owned(), ..Place::default() }
}

fn list(entries: &[&str]) -> AllowList {
    AllowList(strings(entries))
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
