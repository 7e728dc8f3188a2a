//! What an account's keys mean: who may speak and how answers look. Pure; whatever can't be read closes what it was to guard.

use std::collections::{BTreeMap, BTreeSet};

use chela_config::{Ids, KeyPath, Problem, Severity, check, schema_of};
use serde_json::{Map, Value};

use super::config::{AllowBots, DiscordConfig, GuildChannelConfig, GuildConfig};
use crate::access::{AccessRules, AllowList, BotRule, ContextVisibility, DmPolicy, GroupPolicy, LoopProtection, Place};
use crate::keys::history_within;
use crate::policy::{AccountPolicy, DeliveryPolicy, PreviewMode};
use crate::render::Limits;

/// Discord's own limit of one message.
pub(super) const CHARS_MAX: usize = 2000;

/// Discord folds messages of bots that are longer.
const LINES_MAX: usize = 17;

/// The keys of an account as far as they could be read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) config: DiscordConfig,
    /// Top-level keys that could not be read.
    pub(super) broken: BTreeSet<String>,
    /// Servers with something wrong in their rules.
    pub(super) broken_guilds: BTreeSet<String>,
}

/// Reads the keys one by one, so that a wrong one spoils itself only. Every wrong value is a problem; unknown keys are the
/// business of the check of the whole file.
pub(super) fn read(path: &str, value: &Value, problems: &mut Vec<Problem>) -> Reading {
    let base: KeyPath = path.parse().unwrap_or_else(|_| KeyPath::root());
    let found = check(value, &schema_of::<DiscordConfig>(), &base);
    chela_config::extend(problems, found.into_iter().filter(|problem| problem.severity == Severity::Error).collect());
    let mut reading = Reading::default();
    let Some(object) = value.as_object() else {
        reading.broken.extend(SECURITY_KEYS.iter().map(|key| (*key).to_owned()));
        return reading;
    };
    let mut sound = Map::new();
    for (key, value) in object {
        let value = if key == "guilds" { sound_guilds(value, &mut reading.broken_guilds) } else { value.clone() };
        if DiscordConfig::deserialize_key(key, &value).is_ok() {
            sound.insert(key.clone(), value);
        } else {
            reading.broken.insert(key.clone());
        }
    }
    // Each key was read by itself, so that all of them can be read together.
    reading.config = serde_json::from_value(Value::Object(sound)).unwrap_or_default();
    reading
}

/// The rules and manners of a reading.
pub(super) fn policy(reading: &Reading) -> AccountPolicy {
    AccountPolicy { access: access(reading), delivery: delivery(&reading.config) }
}

/// Keys without which nobody can be let in.
const SECURITY_KEYS: &[&str] = &["allowFrom", "dm", "dmPolicy", "groupPolicy", "guilds"];

impl DiscordConfig {
    fn deserialize_key(key: &str, value: &Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(Value::Object(Map::from_iter([(key.to_owned(), value.clone())])))
    }
}

/// The servers whose rules can be read; the names of the others go to `broken`.
fn sound_guilds(value: &Value, broken: &mut BTreeSet<String>) -> Value {
    let Some(guilds) = value.as_object() else { return value.clone() };
    let sound = guilds.iter().filter(|(name, rules)| {
        let readable = serde_json::from_value::<GuildConfig>((*rules).clone()).is_ok();
        if !readable {
            broken.insert((*name).clone());
        }
        readable
    });
    Value::Object(sound.map(|(name, rules)| (name.clone(), rules.clone())).collect())
}

fn access(reading: &Reading) -> AccessRules {
    let Reading { config, broken, broken_guilds } = reading;
    let is_broken = |keys: &[&str]| keys.iter().any(|key| broken.contains(*key));
    let dm = match config.dm_policy.or(config.dm.policy) {
        _ if is_broken(&["allowFrom", "dm", "dmPolicy"]) || config.dm.enabled == Some(false) => DmPolicy::Disabled,
        policy => policy.unwrap_or_default(),
    };
    let groups = match config.group_policy {
        _ if is_broken(&["groupPolicy", "guilds"]) => GroupPolicy::Disabled,
        policy => policy.unwrap_or_default(),
    };
    let allow_from = config.allow_from.as_ref().or(config.dm.allow_from.as_ref());
    AccessRules {
        dm,
        allow_from: allow_from.map(allow_list).unwrap_or_default(),
        groups,
        group_allow_from: AllowList::default(),
        places: Some(places(config, broken_guilds)),
        require_mention: true,
        context: match config.context_visibility {
            _ if is_broken(&["contextVisibility"]) => ContextVisibility::Allowlist,
            visibility => visibility.unwrap_or_default(),
        },
        bots: match config.allow_bots {
            None | Some(AllowBots::Whether(false)) => BotRule::Ignore,
            Some(AllowBots::Whether(true)) => BotRule::Allow,
            Some(AllowBots::Which(_)) => BotRule::Mentions,
        },
        loop_protection: loop_protection(config),
    }
}

/// Servers and group chats. A server whose rules can't be read stands in the list as closed, so that `*` does not let it in.
fn places(config: &DiscordConfig, broken_guilds: &BTreeSet<String>) -> Vec<Place> {
    let closed =
        broken_guilds.iter().map(|name| Place { name: name.clone(), allowed: Some(false), ..Place::default() });
    let guilds = config.guilds.iter().flatten().map(|(name, guild)| guild_place(name, guild));
    let mut places: Vec<Place> = closed.chain(guilds).collect();
    if config.dm.group_enabled == Some(true) {
        let group_chats = config.dm.group_channels.iter().flat_map(Ids::texts);
        places.extend(group_chats.map(|chat| Place { name: chat, allowed: Some(true), ..Place::default() }));
    }
    places
}

fn guild_place(name: &str, guild: &GuildConfig) -> Place {
    let inner = |channels: &BTreeMap<String, GuildChannelConfig>| {
        channels.iter().map(|(name, channel)| channel_place(name, channel)).collect()
    };
    Place {
        name: name.to_owned(),
        require_mention: guild.require_mention,
        ignore_other_mentions: guild.ignore_other_mentions,
        users: guild.users.as_ref().map(allow_list),
        roles: guild.roles.as_ref().map(Ids::texts),
        tools: guild.tools.clone(),
        tools_by_sender: guild.tools_by_sender.clone(),
        // An empty map names no channel and means all of them, as in the reference system.
        places: guild.channels.as_ref().filter(|channels| !channels.is_empty()).map(inner),
        ..Place::default()
    }
}

fn channel_place(name: &str, channel: &GuildChannelConfig) -> Place {
    let closed = channel.allow == Some(false) || channel.enabled == Some(false);
    Place {
        name: name.strip_prefix('#').unwrap_or(name).to_owned(),
        allowed: Some(!closed),
        require_mention: channel.require_mention,
        ignore_other_mentions: channel.ignore_other_mentions,
        users: channel.users.as_ref().map(allow_list),
        roles: channel.roles.as_ref().map(Ids::texts),
        skills: channel.skills.clone(),
        tools: channel.tools.clone(),
        tools_by_sender: channel.tools_by_sender.clone(),
        system_prompt: channel.system_prompt.clone(),
        agent: channel.agent_id.clone(),
        ..Place::default()
    }
}

fn allow_list(people: &Ids) -> AllowList {
    AllowList(people.texts())
}

fn loop_protection(config: &DiscordConfig) -> LoopProtection {
    let (written, usual) = (&config.bot_loop_protection, LoopProtection::default());
    LoopProtection {
        enabled: written.enabled.unwrap_or(usual.enabled),
        max_events: written.max_events_per_window.unwrap_or(usual.max_events),
        window_secs: written.window_seconds.unwrap_or(usual.window_secs),
        cooldown_secs: written.cooldown_seconds.unwrap_or(usual.cooldown_secs),
    }
}

fn delivery(config: &DiscordConfig) -> DeliveryPolicy {
    let usual = config.answers.delivery();
    let block = (config.block_streaming == Some(true)).then_some(PreviewMode::Block);
    DeliveryPolicy {
        preview: config.answers.preview(config.streaming).or(block).unwrap_or_default(),
        limits: Limits {
            chars: config.text_chunk_limit.unwrap_or(CHARS_MAX).clamp(1, CHARS_MAX),
            lines: Some(config.max_lines_per_message.unwrap_or(LINES_MAX).max(1)),
            ..config.answers.limits(config.streaming)
        },
        ack_scope: config.ack_reaction_scope,
        history_limit: history_within(config.history_limit, usual.history_limit),
        link_preview: config.suppress_embeds != Some(true),
        ..usual
    }
}
