//! Whether a list names a sender. What can't be understood names nobody.

use super::{AllowList, Facts};
use crate::inbound::Sender;

/// Before the name of a group of people that `accessGroups` defines.
const GROUP_PREFIX: &str = "accessGroup:";

/// Before an id, on every channel.
const USER_PREFIX: &str = "user";

/// Other words for a channel's id, as they stand in lists.
const CHANNEL_ALIASES: &[(&str, &str)] = &[("telegram", "tg")];

impl AllowList {
    /// Whether the list names the sender, by one of the forms that [`AllowList`] tells.
    pub fn names(&self, sender: &Sender, facts: Facts<'_>) -> bool {
        self.0.iter().any(|entry| entry.trim() == "*") || self.names_owner(sender, facts)
    }

    /// The same without `*`: an owner is somebody in particular.
    pub(super) fn names_owner(&self, sender: &Sender, facts: Facts<'_>) -> bool {
        self.0.iter().any(|entry| match entry.trim().strip_prefix(GROUP_PREFIX) {
            // One level only: a group in a group could be one in itself.
            Some(group) => (facts.access_groups)(group).iter().any(|member| is(member, sender, facts.channel)),
            None => is(entry, sender, facts.channel),
        })
    }
}

/// Whether the entry is this one person.
fn is(entry: &str, sender: &Sender, channel: &str) -> bool {
    let name = without_prefix(entry.trim(), channel);
    if let Some(username) = name.strip_prefix('@') {
        return !username.is_empty()
            && sender.username.as_ref().is_some_and(|own| own.to_lowercase() == username.to_lowercase());
    }
    !name.is_empty() && name == sender.id
}

/// Takes our own channel's prefix away. Another channel's stays, so that the entry matches nobody here.
fn without_prefix<'a>(entry: &'a str, channel: &str) -> &'a str {
    let Some((prefix, name)) = entry.split_once(':') else { return entry };
    let is_ours = prefix.eq_ignore_ascii_case(channel)
        || prefix.eq_ignore_ascii_case(USER_PREFIX)
        || CHANNEL_ALIASES.iter().any(|(id, alias)| *id == channel && prefix.eq_ignore_ascii_case(alias));
    if !is_ours {
        return entry;
    }
    // `discord:user:123` has two of them.
    match name.split_once(':') {
        Some((second, id)) if second.eq_ignore_ascii_case(USER_PREFIX) => id,
        _ => name,
    }
}
