//! What calls used, summed for reports: by day, by model, by conversation. Counts only; no transcript is read.
//!
//! Everything here runs beside the short reads and ends after a time, so that a look at a year of a busy house holds up no turn.

use std::collections::BTreeMap;

use chela_protocol::{AgentId, SessionId, SessionKey};
use rusqlite::{Connection, Row, ToSql};

use crate::sql::{self, Count, Key};
use crate::{Store, StoreError};

/// Conversations of one report: who looks at more reads none of them. The sums by day count them all.
const CONVERSATIONS_MAX: usize = 10_000;

/// Which calls a report is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsageQuery {
    /// The days, oldest first, each from its beginning to before its end; Unix milliseconds. A day's place here is its number.
    pub days: Vec<(i64, i64)>,
    pub agent: Option<AgentId>,
    /// Every conversation that this key ever had.
    pub session: Option<SessionKey>,
}

/// What some calls used together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsageSums {
    pub calls: u64,
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_write: u64,
    /// Millionths of a US dollar, of the calls whose price was known.
    pub cost_micros: u64,
    /// Calls whose price was not known.
    pub unpriced: u64,
}

/// Sums of one day, agent and model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayUsage {
    pub day: usize,
    pub agent: AgentId,
    pub provider: String,
    pub model: String,
    pub sums: UsageSums,
}

/// Sums of one conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionUsage {
    pub id: SessionId,
    pub key: SessionKey,
    /// What people call the session.
    pub label: Option<String>,
    pub agent: AgentId,
    pub first_at_ms: i64,
    pub last_at_ms: i64,
    pub sums: UsageSums,
}

/// Sums of one day and model within one conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartUsage {
    pub id: SessionId,
    pub day: usize,
    pub provider: String,
    pub model: String,
    pub sums: UsageSums,
}

/// What went on in one day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsageActivity {
    /// The conversation that it went on in; `None` for all together.
    pub id: Option<SessionId>,
    pub day: usize,
    /// Runs that called a model.
    pub turns: u64,
    /// Accepted messages whose turn failed, as far back as the inbox remembers.
    pub failures: u64,
    /// Calls of each tool, by its name.
    pub tools: BTreeMap<String, u64>,
}

/// A report, as of one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsageReport {
    pub by_day: Vec<DayUsage>,
    /// Conversations that were not deleted since, those that were used last first.
    pub sessions: Vec<SessionUsage>,
    /// Of the first `detailed` of `sessions`.
    pub parts: Vec<PartUsage>,
    /// Of everything, and then of the first `detailed` of `sessions`.
    pub activity: Vec<UsageActivity>,
}

/// One or more calls of a conversation that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsagePoint {
    /// When the last of them ended.
    pub at_ms: i64,
    pub sums: UsageSums,
}

/// The sums, as columns that [`read_sums`] knows.
macro_rules! sums {
    () => {
        "count(*) AS calls, sum(input) AS input, sum(output) AS output, sum(cache_read) AS cache_read,
         sum(cache_write) AS cache_write, coalesce(sum(cost_micros), 0) AS cost_micros,
         sum(cost_micros IS NULL) AS unpriced"
    };
}

/// The calls that a [`Selection`] is about, each with its day; `$more` joins something else to them.
macro_rules! of_calls {
    ($more:literal) => {
        concat!(
            " FROM json_each(?1) d CROSS JOIN usage u ON u.at_ms >= d.value ->> 0 AND u.at_ms < d.value ->> 1 ",
            $more,
            " WHERE (?2 IS NULL OR u.agent = ?2)
                AND (?3 IS NULL OR u.session_id IN (SELECT id FROM conversations WHERE session_key = ?3))
                AND (?4 IS NULL OR u.session_id IN (SELECT value FROM json_each(?4))) "
        )
    };
}

/// A query as SQL takes it: parameters 1 to 4.
struct Selection {
    days: String,
    agent: Option<String>,
    session: Option<String>,
    /// Only these conversations, and each by itself.
    within: Option<String>,
}

impl UsageSums {
    pub fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.input += other.input;
        self.output += other.output;
        self.cache_read += other.cache_read;
        self.cache_write += other.cache_write;
        self.cost_micros += other.cost_micros;
        self.unpriced += other.unpriced;
    }
}

impl Store {
    /// When the oldest call that is remembered ended.
    pub async fn first_usage_at(&self) -> Result<Option<i64>, StoreError> {
        self.read(|c| sql::only(c, "SELECT min(at_ms) FROM usage", [], |row| row.get(0))).await
    }

    /// Sums by day, agent and model, in this order.
    pub async fn usage_by_day(&self, query: UsageQuery) -> Result<Vec<DayUsage>, StoreError> {
        self.scan(move |c| by_day(c, &Selection::of(&query))).await
    }

    /// Sums by day, and by conversation; the first `detailed` conversations with all that is known of them.
    pub async fn usage_report(&self, query: UsageQuery, detailed: usize) -> Result<UsageReport, StoreError> {
        self.scan(move |c| {
            let all = Selection::of(&query);
            let sessions = by_session(c, &all)?;
            let detailed = Selection::within(&query, &sessions[..detailed.min(sessions.len())]);
            let mut activity = activity(c, &all)?;
            activity.extend(self::activity(c, &detailed)?);
            Ok(UsageReport { by_day: by_day(c, &all)?, parts: parts(c, &detailed)?, activity, sessions })
        })
        .await
    }

    /// The calls of one conversation in their order, joined to `most` points at the most.
    pub async fn usage_points(&self, session_id: &SessionId, most: u32) -> Result<Vec<UsagePoint>, StoreError> {
        let id = session_id.to_string();
        self.scan(move |c| {
            let points = concat!(
                "SELECT max(at_ms) AS at_ms, ",
                sums!(),
                " FROM (SELECT *, ntile(?2) OVER (ORDER BY number) AS point FROM usage WHERE session_id = ?1)
                  GROUP BY point ORDER BY point"
            );
            let read = |row: &Row<'_>| Ok(UsagePoint { at_ms: row.get("at_ms")?, sums: read_sums(row)? });
            sql::all(c, points, (id, most.max(1)), read)
        })
        .await
    }
}

impl Selection {
    fn of(query: &UsageQuery) -> Self {
        let days: Vec<[i64; 2]> = query.days.iter().map(|(from, to)| [*from, *to]).collect();
        Self {
            days: serde_json::json!(days).to_string(),
            agent: query.agent.as_ref().map(ToString::to_string),
            session: query.session.as_ref().map(ToString::to_string),
            within: None,
        }
    }

    fn within(query: &UsageQuery, sessions: &[SessionUsage]) -> Self {
        let ids: Vec<&str> = sessions.iter().map(|session| session.id.as_str()).collect();
        Self { within: Some(serde_json::json!(ids).to_string()), ..Self::of(query) }
    }

    fn params(&self) -> [&dyn ToSql; 4] {
        [&self.days, &self.agent, &self.session, &self.within]
    }

    /// As an activity says whose it is.
    fn owner(&self, id: String) -> Option<SessionId> {
        self.within.is_some().then(|| id.into())
    }
}

fn by_day(connection: &Connection, selection: &Selection) -> Result<Vec<DayUsage>, StoreError> {
    let days = concat!(
        "SELECT d.key AS day, u.agent, u.provider, u.model, ",
        sums!(),
        of_calls!(""),
        "GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    );
    sql::all(connection, days, &selection.params()[..], |row| {
        Ok(DayUsage {
            day: read_day(row)?,
            agent: sql::id(row, "agent")?,
            provider: row.get("provider")?,
            model: row.get("model")?,
            sums: read_sums(row)?,
        })
    })
}

fn by_session(connection: &Connection, selection: &Selection) -> Result<Vec<SessionUsage>, StoreError> {
    let sessions = concat!(
        "SELECT u.session_id, c.session_key, s.label, max(u.agent) AS agent, min(u.at_ms) AS first_at, max(u.at_ms) AS last_at, ",
        sums!(),
        of_calls!("JOIN conversations c ON c.id = u.session_id LEFT JOIN sessions s ON s.key = c.session_key"),
        "GROUP BY u.session_id ORDER BY last_at DESC, u.session_id LIMIT ?5"
    );
    let [days, agent, session, within] = selection.params();
    let most = sql::limit(CONVERSATIONS_MAX);
    sql::all(connection, sessions, &[days, agent, session, within, &most][..], |row| {
        let Key(key) = row.get("session_key")?;
        Ok(SessionUsage {
            id: sql::id(row, "session_id")?,
            key,
            label: row.get("label")?,
            agent: sql::id(row, "agent")?,
            first_at_ms: row.get("first_at")?,
            last_at_ms: row.get("last_at")?,
            sums: read_sums(row)?,
        })
    })
}

fn parts(connection: &Connection, selection: &Selection) -> Result<Vec<PartUsage>, StoreError> {
    let parts = concat!(
        "SELECT u.session_id, d.key AS day, u.provider, u.model, ",
        sums!(),
        of_calls!(""),
        "GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    );
    sql::all(connection, parts, &selection.params()[..], |row| {
        Ok(PartUsage {
            id: sql::id(row, "session_id")?,
            day: read_day(row)?,
            provider: row.get("provider")?,
            model: row.get("model")?,
            sums: read_sums(row)?,
        })
    })
}

/// A conversation, or nothing for all together, and a day.
type Place = (String, usize);

/// By conversation when the selection names some, and by day.
fn activity(connection: &Connection, selection: &Selection) -> Result<Vec<UsageActivity>, StoreError> {
    let mut found: BTreeMap<Place, UsageActivity> = BTreeMap::new();
    let turns = concat!(
        "SELECT iif(?4 IS NULL, '', u.session_id) AS id, d.key AS day, count(DISTINCT u.run) AS count",
        of_calls!(""),
        "GROUP BY 1, 2"
    );
    for (place, (), turns) in counts(connection, turns, selection, |_| Ok(()))? {
        found.entry(place).or_default().turns = turns;
    }
    let tools = concat!(
        "SELECT iif(?4 IS NULL, '', u.session_id) AS id, d.key AS day, t.value AS tool, count(*) AS count",
        of_calls!("CROSS JOIN json_each(u.tools) t"),
        "GROUP BY 1, 2, 3"
    );
    for (place, tool, calls) in counts(connection, tools, selection, |row| row.get::<_, String>("tool"))? {
        found.entry(place).or_default().tools.insert(tool, calls);
    }
    // A message that failed may have called no model, so it is looked for where it was accepted.
    let failures = "SELECT iif(?4 IS NULL, '', c.id) AS id, d.key AS day, count(*) AS count
                    FROM json_each(?1) d
                    CROSS JOIN inbox i ON i.closed_at_ms >= d.value ->> 0 AND i.closed_at_ms < d.value ->> 1
                    LEFT JOIN sessions s ON s.key = i.session_key
                    LEFT JOIN conversations c ON c.number = s.conversation
                    WHERE i.state = 'failed' AND (?2 IS NULL OR i.agent = ?2) AND (?3 IS NULL OR i.session_key = ?3)
                      AND (?4 IS NULL OR c.id IN (SELECT value FROM json_each(?4)))
                    GROUP BY 1, 2";
    for (place, (), failures) in counts(connection, failures, selection, |_| Ok(()))? {
        found.entry(place).or_default().failures = failures;
    }
    let named = |((id, day), activity)| UsageActivity { id: selection.owner(id), day, ..activity };
    Ok(found.into_iter().map(named).collect())
}

/// Rows of a conversation, a day, something more, and their count.
fn counts<K>(
    connection: &Connection,
    sql: &str,
    selection: &Selection,
    more: impl Fn(&Row<'_>) -> rusqlite::Result<K>,
) -> Result<Vec<(Place, K, u64)>, StoreError> {
    sql::all(connection, sql, &selection.params()[..], |row| {
        let Count(count) = row.get("count")?;
        Ok(((row.get("id")?, read_day(row)?), more(row)?, count))
    })
}

fn read_day(row: &Row<'_>) -> rusqlite::Result<usize> {
    row.get("day").map(|Count(day)| usize::try_from(day).unwrap_or(usize::MAX))
}

fn read_sums(row: &Row<'_>) -> rusqlite::Result<UsageSums> {
    let count = |column: &str| row.get(column).map(|Count(count)| count);
    Ok(UsageSums {
        calls: count("calls")?,
        input: count("input")?,
        output: count("output")?,
        cache_read: count("cache_read")?,
        cache_write: count("cache_write")?,
        cost_micros: count("cost_micros")?,
        unpriced: count("unpriced")?,
    })
}
