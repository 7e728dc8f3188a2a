//! What an install would do: the checks, the scan, and the difference to what is there. Decides; [`Plan::carry_out`] does.

use std::collections::BTreeMap;

use chela_agent::{
    Finding, ScanReport, Severity, SkillHome, SkillLock, SkillOrigin, SkillPin, SkillScanner, SkillStatus, SkillTree,
    read_skill_head,
};
use chela_protocol::methods::skills::{SkillChanges, SkillFinding, SkillsInstallResult};

use super::{Consent, InstallOrder, SkillRefusal};

/// What an order is held against.
#[derive(Clone, Copy)]
pub(super) struct Planning<'a> {
    pub home: SkillHome<'a>,
    pub known: &'a [SkillStatus],
}

/// A change that may be made.
pub(super) struct Plan {
    name: String,
    tree: SkillTree,
    origin: SkillOrigin,
    report: ScanReport,
    changes: SkillChanges,
    pinned: Option<SkillPin>,
    /// It would need an owner's force and the hash.
    is_blocked: bool,
    /// An owner accepted what was found.
    is_accepted: bool,
}

impl Plan {
    /// Refuses what may not be installed; of a dry run, what is flagged is told instead.
    pub(super) fn make(planning: Planning<'_>, order: InstallOrder) -> Result<Self, SkillRefusal> {
        let InstallOrder { name, tree, origin, suspected, consent } = order;
        SkillHome::check_name(&name)?;
        let (report, mut critical) = judged(&tree, suspected);
        if let Some(expected) = consent.hash.as_ref().filter(|hash| **hash != report.hash) {
            return Err(SkillRefusal::WrongHash { expected: expected.clone(), found: report.hash });
        }
        check_head(planning, &name, &tree)?;
        let lock = SkillLock::read(planning.home.state_dir).map_err(chela_agent::PlaceError::from)?;
        let pinned = lock.pin(&name).cloned();
        let there = SkillTree::read_exact(&planning.home.folder(&name)).ok();
        check_against(pinned.as_ref(), there.as_ref(), &name, &origin, &report.hash, &consent)?;
        // Agreed to once, it stays agreed to, as long as it is the same.
        let is_known = pinned.as_ref().is_some_and(|pin| pin.hash == report.hash);
        let is_accepted = is_known || (consent.force && consent.hash.is_some());
        if is_accepted || lock.accepted.contains_key(&report.hash) {
            critical.clear();
        }
        let is_blocked = !critical.is_empty();
        if is_blocked && !consent.dry_run {
            return Err(SkillRefusal::Blocked { name, hash: report.hash, findings: critical });
        }
        let changes = difference(there.as_ref(), &tree);
        Ok(Self { name, tree, origin, report, changes, pinned, is_blocked, is_accepted })
    }

    /// Whether the folder or what is known of it would be another one.
    pub(super) fn changes_something(&self) -> bool {
        let same_pin =
            self.pinned.as_ref().is_some_and(|pin| pin.hash == self.report.hash && pin.origin == self.origin);
        !same_pin || self.changes != SkillChanges::default()
    }

    pub(super) fn carry_out(&self, home: SkillHome<'_>, now_ms: i64) -> Result<(), SkillRefusal> {
        let pin = SkillPin { hash: self.report.hash.clone(), origin: self.origin.clone(), installed_at_ms: now_ms };
        if self.is_accepted && self.report.critical().next().is_some() {
            tracing::warn!(skill = %self.name, hash = %pin.hash, "a flagged skill is installed, as an owner wanted");
        }
        Ok(home.put(&self.name, &self.tree, pin)?)
    }

    pub(super) fn result(&self, dry_run: bool) -> SkillsInstallResult {
        let version = match &self.origin {
            SkillOrigin::ClawHub { version, .. } => Some(version.clone()),
            SkillOrigin::Upload => None,
        };
        let outcome = match (dry_run, self.changes_something(), &self.pinned) {
            (_, false, _) => "unchanged",
            (true, true, _) => "planned",
            (false, true, None) => "installed",
            (false, true, Some(_)) => "updated",
        };
        let named = version.as_ref().map_or_else(|| self.name.clone(), |version| format!("{} {version}", self.name));
        let warnings = self.report.findings.iter().filter(|one| one.severity == Severity::Warning).count();
        let told = match warnings {
            0 => String::new(),
            1 => "; the scan has 1 warning".to_owned(),
            count => format!("; the scan has {count} warnings"),
        };
        SkillsInstallResult {
            ok: true,
            message: format!("{named} is {outcome}{told}"),
            slug: self.name.clone(),
            version,
            target_dir: String::new(),
            hash: self.report.hash.clone(),
            outcome: outcome.to_owned(),
            blocked: self.is_blocked,
            changes: self.changes.clone(),
            findings: finding_rows(&self.report.findings),
        }
    }
}

/// What the scan found, and of it what stands in the way, the registry's own suspicion among it.
fn judged(tree: &SkillTree, suspected: Option<String>) -> (ScanReport, Vec<Finding>) {
    let mut report = SkillScanner::new().scan(tree);
    if let Some(what) = suspected {
        let why = "the registry itself suspects this version";
        let finding = Finding {
            severity: Severity::Critical,
            rule: "registry-verdict",
            file: "SKILL.md".to_owned(),
            line: 0,
            what,
            why,
        };
        report.findings.insert(0, finding);
    }
    let critical = report.critical().cloned().collect();
    (report, critical)
}

/// A skill whose name is another one's would be taken for it.
fn check_head(planning: Planning<'_>, folder: &str, tree: &SkillTree) -> Result<(), SkillRefusal> {
    let head = read_skill_head(&tree.skill_text()).filter(|head| !head.description.is_empty());
    let head = head.ok_or(SkillRefusal::Headless)?;
    let target = planning.home.folder(folder);
    let names = [head.name.as_str(), head.key.as_str(), folder];
    let is_same = |known: &&SkillStatus| {
        known.base_dir != target && names.iter().any(|name| *name == known.name || *name == known.skill_key)
    };
    match planning.known.iter().find(is_same) {
        None => Ok(()),
        Some(known) => {
            Err(SkillRefusal::SameName { name: known.name.clone(), place: known.base_dir.display().to_string() })
        }
    }
}

/// A published version never changes, and what somebody changed in the installed files is not lost without a word.
fn check_against(
    pinned: Option<&SkillPin>,
    there: Option<&SkillTree>,
    name: &str,
    origin: &SkillOrigin,
    hash: &str,
    consent: &Consent,
) -> Result<(), SkillRefusal> {
    let Some(pin) = pinned else { return Ok(()) };
    if let SkillOrigin::ClawHub { version, .. } = origin
        && pin.origin == *origin
        && pin.hash != hash
    {
        let (name, version) = (name.to_owned(), version.clone());
        return Err(SkillRefusal::MovedPin { name, version, was: pin.hash.clone(), is: hash.to_owned() });
    }
    let was_changed = there.is_some_and(|tree| tree.hash() != pin.hash && tree.hash() != hash);
    if was_changed && !consent.force && !consent.dry_run {
        return Err(SkillRefusal::LocallyChanged(name.to_owned()));
    }
    Ok(())
}

fn difference(there: Option<&SkillTree>, new: &SkillTree) -> SkillChanges {
    let files = |tree: &SkillTree| -> BTreeMap<String, Vec<u8>> {
        tree.files().iter().map(|file| (file.path.clone(), file.bytes.clone())).collect()
    };
    let (old, new) = (there.map(files).unwrap_or_default(), files(new));
    let in_both = new.iter().filter(|(path, bytes)| old.get(*path).is_some_and(|old| old != *bytes));
    SkillChanges {
        added: new.keys().filter(|path| !old.contains_key(*path)).cloned().collect(),
        changed: in_both.map(|(path, _)| path.clone()).collect(),
        removed: old.keys().filter(|path| !new.contains_key(*path)).cloned().collect(),
    }
}

/// Findings as clients read them.
pub(crate) fn finding_rows(findings: &[Finding]) -> Vec<SkillFinding> {
    findings.iter().map(finding_row).collect()
}

fn finding_row(finding: &Finding) -> SkillFinding {
    let severity = match finding.severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    };
    SkillFinding {
        severity: severity.to_owned(),
        rule: finding.rule.to_owned(),
        file: finding.file.clone(),
        line: finding.line,
        what: finding.what.clone(),
        why: finding.why.to_owned(),
    }
}
