//! `skills.*`: which skills exist and which can run.

use chela_agent::SkillStatus;
use chela_protocol::Scope;
use chela_protocol::methods::skills::{SkillSearchRow, SkillsSearchParams, SkillsSearchResult, SkillsStatusParams};
use serde_json::json;

use super::{Access, Call, Method, RpcResult, answer_of};
use crate::route::client_target;

/// Skills of one search when the client doesn't say, and at most.
const SEARCH_LIMIT: usize = 20;
const SEARCH_LIMIT_MAX: usize = 100;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    let read = Access::Holding(Scope::Read);
    vec![
        Method::new("skills.status", read, status),
        Method::new("skills.search", read, search),
        Method::new("skills.library.list", read, library),
    ]
}

async fn status(call: Call) -> RpcResult {
    let params: SkillsStatusParams = call.params()?;
    let book = call.gateway.sessions.agents(&call.gateway);
    let target = client_target(&book, params.session_key.as_deref(), params.agent_id.as_deref())?;
    let agent = book.profile_or_default(&target.agent);
    let skills = book.skills(&call.gateway, agent).await;
    Ok(json!({
        "workspaceDir": agent.workspace,
        "managedSkillsDir": call.gateway.facts.state_dir.join("skills"),
        "agentId": agent.id,
        "skills": skills.statuses(),
    }))
}

/// What is installed or built in and holds the words. No registry is asked: there is none that skills are taken from.
async fn search(call: Call) -> RpcResult {
    let params: SkillsSearchParams = call.params()?;
    let book = call.gateway.sessions.agents(&call.gateway);
    let target = client_target(&book, None, None)?;
    let agent = book.profile_or_default(&target.agent);
    let skills = book.skills(&call.gateway, agent).await;
    let words = params.query.unwrap_or_default().to_lowercase();
    let holds = |skill: &&SkillStatus| {
        let text = format!("{} {} {}", skill.skill_key, skill.name, skill.description).to_lowercase();
        words.split_whitespace().all(|word| text.contains(word))
    };
    let row = |skill: &SkillStatus| SkillSearchRow {
        slug: skill.skill_key.clone(),
        display_name: skill.name.clone(),
        summary: skill.description.clone(),
        source: skill.source.to_owned(),
        installed: true,
    };
    let limit = params.limit.unwrap_or(SEARCH_LIMIT).clamp(1, SEARCH_LIMIT_MAX);
    let results = skills.statuses().iter().filter(holds).take(limit).map(row).collect();
    answer_of(&SkillsSearchResult { results, scope: "installed".to_owned() })
}

/// Skills that people share through the gateway with revisions of their own do not exist here; those that do are folders, which
/// `skills.status` lists.
async fn library(_: Call) -> RpcResult {
    Ok(json!({
        "entries": [],
        "profileId": null,
        "multipleProfiles": false,
        "defaultTarget": "unavailable",
        "canManageWorkspace": false,
        "defaultSelectionLimit": 0,
    }))
}
