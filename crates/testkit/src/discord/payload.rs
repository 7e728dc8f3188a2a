//! The JSON shapes of the platform (API v10), as its documentation and its servers write them: REST leaves out what only
//! the gateway tells (`guild_id`, `member`, the nonce), and the other way round.

use serde_json::{Map, Value, json};

use super::world::{
    BotAccess, ChannelShape, DiscordFile, DiscordInteraction, DiscordMessage, DiscordUser, Guild, Member, Place, Role,
    Snowflake, World, timestamp,
};

/// The permissions of everybody: see channels, write, embed, attach, read history, react, use commands, write in threads, send
/// recorded speech.
pub(super) const EVERYBODY_MAY: u64 =
    1 << 10 | 1 << 11 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 6 | 1 << 31 | 1 << 38 | 1 << 46;
/// What a read-only channel takes away.
const WRITING: u64 = 1 << 11 | 1 << 6 | 1 << 15 | 1 << 38;
const VIEWING: u64 = 1 << 10;
/// Largest file of an interaction's answer, in bytes.
const INTERACTION_UPLOAD_MAX: u64 = 10 * 1024 * 1024;

/// How a message is shown to one reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// By REST, with or without the content of messages that are not for the bot.
    Rest { reads_content: bool },
    /// By the gateway, likewise.
    Gateway { reads_content: bool },
}

impl World {
    pub(super) fn user_json(&self, id: Snowflake) -> Value {
        match self.users.get(&id) {
            Some(user) => user_json(user),
            None => json!({"id": id, "username": "deleted_user", "discriminator": "0000", "avatar": null}),
        }
    }

    /// The bot as it sees itself.
    pub(super) fn myself_json(&self) -> Value {
        let mut user = self.user_json(self.bot);
        user["mfa_enabled"] = json!(true);
        user["verified"] = json!(true);
        user["email"] = Value::Null;
        user["flags"] = json!(0);
        user["bio"] = json!("");
        user
    }

    fn member_with_user_json(&self, guild: &Guild, user: Snowflake) -> Value {
        let mut member = member_json(guild, user);
        member["user"] = self.user_json(user);
        member
    }

    pub(super) fn full_member_json(&self, guild: &Guild, user: Snowflake) -> Option<Value> {
        guild.members.contains_key(&user).then(|| self.member_with_user_json(guild, user))
    }

    pub(super) fn place_json(&self, place: &Place) -> Value {
        let last = self.visible(place.id).next_back().map(|message| message.id);
        let mut channel = json!({"id": place.id, "type": place.shape as u8, "flags": 0});
        match place.shape {
            ChannelShape::Direct => {
                channel["last_message_id"] = json!(last);
                channel["recipients"] = json!([self.user_json(place.recipient.unwrap_or_default())]);
                return channel;
            }
            ChannelShape::Text => channel["last_message_id"] = json!(last),
            ChannelShape::Forum => channel["available_tags"] = json!([]),
            ChannelShape::Thread => {
                channel["last_message_id"] = json!(last);
                channel["owner_id"] = json!(self.bot);
                channel["message_count"] = json!(self.visible(place.id).count());
                channel["total_message_sent"] = json!(self.visible(place.id).count());
                channel["member_count"] = json!(2);
                channel["thread_metadata"] = json!({
                    "archived": false, "archive_timestamp": place.id.timestamp(), "auto_archive_duration": 1440,
                    "locked": false, "create_timestamp": place.id.timestamp(),
                });
            }
        }
        channel["guild_id"] = json!(place.guild);
        channel["name"] = json!(place.name);
        channel["parent_id"] = json!(place.parent);
        channel["rate_limit_per_user"] = json!(0);
        if place.shape != ChannelShape::Thread {
            channel["topic"] = Value::Null;
            channel["position"] = json!(0);
            channel["nsfw"] = json!(false);
            channel["permission_overwrites"] = json!(overwrites(place));
        }
        channel
    }

    /// A server as the gateway brings it: with its channels, which do not name it again.
    pub(super) fn guild_create_json(&self, guild: &Guild) -> Value {
        let seen = |place: &&Place| place.guild == Some(guild.id) && self.access(place) != BotAccess::Hidden;
        let places = |threads: bool| -> Vec<Value> {
            let of_kind = |place: &&Place| (place.shape == ChannelShape::Thread) == threads;
            let mut list: Vec<Value> =
                self.places.values().filter(seen).filter(of_kind).map(|place| self.place_json(place)).collect();
            for place in &mut list {
                place.as_object_mut().and_then(|place| place.shift_remove("guild_id"));
            }
            list
        };
        let mut json = guild_json(guild);
        json["joined_at"] = json!(guild.id.timestamp());
        json["large"] = json!(false);
        json["unavailable"] = json!(false);
        json["member_count"] = json!(guild.members.len());
        json["channels"] = json!(places(false));
        json["threads"] = json!(places(true));
        // Without the members' intent the bot is the only member that it is told of.
        json["members"] = json!([self.member_with_user_json(guild, self.bot)]);
        for name in ["presences", "voice_states", "stage_instances", "guild_scheduled_events", "soundboard_sounds"] {
            json[name] = json!([]);
        }
        json
    }

    pub(super) fn message_json(&self, message: &DiscordMessage, sight: Sight, files: &str) -> Value {
        let mut json = self.bare_message_json(message, sight, files);
        if let Some(quoted) = message.reply_to {
            let guild = self.places.get(&message.channel).and_then(|place| place.guild);
            json["message_reference"] = json!({"type": 0, "channel_id": message.channel, "message_id": quoted});
            if let Some(guild) = guild {
                json["message_reference"]["guild_id"] = json!(guild);
            }
            let quoted = self.messages.get(&quoted).map(|quoted| self.bare_message_json(quoted, sight, files));
            json["referenced_message"] = json!(quoted);
        }
        if let (Sight::Gateway { .. }, Some(nonce)) = (sight, &message.nonce) {
            json["nonce"] = nonce.clone();
        }
        let place = self.places.get(&message.channel);
        if let (Sight::Gateway { .. }, Some(place)) = (sight, place) {
            // By this alone a client knows the chat of a person whom it never wrote to.
            json["channel_type"] = json!(place.shape as u8);
        }
        let guild = place.and_then(|place| self.guilds.get(&place.guild?));
        if let (Sight::Gateway { .. }, Some(guild)) = (sight, guild) {
            json["guild_id"] = json!(guild.id);
            if message.webhook.is_none() {
                json["member"] = member_json(guild, message.author);
            }
        }
        json
    }

    fn bare_message_json(&self, message: &DiscordMessage, sight: Sight, files: &str) -> Value {
        let (Sight::Rest { reads_content } | Sight::Gateway { reads_content }) = sight;
        let shown = reads_content || self.is_for_bot(message);
        let attachment = |file: &DiscordFile| file_json(message.channel, file, files);
        let attachments: Vec<Value> = message.attachments.iter().filter(|_| shown).map(attachment).collect();
        let mut json = json!({
            "id": message.id, "channel_id": message.channel, "type": message.kind,
            "author": self.user_json(message.author),
            "content": if shown { message.content.as_str() } else { "" },
            "timestamp": message.id.timestamp(), "edited_timestamp": message.edited_at_ms.map(timestamp),
            "tts": false, "mention_everyone": message.pings_everyone, "mention_roles": message.role_mentions, "pinned": false,
            "mentions": message.mentions.iter().map(|id| self.user_json(*id)).collect::<Vec<_>>(),
            "attachments": attachments, "flags": message.flags,
            "embeds": if shown { message.embeds.as_slice() } else { &[] },
            "components": if shown { message.components.as_slice() } else { &[] },
        });
        if !message.reactions.is_empty() {
            json["reactions"] = json!(self.reactions_json(message));
        }
        if !message.stickers.is_empty() {
            let sticker = |name: &String| json!({"id": message.id, "name": name, "format_type": 1});
            json["sticker_items"] = json!(message.stickers.iter().map(sticker).collect::<Vec<_>>());
        }
        if let Some(webhook) = message.webhook {
            json["webhook_id"] = json!(webhook);
        }
        if let Some(interaction) = message.interaction.and_then(|id| self.interactions.get(&id)) {
            json["application_id"] = json!(self.application);
            json["webhook_id"] = json!(self.application);
            json["interaction_metadata"] = json!({
                "id": interaction.id, "type": interaction.kind, "user": self.user_json(interaction.user),
                "authorizing_integration_owners": {"0": self.owner_of(interaction.channel)},
            });
        }
        json
    }

    /// Whether a bot may read it without the privilege: its own, a direct one, or one that names it.
    fn is_for_bot(&self, message: &DiscordMessage) -> bool {
        let direct = self.places.get(&message.channel).is_some_and(|place| place.shape == ChannelShape::Direct);
        direct || message.author == self.bot || message.mentions.contains(&self.bot)
    }

    fn reactions_json(&self, message: &DiscordMessage) -> Vec<Value> {
        let mut seen: Vec<&str> = Vec::new();
        for (emoji, _) in &message.reactions {
            if !seen.contains(&emoji.as_str()) {
                seen.push(emoji);
            }
        }
        let count = |emoji: &str| message.reactions.iter().filter(|(name, _)| name == emoji).count();
        let mine = |emoji: &str| message.reactions.iter().any(|(name, user)| name == emoji && *user == self.bot);
        let reaction = |emoji: &str| {
            json!({
                "emoji": emoji_json(emoji), "count": count(emoji), "me": mine(emoji), "me_burst": false,
                "count_details": {"burst": 0, "normal": count(emoji)}, "burst_colors": [],
            })
        };
        seen.into_iter().map(reaction).collect()
    }

    /// The event of an interaction, without its `data` and `message`.
    pub(super) fn interaction_json(&self, interaction: &DiscordInteraction) -> Map<String, Value> {
        let place = &self.places[&interaction.channel];
        let mut json = json!({
            "id": interaction.id, "application_id": self.application, "type": interaction.kind,
            "token": interaction.token, "version": 1, "channel_id": place.id, "channel": self.place_json(place),
            "app_permissions": EVERYBODY_MAY.to_string(), "locale": "en-US", "entitlements": [],
            "attachment_size_limit": INTERACTION_UPLOAD_MAX,
            "authorizing_integration_owners": {"0": self.owner_of(place.id)},
            "context": u8::from(place.guild.is_none()),
        });
        match place.guild.and_then(|guild| self.guilds.get(&guild)) {
            Some(guild) => {
                let mut member = self.member_with_user_json(guild, interaction.user);
                member["permissions"] = json!(EVERYBODY_MAY.to_string());
                json["member"] = member;
                json["guild_id"] = json!(guild.id);
                json["guild"] = json!({"id": guild.id, "features": [], "locale": "en-US"});
                json["guild_locale"] = json!("en-US");
            }
            None => json["user"] = self.user_json(interaction.user),
        }
        match json {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    /// Who installed the bot where this channel is: the server, or nobody in particular.
    fn owner_of(&self, channel: Snowflake) -> String {
        let guild = self.places.get(&channel).and_then(|place| place.guild);
        guild.map_or_else(|| "0".to_owned(), |guild| guild.to_string())
    }
}

/// A server by REST.
pub(super) fn guild_json(guild: &Guild) -> Value {
    let role = |role: &Role| {
        let mut json = json!({
            "id": role.id, "name": role.name, "permissions": role.permissions.to_string(), "position": 0, "color": 0,
            "colors": {"primary_color": 0, "secondary_color": null, "tertiary_color": null}, "hoist": false,
            "managed": role.of_bot.is_some(), "mentionable": false, "flags": 0, "icon": null, "unicode_emoji": null,
        });
        if let Some(bot) = role.of_bot {
            json["tags"] = json!({"bot_id": bot});
        }
        json
    };
    json!({
        "id": guild.id, "name": guild.name, "icon": null, "splash": null, "discovery_splash": null,
        "owner_id": guild.owner, "afk_channel_id": null, "afk_timeout": 300, "verification_level": 0,
        "default_message_notifications": 0, "explicit_content_filter": 0,
        "roles": guild.roles.iter().map(role).collect::<Vec<_>>(), "emojis": [], "features": [], "mfa_level": 0,
        "application_id": null, "system_channel_id": null, "system_channel_flags": 0, "rules_channel_id": null,
        "max_members": 500_000, "vanity_url_code": null, "description": null, "banner": null, "premium_tier": 0,
        "premium_subscription_count": 0, "preferred_locale": "en-US", "public_updates_channel_id": null,
        "nsfw_level": 0, "stickers": [], "premium_progress_bar_enabled": false, "safety_alerts_channel_id": null,
        "widget_enabled": false, "widget_channel_id": null,
    })
}

/// An emoji as reactions carry it: a sign, or `name:id` of a server's own.
pub(super) fn emoji_json(emoji: &str) -> Value {
    match emoji.split_once(':') {
        Some((name, id)) => json!({"id": id, "name": name, "animated": false}),
        None => json!({"id": null, "name": emoji}),
    }
}

/// The address of a file: as on the real servers it only works with its signature.
pub(super) fn file_path(channel: Snowflake, file: &DiscordFile) -> String {
    format!("/attachments/{channel}/{}/{}?ex=ffffffff&is=00000000&hm={:x}", file.id, file.name, file.id.0)
}

fn file_json(channel: Snowflake, file: &DiscordFile, files: &str) -> Value {
    let url = format!("{files}{}", file_path(channel, file));
    let mut json = json!({
        "id": file.id, "filename": file.name, "size": file.claimed_size, "url": url, "proxy_url": url,
    });
    if let Some(mime) = &file.mime {
        json["content_type"] = json!(mime);
    }
    if let Some(seconds) = file.duration_secs {
        json["duration_secs"] = json!(seconds);
        json["waveform"] = json!("AAAA");
    }
    if let Some(description) = &file.description {
        json["description"] = json!(description);
    }
    json
}

fn user_json(user: &DiscordUser) -> Value {
    let mut json = json!({
        "id": user.id, "username": user.username, "discriminator": if user.is_bot { "0042" } else { "0" },
        "global_name": user.display_name, "avatar": null, "avatar_decoration_data": null, "banner": null,
        "accent_color": null, "public_flags": 0,
    });
    if user.is_bot {
        json["bot"] = json!(true);
    }
    json
}

fn overwrites(place: &Place) -> Vec<Value> {
    let denied = match place.access {
        BotAccess::Full => return Vec::new(),
        BotAccess::ReadOnly => WRITING,
        BotAccess::Hidden => VIEWING,
    };
    // The role of everybody has the server's own id.
    vec![json!({"id": place.guild, "type": 0, "allow": "0", "deny": denied.to_string()})]
}

fn member_json(guild: &Guild, user: Snowflake) -> Value {
    let member = guild.members.get(&user).cloned().unwrap_or_default();
    let Member { nick, roles } = member;
    json!({
        "avatar": null, "banner": null, "communication_disabled_until": null, "deaf": false, "flags": 0,
        "joined_at": guild.id.timestamp(), "mute": false, "nick": nick, "pending": false, "premium_since": null,
        "roles": roles,
    })
}
