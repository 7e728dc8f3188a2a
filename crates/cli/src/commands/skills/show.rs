//! Skills, plans and findings for people.

use chela_protocol::methods::skills::{SkillFinding, SkillNeeds, SkillRow, SkillsInstallResult};

use crate::context::Context;
use crate::output::BOLD;

pub(super) fn list<'a>(skills: impl Iterator<Item = &'a SkillRow>, context: &Context) {
    let rows = skills.map(|skill| {
        vec![skill.name.clone(), state(skill).to_owned(), skill.source.clone(), skill.description.clone()]
    });
    context.output.table(&["skill", "ready", "from", "description"], rows);
}

pub(super) fn info(skill: &SkillRow, context: &Context) {
    let output = context.output;
    output.line(format!("{}  ready: {}", output.style(BOLD, &skill.name), state(skill)));
    output.line(&skill.description);
    output.line(format!("from {}: {}", skill.source, skill.file_path));
    if let Some(hash) = &skill.integrity.hash {
        output.line(format!("files: {} {hash}", skill.integrity.state));
    }
    if let Some(problem) = &skill.integrity.problem {
        output.line(format!("not used: {problem}"));
    }
    let missing = needs(&skill.missing);
    if !missing.is_empty() {
        output.line(format!("missing: {}", missing.join(", ")));
        for step in skill.install.iter().filter_map(|step| step.command.as_ref()) {
            output.line(format!("  {step}"));
        }
    }
}

pub(super) fn check(all: &[SkillRow], unusable: &[&SkillRow], context: &Context) {
    let rows = unusable.iter().map(|skill| vec![skill.name.clone(), reason(skill)]);
    if !unusable.is_empty() {
        context.output.table(&["skill", "not used because"], rows);
    }
    context.output.line(format!("{} of {} skills can be used", all.len() - unusable.len(), all.len()));
}

/// What an install would do or has done.
pub(super) fn plan(plan: &SkillsInstallResult, context: &Context) {
    let output = context.output;
    findings(&plan.findings, context);
    for (sign, paths) in [("+", &plan.changes.added), ("~", &plan.changes.changed), ("-", &plan.changes.removed)] {
        for path in paths {
            output.line(format!("  {sign} {path}"));
        }
    }
    output.line(&plan.message);
    output.line(format!("files: {}", plan.hash));
}

pub(super) fn findings(findings: &[SkillFinding], context: &Context) {
    for finding in findings {
        let place = match finding.line {
            0 => finding.file.clone(),
            line => format!("{}:{line}", finding.file),
        };
        context.output.line(format!("{} {} in {place}: {}", finding.severity, finding.rule, finding.why));
        context.output.line(format!("    {}", finding.what));
    }
}

fn state(skill: &SkillRow) -> &'static str {
    match (skill.disabled, skill.eligible, &skill.integrity.problem) {
        (true, ..) => "off",
        (false, _, Some(_)) => "blocked",
        (false, true, None) => "yes",
        (false, false, None) => "no",
    }
}

fn reason(skill: &SkillRow) -> String {
    if let Some(problem) = &skill.integrity.problem {
        return problem.clone();
    }
    let missing = needs(&skill.missing);
    match (skill.disabled, missing.is_empty()) {
        (true, _) => "it is switched off".to_owned(),
        (false, false) => format!("missing: {}", missing.join(", ")),
        (false, true) => "skills.allowBundled leaves it out".to_owned(),
    }
}

fn needs(needs: &SkillNeeds) -> Vec<String> {
    let any = (!needs.any_bins.is_empty()).then(|| format!("one of the programs {}", needs.any_bins.join(" or ")));
    let programs = needs.bins.iter().map(|name| format!("program {name}"));
    let variables = needs.env.iter().map(|name| format!("variable {name}"));
    let keys = needs.config.iter().map(|name| format!("configuration {name}"));
    let systems = needs.os.iter().map(|name| format!("system {name}"));
    programs.chain(any).chain(variables).chain(keys).chain(systems).collect()
}
