//! What a skill asks for against what it says that it needs, and what it wants to have installed.

use regex::bytes::Regex;

use super::content::text_of;
use super::text::{ScanText, View};
use super::{FINDINGS_PER_RULE, Finding, Severity, excerpt};
use crate::skills::skill::{Skill, Source};
use crate::skills::tree::SkillTree;

/// Names of variables that hold secrets, as shells and programs read them.
pub(super) const NAMES: &str = r#"(?:\$\{?|environ(?:\.get)?[\[(]\s*["']|getenv\(\s*["']|process\.env(?:\.|\[\s*["'])|ENV\[\s*["'])([A-Z][A-Z0-9_]*(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS))\b"#;

/// Secrets that the files read and the head doesn't declare: the skill doesn't get them, and whoever installs it should know.
pub(super) fn undeclared(tree: &SkillTree, names: &Regex) -> Vec<Finding> {
    let Some(skill) = described(tree) else { return Vec::new() };
    let declares = |name: &str| skill.needs.env.iter().chain(&skill.primary_env).any(|known| known == name);
    let mut findings: Vec<Finding> = Vec::new();
    for file in tree.files() {
        let Some(whole) = text_of(file) else { continue };
        let text = ScanText::new(&whole);
        let found = names.captures_iter(text.view(View::Lines).as_bytes()).filter_map(|captures| captures.get(1));
        let mut seen: Vec<String> = Vec::new();
        for (at, name) in found.map(|name| (name.start(), String::from_utf8_lossy(name.as_bytes()).into_owned())) {
            // The pattern finds any case; variables have theirs.
            let is_name = !name.contains(|sign: char| sign.is_ascii_lowercase());
            if !is_name || declares(&name) || seen.contains(&name) || seen.len() == FINDINGS_PER_RULE {
                continue;
            }
            findings.push(Finding {
                severity: Severity::Warning,
                rule: "undeclared-secret",
                file: file.path.clone(),
                line: text.line(at),
                what: excerpt(&name),
                why: "it reads a secret that its head does not declare",
            });
            seen.push(name);
        }
    }
    findings
}

/// What the head wants to have installed. Nothing of it is run by the gateway.
pub(super) fn install_steps(tree: &SkillTree) -> Vec<Finding> {
    let steps = described(tree).map(|skill| skill.install).unwrap_or_default();
    let finding = |step: &serde_json::Value| {
        let word = |key: &str| step.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
        let kind = word("kind");
        let what = ["formula", "package", "module", "url"].iter().map(|key| word(key)).find(|text| !text.is_empty());
        Finding {
            severity: if kind == "download" { Severity::Warning } else { Severity::Info },
            rule: "install-step",
            file: "SKILL.md".to_owned(),
            line: 0,
            what: excerpt(&format!("{kind} {}", what.unwrap_or_default())),
            why: "it needs this on the machine; install it yourself if you trust it",
        }
    };
    steps.iter().take(FINDINGS_PER_RULE * 3).map(finding).collect()
}

fn described(tree: &SkillTree) -> Option<Skill> {
    Skill::read(&tree.skill_text(), std::path::Path::new("/skill"), Source::Managed)
}
