//! Real attacks by the real `exec` tool, under every combination of layers that a machine may offer: none may win.

mod attacks;

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::{Value, json};

pub(crate) use self::attacks::attack_if_asked;
use self::attacks::{ATTACKS, Target};
use super::policy::{Namespaces, Probe};
use super::{Sandbox, SandboxConfig, Shared, Trial};
use crate::{ToolHost, ToolsConfig, builtin};

/// Stands in every file and place that must stay closed.
const CANARY: &str = "canary-sk-5a1f";

/// A gateway's house with secrets in it, and somebody else's processes and sockets beside it.
struct House {
    folder: tempfile::TempDir,
    host: ToolHost,
    victim: Child,
    _socket: UnixListener,
    _abstract: UnixListener,
    listener: TcpListener,
    abstract_name: String,
}

impl House {
    fn new(sandbox: Sandbox) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().canonicalize().unwrap().join("home");
        let state = home.join(".chela");
        for file in [
            ".chela/chela.db",
            ".chela/chela.db-wal",
            ".chela/chela.json",
            ".chela/chela.json.bak",
            ".chela/.env",
            ".chela/gateway-token",
            ".chela/media/outbound/1.bin",
            ".chela/workspace-ops/notes.txt",
            ".ssh/id_ed25519",
            ".netrc",
            "notes.txt",
        ] {
            write(&home.join(file), CANARY);
        }
        write(&state.join("workspace/mine.txt"), "mine");
        let host = ToolHost {
            home: home.clone(),
            state_dir: state.clone(),
            secret_files: vec![state.join("chela.json")],
            sandbox,
            ..crate::tests::host(folder.path())
        };
        let abstract_name = format!("chela-test-{}", folder.path().file_name().unwrap().display());
        let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let mut victim = Command::new("/bin/cat");
        victim.env("OPENAI_API_KEY", CANARY).current_dir(&home).stdin(Stdio::piped()).stdout(Stdio::null());
        Self {
            _socket: UnixListener::bind(home.join("docker.sock")).unwrap(),
            _abstract: UnixListener::bind_addr(&address).unwrap(),
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            victim: victim.spawn().unwrap(),
            abstract_name,
            folder,
            host,
        }
    }

    fn home(&self) -> &Path {
        &self.host.home
    }

    fn workspace(&self) -> PathBuf {
        self.host.state_dir.join("workspace")
    }

    fn target(&self) -> Target {
        Target {
            victim: i32::try_from(self.victim.id()).unwrap(),
            socket: self.home().join("docker.sock").display().to_string(),
            abstract_name: self.abstract_name.clone(),
            port: self.listener.local_addr().unwrap().port(),
        }
    }

    /// What a command says, or why it doesn't run.
    async fn run(&self, sandbox: Value, command: &str) -> String {
        self.call(sandbox, json!({ "command": command })).await
    }

    async fn call(&self, sandbox: Value, args: Value) -> String {
        let config: ToolsConfig = serde_json::from_value(json!({ "sandbox": sandbox })).unwrap();
        let tools = builtin(&config, self.host.clone());
        let called = tools.get("exec").unwrap().call(args, crate::tests::context(&self.workspace())).await;
        called.map_or_else(|error| format!("REFUSED {error}"), |output| output.text)
    }

    /// Every file of the house but the workspace's, with its text.
    fn files(&self) -> Vec<(PathBuf, String)> {
        let mut files = Vec::new();
        let mut folders = vec![self.home().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() && path != self.workspace() {
                    folders.push(path);
                } else if path.is_file() {
                    files.push((path.clone(), fs::read_to_string(path).unwrap()));
                }
            }
        }
        files.sort();
        files
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// What this machine offers.
fn here() -> Probe {
    Sandbox::new().probe().unwrap().clone()
}

/// Machines with what this one offers and less, as far as commands run on them.
fn machines() -> Vec<(&'static str, Probe)> {
    let here = here();
    let none = || "not on this machine".to_owned();
    let mut machines = vec![("all", here.clone())];
    if here.landlock.is_ok() {
        machines.push(("no namespaces", Probe { namespaces: Err(none()), ..here.clone() }));
    }
    if let Ok(kinds) = here.namespaces {
        machines.push(("no Landlock", Probe { landlock: Err(none()), ..here.clone() }));
        let shared = Namespaces { fresh_proc: false, ..kinds };
        machines.push(("the machine's /proc", Probe { namespaces: Ok(shared), ..here }));
    }
    machines
}

#[tokio::test(flavor = "multi_thread")]
async fn g25_no_file_of_the_gateway_can_be_read_or_changed() {
    for (machine, probe) in machines() {
        let house = House::new(Sandbox::offering(probe));
        let (home, state) = (house.home().display(), house.host.state_dir.display());
        symlink("../chela.json", house.workspace().join("link")).unwrap();
        symlink("..", house.workspace().join("up")).unwrap();
        let before = house.files();
        let victim = house.victim.id();
        let own = std::process::id();
        let mut command = String::new();
        for path in before.iter().map(|(path, _)| path.display().to_string()).chain([
            format!("{state}/workspace/../chela.db"),
            "../.env".into(),
            "link".into(),
            "up/gateway-token".into(),
            format!("/proc/self/root{state}/chela.db"),
            format!("/proc/1/root{state}/chela.db"),
            format!("/proc/{victim}/root{state}/chela.db"),
            format!("/proc/{victim}/cwd/notes.txt"),
        ]) {
            let _ = writeln!(
                command,
                "cat '{path}'; ln '{path}' hard && cat hard; mv '{path}' moved && cat moved; (echo x >> '{path}'); (: > '{path}'); rm -f '{path}'"
            );
        }
        for process in [victim, own] {
            let _ = writeln!(
                command,
                "cat /proc/{process}/environ /proc/{process}/maps; ls -l /proc/{process}/fd; head -c 9 /proc/{process}/mem; cat /proc/{process}/fd/*"
            );
        }
        let _ = writeln!(
            command,
            "cat /proc/*/environ /proc/*/task/*/environ; env; ls -la {home} {state} {home}/.ssh; touch {home}/../new /usr/new /etc/new"
        );
        command += "mkdir up/new; ulimit -c; echo core > /proc/sys/kernel/core_pattern && echo WON pattern; echo done";
        let said = house.run(json!({}), &command).await;
        assert!(said.contains("done\n[exit code 0"), "{machine}: {said}");
        assert!(!said.contains(CANARY), "{machine}: {said}");
        assert!(!said.contains("WON"), "{machine}: {said}");
        assert_eq!(house.files(), before, "{machine}");
        assert!(!house.folder.path().join("new").exists() && !house.host.state_dir.join("new").exists(), "{machine}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g25_no_system_call_gets_out() {
    for (machine, probe) in machines() {
        for network in ["deny", "allow"] {
            let mut house = House::new(Sandbox::offering(probe.clone()));
            let program = std::env::current_exe().unwrap();
            let sandbox = json!({ "network": network, "readable": [program] });
            let said = house.run(sandbox, &house.target().command()).await;
            for (name, _) in ATTACKS {
                let is_open = network == "allow" && name.starts_with("closed:")
                    // Nothing but Landlock or a network of its own keeps these; SECURITY.md says so.
                    || network == "allow" && machine == "no Landlock" && *name == "a socket without a name";
                let outcome = if is_open { "WON" } else { "LOST" };
                assert!(said.contains(&format!("{outcome} {name}:")), "{machine}, network {network}: {name}: {said}");
            }
            assert!(house.victim.try_wait().unwrap().is_none(), "{machine}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g25_what_a_command_needs_is_there() {
    for (machine, probe) in machines() {
        let house = House::new(Sandbox::offering(probe));
        write(&house.home().join("open/data.txt"), "opened");
        write(&house.home().join(".tool/cache.txt"), "cached");
        let sandbox = json!({ "readable": ["~/open"], "writable": ["~/.tool"] });
        let command = format!(
            "cat mine.txt; echo new > made.txt; printf '#!/bin/sh\\necho script' > run; chmod +x run; ./run; echo t > $TMPDIR/t; cat {0}/open/data.txt {0}/.tool/cache.txt; \
             echo more >> {0}/.tool/cache.txt; touch $HOME/h; (echo no > {0}/open/data.txt); getent hosts localhost > /dev/null; test -c /dev/null && ls / /proc/self > /dev/null; echo end",
            house.home().display()
        );
        let said = house.run(sandbox.clone(), &command).await;
        for part in ["mine", "script", "opened", "cached", "end"] {
            assert!(said.contains(part), "{machine}: {said}");
        }
        assert_eq!(fs::read_to_string(house.workspace().join("made.txt")).unwrap(), "new\n", "{machine}");
        assert_eq!(fs::read_to_string(house.home().join(".tool/cache.txt")).unwrap(), "cachedmore\n", "{machine}");
        assert_eq!(fs::read_to_string(house.home().join("open/data.txt")).unwrap(), "opened", "{machine}");
        let kept = house.run(sandbox, "cat $TMPDIR/t; test -f $HOME/h && echo kept").await;
        assert!(kept.starts_with("t\nkept"), "{machine}: what one command passes on, the next one finds: {kept}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g25_opening_the_home_folder_opens_no_secret() {
    for (machine, probe) in machines() {
        let house = House::new(Sandbox::offering(probe));
        write(&house.home().join("public.txt"), "public");
        for sandbox in [json!({ "readable": ["~"] }), json!({ "writable": ["~", "~/.chela", "~/.chela/chela.db"] })] {
            let said = house.run(sandbox, "cat ~/public.txt ~/../home/public.txt; cd ../..; cat .chela/* .chela/.env .chela/*/* .netrc .ssh/*; echo x >> .netrc; echo x >> .chela/chela.db").await;
            assert!(said.contains("public") && !said.contains(CANARY), "{machine}: {said}");
            assert_eq!(fs::read_to_string(house.home().join(".netrc")).unwrap(), CANARY, "{machine}");
            assert_eq!(fs::read_to_string(house.host.state_dir.join("chela.db")).unwrap(), CANARY, "{machine}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g25_a_second_name_of_a_secret_stops_commands() {
    let house = House::new(Sandbox::new());
    fs::hard_link(house.host.state_dir.join("chela.db"), house.workspace().join("hard")).unwrap();
    let said = house.run(json!({}), "cat hard").await;
    assert!(said.starts_with("REFUSED") && said.contains("hard link") && !said.contains(CANARY), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn g25_a_command_can_only_use_up_its_share() {
    for (machine, probe) in machines() {
        let house = House::new(Sandbox::offering(probe.clone()));
        let sandbox = json!({ "processes": 40, "memoryMb": 200, "fileMb": 1 });
        let said = house.run(sandbox.clone(), "head -c 3000000 /dev/zero > big; wc -c < big; head -c 600000000 /dev/zero | tail -1 2>&1 | head -c 200; echo end").await;
        assert!(said.contains("1048576\n") && said.contains("memory") && said.contains("end"), "{machine}: {said}");
        if Sandbox::offering(probe)
            .standing(&SandboxConfig::default())
            .protections
            .iter()
            .any(|one| one.what == "number of processes" && one.by.is_ok())
            && machine != "no namespaces"
        {
            let bomb = "i=0; while [ $i -lt 2000 ]; do sleep 20 > /dev/null 2>&1 & i=$((i+1)); done 2>&1 | tail -1; ls -d /proc/[0-9]* | wc -l; echo end";
            let said = house.call(sandbox, json!({ "command": bomb, "timeout": 20, "yieldMs": 30000 })).await;
            assert!(said.to_lowercase().contains("fork"), "{machine}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g25_a_policy_that_can_not_be_met_refuses() {
    let none = || Err("not here".to_owned());
    let bare = Probe { namespaces: Err("not here".to_owned()), landlock: none(), seccomp: Ok(()) };
    let house = House::new(Sandbox::offering(bare));
    let said = house.run(json!({}), "echo ran > ran; echo ran").await;
    assert!(said.starts_with("REFUSED Commands don't run") && said.contains("tools.sandbox.mode"), "{said}");
    assert!(!house.workspace().join("ran").exists());
    assert!(house.run(json!({ "mode": "off" }), "echo ran").await.starts_with("ran"));

    let unfiltered = Probe { seccomp: Err("not here".to_owned()), ..here() };
    let house = House::new(Sandbox::offering(unfiltered));
    assert!(house.run(json!({ "network": "deny" }), "echo ran").await.starts_with("REFUSED"));
    assert!(house.run(json!({ "mode": "required" }), "echo ran").await.starts_with("REFUSED"));

    // A layer that the probe promised and that is not there at the start: the launcher refuses by itself.
    let wrong = Probe { landlock: Ok(9), ..here() };
    if here().landlock != Ok(9) {
        let said = House::new(Sandbox::offering(wrong)).run(json!({}), "echo ran").await;
        assert!(
            said.contains("could not be set up, and the command did not run") && said.contains("[exit code 126"),
            "{said}"
        );
    }
}

#[test]
fn a_trial_that_failed_by_chance_is_made_again() {
    let failed = Trial::new(Err("the launcher's trial ended early".to_owned()));
    let sandbox = Sandbox(Arc::new(Shared { trial: Mutex::new(Some(failed)), system: OnceLock::new() }));
    assert_eq!(sandbox.probe(), Ok(here()));
    let less = Probe { namespaces: Err("no room for namespaces".to_owned()), ..here() };
    let less = Trial::new(Ok(less));
    assert!(less.counts() && less.until.is_some(), "not at every command, but not for ever either");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_is_not_there_hinders_no_command() {
    for (machine, probe) in machines() {
        let house = House::new(Sandbox::offering(probe));
        let said = house.run(json!({ "readable": ["~/gone", "~/notes.txt/gone"] }), "echo ran").await;
        assert!(said.starts_with("ran\n[exit code 0"), "{machine}: {said}");
    }
}
