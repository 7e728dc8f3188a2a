//! Which days a client asks for, and in whose time zone. Pure: parameters and the time in, days out.

use chela_protocol::RpcError;
use chela_protocol::methods::usage::UsageParams;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan as _};
use serde_json::Value;

/// Days when the client doesn't say.
const DAYS_DEFAULT: i32 = 30;

/// Days of one report: ten years, more than calls are remembered.
const DAYS_MAX: usize = 3_660;

/// The range that begins with the first call ever.
const ALL: &str = "all";

/// Days in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Days {
    /// `YYYY-MM-DD`.
    pub dates: Vec<String>,
    /// Of each day, its beginning and that of the next; Unix milliseconds.
    pub bounds: Vec<(i64, i64)>,
}

/// Whether the answer depends on when the first call was.
pub(super) fn begins_with_the_first(params: &UsageParams) -> bool {
    params.start_date.is_none() && params.range.as_deref() == Some(ALL)
}

impl Days {
    /// `own` is the gateway's time zone; `first_ms` is when the first call was, where [`begins_with_the_first`].
    pub(super) fn asked(
        params: &UsageParams,
        own: &TimeZone,
        now_ms: i64,
        first_ms: Option<i64>,
    ) -> Result<Self, RpcError> {
        let zone = zone_of(params, own)?;
        let day_of = |at_ms: i64| {
            let at = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
            at.to_zoned(zone.clone()).date()
        };
        let today = day_of(now_ms);
        let (first, last) = match (&params.start_date, &params.end_date) {
            (Some(start), Some(end)) => (date_of("startDate", start)?, date_of("endDate", end)?),
            (None, None) if begins_with_the_first(params) => (first_ms.map_or(today, day_of).min(today), today),
            (None, None) => (before(today, length_of(params)? - 1)?, today),
            _ => return Err(RpcError::invalid("startDate and endDate must be provided together")),
        };
        if first > last {
            return Err(RpcError::invalid(format!("startDate {first} is after endDate {last}")));
        }
        Self::between(first, last, &zone)
    }

    fn between(first: Date, last: Date, zone: &TimeZone) -> Result<Self, RpcError> {
        let mut days = Self { dates: Vec::new(), bounds: Vec::new() };
        let mut day = first;
        while day <= last {
            if days.dates.len() == DAYS_MAX {
                return Err(RpcError::invalid(format!(
                    "{first} to {last} is too long; a report has at most {DAYS_MAX} days"
                )));
            }
            let next = day.tomorrow().map_err(|_| RpcError::invalid(format!("{last} is too far off")))?;
            days.dates.push(day.to_string());
            days.bounds.push((start_of(day, zone)?, start_of(next, zone)?));
            day = next;
        }
        Ok(days)
    }
}

fn zone_of(params: &UsageParams, own: &TimeZone) -> Result<TimeZone, RpcError> {
    match params.mode.as_deref() {
        Some("gateway") => return Ok(own.clone()),
        Some("specific") => {}
        _ => return Ok(TimeZone::UTC),
    }
    let named = params.time_zone.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let offset = params.utc_offset.as_deref().map(str::trim).filter(|offset| !offset.is_empty());
    let by_offset = offset.map(|text| offset_of(text).ok_or(text));
    match (named.map(TimeZone::get), by_offset) {
        (Some(Ok(zone)), _) => Ok(zone),
        (_, Some(Ok(offset))) => Ok(TimeZone::fixed(offset)),
        (Some(Err(_)), _) => {
            Err(RpcError::invalid("invalid timeZone: expected the name of a time zone, as in Europe/Berlin"))
        }
        (None, Some(Err(text))) => {
            Err(RpcError::invalid(format!("invalid utcOffset `{text}`: expected UTC-12:00 through UTC+14:00")))
        }
        (None, None) => Ok(TimeZone::UTC),
    }
}

/// Reads `UTC+5`, `UTC-03:30`.
fn offset_of(text: &str) -> Option<Offset> {
    let rest = text.strip_prefix("UTC")?;
    let (sign, digits) = match rest.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
    let is_number = |text: &str| (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(hours) || !is_number(minutes) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let total = sign * (hours * 60 + minutes);
    let exists = minutes < 60 && (-12 * 60..=14 * 60).contains(&total);
    if exists { Offset::from_seconds(total * 60).ok() } else { None }
}

fn date_of(name: &str, text: &str) -> Result<Date, RpcError> {
    let invalid = || RpcError::invalid(format!("invalid {name} `{text}`: expected a valid YYYY-MM-DD calendar date"));
    // Other forms of a date are read as well, and mean something else to other programs.
    if text.len() != "YYYY-MM-DD".len() {
        return Err(invalid());
    }
    text.parse().map_err(|_| invalid())
}

fn length_of(params: &UsageParams) -> Result<i32, RpcError> {
    match params.range.as_deref() {
        Some("7d") => return Ok(7),
        Some("30d") => return Ok(30),
        Some("90d") => return Ok(90),
        Some("1y") => return Ok(365),
        Some(other) => {
            return Err(RpcError::invalid(format!("invalid range `{other}`: expected 7d, 30d, 90d, 1y or all")));
        }
        None => {}
    }
    let days = match &params.days {
        None | Some(Value::Null) => return Ok(DAYS_DEFAULT),
        Some(Value::String(text)) => text.trim().parse::<i64>().ok(),
        Some(other) => other.as_i64(),
    };
    let days = days.ok_or_else(|| RpcError::invalid("invalid days: expected a whole number"))?;
    let most = i64::try_from(DAYS_MAX).unwrap_or(i64::MAX);
    Ok(i32::try_from(days.clamp(1, most)).unwrap_or(DAYS_DEFAULT))
}

fn before(day: Date, days: i32) -> Result<Date, RpcError> {
    day.checked_sub(days.days()).map_err(|_| RpcError::invalid(format!("{days} days before {day} is too far off")))
}

/// The first moment of a day; where the clocks skip midnight, it is the one after the gap.
fn start_of(day: Date, zone: &TimeZone) -> Result<i64, RpcError> {
    let zoned = day.to_zoned(zone.clone()).and_then(|noon| noon.start_of_day());
    zoned
        .map(|start| start.timestamp().as_millisecond())
        .map_err(|_| RpcError::invalid(format!("the day {day} is too far off")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HOUR_MS: i64 = 3_600_000;
    /// 2026-03-29, 12:00 UTC: in Berlin the clocks go forward on this day.
    const NOW_MS: i64 = 1_774_785_600_000;

    fn days(params: Value) -> Result<Days, String> {
        let params: UsageParams = serde_json::from_value(params).unwrap();
        Days::asked(&params, &TimeZone::get("Asia/Tokyo").unwrap(), NOW_MS, Some(NOW_MS - 40 * HOUR_MS))
            .map_err(|error| error.message)
    }

    #[test]
    fn days_end_today_and_are_as_many_as_asked() {
        assert_eq!(days(json!({})).unwrap().dates.len(), 30);
        for asked in [json!({ "days": 2 }), json!({ "days": "2" })] {
            let days = days(asked).unwrap();
            assert_eq!(days.dates, ["2026-03-28", "2026-03-29"]);
            assert_eq!(days.bounds[1].1 - days.bounds[0].0, 48 * HOUR_MS);
        }
        assert_eq!(days(json!({ "range": "1y" })).unwrap().dates.len(), 365);
        assert_eq!(days(json!({ "range": "all" })).unwrap().dates, ["2026-03-27", "2026-03-28", "2026-03-29"]);
        assert_eq!(days(json!({ "days": 0 })).unwrap().dates, ["2026-03-29"]);
    }

    #[test]
    fn days_are_those_of_the_zone_that_is_asked_for() {
        let berlin = json!({ "days": 1, "mode": "specific", "timeZone": "Europe/Berlin", "utcOffset": "UTC+2" });
        let berlin = days(berlin).unwrap();
        assert_eq!(berlin.bounds[0].1 - berlin.bounds[0].0, 23 * HOUR_MS, "an hour is skipped");
        let offset = days(json!({ "days": 1, "mode": "specific", "utcOffset": "UTC-3:30" })).unwrap();
        assert_eq!(offset.bounds[0].0 % (24 * HOUR_MS), 3 * HOUR_MS + HOUR_MS / 2);
        let own = days(json!({ "days": 1, "mode": "gateway" })).unwrap();
        assert_eq!(own.bounds[0].0 % (24 * HOUR_MS), 15 * HOUR_MS);
    }

    #[test]
    fn what_is_no_day_is_refused_by_name() {
        let cases = [
            (json!({ "startDate": "2026-01-01" }), "together"),
            (json!({ "startDate": "2026-02-30", "endDate": "2026-03-01" }), "startDate `2026-02-30`"),
            (json!({ "startDate": "2026-03-02", "endDate": "2026-03-01" }), "after"),
            (json!({ "startDate": "0001-01-01", "endDate": "2026-03-01" }), "at most 3660 days"),
            (json!({ "range": "2w" }), "range `2w`"),
            (json!({ "days": "many" }), "days"),
            (json!({ "mode": "specific", "timeZone": "Mars/Olympus" }), "timeZone"),
            (json!({ "mode": "specific", "utcOffset": "UTC+15" }), "utcOffset `UTC+15`"),
        ];
        for (params, said) in cases {
            let error = days(params.clone()).unwrap_err();
            assert!(error.contains(said), "{params}: {error}");
        }
    }
}
