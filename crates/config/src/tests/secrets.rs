//! Secrets from each of their sources.

use std::fs;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde_json::json;

use super::House;
use crate::{Secret, SecretError, SecretResolver};

/// What resolving gives, as text: the secret, or the error that is shown.
fn resolve(house: &mut House, secret: serde_json::Value) -> Result<String, String> {
    let loaded = house.load();
    let mut problems = Vec::new();
    let resolver = SecretResolver::new(&loaded, &house.environment, &house.places(), &mut problems);
    let secret: Secret = serde_json::from_value(secret).unwrap();
    let answer = resolver.resolve(&secret);
    answer.map(|text| text.expose_secret().to_owned()).map_err(|error| error.to_string())
}

#[test]
fn texts_and_variables() {
    let mut house = House::of("{}").set("KEY", "k");
    for (secret, expected) in [
        (json!("plain"), Ok("plain")),
        (json!("$KEY"), Ok("k")),
        (json!("${KEY}"), Ok("k")),
        (json!("$key-like password"), Ok("$key-like password")),
        (json!("$NOPE"), Err("$NOPE: the variable is not set")),
        (json!({"source": "env", "id": "KEY"}), Ok("k")),
        (json!({"source": "env", "provider": "default", "id": "KEY"}), Ok("k")),
        (
            json!({"source": "env", "provider": "vault", "id": "KEY"}),
            Err("env:vault:KEY: there is no such provider; add it under `secrets.providers`"),
        ),
        (json!({"source": "env", "id": "NOPE"}), Err("env:env:NOPE: the variable is not set")),
    ] {
        let resolved = resolve(&mut house, secret.clone());
        assert_eq!(resolved, expected.map(str::to_owned).map_err(str::to_owned), "{secret}");
    }
}

#[test]
fn an_allowlist_keeps_other_variables_out() {
    let config = r#"{secrets: {providers: {few: {source: "env", allowlist: ["A"]}}, defaults: {env: "few"}}}"#;
    let mut house = House::of(config).set("A", "a").set("B", "b");
    assert_eq!(resolve(&mut house, json!({"source": "env", "id": "A"})), Ok("a".into()));
    let refused = resolve(&mut house, json!({"source": "env", "id": "B"}));
    assert_eq!(refused, Err("env:few:B: the provider's allowlist does not name it".into()));
}

#[test]
fn files_by_pointer_and_as_a_whole() {
    let mut house = House::with(&[
        (
            "chela.json",
            r#"{secrets: {providers: {
                keys: {source: "file", path: "keys.json"},
                one: {source: "file", path: "one.txt", mode: "singleValue"},
                big: {source: "file", path: "big.txt", mode: "singleValue"},
            }}}"#,
        ),
        ("keys.json", r#"{"openai": {"key": "hunter2"}, "port": 1}"#),
        ("one.txt", "hunter3\n"),
        ("big.txt", &"x".repeat(64 * 1024 + 1)),
    ]);
    let file = |provider: &str, id: &str| json!({"source": "file", "provider": provider, "id": id});
    assert_eq!(resolve(&mut house, file("keys", "/openai/key")), Ok("hunter2".into()));
    assert_eq!(resolve(&mut house, file("one", "value")), Ok("hunter3".into()));
    for (secret, message) in [
        (file("keys", "/nope"), "file:keys:/nope: the file has nothing there"),
        (file("keys", "/port"), "file:keys:/port: what stands there is no text"),
        (file("one", "/x"), "file:one:/x: the id of a file with one value is `value`"),
    ] {
        assert_eq!(resolve(&mut house, secret), Err(message.into()));
    }
    let big = resolve(&mut house, file("big", "value")).unwrap_err();
    assert!(big.ends_with("big.txt is larger than 64 KiB"), "{big}");
}

#[test]
fn programs_get_the_id_and_a_scrubbed_environment() {
    let mut house = House::of("{}").set("PASSED", "yes").set("KEPT", "no").set("PATH", "/usr/bin:/bin");
    let script = r#"echo "$0 $1 [$PASSED] [$KEPT]""#;
    let config = json!({"secrets": {"providers": {
        "vault": {"source": "exec", "command": "/bin/sh", "args": ["-c", script, "get"], "passEnv": ["PASSED"]},
        "loose": {"source": "exec", "command": "vault"},
        "fails": {"source": "exec", "command": "/bin/false"},
        "endless": {"source": "exec", "command": "/bin/cat", "args": ["--"]},
    }}});
    fs::write(house.path().join("chela.json"), config.to_string()).unwrap();
    let exec = |provider: &str, id: &str| json!({"source": "exec", "provider": provider, "id": id});
    assert_eq!(resolve(&mut house, exec("vault", "a b; c")), Ok("get a b; c [yes] []".into()));
    assert!(resolve(&mut house, exec("vault", "--help")).unwrap_err().contains("does not start with `-`"));
    assert!(resolve(&mut house, exec("loose", "x")).unwrap_err().contains("absolute path"));
    assert!(resolve(&mut house, exec("endless", "/dev/zero")).unwrap_err().contains("longer than 64 KiB"));
    assert!(resolve(&mut house, exec("fails", "x")).unwrap_err().contains("the program failed"));
}

#[test]
fn a_program_that_does_not_answer_is_ended() {
    let config = r#"{secrets: {providers: {slow: {source: "exec", command: "/bin/sleep"}}}}"#;
    let mut house = House::of(config);
    let loaded = house.load();
    let resolver = SecretResolver::new(&loaded, &house.environment, &house.places(), &mut Vec::new())
        .with_program_timeout(Duration::from_millis(20));
    let secret: Secret = serde_json::from_value(json!({"source": "exec", "provider": "slow", "id": "60"})).unwrap();
    let error = resolver.resolve(&secret).unwrap_err();
    assert_eq!(error.to_string(), "exec:slow:60: the program did not answer within 20 ms");
}

#[test]
fn g15_a_wrong_secrets_section_fetches_nothing() {
    let mut house = House::of(r#"{secrets: {providers: {v: {source: "vault"}}}}"#).set("KEY", "k");
    let loaded = house.load();
    let mut problems = Vec::new();
    let resolver = SecretResolver::new(&loaded, &house.environment, &house.places(), &mut problems);
    assert_eq!(
        super::shown(&problems),
        r#"Error secrets.providers.v.source: expected "env", "file" or "exec", found "vault""#
    );
    let secret: Secret = serde_json::from_value(json!({"source": "env", "id": "KEY"})).unwrap();
    let refused = resolver.resolve(&secret).map(|_| ());
    assert_eq!(refused, Err(SecretError::SectionWrong { reference: "env::KEY".into() }));
}
