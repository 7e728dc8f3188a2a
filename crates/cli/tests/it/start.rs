//! How a gateway starts: the port first, everything that takes time behind it.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::Home;

/// A child that dies with its test.
struct Dying(Child);

impl Drop for Dying {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn port_of(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("listening on ws://")?;
    rest.split_whitespace().next()?.rsplit(':').next()?.parse().ok()
}

fn status_of(port: u16, path: &str) -> u16 {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n").unwrap();
    let mut status = String::new();
    BufReader::new(socket).read_line(&mut status).unwrap();
    status.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn g03_it_listens_before_it_builds_what_takes_time() {
    let home = Home::new();
    // A key that comes from a program which does not end before the test lets it.
    let gate = home.path().join("gate");
    assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
    let wait = format!("cat {}", gate.display());
    home.write_config(
        &json!({
            "gateway": {"mode": "local"},
            "secrets": {"providers": {"slow": {"source": "exec", "command": "/bin/sh", "args": ["-c", wait]}}},
            "models": {"providers": {"openai": {"apiKey": {"source": "exec", "provider": "slow", "id": "key"}}}},
        })
        .to_string(),
    );
    let mut command = home.command(&["gateway", "--port", "0"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut child = Dying(child);
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let port = lines.find_map(|line| port_of(&line)).expect("it says where it listens");

    assert_eq!(status_of(port, "/healthz"), 200, "alive");
    assert_eq!(status_of(port, "/readyz"), 503, "and says that it is not ready");
    assert_eq!(status_of(port, "/startupz"), 503);

    OpenOptions::new().write(true).open(&gate).unwrap().write_all(b"a-key\n").unwrap();
    assert!(lines.any(|line| line.contains("[gateway] ready")));
    assert_eq!(status_of(port, "/readyz"), 200);
    assert_eq!(status_of(port, "/startupz"), 200);
}

#[test]
fn g25_a_token_that_was_made_is_not_told_to_what_keeps_it() {
    let home = Home::new();
    let mut command = home.command(&["gateway", "--allow-unconfigured", "--port", "0", "--log-format", "json"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut child = Dying(child);
    let mut said = Vec::new();
    for line in BufReader::new(child.0.stdout.take().unwrap()).lines().map(Result::unwrap) {
        let document: Value = serde_json::from_str(&line).expect("only the log is on standard output");
        let message = document["message"].as_str().unwrap().to_owned();
        let is_last = message.contains("a token was made");
        said.push(message);
        if is_last {
            break;
        }
    }
    child.0.kill().unwrap();
    let mut errors = String::new();
    child.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    let file = home.state_dir().join("gateway-token");
    assert!(said.last().unwrap().contains(file.to_str().unwrap()), "{said:?}");
    let token = fs::read_to_string(file).unwrap();
    let text = said.join("\n") + &errors;
    assert!(!text.contains(token.trim()) && !text.contains("#token="), "{text}");
}

#[test]
fn g03_nothing_is_fetched_or_installed_at_the_start() {
    let home = Home::new();
    let mut command = home.command(&["gateway", "--allow-unconfigured", "--port", "0"]);
    // No program can be found and no name resolved through these; a start that wanted either would fail or wait.
    command
        .env("PATH", "/nonexistent")
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .env("HTTP_PROXY", "http://127.0.0.1:1");
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut child = Dying(child);
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("[gateway] ready")));
}
