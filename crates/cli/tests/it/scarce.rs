//! The real binary where memory or disk is really short: in a control group with a limit, on a volume that is full (G2, G34).
//!
//! Both need rights that not every machine gives; where they are missing the tests say so and end.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use chela_testkit::model::{Part, Reply, Step};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::kills::chats;
use crate::kills::house::{House, Talk, WIRES, answer_to, request_over_http};
use crate::kills::platforms::{Place, Platform, Preview, Telegram};

const MB: u64 = 1024 * 1024;

/// A memory group of the first generation; `None` where none can be made.
struct Group(PathBuf);

impl Group {
    fn new(name: &str, limit: u64) -> Option<Self> {
        let dir = Path::new("/sys/fs/cgroup/memory").join(format!("chela-test-{}-{name}", std::process::id()));
        fs::create_dir(&dir).ok()?;
        let group = Self(dir);
        fs::write(group.0.join("memory.limit_in_bytes"), limit.to_string()).ok()?;
        Some(group)
    }

    /// A script whose shell enters the group before it does this.
    fn entered(&self, script: &str) -> String {
        format!("echo $$ > {}/cgroup.procs; {script}", self.0.display())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It can be removed when its processes are gone, which the kernel may notice a moment later.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::yield_now();
        }
    }
}

/// Holds so many bytes in a group until it is dropped.
struct Hog(Child);

impl Hog {
    fn new(group: &Group, bytes: u64) -> Self {
        let script = group.entered(&format!("(head -c {bytes} /dev/zero; sleep 600) | tail -c {bytes}"));
        let mut command = Command::new("sh");
        Self(command.args(["-c", &script]).process_group(0).stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.0.wait();
    }
}

fn is_degraded(payload: &Value, kind: &str) -> bool {
    payload["degraded"].as_array().unwrap().iter().any(|line| line.as_str().unwrap().starts_with(kind))
}

#[tokio::test(flavor = "multi_thread")]
async fn g02_in_a_full_memory_group_it_holds_back_and_goes_on() {
    let Some(group) = Group::new("memory", 192 * MB) else {
        println!("no memory group can be made here");
        return;
    };
    let house = House::new(WIRES[0]).await;
    let gateway = house.start_under(&group.entered(r#"exec "$0" "$@""#));
    let mut talk = Talk::new(&gateway).await;
    let before = talk.limits().await["memory"].clone();
    assert_eq!(before["limit"], 192 * MB, "{before}");
    let (used, mark) = (before["used"].as_u64().unwrap(), before["highWater"].as_u64().unwrap());
    let hog = Hog::new(&group, mark - used + 12 * MB);
    talk.event(|name, payload| name == "health" && is_degraded(payload, "memory")).await;

    assert_eq!(talk.say("text1").await.unwrap()["status"], "started");
    let refused = request_over_http(&gateway, "text2").send().await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (503, "5"));
    assert_eq!(house.model.requests().len(), 0, "no turn has begun");

    drop(hog);
    talk.event(|name, payload| name == "health" && !is_degraded(payload, "memory")).await;
    talk.answered("text1").await;
    talk.assert_once("text1", "after the memory came back").await;
    drop(talk);
    assert_eq!(gateway.stop(), Some(0));
}

/// A small volume of its own; `None` where none can be mounted.
struct SmallVolume(PathBuf);

impl SmallVolume {
    fn new(at: PathBuf, megabytes: u64) -> Option<Self> {
        fs::create_dir_all(&at).ok()?;
        let options = format!("size={megabytes}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(&at)
            .stderr(Stdio::null())
            .status();
        mounted.ok().filter(std::process::ExitStatus::success).map(|_| Self(at))
    }

    /// Takes every byte that is left.
    fn fill(&self) {
        let mut file = File::create(self.0.join("ballast")).unwrap();
        for size in [64 * 1024, 512] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for SmallVolume {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g34_on_a_full_disk_nothing_is_lost_and_it_goes_on_by_itself() {
    let platform = Telegram::start().await;
    let house = House::with_channels(
        WIRES[0],
        &json!({ Telegram::CHANNEL: platform.account(Preview::Off) }),
        &[platform.owner()],
    )
    .await;
    let config = house.home.read_config();
    let Some(volume) = SmallVolume::new(house.home.state_dir(), 24) else {
        println!("no volume can be mounted here");
        return;
    };
    house.home.write_config(&config);
    // A turn that could not write what the model said asks again.
    house.model.respond_with(|request| {
        let text = request.last_user_text();
        let named = ["text1", "text4"].into_iter().find(|name| text.contains(name));
        named.map_or_else(|| chats::answer(request), |name| Step::text(answer_to(name)))
    });
    let gate = Arc::new(Notify::new());
    house.model.push(Step::Reply(Reply::new([Part::Gate(gate.clone()), Part::Text(answer_to("text1"))])));
    let gateway = house.start();
    let mut talk = Talk::new(&gateway).await;
    talk.say("text1").await.unwrap();
    house.model.wait_for_requests(1).await;

    volume.fill();
    talk.event(|name, payload| name == "health" && is_degraded(payload, "disk")).await;
    assert_eq!(talk.limits().await["disk"]["level"], "full");
    assert!(talk.say("text2").await.is_err(), "what can't be kept is not accepted");
    platform.say(Place::Direct, "text3");
    gate.notify_one();
    platform.wait("the message is left with the platform", |platform| platform.fake.waiting_updates() > 0).await;
    assert_eq!(platform.answers(Place::Direct), [""; 0]);

    volume.empty();
    talk.event(|name, payload| name == "health" && !is_degraded(payload, "disk")).await;
    talk.answered("text1").await;
    talk.assert_once("text1", "after the disk was full").await;
    platform.wait("the answer", |platform| platform.answers(Place::Direct).len() == 1).await;
    assert!(platform.answers(Place::Direct)[0].contains("text3"));
    talk.say("text4").await.unwrap();
    talk.answered("text4").await;
    drop(talk);
    assert_eq!(gateway.stop(), Some(0));
}
