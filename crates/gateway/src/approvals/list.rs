//! The list of allowed commands as one document, in the shape of OpenClaw's `exec-approvals.json`: read and replaced as a whole.

use std::collections::BTreeMap;

use chela_agent::ExecRule;
use chela_protocol::methods::approvals::{
    AllowlistEntry, ExecApprovalsAgent, ExecApprovalsDefaults, ExecApprovalsFile, ExecApprovalsGetResult,
};
use chela_store::{DATABASE_FILE, ExecGrant, GRANTS_MAX, StoreError};
use chela_tools::ListEntry;
use uuid::Uuid;

use crate::app::Gateway;

/// Why a list was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplaceError {
    #[error("the list was changed meanwhile; read it again and repeat the change on what it says now")]
    Changed,
    #[error("agents.{agent}.allowlist[{index}]: {problem}")]
    Entry { agent: String, index: usize, problem: String },
    #[error("{0} can't be set here: `tools.exec` in the configuration decides it")]
    Elsewhere(String),
    #[error("a list has at most {GRANTS_MAX} entries")]
    TooLong,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The list as it stands.
pub(crate) async fn list_file(gateway: &Gateway) -> Result<ExecApprovalsGetResult, StoreError> {
    let grants = gateway.store.exec_grants(gateway.now_ms()).await?;
    let exists = !grants.is_empty();
    let file = file_of(grants);
    Ok(ExecApprovalsGetResult {
        path: gateway.facts.state_dir.join(DATABASE_FILE).display().to_string(),
        exists,
        hash: hash_of(&file),
        file,
        resolved_defaults: rule_defaults(gateway.config.load().tools.exec.rule()),
    })
}

/// Puts a whole list in the place of the one that `base_hash` names. Entries that keep their id keep their age and their end.
pub(crate) async fn replace_list(
    gateway: &Gateway,
    file: ExecApprovalsFile,
    base_hash: Option<&str>,
) -> Result<(), ReplaceError> {
    let now_ms = gateway.now_ms();
    let standing = gateway.store.exec_grants(now_ms).await?;
    let is_known = base_hash.map_or(standing.is_empty(), |hash| hash == hash_of(&file_of(standing.clone())));
    if !is_known {
        return Err(ReplaceError::Changed);
    }
    let known: BTreeMap<_, _> = standing.iter().map(|grant| (grant.id.as_str(), grant)).collect();
    if let Some(name) = file.defaults.keys().next() {
        return Err(ReplaceError::Elsewhere(format!("defaults.{name}")));
    }
    let mut grants = Vec::new();
    for (agent, section) in file.agents {
        if let Some(name) = section.rest.keys().next() {
            return Err(ReplaceError::Elsewhere(format!("agents.{agent}.{name}")));
        }
        for (index, entry) in section.allowlist.into_iter().enumerate() {
            let check = ListEntry { pattern: entry.pattern.clone(), arg_pattern: entry.arg_pattern.clone() };
            check.check().map_err(|problem| ReplaceError::Entry { agent: agent.clone(), index, problem })?;
            let id = entry.id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
            let before = known.get(id.as_str());
            grants.push(ExecGrant {
                created_at_ms: before.map_or(now_ms, |before| before.created_at_ms),
                expires_at_ms: before.and_then(|before| before.expires_at_ms),
                agent: agent.clone(),
                pattern: entry.pattern,
                arg_pattern: entry.arg_pattern,
                source: entry.source,
                command: entry.command_text,
                used_at_ms: entry.last_used_at,
                used_command: entry.last_used_command,
                used_program: entry.last_resolved_path,
                id,
            });
        }
    }
    if grants.len() > GRANTS_MAX {
        return Err(ReplaceError::TooLong);
    }
    // A grant that was taken back meanwhile must not come again with an older list.
    if gateway.store.replace_exec_grants(standing, grants, now_ms).await? { Ok(()) } else { Err(ReplaceError::Changed) }
}

fn file_of(grants: Vec<ExecGrant>) -> ExecApprovalsFile {
    let mut agents = BTreeMap::<String, ExecApprovalsAgent>::new();
    for grant in grants {
        agents.entry(grant.agent.clone()).or_default().allowlist.push(shown(grant));
    }
    ExecApprovalsFile { version: 1, agents, ..ExecApprovalsFile::default() }
}

/// A rule in the older words.
fn rule_defaults(rule: ExecRule) -> ExecApprovalsDefaults {
    let (security, ask) = match rule {
        ExecRule::Deny => ("deny", "off"),
        ExecRule::Allowlist => ("allowlist", "off"),
        ExecRule::Ask | ExecRule::Auto => ("allowlist", "on-miss"),
        ExecRule::AskAlways => ("allowlist", "always"),
        ExecRule::Full => ("full", "off"),
    };
    ExecApprovalsDefaults {
        security: security.to_owned(),
        ask: ask.to_owned(),
        ask_fallback: "deny".to_owned(),
        auto_allow_skills: false,
    }
}

/// When a command was last used is no change of the list.
fn hash_of(file: &ExecApprovalsFile) -> String {
    let mut file = file.clone();
    for entry in file.agents.values_mut().flat_map(|agent| &mut agent.allowlist) {
        entry.last_used_at = None;
        entry.last_used_command = None;
        entry.last_resolved_path = None;
    }
    let text = serde_json::to_string(&file).unwrap_or_default();
    chela_config::hash(text.as_bytes())
}

fn shown(grant: ExecGrant) -> AllowlistEntry {
    AllowlistEntry {
        id: Some(grant.id),
        pattern: grant.pattern,
        arg_pattern: grant.arg_pattern,
        source: grant.source,
        command_text: grant.command,
        last_used_at: grant.used_at_ms,
        last_used_command: grant.used_command,
        last_resolved_path: grant.used_program,
    }
}
