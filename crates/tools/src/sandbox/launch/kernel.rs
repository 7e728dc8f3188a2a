//! The system calls for which there is no safe function: making processes, leaving namespaces, masking signals, flags of mounts and
//! descriptors. Nothing here decides anything.
#![expect(
    unsafe_code,
    reason = "system calls without a safe wrapper; the launcher has a single thread, which makes them sound"
)]

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

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

/// Stack of a child that shares this process's memory. Nothing in the launcher recurses; pages that are not used cost nothing.
const STACK_BYTES: usize = 1 << 20;

/// Runs `work` in a child and ends it with what that gives back. The child uses this very memory, which costs a fraction of a
/// copy of it, and this process stands still until the child has ended or has become another program; what `work` noted is
/// there then. The child can still be waited for.
pub(super) fn lend(mut work: impl FnMut() -> i32) -> io::Result<Pid> {
    extern "C" fn child<W: FnMut() -> i32>(work: *mut libc::c_void) -> libc::c_int {
        // SAFETY: it is the exclusive reference that `lend` gave, and `lend` stands still meanwhile.
        unsafe { (*work.cast::<W>())() }
    }
    /// A function for the type of a value, which can't be named.
    fn child_of<W: FnMut() -> i32>(_: &W) -> extern "C" fn(*mut libc::c_void) -> libc::c_int {
        child::<W>
    }
    // Of the size and alignment that a stack needs.
    let mut stack = Vec::<u128>::with_capacity(STACK_BYTES / size_of::<u128>());
    let top = stack.spare_capacity_mut().as_mut_ptr_range().end.cast();
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the launcher has one thread, which the kernel stops until the child lets go of the memory, so that nothing is ever
    // used by two. Descriptors, folder, signals and rights are the child's own. It runs on a stack of its own and ends without
    // what is left to do at the end of a process; a panic can't leave `extern "C"`, and aborts.
    let pid = unsafe { libc::clone(child_of(&work), top, flags, (&raw mut work).cast()) };
    drop(stack);
    Pid::from_raw(pid).filter(|_| pid > 0).ok_or_else(io::Error::last_os_error)
}

/// How often a step that the machine had no room for is tried again.
const TRIES: usize = 5;
/// Time in which another process may end, or memory be freed.
const PAUSE: Duration = Duration::from_millis(5);

/// Does a step of the preparations, and does it again where it failed for something that passes: want of memory, of processes or
/// of namespaces (whose number is limited, and which end some time after their last process), or a signal.
#[expect(
    clippy::disallowed_methods,
    reason = "the launcher has one thread and no runtime, and no event tells that there is room"
)]
pub(super) fn patiently<T>(mut step: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    const PASSING: [libc::c_int; 4] = [libc::EAGAIN, libc::ENOMEM, libc::ENOSPC, libc::EINTR];
    for _ in 0..TRIES {
        match step() {
            Err(error) if error.raw_os_error().is_some_and(|number| PASSING.contains(&number)) => {
                std::thread::sleep(PAUSE);
            }
            done => return done,
        }
    }
    step()
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
