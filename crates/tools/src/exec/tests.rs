//! Commands from the outside: what the model sees, and what is left when a command is over.

use std::time::{Duration, Instant};

use chela_agent::{ToolContext, ToolError, ToolProgress};
use rustix::process::Pid;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::TEXT_LIMIT;
use crate::tests::Bench;

/// Processes at work in the workspace. Their own numbers mean nothing outside of their sandbox.
fn at_work(bench: &Bench) -> Vec<String> {
    let here = bench.folder.path().canonicalize().unwrap();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let is_here = |path: &std::path::PathBuf| std::fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd == here);
    entries.map(|entry| entry.path()).filter(is_here).map(|path| path.display().to_string()).collect()
}

/// Waits for all of them to be gone.
async fn is_quiet(bench: &Bench) -> bool {
    const PATIENCE: Duration = Duration::from_secs(5);
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if at_work(bench).is_empty() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    false
}

/// Waits for a command to have made a file.
async fn made(bench: &Bench, file: &str) {
    let path = bench.folder.path().join(file);
    while !path.exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Starts a command in the background: its id, and what it said at once.
async fn session(bench: &Bench, args: Value) -> (String, String) {
    let output = bench.try_call("exec", args).await.unwrap();
    assert!(output.text.contains("Still running in the background"), "{}", output.text);
    (output.details.unwrap()["sessionId"].as_str().unwrap().to_owned(), output.text)
}

/// Polls until the command has said `part`, besides what it `said` already.
async fn poll_on(bench: &Bench, id: &str, said: String, part: &str) -> String {
    let mut all = said;
    for _ in 0..20 {
        if all.contains(part) {
            return all;
        }
        all += &bench.call("process", json!({"action": "poll", "sessionId": id, "timeout": 1000})).await;
    }
    panic!("`{part}` never came: {all}");
}

async fn poll_for(bench: &Bench, id: &str, part: &str) -> String {
    poll_on(bench, id, String::new(), part).await
}

#[tokio::test(flavor = "multi_thread")]
async fn output_exit_code_and_duration_are_told() {
    let bench = Bench::new();
    let output = bench.try_call("exec", json!({"command": "echo out; echo err >&2; pwd; cat; exit 3"})).await.unwrap();
    let here = bench.folder.path().canonicalize().unwrap();
    assert!(output.text.starts_with(&format!("out\nerr\n{}\n[exit code 3 after ", here.display())), "{}", output.text);
    let details = output.details.unwrap();
    assert_eq!((&details["exitCode"], &details["status"]), (&json!(3), &json!("failed")));
    assert!(bench.call("exec", json!({"command": "kill -9 $$"})).await.contains("[ended by signal 9"));
    assert!(bench.call("exec", json!({"command": "true"})).await.starts_with("[no output]\n[exit code 0"));
    assert_eq!(bench.call("process", json!({"action": "list"})).await, "[No commands.]");
}

#[tokio::test(flavor = "multi_thread")]
async fn g25_a_command_sees_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut host = crate::tests::host(folder.path());
    host.variables.extend([("OPENAI_API_KEY".into(), "sk-canary".into()), ("TZ".into(), "UTC".into())]);
    let tools = crate::builtin(&crate::ToolsConfig::default(), host);
    let args = json!({"command": "env", "env": {"MINE": "1", "LD_PRELOAD": "/canary.so"}});
    let text = tools.get("exec").unwrap().call(args, crate::tests::context(folder.path())).await.unwrap().text;
    let mut names: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.sort_unstable();
    // The last two are the shell's own.
    names.retain(|name| !["PWD", "OLDPWD", "_", "SHLVL"].contains(name));
    assert_eq!(names, ["HOME", "MINE", "PATH", "TMPDIR", "TZ"]);
    assert!(!text.contains("canary") && text.contains("can't be set by env: LD_PRELOAD"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_ends_grandchildren_that_ignore_the_first_signal() {
    let bench = Bench::new();
    let command = "sh -c \"trap '' TERM; echo \\$\\$ > pid; while :; do sleep 1; done\" & wait";
    let text = bench.call("exec", json!({"command": command, "timeout": 1})).await;
    assert!(text.contains("[timed out after") && text.contains("was ended with its children"), "{text}");
    made(&bench, "pid").await;
    assert!(is_quiet(&bench).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_returns_at_once_and_ends_the_command() {
    let bench = Bench::new();
    let context = bench.context();
    let cancel = context.cancel.clone();
    let call = tokio::spawn({
        let tool = bench.tool("exec");
        async move { tool.call(json!({"command": "sleep 300 & echo $! > pid; wait"}), context).await }
    });
    made(&bench, "pid").await;
    cancel.cancel();
    let aborted = Instant::now();
    assert!(matches!(call.await.unwrap(), Err(ToolError::Aborted)));
    assert!(aborted.elapsed() < Duration::from_millis(200));
    assert!(is_quiet(&bench).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_call_ends_the_command() {
    let bench = Bench::new();
    let call = tokio::spawn({
        let (tool, context) = (bench.tool("exec"), bench.context());
        async move { tool.call(json!({"command": "echo $$ > pid; exec sleep 300"}), context).await }
    });
    made(&bench, "pid").await;
    call.abort();
    assert!(is_quiet(&bench).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn g25_nothing_outlives_its_command() {
    let bench = Bench::new();
    let started = Instant::now();
    let command =
        "sleep 300 & setsid sleep 300 & (trap '' TERM HUP; sleep 300 > /dev/null 2>&1 < /dev/null &) ; echo done";
    let text = bench.call("exec", json!({"command": command})).await;
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(text.starts_with("done\n[exit code 0") && !text.contains("still runs"), "{text}");
    assert_eq!(at_work(&bench), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_sandbox_a_child_that_holds_the_output_delays_nothing() {
    let bench = Bench::with(r#"{"sandbox": {"mode": "off"}}"#);
    let started = Instant::now();
    let text = bench.call("exec", json!({"command": "sleep 300 & echo $! > pid; echo done"})).await;
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(text.starts_with("done\n[exit code 0") && text.contains("a child of it still runs"), "{text}");
    let pid = bench.text_of("pid").trim().parse().unwrap();
    rustix::process::kill_process(Pid::from_raw(pid).unwrap(), rustix::process::Signal::KILL).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_background_command_is_polled_typed_at_and_killed() {
    let bench = Bench::new();
    let (id, said) = session(&bench, json!({"command": "echo $$ > pid; echo ready; while read line; do echo got $line; done; echo over; exec sleep 300", "background": true})).await;
    poll_on(&bench, &id, said, "ready").await;
    bench.call("process", json!({"action": "submit", "sessionId": id, "data": "one"})).await;
    assert!(!poll_for(&bench, &id, "got one").await.contains("ready"), "a poll gives only what is new");
    bench.call("process", json!({"action": "write", "sessionId": id, "data": "two\n", "eof": true})).await;
    poll_for(&bench, &id, "over").await;
    let log = bench.call("process", json!({"action": "log", "sessionId": id, "offset": 2, "limit": 2})).await;
    assert!(log.starts_with("got one\ngot two\n[Lines 2 to 3 of 4; running"), "{log}");
    assert!(bench.call("process", json!({"action": "list"})).await.starts_with(&format!("{id} running")));
    assert!(
        bench
            .refused("process", json!({"action": "send-keys", "sessionId": id, "keys": ["C-c"]}))
            .await
            .contains("needs a terminal")
    );

    let stranger = ToolContext { session: chela_agent::SessionKey::main(&"other".into()), ..bench.context() };
    let poll = json!({"action": "poll", "sessionId": id});
    assert!(bench.tool("process").call(poll, stranger).await.is_err(), "a command is its own session's alone");

    assert!(bench.call("process", json!({"action": "kill", "sessionId": id})).await.contains("killed after"));
    made(&bench, "pid").await;
    assert!(is_quiet(&bench).await);
    assert!(
        bench
            .refused("process", json!({"action": "write", "sessionId": id, "data": "x"}))
            .await
            .contains("The command is over")
    );
    bench.call("process", json!({"action": "remove", "sessionId": id})).await;
    assert_eq!(bench.call("process", json!({"action": "list"})).await, "[No commands.]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_command_goes_to_the_background_and_outlives_the_turn() {
    let bench = Bench::new();
    let context = bench.context();
    let cancel = context.cancel.clone();
    let args = json!({"command": "echo early; read x < gate; echo late", "yieldMs": 300});
    rustix::fs::mknodat(
        rustix::fs::CWD,
        bench.folder.path().join("gate"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let output = bench.tool("exec").call(args, context).await.unwrap();
    assert!(output.text.starts_with("early\n[Still running"), "{}", output.text);
    cancel.cancel();
    tokio::fs::write(bench.folder.path().join("gate"), "x\n").await.unwrap();
    let id = output.details.unwrap()["sessionId"].as_str().unwrap().to_owned();
    let text = poll_for(&bench, &id, "exit code 0").await;
    assert!(text.contains("late") && !text.contains("early"), "{text}");
    assert!(bench.refused("process", json!({"action": "write", "sessionId": id})).await.contains("over"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_echoes_and_takes_keys() {
    let bench = Bench::new();
    let (id, said) = session(&bench, json!({"command": "trap 'echo interrupted; exit 7' INT; test -t 1 && echo is-a-tty; read x; echo got $x; while :; do sleep 1; done", "pty": true, "background": true})).await;
    poll_on(&bench, &id, said, "is-a-tty").await;
    bench.call("process", json!({"action": "submit", "sessionId": id, "data": "hello"})).await;
    let text = poll_for(&bench, &id, "got hello").await;
    assert!(text.starts_with("hello\n"), "the terminal echoes what is typed: {text}");
    bench.call("process", json!({"action": "send-keys", "sessionId": id, "keys": ["C-c"]})).await;
    poll_for(&bench, &id, "exit code 7").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_output_is_bounded_and_its_log_can_be_read() {
    let bench = Bench::new();
    let (sender, mut shown) = mpsc::channel(4);
    let context = ToolContext { progress: ToolProgress::new(sender), ..bench.context() };
    let command = "echo first; head -c 10000000 /dev/zero | tr '\\0' 'x' | fold -w 99; echo last";
    let output = bench.tool("exec").call(json!({"command": command}), context).await.unwrap();
    assert!(output.text.len() < TEXT_LIMIT + 500, "{}", output.text.len());
    assert!(
        output.text.starts_with("first\nxxx") && output.text.contains("xlast\n[exit code 0"),
        "{}",
        &output.text[output.text.len() - 300..]
    );
    assert!(shown.recv().await.unwrap().starts_with("first"));
    let id = output.details.unwrap()["sessionId"].clone();
    assert!(bench.call("process", json!({"action": "log", "sessionId": id})).await.contains("xlast\n[Lines"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_commands_is_bounded_and_all_can_be_ended() {
    let bench = Bench::new();
    for _ in 0..32 {
        session(&bench, json!({"command": "exec sleep 300", "background": true})).await;
    }
    assert!(bench.refused("exec", json!({"command": "true"})).await.contains("32 commands are running"));
    bench.processes.end_all().await;
    assert!(bench.call("exec", json!({"command": "echo room"})).await.starts_with("room"));
}
