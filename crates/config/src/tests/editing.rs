//! Edits change what they are asked to, and nothing else.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{KeyPath, edit, parse};

const HAND_WRITTEN: &str = "\u{feff}// My gateway\r\n{\r\n  gateway: {\r\n    port: 0x4965, // in hex\r\n    'bind': 'lan',\r\n  },\r\n\r\n  /* people */\r\n  agents: { list: [ /* first */ { id: 'main' }, ] },\r\n}\r\n";

fn path(text: &str) -> KeyPath {
    text.parse().expect("a path")
}

fn set(raw: &str, at: &str, value: &Value) -> String {
    edit::set(raw, &path(at), value).map_err(|error| error.to_string()).expect("the edit is possible")
}

#[test]
fn a_new_value_leaves_the_rest_of_the_text_as_it_is() {
    let edited = set(HAND_WRITTEN, "gateway.port", &json!(3000));
    assert_eq!(edited, HAND_WRITTEN.replace("0x4965", "3000"));
    let edited = set(HAND_WRITTEN, "agents.list[0].id", &json!("ops"));
    assert_eq!(edited, HAND_WRITTEN.replace("'main'", "\"ops\""));
}

#[test]
fn a_new_key_keeps_every_comment() {
    let edited = set(HAND_WRITTEN, "gateway.auth.mode", &json!("token"));
    for comment in ["// My gateway\r\n", "// in hex\r\n", "/* people */", "/* first */"] {
        assert!(edited.contains(comment), "{edited}");
    }
    assert_eq!(path("gateway.auth").get(&parse(&edited).unwrap()), Some(&json!({"mode": "token"})));
}

#[test]
fn an_object_over_an_object_changes_only_what_differs() {
    let raw = "{a: {x: 1, /* why */ y: 2, z: 3}}";
    let edited = set(raw, "a", &json!({"x": 1, "y": 5, "z": 3}));
    assert_eq!(edited, raw.replace("y: 2", "y: 5"));
}

#[test]
fn an_empty_file_becomes_an_object() {
    let edited = set("", "channels.discord.guilds.\"my.guild\".allow", &json!(true));
    assert_eq!(parse(&edited).unwrap(), json!({"channels": {"discord": {"guilds": {"my.guild": {"allow": true}}}}}));
    assert!(edited.ends_with("}\n"), "{edited:?}");
}

#[test]
fn lists_are_set_appended_and_cut() {
    let raw = "{l: [1, 2, 3 /* three */]}";
    assert_eq!(parse(&set(raw, "l[3]", &json!(4))).unwrap(), json!({"l": [1, 2, 3, 4]}));
    assert_eq!(parse(&set(raw, "l.0", &json!([]))).unwrap(), json!({"l": [[], 2, 3]}));
    assert_eq!(parse(&edit::unset(raw, &path("l[0]")).unwrap()).unwrap(), json!({"l": [2, 3]}));
    assert_eq!(parse(&set(raw, "new[0].id", &json!("a"))).unwrap()["new"], json!([{"id": "a"}]));
}

#[test]
fn a_key_written_twice_is_changed_where_it_holds() {
    assert_eq!(set("{a: 1, a: 2}", "a", &json!(3)), "{a: 1, a: 3}");
    assert_eq!(parse(&edit::unset("{a: 1, a: 2, b: 1}", &path("a")).unwrap()).unwrap(), json!({"b": 1}));
}

#[test]
fn what_cannot_be_done_is_said() {
    let fails = |raw: &str, at: &str| edit::set(raw, &path(at), &json!(1)).expect_err(at).to_string();
    assert_eq!(fails("{a: 'x'}", "a.b"), "`a` is a text, so that nothing can be set below it; unset it first");
    assert_eq!(fails("{a: []}", "a[2]"), "`a[2]` is beyond the end of the list, which has 0 elements");
    assert_eq!(fails("{}", ""), "name what to change, for example gateway.port");
    assert!(fails("{a: ", "a").contains("mend it there first"));
    assert_eq!(fails("[]", "a"), "the configuration is no object");
    assert_eq!(edit::unset("{}", &path("a.b")).unwrap_err().to_string(), "`a.b` is not set");
}

#[test]
fn g18_a_broken_file_is_shown_without_secrets_and_mended_with_them() {
    let broken = "{\n  gateway: {auth: {token: 'hunter2'}} // was token: 'hunter1'\n  port 5\n}\n";
    let shown = edit::redacted(broken, &Value::Bool(true));
    assert!(!shown.contains("hunter"), "{shown}");
    let mended = edit::unredacted(&shown.replace("  port 5\n", ""), broken).unwrap();
    assert_eq!(mended, broken.replace("  port 5\n", ""));
    assert_eq!(parse(&mended).unwrap(), json!({"gateway": {"auth": {"token": "hunter2"}}}));
}

#[test]
fn a_patch_merges_as_the_rfc_says() {
    let raw = "{ // top\n  a: {b: 1, c: 2}, // about a\n  d: [1, 2],\n}\n";
    let edited =
        edit::merge_patch(raw, &json!({"a": {"b": null, "e": {"f": null, "g": 1}}, "d": [3], "n": null})).unwrap();
    assert_eq!(parse(&edited).unwrap(), json!({"a": {"c": 2, "e": {"g": 1}}, "d": [3]}));
    assert!(edited.contains("// top") && edited.contains("// about a"), "{edited}");
    assert!(edit::merge_patch(raw, &json!([1])).is_err());
}

#[test]
fn redacted_texts_come_back_with_their_secrets() {
    let raw =
        "{\n  // mine\n  token: 'hunter2', // old\n  list: [{id: 'a', apiKey: 'one'}, {id: 'b', apiKey: 'two'}],\n}\n";
    let stored = parse(raw).unwrap();
    let shown = edit::redacted(raw, &Value::Bool(true));
    assert!(!shown.contains("hunter2") && !shown.contains("'one'"), "{shown}");
    assert!(shown.contains("// mine") && shown.contains("// old"));
    assert_eq!(parse(&edit::unredacted(&shown, raw).unwrap()).unwrap(), stored);

    let reordered = edit::replace(raw, &json!({"token": "new", "list": [{"id": "b", "apiKey": crate::REDACTED}]}));
    assert_eq!(parse(&reordered.unwrap()).unwrap(), json!({"token": "new", "list": [{"id": "b", "apiKey": "two"}]}));
    let nothing = edit::merge_patch(raw, &json!({"password": crate::REDACTED})).unwrap_err();
    assert!(nothing.to_string().starts_with("`password` is left as it is"), "{nothing}");
}

/// A value as one is written in a configuration.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1.0e6..1.0e6).prop_map(|number: f64| Value::from(number)),
        "\\PC{0,6}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            objects(inner).prop_map(Value::Object),
        ]
    })
}

fn objects(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec(("[a-c]|\\PC{0,4}", inner), 0..4).prop_map(|entries| entries.into_iter().collect())
}

/// Writes an object with a numbered comment before each key. Returns how many there are.
fn with_comments(map: &Map<String, Value>, indent: usize, count: &mut usize) -> String {
    let pad = " ".repeat(indent);
    let mut text = "{\n".to_owned();
    for (key, value) in map {
        *count += 1;
        let _ = writeln!(text, "{pad}  // comment <{count}>");
        let written = match value {
            Value::Object(inner) => with_comments(inner, indent + 2, count),
            other => other.to_string(),
        };
        let _ = writeln!(text, "{pad}  {}: {written},", Value::from(key.as_str()));
    }
    text + &pad + "}"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_set_is_read_back_and_comments_survive(
        map in objects(values()),
        keys in prop::collection::vec("[a-c]|\\PC{1,3}", 1..4),
        value in values(),
    ) {
        let mut comments = 0;
        let raw = with_comments(&map, 0, &mut comments);
        let at = KeyPath::from(keys.into_iter().map(crate::Segment::Key).collect::<Vec<_>>());
        let before = Value::Object(map);
        let replaced = at.get(&before).is_some_and(Value::is_object);
        if let Ok(edited) = edit::set(&raw, &at, &value) {
            let after = parse(&edited).expect("still JSON5");
            prop_assert_eq!(at.get(&after), Some(&value));
            // The comments inside an object that gives way go with it.
            for number in (1..=comments).filter(|_| !replaced) {
                let comment = format!("// comment <{number}>\n");
                prop_assert!(edited.contains(&comment), "{} is gone from {}", number, edited);
            }
        } else {
            let blocked = (1..at.segments().len()).any(|length| {
                let above = KeyPath::from(at.segments()[..length].to_vec());
                above.get(&before).is_some_and(|value| !value.is_object() && !value.is_null())
            });
            prop_assert!(blocked, "refused without a reason: {} in {}", at, raw);
        }
    }

    #[test]
    fn any_value_can_replace_any_other(old in objects(values()), new in objects(values())) {
        let mut comments = 0;
        let raw = with_comments(&old, 0, &mut comments);
        let edited = edit::replace(&raw, &Value::Object(new.clone()));
        prop_assert_eq!(edited.map(|text| parse(&text)), Ok(Ok(Value::Object(new))));
    }
}

#[test]
fn a_path_without_end_is_refused_before_it_takes_the_stack() {
    let path = path(&vec!["a"; 2_000].join("."));
    assert_eq!(edit::set("{}", &path, &json!(1)), Err(edit::EditError::TooDeep { levels: 2_000 }));
}
