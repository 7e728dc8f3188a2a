//! The state dir: whether it is there, its owner's alone, writable, on a disk that stays, and not full.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use chela_config::Environment;
use rustix::fs::{Access, access, statfs, statvfs};

use super::{Finding, Fix};
use crate::context::Context;
use crate::output::bytes;

/// Bits of a mode that are about others than the owner.
const OTHERS_BITS: u32 = 6;

/// Below this a conversation with a few attachments may not fit.
const DISK_LOW_BYTES: u64 = 200 * 1024 * 1024;

/// Below this no more files may fit, however small.
const FILES_LOW: u64 = 1_000;

/// File systems over a network, by the numbers that the kernel gives them: their locks and syncs don't keep what SQLite needs.
const NETWORK: &[(u64, &str)] = &[(0x6969, "NFS"), (0xff53_4d42, "CIFS"), (0xfe53_4d42, "SMB"), (0x0102_1997, "9P")];

pub(super) fn findings(context: &Context, environment: &Environment, fix: Fix) -> Vec<Finding> {
    let dir = &context.places.state_dir;
    if !dir.exists() {
        let mut findings =
            vec![Finding::ok("state.missing", format!("{} will be made by the first start", dir.display()))];
        findings.extend(lasting(dir, environment));
        return findings;
    }
    if !dir.is_dir() {
        let mend = "move it away, or name another place with CHELA_STATE_DIR";
        return vec![Finding::error("state.no_dir", format!("{} is no directory", dir.display()), mend)];
    }
    let mut findings = vec![writable(dir)];
    findings.extend(private("state.mode", dir, 0o700, fix));
    findings.extend(lasting(dir, environment));
    findings.extend(local(dir));
    findings.extend(room(dir));
    findings
}

/// Others may not read what holds keys and conversations.
pub(super) fn private(id: &'static str, path: &Path, mode: u32, fix: Fix) -> Option<Finding> {
    let found = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    if found.trailing_zeros() >= OTHERS_BITS {
        return None;
    }
    if fix == Fix::Mend && fs::set_permissions(path, Permissions::from_mode(mode)).is_ok() {
        return Some(Finding::mended(id, format!("{} has mode {mode:o} now", path.display())));
    }
    let message = format!("{} can be read by others", path.display());
    let mend = format!("chmod {mode:o} {}, or chela doctor --fix", path.display());
    Some(Finding::warning(id, message, mend).seen_by([format!("mode {found:o}")]).fixable())
}

fn writable(dir: &Path) -> Finding {
    match access(dir, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::ok("state.writable", format!("{} can be written", dir.display())),
        Err(error) => {
            let user = rustix::process::geteuid().as_raw();
            let owner = rustix::fs::stat(dir).map(|found| found.st_uid);
            let owner = owner.map(|owner| format!("it belongs to user {owner}, this is user {user}"));
            Finding::error(
                "state.unwritable",
                format!("{} can't be written: {error}", dir.display()),
                format!("as root: chown -R {user} {}; or start as root with CHELA_RUN_AS={user}", dir.display()),
            )
            .seen_by(owner.ok())
        }
    }
}

fn lasting(dir: &Path, environment: &Environment) -> Option<Finding> {
    let told = chela_gateway::fleeting(dir, environment)?;
    let message = format!("{} {}", dir.display(), told.why);
    Some(Finding::warning("state.fleeting", message, told.mend()))
}

fn local(dir: &Path) -> Option<Finding> {
    let kind = statfs(dir).ok()?.f_type;
    // The field's type differs by platform; the numbers are 32 bits on all of them.
    let kind = u64::try_from(kind).ok()? & 0xffff_ffff;
    let (_, name) = NETWORK.iter().find(|(number, _)| *number == kind)?;
    let message = format!("{} is on {name}, over a network: the database is not safe there", dir.display());
    Some(Finding::warning("state.network", message, "use a disk of this machine, or a block volume"))
}

fn room(dir: &Path) -> Vec<Finding> {
    let Ok(stat) = statvfs(dir) else { return Vec::new() };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let mend = "delete old logs and media, or use a larger volume";
    let mut findings = vec![if free < DISK_LOW_BYTES {
        Finding::warning("disk.low", format!("{} free", bytes(free)), mend)
    } else {
        Finding::ok("disk.room", format!("{} free", bytes(free)))
    }];
    // Some file systems don't count files: both numbers are 0 there.
    if stat.f_files > 0 && stat.f_favail < FILES_LOW {
        let message = format!("room for {} more files only", stat.f_favail);
        findings.push(Finding::warning("disk.files", message, mend));
    }
    findings
}
