//! The files that deployments are made from say what the program does: ports, paths, commands; and the image boots.

mod image;
mod machine;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item};

use crate::support::{Home, RunningGateway};

/// A client for plain HTTP; its library wants a provider of TLS all the same.
fn http() -> reqwest::Client {
    // A test before this one may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// The repository.
fn house() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn text(file: &str) -> String {
    fs::read_to_string(house().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// A fly.toml.
struct FlyFile(DocumentMut);

impl FlyFile {
    fn read(file: &str) -> Self {
        Self(text(file).parse().unwrap())
    }

    fn at(&self, path: &[&str]) -> Option<&Item> {
        path.iter().try_fold(self.0.as_item(), |item, key| item.get(key))
    }

    #[track_caller]
    fn text(&self, path: &[&str]) -> &str {
        self.at(path).and_then(Item::as_str).unwrap_or_else(|| panic!("{path:?} is missing"))
    }

    /// The command of the machine, by words.
    fn command(&self) -> Vec<String> {
        self.text(&["processes", "app"]).split_whitespace().map(str::to_owned).collect()
    }

    fn environment(&self) -> Vec<(String, String)> {
        let table = self.at(&["env"]).and_then(Item::as_table).unwrap();
        table.iter().map(|(name, value)| (name.to_owned(), value.as_str().unwrap().to_owned())).collect()
    }
}

/// The last stage of the Dockerfile: what a container of the image is given.
struct ImageFile {
    environment: Vec<(String, String)>,
    command: Vec<String>,
    port: String,
}

impl ImageFile {
    fn read() -> Self {
        let whole = text("Dockerfile").replace("\\\n", " ");
        let stage = whole.rsplit_once("\nFROM ").unwrap().1;
        let of = |word: &str| {
            let lines = stage.lines().filter_map(|line| line.strip_prefix(word));
            lines.map(|line| line.trim().to_owned()).collect::<Vec<String>>()
        };
        assert!(stage.starts_with("scratch\n"), "{stage}");
        let pairs = of("ENV ").join(" ");
        let pairs = pairs.split_whitespace().map(|pair| pair.split_once('=').unwrap());
        Self {
            environment: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            command: serde_json::from_str(&of("CMD ")[0]).unwrap(),
            port: of("EXPOSE ")[0].clone(),
        }
    }
}

#[track_caller]
fn port_of(command: &[String]) -> String {
    let place = command.iter().position(|word| word == "--port").expect("the command names the port");
    command[place + 1].clone()
}

#[test]
fn the_fly_files_agree_with_themselves_the_image_and_the_program() {
    let home = Home::new();
    let image = ImageFile::read();
    for file in ["deploy/fly.toml", "deploy/fly.private.toml"] {
        let fly = FlyFile::read(file);
        let command = fly.command();
        assert_eq!((&command, port_of(&command)), (&image.command, image.port.clone()), "{file}");
        let mut asked: Vec<&str> = command[1..].iter().map(String::as_str).collect();
        asked.push("--help");
        home.run(&asked).ok();
        assert_eq!(fly.text(&["mounts", "destination"]), fly.text(&["env", "CHELA_STATE_DIR"]), "{file}");
        assert!(house().join("deploy").join(fly.text(&["build", "dockerfile"])).is_file(), "{file}");
        let told = format!("{}s", fly.text(&["env", "CHELA_KILL_TIMEOUT"]));
        assert_eq!((fly.text(&["kill_signal"]), fly.text(&["kill_timeout"])), ("SIGTERM", told.as_str()), "{file}");
    }
    let state_dir = image.environment.iter().find(|(name, _)| name == "krabkrab_STATE_DIR").unwrap();
    assert_eq!(state_dir.1, "/data");
}

#[test]
fn docker_is_given_every_crate_that_cargo_looks_for() {
    let ignored = text(".dockerignore");
    let sent: Vec<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let workspace: DocumentMut = text("Cargo.toml").parse().unwrap();
    for member in workspace["workspace"]["members"].as_array().unwrap() {
        let member = member.as_str().unwrap();
        let folder = member.split('/').next().unwrap();
        assert!(sent.contains(&folder), "{member}: the build of the image can't read the workspace without it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_checks_ask_what_is_answered() {
    let home = Home::new();
    let gateway = RunningGateway::start(&home);
    let public = FlyFile::read("deploy/fly.toml");
    let port: i64 = port_of(&public.command()).parse().unwrap();
    assert_eq!(public.at(&["http_service", "internal_port"]).unwrap().as_integer(), Some(port));
    let checks = public.at(&["http_service", "checks"]).unwrap().as_array_of_tables().unwrap();
    let mut paths: Vec<String> = checks.iter().map(|check| check["path"].as_str().unwrap().to_owned()).collect();

    let private = FlyFile::read("deploy/fly.private.toml");
    assert!(private.at(&["http_service"]).is_none() && private.at(&["services"]).is_none(), "nothing public");
    assert_eq!(private.at(&["checks", "alive", "port"]).unwrap().as_integer(), Some(port));
    paths.push(private.text(&["checks", "alive", "path"]).to_owned());

    for path in paths {
        let url = gateway.url.replace("ws://", "http://") + &path;
        assert_eq!(http().get(&url).send().await.unwrap().status(), 200, "{path}");
    }
    let compose = text("deploy/compose.yaml");
    assert!(compose.contains(&format!("127.0.0.1:{port}:{port}")) && compose.contains("/healthz"), "{compose}");
}

#[test]
fn the_unit_leaves_the_gateway_the_means_to_lock_its_tools_up() {
    let unit = text("deploy/chela.service");
    let set: Vec<&str> = unit
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|pair| pair.0)
        .collect();
    for taken_away in [
        "RestrictNamespaces",
        "SystemCallFilter",
        "ProtectProc",
        "ProcSubset",
        "ProtectKernelTunables",
        "PrivateUsers",
        "MemoryDenyWriteExecute",
    ] {
        assert!(!set.contains(&taken_away), "{taken_away}");
        assert!(unit.contains(taken_away), "the unit says why {taken_away} is not set");
    }
    assert!(unit.contains("\nRestartPreventExitStatus=78\n") && unit.contains("\nNoNewPrivileges=yes\n"), "{unit}");
}

#[test]
fn g37_a_user_whose_state_dir_it_is_not_is_told_what_to_do() {
    let home = Home::new();
    home.write_config("{gateway: {mode: 'local'}}");
    let open_to_all = fs::Permissions::from_mode(0o755);
    fs::set_permissions(home.path(), open_to_all).unwrap();
    let mut command = home.command(&["gateway", "--port", "0"]);
    command.uid(12_345).gid(12_345);
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can start something as another user");
        return;
    }
    let ran = crate::support::finish(command, "");
    assert_eq!(ran.code, 78, "{ran:?}");
    assert!(ran.stderr.contains("belongs to user 0") && ran.stderr.contains("chown -R 12345:12345"), "{ran:?}");
}

#[test]
fn a_command_that_was_written_for_node_still_starts_the_gateway() {
    let home = Home::new();
    let node = home.path().join("node");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_chela"), &node).unwrap();
    let run = |args: &[&str]| crate::support::finish(home.command_as(&node, args), "");
    let ran = run(&["dist/index.js", "config", "file"]);
    assert_eq!(home.scrubbed(&ran.ok()), "~/.chela/chela.json\n");
    assert_eq!(run(&["some/other.js"]).code, 2, "it is no Node");
}
