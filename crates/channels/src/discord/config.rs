//! One account's keys under `channels.discord`, in OpenClaw's shapes: the flat ones of its January 2026 release and the grouped
//! ones of later releases. Reads only; what the keys mean is decided in `policy`.

use std::collections::BTreeMap;

use chela_config::{Ids, Secret};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::access::{ContextVisibility, DmPolicy, GroupPolicy, ToolRules};
use crate::keys::{AccountKeys, AnswerKeys, StreamingKeys};
use crate::policy::{AckScope, ReactionNotice};

/// A login as a Discord bot.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-reload" = "hot"))]
pub(super) struct DiscordConfig {
    #[serde(flatten)]
    #[expect(dead_code, reason = "in the schema, and read without the rest of the account by `section`")]
    pub(super) account: AccountKeys,
    /// The bot's token, from the page "Bot" of the Developer Portal. `DISCORD_BOT_TOKEN` wins over it.
    pub(super) token: Option<Secret>,
    /// Address of the REST API, with or without its version. Default: `https://discord.com/api/v10`.
    pub(super) api_base: Option<String>,
    /// Address of the gateway. Default: `wss://gateway.discord.gg`.
    pub(super) gateway_url: Option<String>,
    /// Who may write directly. Default: `pairing`.
    pub(super) dm_policy: Option<DmPolicy>,
    /// People who may write directly: user ids, `@username`, `*`.
    pub(super) allow_from: Option<Ids>,
    pub(super) dm: DmConfig,
    /// Whether the bot listens in servers at all. Default: `allowlist`, which means those under `guilds`.
    pub(super) group_policy: Option<GroupPolicy>,
    /// Servers by id, by name or as `*`.
    pub(super) guilds: Option<BTreeMap<String, GuildConfig>>,
    /// Whether other bots are answered: `true`, `false`, or `mentions`. Default: false.
    pub(super) allow_bots: Option<AllowBots>,
    pub(super) bot_loop_protection: LoopConfig,
    /// Whose messages in a channel become context of a later turn, though nobody answers them. Default: `all`.
    pub(super) context_visibility: Option<ContextVisibility>,
    /// Earlier messages of a channel that a turn gets as context, 200 at most; 0 for none. Default: 20.
    pub(super) history_limit: Option<usize>,
    /// Most characters in one message. Default and maximum: 2000.
    #[schemars(range(min = 1))]
    pub(super) text_chunk_limit: Option<usize>,
    /// A message is cut before it gets longer than this, since Discord folds long ones. Default: 17.
    #[schemars(range(min = 1))]
    pub(super) max_lines_per_message: Option<usize>,
    #[serde(flatten)]
    pub(super) answers: AnswerKeys,
    /// Sends finished paragraphs as messages of their own, like `streaming.mode: "block"`. Default: false.
    pub(super) block_streaming: Option<bool>,
    /// How an answer shows while it grows (`off` where no key says it), and where it is cut.
    pub(super) streaming: StreamingKeys,
    /// Where `ackReaction` is put on a message. Default: `messages.ackReactionScope`.
    pub(super) ack_reaction_scope: Option<AckScope>,
    pub(super) slash_command: SlashCommandConfig,
    pub(super) intents: IntentsConfig,
    /// What the bot is doing, under its name.
    pub(super) activity: Option<String>,
    /// 0 playing, 1 streaming, 2 listening, 3 watching, 4 custom, 5 competing. Default: 4.
    #[schemars(range(min = 0, max = 5))]
    pub(super) activity_type: Option<u8>,
    /// Address of the stream, for type 1.
    pub(super) activity_url: Option<String>,
    /// The dot at the bot's picture. Default: `online`.
    pub(super) status: Option<OnlineStatus>,
    /// Shows no previews of links. Default: false.
    pub(super) suppress_embeds: Option<bool>,
    pub(super) thread: ThreadConfig,
}

/// `dm`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DmConfig {
    /// `false` refuses direct messages. Default: true.
    pub(super) enabled: Option<bool>,
    /// Former place of `dmPolicy`, which wins.
    pub(super) policy: Option<DmPolicy>,
    /// Former place of `allowFrom`, which wins.
    pub(super) allow_from: Option<Ids>,
    /// Whether the bot listens in group chats outside servers. Default: false.
    pub(super) group_enabled: Option<bool>,
    /// Those group chats; all of them where absent.
    pub(super) group_channels: Option<Ids>,
}

/// `guilds.<server>`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct GuildConfig {
    /// Another name of the server, for people.
    pub(super) slug: Option<String>,
    /// Whether the bot answers only when it is mentioned. Default: true.
    pub(super) require_mention: Option<bool>,
    /// Ignores messages that mention somebody else and not the bot. Default: false.
    pub(super) ignore_other_mentions: Option<bool>,
    /// Which reactions of people the agent is told of, for this server. No effect in this version.
    #[schemars(extend("x-reload" = "none"))]
    pub(super) reaction_notifications: Option<ReactionNotice>,
    /// The only people who are answered, with those of `roles`.
    pub(super) users: Option<Ids>,
    /// Ids of roles whose holders are answered.
    pub(super) roles: Option<Ids>,
    /// Which of the agent's tools turns have here; only narrows. An entry of `toolsBySender` wins over it.
    pub(super) tools: Option<ToolRules>,
    /// The same for single people, by id, `@username` or `*`: the first of them that names the sender, `*` last.
    pub(super) tools_by_sender: BTreeMap<String, ToolRules>,
    /// Channels by id, by name or as `*`. Where it is present, no other channel of the server is answered.
    pub(super) channels: Option<BTreeMap<String, GuildChannelConfig>>,
}

/// `guilds.<server>.channels.<channel>`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct GuildChannelConfig {
    /// `false` closes the channel. Default: true.
    pub(super) allow: Option<bool>,
    /// The same, in the words of later releases.
    pub(super) enabled: Option<bool>,
    /// As in the server.
    pub(super) require_mention: Option<bool>,
    /// As in the server.
    pub(super) ignore_other_mentions: Option<bool>,
    /// As in the server.
    pub(super) users: Option<Ids>,
    /// As in the server.
    pub(super) roles: Option<Ids>,
    /// Which of the agent's tools turns have here; only narrows. An entry of `toolsBySender` wins over it.
    pub(super) tools: Option<ToolRules>,
    /// The same for single people, by id, `@username` or `*`: the first of them that names the sender, `*` last.
    pub(super) tools_by_sender: BTreeMap<String, ToolRules>,
    /// The only skills that are offered here.
    pub(super) skills: Option<Vec<String>>,
    /// Added to the agent's instructions here.
    pub(super) system_prompt: Option<String>,
    /// The agent that answers here.
    pub(super) agent_id: Option<String>,
}

/// `allowBots`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum AllowBots {
    Whether(bool),
    Which(WhichBots),
}

/// Bots that are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum WhichBots {
    /// Those that mention us.
    Mentions,
}

/// `botLoopProtection`: two bots that answer each other are stopped.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LoopConfig {
    /// Default: true.
    pub(super) enabled: Option<bool>,
    /// Messages of bots within the window that are answered. Default: 20.
    #[schemars(range(min = 1))]
    pub(super) max_events_per_window: Option<u32>,
    /// Default: 60.
    #[schemars(range(min = 1))]
    pub(super) window_seconds: Option<u64>,
    /// How long bots are ignored then. Default: 60.
    #[schemars(range(min = 1))]
    pub(super) cooldown_seconds: Option<u64>,
}

/// `slashCommand`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SlashCommandConfig {
    /// Only the person who gave the command sees its answer. Default: true.
    pub(super) ephemeral: Option<bool>,
}

/// `intents`: what Discord is asked to tell. Each has its switch in the Developer Portal as well.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct IntentsConfig {
    /// The text of messages that do not mention the bot. Default: true.
    pub(super) message_content: Option<bool>,
    /// Who is online. Default: false.
    pub(super) presence: Option<bool>,
    /// Who joins and leaves. Default: false.
    pub(super) guild_members: Option<bool>,
}

/// `status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum OnlineStatus {
    #[default]
    Online,
    Dnd,
    Idle,
    Invisible,
}

/// `thread`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ThreadConfig {
    /// Whether a new thread's session begins with that of its channel. Default: false. No effect in this version.
    #[schemars(extend("x-reload" = "none"))]
    pub(super) inherit_parent: Option<bool>,
}
