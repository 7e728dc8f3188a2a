//! The filter of system calls: what a command never needs and what opens a way around the other layers.
//!
//! A list of what is refused, not of what is allowed: commands are any programs at all. A refused call fails with EPERM, and
//! with ENOSYS where programs then know another way.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Width, SeccompCmpOp as Is, SeccompCondition as When, SeccompFilter,
    SeccompRule, TargetArch, apply_filter, sock_filter,
};

use crate::sandbox::config::Network;
use crate::sandbox::policy::Policy;

/// Calls that are refused whatever their arguments.
const REFUSED: &[i64] = &[
    // Other processes' memory, descriptors and scheduling.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    // Views of the files, and ways to files without a path.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_quotactl,
    // Namespaces.
    libc::SYS_unshare,
    libc::SYS_setns,
    // Keys that the kernel holds for this user.
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // Large interfaces of the kernel that holes are found in.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    // The machine itself.
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    libc::SYS_nfsservctl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// Calls that look as if the kernel didn't have them: their arguments stand in memory, where a filter can't see them, or they
/// do unseen what others do visibly.
const UNKNOWN: &[i64] = &[
    libc::SYS_clone3,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
];

/// Flags of `clone` that make namespaces.
const NEW_NAMESPACES: [i32; 8] = [
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWUTS,
    // `CLONE_NEWTIME`, which `clone` reads as part of the exit signal; refused all the same.
    0x80,
];

/// First version of Landlock that keeps signals within the sandbox.
const LANDLOCK_SIGNALS: u32 = 6;
/// First version of Landlock that knows truncation.
const LANDLOCK_TRUNCATE: u32 = 3;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Puts the filter on this process and all that it starts. Needs that no new privileges can be had.
pub(super) fn apply(policy: &Policy) -> Result<(), seccompiler::Error> {
    apply_filter(&whole(policy)?)
}

/// One program, since the kernel translates each that it is given and asks all of them at every call.
fn whole(policy: &Policy) -> Result<BpfProgram, seccompiler::BackendError> {
    let mut refused: Rules = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let mut unknown: Rules = UNKNOWN.iter().map(|call| (*call, Vec::new())).collect();
    let namespaces =
        NEW_NAMESPACES.map(|flag| one(0, Is::MaskedEq(flag.cast_unsigned().into()), flag.cast_unsigned().into()));
    refused.insert(libc::SYS_clone, namespaces.into_iter().collect::<Result<_, _>>()?);
    refused.insert(libc::SYS_socket, vec![SeccompRule::new(sockets(policy)?)?]);
    // Text put into a terminal's input is typed at whatever reads it next.
    #[allow(clippy::unnecessary_cast, reason = "musl counts requests as int, glibc as unsigned long")]
    let terminal = [libc::TIOCSTI, libc::TIOCLINUX, libc::TIOCCONS].map(|request| one(1, Is::Eq, request as u64));
    refused.insert(libc::SYS_ioctl, terminal.into_iter().collect::<Result<_, _>>()?);
    // Limits of another process can end it.
    refused.insert(libc::SYS_prlimit64, vec![one(0, Is::Ne, 0)?]);
    if policy.layers.namespaces.is_none() {
        if policy.layers.landlock.is_none_or(|version| version < LANDLOCK_SIGNALS) {
            signals(&mut refused, policy.gateway)?;
        }
        if policy.layers.landlock.is_none_or(|version| version < LANDLOCK_TRUNCATE) {
            truncation(&mut refused, &mut unknown)?;
        }
    }
    let mut whole = program(unknown, libc::ENOSYS)?;
    // Its last line lets pass what it doesn't name. The other one's lines stand there instead.
    whole.pop();
    whole.extend(program(refused, libc::EPERM)?);
    Ok(without_second_table(whole))
}

/// Conditions under which a socket is refused: it is of none of the kinds that are left.
fn sockets(policy: &Policy) -> Result<Vec<When>, seccompiler::BackendError> {
    let mut kinds = Vec::new();
    if policy.network == Network::Open {
        kinds.extend([libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK]);
    }
    // Where the view of the files doesn't hide them, sockets of others could be reached by name.
    if policy.layers.namespaces.is_some() {
        kinds.push(libc::AF_UNIX);
    }
    if kinds.is_empty() {
        kinds.push(libc::AF_UNSPEC);
    }
    kinds.iter().map(|kind| When::new(0, Width::Dword, Is::Ne, kind.cast_unsigned().into())).collect()
}

/// Keeps the gateway from being signalled where nothing else does: by its number, by everyone's, and by handles that are no
/// numbers.
fn signals(refused: &mut Rules, gateway: u32) -> Result<(), seccompiler::BackendError> {
    const EVERYONE: u32 = u32::MAX;
    let negative = gateway.wrapping_neg();
    let targets = || [gateway, EVERYONE, negative].map(|target| one(0, Is::Eq, target.into()));
    for call in [libc::SYS_kill, libc::SYS_tgkill, libc::SYS_rt_sigqueueinfo, libc::SYS_rt_tgsigqueueinfo] {
        refused.insert(call, targets().into_iter().collect::<Result<_, _>>()?);
    }
    for call in [libc::SYS_tkill, libc::SYS_pidfd_open, libc::SYS_pidfd_send_signal] {
        refused.insert(call, Vec::new());
    }
    // Signals on behalf of a descriptor.
    let owners = [libc::F_SETOWN, F_SETOWN_EX].map(|order| one(1, Is::Eq, order.cast_unsigned().into()));
    refused.insert(libc::SYS_fcntl, owners.into_iter().collect::<Result<_, _>>()?);
    Ok(())
}

/// `F_SETOWN_EX` of `fcntl`, which the libc crate doesn't name everywhere.
const F_SETOWN_EX: i32 = 15;

/// Keeps files that may only be read from being emptied.
fn truncation(refused: &mut Rules, unknown: &mut Rules) -> Result<(), seccompiler::BackendError> {
    refused.insert(libc::SYS_truncate, Vec::new());
    let mask = u64::from((libc::O_ACCMODE | libc::O_TRUNC).cast_unsigned());
    let emptying = |argument| one(argument, Is::MaskedEq(mask), u64::from(libc::O_TRUNC.cast_unsigned()));
    refused.insert(libc::SYS_openat, vec![emptying(2)?]);
    #[cfg(target_arch = "x86_64")]
    refused.insert(libc::SYS_open, vec![emptying(1)?]);
    unknown.insert(libc::SYS_openat2, Vec::new());
    Ok(())
}

fn one(argument: u8, operator: Is, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![When::new(argument, Width::Dword, operator, value)?])
}

fn program(rules: Rules, errno: i32) -> Result<BpfProgram, seccompiler::BackendError> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    let refuse = SeccompAction::Errno(errno.cast_unsigned());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture)?;
    BpfProgram::try_from(filter)
}

/// x86 has a second table of the same calls, whose numbers carry a bit; to the filter they would be unknown ones.
#[cfg(target_arch = "x86_64")]
fn without_second_table(program: BpfProgram) -> BpfProgram {
    const LOAD_WORD: u16 = 0x20;
    const JUMP_IF_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    const SECOND_TABLE: u32 = 0x4000_0000;
    const REFUSE_UNKNOWN: u32 = 0x0005_0000 | libc::ENOSYS.cast_unsigned();
    let line = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let guard = [line(LOAD_WORD, 0, 0, 0), line(JUMP_IF_SET, 0, 1, SECOND_TABLE), line(RETURN, 0, 0, REFUSE_UNKNOWN)];
    guard.into_iter().chain(program).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn without_second_table(program: BpfProgram) -> BpfProgram {
    program
}
