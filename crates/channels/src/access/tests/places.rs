//! Which groups, and which places inside of them, are open to whom.

use super::*;

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
