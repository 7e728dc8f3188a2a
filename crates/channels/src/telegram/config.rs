//! One account's keys under `channels.telegram`, in OpenClaw's names. Only their shape: what they mean stands in `policy`.

use std::collections::BTreeMap;

use chela_config::{Ids, Secret};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::access::{ContextVisibility, DmPolicy, GroupPolicy, ToolRules};
use crate::keys::{AccountKeys, AnswerKeys, StreamingKeys};
use crate::policy::PreviewMode;

/// A Telegram bot.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TelegramConfig {
    #[serde(flatten)]
    #[expect(dead_code, reason = "in the schema, and read without the rest of the account by `section`")]
    pub(crate) account: AccountKeys,
    /// What `@BotFather` gave. The environment's `TELEGRAM_BOT_TOKEN` wins for the account `default`.
    pub(crate) bot_token: Option<Secret>,
    /// A file that holds the token and nothing else, where `botToken` is not set.
    pub(crate) token_file: Option<String>,
    /// Address of the Bot API; a server of your own, say. Default: `https://api.telegram.org`.
    pub(crate) api_base: Option<String>,
    /// Another name of `apiBase`.
    pub(crate) api_root: Option<String>,
    /// Who may write to the bot directly. Default: `pairing`.
    pub(crate) dm_policy: DmPolicy,
    /// People who may write directly: numeric ids (`123`, `tg:123`), `@names`, or `*`.
    pub(crate) allow_from: Option<Ids>,
    /// Whether the bot speaks in groups. Default: `allowlist`.
    pub(crate) group_policy: GroupPolicy,
    /// People who may speak to it in groups. Default: those of `allowFrom`.
    pub(crate) group_allow_from: Option<Ids>,
    /// Groups by id (`-100…`), or `*`. Under `groupPolicy: "allowlist"` no other group is heard.
    pub(crate) groups: Option<BTreeMap<String, GroupConfig>>,
    /// Whose messages in a group become context of a later turn, though nobody answers them. Default: `all`.
    pub(crate) context_visibility: ContextVisibility,
    /// Messages of a group that a turn gets as context, 200 at most; 0 for none. Default: 50.
    pub(crate) history_limit: Option<usize>,
    /// Longest message, in characters, 4096 at most. Default: 4000.
    #[schemars(range(min = 1))]
    pub(crate) text_chunk_limit: Option<usize>,
    /// How an answer shows before it is whole (`partial` where no key says it), and where it is cut.
    pub(crate) streaming: Option<Streaming>,
    #[serde(flatten)]
    pub(crate) answers: AnswerKeys,
    /// Previews of links. Default: true.
    pub(crate) link_preview: Option<bool>,
    /// `off` keeps the bot from reacting at all; the other levels allow it. Default: `minimal`.
    pub(crate) reaction_level: ReactionLevel,
    /// Further entries of the menu.
    pub(crate) custom_commands: Vec<CustomCommand>,
    /// Errors are told without a sound. Default: false.
    pub(crate) silent_error_replies: bool,
    /// Seconds that one call of the API may take, 30 at most. Default: 30.
    #[schemars(range(min = 1))]
    pub(crate) timeout_seconds: Option<u64>,
    /// Public HTTPS address of this gateway. With it Telegram calls in; without it the gateway polls.
    pub(crate) webhook_url: Option<String>,
    /// What Telegram shows with each call: letters, digits, `-` and `_`. Default: made from the token.
    pub(crate) webhook_secret: Option<Secret>,
    /// Path of the webhook on the gateway's port. Default: the path of `webhookUrl`; else one that is made from the token.
    pub(crate) webhook_path: Option<String>,
    /// What the bot may use.
    pub(crate) capabilities: Option<CapabilitiesConfig>,
    /// A proxy for this account alone. No effect in this version.
    #[schemars(extend("x-reload" = "none"))]
    pub(crate) proxy: Option<String>,
}

/// One group.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GroupConfig {
    /// `false` closes the group. Default: true.
    pub(crate) enabled: Option<bool>,
    /// Whether only messages that mention the bot, or reply to it, are answered. Default: true.
    pub(crate) require_mention: Option<bool>,
    /// People who may speak to the bot here.
    pub(crate) allow_from: Option<Ids>,
    /// Overrides the account's `groupPolicy` here.
    pub(crate) group_policy: Option<GroupPolicy>,
    /// Which of the agent's tools turns have here; only narrows. An entry of `toolsBySender` wins over it.
    pub(crate) tools: Option<ToolRules>,
    /// The same for single people, by id, `@username` or `*`: the first of them that names the sender, `*` last.
    pub(crate) tools_by_sender: BTreeMap<String, ToolRules>,
    /// Skills that may be used here. Default: all.
    pub(crate) skills: Option<Vec<String>>,
    /// Added to the instructions of turns here.
    pub(crate) system_prompt: Option<String>,
    /// Topics of a forum by id; `1` is the general one. Those that are not named are as the group.
    pub(crate) topics: Option<BTreeMap<String, TopicConfig>>,
}

/// One topic of a forum. What is left out is as in its group.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TopicConfig {
    /// `false` closes the topic. Default: true.
    pub(crate) enabled: Option<bool>,
    /// Whether only messages that mention the bot, or reply to it, are answered.
    pub(crate) require_mention: Option<bool>,
    /// People who may speak to the bot here.
    pub(crate) allow_from: Option<Ids>,
    /// Overrides `groupPolicy` here.
    pub(crate) group_policy: Option<GroupPolicy>,
    /// Which of the agent's tools turns have here; only narrows. An entry of `toolsBySender` wins over it.
    pub(crate) tools: Option<ToolRules>,
    /// The same for single people, by id, `@username` or `*`: the first of them that names the sender, `*` last.
    pub(crate) tools_by_sender: BTreeMap<String, ToolRules>,
    /// Skills that may be used here.
    pub(crate) skills: Option<Vec<String>>,
    /// Added to the instructions of turns here.
    pub(crate) system_prompt: Option<String>,
    /// The agent that answers here, whatever the bindings say.
    pub(crate) agent_id: Option<String>,
}

/// `streaming`: an object, or its mode alone.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Streaming {
    Mode(PreviewMode),
    /// `true` is `partial`.
    Switch(bool),
    Detailed(StreamingKeys),
}

/// How freely the bot reacts with emoji.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReactionLevel {
    Off,
    Ack,
    #[default]
    Minimal,
    Extensive,
}

/// An entry of the menu that stands for a skill or a habit: choosing it sends its name.
#[derive(Debug, Clone, Hash, Deserialize, JsonSchema)]
pub(crate) struct CustomCommand {
    /// Lowercase letters, digits and `_`, 32 at most.
    pub(crate) command: String,
    /// What people read beside it.
    pub(crate) description: String,
}

/// `capabilities`: an object, or a list of names.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum CapabilitiesConfig {
    Detailed(CapabilityScopes),
    Names(Vec<String>),
}

#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CapabilityScopes {
    /// Where answers may carry buttons. Default: `allowlist`.
    pub(crate) inline_buttons: Option<ButtonScope>,
}

/// Where answers may carry buttons. Pressing one is a message like any other, so the access rules hold for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ButtonScope {
    Off,
    Dm,
    Group,
    All,
    /// Everywhere, for the people who may speak there.
    #[default]
    Allowlist,
}

impl TelegramConfig {
    /// The written address of the API.
    pub(crate) fn base(&self) -> Option<&str> {
        self.api_base.as_deref().or(self.api_root.as_deref()).map(str::trim).filter(|base| !base.is_empty())
    }

    /// `streaming` as an object, whatever its form.
    pub(crate) fn streaming(&self) -> StreamingKeys {
        let mode = |mode| StreamingKeys { mode: Some(mode), ..StreamingKeys::default() };
        match self.streaming {
            Some(Streaming::Mode(written)) => mode(written),
            Some(Streaming::Switch(true)) => mode(PreviewMode::Partial),
            Some(Streaming::Switch(false)) => mode(PreviewMode::Off),
            Some(Streaming::Detailed(keys)) => keys,
            None => StreamingKeys::default(),
        }
    }

    pub(crate) fn buttons(&self) -> ButtonScope {
        match &self.capabilities {
            None => ButtonScope::default(),
            Some(CapabilitiesConfig::Detailed(scopes)) => scopes.inline_buttons.unwrap_or_default(),
            // The list of names is the older shape, where buttons had to be asked for.
            Some(CapabilitiesConfig::Names(names)) if names.iter().any(|name| name == "inlineButtons") => {
                ButtonScope::All
            }
            Some(CapabilitiesConfig::Names(_)) => ButtonScope::Off,
        }
    }
}
