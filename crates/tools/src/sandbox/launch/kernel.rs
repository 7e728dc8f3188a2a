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

use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, wait};
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
/// copy of it, and this process stands still until the child has become another program or has ended. It must be waited for.
pub(super) fn lend(work: impl FnMut() -> i32) -> io::Result<Pid> {
    lend_and(libc::CLONE_VFORK, work, |pid| pid)
}

/// The same for a child that stays: this process waits for its end, and `work`'s notes are there then. Gives back its raw status.
///
/// The kernel could hold this process back here too, but counts who is held back so as busy.
pub(super) fn lend_until_ended(work: impl FnMut() -> i32) -> io::Result<i32> {
    lend_and(0, work, wait_for)?
}

/// `meanwhile` must return only when the child uses this memory no longer, and must touch none but its stack: it allocates
/// nothing, and the calls of rustix go to the kernel without a place for errors that both would use.
fn lend_and<T, W: FnMut() -> i32>(flags: libc::c_int, mut work: W, meanwhile: impl FnOnce(Pid) -> T) -> io::Result<T> {
    extern "C" fn child<W: FnMut() -> i32>(work: *mut libc::c_void) -> libc::c_int {
        // SAFETY: it is the exclusive reference that `lend_and` gave, and which it doesn't use meanwhile.
        unsafe { (*work.cast::<W>())() }
    }
    // Of the size and alignment that a stack needs.
    let mut stack = Vec::<u128>::with_capacity(STACK_BYTES / size_of::<u128>());
    let top = stack.spare_capacity_mut().as_mut_ptr_range().end.cast();
    let flags = libc::CLONE_VM | libc::SIGCHLD | flags;
    // SAFETY: the launcher has one thread, which does nothing to its memory until the child lets go of it, so that nothing is
    // ever used by two. Descriptors, folder, signals and rights are the child's own. It runs on a stack of its own and ends
    // without what is left to do at the end of a process; a panic can't leave `extern "C"`, and aborts.
    let pid = unsafe { libc::clone(child::<W>, top, flags, (&raw mut work).cast()) };
    let pid = Pid::from_raw(pid).filter(|_| pid > 0).ok_or_else(io::Error::last_os_error)?;
    let done = meanwhile(pid);
    drop(stack);
    Ok(done)
}

/// The raw status of a child, once it has ended. Reaps what else dies meanwhile.
pub(super) fn wait_for(pid: Pid) -> io::Result<i32> {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((ended, status))) if ended == pid => return Ok(status.as_raw()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
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

/// Whether this process leads its session. The session of a process that was put into a container has the number 0 in there, for
/// which the safe functions have no room.
pub(super) fn leads_session() -> bool {
    // SAFETY: both only give numbers back.
    unsafe { libc::getsid(0) == libc::getpid() }
}

pub(super) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: of what can be unshared only the table of descriptors could surprise other threads, and it is not.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

/// Holds back every signal that can be: those sent to the whole group are meant for the command. Children's ends are noted even
/// where the gateway was started by somebody who lets them pass unseen.
pub(super) fn block_signals() {
    // SAFETY: the default handling of signals calls no code of this program; the other calls only write to the set, which lives
    // here, and blocking signals breaks no memory.
    unsafe {
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
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
