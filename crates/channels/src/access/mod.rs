//! Who may speak to the assistant, where, and when a message is meant for it. Pure: rules and a message in, a verdict out.
//!
//! Rules are each channel's own configuration in one common shape. Whatever can't be read closes what it was to guard.

mod decide;
mod list;
mod loops;
mod mention;
mod place;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use decide::{decide, shows_quote};
pub use loops::{LoopGuard, LoopVerdict};
pub use mention::{BadPattern, MentionPatterns};

/// The rules of one account. The default answers nobody but people who were paired.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessRules {
    pub dm: DmPolicy,
    /// Who may write directly (`allowFrom`).
    pub allow_from: AllowList,
    pub groups: GroupPolicy,
    /// Who may speak in groups under `allowlist`, where the group's own rule names nobody (`groupAllowFrom`). Empty: everybody in a
    /// group that `places` lists, and nobody elsewhere.
    pub group_allow_from: AllowList,
    /// Groups that have rules of their own, from the outside in. `Some` makes it a list of all allowed groups where the policy is
    /// `allowlist`.
    pub places: Option<Vec<Place>>,
    /// Where no place says otherwise.
    pub require_mention: bool,
    pub context: ContextVisibility,
    pub bots: BotRule,
    pub loop_protection: LoopProtection,
}

/// `dmPolicy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DmPolicy {
    /// Strangers get a code that the owner approves.
    #[default]
    Pairing,
    Allowlist,
    /// Everybody whom `allowFrom` names; it must hold `*` to mean everybody.
    Open,
    Disabled,
}

/// `groupPolicy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GroupPolicy {
    Open,
    #[default]
    Allowlist,
    Disabled,
}

/// Whose messages in a group become context of a later turn, though nobody answers them (`contextVisibility`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContextVisibility {
    /// Everybody's.
    #[default]
    All,
    /// Those of people who may speak there; what one of them quotes of somebody else is left out.
    Allowlist,
    /// The same, but what a person quotes is kept whoever said it.
    AllowlistQuote,
}

/// People by id, `@username`, `*`, or `accessGroup:<name>`; an id may carry its channel (`telegram:123`, `tg:123`, `user:123`).
/// Names without `@`, patterns and empty entries match nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList(pub Vec<String>);

/// One step of a place with rules of its own; what is `None` is inherited from the step around it. Of several in a list the one
/// with the id wins over the one with the name, and that over `*`; they are not put together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place {
    /// Id, name or `*`.
    pub name: String,
    /// `enabled: false` or `allow: false`, which closes everything inside as well.
    pub allowed: Option<bool>,
    pub require_mention: Option<bool>,
    pub ignore_other_mentions: Option<bool>,
    pub policy: Option<GroupPolicy>,
    pub users: Option<AllowList>,
    pub roles: Option<Vec<String>>,
    pub skills: Option<Vec<String>>,
    pub tools: Option<ToolRules>,
    /// By id, `@username` or `*`, each with the forms of [`AllowList`].
    pub tools_by_sender: BTreeMap<String, ToolRules>,
    pub system_prompt: Option<String>,
    /// The agent that answers here, before all bindings.
    pub agent: Option<String>,
    /// `Some` makes it a list: an inner place that it doesn't name is not allowed. With a `*` in it, every inner place is.
    pub places: Option<Vec<Place>>,
}

/// Which of an agent's tools a turn has. They only narrow: what the agent lacks, nobody gets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ToolRules {
    /// If not empty, only these (names, groups as `group:fs`, or `*`). Default: `[]`.
    pub allow: Vec<String>,
    /// Added to `allow`. Default: `[]`.
    pub also_allow: Vec<String>,
    /// Taken away; wins. Default: `[]`.
    pub deny: Vec<String>,
}

/// `allowBots`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BotRule {
    #[default]
    Ignore,
    /// Only those that mention us.
    Mentions,
    Allow,
}

/// `botLoopProtection`: two bots that talk to each other are stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopProtection {
    pub enabled: bool,
    pub max_events: u32,
    pub window_secs: u64,
    pub cooldown_secs: u64,
}

/// Facts from outside the rules.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The kind's id: whose prefix the entries of lists may carry.
    pub channel: &'a str,
    /// Senders who were approved by a pairing code on this channel and account.
    pub paired: &'a dyn Fn(&str) -> bool,
    /// Members of `accessGroups.<name>` on this channel.
    pub access_groups: &'a dyn Fn(&str) -> Vec<String>,
    /// Whether the text calls us by a configured pattern.
    pub called_by_name: bool,
    /// `/activation` of the session: `Some(true)` answers without a mention, `Some(false)` asks for one whatever the place says.
    pub always_active: Option<bool>,
    /// `commands.ownerAllowFrom`, for this channel. `*` makes nobody an owner.
    pub owners: &'a AllowList,
    /// `tools.toolsBySender`: holds at every place, besides the place's own rules.
    pub tools_by_sender: &'a BTreeMap<String, ToolRules>,
}

/// What is to happen with a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It is answered.
    Answer(Granted),
    /// Not meant for us, but said where we listen: context for a later turn.
    Overheard,
    /// A stranger who gets a pairing code.
    Pair,
    /// Nothing at all. The reason is for the debug log.
    Ignore(&'static str),
}

/// What an answer is given with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Granted {
    pub is_owner: bool,
    pub was_mentioned: bool,
    pub skills: Option<Vec<String>>,
    /// Every rule holds.
    pub tools: Vec<ToolRules>,
    pub system_prompt: Option<String>,
    pub agent: Option<String>,
}

impl Default for AccessRules {
    fn default() -> Self {
        Self {
            dm: DmPolicy::default(),
            allow_from: AllowList::default(),
            groups: GroupPolicy::default(),
            group_allow_from: AllowList::default(),
            places: None,
            require_mention: true,
            context: ContextVisibility::default(),
            bots: BotRule::default(),
            loop_protection: LoopProtection::default(),
        }
    }
}

impl Default for LoopProtection {
    fn default() -> Self {
        Self { enabled: true, max_events: 20, window_secs: 60, cooldown_secs: 60 }
    }
}
