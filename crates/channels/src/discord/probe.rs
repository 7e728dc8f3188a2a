//! Asks Discord who we are and what is missing: intents, and permissions by server.

use serde::Deserialize;

use super::api::Call;
use super::bot::Shared;
use super::failure::{Doing, explain};
use super::wire::Application;
use crate::channel::Probe;
use crate::outbound::SendError;

/// Flags of an application: an intent is granted to a verified bot, or (limited) to one in fewer than a hundred servers.
const PRESENCE: u64 = 1 << 12 | 1 << 13;
const MEMBERS: u64 = 1 << 14 | 1 << 15;
const MESSAGE_CONTENT: u64 = 1 << 18 | 1 << 19;

/// Permissions that answers need, as people find them in a server's settings.
const NEEDED: &[(u64, &str)] = &[
    (1 << 10, "View Channel"),
    (1 << 11, "Send Messages"),
    (1 << 38, "Send Messages in Threads"),
    (1 << 16, "Read Message History"),
    (1 << 6, "Add Reactions"),
    (1 << 15, "Attach Files"),
    (1 << 14, "Embed Links"),
];

/// Has every permission.
const ADMINISTRATOR: u64 = 1 << 3;

/// Servers that are looked at; more would make a list that nobody reads.
const GUILDS_MAX: &str = "100";

/// A server as it lists us.
#[derive(Debug, Deserialize)]
struct OurGuild {
    name: String,
    /// A bit field, as text.
    #[serde(default)]
    permissions: String,
}

pub(super) async fn probe(shared: &Shared) -> Result<Probe, SendError> {
    let place = "Discord";
    let us = shared.ask_who_we_are().await.map_err(|failure| explain(failure, place, Doing::Look))?;
    let mut probe = Probe { identity: us.name, ..Probe::default() };
    // What follows is worth less than the answer above; a failure leaves it out.
    if let Ok(application) = shared.rest.ask::<Application>(Call::get(&["applications", "@me"])).await {
        probe.warnings.extend(missing_intents(shared, application.flags));
    }
    let query = [("limit", GUILDS_MAX)];
    let guilds = Call::get(&["users", "@me", "guilds"]).query(&query);
    if let Ok(guilds) = shared.rest.ask::<Vec<OurGuild>>(guilds).await {
        probe.facts.push(("servers".to_owned(), guilds.len().to_string()));
        probe.warnings.extend(guilds.iter().filter_map(missing_permissions));
    } else {
        probe.facts.push(("servers".to_owned(), shared.names.guild_count().to_string()));
    }
    Ok(probe)
}

fn missing_intents(shared: &Shared, granted: u64) -> Vec<String> {
    let wanted = [
        (shared.setup.intents.message_content, MESSAGE_CONTENT, "Message Content Intent"),
        (shared.setup.intents.presence, PRESENCE, "Presence Intent"),
        (shared.setup.intents.guild_members, MEMBERS, "Server Members Intent"),
    ];
    let missing = wanted.iter().filter(|(wanted, flags, _)| *wanted && granted & flags == 0);
    missing.map(|(_, _, name)| format!("enable \"{name}\" on the page \"Bot\" of the Developer Portal")).collect()
}

fn missing_permissions(guild: &OurGuild) -> Option<String> {
    let held: u64 = guild.permissions.parse().ok()?;
    if held & ADMINISTRATOR != 0 {
        return None;
    }
    let missing: Vec<&str> = NEEDED.iter().filter(|(bit, _)| held & bit == 0).map(|(_, name)| *name).collect();
    (!missing.is_empty()).then(|| format!("grant the bot in the server {}: {}", guild.name, missing.join(", ")))
}
