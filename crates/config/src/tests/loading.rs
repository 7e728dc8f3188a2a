//! From files to one value.

use std::fs;

use proptest::prelude::*;
use serde_json::json;

use super::{Gateway, House, shown};
use crate::{Criticality, Section};

#[test]
fn a_missing_file_is_an_empty_configuration() {
    let loaded = House::with(&[]).load();
    assert!(!loaded.exists && !loaded.safe_mode);
    assert_eq!((loaded.value.clone(), shown(&loaded.problems)), (json!({}), String::new()));
}

#[test]
fn g18_broken_file_is_safe_mode() {
    for (text, problem) in [
        (
            "{\n  gateway: {port: 1\n",
            "Error <file>: line 2, column 12: an object is not closed: `}` or `,` is missing (mend it there)",
        ),
        ("[1]", "Error <file>: the file is no object (a configuration starts with `{`)"),
    ] {
        let loaded = House::of(text).load();
        assert!(loaded.safe_mode && loaded.exists);
        assert_eq!(loaded.value, json!({}));
        assert_eq!(loaded.raw, text, "the text stays for the repair");
        assert_eq!(shown(&loaded.problems), problem);
        let gateway: Section<Gateway> = loaded.section("gateway", Criticality::Security, &mut Vec::new());
        assert_eq!(gateway, Section::Closed, "nothing security-relevant runs on defaults");
    }
}

#[test]
fn g18_the_backup_is_named_where_there_is_one() {
    let loaded = House::with(&[("openclaw.json", "{"), ("openclaw.json.bak", "{}")]).load();
    assert_eq!(
        loaded.problems[0].hint.as_deref(),
        Some("mend it there, or put back openclaw.json.bak, which stands beside it")
    );
}

#[test]
fn g18_unreadable_or_oversize_file_is_safe_mode() {
    let mut house = House::with(&[]);
    fs::create_dir(house.path().join("chela.json")).unwrap();
    assert!(house.load().safe_mode, "a directory in its place");

    let loaded = House::of(&format!("// {}\n{{}}", "x".repeat(2 * 1024 * 1024))).load();
    assert!(loaded.safe_mode);
    assert!(shown(&loaded.problems).contains("larger than 2048 KiB"), "{:?}", loaded.problems);

    let mut house = House::with(&[]);
    fs::write(house.path().join("chela.json"), [b'{', 0xff, b'}']).unwrap();
    assert!(shown(&house.load().problems).contains("not UTF-8"));
}

#[test]
fn variables_come_from_the_process_then_dotenv_then_the_file() {
    let mut house = House::with(&[
        (".env", "A=dotenv\nB=dotenv\nnonsense\n"),
        ("chela.json", r#"{env: {vars: {A: "file", C: "file-${B}"}, D: "bare"}, x: "${A} ${B} ${C} ${D}"}"#),
    ])
    .set("A", "process");
    let loaded = house.load();
    assert_eq!(loaded.get("x"), Some(&json!("process dotenv file-dotenv bare")));
    assert_eq!(house.environment.get("C"), Some("file-dotenv"));
    assert_eq!(shown(&loaded.problems), "Warning .env: line 3 is not NAME=value");
    assert_eq!(loaded.files.len(), 2);
}

#[test]
fn a_variable_that_is_set_to_nothing_counts_as_unset() {
    let mut house = House::with(&[(".env", "A=dotenv\n"), ("chela.json", r#"{x: "${A}"}"#)]);
    house.environment = crate::Environment::from_pairs([("A", "")]);
    assert_eq!(house.load().get("x"), Some(&json!("dotenv")));
}

#[test]
fn a_missing_variable_leaves_out_its_value_only() {
    let loaded =
        House::of(r#"{gateway: {port: 1, auth: {token: "${NO_TOKEN}"}}, list: ["a", "${NO_TOKEN}", "b"]}"#).load();
    assert!(!loaded.safe_mode);
    assert_eq!(loaded.value, json!({"gateway": {"port": 1, "auth": {}}, "list": ["a", "b"]}));
    let paths: Vec<_> = loaded.problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["gateway.auth.token", "list[1]"]);

    let mut problems = Vec::new();
    assert!(loaded.section::<Gateway>("gateway", Criticality::Normal, &mut problems).is_sound());
    let closed: Section<Gateway> = loaded.section("gateway", Criticality::Security, &mut problems);
    assert_eq!(closed, Section::Closed);
}

#[test]
fn includes_replace_merge_and_nest() {
    let mut house = House::with(&[
        (
            "chela.json",
            r#"{$include: ["base.json5", "parts/more.json5"], gateway: {bind: "lan"}, agents: {$include: "agents.json5"}}"#,
        ),
        ("base.json5", "{gateway: {port: 1, mode: 'local'}, keep: 1}"),
        ("parts/more.json5", "{gateway: {port: 2}, inner: {$include: './inner.json5'}}"),
        ("parts/inner.json5", "{deep: true}"),
        ("agents.json5", "{list: []}"),
    ]);
    let loaded = house.load();
    assert_eq!(shown(&loaded.problems), "");
    assert_eq!(
        loaded.value,
        json!({
            "gateway": {"port": 2, "mode": "local", "bind": "lan"},
            "keep": 1,
            "inner": {"deep": true},
            "agents": {"list": []},
        })
    );
    assert_eq!(loaded.files.len(), 5, "{:?}", loaded.files);
    assert!(loaded.written.get("$include").is_some());
}

#[test]
fn includes_that_fail_disable_what_asks_for_them() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("x.json5"), "{}").unwrap();
    let absolute = outside.path().join("x.json5");
    let config = format!(
        r#"{{ok: 1, a: {{$include: "circle.json5"}}, b: {{$include: "{}"}}, c: {{$include: "gone.json5"}},
            d: {{$include: "broken.json5"}}, e: {{$include: 5}}, f: {{$include: "list.json5", x: 1}}}}"#,
        absolute.display()
    );
    let mut house = House::with(&[
        ("chela.json", &config),
        ("circle.json5", "{again: {$include: 'circle.json5'}, x: 1}"),
        ("broken.json5", "{a: }"),
        ("list.json5", "[1]"),
    ]);
    let loaded = house.load();
    assert_eq!(loaded.value, json!({"ok": 1, "a": {"x": 1}}));
    let messages: Vec<_> =
        loaded.problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect();
    assert_eq!(messages[0], "a.again.$include: circle.json5 includes itself");
    assert!(messages[1].ends_with("is outside of the configuration's directory"), "{messages:?}");
    assert!(messages[2].starts_with("c.$include: cannot read gone.json5"), "{messages:?}");
    assert!(messages[3].starts_with("d.$include: broken.json5, line 1, column 5"), "{messages:?}");
    assert_eq!(messages[4], "e.$include: `$include` takes the name of a file or a list of them");
    assert_eq!(messages[5], "f.$include: the included file is no object, but keys stand beside `$include`");
}

#[test]
fn an_include_that_fails_at_the_root_closes_security_sections() {
    let loaded = House::of(r#"{$include: "gone.json5", gateway: {port: 1}}"#).load();
    assert!(!loaded.safe_mode);
    assert_eq!(loaded.value, json!({"gateway": {"port": 1}}));
    let closed: Section<Gateway> = loaded.section("gateway", Criticality::Security, &mut Vec::new());
    assert_eq!(closed, Section::Closed);
}

#[test]
fn includes_nest_ten_levels_and_no_more() {
    let files: Vec<(String, String)> = (1..12)
        .map(|level| (format!("{level}.json5"), format!("{{x: {{$include: '{}.json5'}}}}", level + 1)))
        .collect();
    let mut all: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    all.push(("chela.json", "{x: {$include: '1.json5'}}"));
    all.push(("12.json5", "{}"));
    let loaded = House::with(&all).load();
    assert_eq!(loaded.problems.len(), 1);
    assert!(loaded.problems[0].message.contains("11.json5 is included more than 10 levels deep"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gives_a_value_or_safe_mode(text in "[\\[\\]{}:,\"'$a-c0-9/*\\\\ \n]{0,40}|\\PC{0,40}") {
        let loaded = House::of(&text).load();
        prop_assert_eq!(loaded.safe_mode, crate::parse(&text).map_or(true, |value| !value.is_object()));
        prop_assert_eq!(loaded.raw, text);
    }
}

#[test]
fn debug_shows_no_value() {
    let loaded = House::of("{gateway: {auth: {token: 'hunter2'}}}").load();
    assert!(!format!("{loaded:?}").contains("hunter2"));
}
