//! Who may write directly, and how lists name people.

use super::*;

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
