//! State dirs as the other program leaves them, small ones: of January 2026 in files and of September 2026 in SQLite (reference §5).

use std::fs;
use std::io::Write as _;
use std::path::Path;

use rusqlite::{Connection, params};
use serde_json::{Value, json};

/// What may stand in no report.
pub(super) const SECRETS: [&str; 3] =
    ["sk-ant-import-secret-1", "device-token-import-secret", "gateway-token-import-secret"];

pub(super) const DEVICE: &str = "251037765247ff91dbfa55cac168c62f32eee8cc03861fa2beb33c6ef66ebd15";
const DEVICE_KEY: &str = "J84CZVo9zHux-7snwheN4BzdxTzhzKyTfk7xZZZNwWs";

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn lines(path: &Path, entries: &[Value]) {
    let text = entries.iter().fold(String::new(), |text, entry| text + &entry.to_string() + "\n");
    write(path, &text);
}

fn header(id: &str, version: u32) -> Value {
    json!({"type": "session", "version": version, "id": id, "timestamp": "2026-01-20T10:00:00.000Z", "cwd": "/"})
}

fn message(id: &str, parent: Option<&str>, message: &Value) -> Value {
    json!({"type": "message", "id": id, "parentId": parent, "timestamp": "2026-01-20T10:00:01.000Z", "message": message})
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": [{"type": "text", "text": text}], "timestamp": 1_768_903_201_000_i64})
}

fn assistant(text: &str) -> Value {
    json!({"role": "assistant", "content": [{"type": "text", "text": text}], "provider": "mock", "model": "m",
        "usage": {"input": 10, "output": 2, "cacheRead": 0, "cacheWrite": 0, "cost": {"total": 0.001}},
        "stopReason": "stop", "timestamp": 1_768_903_202_000_i64})
}

/// With a conversation that has a branch and two damaged lines, one of a channel, and one that no list names.
pub(super) fn january(dir: &Path) {
    let config = format!(
        "{{\n  // by hand\n  gateway: {{ mode: \"local\", port: 18999, auth: {{ mode: \"token\", token: \"{}\" }} }},\n  \
         agents: {{ defaults: {{ workspace: \"{}\" }} }},\n  tools: {{ exec: {{ timeoutSec: 33 }} }},\n  \
         wizard: {{ lastRunAt: \"2026-01-01\" }},\n}}\n",
        SECRETS[2],
        dir.join("workspace").display()
    );
    write(&dir.join("openclaw.json"), &config);
    write(&dir.join(".env"), "SOME=thing\n");
    write(&dir.join("workspace/AGENTS.md"), "Be kind.\n");
    write(&dir.join("workspace/MEMORY.md"), "likes teal\n");
    write(&dir.join("workspace/memory/2026-01-20.md"), "a box\n");
    write(&dir.join("skills/tea/SKILL.md"), "---\nname: tea\ndescription: makes tea\n---\nBoil water.\n");
    write(&dir.join("never-heard-of.bin"), "?");
    write(&dir.join("update-check.json"), "{}");
    january_sessions(dir);
    write(
        &dir.join("agents/main/agent/auth-profiles.json"),
        &json!({"version": 1, "profiles": {
            "anthropic:work": {"type": "api_key", "provider": "anthropic", "key": SECRETS[0]},
            "google:me": {"type": "oauth", "provider": "google", "access": "a", "refresh": "r"}}})
        .to_string(),
    );
    let job = json!({"id": "job-1", "name": "daily", "enabled": true, "createdAtMs": 1_768_903_200_000_i64,
        "schedule": {"kind": "cron", "expr": "0 9 * * *", "tz": "Europe/Berlin"}, "sessionTarget": "isolated",
        "wakeMode": "next-heartbeat", "payload": {"kind": "agentTurn", "message": "Good morning"}, "state": {}});
    write(&dir.join("cron/jobs.json"), &json!({"version": 1, "jobs": [job]}).to_string());
    let device = json!({"deviceId": DEVICE, "publicKey": DEVICE_KEY, "platform": "linux", "role": "operator",
        "roles": ["operator"], "scopes": ["operator.admin"], "createdAtMs": 5, "approvedAtMs": 6,
        "tokens": {"operator": {"token": SECRETS[1], "role": "operator", "scopes": ["operator.admin"], "createdAtMs": 5}}});
    write(&dir.join("devices/paired.json"), &json!({DEVICE: device}).to_string());
    write(&dir.join("credentials/telegram-allowFrom.json"), r#"{"version": 1, "allowFrom": ["telegram:7", "*"]}"#);
}

fn january_sessions(dir: &Path) {
    let sessions = dir.join("agents/main/sessions");
    write(
        &sessions.join("sessions.json"),
        &json!({
            "agent:main:main": {"sessionId": "5e55-main", "updatedAt": 1_768_903_300_000_i64, "label": "Boxes"},
            "agent:main:telegram:dm:7": {"sessionId": "5e55-dm", "updatedAt": 1_768_903_290_000_i64,
                "lastChannel": "telegram", "sessionFile": "/elsewhere/sessions/5e55-dm.jsonl"},
        })
        .to_string(),
    );
    let called = json!({"role": "assistant", "content": [{"type": "text", "text": "I look."},
        {"type": "toolCall", "id": "call_1", "name": "read", "arguments": {"path": "box"}}],
        "provider": "mock", "model": "m", "stopReason": "toolUse", "usage": {"input": 5, "output": 1}});
    let result = json!({"role": "toolResult", "toolCallId": "call_1", "toolName": "read", "isError": false,
        "content": [{"type": "text", "text": "a cat"}]});
    let path = sessions.join("5e55-main.jsonl");
    lines(
        &path,
        &[
            header("5e55-main", 3),
            json!({"type": "model_change", "id": "00000001", "parentId": null, "provider": "mock", "modelId": "m"}),
            message("00000002", Some("00000001"), &user("What is in the box?")),
            message("00000003", Some("00000002"), &assistant("A branch that was left.")),
            message("00000004", Some("00000002"), &called),
            message("00000005", Some("00000004"), &result),
            json!({"type": "custom", "id": "00000006", "parentId": "00000005", "customType": "x", "data": {}}),
            message("00000007", Some("00000006"), &assistant("A cat.")),
        ],
    );
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"type\":\"message\",\"id\":\"cut o\n[1, 2]\n").unwrap();
    let hello = [header("5e55-dm", 3), message("a", None, &user("hello")), message("b", Some("a"), &assistant("hi"))];
    lines(&sessions.join("5e55-dm.jsonl"), &hello);
    let lost = [
        header("5e55-lost", 3),
        message("a", None, &user("who lists me?")),
        message("b", Some("a"), &assistant("nobody")),
        message("c", Some("b"), &user("I see")),
    ];
    lines(&sessions.join("5e55-lost.jsonl"), &lost);
    write(&sessions.join("5e55-gone.jsonl.deleted.1768903200000"), "{}\n");
}

/// What somebody says there after the import.
pub(super) fn one_more_message(dir: &Path) {
    let path = dir.join("agents/main/sessions/5e55-main.jsonl");
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    writeln!(file, "{}", message("00000008", Some("00000007"), &user("and there?"))).unwrap();
}

/// With a conversation that was begun anew, one entry of it compressed, and all of it still in the write-ahead logs.
pub(super) fn september(dir: &Path) {
    let config = json!({"gateway": {"mode": "local"}, "agents": {"entries": {"main": {"name": "Main"}}}});
    write(&dir.join("openclaw.json"), &config.to_string());
    database(&dir.join("agents/main/agent/openclaw-agent.sqlite"), |live| {
        live.execute_batch(
            "CREATE TABLE session_nodes (session_key TEXT PRIMARY KEY, current_session_id TEXT, entry_json TEXT,
                 archived_at INTEGER, pinned_at INTEGER);
             CREATE TABLE session_windows (session_id TEXT PRIMARY KEY, session_key TEXT, created_at INTEGER);
             CREATE TABLE transcript_events (session_id TEXT, seq INTEGER, event_json TEXT, event_zstd BLOB,
                 event_utf8_bytes INTEGER, PRIMARY KEY (session_id, seq));
             INSERT INTO session_windows VALUES ('s1', 'agent:main:main', 1768903200000);",
        )
        .unwrap();
        let entry = json!({"sessionId": "s1", "updatedAt": 1_768_903_300_000_i64, "delivery": {"kind": "none"}});
        let node = "INSERT INTO session_nodes VALUES ('agent:main:main', 's1', ?1, NULL, NULL)";
        live.execute(node, [entry.to_string()]).unwrap();
        let events = [
            header("s1", 4),
            message("u1", None, &user("before")),
            message("a1", Some("u1"), &assistant("it began anew")),
            message("u2", Some("a1"), &user("once more")),
            json!({"type": "reset", "id": "r1", "parentId": "u2", "timestamp": "2026-01-20T11:00:00.000Z"}),
            message("u3", Some("r1"), &user("after")),
            message("a3", Some("u3"), &assistant("the reset")),
        ];
        for (seq, event) in (0_i64..).zip(&events) {
            let text = event.to_string();
            // The one that is long enough to matter is kept compressed.
            let (plain, packed) = if seq == 6 { (None, Some(stored(text.as_bytes()))) } else { (Some(&text), None) };
            let insert = "INSERT INTO transcript_events VALUES ('s1', ?1, ?2, ?3, ?4)";
            live.execute(insert, params![seq, plain, packed, i64::try_from(text.len()).unwrap()]).unwrap();
        }
    });
    september_state(&dir.join("state/openclaw.sqlite"));
}

fn september_state(path: &Path) {
    database(path, |live| {
        live.execute_batch(
            "CREATE TABLE config_machine_state (state_key TEXT PRIMARY KEY, value_json TEXT, updated_at_ms INTEGER);
             CREATE TABLE cron_jobs (store_key TEXT, job_id TEXT, enabled INTEGER, job_json TEXT, state_json TEXT);
             CREATE TABLE device_pairing_paired (device_id TEXT PRIMARY KEY, public_key TEXT, role TEXT, roles_json TEXT,
                 scopes_json TEXT, tokens_json TEXT, created_at_ms INTEGER, approved_at_ms INTEGER);
             CREATE TABLE channel_pairing_allow_entries (channel_key TEXT, account_id TEXT, entry TEXT);
             INSERT INTO channel_pairing_allow_entries VALUES ('discord', 'default', '42');",
        )
        .unwrap();
        let profiles = json!({"version": 1, "profiles": {
            "anthropic:manual": {"type": "api_key", "provider": "anthropic", "key": SECRETS[0]}}});
        let insert = "INSERT INTO config_machine_state VALUES ('authProfiles.store', ?1, 1)";
        live.execute(insert, [profiles.to_string()]).unwrap();
        let often = json!({"id": "j1", "name": "often", "createdAtMs": 5, "schedule": {"kind": "every", "everyMs": 600_000},
            "sessionTarget": "isolated", "wakeMode": "now", "payload": {"kind": "agentTurn", "message": "check"}});
        let beat = json!({"id": "j2", "declarationKey": "heartbeat:main", "name": "heartbeat-main",
            "schedule": {"kind": "every", "everyMs": 1}, "payload": {"kind": "heartbeat"}});
        for job in [often, beat] {
            let insert = "INSERT INTO cron_jobs VALUES ('x', ?1, 1, ?2, '{}')";
            live.execute(insert, [job["id"].as_str().unwrap(), &job.to_string()]).unwrap();
        }
        let tokens = json!({"operator": {"token": SECRETS[1], "scopes": ["operator.admin"], "createdAtMs": 5}});
        let insert = "INSERT INTO device_pairing_paired VALUES (?1, ?2, 'operator', '[\"operator\"]', '[\"operator.admin\"]', ?3, 5, 6)";
        live.execute(insert, params![DEVICE, DEVICE_KEY, tokens.to_string()]).unwrap();
    });
}

/// A database as a killed program leaves it: what was written stands in its log only.
fn database(path: &Path, fill: impl FnOnce(&Connection)) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let live_dir = tempfile::tempdir().unwrap();
    let live_path = live_dir.path().join("live.sqlite");
    let live = Connection::open(&live_path).unwrap();
    live.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;").unwrap();
    fill(&live);
    fs::copy(&live_path, path).unwrap();
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    fs::copy(live_dir.path().join("live.sqlite-wal"), log).unwrap();
}

/// A zstd frame that holds the text as it is, in one raw block.
fn stored(text: &[u8]) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap();
    // One segment, with its length in four bytes; then the block: last, raw.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&((length << 3) | 1).to_le_bytes()[..3]);
    frame.extend_from_slice(text);
    frame
}
