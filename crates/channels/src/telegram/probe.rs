//! Asks Telegram who we are, how updates come to us, and what is in the way.

use serde_json::json;

use super::bot::Bot;
use super::failure::send_error;
use super::webhook::delivery_problem;
use super::wire::WebhookInfo;
use super::worker::{Me, privacy_warning};
use crate::channel::Probe;
use crate::outbound::SendError;

pub(super) async fn probe(bot: &Bot) -> Result<Probe, SendError> {
    let me: Me = bot.api.call("getMe", &json!({})).await.map_err(send_error)?;
    let mut warnings = Vec::from_iter(privacy_warning(bot, me.can_read_all_group_messages));
    let mut facts = vec![("reads all group messages", yes_or_no(me.can_read_all_group_messages))];
    match bot.api.call::<WebhookInfo>("getWebhookInfo", &json!({})).await {
        Ok(info) => {
            warnings.extend(delivery_problem(&info));
            // The path of the address is a secret.
            let host = url::Url::parse(&info.url).ok().and_then(|url| url.host_str().map(str::to_owned));
            facts.push(("transport", host.map_or_else(|| "polling".to_owned(), |host| format!("webhook at {host}"))));
            facts.push(("pending updates", info.pending_update_count.to_string()));
        }
        // The bot is known, so the account works; servers other than Telegram's own may not have this method.
        Err(error) => warnings.push(format!("how updates are delivered is not told: {error}")),
    }
    if me.can_join_groups == Some(false) {
        warnings.push("the bot can't be added to groups; send /setjoingroups to @BotFather to allow it".to_owned());
    }
    let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(Probe { identity: me.name(), warnings, facts })
}

fn yes_or_no(answer: Option<bool>) -> String {
    match answer {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not told",
    }
    .to_owned()
}
