//! Which commands a node may be sent: those that its platform is known for and that do little harm, with what the owner allows and
//! denies. What a node doesn't declare it is never sent anyway. Pure.
//!
//! The lists are the reference system's (OpenClaw 2026.9). A device that lends its screen, camera or messages does so only by the
//! owner's word; a computer that was paired as a node runs commands, since that is what it was let in for.

use crate::config::GatewayNodesConfig;

/// What a node runs on, as it says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Platform {
    Ios,
    WatchOs,
    Android,
    MacOs,
    Windows,
    Linux,
    Unknown,
}

const IOS: &[&str] = &[
    "camera.list",
    "location.get",
    "device.info",
    "device.status",
    "contacts.search",
    "calendar.events",
    "reminders.list",
    "photos.latest",
    "motion.activity",
    "motion.pedometer",
    "system.notify",
];
const ANDROID: &[&str] = &[
    "camera.list",
    "location.get",
    "notifications.list",
    "notifications.actions",
    "system.notify",
    "device.info",
    "device.status",
    "device.permissions",
    "device.health",
    "device.apps",
    "contacts.search",
    "calendar.events",
    "callLog.search",
    "reminders.list",
    "photos.latest",
    "motion.activity",
    "motion.pedometer",
    "mobile.ui.observe",
    "mobile.ui.act",
];
const MACOS: &[&str] = &[
    "camera.list",
    "camera.ptz.status",
    "location.get",
    "device.info",
    "device.status",
    "device.apps",
    "contacts.search",
    "calendar.events",
    "reminders.list",
    "photos.latest",
    "motion.activity",
    "motion.pedometer",
    "system.notify",
    "computer.act",
    "canvas.present",
    "canvas.hide",
    "canvas.navigate",
];
const WINDOWS: &[&str] =
    &["camera.list", "location.get", "device.info", "device.status", "system.notify", "computer.act"];
const LINUX: &[&str] = &["system.notify", "computer.act"];
/// Of watches, and of what nobody knows.
const FEW: &[&str] = &["device.info", "device.status", "system.notify"];

/// Of a computer: what it was paired for.
const HOST: &[&str] = &[
    "system.run",
    "system.run.prepare",
    "system.which",
    "browser.proxy",
    "browser.proxy.upload.v1",
    "mcp.tools.call.v1",
    "screen.snapshot",
    "desktop.stream",
];

/// Of whatever lends its voice.
const TALK: &[&str] = &["talk.ptt.start", "talk.ptt.stop", "talk.ptt.cancel", "talk.ptt.once"];

/// Stands for every command in a list of denied ones.
const ALL: &str = "*";

/// Whether a node of this platform may be sent a command that it declares.
pub(crate) fn is_allowed(
    config: &GatewayNodesConfig,
    platform: &str,
    device_family: Option<&str>,
    command: &str,
) -> bool {
    if config.denied().any(|name| name == ALL || name == command) {
        return false;
    }
    Platform::of(platform, device_family).allows(command) || config.allowed().any(|name| name == command)
}

impl Platform {
    fn of(platform: &str, device_family: Option<&str>) -> Self {
        let [first, second] = [platform, device_family.unwrap_or_default()].map(|text| text.trim().to_lowercase());
        match Self::named(&first) {
            Self::Unknown => Self::named(&second),
            platform => platform,
        }
    }

    /// By how the name begins: versions stand behind it.
    fn named(name: &str) -> Self {
        let rows: [(&[&str], Self); 6] = [
            (&["ios", "ipados", "iphone", "ipad"], Self::Ios),
            (&["watchos", "apple watch"], Self::WatchOs),
            (&["android"], Self::Android),
            (&["mac", "darwin"], Self::MacOs),
            (&["win"], Self::Windows),
            (&["linux"], Self::Linux),
        ];
        let known = rows.iter().find(|(starts, _)| starts.iter().any(|start| name.starts_with(start)));
        known.map_or(Self::Unknown, |(_, platform)| *platform)
    }

    fn allows(self, command: &str) -> bool {
        let (own, is_computer) = match self {
            Self::Ios => (IOS, false),
            Self::Android => (ANDROID, false),
            Self::MacOs => (MACOS, true),
            Self::Windows => (WINDOWS, true),
            Self::Linux => (LINUX, true),
            Self::WatchOs | Self::Unknown => (FEW, false),
        };
        own.contains(&command) || TALK.contains(&command) || (is_computer && HOST.contains(&command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(allow: &[&str], deny: &[&str]) -> GatewayNodesConfig {
        let json = serde_json::json!({ "commands": { "allow": allow }, "denyCommands": deny });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn platforms_have_their_commands_and_the_owner_the_last_word() {
        let none = config(&[], &[]);
        let camera = config(&["camera.snap"], &[]);
        let both = config(&["camera.snap"], &["camera.snap", "system.run"]);
        let rows = [
            (&none, "linux", None, "system.run", true),
            (&none, "darwin 25.1", None, "system.which", true),
            (&none, "ios", None, "system.run", false),
            (&none, "toaster", None, "system.run", false),
            (&none, "toaster", Some("iPhone"), "location.get", true),
            (&none, "linux", None, "canvas.present", false),
            (&none, "macos", None, "canvas.present", true),
            (&none, "android", None, "sms.send", false),
            (&none, "ios 26.1", None, "camera.snap", false),
            (&camera, "ios", None, "camera.snap", true),
            (&both, "ios", None, "camera.snap", false),
            (&both, "linux", None, "system.run", false),
            (&config(&["x.y"], &["*"]), "linux", None, "x.y", false),
        ];
        for (config, platform, family, command, allowed) in rows {
            assert_eq!(is_allowed(config, platform, family, command), allowed, "{platform} {command}");
        }
    }
}
