//! Builds the page in `ui/` with Node and lists its files for `include_bytes!`. Nothing that it makes stands in the source tree but
//! `ui/node_modules`, so that builds into different target folders don't meet.
//!
//! Without Node, npm or the network the build goes on with a page that says how to get the real one; `CHELA_SKIP_UI=1` asks for that,
//! for quick work on the Rust side, and `CHELA_NEED_UI=1` forbids it, for what is shipped.

use std::env;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the page is made of, within `ui/`.
const SOURCES: &[&str] =
    &["build", "index.html", "package-lock.json", "package.json", "public", "src", "vite.config.ts"];

/// What vite and rolldown ask for.
const NODE_MIN: (u32, u32) = (20, 19);

/// What stands in for the page.
const MISSING: &str = include_str!("src/missing.html");

const MIMES: &[(&str, &str)] = &[
    ("css", "text/css; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("woff2", "font/woff2"),
];

/// Why there is no page.
enum Fault {
    /// A tool or the network is missing: the build can do without.
    Lacking(String),
    /// The page itself is broken: somebody has to mend it.
    Broken(String),
}

fn main() {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let (ui, page) = (manifest.join("../../ui"), out.join("page"));
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", ui.join(source).display());
    }
    for name in ["CHELA_SKIP_UI", "CHELA_NEED_UI", "PATH"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    match build(&ui, &page) {
        Ok(()) => println!("cargo::rustc-cfg=built"),
        Err(Fault::Lacking(why)) if is_set("CHELA_NEED_UI") => panic!("the page can't be built: {why}"),
        Err(Fault::Lacking(why)) => stand_in(&page, &ui, &why).expect("OUT_DIR is writable"),
        Err(Fault::Broken(why)) => panic!("the page in ui/ doesn't build:\n{why}"),
    }
    println!("cargo::rustc-check-cfg=cfg(built)");
    fs::write(out.join("files.rs"), rows(&page).expect("the page was just written")).expect("OUT_DIR is writable");
}

fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0")
}

fn build(ui: &Path, page: &Path) -> Result<(), Fault> {
    if is_set("CHELA_SKIP_UI") {
        return Err(Fault::Lacking("CHELA_SKIP_UI is set".to_owned()));
    }
    let lock = File::open(ui.join("package-lock.json"));
    let lock = lock.map_err(|error| Fault::Lacking(format!("ui/package-lock.json can't be read: {error}")))?;
    check_node()?;
    // Of two builds at once, one installs and the other waits for it.
    lock.lock().map_err(|error| Fault::Lacking(format!("ui/package-lock.json can't be locked: {error}")))?;
    if !is_installed(ui) {
        install(ui)?;
    }
    let mut vite = Command::new("node");
    vite.args(["node_modules/vite/bin/vite.js", "build", "--logLevel", "warn"]).env("CHELA_UI_OUT", page);
    let built = said(vite.current_dir(ui)).map_err(Fault::Broken)?;
    for line in built.lines().filter(|line| line.starts_with("First page")) {
        println!("{line}");
    }
    Ok(())
}

fn check_node() -> Result<(), Fault> {
    let version =
        said(Command::new("node").arg("--version")).map_err(|why| Fault::Lacking(format!("Node.js: {why}")))?;
    let mut numbers = version.trim().trim_start_matches('v').split('.').map_while(|number| number.parse().ok());
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found < NODE_MIN {
        let (major, minor) = NODE_MIN;
        return Err(Fault::Lacking(format!("Node.js is {}, and the page wants {major}.{minor}", version.trim())));
    }
    Ok(())
}

/// Whether what is installed is what the lock file asks for: npm writes its own list when it is done.
fn is_installed(ui: &Path) -> bool {
    let written = |file: &str| fs::metadata(ui.join(file)).and_then(|facts| facts.modified());
    match (written("node_modules/.package-lock.json"), written("package-lock.json")) {
        (Ok(installed), Ok(asked)) => installed >= asked,
        _ => false,
    }
}

fn install(ui: &Path) -> Result<(), Fault> {
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"]).current_dir(ui);
    said(&mut npm).map_err(|why| Fault::Lacking(format!("npm ci: {why}")))?;
    Ok(())
}

/// What a program prints, or else why it failed.
fn said(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr) + &text(&output.stdout)) }
}

fn stand_in(page: &Path, ui: &Path, why: &str) -> io::Result<()> {
    println!("cargo::warning=the gateway is built without its page ({})", why.lines().next().unwrap_or(why));
    if page.exists() {
        fs::remove_dir_all(page)?;
    }
    fs::create_dir_all(page)?;
    fs::write(page.join("index.html"), MISSING)?;
    match fs::copy(ui.join("public/icon.svg"), page.join("icon.svg")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A row for each file, as `lib.rs` reads them.
fn rows(page: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    collect(page, &mut files)?;
    let mut rows = Vec::new();
    for file in files.iter().filter(|file| !is_packed(file)) {
        let name = file.strip_prefix(page).unwrap_or(file).display().to_string();
        let extension = file.extension().unwrap_or_default().to_string_lossy().into_owned();
        let known = MIMES.iter().find(|(known, _)| *known == extension);
        let (_, mime) = known.unwrap_or_else(|| panic!("ui/ makes {name}, whose type build.rs doesn't know"));
        let path = if name == "index.html" { "/".to_owned() } else { format!("/{name}") };
        let is_hashed = name.starts_with("assets/");
        let [plain, brotli, gzip] = [form(file, "")?, form(file, ".br")?, form(file, ".gz")?];
        let plain = plain.expect("the file itself was found");
        let (brotli, gzip) = (optional(brotli), optional(gzip));
        rows.push(format!(
            "File {{ path: {path:?}, mime: {mime:?}, is_hashed: {is_hashed}, plain: {plain}, brotli: {brotli}, gzip: {gzip} }},"
        ));
    }
    // By path, which every row begins with, so that it can be searched.
    rows.sort();
    Ok(format!("&[\n{}\n]\n", rows.join("\n")))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

fn is_packed(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "br" || extension == "gz")
}

/// One form of a file, with a tag of its own: two encodings are two representations.
fn form(file: &Path, suffix: &str) -> io::Result<Option<String>> {
    let path = PathBuf::from(format!("{}{suffix}", file.display()));
    if !path.exists() {
        return Ok(None);
    }
    let mut hasher = DefaultHasher::new();
    fs::read(&path)?.hash(&mut hasher);
    let etag = format!("\"{:016x}\"", hasher.finish());
    Ok(Some(format!("Form {{ bytes: include_bytes!({:?}), etag: {etag:?} }}", path.display().to_string())))
}

fn optional(form: Option<String>) -> String {
    form.map_or_else(|| "None".to_owned(), |form| format!("Some({form})"))
}
