//! The command's own view of the machine: namespaces, and in them a root folder that holds only what its policy names.
//!
//! What is not in the view can't be named: no path, link or socket leads out of it. Everything but the places to write is
//! read-only, `/proc` included, since the root user may write to `/proc/sys` with no capability at all.

use std::ffi::CStr;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, mount_bind_recursive,
    mount_change, move_mount, open_tree, unmount,
};
use rustix::process::{getegid, geteuid, pivot_root};
use rustix::thread::UnshareFlags;

use super::kernel::{patiently, restrict_mount, unshare};
use super::{Failure, Step};
use crate::sandbox::config::Network;
use crate::sandbox::policy::{Namespaces, Place, Policy, Reach};

/// Where the new root is put together: a folder that every machine has and that is not needed meanwhile.
const STAGE: &str = "/proc";
/// The devices that programs expect; none of them leads anywhere.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
const LINKS: [(&str, &str); 6] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
    ("shm", "/tmp"),
];
/// First version of Landlock that keeps abstract sockets within the sandbox.
const LANDLOCK_SCOPES: u32 = 6;
/// Linux before this has one highest process number for the whole machine.
const OWN_PROCESS_LIMIT: (u32, u32) = (6, 14);
/// The kernel keeps the first numbers of a namespace back once they have been used.
const RESERVED_PROCESSES: u32 = 300;

const READ_ONLY: u64 = 1;
const NO_SETUID: u64 = 2;
const NO_DEVICES: u64 = 4;

/// Leaves the namespaces of the gateway. The first process of the new ones is the next child.
pub(super) fn enter(kinds: Namespaces, policy: &Policy) -> io::Result<()> {
    let mut flags = UnshareFlags::NEWNS | UnshareFlags::NEWPID | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS;
    // A network of its own costs more than the filter that closes sockets, and adds only this.
    let has_scopes = policy.layers.landlock.is_some_and(|version| version >= LANDLOCK_SCOPES);
    flags.set(UnshareFlags::NEWNET, policy.network == Network::Closed && !has_scopes);
    flags.set(UnshareFlags::NEWUSER, kinds.user);
    let (user, group) = (geteuid(), getegid());
    patiently(|| unshare(flags))?;
    if kinds.user {
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
        fs::write("/proc/self/gid_map", format!("{group} {group} 1"))?;
    }
    Ok(())
}

/// Builds the view and moves into it. Runs as the first process of the namespaces, whose `/proc` this is.
pub(super) fn build(policy: &Policy) -> Result<(), Failure> {
    let root = Path::new(STAGE);
    let fresh = policy.layers.namespaces.is_some_and(|kinds| kinds.fresh_proc);
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE).step("view of the files")?;
    let machines_proc = if fresh { None } else { Some(clone_of_proc().step("/proc")?) };
    let nothing_but_names = MountFlags::NOSUID | MountFlags::NODEV;
    let stage = || Ok(mount("tmpfs", root, "tmpfs", nothing_but_names, c"mode=0755,size=4m")?);
    patiently(stage).step("view of the files")?;
    devices(root).step("/dev")?;
    for place in &policy.places {
        put(root, place).map_err(|error| Failure { step: "view of the files", error: describe(place, &error) })?;
    }
    for place in policy.places.iter().filter(|place| place.reach == Reach::Closed) {
        seal(&below(root, &place.path))
            .map_err(|error| Failure { step: "view of the files", error: describe(place, &error) })?;
    }
    proc(&root.join("proc"), machines_proc, policy.limits.processes).step("/proc")?;
    restrict_mount(root, READ_ONLY, false).step("view of the files")?;
    std::env::set_current_dir(root).step("view of the files")?;
    // Puts the old root on top of the new one, and takes it away with all its mounts.
    pivot_root(".", ".").step("view of the files")?;
    unmount(".", UnmountFlags::DETACH).step("view of the files")?;
    std::env::set_current_dir("/").step("view of the files")
}

fn clone_of_proc() -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    Ok(open_tree(CWD, "/proc", flags)?)
}

fn describe(place: &Place, error: &io::Error) -> String {
    format!("{}: {error}", place.path.display())
}

/// Where a path of the machine stands below `root`.
fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn put(root: &Path, place: &Place) -> io::Result<()> {
    let target = below(root, &place.path);
    match &place.reach {
        Reach::Link(to) => in_folders(&target, |target| symlink(to, target)),
        Reach::Closed => close(root, &target),
        Reach::Read => match attach(&place.path, &target) {
            Err(error) if is_gone(&error) => Ok(()),
            attached => attached.and_then(|()| restrict_mount(&target, READ_ONLY | NO_SETUID | NO_DEVICES, true)),
        },
        Reach::Write => bind(&place.path, &target, NO_SETUID | NO_DEVICES),
        Reach::Instead(source) => bind(source, &target, NO_SETUID | NO_DEVICES),
    }
}

/// What went away since it was looked at, or can't be looked at, can't be read either.
fn is_gone(error: &io::Error) -> bool {
    const GONE: [libc::c_int; 4] = [libc::ENOENT, libc::ENOTDIR, libc::ESTALE, libc::EACCES];
    error.raw_os_error().is_some_and(|number| GONE.contains(&number))
}

fn bind(source: &Path, target: &Path, flags: u64) -> io::Result<()> {
    attach(source, target)?;
    restrict_mount(target, flags, true)
}

fn attach(source: &Path, target: &Path) -> io::Result<()> {
    let is_folder = fs::metadata(source)?.is_dir();
    in_folders(target, |target| if is_folder { fs::create_dir(target) } else { empty_file(target) })?;
    patiently(|| Ok(mount_bind_recursive(source, target)?))
}

/// Makes something at `target`, where it may be already, and the folders around it. Those are there but for the first in each,
/// so they are not looked for beforehand.
fn in_folders(target: &Path, make: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    let first = make(target);
    let outcome = match first {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).create(target.parent().unwrap_or(target))?;
            make(target)
        }
        _ => first,
    };
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        _ => outcome,
    }
}

/// One call where creating and closing are two.
fn empty_file(target: &Path) -> io::Result<()> {
    Ok(mknodat(CWD, target, FileType::RegularFile, Mode::RUSR, 0)?)
}

/// Puts nothing over what is there: an empty folder, or a file that can't be opened.
fn close(root: &Path, target: &Path) -> io::Result<()> {
    let Ok(metadata) = fs::symlink_metadata(target) else { return Ok(()) };
    if metadata.is_dir() {
        // Places deeper inside may be open, and need a name in it.
        return Ok(mount("tmpfs", target, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, c"mode=0555,size=1m")?);
    }
    let nothing = root.join(".closed");
    if !nothing.exists() {
        File::create(&nothing)?.set_permissions(Permissions::from_mode(0o000))?;
    }
    Ok(mount_bind_recursive(&nothing, target)?)
}

/// Nothing can be put where something is closed.
fn seal(target: &Path) -> io::Result<()> {
    if target.exists() { restrict_mount(target, READ_ONLY, false) } else { Ok(()) }
}

fn devices(root: &Path) -> io::Result<()> {
    let folder = root.join("dev");
    fs::create_dir_all(folder.join("pts"))?;
    for name in DEVICES {
        let target = folder.join(name);
        empty_file(&target)?;
        mount_bind_recursive(Path::new("/dev").join(name), &target)?;
    }
    for (name, to) in LINKS {
        symlink(to, folder.join(name))?;
    }
    let options: &CStr = c"newinstance,ptmxmode=0666,mode=0620";
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    patiently(|| Ok(mount("devpts", folder.join("pts"), "devpts", flags, options)?))
}

fn proc(target: &Path, machines: Option<OwnedFd>, processes: u32) -> io::Result<()> {
    fs::create_dir_all(target)?;
    if let Some(machines) = machines {
        move_mount(machines, "", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    } else {
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        patiently(|| Ok(mount("proc", target, "proc", flags, None)?))?;
        if has_own_process_limit() {
            // Root users are exempt from the limit that a process carries, and from this one nobody is.
            let limit = processes.saturating_add(RESERVED_PROCESSES);
            fs::write(target.join("sys/kernel/pid_max"), limit.to_string())?;
        }
    }
    restrict_mount(target, READ_ONLY, true)
}

/// Before, the write would change the limit of the machine.
pub(in crate::sandbox) fn has_own_process_limit() -> bool {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split(|character: char| !character.is_ascii_digit()).map_while(|part| part.parse().ok());
    matches!((numbers.next(), numbers.next()), (Some(major), Some(minor)) if (major, minor) >= OWN_PROCESS_LIMIT)
}
