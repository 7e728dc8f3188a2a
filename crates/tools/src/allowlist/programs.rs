//! What is known of programs by their names: those that run others, those that obey files, and those that can do no harm.

/// Programs that run what their arguments say. An approval of theirs would be one of everything.
const WRAPPERS: &[&str] = &[
    "ash",
    "at",
    "awk",
    "bash",
    "batch",
    "bun",
    "bunx",
    "busybox",
    "bwrap",
    "capsh",
    "cgexec",
    "chpst",
    "chronic",
    "chroot",
    "chrt",
    "cpulimit",
    "csh",
    "dash",
    "dbus-run-session",
    "deno",
    "doas",
    "docker",
    "dotnet",
    "ed",
    "elixir",
    "elvish",
    "emacs",
    "emacsclient",
    "entr",
    "env",
    "erl",
    "ex",
    "expect",
    "fakeroot",
    "faketime",
    "find",
    "firejail",
    "fish",
    "flock",
    "gawk",
    "gdb",
    "ghci",
    "gosu",
    "groovy",
    "guile",
    "ionice",
    "irb",
    "java",
    "jshell",
    "julia",
    "ksh",
    "ld.so",
    "less",
    "ltrace",
    "lua",
    "luajit",
    "man",
    "mawk",
    "mksh",
    "more",
    "nc",
    "ncat",
    "netcat",
    "newgrp",
    "nice",
    "node",
    "nohup",
    "nsenter",
    "nu",
    "numactl",
    "nvim",
    "octave",
    "osascript",
    "parallel",
    "perf",
    "perl",
    "php",
    "pkexec",
    "podman",
    "prlimit",
    "proot",
    "proxychains",
    "proxychains4",
    "pwsh",
    "python",
    "rbash",
    "rlwrap",
    "rscript",
    "rsync",
    "ruby",
    "run-parts",
    "runuser",
    "rust-script",
    "rvim",
    "scala",
    "scp",
    "screen",
    "script",
    "sed",
    "setarch",
    "setpriv",
    "setsid",
    "sg",
    "sh",
    "socat",
    "ssh",
    "sshpass",
    "start-stop-daemon",
    "stdbuf",
    "strace",
    "su",
    "su-exec",
    "sudo",
    "systemd-run",
    "tar",
    "taskset",
    "tclsh",
    "tcsh",
    "time",
    "timeout",
    "tmux",
    "torsocks",
    "toybox",
    "ts-node",
    "tsx",
    "unbuffer",
    "unshare",
    "valgrind",
    "vi",
    "view",
    "vim",
    "vimdiff",
    "watch",
    "xargs",
    "xonsh",
    "xvfb-run",
    "yash",
];
/// Further ones, named apart because their versions are part of the name.
const WRAPPERS_BY_STEM: &[&str] =
    &["python", "pypy", "ruby", "perl", "php", "lua", "node", "nodejs", "tclsh", "wish", "ld-linux", "ld-musl", "zsh"];
/// Programs that run what files of the folder say. A person may list them by hand; they are not remembered by a button.
const RUNNERS: &[&str] = &[
    "ant", "bazel", "bundle", "cargo", "cmake", "composer", "gcc", "git", "go", "gradle", "gradlew", "just", "make",
    "meson", "mix", "mvn", "ninja", "npm", "npx", "nix", "pip", "pip3", "pipx", "pnpm", "pytest", "rake", "task",
    "tox", "uv", "yarn",
];
/// One file that is many programs: its own name says nothing.
const MULTI_CALL: &[&str] = &["busybox", "coreutils", "toybox", "uutils"];

/// Where programs lie that nobody but the machine's owner changes.
pub(super) const TRUSTED_FOLDERS: &[&str] = &["/bin", "/usr/bin", "/sbin", "/usr/sbin", "/nix/store", "/usr/lib"];

/// A program that can do no harm with the arguments that it is given here.
struct SafeBin {
    name: &'static str,
    /// Letters of short options without a value.
    letters: &'static str,
    /// Long options without a value.
    options: &'static [&'static str],
    operands: Operands,
}

#[derive(Clone, Copy)]
enum Operands {
    None,
    Any,
    /// `+%F` and the like.
    Format,
}

const SAFE_BINS: &[SafeBin] = &[
    bin("ls", "1AaFhlrSstR", &["--all", "--almost-all", "--human-readable", "--reverse", "--recursive"], Operands::Any),
    bin("pwd", "LP", &[], Operands::None),
    bin("date", "uR", &["--utc", "--rfc-email"], Operands::Format),
    bin("wc", "clmwL", &["--bytes", "--chars", "--lines", "--words"], Operands::Any),
    bin("whoami", "", &[], Operands::None),
    bin("id", "Ggnru", &[], Operands::None),
    bin("uname", "amnoprsv", &["--all"], Operands::None),
    bin("uptime", "ps", &["--pretty", "--since"], Operands::None),
    bin("nproc", "", &["--all"], Operands::None),
    bin("df", "hT", &["--human-readable"], Operands::None),
    bin("basename", "", &[], Operands::Any),
    bin("dirname", "", &[], Operands::Any),
    bin("true", "", &[], Operands::None),
    bin("false", "", &[], Operands::None),
];

const fn bin(
    name: &'static str,
    letters: &'static str,
    options: &'static [&'static str],
    operands: Operands,
) -> SafeBin {
    SafeBin { name, letters, options, operands }
}

/// Whether a program of this name runs what its arguments say. Never listed, and never inherits what it wraps.
pub(super) fn is_wrapper(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
    let is_kin =
        |known: &str| stem == known || name.starts_with(&format!("{known}-")) || name.starts_with(&format!("{known}."));
    WRAPPERS.contains(&name.as_str()) || WRAPPERS.contains(&stem) || WRAPPERS_BY_STEM.iter().any(|known| is_kin(known))
}

/// Whether a program of this name obeys files that the agent can write.
pub(super) fn is_runner(name: &str) -> bool {
    RUNNERS.contains(&name.to_ascii_lowercase().as_str())
}

pub(super) fn is_multi_call(name: &str) -> bool {
    MULTI_CALL.contains(&name)
}

/// Whether these arguments can do no harm to a program of this name: they name no output and run nothing.
pub(super) fn is_harmless(name: &str, args: &[String]) -> bool {
    let Some(bin) = SAFE_BINS.iter().find(|bin| bin.name == name) else { return false };
    let mut options_end = false;
    args.iter().all(|arg| {
        if !options_end && arg == "--" {
            options_end = true;
            return true;
        }
        match arg.strip_prefix('-') {
            Some(rest) if !options_end && rest.starts_with('-') => bin.options.contains(&arg.as_str()),
            Some(letters) if !options_end && !letters.is_empty() => {
                letters.chars().all(|letter| bin.letters.contains(letter))
            }
            _ => match bin.operands {
                Operands::None => false,
                Operands::Any => true,
                Operands::Format => arg.starts_with('+'),
            },
        }
    })
}
