//! Reactions on the messages that a run answers: seen, and where wanted, how far the answer is.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chela_agent::InputOrigin;
use chela_channels::{AckScope, Channel, DeliveryPolicy};
use chela_store::InboxRow;
use tokio::time::Instant;

use super::Scene;
use super::show::{End, Phase, State};
use crate::app::Gateway;
use crate::config::{MessagesConfig, StatusEmojis};
use crate::delivery::call::within;
use crate::sessions::route_of;

const SEEN: &str = "👀";
const THINKING: &str = "🤔";
const TOOL: &str = "🔥";
const FAILED: &str = "😱";

/// States that pass faster than this are not shown: platforms limit reactions, and nobody can read them.
const STEADY: Duration = Duration::from_millis(700);

/// What a run does with reactions.
pub(super) enum Marks {
    None,
    /// One that says that the message was seen.
    Ack {
        emoji: String,
        remove: bool,
    },
    /// One that follows the run.
    Status(StatusEmojis),
}

impl Marks {
    pub(super) fn of(scene: &Scene, origin: &InputOrigin) -> Self {
        let config = scene.gateway.config.load();
        if !scene.channel.capabilities().react || scene.route.reply_to.is_none() {
            return Self::None;
        }
        if config.messages.status_reactions.enabled {
            return Self::Status(config.messages.status_reactions.emojis.clone());
        }
        match ack(&config.messages, &scene.policy, origin) {
            Some(emoji) => Self::Ack { emoji, remove: config.messages.remove_ack_after_reply },
            None => Self::None,
        }
    }

    /// Reacts until the run is over, and once more for its end.
    pub(super) async fn run(self, scene: &Scene) {
        if scene.show.until(|state| state.works.then_some(())).await.is_none() {
            return;
        }
        match self {
            Self::None => {}
            Self::Ack { emoji, remove } => {
                put(scene, Some(&emoji)).await;
                if !remove {
                    return;
                }
                scene.show.over.cancelled().await;
                if scene.show.read().end == Some(End::Answered) {
                    put(scene, None).await;
                }
            }
            Self::Status(emojis) => status(scene, &emojis).await,
        }
    }
}

/// Shows that a message waits behind a running answer.
pub(crate) fn queued(gateway: &Arc<Gateway>, row: &InboxRow) {
    let Some(route) = route_of(row) else { return };
    let (Some(message), Some(account)) = (route.reply_to, gateway.channels.get(&route.channel, &route.account)) else {
        return;
    };
    let Some(channel) = account.speaker().filter(|channel| channel.capabilities().react) else {
        return;
    };
    let config = gateway.config.load();
    let emoji = if config.messages.status_reactions.enabled {
        Some(config.messages.status_reactions.emojis.queued.clone().unwrap_or_else(|| SEEN.to_owned()))
    } else {
        ack(&config.messages, &account.policy.load().delivery, &super::origin_of(row))
    };
    if let Some(emoji) = emoji.filter(|emoji| !emoji.is_empty()) {
        gateway.tasks.spawn(async move { react(&channel, &route.chat, &message, Some(&emoji)).await });
    }
}

async fn status(scene: &Scene, emojis: &StatusEmojis) {
    let mut shown: Option<String> = None;
    let wanted = |state: &State| of_phase(state.phase, emojis);
    while let Some(next) =
        scene.show.until(|state| Some(wanted(state)).filter(|next| Some(next) != shown.as_ref())).await
    {
        put(scene, Some(&next).filter(|next| !next.is_empty()).map(String::as_str)).await;
        shown = Some(next);
        if !scene.show.pause_until(Instant::now() + STEADY).await {
            break;
        }
    }
    let end = match scene.show.read().end {
        Some(End::Failed) => Some(emojis.error.clone().unwrap_or_else(|| FAILED.to_owned())),
        Some(End::Answered) => emojis.done.clone(),
        Some(End::Stopped | End::Suspended) | None => None,
    };
    put(scene, end.as_deref().filter(|emoji| !emoji.is_empty())).await;
}

fn of_phase(phase: Phase, emojis: &StatusEmojis) -> String {
    let (set, usual) = match phase {
        Phase::Waiting | Phase::Thinking | Phase::Speaking => (&emojis.thinking, THINKING),
        Phase::Tool => (&emojis.tool, TOOL),
    };
    set.clone().unwrap_or_else(|| usual.to_owned())
}

/// The reaction that says that a message was seen, where there is to be one.
fn ack(messages: &MessagesConfig, policy: &DeliveryPolicy, origin: &InputOrigin) -> Option<String> {
    let scope = policy.ack_scope.or(messages.ack_reaction_scope).unwrap_or_default();
    let applies = match (scope, origin.mentioned) {
        (AckScope::All, _)
        | (AckScope::Direct, None)
        | (AckScope::GroupAll, Some(_))
        | (AckScope::GroupMentions, Some(true)) => true,
        (AckScope::Off | AckScope::Direct | AckScope::GroupAll | AckScope::GroupMentions, _) => false,
    };
    let emoji = policy.ack_reaction.as_ref().or(messages.ack_reaction.as_ref()).map_or(SEEN, String::as_str);
    (applies && !emoji.is_empty()).then(|| emoji.to_owned())
}

/// Puts a reaction on every message that the run answers.
async fn put(scene: &Scene, emoji: Option<&str>) {
    let marked: BTreeSet<_> = scene.show.read().marked.into_iter().collect();
    for message in marked {
        react(&scene.channel, &scene.route.chat, &message, emoji).await;
    }
}

async fn react(channel: &Arc<dyn Channel>, chat: &str, message: &str, emoji: Option<&str>) {
    let message = chela_channels::MessageId(message.to_owned());
    if let Err(error) = within(channel.react(chat, &message, emoji)).await {
        tracing::debug!(%error, chat, "a reaction could not be put");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_says_where_messages_are_acknowledged() {
        let places = [None, Some(false), Some(true)];
        let rows = [
            (AckScope::Off, [false, false, false]),
            (AckScope::Direct, [true, false, false]),
            (AckScope::GroupMentions, [false, false, true]),
            (AckScope::GroupAll, [false, true, true]),
            (AckScope::All, [true, true, true]),
        ];
        for (scope, expected) in rows {
            let policy = DeliveryPolicy { ack_scope: Some(scope), ..DeliveryPolicy::default() };
            let found = places.map(|mentioned| {
                let origin = InputOrigin { mentioned, ..InputOrigin::default() };
                ack(&MessagesConfig::default(), &policy, &origin).is_some()
            });
            assert_eq!(found, expected, "{scope:?}");
        }
        let none = DeliveryPolicy {
            ack_scope: Some(AckScope::All),
            ack_reaction: Some(String::new()),
            ..DeliveryPolicy::default()
        };
        assert_eq!(ack(&MessagesConfig::default(), &none, &InputOrigin::default()), None);
    }
}
