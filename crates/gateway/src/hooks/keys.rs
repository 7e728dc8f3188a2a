//! In which conversation a hook's work runs. Pure.

use chela_protocol::{AgentId, SessionKey, SessionKeyError};
use chela_store::InboxRow;

use super::dispatch::CHANNEL;
use crate::config::{HookSessionMode, HooksConfig};

/// What stands before the random id of a conversation that is for one piece of work. Housekeeping knows them by it.
const GENERATED: &str = "hook:";

/// The name under which a hook's row waits for others of the same name, although each has a conversation of its own. `None`: it is no
/// hook's.
pub(crate) fn lane_of(row: &InboxRow) -> Option<String> {
    if row.channel != CHANNEL {
        return None;
    }
    let place = row.session.place();
    let name = place.rsplit_once(&format!(":{GENERATED}")).map_or(place, |(name, _)| name);
    Some(format!("{}:{name}", row.agent))
}

/// The rules of the section `hooks` for names of conversations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyPolicy {
    default_key: Option<String>,
    allows_request_keys: bool,
    /// In lowercase; empty: all are allowed.
    prefixes: Vec<String>,
}

/// A name that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AskedKey<'a> {
    pub text: &'a str,
    pub source: KeySource,
}

/// Who chose a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeySource {
    /// Whoever sent the request, by itself or through a template.
    Request,
    /// The configuration.
    Mapping,
}

/// Why there is no conversation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyRefusal {
    #[error("sessionKey is disabled for this hook request; set hooks.allowRequestSessionKey=true to enable")]
    RequestKeys,
    #[error("sessionKey must start with one of: {}", .0.join(", "))]
    Prefix(Vec<String>),
    #[error("sessionKey is required when hook sessionMode is persistent")]
    NoKey,
    #[error("hooks.allowedSessionKeyPrefixes is required when hook sessionMode is persistent")]
    NoPrefixes,
    #[error("sessionKey is not usable: {0}")]
    Malformed(#[from] SessionKeyError),
}

impl KeyPolicy {
    pub(super) fn of(config: &HooksConfig) -> Self {
        let named = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Self {
            default_key: config.default_session_key.as_ref().and_then(named),
            allows_request_keys: config.allow_request_session_key,
            prefixes: config
                .allowed_session_key_prefixes
                .iter()
                .filter_map(named)
                .map(|text| text.to_lowercase())
                .collect(),
        }
    }

    /// Whether names are limited at all.
    pub(super) fn has_prefixes(&self) -> bool {
        !self.prefixes.is_empty()
    }

    pub(super) fn has_default(&self) -> bool {
        self.default_key.is_some()
    }

    /// Whether work that names no conversation could run in one.
    pub(super) fn check_own(&self, agent: &AgentId) -> Result<(), KeyRefusal> {
        let own = self.default_key.as_deref().unwrap_or(GENERATED);
        let probe = if self.default_key.is_some() { own.to_owned() } else { format!("{own}x") };
        self.admitted(agent, &probe).map(|_| ())
    }

    /// The conversation of a piece of work. `fresh` names it where it is to be a new one.
    pub(super) fn of_work(
        &self,
        agent: &AgentId,
        asked: Option<AskedKey<'_>>,
        mode: HookSessionMode,
        fresh: &str,
    ) -> Result<SessionKey, KeyRefusal> {
        let asked_by_request = asked.is_some_and(|asked| asked.source == KeySource::Request);
        let key = match self.named(agent, asked)? {
            Some(key) => Some(key),
            None => self.default_key.as_deref().map(|key| self.admitted(agent, key)).transpose()?,
        };
        match (mode, key) {
            (HookSessionMode::Persistent, None) => Err(KeyRefusal::NoKey),
            (HookSessionMode::Persistent, Some(_)) if asked_by_request && !self.has_prefixes() => {
                Err(KeyRefusal::NoPrefixes)
            }
            (HookSessionMode::Persistent, Some(key)) => Ok(key),
            (HookSessionMode::Isolated, Some(key)) => {
                Ok(SessionKey::parse(&format!("{}:{GENERATED}{fresh}", key.place()), agent)?)
            }
            (HookSessionMode::Isolated, None) => self.admitted(agent, &format!("{GENERATED}{fresh}")),
        }
    }

    /// The conversation that is told something.
    pub(super) fn of_wake(&self, agent: &AgentId, asked: Option<AskedKey<'_>>) -> Result<SessionKey, KeyRefusal> {
        Ok(self.named(agent, asked)?.unwrap_or_else(|| SessionKey::main(agent)))
    }

    fn named(&self, agent: &AgentId, asked: Option<AskedKey<'_>>) -> Result<Option<SessionKey>, KeyRefusal> {
        match asked {
            None => Ok(None),
            Some(asked) if asked.source == KeySource::Request && !self.allows_request_keys => {
                Err(KeyRefusal::RequestKeys)
            }
            Some(asked) => self.admitted(agent, asked.text).map(Some),
        }
    }

    /// A name, of this agent whichever it names, if it begins as it must.
    pub(super) fn admitted(&self, agent: &AgentId, text: &str) -> Result<SessionKey, KeyRefusal> {
        let key = SessionKey::scoped(agent, SessionKey::parse(text, agent)?.place());
        let (whole, place) = (key.as_str().to_lowercase(), key.place().to_lowercase());
        let fits = |prefix: &String| place.starts_with(prefix.as_str()) || whole.starts_with(prefix.as_str());
        if self.prefixes.is_empty() || self.prefixes.iter().any(fits) {
            Ok(key)
        } else {
            Err(KeyRefusal::Prefix(self.prefixes.clone()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(default: Option<&str>, allows: bool, prefixes: &[&str]) -> KeyPolicy {
        KeyPolicy::of(&HooksConfig {
            default_session_key: default.map(str::to_owned),
            allow_request_session_key: allows,
            allowed_session_key_prefixes: prefixes.iter().map(|prefix| (*prefix).to_owned()).collect(),
            ..HooksConfig::default()
        })
    }

    fn work(policy: &KeyPolicy, asked: Option<(&str, KeySource)>, mode: HookSessionMode) -> Result<String, KeyRefusal> {
        let asked = asked.map(|(text, source)| AskedKey { text, source });
        policy.of_work(&AgentId::new("ops"), asked, mode, "run").map(|key| key.as_str().to_owned())
    }

    #[test]
    fn work_has_a_conversation_of_its_own_unless_it_is_to_be_kept() {
        use HookSessionMode::{Isolated, Persistent};
        let open = policy(None, true, &[]);
        let kept = policy(Some("hook:all"), true, &["HOOK:"]);
        assert_eq!(work(&open, None, Isolated).unwrap(), "agent:ops:hook:run");
        assert_eq!(work(&kept, None, Isolated).unwrap(), "agent:ops:hook:all:hook:run");
        assert_eq!(work(&kept, None, Persistent).unwrap(), "agent:ops:hook:all");
        let request = |text| Some((text, KeySource::Request));
        assert_eq!(work(&open, request("mail"), Isolated).unwrap(), "agent:ops:mail:hook:run");
        assert_eq!(work(&kept, request("Hook:mail"), Persistent).unwrap(), "agent:ops:Hook:mail");
        assert_eq!(work(&open, None, Persistent), Err(KeyRefusal::NoKey));
        assert_eq!(work(&open, request("mail"), Persistent), Err(KeyRefusal::NoPrefixes));
        assert_eq!(work(&open, Some(("mail", KeySource::Mapping)), Persistent).unwrap(), "agent:ops:mail");
    }

    #[test]
    fn names_of_requests_are_taken_only_where_they_may_be() {
        let closed = policy(None, false, &["hook:"]);
        let asked = Some(("hook:x", KeySource::Request));
        assert_eq!(work(&closed, asked, HookSessionMode::Isolated), Err(KeyRefusal::RequestKeys));
        let open = policy(None, true, &["hook:"]);
        for text in ["main", "agent:main:main", "agent:ops:discord:1", "xhook:1"] {
            let refused = work(&open, Some((text, KeySource::Request)), HookSessionMode::Isolated);
            assert!(matches!(refused, Err(KeyRefusal::Prefix(_))), "{text}: {refused:?}");
        }
        let other = Some(("agent:main:hook:x", KeySource::Request));
        assert_eq!(
            work(&open, other, HookSessionMode::Isolated).unwrap(),
            "agent:ops:hook:x:hook:run",
            "never another agent's"
        );
        let mapped = Some(("mail", KeySource::Mapping));
        assert!(matches!(work(&closed, mapped, HookSessionMode::Isolated), Err(KeyRefusal::Prefix(_))));
    }

    #[test]
    fn names_that_are_too_long_are_refused() {
        let open = policy(None, true, &[]);
        let long = "x".repeat(10_000);
        let refused = work(&open, Some((&long, KeySource::Request)), HookSessionMode::Isolated);
        assert!(matches!(refused, Err(KeyRefusal::Malformed(_))), "{refused:?}");
    }

    #[test]
    fn a_default_must_keep_to_the_rules_as_well() {
        let agent = AgentId::new("main");
        assert!(policy(None, false, &["hook:"]).check_own(&agent).is_ok());
        assert!(policy(None, false, &["mail:"]).check_own(&agent).is_err());
        assert!(policy(Some("mail:x"), false, &["mail:"]).check_own(&agent).is_ok());
    }
}
