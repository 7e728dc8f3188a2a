//! The worker: who are we, what do people see in the menu, then hear by one of the two transports until told to stop.

use serde::Deserialize;
use serde_json::json;

use super::bot::Bot;
use super::failure::{asked_pause, order_failure};
use super::normalise::Us;
use super::{commands, polling, webhook};
use crate::ChannelFailure;
use crate::context::BackOff;
use crate::status::Transport;

/// What `getMe` tells and somebody reads here. The rest may be missing: servers other than Telegram's own leave much of it out.
#[derive(Debug, Deserialize)]
pub(super) struct Me {
    id: u64,
    #[serde(default)]
    username: String,
    pub(super) can_read_all_group_messages: Option<bool>,
    pub(super) can_join_groups: Option<bool>,
}

impl Me {
    /// As people write it.
    pub(super) fn name(&self) -> String {
        format!("@{}", self.username)
    }
}

/// Runs until the context's shutdown fires or something breaks for good.
pub(super) async fn run(bot: std::sync::Arc<Bot>) -> Result<(), ChannelFailure> {
    let shutdown = bot.context.shutdown.clone();
    tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        ended = hear(&bot) => ended,
    }
}

async fn hear(bot: &Bot) -> Result<(), ChannelFailure> {
    bot.connecting(if bot.setup.webhook.is_some() { Transport::Webhook } else { Transport::Polling });
    bot.recall().await;
    log_in(bot).await?;
    // The menu takes its time, and nobody's message should wait for it.
    let menu = commands::publish(bot);
    let transport = async {
        if let Some(setup) = &bot.setup.webhook {
            return webhook::watch(bot, setup).await;
        }
        // Updates that wait stay: a bot that changes its transport loses nothing.
        until_done(bot, "deleteWebhook", &json!({ "drop_pending_updates": false })).await?;
        polling::run(bot).await
    };
    let ((), ended) = futures_util::future::join(menu, transport).await;
    ended
}

async fn log_in(bot: &Bot) -> Result<(), ChannelFailure> {
    let me: Me = serde_json::from_value(until_done(bot, "getMe", &json!({})).await?).map_err(|error| {
        let message =
            format!("Telegram's answer about the bot can't be read ({:?}); check `apiBase`", error.classify());
        ChannelFailure { kind: crate::FailureKind::Setup, message }
    })?;
    let name = me.name();
    tracing::info!(target: "telegram", account = bot.context.account, "logged in to telegram as {name}");
    bot.context.status.update(|status| {
        status.identity = Some(name);
        status.warnings = privacy_warning(bot, me.can_read_all_group_messages).into_iter().collect();
    });
    bot.set_us(Us { id: me.id, username: me.username });
    Ok(())
}

/// What is missing where groups are to be heard without a mention.
pub(super) fn privacy_warning(bot: &Bot, reads_all: Option<bool>) -> Option<String> {
    (bot.setup.hears_everything && reads_all == Some(false)).then(|| {
        "privacy mode is on, so that groups with requireMention: false are heard only where the bot is mentioned; \
         send /setprivacy to @BotFather, choose Disable, and add the bot to the group again"
            .to_owned()
    })
}

/// Calls a method until it is done; only what can't pass is a failure.
pub(super) async fn until_done(
    bot: &Bot,
    method: &str,
    parameters: &serde_json::Value,
) -> Result<serde_json::Value, ChannelFailure> {
    let mut back_off = BackOff::new(bot.context.patience);
    loop {
        let error = match bot.api.call(method, parameters).await {
            Ok(result) => return Ok(result),
            Err(error) => error,
        };
        if let Some(failure) = order_failure(method, &error) {
            return Err(failure);
        }
        bot.troubled(&error.to_string());
        tokio::time::sleep(asked_pause(&error).unwrap_or_else(|| back_off.next_pause())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_tell_little_of_the_bot() {
        let me: Me =
            serde_json::from_value(json!({ "id": 666, "first_name": "Test", "username": "test_bot" })).unwrap();
        assert_eq!((me.id, me.name().as_str(), me.can_join_groups), (666, "@test_bot", None));
    }
}
