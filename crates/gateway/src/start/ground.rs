//! What the gateway stands on: which hosted machine this is, and whether the state dir's disk stays when the machine is replaced.

use std::fs;
use std::path::{Path, PathBuf};

use chela_config::Environment;
use chela_protocol::methods::status::StatusMachine;

/// File systems in memory, by their names in the kernel's table.
const IN_MEMORY: &[&str] = &["tmpfs", "ramfs"];

/// File systems that disks have: a volume is one of them.
const ON_DISK: &[&str] = &["ext4", "ext3", "xfs", "btrfs", "zfs", "f2fs", "bcachefs"];

/// The machine, by what Fly tells it.
pub(crate) fn machine(environment: &Environment) -> Option<StatusMachine> {
    let named = |name: &str| environment.get(name).map(str::to_owned);
    Some(StatusMachine {
        platform: "fly".to_owned(),
        app: named("FLY_APP_NAME")?,
        region: named("FLY_REGION"),
        id: named("FLY_MACHINE_ID"),
    })
}

/// Whether this process runs in a container or a machine that a platform makes from an image.
pub fn in_container(environment: &Environment) -> bool {
    let named = ["FLY_APP_NAME", "KUBERNETES_SERVICE_HOST", "container"];
    named.iter().any(|name| environment.get(name).is_some())
        || ["/.dockerenv", "/run/.containerenv"].iter().any(|mark| Path::new(mark).exists())
}

/// A disk that is gone with the machine or the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleeting {
    /// Completes "the state dir …".
    pub why: String,
    /// A place on a disk that seems to stay.
    pub volume: Option<PathBuf>,
}

impl Fleeting {
    /// The next step.
    pub fn mend(&self) -> String {
        match &self.volume {
            Some(volume) => format!("a volume is mounted at {0}: set CHELA_STATE_DIR={0}", volume.display()),
            None => "mount a volume and set CHELA_STATE_DIR to where it is mounted".to_owned(),
        }
    }
}

/// Why what is written to `dir` is lost at the next restart or deploy. `None` where it stays, as far as can be seen.
pub fn fleeting(dir: &Path, environment: &Environment) -> Option<Fleeting> {
    let table = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let there = dir.ancestors().find_map(|place| place.canonicalize().ok())?;
    judge(&mounts(&table), &there, in_container(environment))
}

/// A row of the kernel's table of what is mounted.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    at: PathBuf,
    kind: String,
}

/// `36 35 98:0 /from /at rw,noatime shared:1 - ext4 /dev/vdb rw`; what is mounted later stands later and covers.
fn mounts(table: &str) -> Vec<Mount> {
    let row = |line: &str| {
        let (place, source) = line.split_once(" - ")?;
        let at = place.split(' ').nth(4)?.replace("\\040", " ");
        Some(Mount { at: at.into(), kind: source.split(' ').next()?.to_owned() })
    };
    table.lines().filter_map(row).collect()
}

fn judge(mounts: &[Mount], dir: &Path, in_container: bool) -> Option<Fleeting> {
    let holds = |mount: &&Mount| dir.starts_with(&mount.at);
    let depth = |mount: &&Mount| mount.at.components().count();
    let held = mounts.iter().filter(holds).max_by_key(depth);
    let stays = |mount: &&Mount| mount.at != Path::new("/") && ON_DISK.contains(&mount.kind.as_str());
    // Containers get single files such as /etc/hosts mounted from a disk.
    let is_file = |mount: &&Mount| mount.at.starts_with("/etc") || mount.at.starts_with("/run");
    let volume = || mounts.iter().find(|mount| stays(mount) && !is_file(mount)).map(|mount| mount.at.clone());
    let why = match held {
        Some(mount) if IN_MEMORY.contains(&mount.kind.as_str()) => {
            format!("is in memory ({}): a restart loses it", mount.kind)
        }
        Some(mount) if mount.at != Path::new("/") => return None,
        Some(mount) if mount.kind == "overlay" || in_container => {
            "is on the image's own disk: a deploy or a new container loses it".to_owned()
        }
        None if in_container => "is on the image's own disk: a deploy or a new container loses it".to_owned(),
        Some(_) | None => return None,
    };
    Some(Fleeting { why, volume: volume() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLY: &str = "\
        21 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
        22 21 0:5 / /dev rw,nosuid - devtmpfs devtmpfs rw\n\
        24 21 0:22 / /dev/shm rw - tmpfs shm rw\n\
        30 21 254:16 / /data rw,relatime - ext4 /dev/vdb rw\n";

    fn judged(table: &str, dir: &str, in_container: bool) -> Option<(String, Option<PathBuf>)> {
        judge(&mounts(table), Path::new(dir), in_container).map(|found| (found.why, found.volume))
    }

    #[test]
    fn a_state_dir_beside_the_volume_is_told_with_the_volume() {
        assert_eq!(judged(FLY, "/data", true), None);
        assert_eq!(judged(FLY, "/data/deep/inside", true), None);
        let (why, volume) = judged(FLY, "/root/.chela", true).unwrap();
        assert!(why.contains("image's own disk") && volume == Some("/data".into()), "{why} {volume:?}");
        assert!(judged(FLY, "/dev/shm/state", true).unwrap().0.contains("in memory (tmpfs)"));
        assert!(judged(FLY, "/data-of-others", true).is_some(), "a name that begins alike is another place");
        assert_eq!(judged(FLY, "/home/anna/.chela", false), None, "the disk of a machine of one's own");
    }

    #[test]
    fn a_container_without_a_volume_has_none_to_name() {
        let docker = "1 0 0:40 / / rw - overlay overlay rw\n2 1 8:1 /h /etc/hosts rw - ext4 /dev/sda1 rw\n";
        assert_eq!(judged(docker, "/data", false).unwrap().1, None);
        let with_volume = format!("{docker}3 1 8:1 /v /my\\040data rw - ext4 /dev/sda1 rw\n");
        assert_eq!(judged(&with_volume, "/data", true).unwrap().1, Some("/my data".into()));
        assert_eq!(judged(&with_volume, "/my data/x", true), None);
        assert!(judged("", "/data", true).is_some(), "a root that the table does not name is the image's");
    }

    #[test]
    fn fly_says_which_machine_it_is() {
        let told = [("FLY_APP_NAME", "my-chela"), ("FLY_REGION", "iad"), ("FLY_MACHINE_ID", "e82")];
        let machine = machine(&Environment::from_pairs(told)).unwrap();
        assert_eq!((machine.app.as_str(), machine.region.as_deref()), ("my-chela", Some("iad")));
        assert_eq!(super::machine(&Environment::default()), None);
    }
}
