//! The keys of an account as tables: what is written, and what comes of it.

use serde_json::json;

use super::*;
use crate::access::{DmPolicy, GroupPolicy};
use crate::policy::{PreviewMode, ReplyToMode};
use crate::render::{Cut, Tables};

fn read(value: &Value) -> (AccountPolicy, Vec<String>) {
    let mut problems = Vec::new();
    let config = read_config("channels.telegram", value, &mut problems).expect("an object reads");
    let errors = problems.into_iter().filter(|problem| problem.severity == Severity::Error);
    (policy_of(&config), errors.map(|problem| problem.path).collect())
}

fn list(entries: &[&str]) -> AllowList {
    AllowList(entries.iter().map(|entry| (*entry).to_owned()).collect())
}

#[test]
fn nothing_written_answers_paired_people_only_and_streams() {
    let (policy, errors) = read(&json!({}));
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(policy.access.dm, DmPolicy::Pairing);
    assert_eq!(policy.access.groups, GroupPolicy::Allowlist);
    assert_eq!(policy.access.places, None);
    assert!(policy.access.require_mention);
    assert_eq!(policy.delivery.preview, PreviewMode::Partial);
    assert_eq!(policy.delivery.limits, Limits { chars: 4000, lines: None, cut: Cut::Length, tables: Tables::Code });
    assert_eq!(policy.delivery.history_limit, 50);
    assert_eq!(policy.delivery.media_max_bytes, 20 * 1024 * 1024);
    assert!(policy.delivery.link_preview);
}

#[test]
fn people_are_written_in_many_ways() {
    let (policy, errors) = read(&json!({
        "dmPolicy": "allowlist",
        "allowFrom": [123, "456", " tg:7 ", "Telegram:8", "@Ann", "*", "", "accessGroup:team"],
    }));
    assert_eq!(errors, Vec::<String>::new());
    let expected = list(&["123", "456", "7", "8", "@ann", "*", "accessGroup:team"]);
    assert_eq!(policy.access.allow_from, expected);
    // The groups' senders are the same where no list of their own says otherwise, also where it is empty.
    assert_eq!(policy.access.group_allow_from, expected);
    let (policy, _) = read(&json!({"allowFrom": [1], "groupAllowFrom": []}));
    assert_eq!(policy.access.group_allow_from, list(&["1"]));
    let (policy, _) = read(&json!({"allowFrom": [1], "groupAllowFrom": [2]}));
    assert_eq!(policy.access.group_allow_from, list(&["2"]));
}

#[test]
fn groups_and_topics_become_places() {
    let (policy, errors) = read(&json!({
        "groups": {
            "*": {"requireMention": false},
            "-1001": {"systemPrompt": "Short.", "skills": ["a"], "allowFrom": ["@bob"], "groupPolicy": "open",
                "topics": {"5": {"agentId": "work", "requireMention": true}, "6": {"enabled": false}}},
            "tg:-1002": {"enabled": false, "requireMention": true},
        },
    }));
    assert_eq!(errors, Vec::<String>::new());
    let place = |name: &str| Place { name: name.to_owned(), ..Place::default() };
    assert_eq!(
        policy.access.places,
        Some(vec![
            Place { require_mention: Some(false), ..place("*") },
            Place {
                require_mention: Some(false),
                policy: Some(GroupPolicy::Open),
                users: Some(list(&["@bob"])),
                skills: Some(vec!["a".to_owned()]),
                system_prompt: Some("Short.".to_owned()),
                places: Some(vec![
                    Place { require_mention: Some(true), agent: Some("work".to_owned()), ..place("5") },
                    Place { allowed: Some(false), ..place("6") },
                    place("*"),
                ]),
                ..place("-1001")
            },
            Place { allowed: Some(false), require_mention: Some(true), ..place("-1002") },
        ])
    );
}

#[test]
fn ways_to_give_answers() {
    let modes = [
        (json!({"streaming": {"mode": "off"}}), PreviewMode::Off),
        (json!({"streaming": {"mode": "progress"}, "streamMode": "off"}), PreviewMode::Progress),
        (json!({"streaming": "block"}), PreviewMode::Block),
        (json!({"streaming": false}), PreviewMode::Off),
        (json!({"streaming": true}), PreviewMode::Partial),
        (json!({"streamMode": "block"}), PreviewMode::Block),
    ];
    for (written, expected) in modes {
        let (policy, errors) = read(&written);
        assert_eq!((policy.delivery.preview, errors), (expected, vec![]), "{written}");
    }
    let (policy, errors) = read(&json!({
        "streaming": {"chunkMode": "newline"}, "textChunkLimit": 9000, "markdown": {"tables": "bullets"},
        "historyLimit": 5000, "replyToMode": "first", "mediaMaxMb": 0.5, "linkPreview": false,
        "ackReaction": "👀", "reactionLevel": "off", "reactionNotifications": "all", "responsePrefix": "🤖",
        "silentErrorReplies": true,
    }));
    assert_eq!(errors, Vec::<String>::new());
    let delivery = policy.delivery;
    assert_eq!(delivery.limits, Limits { chars: 4096, lines: None, cut: Cut::Newline, tables: Tables::Bullets });
    assert_eq!((delivery.history_limit, delivery.reply_to), (200, ReplyToMode::First));
    assert_eq!((delivery.media_max_bytes, delivery.link_preview), (512 * 1024, false));
    assert_eq!((delivery.ack_reaction.as_deref(), delivery.ack_scope), (Some("👀"), Some(AckScope::Off)));
    assert_eq!((delivery.response_prefix.as_deref(), delivery.silent_errors), (Some("🤖"), true));
}

#[test]
fn what_cannot_be_read_closes_what_it_guards() {
    let check = |written: Value, errors: &[&str], dm: DmPolicy, groups: GroupPolicy| {
        let (policy, found) = read(&written);
        assert_eq!(found, errors, "{written}");
        assert_eq!((policy.access.dm, policy.access.groups), (dm, groups), "{written}");
    };
    let (off, shut) = (DmPolicy::Disabled, GroupPolicy::Disabled);
    check(json!({"dmPolicy": "opne"}), &["channels.telegram.dmPolicy"], off, GroupPolicy::Allowlist);
    check(json!({"groupPolicy": 1}), &["channels.telegram.groupPolicy"], DmPolicy::Pairing, shut);
    check(json!({"groupPolicy": "open", "groups": []}), &["channels.telegram.groups"], DmPolicy::Pairing, shut);
    check(
        json!({"groupPolicy": "open", "groupAllowFrom": [{}]}),
        &["channels.telegram.groupAllowFrom[0]"],
        DmPolicy::Pairing,
        shut,
    );
    check(json!({"allowFrom": "5", "dmPolicy": "open"}), &["channels.telegram.allowFrom"], off, shut);
    check(
        json!({"allowFrom": [true], "groupAllowFrom": [1]}),
        &["channels.telegram.allowFrom[0]"],
        off,
        GroupPolicy::Allowlist,
    );
    // A value that guards nothing is only left out.
    check(
        json!({"historyLimit": "many"}),
        &["channels.telegram.historyLimit"],
        DmPolicy::Pairing,
        GroupPolicy::Allowlist,
    );
}

#[test]
fn a_wrong_group_is_closed_alone_and_so_is_a_wrong_topic() {
    let (policy, errors) = read(&json!({"groups": {
        "-1": {"requireMention": "no"},
        "-2": {"topics": {"3": {"allowFrom": 4}, "5": {}}},
        "-6": {},
    }}));
    assert_eq!(
        errors,
        ["channels.telegram.groups.-1.requireMention", "channels.telegram.groups.-2.topics.3.allowFrom"]
    );
    let places = policy.access.places.expect("groups are written");
    let allowed = |index: usize| places[index].allowed;
    assert_eq!((allowed(0), allowed(1), allowed(2)), (Some(false), None, None));
    let topics = places[1].places.as_ref().expect("topics are written");
    assert_eq!((topics[0].allowed, topics[1].allowed), (Some(false), None));
}

#[test]
fn what_is_no_object_cannot_run() {
    let mut problems = Vec::new();
    assert!(read_config("channels.telegram", &json!("on"), &mut problems).is_none());
    assert_eq!(problems.len(), 1);
}

#[test]
fn a_connection_that_cannot_be_read_is_not_made_with_another() {
    for wrong in [json!({"botToken": 5}), json!({"tokenFile": []}), json!({"apiBase": 1}), json!({"apiRoot": {}})] {
        let mut problems = Vec::new();
        assert!(read_config("channels.telegram", &wrong, &mut problems).is_none(), "{wrong}");
        assert_eq!(problems.len(), 1, "{problems:?}");
    }
}

#[test]
fn a_group_is_named_by_its_id_only() {
    let mut problems = Vec::new();
    let value = json!({"groups": {"My Group": {}, "-1": {"topics": {"News": {}, "2": {}}}}});
    let config = read_config("channels.telegram", &value, &mut problems).expect("an object reads");
    let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, [r#"channels.telegram.groups."My Group""#, "channels.telegram.groups.-1.topics.News"]);
    let places = policy_of(&config).access.places.expect("groups are written");
    let names = |places: &[Place]| places.iter().map(|place| place.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&places), ["-1"]);
    assert_eq!(names(places[0].places.as_deref().expect("topics are written")), ["2", "*"]);
}

#[test]
fn every_name_of_the_reference_system_is_known() {
    let mut problems = Vec::new();
    let value = json!({
        "apiRoot": "http://localhost:1", "streamMode": "off", "chunkMode": "newline", "proxy": "socks5://x", "timeoutSeconds": 5,
        "markdown": {"tables": "block"}, "commands": {"native": "auto", "nativeSkills": false}, "actions": {"reactions": false},
        "retry": {"attempts": 3}, "dms": {"7": {"historyLimit": 1}}, "capabilities": ["inlineButtons"],
        "groups": {"-1": {"ingest": true, "tools": {"deny": ["exec"]}, "topics": {"2": {"errorPolicy": "once"}}}},
        "streaming": {"mode": "partial", "preview": {"toolProgress": true}},
    });
    read_config("channels.telegram", &value, &mut problems).expect("an object reads");
    let loud: Vec<&Problem> = problems.iter().filter(|problem| problem.severity != Severity::Note).collect();
    assert_eq!(loud, Vec::<&Problem>::new());
}
