//! `tools.*`: the catalogue of tools.

use chela_agent::ToolProfile;
use chela_protocol::Scope;
use chela_protocol::methods::tools::{Labelled, ToolGroup, ToolRow, ToolsCatalogParams, ToolsCatalogResult};
use chela_tools::{Group, TOOLS, effective, in_profile};

use super::{Access, Call, Method, RpcResult, answer_of};
use crate::route::client_target;

/// Groups in the order in which clients show them.
const GROUPS: [Group; 5] = [Group::Fs, Group::Runtime, Group::Web, Group::Sessions, Group::Automation];

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    vec![Method::new("tools.catalog", Access::Holding(Scope::Read), catalog)]
}

async fn catalog(call: Call) -> RpcResult {
    let params: ToolsCatalogParams = call.params()?;
    let book = call.gateway.sessions.agents(&call.gateway);
    let target = client_target(&book, None, params.agent_id.as_deref())?;
    let allowed = effective(book.tools_config(), &book.profile_or_default(&target.agent).tools);
    let rows = |group: Group| TOOLS.iter().filter(move |row| row.group == group);
    let groups = GROUPS.iter().map(|group| ToolGroup {
        // Lists write `group:fs`, the catalogue says `fs`.
        id: group.id().trim_start_matches("group:").to_owned(),
        label: group.label().to_owned(),
        source: "core".to_owned(),
        tools: rows(*group).filter(|row| allowed.contains(&row.id)).map(shown).collect(),
    });
    let profile = |profile: ToolProfile| Labelled { id: profile.id().to_owned(), label: profile.label().to_owned() };
    answer_of(&ToolsCatalogResult {
        agent_id: target.agent.to_string(),
        profiles: ToolProfile::ALL.map(profile).to_vec(),
        groups: groups.filter(|group| !group.tools.is_empty()).collect(),
    })
}

fn shown(row: &chela_tools::ToolRow) -> ToolRow {
    let profiles = ToolProfile::ALL.into_iter().filter(|profile| in_profile(*profile, row));
    ToolRow {
        id: row.id.to_owned(),
        label: row.id.to_owned(),
        description: row.description.to_owned(),
        source: "core".to_owned(),
        default_profiles: profiles.map(|profile| profile.id().to_owned()).collect(),
    }
}
