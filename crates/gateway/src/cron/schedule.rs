//! When a job is due, and what is to be done about times that went by. Pure: schedules and times in, times out.
//!
//! A time of day that the clocks skip counts at the first moment after the gap; one that comes twice counts once.

use chela_protocol::methods::cron::CronSchedule;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp, Zoned};

/// Shortest time between two runs: each is a turn, which costs money.
pub(super) const EVERY_MIN_MS: i64 = 1_000;

/// A job that begins no later than this is on time: a restart takes seconds, and what waits for a place in the queue as well.
const ON_TIME_MS: i64 = 60_000;

/// How long after its time a missed run is still made up: yesterday's report is of use today, last week's is not.
const MAKE_UP_MS: i64 = 24 * 60 * 60 * 1_000;

/// The same for what is due once: nothing comes after it, so a late reminder is better than none for longer.
const MAKE_UP_ONCE_MS: i64 = 7 * MAKE_UP_MS;

/// Missed times are counted up to here.
const COUNT_MAX: u32 = 1_000;

/// Longest cron expression: one that names every minute and hour is shorter.
const EXPRESSION_MAX: usize = 512;

/// By how much jobs of each full hour come later at most, where nothing else is asked: so that they don't all come at once, and not with
/// those of everybody else. As in the reference system.
const FULL_HOUR_STAGGER_MS: i64 = 5 * 60 * 1_000;

/// Why a schedule can't be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScheduleError {
    #[error("`{0}` is no time; write it as in 2027-01-31T09:00:00+01:00, or in Unix milliseconds")]
    Time(String),
    #[error("`everyMs` is {0}; it is at least {EVERY_MIN_MS}")]
    Every(i64),
    #[error("`{expr}` is no cron expression: {why}")]
    Expression { expr: String, why: String },
    #[error("no time zone is called `{0}`; write it as in Europe/Berlin")]
    Zone(String),
}

/// A schedule that was understood.
#[derive(Debug, Clone)]
pub(super) enum Timetable {
    Once { at_ms: i64 },
    Every { every_ms: i64, anchor_ms: i64 },
    Cron { cron: Box<Cron>, zone: TimeZone, later_ms: i64 },
}

/// Whether a missed run is made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MakeUp {
    Once,
    Never,
}

/// What a due job is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// The time that it runs for now, if it does.
    pub run: Option<i64>,
    pub next: Option<i64>,
    pub missed: Option<Missed>,
}

/// Times at which nobody was there to run it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Missed {
    pub first_ms: i64,
    /// At most [`COUNT_MAX`].
    pub count: u32,
}

impl Timetable {
    /// `id` says how much later than others a job with a stagger comes; `made_at_ms` is where counting begins, and `zone` holds
    /// where the schedule names none.
    pub(super) fn of(
        schedule: &CronSchedule,
        id: &str,
        made_at_ms: i64,
        zone: &TimeZone,
    ) -> Result<Self, ScheduleError> {
        match schedule {
            CronSchedule::At { at } => Ok(Self::Once { at_ms: time_of(at)? }),
            CronSchedule::Every { every_ms, .. } if *every_ms < EVERY_MIN_MS => Err(ScheduleError::Every(*every_ms)),
            CronSchedule::Every { every_ms, anchor_ms } => {
                Ok(Self::Every { every_ms: *every_ms, anchor_ms: anchor_ms.unwrap_or(made_at_ms) })
            }
            CronSchedule::Cron { expr, tz, stagger_ms } => {
                let zone = match tz.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
                    Some(name) => TimeZone::get(name).map_err(|_| ScheduleError::Zone(name.to_owned()))?,
                    None => zone.clone(),
                };
                let stagger_ms = stagger_ms.unwrap_or(if is_each_full_hour(expr) { FULL_HOUR_STAGGER_MS } else { 0 });
                let later_ms = if stagger_ms > 0 { share_of(id, stagger_ms) } else { 0 };
                Ok(Self::Cron { cron: Box::new(expression(expr)?), zone, later_ms })
            }
        }
    }

    /// The first time after this one.
    pub(super) fn next_after(&self, at_ms: i64) -> Option<i64> {
        match self {
            Self::Once { at_ms: once } => Some(*once).filter(|once| *once > at_ms),
            Self::Every { every_ms, anchor_ms } => {
                let steps = (at_ms.checked_sub(*anchor_ms)?).div_euclid(*every_ms) + 1;
                anchor_ms.checked_add(steps.max(0).checked_mul(*every_ms)?)
            }
            Self::Cron { cron, zone, later_ms } => {
                let from = zoned(at_ms - later_ms, zone)?;
                // A pattern that no date matches ends with an error, after its search limit.
                let next = cron.find_next_occurrence(&from, false).ok()?;
                Some(next.timestamp().as_millisecond() + later_ms)
            }
        }
    }

    /// What to do with a job that was due at `due_ms` and not later than `now_ms`.
    pub(super) fn plan(&self, due_ms: i64, now_ms: i64, make_up: MakeUp) -> Plan {
        let (latest, earlier) = self.latest(due_ms, now_ms);
        let late_ms = now_ms - latest;
        let window_ms = match self {
            Self::Once { .. } => MAKE_UP_ONCE_MS,
            Self::Every { .. } | Self::Cron { .. } => MAKE_UP_MS,
        };
        let is_missed = late_ms > ON_TIME_MS;
        let runs = !is_missed || (make_up == MakeUp::Once && late_ms <= window_ms);
        let count = earlier + u32::from(is_missed);
        Plan {
            run: runs.then_some(latest),
            next: self.next_after(now_ms),
            missed: (count > 0).then_some(Missed { first_ms: due_ms, count }),
        }
    }

    /// The latest time up to now, and how many went by before it.
    fn latest(&self, due_ms: i64, now_ms: i64) -> (i64, u32) {
        let (mut latest, mut earlier) = (due_ms, 0);
        while let Some(next) = self.next_after(latest).filter(|next| *next <= now_ms) {
            if earlier == COUNT_MAX {
                // Long gone by; the rest needs no counting.
                return (self.last_until(now_ms).unwrap_or(latest), earlier);
            }
            (latest, earlier) = (next, earlier + 1);
        }
        (latest, earlier)
    }

    fn last_until(&self, now_ms: i64) -> Option<i64> {
        match self {
            Self::Once { at_ms } => Some(*at_ms),
            Self::Every { every_ms, .. } => self.next_after(now_ms).map(|next| next - every_ms),
            Self::Cron { cron, zone, later_ms } => {
                let last = cron.find_previous_occurrence(&zoned(now_ms - later_ms, zone)?, true).ok()?;
                Some(last.timestamp().as_millisecond() + later_ms)
            }
        }
    }
}

/// Reads a point in time: RFC 3339, with a zone behind it, without any (then it is UTC), or in Unix milliseconds.
pub(super) fn time_of(text: &str) -> Result<i64, ScheduleError> {
    let text = text.trim();
    if let Ok(at_ms) = text.parse::<i64>() {
        return Timestamp::from_millisecond(at_ms).map(Timestamp::as_millisecond).map_err(|_| unreadable(text));
    }
    let with_zone = || text.parse::<Zoned>().ok().map(|time| time.timestamp());
    let with_offset = || text.parse::<Timestamp>().ok();
    let without = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp());
    let time = with_zone().or_else(with_offset).or_else(without);
    time.map(Timestamp::as_millisecond).ok_or_else(|| unreadable(text))
}

/// The schedule with a fixed time in the place of a span from now on (`+20m`, `+1d 2h`).
pub(super) fn fixed(schedule: CronSchedule, now_ms: i64) -> Result<CronSchedule, ScheduleError> {
    let CronSchedule::At { at } = &schedule else { return Ok(schedule) };
    let Some(span) = at.trim().strip_prefix('+') else { return Ok(schedule) };
    let span = span.trim().parse::<Span>().ok();
    // A day is a day here, whatever the clocks do meanwhile.
    let length = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    let now = Timestamp::from_millisecond(now_ms).map_err(|_| unreadable(at))?;
    let time = length.and_then(|length| now.checked_add(length).ok()).ok_or_else(|| unreadable(at))?;
    Ok(CronSchedule::At { at: time.to_string() })
}

/// Milliseconds in RFC 3339, as people and models read them.
pub(super) fn shown(at_ms: i64, zone: &TimeZone) -> String {
    zoned(at_ms, zone).map_or_else(|| at_ms.to_string(), |time| time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

fn unreadable(text: &str) -> ScheduleError {
    ScheduleError::Time(text.chars().take(64).collect())
}

fn expression(expr: &str) -> Result<Cron, ScheduleError> {
    let bad = |why: String| ScheduleError::Expression { expr: expr.chars().take(64).collect(), why };
    if expr.len() > EXPRESSION_MAX {
        return Err(bad(format!("it has more than {EXPRESSION_MAX} bytes")));
    }
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    parser.parse(expr).map_err(|error| bad(error.to_string()))
}

/// Whether it is due at the full of each hour, or of each so many.
fn is_each_full_hour(expr: &str) -> bool {
    let fields: Vec<&str> = expr.split_whitespace().collect();
    let hours = match fields[..] {
        ["@hourly"] => "*",
        ["0", hours, _, _, _] | ["0", "0", hours, _, _, _] => hours,
        _ => return false,
    };
    hours.contains('*')
}

fn zoned(at_ms: i64, zone: &TimeZone) -> Option<Zoned> {
    Timestamp::from_millisecond(at_ms).ok().map(|time| time.to_zoned(zone.clone()))
}

/// A part of `stagger_ms` that is always the same for an id: FNV-1a.
fn share_of(id: &str, stagger_ms: i64) -> i64 {
    let hash =
        id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    i64::try_from(hash >> 1).unwrap_or(0) % stagger_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn cron(expr: &str, zone: &str) -> Timetable {
        let schedule = CronSchedule::Cron { expr: expr.into(), tz: Some(zone.into()), stagger_ms: None };
        Timetable::of(&schedule, "id", 0, &TimeZone::UTC).unwrap()
    }

    fn every(every_ms: i64, anchor_ms: i64) -> Timetable {
        Timetable::Every { every_ms, anchor_ms }
    }

    fn times(table: &Timetable, from: &str, count: usize) -> Vec<String> {
        let next = |last: &i64| table.next_after(*last);
        let times = std::iter::successors(table.next_after(ms(from)), next).take(count);
        times.map(|time| Timestamp::from_millisecond(time).unwrap().to_string()).collect()
    }

    #[test]
    fn a_time_that_the_clocks_skip_counts_once_at_the_next_moment() {
        let table = cron("30 2 * * *", "Europe/Berlin");
        let expected = ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"];
        assert_eq!(times(&table, "2026-03-28T00:00:00Z", 3), expected);
    }

    #[test]
    fn a_time_that_comes_twice_counts_once() {
        let table = cron("30 2 * * *", "Europe/Berlin");
        let expected = ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"];
        assert_eq!(times(&table, "2026-10-25T00:00:00Z", 2), expected);
    }

    #[test]
    fn expressions_are_those_of_the_reference_system() {
        let next = |expr: &str| times(&cron(expr, "UTC"), "2026-11-20T12:00:30Z", 1).remove(0);
        assert_eq!(next("*/15 * * * *"), "2026-11-20T12:15:00Z");
        assert_eq!(next("*/10 * * * * *"), "2026-11-20T12:00:40Z");
        assert_eq!(next("0 9 L * *"), "2026-11-30T09:00:00Z");
        assert_eq!(next("0 9 * * MON#1"), "2026-12-07T09:00:00Z");
        assert_eq!(next("@daily"), "2026-11-21T00:00:00Z");
        assert_eq!(cron("0 0 30 2 *", "UTC").next_after(ms("2026-01-01T00:00:00Z")), None);
    }

    #[test]
    fn a_count_begins_at_its_anchor_and_goes_on_from_there() {
        let table = every(10_000, 3_000);
        let next: Vec<_> = [-50_000, 2_999, 3_000, 12_999, 13_000].map(|at| table.next_after(at).unwrap()).into();
        assert_eq!(next, [3_000, 3_000, 13_000, 13_000, 23_000]);
    }

    #[test]
    fn a_stagger_is_always_the_same_and_within_its_window() {
        let schedule = CronSchedule::Cron { expr: "0 * * * *".into(), tz: None, stagger_ms: Some(300_000) };
        let next = |id| Timetable::of(&schedule, id, 0, &TimeZone::UTC).unwrap().next_after(0).unwrap();
        let times = ["a", "b", "c", "a"].map(next);
        assert_eq!(times[0], times[3]);
        assert!(times[0] != times[1] && times.iter().all(|time| (0..HOUR + 300_000).contains(time)), "{times:?}");
    }

    #[test]
    fn what_is_due_at_each_full_hour_comes_later_by_a_part_of_five_minutes() {
        let later = |expr: &str, stagger_ms| {
            let schedule = CronSchedule::Cron { expr: expr.into(), tz: None, stagger_ms };
            match Timetable::of(&schedule, "a job", 0, &TimeZone::UTC).unwrap() {
                Timetable::Cron { later_ms, .. } => later_ms,
                other => panic!("{other:?}"),
            }
        };
        let its_part = share_of("a job", 300_000);
        assert!((1..300_000).contains(&its_part));
        for expr in ["0 * * * *", "0 */2 * * 1-5", "0 0 * * * *", "@hourly"] {
            assert_eq!((later(expr, None), later(expr, Some(0))), (its_part, 0), "{expr}");
        }
        for expr in ["0 9 * * *", "30 * * * *", "* * * * *", "0 9-17 * * *", "15 0 * * * *", "@daily"] {
            assert_eq!(later(expr, None), 0, "{expr}");
        }
        assert_eq!(later("0 9 * * *", Some(60_000)), share_of("a job", 60_000));
    }

    #[test]
    fn times_are_read_in_every_form() {
        for text in ["2027-01-31T09:00:00+01:00", "2027-01-31T08:00:00Z", "2027-01-31T08:00:00", "1801382400000"] {
            assert_eq!(time_of(text), Ok(ms("2027-01-31T08:00:00Z")), "{text}");
        }
        assert_eq!(time_of("2027-01-31T09:00:00[Europe/Berlin]"), Ok(ms("2027-01-31T08:00:00Z")));
        assert_eq!(time_of("soon"), Err(ScheduleError::Time("soon".into())));
    }

    #[test]
    fn a_span_becomes_a_time() {
        let at = |at: &str| fixed(CronSchedule::At { at: at.into() }, 60_000);
        assert_eq!(at("+20m"), Ok(CronSchedule::At { at: "1970-01-01T00:21:00Z".into() }));
        assert_eq!(at(" +1d 2h"), Ok(CronSchedule::At { at: "1970-01-02T02:01:00Z".into() }));
        assert_eq!(at("2027-01-31"), Ok(CronSchedule::At { at: "2027-01-31".into() }));
        assert_eq!(at("+soon"), Err(ScheduleError::Time("+soon".into())));
    }

    #[test]
    fn what_can_not_be_kept_is_refused_with_the_reason() {
        let refused =
            |schedule: &CronSchedule| Timetable::of(schedule, "x", 0, &TimeZone::UTC).unwrap_err().to_string();
        let bad = CronSchedule::Cron { expr: "61 * * * *".into(), tz: None, stagger_ms: None };
        assert!(refused(&bad).starts_with("`61 * * * *` is no cron expression"));
        let nowhere = CronSchedule::Cron { expr: "* * * * *".into(), tz: Some("Mars/Base".into()), stagger_ms: None };
        assert!(refused(&nowhere).contains("Mars/Base"));
        assert!(refused(&CronSchedule::Every { every_ms: 10, anchor_ms: None }).contains("at least 1000"));
    }

    #[test]
    fn g32_what_is_on_time_runs_and_nothing_is_missed() {
        let plan = every(HOUR, 0).plan(HOUR, HOUR + 30_000, MakeUp::Once);
        assert_eq!(plan, Plan { run: Some(HOUR), next: Some(2 * HOUR), missed: None });
    }

    #[test]
    fn g32_what_was_missed_is_counted_and_made_up_once() {
        let missed = |count| Some(Missed { first_ms: HOUR, count });
        let late = every(HOUR, 0).plan(HOUR, 4 * HOUR + 120_000, MakeUp::Once);
        assert_eq!(late, Plan { run: Some(4 * HOUR), next: Some(5 * HOUR), missed: missed(4) });
        let not_wanted = every(HOUR, 0).plan(HOUR, 4 * HOUR + 120_000, MakeUp::Never);
        assert_eq!(not_wanted, Plan { run: None, next: Some(5 * HOUR), missed: missed(4) });
        // The last one is on time again, so only those before it were missed.
        let just = every(HOUR, 0).plan(HOUR, 4 * HOUR, MakeUp::Never);
        assert_eq!(just, Plan { run: Some(4 * HOUR), next: Some(5 * HOUR), missed: missed(3) });
    }

    #[test]
    fn g32_what_is_missed_for_too_long_is_not_made_up() {
        let yearly = cron("0 9 1 1 *", "UTC");
        let due = ms("2026-01-01T09:00:00Z");
        let plan = yearly.plan(due, due + MAKE_UP_MS + 1, MakeUp::Once);
        assert_eq!(plan.run, None);
        assert_eq!(plan.missed, Some(Missed { first_ms: due, count: 1 }));
        let once = Timetable::Once { at_ms: 0 };
        let lost = Some(Missed { first_ms: 0, count: 1 });
        assert_eq!(once.plan(0, 3 * MAKE_UP_MS, MakeUp::Once), Plan { run: Some(0), next: None, missed: lost });
        assert_eq!(once.plan(0, 8 * MAKE_UP_MS, MakeUp::Once), Plan { run: None, next: None, missed: lost });
    }

    #[test]
    fn a_long_absence_costs_no_long_count() {
        let plan = every(1_000, 0).plan(1_000, 1_000_000_000_500, MakeUp::Once);
        assert_eq!((plan.run, plan.next), (Some(1_000_000_000_000), Some(1_000_000_001_000)));
        assert_eq!(plan.missed.map(|missed| missed.count), Some(COUNT_MAX));
        let minutes = cron("* * * * *", "UTC");
        let plan = minutes.plan(ms("2020-01-01T00:00:00Z"), ms("2026-01-01T00:00:10Z"), MakeUp::Once);
        assert_eq!(plan.run, Some(ms("2026-01-01T00:00:00Z")));
    }
}
