//! State dirs of the system that this one replaces, moved in by the real binary and served by the real gateway.

mod dirs;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Home, Ran, RunningGateway};

/// Every path below a folder with its kind, its rights, its time and its content.
fn snapshot(dir: &Path) -> BTreeMap<PathBuf, (u32, i64, i64, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let about = fs::symlink_metadata(&path).unwrap();
            let content = if about.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            if about.is_dir() {
                dirs.push(path.clone());
            }
            found.insert(path, (about.mode(), about.mtime(), about.mtime_nsec(), content));
        }
    }
    found
}

fn report(ran: Ran) -> Value {
    serde_json::from_str(&ran.ok()).unwrap()
}

fn call(home: &Home, method: &str, params: &Value) -> Value {
    let params = params.to_string();
    let ran = home.run(&["gateway", "call", method, "--params", &params]);
    serde_json::from_str(&ran.ok()).unwrap()
}

/// What people and models said, as `role: text`.
fn said(home: &Home, key: &str) -> Vec<String> {
    let history = call(home, "chat.history", &json!({"sessionKey": key, "limit": 100}));
    let text = |message: &Value| match &message["content"] {
        Value::String(text) => text.clone(),
        blocks => {
            let texts = blocks.as_array().into_iter().flatten().filter_map(|block| block["text"].as_str());
            texts.collect::<Vec<_>>().join(" ")
        }
    };
    let messages = history["messages"].as_array().unwrap();
    messages.iter().map(|message| format!("{}: {}", message["role"].as_str().unwrap(), text(message))).collect()
}

fn file<'r>(report: &'r Value, path: &str, fate: &str) -> &'r Value {
    let files = report["files"].as_array().unwrap();
    let found = files.iter().find(|file| file["path"] == path && file["fate"] == fate);
    found.unwrap_or_else(|| panic!("{path} is not {fate} in {files:#?}"))
}

fn key<'r>(report: &'r Value, path: &str) -> &'r Value {
    let keys = report["keys"].as_array().unwrap();
    keys.iter().find(|key| key["path"] == path).unwrap_or_else(|| panic!("{path} is not among {keys:#?}"))
}

#[test]
fn g40_a_dir_of_january_moves_in_whole_and_stays_as_it_was() {
    let home = Home::new();
    let source = home.path().join(".openclaw");
    dirs::january(&source);
    let before = snapshot(&source);

    let dry = report(home.run(&["import", "--dry-run", "--json"]));
    assert!(!home.state_dir().exists(), "a dry run writes nothing");
    let ran = home.run(&["import", "--json"]);
    for secret in dirs::SECRETS {
        assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "a secret is shown");
    }
    let moved = report(ran);
    assert_eq!(snapshot(&source), before, "the source is as it was");
    assert_eq!(
        moved["counts"],
        json!({"conversations": 3, "items": 9, "credentials": 1, "automations": 1, "devices": 1, "people": 1, "files": 5})
    );
    assert_eq!(dry["counts"], moved["counts"], "a dry run says what is then done");
    assert_eq!(key(&moved, "tools.exec.timeoutSec")["to"], "tools.exec.timeoutSeconds");
    assert_eq!(key(&moved, "gateway.port")["fate"], "applied");
    assert_eq!(key(&moved, "wizard.lastRunAt")["fate"], "ignored");
    file(&moved, "agents/main/agent/auth-profiles.json", "mapped");
    file(&moved, "agents/main/agent/auth-profiles.json", "ignored");
    file(&moved, "workspace", "applied");
    file(&moved, "never-heard-of.bin", "ignored");
    let faults = moved["faults"].as_array().unwrap();
    let lines: Vec<&Value> = faults.iter().map(|fault| &fault["line"]).collect();
    assert_eq!((lines, &moved["faultsTotal"]), (vec![&json!(9), &json!(10)], &json!(2)), "{faults:#?}");

    let config = home.read_config();
    assert!(config.contains("// by hand") && config.contains("workspace: \"workspace\""), "{config}");
    assert_eq!(fs::metadata(home.config()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(home.state_dir().join("workspace/MEMORY.md")).unwrap(), "likes teal\n");
    assert!(home.state_dir().join("skills/tea/SKILL.md").exists());

    let gateway = RunningGateway::start(&home);
    let expected = ["user: What is in the box?", "assistant: I look.", "toolResult: a cat", "assistant: A cat."];
    assert_eq!(said(&home, "agent:main:main"), expected);
    assert_eq!(said(&home, "agent:main:telegram:direct:7"), ["user: hello", "assistant: hi"]);
    let sessions = call(&home, "sessions.list", &json!({}));
    let listed = sessions["sessions"].as_array().unwrap();
    let main = listed.iter().find(|session| session["key"] == "agent:main:main").unwrap();
    assert_eq!((&main["label"], &main["sessionId"]), (&json!("Boxes"), &json!("5e55-main")));
    let devices = call(&home, "device.pair.list", &json!({}));
    assert!(devices["paired"].as_array().unwrap().iter().any(|device| device["deviceId"] == dirs::DEVICE));
    let refused = home.run(&["import"]);
    assert!(refused.code == 1 && refused.stderr.contains("stop the gateway"), "{refused:?}");
    assert_eq!(gateway.stop(), Some(0));

    let again = report(home.run(&["import", "--from", source.to_str().unwrap(), "--json"]));
    assert_eq!(again["changed"], false, "{again:#}");
    assert_eq!(home.read_config(), config);
    let gateway = RunningGateway::start(&home);
    assert_eq!(said(&home, "agent:main:main"), expected);
    drop(gateway);
    assert_eq!(snapshot(&source), before);
}

#[test]
fn g40_a_dir_of_september_moves_in_from_databases_that_a_kill_left() {
    let home = Home::new();
    let source = home.path().join("old");
    dirs::september(&source);
    let before = snapshot(&source);

    let from = source.to_str().unwrap();
    let moved = report(home.run(&["import", "--from", from, "--json"]));
    assert_eq!(snapshot(&source), before, "nothing is written beside the databases either");
    assert_eq!(
        moved["counts"],
        json!({"conversations": 2, "items": 5, "credentials": 1, "automations": 1, "devices": 1, "people": 1, "files": 0})
    );
    assert_eq!(moved["faultsTotal"], 0, "{moved:#}");
    file(&moved, "state/openclaw.sqlite#authProfiles.store", "mapped");
    file(&moved, "state/openclaw.sqlite#cron_jobs", "mapped");
    let own = file(&moved, "state/openclaw.sqlite#cron_jobs", "ignored");
    assert!(own["detail"].as_str().unwrap().contains("heartbeat-main"));
    assert_eq!(key(&moved, "agents.entries.main.name")["fate"], "applied");
    assert!(!home.state_dir().join("import-unfinished").exists());

    let gateway = RunningGateway::start(&home);
    assert_eq!(said(&home, "agent:main:main"), ["user: after", "assistant: the reset"]);
    let found = home.run(&["config", "get", "auth.profiles"]).ok();
    assert!(found.contains("anthropic:manual") && !found.contains(dirs::SECRETS[0]), "{found}");
    assert_eq!(gateway.stop(), Some(0));
    assert_eq!(report(home.run(&["import", "--from", from, "--json"]))["changed"], false);
}

#[test]
fn what_was_gone_on_with_here_is_left_as_it_is() {
    let home = Home::new();
    let source = home.path().join(".clawdbot");
    dirs::january(&source);
    // Without an account the built-in guide answers.
    fs::remove_file(source.join("agents/main/agent/auth-profiles.json")).unwrap();
    home.run(&["import"]).ok();
    let gateway = RunningGateway::start(&home);
    home.run_with_input(&["chat"], "and now?\n").ok();
    let here = said(&home, "agent:main:main");
    assert_eq!(gateway.stop(), Some(0));
    dirs::one_more_message(&source);
    let again = report(home.run(&["import", "--from", source.to_str().unwrap(), "--json"]));
    let main = again["conversations"].as_array().unwrap().iter().find(|one| one["id"] == "5e55-main").unwrap();
    assert!(main["outcome"].as_str().unwrap().contains("gone on with here"), "{main}");
    let _gateway = RunningGateway::start(&home);
    assert_eq!(said(&home, "agent:main:main"), here);
}

#[test]
fn a_configuration_that_is_here_holds() {
    let home = Home::new();
    let source = home.path().join(".openclaw");
    dirs::january(&source);
    home.write_config("{gateway: {port: 1}}");
    let moved = report(home.run(&["import", "--from", source.to_str().unwrap(), "--json"]));
    file(&moved, "openclaw.json", "ignored");
    file(&moved, "agents/main/agent/auth-profiles.json", "ignored");
    assert_eq!((home.read_config().as_str(), &moved["counts"]["credentials"]), ("{gateway: {port: 1}}", &json!(0)));
    assert_eq!(moved["counts"]["conversations"], 3);
}

#[test]
fn a_start_beside_such_a_dir_offers_it_and_moves_nothing() {
    let home = Home::new();
    dirs::january(&home.path().join(".openclaw"));
    let ran = home.run(&["gateway"]);
    assert_eq!(ran.code, 78, "{ran:?}");
    assert!(ran.stderr.contains("chela import --from") && ran.stderr.contains(".openclaw"), "{ran:?}");
    assert!(!home.state_dir().join("chela.db").exists());
    // A volume that the other program used may be mounted where ours looks: its configuration is read in place, the rest is offered.
    let volume = Home::new();
    dirs::january(&volume.state_dir());
    let gateway = RunningGateway::start(&volume);
    assert!(gateway.console().contains("chela import --from"), "{}", gateway.console());
    assert_eq!(gateway.stop(), Some(0));
    let moved = report(volume.run(&["import", "--json"]));
    assert_eq!((&moved["counts"]["conversations"], &moved["counts"]["files"]), (&json!(3), &json!(0)));
    assert!(volume.read_config().contains(dirs::SECRETS[0]) && volume.state_dir().join("openclaw.json").exists());
    let nothing = Home::new().run(&["import"]);
    assert!(nothing.code == 1 && nothing.stderr.contains("nothing to import"), "{nothing:?}");
}
