//! Commands that were allowed for always: kept in the store, forgotten after a time.

use chela_protocol::AgentId;
use chela_protocol::methods::approvals::ExecGrantView;
use chela_store::{ExecGrant, StoreError};
use chela_tools::{ListEntry, PlainCommand};
use uuid::Uuid;

use crate::app::Gateway;

/// Days that a grant holds when nobody says otherwise: long enough for habits, too short for what was forgotten.
const EXPIRY_DEFAULT_DAYS: u32 = 90;
const EXPIRY_MOST_DAYS: u32 = 3_650;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// The agent that stands for all.
pub(super) const EVERYBODY: &str = "*";

/// When a grant that is given now ends.
fn expiry_of(gateway: &Gateway, days: Option<u32>) -> i64 {
    let days = days.or(gateway.config.load().tools.exec.grant_expiry_days).unwrap_or(EXPIRY_DEFAULT_DAYS);
    gateway.now_ms() + i64::from(days.clamp(1, EXPIRY_MOST_DAYS)) * DAY_MS
}

/// The grants that hold, for people.
pub(crate) async fn grants_shown(gateway: &Gateway) -> Result<Vec<ExecGrantView>, StoreError> {
    let grants = gateway.store.exec_grants(gateway.now_ms()).await?;
    Ok(grants
        .into_iter()
        .map(|grant| ExecGrantView {
            id: grant.id,
            agent_id: grant.agent,
            pattern: grant.pattern,
            arg_pattern: grant.arg_pattern,
            source: grant.source,
            command_text: grant.command,
            created_at_ms: grant.created_at_ms,
            expires_at_ms: grant.expires_at_ms,
            last_used_at_ms: grant.used_at_ms,
        })
        .collect())
}

/// Whether a grant speaks for a command of this agent; that it did is noted.
pub(super) async fn speak_for(gateway: &Gateway, agent: &AgentId, command: &PlainCommand) -> Result<bool, StoreError> {
    let now_ms = gateway.now_ms();
    let grants = gateway.store.exec_grants(now_ms).await?;
    let speaks = |grant: &&ExecGrant| {
        let entry = ListEntry { pattern: grant.pattern.clone(), arg_pattern: grant.arg_pattern.clone() };
        (grant.agent == EVERYBODY || grant.agent == agent.as_str()) && command.is_listed(&entry)
    };
    let Some(grant) = grants.iter().find(speaks) else { return Ok(false) };
    let program = command.program.display().to_string();
    gateway.store.note_exec_grant_use(&grant.id, &command.argv.join(" "), &program, now_ms).await?;
    Ok(true)
}

/// Remembers a command. False when the list is full.
pub(super) async fn add(
    gateway: &Gateway,
    agent: &AgentId,
    entry: &ListEntry,
    command: String,
    days: Option<u32>,
) -> Result<bool, StoreError> {
    let grant = ExecGrant {
        id: Uuid::new_v4().to_string(),
        agent: agent.to_string(),
        pattern: entry.pattern.clone(),
        arg_pattern: entry.arg_pattern.clone(),
        source: Some("allow-always".to_owned()),
        command: Some(command),
        created_at_ms: gateway.now_ms(),
        expires_at_ms: Some(expiry_of(gateway, days)),
        used_at_ms: None,
        used_command: None,
        used_program: None,
    };
    gateway.store.add_exec_grant(grant).await
}
