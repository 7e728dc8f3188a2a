//! Attacks that no shell can make: this very test program, started by a command within its sandbox, does the system call and
//! says whether it won.
#![expect(unsafe_code, reason = "attacks are raw system calls")]

use std::ffi::{CString, c_long};
use std::io;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

/// What the program is started with to attack.
const ASKED: &str = "__attack";

/// How a call fails that was refused, or whose object is out of sight.
const REFUSALS: [i32; 6] = [libc::EPERM, libc::EACCES, libc::ENOSYS, libc::ESRCH, libc::ENOENT, libc::ECONNREFUSED];

/// A system call that must fail.
type Attack = fn(&Target) -> c_long;

/// What there is to attack.
pub(super) struct Target {
    /// A process outside of the sandbox.
    pub(super) victim: i32,
    /// A socket with a name, outside of the workspace.
    pub(super) socket: String,
    /// A socket without one.
    pub(super) abstract_name: String,
    /// A port of the loopback.
    pub(super) port: u16,
}

impl Target {
    /// The command line of the attack.
    pub(super) fn command(&self) -> String {
        let program = std::env::current_exe().unwrap();
        let Self { victim, socket, abstract_name, port } = self;
        format!("{} {ASKED} {victim} {socket} {abstract_name} {port}", program.display())
    }
}

/// Every attack by name. Those with `closed` in it count only where the network is.
pub(super) const ATTACKS: &[(&str, Attack)] = &[
    ("ptrace", |t| call(libc::SYS_ptrace, [16, t.victim.into(), 0, 0, 0])),
    ("process_vm_readv", |t| {
        let mut bytes = [0_u8; 8];
        let local = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: 8 };
        // SAFETY: one vector that lives here; the remote address is the victim's affair.
        unsafe { libc::syscall(libc::SYS_process_vm_readv, t.victim, &raw const local, 1, &raw const local, 1, 0) }
    }),
    ("kill", |t| call(libc::SYS_kill, [t.victim.into(), 0, 0, 0, 0])),
    ("tgkill", |t| call(libc::SYS_tgkill, [t.victim.into(), t.victim.into(), 0, 0, 0])),
    ("pidfd_open and signal", |t| {
        let handle = call(libc::SYS_pidfd_open, [t.victim.into(), 0, 0, 0, 0]);
        if handle < 0 { handle } else { call(libc::SYS_pidfd_send_signal, [handle, 0, 0, 0, 0]) }
    }),
    ("pidfd_getfd", |t| {
        let handle = call(libc::SYS_pidfd_open, [t.victim.into(), 0, 0, 0, 0]);
        call(libc::SYS_pidfd_getfd, [handle, 0, 0, 0, 0])
    }),
    ("prlimit", |t| {
        let mut limit = [0_u64; 2];
        // SAFETY: the limit lives here.
        unsafe { libc::syscall(libc::SYS_prlimit64, t.victim, libc::RLIMIT_CORE, 0, limit.as_mut_ptr()) }
    }),
    ("mount", |_| {
        let (kind, at) = (CString::new("tmpfs").unwrap(), CString::new("/tmp").unwrap());
        // SAFETY: strings that live here.
        unsafe { libc::syscall(libc::SYS_mount, kind.as_ptr(), at.as_ptr(), kind.as_ptr(), 0, 0) }
    }),
    ("umount", |_| {
        let at = CString::new("/tmp").unwrap();
        // SAFETY: a string that lives here.
        unsafe { libc::syscall(libc::SYS_umount2, at.as_ptr(), 2) }
    }),
    ("unshare", |_| call(libc::SYS_unshare, [libc::CLONE_NEWUSER.into(), 0, 0, 0, 0])),
    ("clone into namespaces", |_| {
        call(libc::SYS_clone, [(libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::SIGCHLD).into(), 0, 0, 0, 0])
    }),
    ("setns", |_| call(libc::SYS_setns, [0, 0, 0, 0, 0])),
    ("keyctl", |_| call(libc::SYS_keyctl, [0, -4, 1, 0, 0])),
    ("bpf", |_| call(libc::SYS_bpf, [0, 0, 0, 0, 0])),
    ("io_uring", |_| call(libc::SYS_io_uring_setup, [4, 0, 0, 0, 0])),
    ("userfaultfd", |_| call(libc::SYS_userfaultfd, [1, 0, 0, 0, 0])),
    ("open_by_handle_at", |_| call(libc::SYS_open_by_handle_at, [libc::AT_FDCWD.into(), 0, 0, 0, 0])),
    ("memfd", |_| {
        let name = CString::new("x").unwrap();
        // SAFETY: a string that lives here.
        unsafe { libc::syscall(libc::SYS_memfd_create, name.as_ptr(), 0) }
    }),
    ("second table of calls", |t| call(0x4000_0000 | libc::SYS_kill, [t.victim.into(), 0, 0, 0, 0])),
    ("type into the terminal", |_| {
        let key = b'x';
        // SAFETY: a byte that lives here.
        unsafe { libc::syscall(libc::SYS_ioctl, 0, libc::TIOCSTI, &raw const key) }
    }),
    ("a new privilege", |_| has_capability()),
    ("a core file", |_| {
        let mut limit = [0_u64; 2];
        // SAFETY: the limit lives here.
        unsafe { libc::syscall(libc::SYS_prlimit64, 0, libc::RLIMIT_CORE, 0, limit.as_mut_ptr()) };
        refused_if(limit == [0, 0])
    }),
    ("a packet socket", |_| call(libc::SYS_socket, [libc::AF_PACKET.into(), libc::SOCK_RAW.into(), 0, 0, 0])),
    ("a socket by name", |t| won(&UnixStream::connect(&t.socket))),
    ("a socket without a name", |t| {
        use std::os::linux::net::SocketAddrExt as _;
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&t.abstract_name).unwrap();
        won(&UnixStream::connect_addr(&address))
    }),
    ("closed: loopback", |t| won(&TcpStream::connect(("127.0.0.1", t.port)))),
    ("closed: a datagram", |_| call(libc::SYS_socket, [libc::AF_INET.into(), libc::SOCK_DGRAM.into(), 0, 0, 0])),
];

/// Called before `main` of the test program.
pub(crate) fn attack_if_asked() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, asked, victim, socket, abstract_name, port] = &arguments[..] else { return };
    if asked != ASKED {
        return;
    }
    let target = Target {
        victim: victim.parse().unwrap(),
        socket: socket.clone(),
        abstract_name: abstract_name.clone(),
        port: port.parse().unwrap(),
    };
    for (name, attack) in ATTACKS {
        let result = attack(&target);
        let error = io::Error::last_os_error();
        // Anything else means that the kernel looked at the arguments, and that better ones may have worked.
        let is_refused = REFUSALS.contains(&error.raw_os_error().unwrap_or_default());
        println!("{} {name}: {result} {error}", if result < 0 && is_refused { "LOST" } else { "WON" });
    }
    std::process::exit(0);
}

fn call(number: c_long, args: [c_long; 5]) -> c_long {
    // SAFETY: none of these numbers is an address that the kernel could write to.
    unsafe { libc::syscall(number, args[0], args[1], args[2], args[3], args[4]) }
}

fn won<T>(result: &io::Result<T>) -> c_long {
    if result.is_ok() { 0 } else { -1 }
}

/// Whether any capability is left.
fn has_capability() -> c_long {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let has_none = |name: &str| status.lines().any(|line| line == format!("{name}:\t{:016x}", 0));
    // What a program could get when it is started can only be given up by those who have it, and nobody else gets any.
    let is_bound = status.contains("NoNewPrivs:\t1") && (has_none("CapBnd") || !rustix::process::geteuid().is_root());
    refused_if(is_bound && has_none("CapPrm") && has_none("CapEff") && has_none("CapAmb"))
}

/// The answer of a refused call.
fn refused_if(is_refused: bool) -> c_long {
    if is_refused { call(libc::SYS_bpf, [0; 5]) } else { 0 }
}
