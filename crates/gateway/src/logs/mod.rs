//! What the gateway says: lines on the console, and one JSON object a line in a file that rotates.
//!
//! Registered secrets are replaced before a line gets its form. Both outputs are best effort: a full disk stops no turn.

mod file;
mod format;
mod tail;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::ArcSwap;
use tracing::{Event, Level as TracingLevel, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use self::file::LogFile;
use self::format::Line;
pub(crate) use self::tail::tail;
use crate::config::{ConsoleStyle, Level, LoggingConfig};

/// A shorter text is no secret: replacing it would only garble lines.
const SECRET_MIN_BYTES: usize = 8;
/// In what people read, only what nobody writes by chance is taken out: a token is longer than any word.
const TOKEN_MIN_BYTES: usize = 16;
/// So much of a token's beginning at the end of a text is taken for one that is still being written.
const TOKEN_BEGINNING_BYTES: usize = 8;
/// Texts that are remembered: there are a few providers and channels, and some forms of each secret.
const SECRETS_MAX: usize = 4096;

/// What stands in a secret's place.
const HIDDEN: &str = "***";

/// Where lines go, and what must not be in them.
pub(crate) struct Logs {
    settings: ArcSwap<Settings>,
    secrets: RwLock<Vec<String>>,
    file: Mutex<LogFile>,
    /// The disk is nearly full: what is only told is not kept.
    only_warnings: AtomicBool,
    host: String,
}

#[derive(Debug, Clone, Copy)]
struct Settings {
    file_level: Level,
    console_level: Level,
    console_style: ConsoleStyle,
}

impl Logs {
    /// Logs into `<state dir>/logs`, nothing on the console yet: [`Logs::install`] does that.
    pub(crate) fn new(state_dir: &Path, host: String, verbose: bool, style: ConsoleStyle) -> Arc<Self> {
        let level = if verbose { Level::Debug } else { Level::Info };
        let settings = Settings { file_level: level, console_level: level, console_style: style };
        Arc::new(Self {
            settings: ArcSwap::from_pointee(settings),
            secrets: RwLock::default(),
            file: Mutex::new(LogFile::new(state_dir.join("logs"))),
            only_warnings: AtomicBool::new(false),
            host,
        })
    }

    /// Makes this the process's log, also for the last words of what panics. Only the first of a process is.
    pub(crate) fn install(self: &Arc<Self>) {
        let subscriber = tracing_subscriber::registry().with(Sink(self.clone()));
        // A second gateway in one process keeps writing to the first one's log.
        if tracing::subscriber::set_global_default(subscriber).is_ok() {
            std::panic::set_hook(Box::new(|panic| {
                let place = panic.location().map(ToString::to_string).unwrap_or_default();
                tracing::error!(target: "gateway", %place, "panicked: {}", panic.payload_as_str().unwrap_or("no words"));
            }));
        }
    }

    /// Takes up the section `logging`; flags of the command line win.
    pub(crate) fn configure(&self, config: &LoggingConfig, verbose: bool, json: bool) {
        let least = if verbose { Some(Level::Debug) } else { None };
        let style = if json { ConsoleStyle::Json } else { config.console_style.unwrap_or(ConsoleStyle::Pretty) };
        let file_level = least.or(config.level).unwrap_or(Level::Info);
        let console_level = least.or(config.console_level).or(config.level).unwrap_or(Level::Info);
        self.settings.store(Arc::new(Settings { file_level, console_level, console_style: style }));
        let path = config.file.as_ref().map(PathBuf::from);
        self.lock_file().configure(path, config.max_file_bytes);
        tracing::callsite::rebuild_interest_cache();
    }

    /// From now on this text is shown as `***`, also where it was quoted or encoded before it came here. A text of less than 8 bytes
    /// is not hidden: it would turn up inside of ordinary words.
    pub(crate) fn hide(&self, secret: &str) {
        if secret.len() < SECRET_MIN_BYTES {
            return;
        }
        let mut secrets = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        for form in chela_config::secret_forms(secret) {
            if secrets.len() < SECRETS_MAX && !secrets.contains(&form) {
                secrets.push(form);
            }
        }
        // A secret that begins like a longer one must not leave the longer one's end behind.
        secrets.sort_by_key(|text| std::cmp::Reverse(text.len()));
    }

    /// The text without the tokens and keys that the log hides, on its way to a chat: a model may have been talked into saying one.
    /// One that is still being written at the end goes as well.
    pub(crate) fn without_tokens(&self, mut text: String) -> String {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        for token in secrets.iter().filter(|secret| secret.len() >= TOKEN_MIN_BYTES) {
            if text.contains(token.as_str()) {
                text = text.replace(token.as_str(), HIDDEN);
            }
            let begun = (TOKEN_BEGINNING_BYTES..token.len()).rev();
            let begun = begun.filter_map(|end| token.get(..end)).find(|begun| text.ends_with(begun));
            if let Some(begun) = begun {
                text.truncate(text.len() - begun.len());
                text.push_str(HIDDEN);
            }
        }
        text
    }

    /// Whether only what went wrong is written into the file from now on. The console still gets everything.
    pub(crate) fn write_only_warnings(&self, only: bool) {
        self.only_warnings.store(only, Ordering::Relaxed);
    }

    /// Removes every log file but the one of today.
    pub(crate) fn remove_former(&self) {
        self.lock_file().remove_former();
    }

    /// The file that lines go to today.
    pub(crate) fn path(&self) -> PathBuf {
        self.lock_file().path()
    }

    fn write(&self, line: &Line) {
        let settings = self.settings.load();
        if allows(settings.console_level, line.level) {
            let text = match settings.console_style {
                ConsoleStyle::Json => line.json(&self.host),
                ConsoleStyle::Pretty | ConsoleStyle::Compact => line.console(),
            };
            // A console that is gone must not end the gateway.
            let _ = writeln!(std::io::stdout().lock(), "{text}");
        }
        let is_kept = line.level <= TracingLevel::WARN || !self.only_warnings.load(Ordering::Relaxed);
        if is_kept && allows(settings.file_level, line.level) {
            self.lock_file().append(&line.json(&self.host));
        }
    }

    fn redacted(&self, mut text: String) -> String {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        for secret in secrets.iter() {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), HIDDEN);
            }
        }
        text
    }

    fn lock_file(&self) -> std::sync::MutexGuard<'_, LogFile> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a line of this level is wanted.
fn allows(least: Level, level: TracingLevel) -> bool {
    let least = match least {
        Level::Silent => return false,
        Level::Fatal | Level::Error => TracingLevel::ERROR,
        Level::Warn => TracingLevel::WARN,
        Level::Info => TracingLevel::INFO,
        Level::Debug => TracingLevel::DEBUG,
        Level::Trace => TracingLevel::TRACE,
    };
    level <= least
}

struct Sink(Arc<Logs>);

impl<S: Subscriber> Layer<S> for Sink {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let settings = self.0.settings.load();
        let wanted =
            allows(settings.console_level, *metadata.level()) || allows(settings.file_level, *metadata.level());
        // Libraries are heard when something is wrong.
        wanted && (format::is_ours(metadata.target()) || *metadata.level() <= TracingLevel::WARN)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.0.write(&Line::of(event, |text| self.0.redacted(text)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_a_model_says_reaches_no_chat() {
        let dir = tempfile::tempdir().unwrap();
        let logs = Logs::new(dir.path(), "box".to_owned(), false, ConsoleStyle::Pretty);
        logs.hide("123456:AAF-token-of-a-bot");
        logs.hide("password");
        let rows = [
            (
                "aGVsbG8= is MTIzNDU2OkFBRi10b2tlbi1vZi1hLWJvdA== and 123456%3AAAF-token-of-a-bot",
                "aGVsbG8= is ***== and ***",
            ),
            ("3132333435363a4141462d746f6b656e2d6f662d612d626f74", "***"),
            ("it is `123456:AAF-token-of-a-bot`.", "it is `***`."),
            ("it is 123456:AAF-tok", "it is ***"),
            ("it is 123456:", "it is 123456:"),
            ("your password is password", "your password is password"),
        ];
        for (said, expected) in rows {
            assert_eq!(logs.without_tokens(said.to_owned()), expected, "{said}");
        }
    }

    #[test]
    fn every_channel_is_heard() {
        let targets = chela_channels::CHANNELS.iter().map(|kind| kind.id).chain(["channels"]);
        assert_eq!(targets.filter(|target| !format::is_ours(target)).collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn lines_reach_the_file_in_the_references_shape_and_without_secrets() {
        let dir = tempfile::tempdir().unwrap();
        let logs = Logs::new(dir.path(), "box".to_owned(), false, ConsoleStyle::Pretty);
        logs.configure(&LoggingConfig { console_level: Some(Level::Silent), ..LoggingConfig::default() }, false, false);
        logs.hide("hunter2hunter2");
        logs.hide(r#"hunter2"and\back"#);
        let subscriber = tracing_subscriber::registry().with(Sink(logs.clone()));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "gateway", tries = 3, "token is hunter2hunter2");
            tracing::warn!(target: "ws", client = %"x\n2026 [gateway] forged\u{1b}[2J\u{202e}", "refused");
            tracing::info!(target: "gateway", shown = ?r#"hunter2"and\back"#, r#"it is hunter2"and\back"#);
            tracing::debug!(target: "gateway", "not at this level");
            tracing::info!(target: "hyper::proto", "a library's chatter");
            tracing::info!(target: "discord", "logged in to discord as chela");
        });
        let text = std::fs::read_to_string(logs.path()).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert_eq!(lines[3]["0"], r#"{"subsystem":"discord"}"#);
        assert_eq!(lines[1]["1"], r"refused client=x\n2026 [gateway] forged\u{1b}[2J\u{202e}");
        assert_eq!(lines[0]["0"], r#"{"subsystem":"gateway"}"#);
        assert_eq!(lines[0]["1"], "token is *** tries=3");
        assert_eq!(lines[0]["message"], "token is *** tries=3");
        assert_eq!(lines[2]["message"], r#"it is *** shown="***""#);
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(lines[0]["_meta"]["logLevelName"], "INFO");
    }
}
