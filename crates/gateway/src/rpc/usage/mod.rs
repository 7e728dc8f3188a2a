//! `usage.*` and `sessions.usage*`: tokens and money, from what each call booked. Nothing here changes anything.

mod days;
mod prices;
mod report;

use chela_agent::ItemBody;
use chela_llm::Usage;
use chela_protocol::methods::usage::{
    CreatorOption, SessionUsageParams, SessionsUsageResult, UsageCacheStatus, UsageCostResult, UsageLogEntry,
    UsageLogsResult, UsageParams, UsageStatusResult, UsageTimePoint, UsageTimeseriesResult,
};
use chela_protocol::{AgentId, RpcError, Scope};
use chela_store::{Item, Session, UsageQuery, UsageSums};

use self::days::Days;
use self::prices::Prices;
use self::report::{Grouping, NOBODY};
use super::chat::target;
use super::{Access, Call, Method, RpcResult, answer_of};
use crate::rpc_error;

/// Sessions of an answer when the client doesn't say, and at most.
const SESSIONS: usize = 50;
const SESSIONS_MAX: usize = 1_000;

/// Points of a session's course: more than a chart of it is wide.
const POINTS: u32 = 200;

/// Messages of a session's log when the client doesn't say and at most; each may be long, and is read whole.
const LOGS_MAX: usize = 200;

/// Characters of a message in a log.
const LOG_CHARS: usize = 2_000;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    let read = Access::Holding(Scope::Read);
    vec![
        Method::new("usage.status", read, status),
        Method::new("usage.cost", read, cost),
        Method::new("sessions.usage", read, sessions),
        Method::new("sessions.usage.timeseries", read, timeseries),
        Method::new("sessions.usage.logs", read, logs),
    ]
}

/// Limits of subscriptions are asked of vendors by none of our providers, so that there are none to show.
async fn status(call: Call) -> RpcResult {
    answer_of(&UsageStatusResult { updated_at: call.gateway.now_ms(), providers: Vec::new() })
}

async fn cost(call: Call) -> RpcResult {
    let (params, query, days) = asked(&call).await?;
    if params.key.is_some() {
        return Err(RpcError::invalid("invalid usage.cost params: `key` belongs to sessions.usage"));
    }
    let by_day = call.gateway.store.usage_by_day(query).await.map_err(rpc_error::of_store)?;
    let models = call.gateway.models.load();
    let (daily, totals) = report::daily(&by_day, &days.dates, &mut Prices::of(&models));
    let updated_at = call.gateway.now_ms();
    let cache_status = UsageCacheStatus::fresh(updated_at);
    answer_of(&UsageCostResult { updated_at, days: days.dates.len(), daily, totals, cache_status })
}

async fn sessions(call: Call) -> RpcResult {
    let (params, query, days) = asked(&call).await?;
    let grouping = if params.group_by.as_deref() == Some("family") || params.include_historical == Some(true) {
        Grouping::Family
    } else {
        Grouping::Instance
    };
    let limit = params.limit.unwrap_or(SESSIONS).clamp(1, SESSIONS_MAX);
    // Past conversations of a key that is asked for stand in its one row, so they don't count.
    let detailed = if params.key.is_some() { SESSIONS_MAX } else { limit };
    let is_nobodys = params.creator_key.as_deref().is_none_or(|key| key == NOBODY);
    let mut found = call.gateway.store.usage_report(query, detailed).await.map_err(rpc_error::of_store)?;
    if !is_nobodys {
        found = chela_store::UsageReport::default();
    }
    let (mut sessions, totals, aggregates) = {
        let models = call.gateway.models.load();
        let mut prices = Prices::of(&models);
        let rows = report::rows(&found, detailed, &days.dates, grouping, &mut prices);
        let (_, totals) = report::daily(&found.by_day, &days.dates, &mut prices);
        (rows, totals, report::aggregates(&found, &days.dates, &mut prices))
    };
    sessions.truncate(limit);
    let updated_at = call.gateway.now_ms();
    answer_of(&SessionsUsageResult {
        updated_at,
        start_date: days.dates.first().cloned().unwrap_or_default(),
        end_date: days.dates.last().cloned().unwrap_or_default(),
        sessions,
        totals,
        aggregates,
        creator_options: vec![CreatorOption { key: NOBODY.to_owned() }],
        cache_status: UsageCacheStatus::fresh(updated_at),
    })
}

async fn timeseries(call: Call) -> RpcResult {
    let (_, session) = named(&call).await?;
    let Some(session) = session else {
        return answer_of(&UsageTimeseriesResult::default());
    };
    let found = call.gateway.store.usage_points(&session.id, POINTS).await.map_err(rpc_error::of_store)?;
    let (mut tokens, mut spent) = (0, 0.0);
    let points = found.into_iter().map(|point| {
        let totals = prices::totals(&point.sums, None);
        tokens += totals.total_tokens;
        spent += totals.total_cost;
        UsageTimePoint {
            timestamp: point.at_ms,
            input: totals.input,
            output: totals.output,
            cache_read: totals.cache_read,
            cache_write: totals.cache_write,
            total_tokens: totals.total_tokens,
            cost: totals.total_cost,
            cumulative_tokens: tokens,
            cumulative_cost: spent,
        }
    });
    answer_of(&UsageTimeseriesResult { session_id: session.id.to_string(), points: points.collect() })
}

async fn logs(call: Call) -> RpcResult {
    let (params, session) = named(&call).await?;
    let Some(session) = session else {
        return answer_of(&UsageLogsResult::default());
    };
    let limit = params.limit.unwrap_or(LOGS_MAX).clamp(1, LOGS_MAX);
    let items = call.gateway.store.items_before(&session.id, None, limit).await.map_err(rpc_error::of_store)?;
    answer_of(&UsageLogsResult { logs: items.iter().filter_map(logged).collect() })
}

/// What every report is asked with: the parameters, the calls that they mean, and the days.
async fn asked(call: &Call) -> Result<(UsageParams, UsageQuery, Days), RpcError> {
    let params: UsageParams = call.params()?;
    let gateway = &call.gateway;
    let book = gateway.sessions.agents(gateway);
    let is_all = params.agent_scope.as_deref() == Some("all");
    if is_all && (params.agent_id.is_some() || params.key.is_some()) {
        return Err(RpcError::invalid("agentScope=all cannot be combined with key or agentId"));
    }
    let session = match &params.key {
        Some(key) => Some(target(call, key, params.agent_id.as_deref())?.session),
        None => None,
    };
    let agent = match (&session, &params.agent_id) {
        (Some(_), _) => None,
        _ if is_all => None,
        // One that is no longer configured may have used much.
        (None, Some(agent)) => Some(AgentId::new(agent.as_str())),
        (None, None) => Some(book.default_agent().id.clone()),
    };
    let first = if days::begins_with_the_first(&params) {
        gateway.store.first_usage_at().await.map_err(rpc_error::of_store)?
    } else {
        None
    };
    let days = Days::asked(&params, &book.default_agent().timezone, gateway.now_ms(), first)?;
    let query = UsageQuery { days: days.bounds.clone(), agent, session };
    Ok((params, query, days))
}

/// The session that a client names, if there is one.
async fn named(call: &Call) -> Result<(SessionUsageParams, Option<Session>), RpcError> {
    let params: SessionUsageParams = call.params()?;
    if params.key.trim().is_empty() {
        return Err(RpcError::invalid(format!("invalid {} params: key is required", call.method)));
    }
    let session = target(call, &params.key, params.agent_id.as_deref())?.session;
    let stored = call.gateway.store.session(&session).await.map_err(rpc_error::of_store)?;
    Ok((params, stored))
}

/// An item as a log shows it; what the program noted is left out.
fn logged(item: &Item) -> Option<UsageLogEntry> {
    let body = ItemBody::of(item)?;
    let (role, text, tokens) = match &body {
        ItemBody::User(user) => ("user", user.text.clone(), None),
        ItemBody::Assistant(assistant) => {
            let calls = assistant.tool_uses().map(|call| format!("[Tool: {}]", call.name));
            let text = Some(assistant.text()).filter(|text| !text.is_empty());
            let lines: Vec<String> = text.into_iter().chain(calls).collect();
            ("assistant", lines.join("\n"), Some(tokens_of(&assistant.usage)))
        }
        ItemBody::ToolResults(_) => ("toolResult", format!("[Tool Result]\n{}", body.text()), None),
        ItemBody::Note(_) | ItemBody::Compaction(_) => return None,
    };
    let mut content: String = text.chars().take(LOG_CHARS).collect();
    if content.len() < text.len() {
        content.push('…');
    }
    let entry = UsageLogEntry { timestamp: item.created_at_ms, role: role.to_owned(), content, tokens, cost: None };
    Some(entry).filter(|entry| !entry.content.is_empty())
}

fn tokens_of(usage: &Usage) -> u64 {
    let Usage { input, output, cache_read, cache_write, .. } = *usage;
    prices::totals(&UsageSums { input, output, cache_read, cache_write, ..UsageSums::default() }, None).total_tokens
}
