//! `cargo xtask dist`: the binary that is shipped, static and small, with the functions that run together lying together.
//!
//! Memory comes from a file in pieces of sixteen pages, so that one function wakes its neighbours too. The binary is therefore
//! linked twice: once as the compiler orders it, with names, to see on an ordinary day which functions run when; and once in
//! that order, without names. The second link takes the files of the first, which the linker keeps, and some seconds.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{order, shell};

/// Preferred first: musl needs nothing of the host. A static glibc build is the fallback where that target isn't installed.
const TARGETS: &[(&str, &str)] = &[
    ("x86_64-unknown-linux-musl", ""),
    ("aarch64-unknown-linux-musl", ""),
    ("x86_64-unknown-linux-gnu", "-C target-feature=+crt-static"),
    ("aarch64-unknown-linux-gnu", "-C target-feature=+crt-static"),
];

/// Relocations as bit sets: half a megabyte less to map and to read at each start.
const PACKED: &str = "-C link-arg=-Wl,-z,pack-relative-relocs";

/// The file that names functions in the order in which they are to lie.
const ORDER: &str = "order.txt";

pub(crate) fn run() -> Result<()> {
    let sysroot = PathBuf::from(shell::output(Command::new("rustc").args(["--print", "sysroot"]))?.trim());
    let (target, flags) = target(&sysroot)?;
    let folder = folder(target);
    let binary = folder.join("chela");
    let Some(linker) = Linker::of(&sysroot)? else {
        build(target, flags, &[], Names::Stripped)?;
        eprintln!("this toolchain has no lld; functions stay as the compiler ordered them");
        return say(&binary);
    };
    let kept = folder.join("link.tar");
    build(target, flags, &linker.arguments(&kept), Names::Kept)?;
    let order = folder.join(ORDER);
    if let Err(error) = find_order(&binary, &folder, &order) {
        // An order saves memory; nothing needs it. So no image fails for a machine on which callgrind doesn't work.
        eprintln!("warning: functions stay as the compiler ordered them: {error:#}");
        std::fs::write(&order, "")?;
    }
    linker.link_again(&kept, &order, &binary)?;
    say(&binary)
}

fn find_order(binary: &Path, folder: &Path, order: &Path) -> Result<()> {
    if !order::is_possible() {
        bail!("valgrind is not installed");
    }
    order::find(binary, &folder.join("trace"), order)
}

/// Where the shipped binary stands once it is built.
pub(crate) fn binary() -> Result<PathBuf> {
    let sysroot = PathBuf::from(shell::output(Command::new("rustc").args(["--print", "sysroot"]))?.trim());
    Ok(folder(target(&sysroot)?.0).join("chela"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Kept,
    Stripped,
}

/// The linker of the toolchain, which can order functions, and keep what it was given.
struct Linker {
    folder: PathBuf,
}

impl Linker {
    fn of(sysroot: &Path) -> Result<Option<Self>> {
        let folder = sysroot.join("lib/rustlib").join(host()?).join("bin/gcc-ld");
        Ok(folder.join("ld.lld").exists().then_some(Self { folder }))
    }

    /// For the compiler: link with this one, and keep everything that went into it.
    fn arguments(&self, kept: &Path) -> [String; 3] {
        [
            format!("-Clink-arg=-B{}", self.folder.display()),
            "-Clink-arg=-fuse-ld=lld".into(),
            format!("-Clink-arg=-Wl,--reproduce={}", kept.display()),
        ]
    }

    /// Links what was kept in this order, without names, in the place of `binary`.
    fn link_again(&self, kept: &Path, order: &Path, binary: &Path) -> Result<()> {
        if !kept.exists() {
            bail!(
                "{} is missing, and cargo has nothing to link; run `cargo clean --profile dist` first",
                kept.display()
            );
        }
        let inputs = kept.with_extension("");
        if inputs.exists() {
            std::fs::remove_dir_all(&inputs)?;
        }
        let ordered = binary.with_extension("ordered");
        let folder = kept.parent().context("it stands in a folder")?;
        shell::run(Command::new("tar").arg("-xf").arg(kept).current_dir(folder))?;
        // The linker takes every absolute path of an input for one within the folder of what was kept.
        std::fs::copy(order, inputs.join(ORDER))?;
        let mut link = Command::new(self.folder.join("ld.lld"));
        link.args(["@response.txt", "--symbol-ordering-file", ORDER, "--no-warn-symbol-ordering", "--strip-all", "-o"]);
        shell::run(link.arg(&ordered).current_dir(&inputs))?;
        std::fs::rename(&ordered, binary)?;
        std::fs::remove_dir_all(&inputs)?;
        Ok(())
    }
}

fn build(target: &str, flags: &str, arguments: &[String], names: Names) -> Result<()> {
    let mut build = shell::cargo(&["rustc", "--profile", "dist", "--locked", "--package", "chela-cli"]);
    build.args(["--bin", "chela", "--target", target, "--"]).args(arguments);
    // What is shipped has its page.
    build.env("CHELA_NEED_UI", "1");
    build.env("RUSTFLAGS", format!("{flags} {PACKED}").trim());
    if names == Names::Stripped {
        build.env("CARGO_PROFILE_DIST_STRIP", "symbols");
    }
    shell::run(&mut build)
}

fn say(binary: &Path) -> Result<()> {
    let size = std::fs::metadata(binary).with_context(|| format!("{} was not built", binary.display()))?.len();
    println!("{}: {:.1} MB", binary.display(), size as f64 / 1e6);
    Ok(())
}

fn folder(target: &str) -> PathBuf {
    shell::target_dir().join(target).join("dist")
}

/// The first target of this machine's kind whose libraries are installed.
fn target(sysroot: &Path) -> Result<&'static (&'static str, &'static str)> {
    let libraries = sysroot.join("lib/rustlib");
    let is_here =
        |target: &str| target.starts_with(std::env::consts::ARCH) && libraries.join(target).join("lib").exists();
    let Some(installed) = TARGETS.iter().find(|(target, _)| is_here(target)) else {
        bail!("no static target is installed; run `rustup target add {}-unknown-linux-musl`", std::env::consts::ARCH);
    };
    Ok(installed)
}

fn host() -> Result<String> {
    let version = shell::output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names its host")?.to_owned())
}
