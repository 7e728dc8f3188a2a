//! The account's keys, in the shapes that people have in their files.

use chela_config::Problem;
use serde_json::{Value, json};

use crate::access::{AccessRules, AllowList, BotRule, ContextVisibility, DmPolicy, GroupPolicy, Place};
use crate::discord::{KIND, policy};
use crate::policy::{AccountPolicy, AckScope, PreviewMode, ReactionNotice, ReplyToMode};
use crate::render::{Cut, Tables};

/// The policy and the paths of what is wrong.
fn read(value: &Value) -> (AccountPolicy, Vec<String>) {
    let mut problems = Vec::new();
    let account = (KIND.read)("channels.discord", value, &mut problems).expect("an account");
    (account.policy().clone(), problems.into_iter().map(|problem: Problem| problem.path).collect())
}

fn access(value: &Value) -> AccessRules {
    let (policy, problems) = read(value);
    assert_eq!(problems, Vec::<String>::new());
    policy.access
}

fn list(people: &[&str]) -> AllowList {
    AllowList(people.iter().map(|who| (*who).to_owned()).collect())
}

#[test]
fn nothing_set_lets_strangers_ask_and_servers_wait() {
    let rules = access(&json!({}));
    assert_eq!((rules.dm, rules.groups, rules.places), (DmPolicy::Pairing, GroupPolicy::Allowlist, Some(vec![])));
    assert_eq!((rules.require_mention, rules.bots), (true, BotRule::Ignore));
}

#[test]
fn the_sample_of_the_documents_opens_one_channel_without_a_mention() {
    let rules = access(&json!({
        "enabled": true,
        "token": "secret",
        "groupPolicy": "allowlist",
        "guilds": { "YOUR_GUILD_ID": { "requireMention": false, "channels": { "general": { "allow": true } } } },
    }));
    let general = Place { name: "general".into(), allowed: Some(true), ..Place::default() };
    let guild = Place {
        name: "YOUR_GUILD_ID".into(),
        require_mention: Some(false),
        places: Some(vec![general]),
        ..Place::default()
    };
    assert_eq!((rules.groups, rules.places), (GroupPolicy::Allowlist, Some(vec![guild])));
}

#[test]
fn a_place_has_all_of_its_rules() {
    let rules = access(&json!({ "guilds": { "*": {
        "slug": "friends", "ignoreOtherMentions": true, "users": ["1", 2], "roles": ["3"],
        "channels": { "#help": {
            "enabled": false, "requireMention": true, "users": [4], "roles": [5], "skills": ["search"],
            "systemPrompt": "Be brief.", "agentId": "helper",
        } },
    } } }));
    let help = Place {
        name: "help".into(),
        allowed: Some(false),
        require_mention: Some(true),
        users: Some(list(&["4"])),
        roles: Some(vec!["5".into()]),
        skills: Some(vec!["search".into()]),
        system_prompt: Some("Be brief.".into()),
        agent: Some("helper".into()),
        ..Place::default()
    };
    let everywhere = Place {
        name: "*".into(),
        ignore_other_mentions: Some(true),
        users: Some(list(&["1", "2"])),
        roles: Some(vec!["3".into()]),
        places: Some(vec![help]),
        ..Place::default()
    };
    assert_eq!(rules.places, Some(vec![everywhere]));
}

#[test]
fn direct_chats_have_an_old_and_a_new_shape() {
    let cases = [
        (json!({ "dmPolicy": "open", "allowFrom": ["*"] }), DmPolicy::Open, vec!["*"]),
        (json!({ "dm": { "policy": "allowlist", "allowFrom": [42] } }), DmPolicy::Allowlist, vec!["42"]),
        (
            json!({ "dmPolicy": "pairing", "dm": { "policy": "open", "allowFrom": ["*"] }, "allowFrom": ["7"] }),
            DmPolicy::Pairing,
            vec!["7"],
        ),
        (json!({ "dmPolicy": "open", "dm": { "enabled": false }, "allowFrom": ["*"] }), DmPolicy::Disabled, vec!["*"]),
    ];
    for (value, dm, people) in cases {
        let rules = access(&value);
        assert_eq!((rules.dm, rules.allow_from), (dm, list(&people)), "{value}");
    }
}

#[test]
fn g15_what_cannot_be_read_closes_what_it_was_to_guard() {
    let open = || json!({ "dmPolicy": "open", "allowFrom": ["*"], "groupPolicy": "open" });
    let with = |key: &str, value: Value| {
        let mut config = open();
        config[key] = value;
        read(&config)
    };
    for (key, value) in [("dmPolicy", json!("opne")), ("allowFrom", json!(7)), ("dm", json!("no"))] {
        let (policy, problems) = with(key, value);
        assert_eq!((policy.access.dm, problems), (DmPolicy::Disabled, vec![format!("channels.discord.{key}")]));
        assert_eq!(policy.access.groups, GroupPolicy::Open);
    }
    for (key, value) in [("groupPolicy", json!(true)), ("guilds", json!(["1"]))] {
        let (policy, problems) = with(key, value);
        assert_eq!((policy.access.groups, problems), (GroupPolicy::Disabled, vec![format!("channels.discord.{key}")]));
        assert_eq!(policy.access.dm, DmPolicy::Open);
    }
    let (policy, problems) = with("allowBots", json!("sometimes"));
    assert_eq!((policy.access.bots, problems.len()), (BotRule::Ignore, 1));
    let (policy, problems) = with("contextVisibility", json!("everybody"));
    assert_eq!((policy.access.context, problems.len()), (ContextVisibility::Allowlist, 1));
}

#[test]
fn g15_a_wrong_rule_closes_its_server_alone() {
    let (policy, problems) = read(&json!({ "groupPolicy": "open", "guilds": {
        "1": { "channels": { "general": { "requireMention": "no" } } },
        "2": { "requireMention": false },
        "*": {},
    } }));
    let places = policy.access.places.expect("a list");
    let named = |name: &str| places.iter().find(|place| place.name == name).expect("the place");
    assert_eq!((named("1").allowed, named("2").allowed, named("2").require_mention), (Some(false), None, Some(false)));
    assert_eq!(problems, ["channels.discord.guilds.1.channels.general.requireMention"]);
    assert_eq!(policy.access.groups, GroupPolicy::Open);
}

#[test]
fn a_token_that_cannot_be_read_leaves_no_account() {
    let mut problems = Vec::new();
    assert!((KIND.read)("channels.discord", &json!({ "token": 5 }), &mut problems).is_none());
    assert_eq!(problems.len(), 1);
    assert!(!problems[0].message.contains('5'), "{}", problems[0]);
    problems.clear();
    assert!((KIND.read)("channels.discord", &json!("on"), &mut problems).is_none());
    assert_eq!(problems.len(), 1);
}

#[test]
fn other_bots_are_a_question_of_three_answers() {
    let bots = |value: Value| access(&json!({ "allowBots": value })).bots;
    assert_eq!(
        (bots(json!(true)), bots(json!(false)), bots(json!("mentions"))),
        (BotRule::Allow, BotRule::Ignore, BotRule::Mentions)
    );
    let rules = access(&json!({ "botLoopProtection": { "maxEventsPerWindow": 5, "cooldownSeconds": 9 } }));
    assert_eq!((rules.loop_protection.max_events, rules.loop_protection.cooldown_secs), (5, 9));
}

#[test]
fn answers_look_as_the_keys_say_in_both_shapes() {
    let (policy, problems) = read(&json!({
        "textChunkLimit": 9000, "maxLinesPerMessage": 40, "chunkMode": "length", "streamMode": "partial",
        "streaming": { "chunkMode": "newline" }, "markdown": { "tables": "block" }, "replyToMode": "first",
        "mediaMaxMb": 1.5, "ackReaction": "👀", "ackReactionScope": "none", "reactionNotifications": "all",
        "responsePrefix": "[bot]", "historyLimit": 0, "suppressEmbeds": true,
    }));
    assert_eq!(problems, Vec::<String>::new());
    let delivery = policy.delivery;
    assert_eq!((delivery.limits.chars, delivery.limits.lines), (2000, Some(40)));
    assert_eq!((delivery.limits.cut, delivery.limits.tables), (Cut::Newline, Tables::Code));
    assert_eq!((delivery.preview, delivery.reply_to), (PreviewMode::Partial, ReplyToMode::First));
    assert_eq!((delivery.media_max_bytes, delivery.link_preview), (1_572_864, false));
    assert_eq!((delivery.ack_scope, delivery.reactions), (Some(AckScope::Off), ReactionNotice::All));
    assert_eq!(delivery.history_limit, 0);
    let (usual, _) = read(&json!({}));
    assert_eq!(usual.delivery.limits.lines, Some(17));
    assert_eq!(usual.delivery.preview, PreviewMode::Off);
}

#[test]
fn keys_of_other_versions_do_no_harm() {
    let reading =
        policy::read("channels.discord", &json!({ "voice": { "enabled": true }, "gild": 1 }), &mut Vec::new());
    assert!(reading.broken.is_empty(), "{:?}", reading.broken);
}

#[test]
fn a_new_connection_is_made_for_what_it_depends_on_only() {
    let fingerprint =
        |value: Value| (KIND.read)("channels.discord", &value, &mut Vec::new()).expect("an account").fingerprint();
    let before = fingerprint(json!({ "token": "a", "allowFrom": ["1"] }));
    assert_eq!(before, fingerprint(json!({ "token": "a", "allowFrom": ["2"], "historyLimit": 5 })));
    for other in [
        json!({ "token": "b" }),
        json!({ "token": "a", "intents": { "messageContent": false } }),
        json!({ "token": "a", "apiBase": "http://127.0.0.1:1" }),
        json!({ "token": "a", "commands": { "native": false } }),
        json!({ "token": "a", "activity": "chess" }),
    ] {
        assert_ne!(before, fingerprint(other));
    }
}
