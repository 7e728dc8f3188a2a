//! `chela doctor`: every trouble is made, seen, and where that is safe mended; a healthy house has none.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};

use serde_json::Value;

use crate::support::{Home, RunningGateway, finish};

/// Long enough that nobody complains about it.
const TOKEN: &str = "a-token-that-is-long-enough-for-all";

/// A house in which nothing is wrong: a configuration, a key, and a token.
fn healthy() -> Home {
    let home = Home::new();
    home.write_config("{gateway: {mode: \"local\"}}");
    fs::set_permissions(home.state_dir(), Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(home.config(), Permissions::from_mode(0o600)).unwrap();
    home
}

/// What the doctor finds, and its exit code.
fn findings(home: &Home, args: &[&str], environment: &[(&str, &str)]) -> (Vec<Value>, i32) {
    let mut command = home.command(&[&["doctor", "--json"], args].concat());
    command.env("ANTHROPIC_API_KEY", "a-key").envs(environment.iter().copied());
    let ran = finish(command, "");
    let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    assert_eq!(document["ok"] == true, ran.code == 0, "{document}");
    (document["findings"].as_array().unwrap().clone(), ran.code)
}

/// Whether what the machine is (a container, a disk in memory) is told: no trouble that a test makes.
fn is_about_the_machine(finding: &Value) -> bool {
    let id = finding["id"].as_str().unwrap();
    let in_a_container = id == "address.unreachable" && finding["level"] == "warning";
    in_a_container
        || ["state.fleeting", "state.network", "disk.low", "disk.files", "memory.low", "memory.killed", "machine.files"]
            .contains(&id)
}

fn troubles(found: &[Value]) -> Vec<&str> {
    let bad = found.iter().filter(|finding| finding["level"] != "ok" && !is_about_the_machine(finding));
    bad.map(|finding| finding["id"].as_str().unwrap()).collect()
}

#[test]
fn a_healthy_house_has_no_trouble() {
    let home = healthy();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let free = [("CHELA_GATEWAY_PORT", port.as_str())];
    let (found, code) = findings(&home, &[], &free);
    assert_eq!((troubles(&found), code), (vec![], 0), "{found:#?}");
    let (found, _) = findings(&home, &["--fix"], &free);
    assert!(found.iter().all(|finding| finding["fixed"] == false), "and nothing to mend: {found:#?}");
}

#[test]
fn a_healthy_gateway_has_no_trouble() {
    let home = healthy();
    let _gateway =
        RunningGateway::start_with(&home, &[], &[("CHELA_GATEWAY_TOKEN", TOKEN), ("ANTHROPIC_API_KEY", "k")]);
    let (found, code) = findings(&home, &[], &[("CHELA_GATEWAY_TOKEN", TOKEN)]);
    assert_eq!((troubles(&found), code), (vec![], 0), "{found:#?}");
}

/// One trouble: how it is made, its id, its level, and whether `--fix` mends it.
struct Trouble {
    id: &'static str,
    level: &'static str,
    make: fn(&Home),
    environment: &'static [(&'static str, &'static str)],
    mended: bool,
}

const fn trouble(id: &'static str, level: &'static str, make: fn(&Home), mended: bool) -> Trouble {
    Trouble { id, level, make, environment: &[], mended }
}

fn write(home: &Home, name: &str, text: &str) {
    let path = home.state_dir().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

const TROUBLES: &[Trouble] = &[
    trouble("config.missing", "warning", |home| fs::remove_file(home.config()).unwrap(), false),
    trouble("config.unreadable", "error", |home| write(home, "chela.json", "{gateway: "), false),
    trouble(
        "config.wrong_value",
        "error",
        |home| write(home, "chela.json", "{gateway: {mode: 'local', port: 'many'}}"),
        false,
    ),
    trouble(
        "config.unknown_key",
        "warning",
        |home| write(home, "chela.json", "{gateway: {mode: 'local', prot: 4}}"),
        true,
    ),
    trouble(
        "config.old_name",
        "warning",
        |home| write(home, "chela.json", "{gateway: {mode: 'local'}, tools: {exec: {timeoutSec: 5}}}"),
        true,
    ),
    trouble("config.unread", "warning", |home| write(home, "openclaw.json", "{gateway: {mode: 'local'}}"), false),
    trouble(
        "state.mode",
        "warning",
        |home| fs::set_permissions(home.state_dir(), Permissions::from_mode(0o755)).unwrap(),
        true,
    ),
    trouble(
        "state.secret_mode",
        "warning",
        |home| {
            write(home, "gateway-token", TOKEN);
            fs::set_permissions(home.state_dir().join("gateway-token"), Permissions::from_mode(0o644)).unwrap();
        },
        true,
    ),
    trouble("state.leftover", "warning", |home| write(home, "gateway.1a2b.lock", "7"), true),
    trouble("state.leftover", "warning", |home| write(home, "chela.json.new", "{"), true),
    trouble("database.damaged", "error", |home| write(home, "chela.db", "no database at all"), false),
    trouble(
        "address.unprotected",
        "warning",
        |home| write(home, "chela.json", "{gateway: {mode: 'local', bind: 'lan'}}"),
        true,
    ),
    Trouble {
        environment: &[("CHELA_GATEWAY_BIND", "everywhere")],
        ..trouble("address.wrong", "error", |_| {}, false)
    },
    Trouble { environment: &[("CHELA_GATEWAY_TOKEN", "hunter2")], ..trouble("access.weak", "warning", |_| {}, false) },
    Trouble {
        environment: &[("CHELA_GATEWAY_TOKEN", TOKEN), ("OPENCLAW_GATEWAY_TOKEN", "another-token-of-enough-length")],
        ..trouble("environment.contradiction", "warning", |_| {}, false)
    },
    Trouble { environment: &[("ANTHROPIC_API_KEY", "")], ..trouble("keys.missing", "warning", |_| {}, false) },
    trouble(
        "access.none",
        "warning",
        |home| write(home, "chela.json", "{gateway: {mode: 'local', auth: {mode: 'none'}}}"),
        false,
    ),
    trouble(
        "access.proxies",
        "warning",
        |home| write(home, "chela.json", "{gateway: {mode: 'local', trustedProxies: ['0.0.0.0/0']}}"),
        false,
    ),
    trouble(
        "access.origins",
        "warning",
        |home| write(home, "chela.json", "{gateway: {mode: 'local', controlUi: {allowedOrigins: ['*']}}}"),
        false,
    ),
    trouble(
        "channels.closed",
        "error",
        |home| write(home, "chela.json", "{gateway: {mode: 'local'}, channels: {telegram: {enabled: true}}}"),
        false,
    ),
    trouble(
        "channels.rules",
        "warning",
        |home| {
            let text = "{gateway: {mode: 'local'}, channels: {telegram: {enabled: true, botToken: '1:a', dmPolicy: 'open', allowFrom: ['*']}}}";
            write(home, "chela.json", text);
        },
        false,
    ),
];

#[test]
fn each_trouble_is_found_and_mended_where_that_is_safe() {
    for Trouble { id, level, make, environment, mended } in TROUBLES {
        let home = healthy();
        make(&home);
        let (found, _) = findings(&home, &[], environment);
        let seen = found.iter().find(|finding| finding["id"] == *id).unwrap_or_else(|| panic!("{id}: {found:#?}"));
        assert_eq!(seen["level"], *level, "{seen}");
        assert!(seen["mend"].as_str().is_some_and(|mend| !mend.is_empty()), "{seen}");
        assert_eq!(seen["fixable"] == true, *mended, "{seen}");

        let (found, _) = findings(&home, &["--fix"], environment);
        assert_eq!(found.iter().any(|finding| finding["fixed"] == true), *mended, "{id}: {found:#?}");
        let (found, _) = findings(&home, &[], environment);
        assert_eq!(troubles(&found).contains(id), !mended, "{id}: {found:#?}");
    }
}

#[test]
fn key_names_are_mended_and_nothing_else_of_the_text_changes() {
    let home = healthy();
    write(
        &home,
        "chela.json",
        "{\n  // mine\n  gateway: {mode: 'local', prot: 4001},\n  tools: {exec: {timeoutSec: 5}},\n}\n",
    );
    findings(&home, &["--fix"], &[]);
    let text = home.read_config();
    assert!(text.contains("// mine") && !text.contains("prot") && !text.contains("timeoutSec:"), "{text}");
    assert_eq!(home.run(&["config", "get", "gateway.port"]).ok(), "4001\n");
    assert_eq!(home.run(&["config", "get", "tools.exec.timeoutSeconds"]).ok(), "5\n");
}

#[test]
fn a_name_that_may_mean_something_else_is_left_alone() {
    let home = healthy();
    // The right name is there already.
    write(&home, "chela.json", "{gateway: {mode: 'local', port: 4000, prot: 4001}}");
    findings(&home, &["--fix"], &[]);
    assert!(home.read_config().contains("prot: 4001"));
}

#[test]
fn g18_a_configuration_that_cannot_be_read_is_put_back_only_when_asked() {
    let home = healthy();
    home.run(&["config", "set", "gateway.port", "4002"]).ok();
    home.run(&["config", "set", "gateway.port", "4003"]).ok();
    write(&home, "chela.json", "{gateway: ");
    findings(&home, &["--fix"], &[]);
    assert_eq!(home.read_config(), "{gateway: ", "not by --fix");
    let (found, _) = findings(&home, &["--restore-config"], &[]);
    assert!(found.iter().any(|finding| finding["id"] == "config.restored" && finding["fixed"] == true), "{found:#?}");
    assert_eq!(home.run(&["config", "get", "gateway.port"]).ok(), "4002\n");
    assert_eq!(fs::read_to_string(home.state_dir().join("chela.json.broken")).unwrap(), "{gateway: ");
}

#[test]
fn a_taken_port_names_who_holds_it() {
    let home = healthy();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port().to_string();
    let (found, code) = findings(&home, &[], &[("CHELA_GATEWAY_PORT", &port)]);
    let taken = found.iter().find(|finding| finding["id"] == "port.taken").unwrap();
    assert_eq!(code, 1);
    let by = taken["evidence"][0].as_str().unwrap();
    assert!(by.contains(&format!("pid {}", std::process::id())), "{taken}");
}

#[test]
fn files_of_others_are_found_and_given_back_by_root() {
    let home = healthy();
    if chown(home.state_dir(), Some(10_001), Some(10_001)).is_err() {
        eprintln!("skipped: only root can make files of others");
        return;
    }
    let (found, _) = findings(&home, &[], &[]);
    let seen = found.iter().find(|finding| finding["id"] == "state.owner").unwrap();
    assert!(seen["evidence"][0].as_str().unwrap().ends_with("chela.json: user 0"), "{seen}");
    findings(&home, &["--fix"], &[]);
    let (found, _) = findings(&home, &[], &[]);
    assert!(!troubles(&found).contains(&"state.owner"), "{found:#?}");
}

#[test]
fn in_a_container_a_gateway_on_loopback_is_out_of_reach() {
    let home = healthy();
    let _gateway = RunningGateway::start_with(&home, &[], &[("CHELA_GATEWAY_TOKEN", TOKEN)]);
    let (found, code) = findings(&home, &[], &[("CHELA_GATEWAY_TOKEN", TOKEN), ("FLY_APP_NAME", "my-chela")]);
    let seen = found.iter().find(|finding| finding["id"] == "address.unreachable").unwrap();
    assert!(code == 1 && seen["mend"].as_str().unwrap().contains("--bind lan"), "{seen}");
}

#[test]
fn a_gateway_elsewhere_is_asked_about_itself_only() {
    let home = healthy();
    let gateway =
        RunningGateway::start_with(&home, &[], &[("CHELA_GATEWAY_TOKEN", TOKEN), ("FLY_APP_NAME", "my-chela")]);
    let (other, token) = (Home::new(), [("CHELA_GATEWAY_TOKEN", TOKEN)]);
    let (found, code) = findings(&other, &["--url", &gateway.url], &token);
    let ids: Vec<&str> = found.iter().map(|finding| finding["id"].as_str().unwrap()).collect();
    assert!(code == 0 && ids.iter().all(|id| id.starts_with("gateway.")), "{found:#?}");
    assert!(found.iter().any(|finding| finding["message"].as_str().unwrap().contains("my-chela on fly")), "{found:#?}");

    let (found, code) = findings(&other, &["--url", &gateway.url], &[("CHELA_GATEWAY_TOKEN", "wrong-and-long-enough")]);
    assert_eq!((found[0]["id"].as_str(), code), (Some("gateway.unreachable"), 1));
    drop(gateway);
}
