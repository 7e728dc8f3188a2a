//! The decision about one message: the direct chat's policy, or the group's place, sender and mention, in this order.

use super::place::{Ground, ground_of, tools_by_sender};
use super::{AccessRules, BotRule, ContextVisibility, DmPolicy, Facts, Granted, GroupPolicy, ToolRules, Verdict};
use crate::inbound::{ChatKind, InboundMessage, Sender};

/// Decides about one message.
///
/// In a direct chat `dmPolicy` decides; a person who was approved by a code counts under `pairing` only, an owner everywhere but
/// under `disabled`, and no bot is ever sent a code. In a group the place must be open, then the sender must be allowed to speak
/// there (an owner always is; a pairing counts for nothing), then the message must be meant for us. A native command is. A text
/// command is where the platform marks it as ours (`/stop@our_name` arrives with [`crate::Mention::us`]), else it needs a mention
/// like any other text.
pub fn decide(rules: &AccessRules, facts: Facts<'_>, message: &InboundMessage) -> Verdict {
    if message.sender.is_bot && !hears_bot(rules.bots, message) {
        return Verdict::Ignore("the sender is a bot");
    }
    match message.chat_kind {
        ChatKind::Direct => decide_direct(rules, facts, message),
        ChatKind::Group | ChatKind::Channel => decide_group(rules, facts, message),
    }
}

/// Whether what this message quotes may be told with it. In a group under `contextVisibility: allowlist`, only the words of somebody
/// who may speak there, and our own; a role counts for nothing, since no platform tells those of a person who is quoted.
pub fn shows_quote(rules: &AccessRules, facts: Facts<'_>, message: &InboundMessage) -> bool {
    let Some(quoted) = &message.reply_to else { return false };
    match rules.context {
        ContextVisibility::All | ContextVisibility::AllowlistQuote => true,
        ContextVisibility::Allowlist if message.chat_kind == ChatKind::Direct || quoted.is_ours => true,
        ContextVisibility::Allowlist => {
            let Ok(ground) = ground_of(rules, &message.places) else { return false };
            let policy = ground.policy.unwrap_or(rules.groups);
            facts.owners.names_owner(&quoted.sender, facts) || may_speak(rules, policy, &ground, facts, &quoted.sender)
        }
    }
}

fn hears_bot(rule: BotRule, message: &InboundMessage) -> bool {
    match rule {
        BotRule::Ignore => false,
        BotRule::Mentions => message.mention.us || message.is_native_command || message.chat_kind == ChatKind::Direct,
        BotRule::Allow => true,
    }
}

fn decide_direct(rules: &AccessRules, facts: Facts<'_>, message: &InboundMessage) -> Verdict {
    let sender = &message.sender;
    if rules.dm == DmPolicy::Disabled {
        return Verdict::Ignore("direct messages are disabled");
    }
    let is_owner = facts.owners.names_owner(sender, facts);
    if is_owner || rules.allow_from.names(sender, facts) {
        let tools = everywhere(sender, facts).into_iter().cloned().collect();
        return Verdict::Answer(Granted { is_owner, was_mentioned: true, tools, ..Granted::default() });
    }
    if rules.dm != DmPolicy::Pairing {
        return Verdict::Ignore("the sender is not in allowFrom");
    }
    if sender.id.is_empty() || sender.is_bot {
        return Verdict::Ignore("a sender like this can't be paired");
    }
    if (facts.paired)(&sender.id) {
        let tools = everywhere(sender, facts).into_iter().cloned().collect();
        return Verdict::Answer(Granted { was_mentioned: true, tools, ..Granted::default() });
    }
    Verdict::Pair
}

/// What holds for a sender's tools at every place.
fn everywhere<'a>(sender: &Sender, facts: Facts<'a>) -> Option<&'a ToolRules> {
    tools_by_sender(facts.tools_by_sender, sender, facts)
}

fn decide_group(rules: &AccessRules, facts: Facts<'_>, message: &InboundMessage) -> Verdict {
    let ground = match ground_of(rules, &message.places) {
        Ok(ground) => ground,
        Err(reason) => return Verdict::Ignore(reason),
    };
    let policy = ground.policy.unwrap_or(rules.groups);
    if let Err(reason) = is_open(rules, policy, &ground) {
        return Verdict::Ignore(reason);
    }
    let is_owner = facts.owners.names_owner(&message.sender, facts);
    if !is_owner && !may_speak(rules, policy, &ground, facts, &message.sender) {
        return match rules.context {
            ContextVisibility::All => Verdict::Overheard,
            ContextVisibility::Allowlist | ContextVisibility::AllowlistQuote => {
                Verdict::Ignore("the sender may not speak here")
            }
        };
    }
    let was_mentioned = message.mention.us || facts.called_by_name;
    let is_for_us = was_mentioned || message.is_native_command;
    if !is_for_us && message.mention.others && ground.ignore_other_mentions == Some(true) {
        return Verdict::Ignore("somebody else is mentioned");
    }
    let needs_mention = match facts.always_active {
        Some(active) => !active,
        None => ground.require_mention.unwrap_or(rules.require_mention),
    };
    if needs_mention && !is_for_us {
        return Verdict::Overheard;
    }
    Verdict::Answer(Granted {
        is_owner,
        was_mentioned,
        skills: ground.skills.map(<[String]>::to_vec),
        tools: everywhere(&message.sender, facts)
            .into_iter()
            .chain(ground.tools_of(&message.sender, facts))
            .cloned()
            .collect(),
        system_prompt: ground.system_prompt.map(str::to_owned),
        agent: ground.agent.map(str::to_owned),
    })
}

/// Whether anybody may speak at this place.
fn is_open(rules: &AccessRules, policy: GroupPolicy, ground: &Ground<'_>) -> Result<(), &'static str> {
    match policy {
        GroupPolicy::Disabled => Err("groups are disabled"),
        GroupPolicy::Open => Ok(()),
        GroupPolicy::Allowlist if ground.is_listed => Ok(()),
        // Who lists people and no places means these people, wherever they are.
        GroupPolicy::Allowlist if rules.places.is_none() && !rules.group_allow_from.0.is_empty() => Ok(()),
        GroupPolicy::Allowlist => Err("the place is not listed"),
    }
}

/// Whether the place's own rule names the sender, by name or by role; where it names nobody, whether the account's does.
fn may_speak(rules: &AccessRules, policy: GroupPolicy, ground: &Ground<'_>, facts: Facts<'_>, sender: &Sender) -> bool {
    if ground.users.is_some() || ground.roles.is_some() {
        let holds = |role: &String| !role.is_empty() && sender.roles.contains(role);
        return ground.users.is_some_and(|users| users.names(sender, facts))
            || ground.roles.is_some_and(|roles| roles.iter().any(holds));
    }
    match policy {
        GroupPolicy::Open => true,
        GroupPolicy::Allowlist => rules.group_allow_from.0.is_empty() || rules.group_allow_from.names(sender, facts),
        GroupPolicy::Disabled => false,
    }
}
