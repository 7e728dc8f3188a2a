//! `accessGroups`: people of several channels under one name, for `accessGroup:<name>` in lists of who may speak.

use std::collections::BTreeMap;

use chela_config::Ids;
use schemars::JsonSchema;
use serde::Deserialize;

/// Groups by name.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct AccessGroups(BTreeMap<String, AccessGroup>);

/// One group.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessGroup {
    /// `message.senders`, or absent: the group names people. A group of another type has no members here.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Ids by channel; those under `*` count on every channel.
    pub members: BTreeMap<String, Ids>,
}

impl AccessGroups {
    /// The members of a group on one channel. An unknown group has none.
    pub(crate) fn members(&self, name: &str, channel: &str) -> Vec<String> {
        let Some(group) = self.0.get(name) else { return Vec::new() };
        if group.kind.as_deref().is_some_and(|kind| kind != "message.senders") {
            return Vec::new();
        }
        ["*", channel].iter().filter_map(|key| group.members.get(*key)).flat_map(Ids::texts).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_group_has_members_by_channel_and_for_all() {
        let groups: AccessGroups = serde_json::from_value(json!({
            "team": { "type": "message.senders", "members": { "*": ["all"], "telegram": [123], "discord": ["9"] } },
            "audience": { "type": "discord.channelAudience", "members": { "discord": ["9"] } },
        }))
        .unwrap();
        assert_eq!(groups.members("team", "telegram"), ["all", "123"]);
        assert_eq!(groups.members("team", "signal"), ["all"]);
        assert_eq!(groups.members("audience", "discord"), Vec::<String>::new());
        assert_eq!(groups.members("nobody", "discord"), Vec::<String>::new());
    }
}
