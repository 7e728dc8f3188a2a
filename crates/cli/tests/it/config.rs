//! `chela config` on a file that a person wrote.

use crate::support::Home;

const WRITTEN: &str = r#"{
  // my assistant
  gateway: { port: 3000, /* not 80 */ bind: "loopback", },
  agents: { defaults: { model: { primary: "anthropic/claude-opus-4-5" } } }, // the best
}
"#;

#[test]
fn edits_keep_comments_and_order() {
    let home = Home::new();
    home.write_config(WRITTEN);
    home.run(&["config", "set", "gateway.port", "4000"]).ok();
    assert_eq!(home.read_config(), WRITTEN.replace("3000", "4000"));
    home.run(&["config", "set", "agents.defaults.model.primary", "openai/gpt-4o"]).ok();
    home.run(&["config", "patch", "{gateway: {bind: \"lan\"}}"]).ok();
    let expected = WRITTEN.replace("3000", "4000").replace("anthropic/claude-opus-4-5", "openai/gpt-4o");
    assert_eq!(home.read_config(), expected.replace("\"loopback\"", "\"lan\""));
    assert_eq!(home.run(&["config", "get", "gateway.port"]).ok(), "4000\n");
    home.run(&["config", "unset", "gateway.bind"]).ok();
    assert_eq!(home.run(&["config", "get", "gateway.bind"]).code, 1);
    assert!(home.read_config().contains("// my assistant"));
}

#[test]
fn secrets_come_from_a_pipe_and_are_never_shown() {
    let home = Home::new();
    let path = "models.providers.anthropic.apiKey";
    home.run_with_input(&["config", "set", path, "-"], "sk-ant-s3cret\n").ok();
    assert!(home.read_config().contains("\"sk-ant-s3cret\""));
    for args in [["config", "get"].as_slice(), &["config", "get", path], &["config", "get", "--json"], &["doctor"]] {
        let ran = home.run(args);
        assert!(!(ran.stdout + &ran.stderr).contains("s3cret"), "{args:?}");
    }
    let ran = home.run(&["config", "set", "gateway.auth", "{token: 12}"]);
    assert_ne!(ran.code, 0, "{ran:?}");
}

#[test]
fn what_waits_for_a_restart_is_said() {
    let home = Home::new();
    let said = home.run(&["config", "set", "gateway", "{port: 3000, reload: {debounceMs: 5}}", "--json"]).ok();
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["requiresRestart"], serde_json::json!(["gateway.mode", "gateway.port"]), "{said}");
}

#[test]
fn g15_a_wrong_value_is_refused_and_an_unknown_key_is_named() {
    let home = Home::new();
    home.write_config(WRITTEN);
    let ran = home.run(&["config", "set", "gateway.port", "\"soon\""]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("gateway.port") && ran.stderr.contains("\"soon\""), "{}", ran.stderr);
    assert_eq!(home.read_config(), WRITTEN, "a refused change leaves the file as it was");

    let ran = home.run(&["config", "set", "gatway.port", "3000"]);
    assert_eq!(ran.code, 0, "a key for another program may stand in the file");
    assert!(ran.stderr.contains("gatway") && ran.stderr.contains("did you mean `gateway`"), "{}", ran.stderr);
    let ran = home.run(&["config", "set", "gateway.port", "3001"]);
    assert!(!ran.stderr.contains("gatway"), "said once, by the change that did it: {}", ran.stderr);

    home.write_config("{ gateway: { prot: 3000, bind: 7, auth: { mode: \"magic\" } } }");
    let ran = home.run(&["config", "validate"]);
    assert_eq!(ran.code, 78);
    insta::assert_snapshot!(ran.stdout);
}

#[test]
fn g18_a_broken_file_is_shown_with_the_place_and_never_overwritten() {
    let home = Home::new();
    let broken = "{ gateway: { port: 3000,, } }";
    home.write_config(broken);
    for args in [["config", "validate"].as_slice(), &["config", "get"], &["config", "set", "gateway.port", "1"]] {
        let ran = home.run(args);
        assert_eq!(ran.code, 78, "{args:?}: {ran:?}");
        assert!((ran.stdout + &ran.stderr).contains("line 1"), "{args:?}");
    }
    assert_eq!(home.read_config(), broken);
}

#[test]
fn foreign_names_of_the_file_are_used() {
    let home = Home::new();
    std::fs::create_dir_all(home.state_dir()).unwrap();
    std::fs::write(home.state_dir().join("clawdbot.json"), "{\"gateway\": {\"port\": 4711}}").unwrap();
    assert_eq!(home.run(&["config", "get", "gateway.port"]).ok(), "4711\n");
    home.run(&["config", "set", "gateway.port", "4712"]).ok();
    assert!(!home.config().exists(), "the file that is there is the one that is changed");
}

#[test]
fn a_first_setting_makes_a_file_with_which_a_gateway_starts() {
    let home = Home::new();
    home.run(&["config", "set", "logging.level", "debug"]).ok();
    let text = home.read_config();
    assert!(text.contains("// Settings of this gateway.") && text.contains("mode: \"local\""), "{text}");
    assert_eq!(home.run(&["config", "get", "logging.level"]).ok().trim(), "debug");
}

#[test]
fn doctor_names_unknown_keys_and_rules_that_can_not_be_kept() {
    let home = Home::new();
    home.write_config(r#"{gateway: {mode: "local", prot: 1}, tools: {exec: {host: "node"}}}"#);
    let told = home.run(&["doctor"]);
    let told = format!("{}{}", told.stdout, told.stderr);
    assert!(told.contains("gateway.prot") && told.contains("tools.exec"), "{told}");
}
