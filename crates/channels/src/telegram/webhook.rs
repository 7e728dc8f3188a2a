//! The webhook: Telegram calls the gateway's own port. Owns its address and secret, the door, and the watch over it.
//!
//! Source: <https://core.telegram.org/bots/api#setwebhook>. Telegram repeats a call until it gets a 2xx, one per chat at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use subtle::ConstantTimeEq;

use super::bot::Bot;
use super::failure::account_failure;
use super::normalise::ALLOWED_UPDATES;
use super::wire::WebhookInfo;
use super::{intake, worker};
use crate::channel::Pending;
use crate::context::BackOff;
use crate::digest::digest;
use crate::{ChannelFailure, OpenError, Webhook, WebhookAnswer, WebhookRequest};

/// An update is a few kilobytes; a long text with many marks stays below this by far.
const BODY_MAX_BYTES: usize = 1024 * 1024;

/// Telegram gives up a call after about a minute, and repeats it.
const ACCEPT_MAX: Duration = Duration::from_secs(30);

/// Between two looks at the webhook, so that the account is not silent for longer than its health allows.
const WEBHOOK_CHECK: Duration = Duration::from_mins(1);

const SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";
/// Limit of `secret_token`.
const SECRET_MAX: usize = 256;

/// Where Telegram is to call, and what it has to show.
#[derive(Debug, Clone)]
pub(super) struct WebhookSetup {
    /// The whole public address.
    url: String,
    /// On the gateway's port.
    path: String,
    secret: SecretString,
    /// When Telegram last came through the door, in Unix milliseconds; 0 for never.
    called_at_ms: Arc<AtomicI64>,
}

impl WebhookSetup {
    /// Puts the address together. A `webhookUrl` with a path of its own is taken as it is: something in front may rewrite it.
    pub(super) fn new(
        url: &str,
        path: Option<&str>,
        secret: Option<SecretString>,
        token: &SecretString,
        account: &str,
    ) -> Result<Self, OpenError> {
        let wrong = |reason: &str| OpenError::Setup(format!("`webhookUrl` is {reason}, for example https://my.host"));
        let mut public = url::Url::parse(url).map_err(|_| wrong("no address; it has to be public and HTTPS"))?;
        if !matches!(public.scheme(), "https" | "http") {
            return Err(wrong("not an HTTPS address; Telegram calls no other"));
        }
        let own = Some(public.path()).filter(|path| *path != "/").map(str::to_owned);
        let written = path.map(|path| format!("/{}", path.trim_start_matches('/')));
        let derived = || format!("/telegram/{}", derive("path", token, account));
        let path = written.or_else(|| own.clone()).unwrap_or_else(derived);
        if own.is_none() {
            public.set_path(&path);
        }
        let secret = secret.unwrap_or_else(|| derive("secret", token, account).into());
        if !is_secret_token(secret.expose_secret()) {
            let words =
                format!("`webhookSecret` may hold letters, digits, `-` and `_`, and {SECRET_MAX} of them at most");
            return Err(OpenError::Setup(words));
        }
        Ok(Self { url: public.into(), path, secret, called_at_ms: Arc::default() })
    }
}

/// The door of one account.
pub(super) struct TelegramWebhook {
    pub(super) bot: Arc<Bot>,
    pub(super) setup: WebhookSetup,
}

impl Webhook for TelegramWebhook {
    fn path(&self) -> &str {
        &self.setup.path
    }

    fn admits(&self, headers: &BTreeMap<String, String>) -> bool {
        let shown = headers.get(SECRET_HEADER).map(String::as_bytes).unwrap_or_default();
        shown.ct_eq(self.setup.secret.expose_secret().as_bytes()).into()
    }

    fn call(&self, request: WebhookRequest) -> Pending<'_, WebhookAnswer> {
        Box::pin(async move {
            if !self.admits(&request.headers) {
                return WebhookAnswer::status(401);
            }
            WebhookAnswer::status(self.take(&request.body).await)
        })
    }
}

impl TelegramWebhook {
    async fn take(&self, body: &[u8]) -> u16 {
        if body.len() > BODY_MAX_BYTES {
            return 413;
        }
        if self.bot.us().is_none() || self.bot.context.shutdown.is_cancelled() {
            return 503;
        }
        let Ok(update) = serde_json::from_slice(body) else { return 400 };
        self.setup.called_at_ms.store(self.bot.now_ms(), Ordering::Relaxed);
        // What can't be read would come again for ever.
        let Some(update) = intake::read(&self.bot, update) else { return 200 };
        match tokio::time::timeout(ACCEPT_MAX, intake::accept(&self.bot, &update.meaning)).await {
            Ok(Ok(())) => 200,
            Ok(Err(_)) | Err(_) => 503,
        }
    }
}

/// Tells Telegram the address, and looks every minute whether it still holds and works.
pub(super) async fn watch(bot: &Bot, setup: &WebhookSetup) -> Result<(), ChannelFailure> {
    set(bot, setup).await?;
    let mut back_off = BackOff::new(bot.context.patience);
    loop {
        match bot.api.call::<WebhookInfo>("getWebhookInfo", &json!({})).await {
            Ok(info) if info.url != setup.url => {
                bot.troubled("another program changed the bot's webhook; it is set again");
                tokio::time::sleep(back_off.next_pause()).await;
                set(bot, setup).await?;
                continue;
            }
            Ok(info) => {
                back_off = BackOff::new(bot.context.patience);
                note(bot, setup, &info);
            }
            Err(error) => match account_failure(&error) {
                Some(failure) => return Err(failure),
                None => bot.troubled(&error.to_string()),
            },
        }
        tokio::time::sleep(WEBHOOK_CHECK.min(bot.context.patience.silence * 2)).await;
    }
}

/// What Telegram says about its last failed call, where that one is news.
pub(super) fn delivery_problem(info: &WebhookInfo) -> Option<String> {
    let reason = info.last_error_message.as_deref().filter(|_| info.pending_update_count > 0)?;
    Some(format!(
        "Telegram can't deliver {} update(s) to the webhook: {reason}; check `webhookUrl` and that this port is reachable",
        info.pending_update_count
    ))
}

async fn set(bot: &Bot, setup: &WebhookSetup) -> Result<(), ChannelFailure> {
    let parameters = json!({
        "url": setup.url,
        "secret_token": setup.secret.expose_secret(),
        "allowed_updates": ALLOWED_UPDATES,
        "drop_pending_updates": false,
    });
    worker::until_done(bot, "setWebhook", &parameters).await.map(|_| ())
}

/// The account lives while Telegram has our address and its calls come through.
fn note(bot: &Bot, setup: &WebhookSetup, info: &WebhookInfo) {
    let failed_at = info.last_error_date.unwrap_or(0).saturating_mul(1000);
    let came_through = setup.called_at_ms.load(Ordering::Relaxed) > failed_at;
    match delivery_problem(info).filter(|_| !came_through) {
        Some(words) => bot.troubled(&words),
        None => bot.alive(),
    }
}

fn is_secret_token(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=SECRET_MAX).contains(&text.len()) && text.bytes().all(fits)
}

/// A name that only who knows the token can tell, and that is the same after each start.
fn derive(purpose: &str, token: &SecretString, account: &str) -> String {
    digest(&["chela telegram webhook", purpose, account, token.expose_secret()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(url: &str, path: Option<&str>) -> WebhookSetup {
        WebhookSetup::new(url, path, None, &"1:secret".to_owned().into(), "default").expect("the address is right")
    }

    #[test]
    fn the_address_is_the_url_and_a_path_that_nobody_guesses() {
        let derived = setup("https://my.host", None);
        assert_eq!(derived.path.len(), "/telegram/".len() + 32);
        assert_eq!(derived.url, format!("https://my.host{}", derived.path));
        assert!(!derived.url.contains("secret"));
        let named = setup("https://my.host/", Some("hook"));
        assert_eq!((named.url.as_str(), named.path.as_str()), ("https://my.host/hook", "/hook"));
        let whole = setup("https://my.host/telegram-webhook", None);
        assert_eq!(
            (whole.url.as_str(), whole.path.as_str()),
            ("https://my.host/telegram-webhook", "/telegram-webhook")
        );
        let rewritten = setup("https://my.host/a", Some("/b"));
        assert_eq!((rewritten.url.as_str(), rewritten.path.as_str()), ("https://my.host/a", "/b"));
    }

    #[test]
    fn what_telegram_would_not_take_is_refused_before_it_is_asked() {
        let token = SecretString::from("1:x".to_owned());
        let secret = |text: &str| Some(SecretString::from(text.to_owned()));
        for (url, own) in [("my.host", None), ("ftp://my.host", None), ("https://my.host", secret("a b"))] {
            assert!(WebhookSetup::new(url, None, own, &token, "default").is_err(), "{url}");
        }
    }
}
