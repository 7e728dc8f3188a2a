//! `skills.*`: which skills exist and which can run, what a registry has, and how skills come and go.

mod install;
mod settings;
mod update;
mod upload;

use std::sync::Arc;

use chela_agent::{SkillIndex, SkillScanner, SkillStatus, SkillTree};
use chela_protocol::methods::skills::{
    SkillNamedParams, SkillsDetailParams, SkillsScanResult, SkillsSearchParams, SkillsSearchResult, SkillsStatusParams,
};
use chela_protocol::{RpcError, Scope};
use serde_json::{Map, Value, json};

use super::{Access, Call, Method, RpcResult, answer_of};
use crate::route::client_target;
use crate::skills::{Registry, SkillRefusal, finding_rows, slug_of};

/// Skills of one search when the client doesn't say, and at most.
const SEARCH_LIMIT: usize = 20;
const SEARCH_LIMIT_MAX: usize = 100;
/// What a registry says of a skill that clients are shown.
const DETAIL_KEYS: [&str; 5] = ["skill", "latestVersion", "metadata", "owner", "moderation"];

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    let (read, admin) = (Access::Holding(Scope::Read), Access::Holding(Scope::Admin));
    vec![
        Method::new("skills.status", read, status),
        Method::new("skills.search", read, search),
        Method::new("skills.detail", read, detail),
        Method::new("skills.library.list", read, library),
        Method::new("skills.install", admin, install::install),
        Method::new("skills.update", admin, update::update),
        Method::new("skills.remove", admin, install::remove),
        Method::new("skills.accept", admin, accept),
        Method::new("skills.scan", read, scan),
        Method::new("skills.bins", Access::Node, bins),
        Method::new("skills.upload.begin", admin, upload::begin),
        Method::new("skills.upload.chunk", admin, upload::chunk),
        Method::new("skills.upload.commit", admin, upload::commit),
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

/// What the registry has for these words. Without any nobody is asked: opening a page calls no stranger.
async fn search(call: Call) -> RpcResult {
    let params: SkillsSearchParams = call.params()?;
    let words = params.query.unwrap_or_default();
    let limit = params.limit.unwrap_or(SEARCH_LIMIT).clamp(1, SEARCH_LIMIT_MAX);
    let results = match words.trim() {
        "" => Vec::new(),
        words => {
            let registry = Registry::of(&call.gateway).map_err(SkillRefusal::from)?;
            registry.search(words, limit).await.map_err(SkillRefusal::from)?
        }
    };
    answer_of(&SkillsSearchResult { results })
}

/// One skill of the registry, as it says itself.
async fn detail(call: Call) -> RpcResult {
    let params: SkillsDetailParams = call.params()?;
    let slug = slug_of(&params.slug).map_err(SkillRefusal::from)?;
    let registry = Registry::of(&call.gateway).map_err(SkillRefusal::from)?;
    let listing = registry.listing(&slug).await.map_err(SkillRefusal::from)?;
    let shown = DETAIL_KEYS.iter().filter_map(|key| Some(((*key).to_owned(), listing.raw.get(*key)?.clone())));
    Ok(Value::Object(shown.collect::<Map<_, _>>()))
}

/// Skills that people share through the gateway with revisions of their own do not exist here; those that do are folders, which
/// `skills.status` lists.
async fn library(_: Call) -> RpcResult {
    Ok(json!({
        "entries": [],
        "profileId": null,
        "multipleProfiles": false,
        "defaultTarget": "unavailable",
        "canManageWorkspace": true,
        "defaultSelectionLimit": 0,
    }))
}

/// What a scan finds in a skill that is there.
async fn scan(call: Call) -> RpcResult {
    let params: SkillNamedParams = call.params()?;
    let skill = named(&call, &params).await?;
    let work = move || SkillTree::read(&skill.base_dir).map(|tree| SkillScanner::new().scan(&tree));
    let scanned = call.gateway.outside.off_thread(work).await.map_err(|_| RpcError::unavailable("the scan failed"))?;
    let report = scanned.map_err(|error| RpcError::invalid(format!("the skill can't be scanned: {error}")))?;
    let findings = finding_rows(&report.findings);
    answer_of(&SkillsScanResult { skill_key: params.skill_key, hash: report.hash, findings })
}

/// An owner has read a flagged skill of their own and wants it used as it is.
async fn accept(call: Call) -> RpcResult {
    let params: SkillNamedParams = call.params()?;
    let skill = named(&call, &params).await?;
    let found = skill.integrity.hash.ok_or_else(|| RpcError::invalid("the files of this skill have no hash"))?;
    if params.hash.as_ref() != Some(&found) {
        let details = json!({"code": "hash_mismatch", "hash": found});
        return Err(
            RpcError::invalid(format!("the files of {} are {found}; name that hash", skill.name)).with_details(details)
        );
    }
    call.gateway.skills.accept(&call.gateway, found.clone()).await?;
    Ok(json!({"ok": true, "skillKey": params.skill_key, "hash": found}))
}

/// The programs that skills need, for nodes that look what they have.
async fn bins(call: Call) -> RpcResult {
    let mut bins = std::collections::BTreeSet::new();
    let book = call.gateway.sessions.agents(&call.gateway);
    for agent in book.agents() {
        for skill in book.skills(&call.gateway, agent).await.statuses() {
            bins.extend(skill.requirements.bins.iter().chain(&skill.requirements.any_bins).cloned());
        }
    }
    Ok(json!({"bins": bins}))
}

async fn index_of(call: &Call, agent: Option<&str>) -> Result<Arc<SkillIndex>, RpcError> {
    let book = call.gateway.sessions.agents(&call.gateway);
    let target = client_target(&book, None, agent)?;
    Ok(book.skills(&call.gateway, book.profile_or_default(&target.agent)).await)
}

async fn named(call: &Call, params: &SkillNamedParams) -> Result<SkillStatus, RpcError> {
    let index = index_of(call, params.agent_id.as_deref()).await?;
    let name = &params.skill_key;
    let found = index.statuses().iter().find(|skill| skill.skill_key == *name || skill.name == *name);
    found.cloned().ok_or_else(|| RpcError::invalid(format!("skill not found: {name}")))
}
