//! What a skill's head says about getting the programs that it needs: as clients show it. The gateway runs none of it.

use serde_json::Value;

use super::SkillInstallStep;

/// Steps of one skill that are shown.
const STEPS_MAX: usize = 16;
/// Characters of a label that an author wrote.
const LABEL_CHARS: usize = 120;

/// The steps of a head's `install`, those that can't be read left out.
pub(super) fn of(install: &[Value]) -> Vec<SkillInstallStep> {
    install.iter().take(STEPS_MAX).enumerate().filter_map(|(at, step)| step_of(at, step)).collect()
}

fn step_of(at: usize, step: &Value) -> Option<SkillInstallStep> {
    let word = |key: &str| step.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let kind = word("kind")?;
    let bins = step.get("bins").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let command = command(kind, &word);
    let label = word("label").map(str::to_owned).or_else(|| command.clone()).unwrap_or_else(|| kind.to_owned());
    Some(SkillInstallStep {
        id: word("id").map_or_else(|| format!("{kind}-{at}"), str::to_owned),
        kind: kind.to_owned(),
        label: label.chars().take(LABEL_CHARS).collect(),
        bins: bins.map(str::to_owned).collect(),
        command,
    })
}

/// The line that does it, of plain names only: it is shown to be copied into a shell.
fn command<'a>(kind: &str, word: &impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    let (start, name) = match kind {
        "brew" => ("brew install", word("formula")),
        "node" => ("npm install --global --ignore-scripts", word("package")),
        "go" => ("go install", word("module")),
        "uv" => ("uv tool install", word("package")),
        _ => return None,
    };
    let is_plain = |name: &&str| {
        !name.starts_with('-') && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"@/._-+=".contains(&byte))
    };
    name.filter(is_plain).map(|name| format!("{start} {name}"))
}
