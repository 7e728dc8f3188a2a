//! The layers that a process puts on itself and can't take off: limits, no privileges, Landlock, and the filter of system calls.

use std::fs;
use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, Scope,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs,
};

use super::{Failure, Step, filter};
use crate::sandbox::config::Network;
use crate::sandbox::policy::{Policy, Reach};

/// Open files of one process.
const OPEN_FILES: u64 = 4096;
/// Where the kernel counts processes per user over the whole machine, a lower limit would count the user's own too.
const PROCESSES_OF_USER: u64 = 4096;
/// Devices that may be written to where no view of the files holds only these.
const DEVICES: [&str; 6] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

/// Everything, in the order in which each step is still allowed to do what it needs.
pub(super) fn all(policy: &Policy) -> Result<(), Failure> {
    limits(policy)?;
    if policy.layers.namespaces.is_none() {
        // In namespaces their first process has, and none can be had back.
        drop_privileges()?;
    }
    set_no_new_privs(true).step("privileges")?;
    if let Some(version) = policy.layers.landlock {
        landlock(policy, version).step("Landlock")?;
    }
    if policy.layers.seccomp {
        filter::apply(policy).step("filter of system calls")?;
    }
    Ok(())
}

/// When memory runs out the kernel is to end commands, not the gateway.
pub(super) fn prefer_for_lack_of_memory() {
    // A kernel without the file chooses by itself.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
}

/// Gives up every capability, also those that a program could get when it is started.
pub(super) fn drop_privileges() -> Result<(), Failure> {
    for capability in CapabilitySet::all().iter() {
        // Refused to those who have none to give up, and by kernels that don't know it.
        let _ = remove_capability_from_bounding_set(capability);
    }
    let _ = clear_ambient_capability_set();
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none }).step("privileges")
}

fn limits(policy: &Policy) -> Result<(), Failure> {
    let own_count = policy.layers.namespaces.is_some_and(|kinds| kinds.user);
    let processes = u64::from(policy.limits.processes);
    let processes = if own_count { processes } else { processes.max(PROCESSES_OF_USER) };
    for (resource, limit) in [
        (Resource::Core, 0),
        (Resource::Nofile, OPEN_FILES),
        (Resource::Fsize, policy.limits.file_bytes),
        (Resource::Data, policy.limits.memory_bytes),
        (Resource::Nproc, processes),
    ] {
        let highest = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let limit = Some(limit.min(highest));
        setrlimit(resource, Rlimit { current: limit, maximum: limit }).step("limits")?;
    }
    Ok(())
}

/// Closes the files that no rule opens, other processes' memory and, by version, links, truncation, devices, TCP and signals.
fn landlock(policy: &Policy, version: u32) -> Result<(), landlock::RulesetError> {
    let abi = ABI::from(i32::try_from(version).unwrap_or_default());
    let mut ruleset =
        Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(AccessFs::from_all(abi))?;
    let scopes = Scope::from_all(abi);
    if !scopes.is_empty() {
        ruleset = ruleset.scope(scopes)?;
    }
    let ports = AccessNet::from_all(abi);
    if policy.network == Network::Closed && !ports.is_empty() {
        ruleset = ruleset.handle_access(ports)?;
    }
    let rules = Rules { ruleset: ruleset.create()?, abi };
    let rules =
        if policy.layers.namespaces.is_some() { rules.within_view(policy)? } else { rules.without_view(policy)? };
    rules.ruleset.restrict_self()?;
    Ok(())
}

struct Rules {
    ruleset: RulesetCreated,
    abi: ABI,
}

impl Rules {
    /// What is not to be seen is not in the view, so only writing needs rules of its own.
    fn within_view(self, policy: &Policy) -> Result<Self, landlock::RulesetError> {
        let mut rules = self.open(Path::new("/"), &Reach::Read)?.open(Path::new("/dev/pts"), &Reach::Write)?;
        for place in &policy.places {
            if matches!(place.reach, Reach::Write | Reach::Instead(_)) {
                rules = rules.open(&place.path, &Reach::Write)?;
            }
        }
        rules.devices()
    }

    fn without_view(self, policy: &Policy) -> Result<Self, landlock::RulesetError> {
        let mut rules = self.open(Path::new("/proc"), &Reach::Read)?;
        for place in &policy.places {
            rules = match &place.reach {
                Reach::Instead(source) => rules.open(source, &Reach::Write)?,
                reach => rules.open(&place.path, reach)?,
            };
        }
        rules.devices()
    }

    fn devices(self) -> Result<Self, landlock::RulesetError> {
        DEVICES.iter().try_fold(self, |rules, device| rules.open(Path::new(device), &Reach::Write))
    }

    /// A place that isn't there needs no rule: nothing opens it.
    fn open(self, path: &Path, reach: &Reach) -> Result<Self, landlock::RulesetError> {
        let Ok(place) = PathFd::new(path) else { return Ok(self) };
        let mut access = match reach {
            Reach::Read => AccessFs::from_read(self.abi),
            Reach::Write | Reach::Instead(_) => {
                AccessFs::from_all(self.abi) & !(AccessFs::MakeBlock | AccessFs::MakeChar)
            }
            // Nothing opens it, and a link is where it points.
            Reach::Closed | Reach::Link(_) => return Ok(self),
        };
        if !path.is_dir() {
            access &= AccessFs::from_file(self.abi);
        }
        let rule = PathBeneath::new(place, access);
        Ok(Self { ruleset: self.ruleset.add_rule(rule)?, abi: self.abi })
    }
}

/// The version of Landlock that this kernel enforces, found by restricting this process.
pub(super) fn try_landlock() -> Result<u32, String> {
    use landlock::LandlockStatus;
    let restrict = || -> Result<_, landlock::RulesetError> {
        Ruleset::default().handle_access(BitFlags::from(AccessFs::Execute))?.create()?.restrict_self()
    };
    match restrict().map_err(|error| error.to_string())?.landlock {
        LandlockStatus::Available { effective_abi, .. } => Ok(effective_abi as u32),
        LandlockStatus::NotEnabled => {
            Err("Landlock is not switched on in this kernel (see its `lsm=` parameter)".to_owned())
        }
        LandlockStatus::NotImplemented => Err("this kernel has no Landlock".to_owned()),
    }
}
