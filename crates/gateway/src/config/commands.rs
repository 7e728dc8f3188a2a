//! `commands`: slash commands, and who the owners are. Shape: OpenClaw's section of the same name.

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

    pub(crate) fn owners(&self) -> AllowList {
        AllowList(self.owner_allow_from.texts())
    }
}
