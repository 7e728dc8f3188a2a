//! The environment of a command: built from nothing, so that no key of the gateway can be in it (G25).

use std::collections::BTreeMap;

use crate::ToolHost;

/// Names that a command may inherit besides `PATH` and `HOME`.
const INHERITED: [&str; 6] = ["LANG", "TERM", "TZ", "USER", "SHELL", "TMPDIR"];

/// Names that make programs load or run something else than what was asked for.
const DANGEROUS: [&str; 22] = [
    "BASHOPTS",
    "BASH_ENV",
    "CDPATH",
    "ENV",
    "GCONV_PATH",
    "GIT_EXTERNAL_DIFF",
    "GIT_SSH_COMMAND",
    "GLIBC_TUNABLES",
    "HOME",
    "IFS",
    "JAVA_TOOL_OPTIONS",
    "NODE_OPTIONS",
    "PATH",
    "PERL5LIB",
    "PERL5OPT",
    "PROMPT_COMMAND",
    "PS4",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "RUBYOPT",
    "SHELLOPTS",
];
const DANGEROUS_PREFIXES: [&str; 3] = ["LD_", "DYLD_", "BASH_FUNC_"];

/// A command's environment and the names that the model asked for and doesn't get.
pub(crate) struct Environment {
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) refused: Vec<String>,
}

impl Environment {
    pub(crate) fn new(host: &ToolHost, path_prepend: &[String], asked: BTreeMap<String, String>) -> Self {
        let mut variables = BTreeMap::from([
            ("PATH".to_owned(), path(host, path_prepend)),
            ("HOME".to_owned(), host.home.display().to_string()),
        ]);
        let inherited =
            INHERITED.iter().filter_map(|name| Some(((*name).to_owned(), host.variables.get(*name)?.clone())));
        variables.extend(inherited);
        let mut refused = Vec::new();
        for (name, value) in asked {
            if is_acceptable(&name) && !value.contains('\0') {
                variables.insert(name, value);
            } else {
                refused.push(name);
            }
        }
        Self { variables, refused }
    }
}

/// Where a command's programs are looked up.
pub(super) fn path(host: &ToolHost, prepend: &[String]) -> String {
    let expand = |folder: &String| match folder.strip_prefix("~/") {
        Some(rest) => host.home.join(rest).display().to_string(),
        None => folder.clone(),
    };
    let folders: Vec<String> = prepend.iter().map(expand).chain([host.path.clone()]).collect();
    folders.join(":")
}

fn is_acceptable(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let is_name = name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
        && name.starts_with(|character: char| character.is_ascii_alphabetic() || character == '_');
    is_name
        && !DANGEROUS.contains(&upper.as_str())
        && !DANGEROUS_PREFIXES.iter().any(|prefix| upper.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::host;

    #[test]
    fn g25_only_listed_names_pass() {
        let folder = tempfile::tempdir().unwrap();
        let mut host = host(folder.path());
        host.variables.extend([("LANG".into(), "C.UTF-8".into()), ("ANTHROPIC_API_KEY".into(), "sk-canary".into())]);
        let asked =
            [("A", "1"), ("LD_PRELOAD", "x"), ("ld_audit", "x"), ("PATH", "x"), ("a=b", "x"), ("", "x"), ("NUL", "\0")];
        let asked = asked.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let environment = Environment::new(&host, &["~/bin".into()], asked);
        let names: Vec<&str> = environment.variables.keys().map(String::as_str).collect();
        assert_eq!(names, ["A", "HOME", "LANG", "PATH"]);
        assert_eq!(environment.variables["PATH"], format!("{}/bin:{}", folder.path().display(), host.path));
        assert_eq!(environment.refused, ["", "LD_PRELOAD", "NUL", "PATH", "a=b", "ld_audit"]);
    }
}
