//! Which tools a turn has, because of where it was asked for and who asked.

use super::*;

#[test]
fn tools_are_narrowed_by_the_innermost_rule_and_by_the_sender() {
    let deny = |tool: &str| ToolRules { deny: strings(&[tool]), ..ToolRules::default() };
    let by = |key: &str, tool: &str| BTreeMap::from([(key.to_owned(), deny(tool))]);
    let topic = Place { name: "7".into(), tools_by_sender: by("id:1", "topic-own"), ..Place::default() };
    let group = Place {
        name: "-1".into(),
        tools: Some(deny("group")),
        tools_by_sender: BTreeMap::from([("*".to_owned(), deny("group-all")), ("tg:2".to_owned(), deny("group-own"))]),
        places: Some(vec![topic, Place { name: "*".into(), ..Place::default() }]),
        ..Place::default()
    };
    let rules = AccessRules {
        places: Some(vec![group]),
        groups: GroupPolicy::Open,
        require_mention: false,
        ..AccessRules::default()
    };
    let everywhere = by("3", "everywhere");
    let owners = AllowList::default();
    let facts = Facts { tools_by_sender: &everywhere, ..facts(&owners) };
    let denied = |sender: &str, topic: &str| -> Vec<String> {
        let place = |id: &str| PlaceName { id: id.to_owned(), names: Vec::new() };
        let message = InboundMessage { places: vec![place("-1"), place(topic)], ..mentioning(sender) };
        match decide(&rules, facts, &message) {
            Verdict::Answer(granted) => granted.tools.into_iter().flat_map(|rule| rule.deny).collect(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(denied("1", "7"), ["topic-own"]);
    assert_eq!(denied("2", "7"), ["group-own"]);
    assert_eq!(denied("1", "8"), ["group-all"]);
    assert_eq!(denied("3", "8"), ["everywhere", "group-all"]);
}
