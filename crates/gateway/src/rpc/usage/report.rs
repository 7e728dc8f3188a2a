//! The answer of `sessions.usage`, put together from the sums of the store. Pure.

use std::collections::BTreeMap;

use chela_channels::CHANNELS;
use chela_protocol::SessionKey;
use chela_protocol::methods::usage::{
    AgentUsage, ChannelUsage, DatedBreakdown, DatedCounts, DatedModelUsage, DatedTotals, DayInShort, MessageCounts,
    ModelUsage, SessionUsageDetail, SessionUsageRow, ToolCount, ToolUsage, UsageAggregates, UsageTotals,
};
use chela_store::{DayUsage, PartUsage, SessionUsage, UsageActivity, UsageReport, UsageSums};

use super::prices::{self, Prices};

/// Who made a session, as the reference system calls nobody in particular.
pub(super) const NOBODY: &str = r#"["unknown"]"#;

/// Which conversations make one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grouping {
    Instance,
    Family,
}

impl Grouping {
    fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Family => "family",
        }
    }
}

/// Totals of days with calls, oldest first, and of all together.
pub(super) fn daily(by_day: &[DayUsage], dates: &[String], prices: &mut Prices<'_>) -> (Vec<DatedTotals>, UsageTotals) {
    let mut days: BTreeMap<usize, UsageTotals> = BTreeMap::new();
    let mut all = UsageTotals::default();
    for part in by_day {
        let totals = prices.totals(&part.provider, &part.model, &part.sums);
        prices::add(days.entry(part.day).or_default(), &totals);
        prices::add(&mut all, &totals);
    }
    let on_day = |(day, totals)| DatedTotals { date: date(dates, day), totals };
    (days.into_iter().map(on_day).collect(), all)
}

/// Everything of these days.
pub(super) fn aggregates(report: &UsageReport, dates: &[String], prices: &mut Prices<'_>) -> UsageAggregates {
    let mut models = Models::default();
    let mut providers: BTreeMap<String, ModelUsage> = BTreeMap::new();
    let mut agents: BTreeMap<String, UsageTotals> = BTreeMap::new();
    let mut shorts: BTreeMap<usize, DayInShort> = BTreeMap::new();
    let mut calls: BTreeMap<usize, u64> = BTreeMap::new();
    for part in &report.by_day {
        let totals = prices.totals(&part.provider, &part.model, &part.sums);
        models.add(part.day, &part.provider, &part.model, part.sums.calls, &totals);
        let provider = providers.entry(part.provider.clone()).or_default();
        provider.count += part.sums.calls;
        prices::add(&mut provider.totals, &totals);
        prices::add(agents.entry(part.agent.to_string()).or_default(), &totals);
        let short = shorts.entry(part.day).or_default();
        short.tokens += totals.total_tokens;
        short.cost += totals.total_cost;
        *calls.entry(part.day).or_default() += part.sums.calls;
    }
    let whole = Activity::of(report.activity.iter().filter(|one| one.id.is_none()), &calls);
    for (day, counts) in &whole.days {
        let short = shorts.entry(*day).or_default();
        (short.messages, short.tool_calls, short.errors) = (counts.total, counts.tool_calls, counts.errors);
    }
    let (cost_daily, _) = daily(&report.by_day, dates, prices);
    let by_provider = providers.into_iter().map(|(provider, usage)| ModelUsage { provider, ..usage }).collect();
    let by_agent = agents.into_iter().map(|(agent_id, totals)| AgentUsage { agent_id, totals }).collect();
    UsageAggregates {
        session_count: report.sessions.len(),
        messages: whole.counts,
        tools: whole.tools,
        by_provider: dearest_first(by_provider, |usage: &ModelUsage| usage.totals),
        by_agent: dearest_first(by_agent, |usage: &AgentUsage| usage.totals),
        by_channel: by_channel(&report.sessions),
        by_creator: Vec::new(),
        cost_daily,
        daily_latency: Vec::new(),
        model_daily: models.daily(dates),
        by_model: models.all(),
        daily: shorts.into_iter().map(|(day, short)| DayInShort { date: date(dates, day), ..short }).collect(),
    }
}

/// The rows of the sessions that the report knows in detail, those that were used last first.
pub(super) fn rows(
    report: &UsageReport,
    detailed: usize,
    dates: &[String],
    grouping: Grouping,
    prices: &mut Prices<'_>,
) -> Vec<SessionUsageRow> {
    let mut groups: Vec<Vec<&SessionUsage>> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for session in report.sessions.iter().take(detailed) {
        let name = match grouping {
            Grouping::Instance => session.id.as_str(),
            Grouping::Family => session.key.as_str(),
        };
        let place = *places.entry(name).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(session),
            None => groups.push(vec![session]),
        }
    }
    let mut parts: BTreeMap<&str, Vec<&PartUsage>> = BTreeMap::new();
    for part in &report.parts {
        parts.entry(part.id.as_str()).or_default().push(part);
    }
    let mut activity: BTreeMap<&str, Vec<&UsageActivity>> = BTreeMap::new();
    for one in &report.activity {
        if let Some(id) = &one.id {
            activity.entry(id.as_str()).or_default().push(one);
        }
    }
    let rows = groups.iter().map(|group| {
        let of = |session: &&SessionUsage| parts.get(session.id.as_str()).into_iter().flatten().copied();
        let parts: Vec<&PartUsage> = group.iter().flat_map(of).collect();
        let of = |session: &&SessionUsage| activity.get(session.id.as_str()).into_iter().flatten().copied();
        let activity: Vec<&UsageActivity> = group.iter().flat_map(of).collect();
        row(group, &parts, &activity, dates, grouping, prices)
    });
    rows.collect()
}

/// The channel that a key names; none for the main session, where people write from anywhere.
pub(super) fn channel_of(key: &SessionKey) -> Option<&str> {
    let (first, _) = key.place().split_once(':')?;
    (first == "cron" || CHANNELS.iter().any(|kind| kind.id == first)).then_some(first)
}

fn row(
    group: &[&SessionUsage],
    parts: &[&PartUsage],
    activity: &[&UsageActivity],
    dates: &[String],
    grouping: Grouping,
    prices: &mut Prices<'_>,
) -> SessionUsageRow {
    let Some(newest) = group.first() else { return SessionUsageRow::default() };
    let mut models = Models::default();
    let mut days: BTreeMap<usize, UsageTotals> = BTreeMap::new();
    let mut calls: BTreeMap<usize, u64> = BTreeMap::new();
    let mut totals = UsageTotals::default();
    for part in parts {
        let more = prices.totals(&part.provider, &part.model, &part.sums);
        models.add(part.day, &part.provider, &part.model, part.sums.calls, &more);
        prices::add(days.entry(part.day).or_default(), &more);
        prices::add(&mut totals, &more);
        *calls.entry(part.day).or_default() += part.sums.calls;
    }
    let done = Activity::of(activity.iter().copied(), &calls);
    let first_activity = group.iter().map(|session| session.first_at_ms).min().unwrap_or_default();
    let breakdown = |(day, totals): (&usize, &UsageTotals)| DatedBreakdown {
        date: date(dates, *day),
        tokens: totals.total_tokens,
        cost: totals.total_cost,
        totals: *totals,
    };
    let on_day = |(day, counts): (&usize, &MessageCounts)| DatedCounts { date: date(dates, *day), counts: *counts };
    let model_daily = models.daily(dates);
    let model_usage = models.all();
    let used_most = model_usage.iter().max_by_key(|usage| usage.count);
    SessionUsageRow {
        key: newest.key.to_string(),
        label: newest.label.clone(),
        session_id: newest.id.to_string(),
        scope: grouping.as_str().to_owned(),
        updated_at: newest.last_at_ms,
        agent_id: newest.agent.to_string(),
        creator_key: NOBODY.to_owned(),
        channel: channel_of(&newest.key).map(str::to_owned),
        chat_type: None,
        model_provider: used_most.map(|usage| usage.provider.clone()),
        model: used_most.and_then(|usage| usage.model.clone()),
        has_context_weight: false,
        usage: Some(SessionUsageDetail {
            totals,
            first_activity,
            last_activity: newest.last_at_ms,
            duration_ms: newest.last_at_ms - first_activity,
            activity_dates: days.keys().map(|day| date(dates, *day)).collect(),
            daily_breakdown: days.iter().map(breakdown).collect(),
            daily_message_counts: done.days.iter().map(on_day).collect(),
            daily_model_usage: model_daily,
            message_counts: done.counts,
            tool_usage: done.tools,
            model_usage,
        }),
    }
}

/// Sums by model, and by model and day.
#[derive(Default)]
struct Models {
    all: BTreeMap<(String, String), ModelUsage>,
    days: BTreeMap<(usize, String, String), DatedModelUsage>,
}

impl Models {
    fn add(&mut self, day: usize, provider: &str, model: &str, calls: u64, totals: &UsageTotals) {
        let all = self.all.entry((provider.to_owned(), model.to_owned())).or_default();
        all.count += calls;
        prices::add(&mut all.totals, totals);
        let one = self.days.entry((day, provider.to_owned(), model.to_owned())).or_default();
        one.tokens += totals.total_tokens;
        one.cost += totals.total_cost;
        one.count += calls;
    }

    fn all(self) -> Vec<ModelUsage> {
        let named = |((provider, model), usage)| ModelUsage { provider, model: Some(model), ..usage };
        dearest_first(self.all.into_iter().map(named).collect(), |usage: &ModelUsage| usage.totals)
    }

    fn daily(&self, dates: &[String]) -> Vec<DatedModelUsage> {
        let named = |((day, provider, model), usage): (&(usize, String, String), &DatedModelUsage)| DatedModelUsage {
            date: date(dates, *day),
            provider: provider.clone(),
            model: model.clone(),
            ..usage.clone()
        };
        self.days.iter().map(named).collect()
    }
}

/// What went on, by day and in all.
struct Activity {
    days: BTreeMap<usize, MessageCounts>,
    counts: MessageCounts,
    tools: ToolUsage,
}

impl Activity {
    /// `calls` are the calls of models, by day.
    fn of<'a>(activity: impl Iterator<Item = &'a UsageActivity>, calls: &BTreeMap<usize, u64>) -> Self {
        let mut days: BTreeMap<usize, MessageCounts> = BTreeMap::new();
        let mut tools: BTreeMap<&str, u64> = BTreeMap::new();
        for (day, calls) in calls {
            days.entry(*day).or_default().assistant = *calls;
        }
        for one in activity {
            let day = days.entry(one.day).or_default();
            let tool_calls: u64 = one.tools.values().sum();
            day.user += one.turns;
            day.tool_calls += tool_calls;
            day.tool_results += tool_calls;
            day.errors += one.failures;
            for (tool, calls) in &one.tools {
                *tools.entry(tool).or_default() += calls;
            }
        }
        let mut counts = MessageCounts::default();
        for day in days.values_mut() {
            day.total = day.user + day.assistant;
            counts.total += day.total;
            counts.user += day.user;
            counts.assistant += day.assistant;
            counts.tool_calls += day.tool_calls;
            counts.tool_results += day.tool_results;
            counts.errors += day.errors;
        }
        let mut counted: Vec<ToolCount> =
            tools.into_iter().map(|(name, count)| ToolCount { name: name.to_owned(), count }).collect();
        counted.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.name.cmp(&other.name)));
        let tools = ToolUsage { total_calls: counts.tool_calls, unique_tools: counted.len(), tools: counted };
        Self { days, counts, tools }
    }
}

/// Which model it was is not told apart here, so that the money is whole and its parts are not known.
fn by_channel(sessions: &[SessionUsage]) -> Vec<ChannelUsage> {
    let mut channels: BTreeMap<&str, UsageSums> = BTreeMap::new();
    for session in sessions {
        if let Some(channel) = channel_of(&session.key) {
            channels.entry(channel).or_default().add(&session.sums);
        }
    }
    let named = |(channel, sums): (&str, UsageSums)| ChannelUsage {
        channel: channel.to_owned(),
        totals: prices::totals(&sums, None),
    };
    dearest_first(channels.into_iter().map(named).collect(), |usage: &ChannelUsage| usage.totals)
}

fn dearest_first<T>(mut usages: Vec<T>, totals: impl Fn(&T) -> UsageTotals) -> Vec<T> {
    usages.sort_by(|one, other| {
        let (one, other) = (totals(one), totals(other));
        other.total_cost.total_cmp(&one.total_cost).then(other.total_tokens.cmp(&one.total_tokens))
    });
    usages
}

fn date(dates: &[String], day: usize) -> String {
    dates.get(day).cloned().unwrap_or_default()
}
