//! Everything that is wrong is reported at once, and nothing of it stops the rest.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Agents, AuthMode, Channel, Gateway, House, Root, shown};
use crate::{Criticality, Loaded, Section, schema_of};

/// All that is reported for a configuration.
fn report(value: Value) -> String {
    shown(&Loaded::from_value(value).check(&schema_of::<Root>()))
}

#[test]
fn g15_unknown_keys_never_stop_anything_and_name_the_nearest() {
    let mut house = House::of("{gateway: {prot: 1, bind: 'lan', zzz: {a: 1}}, chanels: {}, wizard: {lastRunAt: 'x'}}");
    let loaded = house.load();
    assert_eq!(
        shown(&loaded.check(&schema_of::<Root>())),
        "Warning gateway.prot: unknown key, ignored (did you mean `port`?)\n\
         Warning gateway.zzz: unknown key, ignored\n\
         Warning chanels: unknown key, ignored (did you mean `channels`?)\n\
         Note wizard: belongs to the reference system and has no effect here"
    );
    let gateway: Section<Gateway> = loaded.section("gateway", Criticality::Security, &mut Vec::new());
    assert!(gateway.is_sound(), "unknown keys close nothing");
}

#[test]
fn g15_a_wrong_section_is_off_alone() {
    let loaded = House::of("{gateway: {port: 70000, bind: 'lan'}, agents: {defaults: {maxConcurrent: 4}}}").load();
    let mut problems = Vec::new();
    let agents: Section<Agents> = loaded.section("agents", Criticality::Normal, &mut problems);
    assert!(agents.is_sound());
    let gateway: Section<Gateway> = loaded.section("gateway", Criticality::Normal, &mut problems);
    assert_eq!(gateway, Section::Disabled(Gateway::default()));
    let gateway: Section<Gateway> = loaded.section("gateway", Criticality::Security, &mut problems);
    assert_eq!(gateway, Section::Closed);
    assert_eq!(
        shown(&problems),
        "Error gateway.port: expected a whole number from 1 to 65535, found 70000",
        "taken twice, reported once"
    );
}

#[test]
fn g15_a_wrong_entry_is_off_alone() {
    let loaded =
        House::of("{channels: {discord: {enabled: 'yes'}, 'my.own': {enabled: true}}, agents: {list: []}}").load();
    let mut problems = Vec::new();
    let channels: Vec<(String, Section<Channel>)> = loaded.entries("channels", Criticality::Normal, &mut problems);
    let sound: Vec<(&str, bool)> = channels.iter().map(|(name, channel)| (name.as_str(), channel.is_sound())).collect();
    assert_eq!(sound, [("discord", false), ("my.own", true)]);
    assert!(loaded.entries::<Channel>("agents.list", Criticality::Normal, &mut problems).is_empty());
    assert!(loaded.entries::<Channel>("nothing", Criticality::Normal, &mut problems).is_empty());
    assert_eq!(
        shown(&problems),
        "Error channels.discord.enabled: expected true or false, found \"yes\"\n\
         Error agents.list: expected an object, found a list"
    );
}

#[test]
fn sections_inside_sections_are_taken_by_path() {
    let loaded = House::of("{gateway: {port: 'x', auth: {mode: 'token', token: 't'}}}").load();
    let auth: Section<super::Auth> = loaded.section("gateway.auth", Criticality::Security, &mut Vec::new());
    assert_eq!(auth.value().and_then(|auth| auth.mode), Some(AuthMode::Token));
    let absent: Section<super::Auth> = loaded.section("gateway.nothing", Criticality::Security, &mut Vec::new());
    assert!(absent.is_sound());
}

/// Twenty configurations that people write, and all that each is told.
#[test]
fn g15_twenty_bad_configurations() {
    let many = json!({
        "gateway": {"port": "3000", "bind": "public", "auth": {"mode": 1}, "extra": true},
        "bindings": [{"agent": "main", "match": {}}],
    });
    for (config, expected) in [
        (
            json!({"gateway": {"port": "3000"}}),
            r#"Error gateway.port: expected a whole number from 1 to 65535, found "3000""#,
        ),
        (json!({"gateway": {"port": 0}}), "Error gateway.port: expected a whole number from 1 to 65535, found 0"),
        (json!({"gateway": {"port": 80.5}}), "Error gateway.port: expected a whole number from 1 to 65535, found 80.5"),
        (
            json!({"gateway": {"bind": "loopbak"}}),
            r#"Error gateway.bind: expected "auto", "lan" or "loopback", found "loopbak" (did you mean "loopback"?)"#,
        ),
        (json!({"gateway": {"bind": 5}}), r#"Error gateway.bind: expected "auto", "lan" or "loopback", found 5"#),
        (json!({"gateway": []}), "Error gateway: expected an object, found a list"),
        (json!({"gateway": "lan"}), r#"Error gateway: expected an object, found "lan""#),
        (
            json!({"gateway": {"auth": {"token": 12345}}}),
            "Error gateway.auth.token: expected a string or an object, found a value that is not shown",
        ),
        (
            json!({"gateway": {"auth": {"token": {"source": "vault", "id": "x"}}}}),
            r#"Error gateway.auth.token.source: expected "env", "file" or "exec", found a text that is not shown"#,
        ),
        (
            json!({"gateway": {"auth": {"token": {"source": "env"}}}}),
            "Error gateway.auth.token.id: expected a string, found nothing",
        ),
        (json!({"agents": {"list": {"main": {}}}}), "Error agents.list: expected a list, found an object"),
        (json!({"agents": {"list": [{"default": true}]}}), "Error agents.list[0].id: expected a string, found nothing"),
        (
            json!({"agents": {"list": [{"id": "a", "default": "yes"}]}}),
            r#"Error agents.list[0].default: expected true or false, found "yes""#,
        ),
        (
            json!({"agents": {"defaults": {"model": {"fallbacks": ["a/b"]}}}}),
            "Error agents.defaults.model.primary: expected a string, found nothing",
        ),
        (
            json!({"agents": {"defaults": {"model": {"primary": "a/b", "fallback": []}}}}),
            "Warning agents.defaults.model.fallback: unknown key, ignored (did you mean `fallbacks`?)",
        ),
        (
            json!({"agents": {"defaults": {"maxConcurrent": 65}}}),
            "Error agents.defaults.maxConcurrent: expected a whole number from 1 to 64, found 65",
        ),
        (
            json!({"channels": {"discord": {"groupPolicy": "allow-list", "enabeld": true}}}),
            "Error channels.discord.groupPolicy: expected \"open\", \"allowlist\" or \"disabled\", found \"allow-list\" (did you mean \"allowlist\"?)\n\
             Warning channels.discord.enabeld: unknown key, ignored (did you mean `enabled`?)",
        ),
        (
            json!({"port": 3000, "token": "hunter2"}),
            "Warning port: unknown key, ignored (did you mean `gateway.port`?)\n\
             Warning token: unknown key, ignored (did you mean `gateway.auth.token`?)",
        ),
        (
            json!({"secrets": {"providers": {"v": {"source": "exec", "args": []}}}}),
            "Error secrets.providers.v.command: expected a string, found nothing",
        ),
        (
            json!({"env": {"vars": {"A": ["hunter2"]}, "B": "fine", "shellEnv": {"enabled": true}}}),
            "Error env.vars.A: expected a string or a number or true or false, found a list",
        ),
        (
            many,
            "Error bindings[0].agentId: expected a string, found nothing\n\
             Error gateway.port: expected a whole number from 1 to 65535, found \"3000\"\n\
             Error gateway.bind: expected \"auto\", \"lan\" or \"loopback\", found \"public\"\n\
             Error gateway.auth.mode: expected \"none\", \"token\" or \"password\", found 1\n\
             Warning gateway.extra: unknown key, ignored\n\
             Warning bindings[0].agent: unknown key, ignored (did you mean `agentId`?)",
        ),
    ] {
        let mut lines: Vec<String> = report(config.clone()).lines().map(str::to_owned).collect();
        let mut expected: Vec<&str> = expected.lines().collect();
        lines.sort_unstable();
        expected.sort_unstable();
        assert_eq!(lines, expected, "{config}");
    }
}

#[test]
fn g15_renamed_keys_are_read_and_noted() {
    let report =
        report(json!({"gateway": {"reload": {"mode": "hot"}}, "agents": {"entries": {"main": {"default": true}}}}));
    assert_eq!(
        report,
        "Note gateway.reload.mode: \"hot\" is read as \"hybrid\"\n\
         Note gateway.reload: belongs to the reference system and has no effect here"
    );
}

#[test]
fn typed_values_are_read_as_what_fits() {
    let schema = schema_of::<Root>();
    let read = |at: &str, text: &str| crate::read_typed(text, &at.parse().unwrap(), &schema);
    assert_eq!(read("gateway.port", "3000"), json!(3000));
    assert_eq!(read("gateway.port", "x"), json!("x"));
    assert_eq!(read("gateway.auth.token", "123456"), json!("123456"));
    assert_eq!(read("gateway.mode", "true"), json!("true"));
    assert_eq!(read("agents.list[0].id", "12"), json!("12"));
    assert_eq!(read("agents.list[0].default", "true"), json!(true));
    assert_eq!(read("agents.defaults.model", "{primary: 'a/b'}"), json!({"primary": "a/b"}));
    assert_eq!(read("channels.discord.guilds.1.requireMention", "false"), json!(false));
    assert_eq!(read("unknown.key", "5"), json!(5));
    assert_eq!(read("gateway.mode", ""), json!(""));
}

#[test]
fn what_is_said_about_the_file_itself_is_no_problem() {
    let value = json!({"$schema": "https://host/schema.json", "meta": {"lastTouchedVersion": "1"}});
    let schema = json!({"properties": {"gateway": true}});
    assert_eq!(shown(&Loaded::from_value(value).check(&schema)), "");
}

#[test]
fn findings_name_the_place_that_was_written() {
    let report = report(json!({
        "agents": {"list": [{"id": "a"}], "entries": {"my.bot": {"default": "yes"}, "c": {"nmae": "C"}}},
    }));
    assert_eq!(
        report,
        "Error agents.entries.\"my.bot\".default: expected true or false, found \"yes\"\n\
         Warning agents.entries.c.nmae: unknown key, ignored (did you mean `name`?)"
    );
}

#[test]
fn no_value_under_a_secret_name_is_ever_quoted() {
    let value = json!({
        "gateway": {"auth": {"token": ["hunter2"], "mode": "token"}},
        "channels": {"x": {"token": {"source": "hunter2", "id": 5}, "guilds": "fine"}},
    });
    let report = report(value);
    assert!(!report.contains("hunter2"), "{report}");
    assert_eq!(report.lines().count(), 4, "{report}");
}

#[test]
fn our_schemas_are_valid_and_agree_with_a_full_validator() {
    let schema = schema_of::<Root>();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for value in [
        json!({}),
        json!({"gateway": {"port": 1, "auth": {"token": {"source": "env", "id": "A"}}}}),
        json!({"gateway": {"port": 0}}),
        json!({"gateway": {"auth": {"token": 5}}}),
        json!({"agents": {"defaults": {"model": "a/b"}, "list": [{"id": 5}]}}),
        json!({"secrets": {"providers": {"f": {"source": "file", "path": "x", "mode": "json"}}}}),
        json!({"secrets": {"providers": {"f": {"source": "file"}}}}),
    ] {
        let ours = crate::check(&value, &schema, &crate::KeyPath::root());
        assert_eq!(ours.is_empty(), validator.is_valid(&value), "{value}: {ours:?}");
    }
}

/// Values made of the schema's own keys, so that they come near to fitting.
fn near_values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2_i64..70_000).prop_map(Value::from),
        Just(json!(1.5)),
        prop::sample::select(vec!["main", "token", "lan", "env", "file", "exec", "open", "json", "x"])
            .prop_map(Value::from),
    ];
    let keys = vec![
        "agents",
        "defaults",
        "list",
        "model",
        "primary",
        "fallbacks",
        "maxConcurrent",
        "id",
        "default",
        "gateway",
        "port",
        "bind",
        "auth",
        "mode",
        "token",
        "source",
        "provider",
        "secrets",
        "providers",
        "command",
        "args",
        "path",
        "env",
        "vars",
        "shellEnv",
        "channels",
        "groupPolicy",
        "bindings",
        "agentId",
        "match",
        "nope",
    ];
    leaf.prop_recursive(5, 48, 5, move |inner| {
        let entries = prop::collection::vec((prop::sample::select(keys.clone()), inner.clone()), 0..5);
        prop_oneof![
            4 => entries.prop_map(|entries| entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
            1 => prop::collection::vec(inner, 0..3).prop_map(Value::Array),
        ]
    })
}

static VALIDATOR: LazyLock<(Value, jsonschema::Validator)> = LazyLock::new(|| {
    let schema = schema_of::<Root>();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    (schema, validator)
});

/// Takes a value down to the part of the schema with this path, so that deep parts are met often.
fn at(path: &str, value: Value) -> Value {
    path.rsplit('.').fold(value, |value, key| if key.is_empty() { value } else { json!({ key: value }) })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn an_error_is_found_if_and_only_if_a_full_validator_finds_one(
        value in near_values(),
        path in prop::sample::select(vec![
            "", "gateway", "gateway.auth", "gateway.auth.token", "agents", "agents.defaults.model", "secrets.providers.p", "env",
            "channels.discord",
        ]),
    ) {
        let (schema, validator) = &*VALIDATOR;
        let value = at(path, value);
        let found = crate::check(&value, schema, &crate::KeyPath::root());
        let errors = found.iter().filter(|problem| problem.severity == crate::Severity::Error).count();
        prop_assert_eq!(errors == 0, validator.is_valid(&value), "{}: {:?}", value, found);
        if errors == 0 {
            // What passes the check can be read, apart from what a schema cannot say.
            prop_assert!(serde_json::from_value::<Root>(value.clone()).is_ok(), "{}", value);
        }
    }
}
