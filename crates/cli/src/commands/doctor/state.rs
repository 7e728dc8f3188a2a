//! The state dir: whether it is there, private, writable, on a disk that stays, and not full.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{Access, access, statfs, statvfs};

use super::Finding;
use crate::context::Context;
use crate::output::bytes;

const CHECK: &str = "state dir";

/// Bits of a mode that are about others than the owner.
const OTHERS_BITS: u32 = 6;

/// Below this a conversation with a few attachments may not fit.
const DISK_LOW_BYTES: u64 = 200 * 1024 * 1024;

/// File systems that are gone with the machine or the container, by the numbers that the kernel gives them.
const PASSING: &[(u64, &str)] = &[(0x0102_1994, "tmpfs"), (0x8584_58f6, "ramfs"), (0x794c_7630, "overlayfs")];

pub(super) fn findings(context: &Context, fix: bool) -> Vec<Finding> {
    let dir = &context.places.state_dir;
    if !dir.exists() {
        return vec![Finding::ok(CHECK, format!("{} will be made by the first start", dir.display()))];
    }
    if !dir.is_dir() {
        let mend = "move it away, or name another place with CHELA_STATE_DIR";
        return vec![Finding::error(CHECK, format!("{} is no directory", dir.display()), mend)];
    }
    let mut findings = vec![writable(dir)];
    findings.extend(private(dir, 0o700, fix));
    if context.places.config_exists {
        findings.extend(private(&context.places.config_path, 0o600, fix));
    }
    findings.extend(lasting(dir));
    findings.extend(room(dir));
    findings
}

fn writable(dir: &Path) -> Finding {
    match access(dir, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::ok(CHECK, format!("{} can be written", dir.display())),
        Err(error) => Finding::error(
            CHECK,
            format!("{} can't be written: {error}", dir.display()),
            "run the gateway as the owner of the directory, or change the owner with chown",
        ),
    }
}

/// Others may not read what holds keys and conversations.
fn private(path: &Path, mode: u32, fix: bool) -> Option<Finding> {
    let found = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    if found.trailing_zeros() >= OTHERS_BITS {
        return None;
    }
    let message = format!("{} can be read by others (mode {found:o})", path.display());
    if fix && fs::set_permissions(path, Permissions::from_mode(mode)).is_ok() {
        return Some(Finding::ok(CHECK, format!("{} has mode {mode:o} now", path.display())));
    }
    Some(Finding::warning(CHECK, message, format!("chmod {mode:o} {}, or chela doctor --fix", path.display())))
}

fn lasting(dir: &Path) -> Option<Finding> {
    let kind = statfs(dir).ok()?.f_type;
    // The field's type differs by platform; the numbers are 32 bits on all of them.
    let kind = u64::try_from(kind).ok()? & 0xffff_ffff;
    let (_, name) = PASSING.iter().find(|(number, _)| *number == kind)?;
    Some(Finding::warning(
        CHECK,
        format!("{} is on {name}: a restart of the machine or container may lose it", dir.display()),
        "mount a volume and point CHELA_STATE_DIR to it",
    ))
}

fn room(dir: &Path) -> Option<Finding> {
    let stat = statvfs(dir).ok()?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    Some(if free < DISK_LOW_BYTES {
        Finding::warning("disk", format!("{} free", bytes(free)), "delete old logs and media, or use a larger volume")
    } else {
        Finding::ok("disk", format!("{} free", bytes(free)))
    })
}
