//! A house in which every place that can hold a secret holds one, and the search for all of them in all their forms.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use chela_testkit::model::{FakeModel, Step};
use serde_json::{Value, json};

use crate::support::{Home, RunningGateway, finish};

/// Where secrets stand in [`House`], and in the tests that make a file of their own.
const PLACES: &[&str] = &[
    "model-key",
    "header",
    "url-password",
    "url-key",
    "file-key",
    "exec-key",
    "env-key",
    "dotenv-key",
    "process-key",
    "gateway-token",
    "gateway-password",
    "telegram-token",
    "telegram-webhook",
    "discord-token",
    "named-by-env",
    "env-var",
    "unknown-key",
    "commented-out",
    // Of files that are wrong.
    "list",
    "source",
    "object",
    "misspelt",
    "scheme",
    "headers",
    "args",
    "vars",
    "open-quote",
    "no-quotes",
    "no-value",
    "taken",
];

/// Every secret, by the place where it was planted.
pub(super) struct Canaries(BTreeMap<&'static str, String>);

impl Canaries {
    pub(super) fn new() -> Self {
        Self(PLACES.iter().map(|place| (*place, secret_of(place))).collect())
    }

    pub(super) fn of(&self, place: &str) -> &str {
        &self.0[place]
    }

    /// A text that says a secret in each of its forms.
    pub(super) fn every_form_of(place: &str) -> String {
        forms(&secret_of(place)).join(" and ")
    }

    #[track_caller]
    pub(super) fn assert_silent(&self, place: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        for (name, secret) in &self.0 {
            for form in forms(secret) {
                let Some(at) = text.find(&form) else { continue };
                let from = text.floor_char_boundary(at.saturating_sub(300));
                let to = text.ceil_char_boundary((at + 300).min(text.len()));
                panic!("{place} shows the {name} as {form}: …{}…", &text[from..to]);
            }
        }
    }
}

/// Signs of it are written in another way in an address and in base64.
fn secret_of(place: &str) -> String {
    let digest = place.bytes().fold(7_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
    // A platform's token has a shape, without which it is not even tried.
    if place.ends_with("-token") && !place.starts_with("gateway") {
        return format!("canary-{place}-{digest:016x}-of-a-bot");
    }
    format!("canary+{place}/{digest:012x}==~")
}

/// How others would write it.
fn forms(secret: &str) -> Vec<String> {
    let hex = secret.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let percent = secret.bytes().fold(String::new(), |mut text, byte| {
        match char::from(byte) {
            plain if plain.is_ascii_alphanumeric() || "-._~".contains(plain) => text.push(plain),
            _ => drop(write!(text, "%{byte:02X}")),
        }
        text
    });
    let bare = |encoded: String| encoded.trim_end_matches('=').to_owned();
    vec![secret.to_owned(), hex, percent, bare(STANDARD.encode(secret)), bare(URL_SAFE.encode(secret))]
}

/// Everything that stands in the files of a folder.
pub(super) fn files_of(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        bytes.extend(if path.is_dir() { files_of(&path) } else { fs::read(&path).unwrap_or_default() });
    }
    bytes
}

/// The house, with a vendor that plays a script.
pub(super) struct House {
    pub(super) home: Home,
    pub(super) model: FakeModel,
    pub(super) canaries: Canaries,
}

impl House {
    pub(super) async fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let house = Self { home: Home::new(), model: FakeModel::start(steps).await, canaries: Canaries::new() };
        let kept = house.home.path().join("kept");
        fs::create_dir_all(&kept).unwrap();
        fs::write(kept.join("vault.json"), json!({"key": house.canaries.of("file-key")}).to_string()).unwrap();
        fs::write(kept.join("answer"), house.canaries.of("exec-key")).unwrap();
        // It notes what it was given, so that the test can look at that as well.
        let script = format!(
            "#!/bin/sh\n(env; echo \"$0 $@\"; cat /proc/$$/cmdline) >> {0}/saw\ncat {0}/answer\n",
            kept.display()
        );
        fs::write(kept.join("program"), script).unwrap();
        fs::set_permissions(kept.join("program"), fs::Permissions::from_mode(0o700)).unwrap();
        let whole = format!("// botToken: \"{}\"\n{}", house.canaries.of("commented-out"), house.config());
        house.home.write_config(&whole);
        let dotenv = [("GEMINI_API_KEY", "dotenv-key"), ("MY_NAME_FOR_IT", "named-by-env")];
        let dotenv = dotenv.map(|(name, place)| format!("{name}='{}'", house.canaries.of(place))).join("\n");
        fs::write(house.home.state_dir().join(".env"), dotenv).unwrap();
        house
    }

    fn config(&self) -> Value {
        let of = |place: &str| self.canaries.of(place);
        let percent = |place: &str| forms(of(place))[2].clone();
        let kept = self.home.path().join("kept");
        let provider = |key: Value| json!({"baseUrl": "http://127.0.0.1:1/v1", "api": "openai-completions", "apiKey": key, "models": [{"id": "m"}]});
        let reference = |source: &str, id: &str| json!({"source": source, "provider": format!("by{source}"), "id": id});
        let pasted = format!("http://me:{}@127.0.0.1:1/v1?key={}", percent("url-password"), percent("url-key"));
        json!({
            "gateway": {"mode": "local", "auth": {"password": of("gateway-password"), "rateLimit": {"maxAttempts": 1000}}},
            "logging": {"level": "trace", "consoleLevel": "trace"},
            "env": {"vars": {"SOME_TOKEN": of("env-var")}},
            "secrets": {"providers": {
                "byenv": {"source": "env"},
                "byfile": {"source": "file", "path": kept.join("vault.json")},
                "byexec": {"source": "exec", "command": kept.join("program"), "args": ["--print"]},
            }},
            "models": {"providers": {
                "fake": {"baseUrl": format!("{}/v1", self.model.url()), "api": "openai-completions", "apiKey": of("model-key"),
                         "headers": {"x-team": of("header")}, "models": [{"id": "big"}]},
                "pasted": {"baseUrl": pasted, "api": "openai-completions", "apiKey": "x", "models": [{"id": "m"}]},
                "filed": provider(reference("file", "/key")),
                "printed": provider(reference("exec", "key")),
                "named": provider(reference("env", "KEY_OF_THE_PROCESS")),
                "dotted": provider(json!("${MY_NAME_FOR_IT}")),
            }},
            "agents": {"defaults": {"model": {"primary": "fake/big"}, "skipBootstrap": true}},
            "channels": {
                "telegram": {"botToken": format!("123456:{}", of("telegram-token")), "apiBase": "http://127.0.0.1:1",
                             "dmPolicy": "open", "allowFrom": ["*"]},
                "discord": {"token": of("discord-token"), "apiBase": "http://127.0.0.1:1", "gatewayUrl": "ws://127.0.0.1:1"},
            },
            "plugins": {"entries": {"old": {"apiKey": of("unknown-key")}}},
        })
    }

    fn environment(&self) -> [(&str, &str); 3] {
        [
            ("CHELA_GATEWAY_TOKEN", self.canaries.of("gateway-token")),
            ("ANTHROPIC_API_KEY", self.canaries.of("process-key")),
            ("KEY_OF_THE_PROCESS", self.canaries.of("env-key")),
        ]
    }

    pub(super) fn start(&self, more: &[(&str, &str)]) -> RunningGateway {
        RunningGateway::start_with(&self.home, &[], &[&self.environment(), more].concat())
    }

    /// Runs a command with the environment of the house and looks at what it says.
    #[track_caller]
    pub(super) fn look(&self, args: &[&str]) {
        let mut command = self.home.command(args);
        command.envs(self.environment());
        let ran = finish(command, "");
        self.assert_silent(&args.join(" "), (ran.stdout + &ran.stderr).as_bytes());
    }

    /// What the program that keeps a secret was given.
    pub(super) fn program_saw(&self) -> Vec<u8> {
        fs::read(self.home.path().join("kept/saw")).expect("the program was asked")
    }

    #[track_caller]
    pub(super) fn assert_silent(&self, place: &str, bytes: &[u8]) {
        self.canaries.assert_silent(place, bytes);
    }

    /// Stops the gateway, and looks at everything that it has said and written, but for the files in which the secrets were planted.
    #[track_caller]
    pub(super) fn end(&self, gateway: RunningGateway) {
        for process in [gateway.pid()].into_iter().chain(children_of(gateway.pid())) {
            self.assert_silent("arguments", &fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default());
        }
        self.assert_silent("the console", gateway.console().as_bytes());
        assert_eq!(gateway.stop(), Some(0));
        let state_dir = self.home.state_dir();
        let logs = files_of(&state_dir.join("logs"));
        assert!(String::from_utf8_lossy(&logs).contains("***"), "something was hidden in the log");
        for entry in fs::read_dir(&state_dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with("chela.json") || name == ".env" {
                continue;
            }
            self.assert_silent(
                &name,
                &if path.is_dir() { files_of(&path) } else { fs::read(&path).unwrap_or_default() },
            );
        }
    }
}

/// Programs that a process has started and that run now.
fn children_of(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    fs::read_to_string(path).unwrap_or_default().split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}
