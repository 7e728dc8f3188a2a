//! Who may read what the gateway writes, whatever the umask.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use chela_testkit::model::Step;
use serde_json::json;

use super::canaries::House;
use crate::support::{RunningGateway, finish};

/// Files and folders that others have rights to.
fn open_to_others(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // Journals of the database come and go.
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        let mode = meta.permissions().mode() & 0o777;
        if !meta.is_symlink() && mode & 0o077 != 0 {
            found.push(format!("{} {mode:o}", path.display()));
        }
        if meta.is_dir() {
            open_to_others(&path, found);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g25_what_the_gateway_writes_is_for_its_owner_only() {
    let long = "word ".repeat(30_000);
    let house = House::new([
        Step::tools([
            ("exec", json!({"command": "seq 1 200000"})),
            ("write", json!({"path": "made/by/a/tool", "content": long})),
        ]),
        Step::text("done"),
    ])
    .await;
    // What a person put there keeps its mode until the gateway writes it anew.
    for file in [".env", "chela.json", ""] {
        let path = house.home.state_dir().join(file);
        fs::set_permissions(&path, fs::Permissions::from_mode(if path.is_dir() { 0o700 } else { 0o600 })).unwrap();
    }
    let open_umask = |args: &[&str]| {
        let mut command = house
            .home
            .command_as(Path::new("/bin/sh"), &["-c", "umask 000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_chela")]);
        command.args(args);
        command
    };
    let gateway = RunningGateway::start_command(open_umask(&[
        "gateway",
        "--allow-unconfigured",
        "--port",
        "0",
        "--bind",
        "loopback",
        "--verbose",
    ]));
    for args in [
        &["agent", "--message", "work"] as &[&str],
        &["config", "set", "logging.level", "debug"],
        &["config", "set", "agents.defaults.skipBootstrap", "false"],
        &["chat"],
        &["devices", "list"],
        &["doctor"],
        &["sessions", "show", "main"],
    ] {
        let ran = finish(open_umask(args), "hello\n");
        assert!(matches!(ran.code, 0 | 1), "{args:?}: {ran:?}");
    }
    let mut found = Vec::new();
    open_to_others(&house.home.state_dir(), &mut found);
    assert_eq!(gateway.stop(), Some(0));
    open_to_others(&house.home.state_dir(), &mut found);
    // The assistant's own files are made as its commands make them; nobody else comes through the folder above them.
    found.retain(|line| !line.contains("/.chela/workspace/made"));
    assert_eq!(found, [""; 0]);
}
