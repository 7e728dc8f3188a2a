//! The names by which agents are called in groups: compiled when they change, not for each message that a group says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chela_channels::access::MentionPatterns;
use chela_protocol::AgentId;

/// The patterns of the configured agents.
#[derive(Default)]
pub(super) struct Callings(Mutex<HashMap<AgentId, Calling>>);

struct Calling {
    /// What they were compiled from.
    patterns: Option<Vec<String>>,
    name: String,
    compiled: Arc<MentionPatterns>,
}

impl Callings {
    /// The patterns of an agent as the configuration has them now; see [`MentionPatterns::compile`].
    pub(super) fn of(&self, agent: &AgentId, patterns: Option<&[String]>, name: &str) -> Arc<MentionPatterns> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = |calling: &&Calling| calling.patterns.as_deref() == patterns && calling.name == name;
        if let Some(calling) = known.get(agent).filter(is_current) {
            return calling.compiled.clone();
        }
        let (compiled, bad) = MentionPatterns::compile(patterns, Some(name));
        for pattern in bad {
            tracing::warn!(target: "channels", %agent, "{pattern}");
        }
        let compiled = Arc::new(compiled);
        let calling =
            Calling { patterns: patterns.map(<[String]>::to_vec), name: name.to_owned(), compiled: compiled.clone() };
        known.insert(agent.clone(), calling);
        compiled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_compiled_when_they_change() {
        let (callings, agent) = (Callings::default(), AgentId::new("main"));
        let first = callings.of(&agent, None, "Chela");
        assert!(Arc::ptr_eq(&first, &callings.of(&agent, None, "Chela")));
        let patterns = ["crab".to_owned()];
        let other = callings.of(&agent, Some(&patterns), "Chela");
        assert!(other.called_by_name("the crab?") && !other.called_by_name("Chela?"));
        assert!(Arc::ptr_eq(&other, &callings.of(&agent, Some(&patterns), "Chela")));
        assert!(callings.of(&agent, None, "Crab").called_by_name("crab, hello"));
    }
}
