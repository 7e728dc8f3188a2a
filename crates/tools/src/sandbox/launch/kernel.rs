//! The system calls for which there is no safe function: forking, leaving namespaces, masking signals, flags of mounts and
//! descriptors. Nothing here decides anything.
#![expect(
    unsafe_code,
    reason = "system calls without a safe wrapper; the launcher has a single thread, which makes them sound"
)]

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::process::Pid;
use rustix::thread::UnshareFlags;

/// Which side of a fork this is.
pub(super) enum Side {
    Child,
    Parent(Pid),
}

/// Splits the launcher in two. Both go on with everything, as there is only one thread.
pub(super) fn fork() -> io::Result<Side> {
    // SAFETY: the launcher never starts a thread, so the child's memory is as consistent as the parent's.
    match unsafe { libc::fork() } {
        0 => Ok(Side::Child),
        pid => Pid::from_raw(pid).filter(|_| pid > 0).map(Side::Parent).ok_or_else(io::Error::last_os_error),
    }
}

pub(super) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: of what can be unshared only the table of descriptors could surprise other threads, and it is not.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

/// Holds back every signal that can be: those sent to the whole group are meant for the command.
pub(super) fn block_signals() {
    // SAFETY: both calls only write to the set, which lives here; blocking signals breaks no memory.
    unsafe {
        let mut all = std::mem::zeroed::<libc::sigset_t>();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut());
    }
}

/// Nothing but the three standard descriptors outlives the start of the command. Kernels before 5.11 refuse; the gateway opens
/// everything so anyhow.
pub(super) fn close_rest_on_exec() {
    // SAFETY: it marks descriptors and closes none.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
}

/// Adds flags (`MOUNT_ATTR_*`) to the mount at `path` and, with `AT_RECURSIVE`, to all below it.
pub(super) fn restrict_mount(path: &Path, flags: u64, recursive: bool) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // `struct mount_attr`: flags to set, flags to clear, propagation, user namespace.
    let attributes: [u64; 4] = [flags, 0, 0, 0];
    let at = if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the kernel reads the path up to its end and the attributes in their size.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            at,
            &raw const attributes,
            size_of_val(&attributes),
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Ends this process by a signal, if that is what the signal does.
pub(super) fn die_by(signal: libc::c_int) {
    // SAFETY: the default handling of signals calls no code of this program, and the set lives here.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
        let mut one = std::mem::zeroed::<libc::sigset_t>();
        libc::sigemptyset(&raw mut one);
        libc::sigaddset(&raw mut one, signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const one, std::ptr::null_mut());
    }
}
