//! A machine like Fly's, made of namespaces: the image's files, an empty volume of root's, a network of its own, a memory limit.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use crate::support::PATIENCE;

/// Addresses on the machine's own network: the platform's side of it, the machine's, the machine's private one, and that of another
/// machine on the private network.
pub(super) const PLATFORM: &str = "172.19.0.1";
pub(super) const MACHINE: &str = "172.19.0.2";
pub(super) const PRIVATE: &str = "fdaa:0:1::2";
pub(super) const NEIGHBOUR: &str = "fdaa:0:1::3";

/// How the tests of the image run something in namespaces of its own.
const NAMESPACES: &[&str] = &["--mount", "--pid", "--net", "--fork", "--kill-child"];

/// Why no machine can be made here, if so.
pub(super) fn refusal() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("only root can own a volume".to_owned());
    }
    let mut made = Command::new("unshare");
    match made.args(NAMESPACES).args(["sh", "-c", "ip link set lo up && mount --make-rprivate /"]).output() {
        Ok(tried) if tried.status.success() => None,
        Ok(tried) => Some(String::from_utf8_lossy(&tried.stderr).trim().to_owned()),
        Err(error) => Some(format!("unshare: {error}")),
    }
}

/// Runs a test of this binary within namespaces of its own and returns what it said.
#[track_caller]
pub(super) fn run_inside(test: &str, root: &Path) {
    let mut command = Command::new("unshare");
    command.args(NAMESPACES).arg(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads", "1"]).env(ROOT, root);
    let ran = command.stdin(Stdio::null()).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}

/// The variable that tells the test within where the image's files are.
const ROOT: &str = "CHELA_TEST_ROOT";

/// Lays the image's files out below `root`, as the Dockerfile does, with a binary of this build. A binary that is not static brings
/// what it is linked with.
pub(super) fn lay_out(root: &Path, house: &Path, binary: &Path) {
    let busybox = root.with_file_name("busybox");
    // Nothing here runs a shell in the image; which names it gets is the script's business.
    fs::write(&busybox, "#!/bin/sh\necho sh\necho cat\n").unwrap();
    assert!(Command::new("chmod").arg("755").arg(&busybox).status().unwrap().success());
    let laid = Command::new("sh").arg(house.join("deploy/rootfs.sh")).args([root, binary, &busybox]).output().unwrap();
    assert!(laid.status.success(), "{laid:?}");
    let linked = Command::new("ldd").arg(binary).output().unwrap();
    let linked = String::from_utf8_lossy(&linked.stdout).into_owned();
    for library in linked.split_whitespace().filter(|word| word.starts_with('/')) {
        let target = root.join(library.trim_start_matches('/'));
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(library, target).unwrap();
    }
}

/// The machine, seen from within its namespaces.
pub(super) struct Machine {
    root: PathBuf,
    limit: Option<MemoryLimit>,
}

impl Machine {
    /// Prepares network, mounts and volume. Call it in the namespaces only.
    pub(super) fn new() -> Self {
        let root =
            PathBuf::from(std::env::var_os(ROOT).expect("it runs inside the namespaces that another test makes"));
        let script = format!(
            "set -e
            ip link set lo up
            ip address add {PLATFORM}/32 dev lo
            ip address add {MACHINE}/32 dev lo
            ip -6 address add {PRIVATE}/128 dev lo nodad
            ip -6 address add {NEIGHBOUR}/128 dev lo nodad
            mount --make-rprivate /
            mkdir -p \"$1.volume/lost+found\"
            mount --bind \"$1.volume\" \"$1/data\"
            mount -t proc proc \"$1/proc\"
            mount -t tmpfs -o mode=755 dev \"$1/dev\"
            for name in null zero random urandom; do touch \"$1/dev/$name\"; mount --bind /dev/$name \"$1/dev/$name\"; done
            mount -t tmpfs -o mode=1777 tmp \"$1/tmp\""
        );
        let done = Command::new("sh").args(["-c", &script, "sh"]).arg(&root).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        Self { root, limit: None }
    }

    /// From now on what is booted has so much memory, where the kernel lets us say so.
    pub(super) fn limit_memory(&mut self, megabytes: u64) {
        self.limit = None;
        // The folder has a name that no other run has; process ids repeat in namespaces.
        let folder = self.root.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        self.limit = MemoryLimit::new(&format!("chela-test-{folder}-{megabytes}"), megabytes * 1024 * 1024);
        if self.limit.is_none() {
            eprintln!("not limited to {megabytes} MB: no control group can be made here");
        }
    }

    /// A place on the volume.
    pub(super) fn volume(&self) -> PathBuf {
        self.root.join("data")
    }

    /// Starts the machine's command and waits until it is ready.
    pub(super) fn boot(&self, command: &[String], environment: &[(String, String)]) -> Booted {
        let group = self.limit.as_ref().map_or("/dev/null".into(), |limit| limit.dir.join("cgroup.procs"));
        let enter = "echo $$ > \"$0\"; root=$1; shift; exec unshare --root=\"$root\" --wd=/home/chela \"$@\"";
        let mut process = Command::new("/bin/sh");
        process.args(["-c", enter]).arg(group).arg(&self.root).args(command);
        process.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
        let mut child = process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (said, heard) = mpsc::channel();
        for pipe in [
            Box::new(child.stdout.take().unwrap()) as Box<dyn std::io::Read + Send>,
            Box::new(child.stderr.take().unwrap()),
        ] {
            let said = said.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    let _ = said.send(line);
                }
            });
        }
        let mut lines = Vec::new();
        while !lines.last().is_some_and(|line: &String| line.ends_with(" ready")) {
            match heard.recv_timeout(PATIENCE) {
                Ok(line) => lines.push(line),
                Err(mpsc::RecvTimeoutError::Timeout | mpsc::RecvTimeoutError::Disconnected) => {
                    panic!("it does not get ready: {lines:#?}")
                }
            }
        }
        Booted { child, lines }
    }

    /// What the kernel says of a process, for example its `Uid`.
    #[track_caller]
    pub(super) fn fact(&self, process: &Booted, name: &str) -> String {
        let status = fs::read_to_string(self.root.join(format!("proc/{}/status", process.child.id()))).unwrap();
        let found = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        found.unwrap_or_else(|| panic!("{name}: {status}")).split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// The machine's command.
pub(super) struct Booted {
    child: Child,
    /// What it said until it was ready.
    pub(super) lines: Vec<String>,
}

impl Booted {
    /// As by the platform; gives the exit code.
    pub(super) fn stop(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Booted {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A control group with a limit, of either version. Removed when dropped, once what ran in it has ended.
struct MemoryLimit {
    dir: PathBuf,
}

impl MemoryLimit {
    fn new(name: &str, limit_bytes: u64) -> Option<Self> {
        let places = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        places.into_iter().find_map(|(base, file)| {
            let limit = Self { dir: Path::new(base).join(name) };
            fs::create_dir(&limit.dir).ok()?;
            fs::write(limit.dir.join(file), limit_bytes.to_string()).ok()?;
            Some(limit)
        })
    }
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.dir);
    }
}
