//! How an account begins and ends.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chela_channels::{ConnectionState, FailureKind, MessageId, SendErrorKind};
use tracing_subscriber::fmt::MakeWriter;

use super::platform::{Platform, Said, Trouble};
use super::world::{IMPATIENT, Running, eventually, part};

/// Where every kind keeps which menu it has registered.
const MENU_KEY: &str = "commands";
/// The contract's own limit for an end.
const END_WITHIN: Duration = Duration::from_secs(1);

pub(crate) async fn it_connects_and_says_who_it_is<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let status = running.wait_for_status("an identity", |status| status.identity.is_some()).await;
    let identity = status.identity.unwrap();
    assert!(identity.contains(&running.platform.identity()), "{identity}");
    assert!(status.connected_at_ms.is_some());
    assert_eq!(status.last_error, None);
    running.platform.assert_clean();
}

pub(crate) async fn a_refused_token_ends_it_with_plain_words<P: Platform>(platform: P) {
    let token = platform.token();
    let mut running = Running::open(platform, IMPATIENT);
    running.platform.trouble(Trouble::Revoked);
    let failure = running.end().await.expect_err("a refused token is no success");
    assert_eq!(failure.kind, FailureKind::Auth, "{failure}");
    assert!(failure.message.contains("token"), "what is wrong and what to do: {failure}");
    assert!(!format!("{failure} {failure:?}").contains(&token), "{failure}");
    let status = running.status.read();
    assert_ne!(status.state, ConnectionState::Connected);
    assert!(!format!("{status:?}").contains(&token));
}

pub(crate) async fn it_ends_within_a_second<P: Platform>(platform: P) {
    let mut running = Running::connect(platform).await;
    let spot = running.platform.direct();
    running.hear(&spot, &Said::text("hello")).await;
    let asked = Instant::now();
    running.shut_down();
    running.end().await.expect("it was asked to end");
    assert!(asked.elapsed() < END_WITHIN, "{:?}", asked.elapsed());
}

pub(crate) async fn it_ends_within_a_second_while_nothing_answers<P: Platform>(platform: P) {
    let mut running = Running::connect(platform).await;
    running.platform.trouble(Trouble::AllSilent);
    let asked = Instant::now();
    running.shut_down();
    running.end().await.expect("it was asked to end");
    assert!(asked.elapsed() < END_WITHIN, "{:?}", asked.elapsed());
}

pub(crate) async fn a_probe_says_who_we_are<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let probe = running.channel().probe().await.expect("the platform answers");
    assert!(probe.identity.contains(&running.platform.identity()), "{probe:?}");
    assert!(!format!("{probe:?}").contains(&running.platform.token()));
    running.platform.assert_clean();
}

pub(crate) async fn the_menu_is_registered_once<P: Platform>(platform: P) {
    let mut running = Running::connect(platform).await;
    eventually("the menu", || {
        let menu = running.platform.menu();
        (menu.contains(&"status".to_owned()) && menu.contains(&"model".to_owned())).then_some(())
    })
    .await;
    // A kill between the platform's yes and the note of it costs one more writing, which harms nobody.
    eventually("a note of the menu", || running.remembers(MENU_KEY).then_some(())).await;
    let written = running.platform.menu_writes();
    // Something that comes in after the restart shows that the worker is past the menu.
    running.kill().await;
    running.restart().await;
    let spot = running.platform.direct();
    running.hear(&spot, &Said::text("hello")).await;
    assert_eq!(running.platform.menu_writes(), written, "nothing changed");
    running.platform.assert_clean();
}

pub(crate) async fn no_secret_is_told_anywhere<P: Platform>(platform: P) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(log.clone()).finish();
    // Tests run on one thread each, so this hears their tasks and no others.
    let _guard = tracing::subscriber::set_default(subscriber);
    let token = platform.token();
    let running = Running::connect(platform).await;
    let spot = running.platform.direct();
    running.hear(&spot, &Said::text("hello")).await;
    let channel = running.channel();
    let mut told = String::new();
    for trouble in [Trouble::LostBefore, Trouble::Unavailable, Trouble::Down] {
        running.platform.trouble(trouble);
        let error = channel.send(&part(&spot, "run", "hello")).await.expect_err("the platform is in trouble");
        let _ = write!(told, "{error} {error:?}");
    }
    running.platform.heal();
    let gone = channel.edit(&MessageId("987654321".to_owned()), &part(&spot, "run", "x")).await;
    let gone = gone.expect_err("there is no such message");
    assert_eq!(gone.kind, SendErrorKind::Gone, "{gone}");
    let _ = write!(told, "{gone} {gone:?} {:?}", running.status.read());
    running.platform.trouble(Trouble::Cut);
    running.hear(&spot, &Said::text("and again")).await;
    running.platform.trouble(Trouble::Revoked);
    let refused = channel.send(&part(&spot, "run", "hello")).await.expect_err("the token is refused");
    assert_eq!(refused.kind, SendErrorKind::Auth, "{refused}");
    let _ = write!(told, "{refused} {refused:?}");
    let log = log.text();
    assert!(!log.is_empty(), "the log was heard");
    let secret = token.rsplit(':').next().unwrap();
    assert!(!told.contains(secret), "told: {told}");
    let telling = log.lines().find(|line| line.contains(secret));
    assert_eq!(telling, None, "the log tells the token");
}

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
