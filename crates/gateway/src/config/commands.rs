//! `commands`: slash commands, and who the owners are. Shape: OpenClaw's section of the same name.

use std::collections::BTreeMap;

use chela_channels::access::AllowList;
use chela_config::Ids;
use schemars::JsonSchema;
use serde::Deserialize;

/// Slash commands on channels, and who may use those of the owner.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CommandsConfig {
    /// `false` treats typed commands (`/status`) on channels as plain text; those of the platform's own menu still work. Default:
    /// true.
    pub text: Option<bool>,
    /// `false` registers no commands in the platforms' menus. Default: `auto`, which registers them.
    #[schemars(extend("x-reload" = "restart"))]
    pub native: Option<NativeCommands>,
    /// Allows `/config`, by which owners read and change this file in a chat. Default: false.
    pub config: Option<bool>,
    /// Allows `/debug`, by which owners put settings over this file until the next start. Default: false.
    pub debug: Option<bool>,
    /// `false` refuses `/restart` of owners. Default: true.
    pub restart: Option<bool>,
    /// Who may use commands and settings in messages on a channel: `{"telegram": ["123"], "*": ["discord:456"]}`. A channel's own list
    /// stands instead of that of `*`. Owners always may. Default: everybody who may speak.
    pub allow_from: BTreeMap<String, Ids>,
    /// The owners, by id: `123`, `telegram:123`, `discord:456`. They may write everywhere but where direct messages are off, and
    /// use the owner's commands. People who were approved first by a pairing code are owners as well.
    pub owner_allow_from: Ids,
}

/// `commands.native`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum NativeCommands {
    Switch(bool),
    Auto(Auto),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Auto {
    Auto,
}

impl CommandsConfig {
    /// Whether a typed command is one.
    pub(crate) fn are_typed(&self) -> bool {
        self.text != Some(false)
    }

    /// Whether platforms list the commands.
    pub(crate) fn are_native(&self) -> bool {
        self.native != Some(NativeCommands::Switch(false))
    }

    /// Who may use commands on a channel; `None`: everybody who may speak.
    pub(crate) fn users(&self, channel: &str) -> Option<AllowList> {
        let listed = self.allow_from.get(channel).or_else(|| self.allow_from.get("*"));
        match listed {
            Some(ids) => Some(AllowList(ids.texts())),
            None if self.allow_from.is_empty() => None,
            None => Some(AllowList::default()),
        }
    }

    pub(crate) fn owners(&self) -> AllowList {
        AllowList(self.owner_allow_from.texts())
    }
}
