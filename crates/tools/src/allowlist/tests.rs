//! Exactness: what a list speaks for, and everything that it doesn't.

use std::process::Command;

use proptest::prelude::*;

use super::argv::plain_words;
use super::*;

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

fn subject(command: &str) -> Subject {
    Subject::Command { command: command.into(), workdir: "/".into(), variables: Vec::new(), path: PATH.into() }
}

fn plain(command: &str) -> PlainCommand {
    PlainCommand::outside_of(&subject(command), &[]).unwrap_or_else(|error| panic!("{command}: {error}"))
}

fn entry(pattern: &str, args: Option<&str>) -> ListEntry {
    ListEntry { pattern: pattern.into(), arg_pattern: args.map(str::to_owned) }
}

/// A folder with programs of these names.
fn programs(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let path = folder.path().join(name);
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

#[test]
fn g23_shell_syntax_is_no_plain_command() {
    for command in [
        "ls; rm x",
        "ls && rm x",
        "ls || rm x",
        "ls | sh",
        "ls > x",
        "ls < x",
        "ls 2>&1",
        "ls & rm x",
        "ls $(rm x)",
        "ls `rm x`",
        "ls $HOME",
        "ls \"$HOME\"",
        "ls \"`rm x`\"",
        "ls *",
        "ls ?",
        "ls [ab]",
        "ls {a,b}",
        "ls ~",
        "ls \\\nx",
        "ls\nrm x",
        "ls\rrm",
        "ls # x",
        "!ls",
        "A=b ls",
        "(ls)",
        "{ ls; }",
        "ls 'open",
        "ls \"open",
        "",
        "  ",
        "''",
        "\"\" x",
        ". x",
        "eval ls",
        "exec ls",
        "command ls",
        "if ls",
        "ls \u{a0}x",
        "ls '\u{202e}x'",
        "ls 'a\u{200b}b'",
        "ls\0",
        "ls '\n'",
        "l\\s",
        "ls ‐a",
        "ls \"a\\\"; rm x\"",
        "cd /",
        "while x",
        "trap x EXIT",
        "ls ^x",
    ] {
        assert!(plain_words(command).is_err(), "{command:?} is no plain command");
    }
}

#[test]
fn plain_words_are_read_as_a_shell_reads_them() {
    for (command, words) in [
        ("ls -la  src", &["ls", "-la", "src"][..]),
        ("grep 'a b' \"c d\"e f''g", &["grep", "a b", "c de", "fg"]),
        ("echo '' \"\"", &["echo", "", ""]),
        ("cc -DA=1 'x;y|z $HOME *'", &["cc", "-DA=1", "x;y|z $HOME *"]),
        ("x 'Größe'", &["x", "Größe"]),
    ] {
        assert_eq!(plain_words(command).unwrap(), words, "{command}");
    }
}

#[test]
fn g23_an_entry_speaks_for_its_very_arguments() {
    let folder = programs(&["tool"]);
    let at = folder.path().join("tool").display().to_string();
    let exact = plain(&format!("{at} build --fast 'a b'")).entry().unwrap();
    assert!(plain(&format!("{at} build --fast \"a b\"")).is_listed(&exact));
    for other in [
        "build --fast a b",
        "build --fast 'a b' x",
        "build --fast",
        "",
        "build '--fast a b'",
        "build --fast 'a b' ''",
        "Build --fast 'a b'",
    ] {
        assert!(!plain(&format!("{at} {other}")).is_listed(&exact), "{other}");
    }
    let bare = plain(&at).entry().unwrap();
    assert!(plain(&at).is_listed(&bare));
    assert!(!plain(&format!("{at} ''")).is_listed(&bare) && !plain(&format!("{at} x")).is_listed(&bare));
    let by_hand = entry(&at, Some("status|diff( [a-z]+)?"));
    for (args, listed) in [
        ("status", true),
        ("diff x", true),
        ("status x", false),
        ("'diff x'", false),
        ("diff x y", false),
        ("xstatus", false),
    ] {
        assert_eq!(plain(&format!("{at} {args}")).is_listed(&by_hand), listed, "{args}");
    }
    assert!(plain(&format!("{at} whatever")).is_listed(&entry(&at, None)));
    assert!(!plain(&format!("{at} x")).is_listed(&entry(&at, Some("("))), "a broken pattern matches nothing");
}

#[test]
fn g23_a_program_is_its_real_path() {
    let folder = programs(&["tool", "other"]);
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::os::unix::fs::symlink("other", folder.path().join("link")).unwrap();
    assert!(!plain(&at("link")).is_listed(&entry(&at("link"), None)), "a link is what it points to");
    assert!(plain(&at("link")).is_listed(&entry(&at("other"), None)));
    assert!(plain(&at("tool")).is_listed(&entry(&format!("{}/*", folder.path().display()), None)));
    assert!(!plain(&at("tool")).is_listed(&entry("/*", None)) && !plain(&at("tool")).is_listed(&entry("tool", None)));
    let changeable = [folder.path().to_path_buf()];
    assert_eq!(PlainCommand::outside_of(&subject(&at("tool")), &changeable), Err(NotPlain::Changeable));
    assert_eq!(PlainCommand::outside_of(&subject("no-such-program-at-all"), &[]), Err(NotPlain::NoProgram));
    let Subject::Command { command, workdir, path, .. } = subject("ls") else { unreachable!() };
    let with_variable = Subject::Command { command, workdir, path, variables: vec![("LC_ALL".into(), "C".into())] };
    assert_eq!(PlainCommand::outside_of(&with_variable, &[]), Err(NotPlain::Variables));
}

#[test]
fn g23_wrappers_never_inherit_an_approval_and_are_never_remembered() {
    let names = [
        "sh",
        "bash",
        "dash",
        "zsh",
        "env",
        "time",
        "nice",
        "xargs",
        "sudo",
        "nohup",
        "timeout",
        "busybox",
        "python3",
        "python3.12",
        "node",
        "perl5.36",
        "ruby",
        "find",
        "ssh",
        "setsid",
        "stdbuf",
        "awk",
        "watch",
        "lua5.4",
        "taskset",
        "tcsh",
        "php8.2",
        "ld-linux-x86-64.so.2",
    ];
    let folder = programs(&names);
    for name in names {
        let command = plain(&format!("{}/{name} ls", folder.path().display()));
        assert_eq!(command.entry(), None, "{name}");
        for pattern in
            [format!("{}/*", folder.path().display()), format!("{}/{name}", folder.path().display()), name.to_owned()]
        {
            assert!(!command.is_listed(&entry(&pattern, None)), "{name} by {pattern}");
        }
    }
    // Named like something harmless, but a shell behind it.
    std::os::unix::fs::symlink("sh", folder.path().join("ls")).unwrap();
    let hidden = plain(&format!("{}/ls x", folder.path().display()));
    assert!(!hidden.is_listed(&entry("ls", None)) && !hidden.is_harmless() && hidden.entry().is_none());
    let runner = programs(&["make"]);
    let make = plain(&format!("{}/make test", runner.path().display()));
    assert_eq!(make.entry(), None, "what obeys files of the workspace is not remembered by a button");
    assert!(
        make.is_listed(&entry(&format!("{}/make", runner.path().display()), Some("test"))),
        "but a person may list it"
    );
}

#[test]
fn harmless_commands_name_no_output_and_run_nothing() {
    for (command, harmless) in [
        ("ls", true),
        ("ls -la /etc", true),
        ("pwd", true),
        ("date +%F", true),
        ("wc -l a b", true),
        ("ls -- -x", true),
        ("date -s tomorrow", false),
        ("date --set=x", false),
        ("date 010100002000", false),
        ("wc --files0-from=x", false),
        ("ls --color=always", false),
        ("uname x", false),
        ("pwd x", false),
        ("cat x", false),
        ("rm x", false),
    ] {
        let Ok(plain) = PlainCommand::outside_of(&subject(command), &[]) else { panic!("{command}") };
        assert_eq!(plain.is_harmless(), harmless, "{command}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What is taken for a plain command is split by a real shell into the very same words.
    #[test]
    fn g23_a_shell_agrees_on_every_plain_command(tail in "[ a-c'\"=%+:@,./;|&$`\\\\(){}<>*?~#!\\[\\]\n-]{0,24}") {
        let command = format!("printf %s\\\\0 {tail}");
        if let Ok(words) = plain_words(&format!("printf x {tail}")) {
            let output = Command::new("/bin/sh").arg("-c").arg(&command).current_dir("/").output().unwrap();
            let shown: Vec<String> = String::from_utf8(output.stdout).unwrap().split_terminator('\0').map(str::to_owned).collect();
            let expected: Vec<String> = if words.len() == 2 { vec![String::new()] } else { words[2..].to_vec() };
            prop_assert_eq!(shown, expected, "{}", command);
        }
    }

    /// The entry of one command never speaks for another.
    #[test]
    fn g23_entries_are_exact(args in proptest::collection::vec("[a-c .*+-]{0,4}", 0..4), others in proptest::collection::vec("[a-c .*+-]{0,4}", 0..4)) {
        let make = |args: &[String]| PlainCommand {
            argv: std::iter::once("/opt/x/tool".to_owned()).chain(args.iter().cloned()).collect(),
            program: "/opt/x/tool".into(),
        };
        let entry = make(&args).entry().unwrap();
        prop_assert!(make(&args).is_listed(&entry));
        prop_assert_eq!(make(&others).is_listed(&entry), args == others);
    }
}
