//! `tools.*`: the catalogue of tools.

use chela_agent::ToolProfile;
use chela_protocol::Scope;
use chela_protocol::methods::tools::{
    EffectiveGroup, EffectiveTool, Labelled, ToolGroup, ToolRow, ToolsCatalogParams, ToolsCatalogResult,
    ToolsEffectiveParams, ToolsEffectiveResult,
};
use chela_tools::{Group, TOOLS, effective, in_profile};

use super::{Access, Call, Method, RpcResult, answer_of};
use crate::route::client_target;

/// Groups in the order in which clients show them.
const GROUPS: [Group; 5] = [Group::Fs, Group::Runtime, Group::Web, Group::Sessions, Group::Automation];

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("tools.catalog", Access::Holding(Scope::Read), catalog),
        Method::new("tools.effective", Access::Holding(Scope::Read), effective_tools),
    ]
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

/// The tools that an agent has in a session; by name of the session, so that clients need not know whose it is.
async fn effective_tools(call: Call) -> RpcResult {
    let params: ToolsEffectiveParams = call.params()?;
    let book = call.gateway.sessions.agents(&call.gateway);
    let target = client_target(&book, Some(&params.session_key), params.agent_id.as_deref())?;
    let agent = book.profile_or_default(&target.agent);
    let allowed = effective(book.tools_config(), &agent.tools);
    let profile = agent.tools.profile.or(book.tools_config().profile).unwrap_or_default();
    let tools = |group: Group| -> Vec<EffectiveTool> {
        let held = TOOLS.iter().filter(|row| row.group == group && allowed.contains(&row.id));
        held.map(|row| EffectiveTool {
            id: row.id.to_owned(),
            label: row.id.to_owned(),
            description: row.description.to_owned(),
            raw_description: row.description.to_owned(),
            source: "core".to_owned(),
        })
        .collect()
    };
    let groups = GROUPS.into_iter().map(|group| EffectiveGroup {
        id: group.id().trim_start_matches("group:").to_owned(),
        label: group.label().to_owned(),
        source: "core".to_owned(),
        tools: tools(group),
    });
    answer_of(&ToolsEffectiveResult {
        agent_id: target.agent.to_string(),
        profile: profile.id().to_owned(),
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
