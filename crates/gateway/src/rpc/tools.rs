//! `tools.*`: the catalogue of tools.

use chela_protocol::Scope;
use chela_protocol::methods::tools::{Labelled, ToolGroup, ToolRow, ToolsCatalogParams, ToolsCatalogResult};

use super::{Access, Call, Method, RpcResult, answer_of};
use crate::route::client_target;
use crate::sessions::AgentBook;

/// Groups as the reference system's clients show them, and the tools in each; what stands nowhere is in the last.
const GROUPS: &[(&str, &str, &[&str])] = &[
    ("fs", "Files", &["read", "write", "edit", "apply_patch", "ls", "list", "find", "grep", "search"]),
    ("runtime", "Runtime", &["exec", "process"]),
    ("web", "Web", &["web_fetch", "web_search"]),
    ("sessions", "Sessions", &["session_status"]),
    ("other", "Other", &[]),
];

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    vec![Method::new("tools.catalog", Access::Holding(Scope::Read), catalog)]
}

async fn catalog(call: Call) -> RpcResult {
    let params: ToolsCatalogParams = call.params()?;
    let book = call.gateway.sessions.agents(&call.gateway);
    let target = client_target(&book, None, params.agent_id.as_deref())?;
    let tools = AgentBook::tools(&call.gateway, book.profile_or_default(&target.agent));
    let group = |(id, label, _): &(&str, &str, &[&str])| ToolGroup {
        id: (*id).to_owned(),
        label: (*label).to_owned(),
        source: "core".to_owned(),
        tools: Vec::new(),
    };
    let mut groups: Vec<ToolGroup> = GROUPS.iter().map(group).collect();
    for tool in tools.iter() {
        let definition = tool.definition();
        let last = GROUPS.len() - 1;
        let at = GROUPS.iter().position(|(_, _, names)| names.contains(&definition.name.as_str())).unwrap_or(last);
        groups[at].tools.push(ToolRow {
            id: definition.name.clone(),
            label: definition.name.clone(),
            description: definition.description.clone(),
            source: "core".to_owned(),
            default_profiles: vec!["full".to_owned()],
        });
    }
    groups.retain(|group| !group.tools.is_empty());
    answer_of(&ToolsCatalogResult {
        agent_id: target.agent.to_string(),
        profiles: vec![Labelled { id: "full".to_owned(), label: "Full".to_owned() }],
        groups,
    })
}
