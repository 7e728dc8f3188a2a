//! What the rules say about the place of a message: its steps looked up from the outside in, each taking over what it leaves open.

use std::collections::BTreeMap;

use super::{AccessRules, AllowList, Facts, GroupPolicy, Place, ToolRules};
use crate::inbound::{PlaceName, Sender};

/// The rules that hold at one place.
#[derive(Default)]
pub(super) struct Ground<'a> {
    /// The outermost step stands in the account's list.
    pub(super) is_listed: bool,
    pub(super) policy: Option<GroupPolicy>,
    pub(super) require_mention: Option<bool>,
    pub(super) ignore_other_mentions: Option<bool>,
    pub(super) users: Option<&'a AllowList>,
    pub(super) roles: Option<&'a [String]>,
    pub(super) skills: Option<&'a [String]>,
    /// The steps that say something of tools, outermost first.
    tools: Vec<&'a Place>,
    pub(super) system_prompt: Option<&'a str>,
    pub(super) agent: Option<&'a str>,
}

/// Looks the place up. The error says why it is closed, whatever the policy.
pub(super) fn ground_of<'a>(rules: &'a AccessRules, places: &[PlaceName]) -> Result<Ground<'a>, &'static str> {
    let mut ground = Ground::default();
    let mut list = rules.places.as_deref();
    let mut rest = places;
    while let Some(places) = list.filter(|_| !rest.is_empty()) {
        let Some((place, steps)) = find(places, rest) else {
            if ground.is_listed {
                return Err("the list of its server or group does not name it");
            }
            break;
        };
        if place.allowed == Some(false) {
            return Err("the place is switched off");
        }
        ground.enter(place);
        list = place.places.as_deref();
        rest = &rest[steps..];
    }
    Ok(ground)
}

/// The rule for the outermost of these steps, and how many steps it covers.
///
/// A step further in may stand in the outer list as well (a thread among the channels), by its id only: whoever opens a thread
/// chooses its name, and must not choose the rules with it.
fn find<'a>(list: &'a [Place], steps: &[PlaceName]) -> Option<(&'a Place, usize)> {
    let inner = steps.iter().enumerate().skip(1).rev();
    for (index, step) in inner {
        if let Some(place) = list.iter().find(|place| is_id(place, step)) {
            return Some((place, index + 1));
        }
    }
    let step = steps.first()?;
    let place = list
        .iter()
        .find(|place| is_id(place, step))
        .or_else(|| list.iter().find(|place| has_name(place, step)))
        .or_else(|| list.iter().find(|place| place.name.trim() == "*"))?;
    Some((place, 1))
}

/// The entry of a map that names the sender; `*` names whom no other does.
pub(super) fn tools_by_sender<'a>(
    rules: &'a BTreeMap<String, ToolRules>,
    sender: &Sender,
    facts: Facts<'_>,
) -> Option<&'a ToolRules> {
    let names = |key: &str| {
        // OpenClaw's forms of a sender.
        let key = key.trim();
        let entry = match (key.strip_prefix("id:"), key.strip_prefix("username:")) {
            (Some(id), _) => id.to_owned(),
            (None, Some(name)) => format!("@{}", name.trim_start_matches('@')),
            (None, None) => key.to_owned(),
        };
        AllowList(vec![entry]).names_owner(sender, facts)
    };
    rules.iter().find(|(key, _)| names(key)).map(|(_, rule)| rule).or_else(|| rules.get("*"))
}

fn is_id(place: &Place, step: &PlaceName) -> bool {
    let name = place.name.trim();
    !name.is_empty() && name == step.id
}

fn has_name(place: &Place, step: &PlaceName) -> bool {
    let bare = |name: &str| name.trim().trim_start_matches('#').to_lowercase();
    let name = bare(&place.name);
    !name.is_empty() && step.names.iter().any(|own| bare(own) == name)
}

impl<'a> Ground<'a> {
    /// The rule for this sender's tools: the innermost step that has one, and there the sender's own before everybody's.
    pub(super) fn tools_of(&self, sender: &Sender, facts: Facts<'_>) -> Option<&'a ToolRules> {
        let mut steps = self.tools.iter().rev();
        steps.find_map(|place| tools_by_sender(&place.tools_by_sender, sender, facts).or(place.tools.as_ref()))
    }

    fn enter(&mut self, place: &'a Place) {
        self.is_listed = true;
        self.policy = place.policy.or(self.policy);
        self.require_mention = place.require_mention.or(self.require_mention);
        self.ignore_other_mentions = place.ignore_other_mentions.or(self.ignore_other_mentions);
        self.users = place.users.as_ref().or(self.users);
        self.roles = place.roles.as_deref().or(self.roles);
        self.skills = place.skills.as_deref().or(self.skills);
        if place.tools.is_some() || !place.tools_by_sender.is_empty() {
            self.tools.push(place);
        }
        self.system_prompt = place.system_prompt.as_deref().or(self.system_prompt);
        self.agent = place.agent.as_deref().or(self.agent);
    }
}
