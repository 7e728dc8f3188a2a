//! The process dies at every point that a chat message passes, on every platform. What counts is what people see there: each
//! message answered once, in its chat, in order, nothing twice (G7, G8, G9).
//!
//! In each case one message is worked on by a tool and answered in three parts, a second waits behind it, a third is answered in
//! another chat beside it, a command comes in between, and one more is said while nobody listens.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use chela_testkit::model::{Part, Recorded, Reply, Step};
use futures_util::FutureExt as _;
use serde_json::json;
use tokio::time::timeout;

use super::house::{House, WIRES};
use super::platforms::{Discord, PART_MAX, Place, Platform, Preview, Telegram};

/// Less than the fakes wait, so that a failure can say what was seen instead.
const PATIENCE: Duration = Duration::from_secs(9);

/// Between the first words of an answer and the rest: a preview stands there by then.
const THINKING: Duration = Duration::from_millis(150);

/// What the platform remembers when the gateway comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Memory {
    /// What the gateway has not acknowledged is given again.
    Kept,
    /// The session is lost; what was missed stands in the chats only.
    Lost,
}

#[derive(Debug, Clone, Copy)]
struct Case {
    point: &'static str,
    /// It dies when the point is passed for this time.
    pass: usize,
    preview: Preview,
    memory: Memory,
}

/// The first pass of each point, with and without previews in turn; a kill between the parts of an answer too. With
/// `CHELA_KILLS=5` every combination, up to the fifth pass.
fn cases(memories: &[Memory]) -> Vec<Case> {
    let passes = std::env::var("CHELA_KILLS").ok().map(|text| text.parse::<usize>().unwrap());
    let mut cases = Vec::new();
    for (number, point) in chela_store::fault::POINTS.iter().copied().enumerate() {
        for pass in 1..=passes.unwrap_or(2) {
            for (turn, preview) in [Preview::Off, Preview::Partial].into_iter().enumerate() {
                for (other, memory) in memories.iter().copied().enumerate() {
                    let of_preview = point.contains("preview");
                    if of_preview && preview == Preview::Off {
                        continue;
                    }
                    let few = (of_preview || number % 2 == turn) && (number / 2) % memories.len() == other;
                    let again = pass == 1 || matches!(point, "outbox.after_send" | "outbox.after_record");
                    if passes.is_some() || (few && again) {
                        cases.push(Case { point, pass, preview, memory });
                    }
                }
            }
        }
    }
    cases
}

/// The parts in which a message is answered. Those that begin with `m` run a command first.
fn parts(message: &str) -> Vec<String> {
    if message.starts_with("text") {
        return vec![format!("This is the whole of the answer to {message}, which is short.")];
    }
    let part = |which: &str| format!("{:-<240}", format!("{which} part of the answer to {message}, which is long "));
    assert!(part("First").len() < PART_MAX && 2 * part("First").len() > PART_MAX);
    ["First", "Second", "Third"].map(part).to_vec()
}

fn all_parts(messages: &[&str]) -> Vec<String> {
    messages.iter().flat_map(|message| parts(message)).collect()
}

/// What the model says to a request.
pub(crate) fn answer(request: &Recorded) -> Step {
    let text = request.last_user_text();
    let is_name = |word: &&str| word.ends_with(|c: char| c.is_ascii_digit()) && word.starts_with(['m', 't']);
    let message = text.split_whitespace().rfind(is_name).unwrap_or_default();
    let command = format!("echo {message} >> written");
    if message.starts_with('m') && !request.text.contains(&command) {
        return Step::Reply(Reply::tools([("exec", json!({ "command": command })), ("ls", json!({ "path": "." }))]));
    }
    let whole = parts(message).join("\n\n");
    let (begun, rest) = whole.split_at(45);
    let text = |text: &str| Part::Text(text.to_owned());
    Step::Reply(Reply::new([text(begun), Part::Pause(THINKING), text(rest)]))
}

async fn dies<P: Platform>(case: Case) {
    let at = format!("{} at {case:?}", P::CHANNEL);
    let platform = P::start().await;
    let channels = json!({ P::CHANNEL: platform.account(case.preview) });
    let house = House::with_channels(WIRES[0], &channels, &[platform.owner()]).await;
    house.model.respond_with(answer);
    let mut direct = Vec::new();
    if case.memory == Memory::Lost {
        // Who has no session finds only chats where something was said before.
        let gateway = house.start();
        platform.connected().await;
        platform.say(Place::Direct, "text1");
        direct.push("text1");
        until_answered(&platform, &direct, &[], &at).await;
        assert_eq!(gateway.stop(), Some(0), "{at}");
    }

    let gateway = house.start_to_die_at(&format!("{}@{}", case.point, case.pass));
    platform.connected().await;
    platform.say(Place::Direct, "m2");
    platform.say(Place::Direct, "text3");
    platform.say(Place::Group, "m4");
    match case.memory {
        Memory::Kept => platform.command_status(),
        Memory::Lost => platform.say(Place::Direct, "/status"),
    }
    direct.extend(["m2", "text3"]);
    tokio::select! {
        () = gateway.dead() => {}
        // It does not pass the point so often.
        () = until_answered(&platform, &direct, &["m4"], &at) => {}
    }
    gateway.kill();
    if case.memory == Memory::Lost {
        platform.forget_session();
    }
    platform.say(Place::Direct, "text5");

    let gateway = house.start();
    direct.push("text5");
    until_answered(&platform, &direct, &["m4"], &at).await;
    // Answers of a chat are sent one after the other: what was to come before these is there.
    platform.say(Place::Direct, "text6");
    platform.say(Place::Group, "text7");
    direct.push("text6");
    until_answered(&platform, &direct, &["m4", "text7"], &at).await;
    assert_answers(&platform, &direct, &["m4", "text7"], &at);
    platform.wait("the answer to the command", |platform| platform.statuses() > 0).await;
    assert_eq!(platform.statuses(), 1, "{at}");
    for message in ["m2", "m4"] {
        house.assert_written(message, &[0, 1], &at);
    }
    house.model.assert_clean();
    platform.assert_clean();
    gateway.kill();
}

/// Each of these messages was answered once, in their order, and nothing else was said.
pub(crate) fn assert_answers<P: Platform>(platform: &P, direct: &[&str], group: &[&str], at: &str) {
    assert_eq!(platform.answers(Place::Direct), all_parts(direct), "{at}");
    assert_eq!(platform.answers(Place::Group), all_parts(group), "{at}");
}

/// Waits until the whole answers to these messages stand in the chats.
pub(crate) async fn until_answered<P: Platform>(platform: &P, direct: &[&str], group: &[&str], at: &str) {
    let has = |place, messages: &[&str]| {
        let seen = platform.answers(place);
        all_parts(messages).iter().all(|part| seen.contains(part))
    };
    let answered = |_: &P| has(Place::Direct, direct) && has(Place::Group, group);
    if timeout(PATIENCE, platform.wait("the answers", answered)).await.is_err() {
        let seen = [platform.texts(Place::Direct), platform.texts(Place::Group), platform.asides()];
        panic!("{at}: {direct:?} and {group:?} are not answered; these are seen: {seen:#?}");
    }
}

/// Every case is tried, whatever the others come to.
async fn dies_everywhere<P: Platform>(memories: &[Memory]) {
    let cases = cases(memories);
    let count = cases.len();
    let mut failed = Vec::new();
    for case in cases {
        // What went wrong is told by the panic itself.
        if AssertUnwindSafe(dies::<P>(case)).catch_unwind().await.is_err() {
            failed.push(case);
        }
    }
    println!("{}: {count} kills", P::CHANNEL);
    assert!(failed.is_empty(), "{} of {count} cases failed: {failed:#?}", failed.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn g07_killed_at_every_point_of_a_telegram_message() {
    dies_everywhere::<Telegram>(&[Memory::Kept]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g07_killed_at_every_point_of_a_discord_message() {
    dies_everywhere::<Discord>(&[Memory::Kept, Memory::Lost]).await;
}
