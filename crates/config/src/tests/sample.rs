//! The sample of the product's documents, word for word.

use super::{Agents, Bind, Gateway, House, Root, shown};
use crate::{CONFIG_NAMES, Criticality, Section, schema_of};

const SAMPLE: &str = r#"{
  "agents": {"defaults": {"model": {"primary": "anthropic/claude-opus-4-5",
      "fallbacks": ["anthropic/claude-sonnet-4-5", "openai/gpt-4o"]}, "maxConcurrent": 4},
    "list": [{"id": "main", "default": true}]},
  "auth": {"profiles": {"anthropic:default": {"mode": "token", "provider": "anthropic"},
                        "openai:default": {"mode": "token", "provider": "openai"}}},
  "bindings": [{"agentId": "main", "match": {"channel": "discord"}}],
  "channels": {"discord": {"enabled": true, "groupPolicy": "allowlist",
      "guilds": {"YOUR_GUILD_ID": {"channels": {"general": {"allow": true}}, "requireMention": false}}}},
  "gateway": {"mode": "local", "bind": "auto"},
  "meta": {"lastTouchedVersion": "2026.1.29"}
}"#;

#[test]
fn the_sample_loads_without_a_problem_under_each_of_its_names() {
    for name in CONFIG_NAMES {
        let mut house = House::with(&[(name, SAMPLE)]);
        let loaded = house.load();
        assert!(loaded.exists && !loaded.safe_mode, "{name}");
        assert_eq!(shown(&loaded.check(&schema_of::<Root>())), "", "{name}");

        let mut problems = Vec::new();
        let gateway: Section<Gateway> = loaded.section("gateway", Criticality::Security, &mut problems);
        let Section::Sound(gateway) = gateway else { panic!("{name}: {problems:?}") };
        assert_eq!((gateway.mode.as_deref(), gateway.bind), (Some("local"), Some(Bind::Auto)));
        assert!(loaded.section::<Agents>("agents", Criticality::Normal, &mut problems).is_sound());
        assert_eq!(problems, []);
    }
}
