//! Whether a skill may be used here: what it needs, what there is, and what the configuration says.

use std::path::Path;

use super::skill::{Skill, Source};
use super::{SkillIntegrity, SkillNeeds, SkillSources, SkillStatus, steps};
use crate::config::SkillEntry;

pub(super) fn judge(skill: Skill, integrity: SkillIntegrity, sources: SkillSources<'_>) -> SkillStatus {
    let config = sources.config;
    let default = SkillEntry::default();
    let entry = config.entries.get(&skill.key).or_else(|| config.entries.get(&skill.name)).unwrap_or(&default);
    let missing = missing(&skill, entry, sources);
    let disabled = entry.enabled == Some(false);
    let named = |list: &[String]| list.iter().any(|name| *name == skill.name || *name == skill.key);
    let bundled = skill.source == Source::Bundled;
    let blocked_by_allowlist = bundled && config.allow_bundled.as_deref().is_some_and(|allowed| !named(allowed));
    let blocked_by_agent_filter = sources.profile.skills.as_deref().is_some_and(|allowed| !named(allowed));
    let platform_incompatible = !missing.os.is_empty();
    let met = skill.always || missing == SkillNeeds::default();
    let eligible = met && !platform_incompatible && !disabled && !blocked_by_allowlist && integrity.problem.is_none();
    SkillStatus {
        source: skill.source.as_str(),
        bundled,
        file_path: skill.folder.join("SKILL.md"),
        base_dir: skill.folder,
        skill_key: skill.key,
        emoji: skill.emoji,
        homepage: skill.homepage,
        always: skill.always,
        disabled,
        blocked_by_allowlist,
        blocked_by_agent_filter,
        eligible,
        platform_incompatible,
        model_visible: eligible && !blocked_by_agent_filter && !skill.hidden_from_model,
        user_invocable: skill.user_invocable,
        command_visible: eligible && skill.user_invocable,
        requirements: skill.needs,
        missing,
        config_checks: Vec::new(),
        install: steps::of(&skill.install),
        primary_env: skill.primary_env,
        name: skill.name,
        description: skill.description,
        integrity,
    }
}

fn missing(skill: &Skill, entry: &SkillEntry, sources: SkillSources<'_>) -> SkillNeeds {
    let needs = &skill.needs;
    let path = sources.environment.get("PATH").unwrap_or_default();
    let has_bin = |name: &String| path.split(':').any(|folder| is_program(&Path::new(folder).join(name)));
    let has_env = |name: &String| {
        let given = entry.api_key.is_some() && skill.primary_env.as_ref() == Some(name);
        given || entry.env.contains_key(name) || sources.environment.get(name).is_some()
    };
    let without = |list: &[String], has: &dyn Fn(&String) -> bool| -> Vec<String> {
        list.iter().filter(|name| !has(name)).cloned().collect()
    };
    SkillNeeds {
        bins: without(&needs.bins, &has_bin),
        any_bins: if needs.any_bins.iter().any(has_bin) { Vec::new() } else { needs.any_bins.clone() },
        env: without(&needs.env, &has_env),
        // Keys of the reference system's own configuration: nothing here can meet them.
        config: needs.config.clone(),
        os: if needs.os.is_empty() || needs.os.iter().any(|os| os == platform()) {
            Vec::new()
        } else {
            needs.os.clone()
        },
    }
}

/// A name with a slash, or one that is no plain file, is no program of the path.
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The name of this system in skills' metadata, which is Node's.
fn platform() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        os => os,
    }
}
