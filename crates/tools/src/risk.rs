//! What a call could do in the wrong hands, told from the paths that it names (G26).
//!
//! Judges real paths, with links followed, as [`crate::files`] does. Looks at no content.

use std::path::{Path, PathBuf};

use chela_agent::{CallRisk, ExecRule, Provenance, Risk, Source, Subject, instruction_files, is_instruction_file};

use crate::files::{Files, Judge};

/// Folders of a workspace whose files tell an agent what to do.
const INSTRUCTION_FOLDERS: [&str; 3] = ["skills", ".agents", ".claude"];
/// Folders whose files are run or obeyed by programs (hooks, aliases).
const OBEYED_FOLDERS: [&str; 2] = [".git", ".hg"];
/// Entries of a folder of instructions that are looked at for links.
const ENTRIES_LIMIT: usize = 1_000;
/// Where anything may be written: it is gone after the next start of the machine.
const SCRATCH: [&str; 2] = ["/tmp", "/var/tmp"];
/// Folders that hold credentials, wherever they stand.
const SECRET_FOLDERS: [&str; 10] =
    [".aws", ".azure", ".docker", ".gnupg", ".kube", ".password-store", ".ssh", ".chela", ".openclaw", ".mozilla"];
/// Of these, the ones in which workspaces lie.
const STATE_FOLDERS: [&str; 2] = [".chela", ".openclaw"];
/// Files that hold credentials.
const SECRET_FILES: [&str; 14] = [
    ".bash_history",
    ".env",
    ".git-credentials",
    ".htpasswd",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".pypirc",
    ".zsh_history",
    "authorized_keys",
    "gshadow",
    "shadow",
    "credentials",
    "credentials.json",
];
const SECRET_ENDINGS: [&str; 7] = [".pem", ".key", ".p12", ".pfx", ".kdbx", ".jks", ".keystore"];

/// What a call that reads these paths risks.
pub(crate) fn of_read(files: &Files, rule: ExecRule, workspace: &Path, written: &str) -> CallRisk {
    let judge = files.judge(workspace);
    match judge.real(written) {
        Some(path) if looks_secret(&path) => of_paths(Risk::Secret, rule, written),
        Some(path) if judge.is_memory(&path) => of_paths(Risk::Private, rule, written),
        _ => CallRisk::none(),
    }
}

/// What a call risks that gives a file another name, under which it could then be read.
pub(crate) fn of_move(files: &Files, rule: ExecRule, workspace: &Path, written: &str) -> CallRisk {
    match of_read(files, rule, workspace, written) {
        private @ CallRisk { risk: Risk::Private, .. } => private,
        _ => CallRisk::none(),
    }
}

/// What a search below this path risks: one that begins above the home folder also finds what is hidden in it.
pub(crate) fn of_search(files: &Files, rule: ExecRule, workspace: &Path, written: &str) -> CallRisk {
    let judge = files.judge(workspace);
    let reaches = |path: PathBuf| looks_secret(&path) || (judge.home().starts_with(&path) && !judge.is_own(&path));
    match judge.real(written) {
        Some(path) if reaches(path.clone()) => of_paths(Risk::Secret, rule, written),
        Some(path) if judge.is_memory(&path) => of_paths(Risk::Private, rule, written),
        _ => CallRisk::none(),
    }
}

/// What a call that changes these paths risks. `text` is what a person has to read to judge it.
pub(crate) fn of_write(
    files: &Files,
    rule: ExecRule,
    workspace: &Path,
    written: Vec<String>,
    text: impl FnOnce() -> String,
) -> CallRisk {
    let judge = files.judge(workspace);
    let lasts = |written: &String| judge.real(written).is_some_and(|path| outlives_turn(&judge, &path, &SCRATCH));
    if !written.iter().any(lasts) {
        return CallRisk::none();
    }
    CallRisk { risk: Risk::Instructions, subject: Subject::Change { paths: written, text: text() }, rule }
}

/// Where the content of a file came from; `None` for the agent's own instructions, which are as good as its owner's words.
pub(crate) fn provenance(judge: &Judge, written: &str, path: &Path) -> Option<Provenance> {
    (!is_instruction(judge, path)).then(|| Provenance::new(Source::File, written))
}

fn of_paths(risk: Risk, rule: ExecRule, written: &str) -> CallRisk {
    CallRisk { risk, subject: Subject::Paths(vec![written.to_owned()]), rule }
}

fn is_instruction(judge: &Judge, path: &Path) -> bool {
    if judge.is_always_readable(path) {
        return true;
    }
    let Some(relative) = judge.within_workspace(path) else { return false };
    let mut names = relative.components().map(|part| part.as_os_str().to_string_lossy());
    let first = names.next().unwrap_or_default();
    match names.next() {
        None => is_instruction_file(&first),
        Some(_) => INSTRUCTION_FOLDERS.contains(&first.as_ref()),
    }
}

fn outlives_turn(judge: &Judge, path: &Path, scratch: &[&str]) -> bool {
    match judge.within_workspace(path) {
        Some(relative) => {
            let is_obeyed =
                relative.components().any(|part| OBEYED_FOLDERS.iter().any(|name| part.as_os_str() == *name));
            let top = relative
                .components()
                .next()
                .is_some_and(|part| INSTRUCTION_FOLDERS.iter().any(|name| part.as_os_str() == *name));
            is_obeyed || top || is_instruction(judge, path) || is_behind_instructions(judge, path)
        }
        // Wherever a home stands, its files are obeyed.
        None => path.starts_with(judge.home()) || !scratch.iter().any(|folder| path.starts_with(folder)),
    }
}

/// Whether an instruction file or folder of the workspace is a link to this path or to a folder above it: changing the one changes
/// the other.
fn is_behind_instructions(judge: &Judge, path: &Path) -> bool {
    let leads_here = |name: &str| judge.real(name).is_some_and(|real| judge.is_own(&real) && path.starts_with(real));
    let mut skills = INSTRUCTION_FOLDERS.iter().flat_map(|folder| links_in(judge, folder));
    instruction_files().chain(INSTRUCTION_FOLDERS).any(leads_here) || skills.any(|real| path.starts_with(real))
}

/// Where the links in a folder of the workspace lead.
fn links_in(judge: &Judge, folder: &str) -> Vec<PathBuf> {
    let Some(folder) = judge.real(folder) else { return Vec::new() };
    let entries = folder.read_dir().into_iter().flatten().flatten().take(ENTRIES_LIMIT);
    let links = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()));
    links.filter_map(|entry| entry.path().canonicalize().ok()).collect()
}

/// Whether a path of a workspace, from the workspace on, holds what the agent remembers for its owner alone. OpenClaw shows it in the
/// owner's own chat only, too.
pub fn is_memory(relative: &Path) -> bool {
    let first = relative.components().next().map(|part| part.as_os_str().to_ascii_lowercase());
    first.is_some_and(|first| first == "memory.md" || first == "memory")
}

/// Whether a path of a workspace holds what came in with other conversations: results of tools, and files that people sent.
pub(crate) fn is_of_conversations(relative: &Path) -> bool {
    relative.starts_with(".chela") || relative.starts_with("media/inbound")
}

/// Whether a file's name says that it holds credentials.
pub fn looks_secret(path: &Path) -> bool {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy().to_ascii_lowercase()).collect();
    // The state dir's own secrets are refused by `files`; a workspace inside of it is no secret.
    let is_workspace = |at: usize| {
        STATE_FOLDERS.contains(&parts[at].as_str())
            && parts.get(at + 1).is_some_and(|next| next.starts_with("workspace"))
    };
    let is_secret_folder = |at: usize| SECRET_FOLDERS.contains(&parts[at].as_str()) && !is_workspace(at);
    let name = parts.last().map_or("", String::as_str);
    (0..parts.len()).any(is_secret_folder)
        || SECRET_FILES.contains(&name)
        || name.starts_with(".env.")
        || (name.starts_with("id_") && !name.contains('.'))
        || SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g26_credentials_are_known_by_their_names() {
        for path in [
            "/home/a/.ssh/id_ed25519",
            "/home/a/.aws/config",
            "/srv/app/.env",
            "/srv/.env.production",
            "/etc/shadow",
            "/x/tls.key",
            "/workspace/home/.aws/config",
        ] {
            assert!(looks_secret(Path::new(path)), "{path}");
        }
        for path in [
            "/home/a/notes.txt",
            "/srv/app/environment.md",
            "/srv/keys.rs",
            "/home/a/.chela/workspace/a.txt",
            "/x/id_rsa.pub",
        ] {
            assert!(!looks_secret(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn g26_writes_that_outlive_the_turn_are_told_from_those_that_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().join("workspace");
        std::fs::create_dir_all(workspace.join("skills/pdf")).unwrap();
        std::fs::write(workspace.join("AGENTS.md"), "x").unwrap();
        std::fs::create_dir_all(workspace.join("lib/shared")).unwrap();
        std::fs::write(workspace.join("lib/soul.md"), "x").unwrap();
        for (target, link) in [("AGENTS.md", "notes.md"), ("lib/soul.md", "SOUL.md"), ("../lib/shared", "skills/s")] {
            std::os::unix::fs::symlink(target, workspace.join(link)).unwrap();
        }
        let host = crate::tests::host(folder.path());
        let files = host.files(false);
        let judge = files.judge(&workspace);
        // The folder of this test may lie in one that is scratch.
        let lasts = |written: &str| outlives_turn(&judge, &judge.real(written).unwrap(), &["/var/tmp"]);
        for written in [
            "AGENTS.md",
            "./skills/../SOUL.md",
            "notes.md",
            "skills/pdf/SKILL.md",
            "skills/new/SKILL.md",
            ".git/hooks/pre-commit",
            "sub/.git/config",
            "~/.bashrc",
            "/etc/cron.d/x",
            "../workspace/MEMORY.md",
            "lib/soul.md",
            "lib/shared/SKILL.md",
        ] {
            assert!(lasts(written), "{written}");
        }
        for written in ["a.txt", "sub/AGENTS.md", "/var/tmp/x", "memory/today.md"] {
            assert!(!lasts(written), "{written}");
        }
    }
}
