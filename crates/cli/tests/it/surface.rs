//! Help, versions, names, exit codes: what a script or a person's fingers rely on.

use std::fs::OpenOptions;
use std::os::unix::fs::symlink;

use crate::support::{Home, finish};

#[test]
fn the_help_is_worth_reading() {
    insta::assert_snapshot!(Home::new().run(&["-h"]).ok());
}

#[test]
fn the_binary_works_under_the_names_that_it_replaces() {
    let home = Home::new();
    for name in ["openclaw", "clawdbot", "krabkrab"] {
        let link = home.path().join(name);
        symlink(env!("CARGO_BIN_EXE_chela"), &link).unwrap();
        let ran = finish(home.command_as(&link, &["config", "file"]), "");
        assert_eq!(home.scrubbed(&ran.ok()), "~/.chela/chela.json\n");
        let help = finish(home.command_as(&link, &["gateway", "--help"]), "").ok();
        assert!(help.contains(&format!("Usage: {name} gateway")), "{help}");
    }
}

#[test]
fn exit_codes_tell_usage_from_failure() {
    let home = Home::new();
    let cases: &[(&[&str], i32)] = &[
        (&["--version"], 0),
        (&["gateway", "--port", "many"], 2),
        (&["nonsense"], 2),
        (&["status"], 1),
        (&["gateway"], 78),
        (&["--url", "ftp://x", "status"], 2),
        (&["--profile", "../x", "status"], 2),
        (&["config", "get", "gateway.port"], 1),
        (&["sessions", "delete", "main"], 2),
    ];
    for (args, code) in cases {
        let ran = home.run(args);
        assert_eq!(ran.code, *code, "{args:?}: {ran:?}");
    }
    assert!(!home.state_dir().join("chela.json").exists(), "failing commands write no configuration");
}

#[test]
fn a_reader_that_went_away_is_no_failure_and_a_full_disk_is_one() {
    let home = Home::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let left = home.command(&["config", "file"]).stdout(writer).output().unwrap();
    assert_eq!((left.status.code(), left.stderr), (Some(0), Vec::new()));
    // Where the system has no such device, there is nothing to write to.
    let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else { return };
    let failed = home.command(&["config", "file"]).stdout(full).output().unwrap();
    let said = String::from_utf8(failed.stderr).unwrap();
    assert!(failed.status.code() == Some(1) && said.contains("can't write to standard output"), "{said}");
}

#[test]
fn without_a_gateway_the_next_step_is_said() {
    let home = Home::new();
    for args in [["status"].as_slice(), &["chat"], &["agent", "-m", "hi"], &["logs"]] {
        let ran = home.run_with_input(args, "hi");
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.stdout.is_empty(), "{ran:?}");
        assert!(ran.stderr.contains("no gateway runs here"), "{ran:?}");
        assert!(ran.stderr.contains("chela gateway --allow-unconfigured"), "{ran:?}");
    }
}

#[test]
fn certificates_of_the_administrator_count_for_the_gateway_too() {
    let home = Home::new();
    let mut command = home.command(&["--url", "wss://127.0.0.1:1", "status"]);
    command.env("SSL_CERT_FILE", "/nonexistent/roots.pem");
    let ran = finish(command, "");
    assert_eq!(ran.code, 78, "{ran:?}");
    assert!(ran.stderr.contains("/nonexistent/roots.pem") && ran.stderr.contains("SSL_CERT_FILE"), "{ran:?}");
}

#[test]
fn failures_are_json_when_json_is_asked_for() {
    let ran = Home::new().run(&["status", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &document["ok"], &document["error"]["type"]), (1, &false.into(), &"unreachable".into()));
}

#[test]
fn completions_and_the_manual_are_printed() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(home.run(&["completions", shell]).ok().contains("chela"), "{shell}");
    }
    assert!(home.run(&["man"]).ok().starts_with(".ie"));
}
