//! Which agent and which session a message from a channel belongs to.
//!
//! Keys are OpenClaw's: `agent:<agent>:main` for direct messages (or one per peer, as `session.dmScope` says),
//! `agent:<agent>:<channel>:group|channel:<id>` for shared places, with `:thread:<id>` behind it for a thread.

use std::collections::BTreeMap;

use chela_agent::{DmScope, SessionConfig, SessionScope};
use chela_channels::{ChatKind, InboundMessage};
use chela_protocol::{AgentId, SessionKey};

use super::Target;
use crate::channels::AccountName;
use crate::config::{Binding, BindingMatch};

/// What a channel knows about the place a message came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ChannelPlace<'a> {
    pub channel: &'a str,
    pub account: &'a str,
    pub peer: ChatKind,
    /// The person in a direct chat, else the chat.
    pub peer_id: &'a str,
    /// What the person of a direct chat is called on all channels (`session.identityLinks`).
    pub identity: Option<&'a str>,
    pub thread: Option<&'a str>,
    pub guild: Option<&'a str>,
    pub team: Option<&'a str>,
    /// Roles that the sender holds there.
    pub roles: &'a [String],
}

impl<'a> ChannelPlace<'a> {
    pub(crate) fn of(
        name: &'a AccountName,
        message: &'a InboundMessage,
        links: &'a BTreeMap<String, Vec<String>>,
    ) -> Self {
        let InboundMessage { chat_kind, chat_id, sender, thread, guild, .. } = message;
        let peer_id = match chat_kind {
            ChatKind::Direct => &sender.id,
            ChatKind::Group | ChatKind::Channel => chat_id,
        };
        Self {
            channel: &name.channel,
            account: &name.account,
            peer: *chat_kind,
            peer_id,
            identity: identity_of(links, &name.channel, &sender.id),
            thread: thread.as_deref(),
            guild: guild.as_deref(),
            team: None,
            roles: &sender.roles,
        }
    }
}

/// The target of a channel message: the agent that its place names, else the most specific binding's, else the default one.
pub(crate) fn channel_target(
    bindings: &[Binding],
    session: &SessionConfig,
    default_agent: &AgentId,
    chosen: Option<&AgentId>,
    place: &ChannelPlace<'_>,
) -> Target {
    if let Some(agent) = chosen {
        return Target { session: channel_key(session, agent, place), agent: agent.clone() };
    }
    let mut best: Option<(u8, &Binding)> = None;
    for binding in bindings {
        if let Some(weight) = weight_of(&binding.matches, place)
            && best.is_none_or(|(known, _)| weight > known)
        {
            best = Some((weight, binding));
        }
    }
    let agent = best.map_or_else(|| default_agent.clone(), |(_, binding)| AgentId::new(binding.agent_id.as_str()));
    Target { session: channel_key(session, &agent, place), agent }
}

fn channel_key(session: &SessionConfig, agent: &AgentId, place: &ChannelPlace<'_>) -> SessionKey {
    let ChannelPlace { channel, account, peer_id, .. } = place;
    let person = place.identity.unwrap_or(peer_id);
    let base = match (session.scope, place.peer) {
        (SessionScope::Global, _) => return SessionKey::main(agent),
        (_, ChatKind::Group) => format!("{channel}:group:{peer_id}"),
        (_, ChatKind::Channel) => format!("{channel}:channel:{peer_id}"),
        (_, ChatKind::Direct) => match session.dm_scope {
            DmScope::Main => return SessionKey::main(agent),
            DmScope::PerPeer => format!("direct:{person}"),
            DmScope::PerChannelPeer => format!("{channel}:direct:{person}"),
            DmScope::PerAccountChannelPeer => format!("{channel}:{account}:direct:{person}"),
        },
    };
    match place.thread {
        Some(thread) => SessionKey::scoped(agent, &format!("{base}:thread:{thread}")),
        None => SessionKey::scoped(agent, &base),
    }
}

/// What a person is called who has names on several channels; entries are `telegram:123`.
fn identity_of<'a>(links: &'a BTreeMap<String, Vec<String>>, channel: &str, sender: &str) -> Option<&'a str> {
    let is_them =
        |entry: &String| entry.split_once(':').is_some_and(|(on, id)| on.eq_ignore_ascii_case(channel) && id == sender);
    links.iter().find(|(_, entries)| entries.iter().any(is_them)).map(|(name, _)| name.as_str())
}

/// How specific a match is; `None` when it doesn't match at all.
fn weight_of(matches: &BindingMatch, place: &ChannelPlace<'_>) -> Option<u8> {
    let same = |wanted: &Option<String>, is: Option<&str>| match wanted.as_deref() {
        None => Some(false),
        Some(wanted) => (Some(wanted) == is).then_some(true),
    };
    if !matches.channel.eq_ignore_ascii_case(place.channel) {
        return None;
    }
    let account = match matches.account_id.as_deref() {
        None | Some("*") => false,
        Some(account) if account == place.account => true,
        Some(_) => return None,
    };
    let peer = match &matches.peer {
        None => false,
        Some(peer) if kind_named(&peer.kind) == Some(place.peer) && peer.id == place.peer_id => true,
        Some(_) => return None,
    };
    let guild = same(&matches.guild_id, place.guild)?;
    let team = same(&matches.team_id, place.team)?;
    let roles = match matches.roles.as_slice() {
        [] => false,
        wanted if wanted.iter().any(|role| place.roles.contains(role)) => true,
        _ => return None,
    };
    // Each weighs more than all behind it together; the channel itself weighs one.
    let weights = [(peer, 32), (roles, 16), (guild, 8), (team, 4), (account, 2)];
    Some(weights.into_iter().filter(|(holds, _)| *holds).map(|(_, weight)| weight).sum::<u8>() + 1)
}

fn kind_named(kind: &str) -> Option<ChatKind> {
    match kind {
        "direct" | "dm" => Some(ChatKind::Direct),
        "group" => Some(ChatKind::Group),
        "channel" => Some(ChatKind::Channel),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn binding(agent: &str, matches: &Value) -> Binding {
        serde_json::from_value(json!({ "agentId": agent, "match": matches })).unwrap()
    }

    fn routed(bindings: &[Binding], session: &Value, place: &ChannelPlace<'_>) -> String {
        let session = serde_json::from_value(session.clone()).unwrap();
        channel_target(bindings, &session, &AgentId::new("main"), None, place).session.to_string()
    }

    const DM: ChannelPlace<'static> = ChannelPlace {
        channel: "telegram",
        account: "work",
        peer: ChatKind::Direct,
        peer_id: "7",
        identity: None,
        thread: None,
        guild: None,
        team: None,
        roles: &[],
    };

    #[test]
    fn keys_follow_the_scopes() {
        let links = BTreeMap::from([("ann".to_owned(), vec!["discord:7".to_owned(), "telegram:7".to_owned()])]);
        assert_eq!(identity_of(&links, "signal", "7"), None);
        let linked = ChannelPlace { identity: identity_of(&links, "telegram", "7"), ..DM.clone() };
        let group = ChannelPlace { peer: ChatKind::Group, peer_id: "-100", ..DM.clone() };
        let thread = ChannelPlace { peer: ChatKind::Channel, thread: Some("9"), ..DM.clone() };
        let rows = [
            (json!({}), &DM, "agent:main:main"),
            (json!({ "dmScope": "per-peer" }), &DM, "agent:main:direct:7"),
            (json!({ "dmScope": "per-peer" }), &linked, "agent:main:direct:ann"),
            (json!({ "dmScope": "per-channel-peer" }), &DM, "agent:main:telegram:direct:7"),
            (json!({ "dmScope": "per-account-channel-peer" }), &DM, "agent:main:telegram:work:direct:7"),
            (json!({}), &group, "agent:main:telegram:group:-100"),
            (json!({}), &thread, "agent:main:telegram:channel:7:thread:9"),
            (json!({ "scope": "global" }), &group, "agent:main:main"),
        ];
        for (session, place, expected) in rows {
            assert_eq!(routed(&[], &session, place), expected, "{session}");
        }
    }

    #[test]
    fn the_most_specific_binding_wins() {
        let bindings = [
            binding("any", &json!({ "channel": "telegram" })),
            binding("work", &json!({ "channel": "telegram", "accountId": "work" })),
            binding("boss", &json!({ "channel": "telegram", "peer": { "kind": "dm", "id": "7" } })),
            binding("other", &json!({ "channel": "telegram", "accountId": "home" })),
            binding("guild", &json!({ "channel": "discord", "guildId": "1" })),
            binding("admins", &json!({ "channel": "discord", "guildId": "1", "roles": ["a", "b"] })),
        ];
        let roles = ["b".to_owned()];
        let discord = ChannelPlace { channel: "discord", guild: Some("1"), peer: ChatKind::Channel, ..DM.clone() };
        let rows = [
            (DM.clone(), "boss"),
            (ChannelPlace { peer_id: "8", ..DM.clone() }, "work"),
            (ChannelPlace { peer_id: "8", account: "x", ..DM.clone() }, "any"),
            (discord.clone(), "guild"),
            (ChannelPlace { roles: &roles, ..discord.clone() }, "admins"),
            (ChannelPlace { guild: Some("2"), ..discord }, "main"),
            (ChannelPlace { channel: "signal", ..DM.clone() }, "main"),
        ];
        for (place, expected) in rows {
            let target = channel_target(&bindings, &SessionConfig::default(), &AgentId::new("main"), None, &place);
            assert_eq!(target.agent.as_str(), expected, "{place:?}");
        }
    }
}
