//! Types as they are written in the protocol, and what the page is told of them.

use std::collections::BTreeSet;

use super::{shape, write};

fn written(source: &str, asked: &[&str]) -> String {
    let declared = shape::declared(&syn::parse_file(source).unwrap()).unwrap();
    let asked: BTreeSet<String> = asked.iter().map(|name| (*name).to_owned()).collect();
    let text = write::types(&[("a.rs".into(), declared)], &asked);
    text.split_once("// a.rs\n\n").unwrap().1.to_owned()
}

#[test]
fn fields_have_their_names_and_say_when_they_may_be_missing() {
    let source = r#"
        /// A row.
        #[derive(Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct Row {
            pub run_id: RunId,
            /// When.
            pub at_ms: Option<i64>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub label: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            pub model: Option<Option<String>>,
            #[serde(rename = "type", default)]
            pub kinds: Vec<String>,
        }
    "#;
    let fields = "  runId: RunId;\n  /** When. */\n  atMs: number | null;\n  label?: string;\n  model?: string | null;\n  type: string[];\n";
    assert_eq!(written(source, &[]), format!("/** A row. */\nexport interface Row {{\n{fields}}}\n"));
    let asked = written(source, &["Row"]);
    assert!(asked.contains("atMs?: number | null;") && asked.contains("type?: string[];"), "{asked}");
}

#[test]
fn enums_are_unions() {
    let source = r#"
        #[derive(Serialize)]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum Code { TokenMissing, #[serde(rename = "else")] Other }
        #[derive(Serialize)]
        #[serde(tag = "state", rename_all = "lowercase", rename_all_fields = "camelCase")]
        pub enum State { Idle, Delta { delta_text: String } }
        #[derive(Serialize)]
        #[serde(untagged)]
        pub enum OneOrMany { One(String), Many(Vec<String>) }
    "#;
    let expected = "export type Code =\n  | \"TOKEN_MISSING\"\n  | \"else\";\n\n\
        export type State =\n  | {\n    state: \"idle\";\n  }\n  | {\n    state: \"delta\";\n    deltaText: string;\n  };\n\n\
        export type OneOrMany =\n  | string\n  | string[];\n";
    assert_eq!(written(source, &[]), expected);
}

#[test]
fn what_is_flattened_stands_among_the_fields() {
    let source = r"
        #[derive(Serialize)]
        pub struct Dated { pub date: String, #[serde(flatten)] pub totals: Totals }
    ";
    assert_eq!(written(source, &[]), "export type Dated = {\n  date: string;\n} & Totals;\n");
}

#[test]
fn what_serde_does_and_the_generator_does_not_know_is_refused() {
    for source in [
        "#[derive(Serialize)] #[serde(remote = \"X\")] pub struct A { pub b: u8 }",
        "#[derive(Serialize)] pub enum A { B(String, String) }",
        "#[derive(Serialize)] pub struct A { pub b: fn() }",
    ] {
        assert!(shape::declared(&syn::parse_file(source).unwrap()).is_err(), "{source}");
    }
}
