//! `chela usage`: tokens and money, by what was booked for each call.

use std::fmt::Write as _;
use std::process::ExitCode;

use chela_protocol::methods::usage::{SessionsUsageResult, UsageParams, UsageTotals};
use clap::{Args, ValueEnum};

use super::Outcome;
use crate::context::Context;
use crate::link::decode;
use crate::output::BOLD;

/// Sessions that are listed; the gateway gives no more at once.
const SESSIONS: usize = 1_000;

#[derive(Debug, Args)]
pub(crate) struct UsageArgs {
    /// How many days, up to today
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3_660))]
    days: u32,
    /// What the rows are
    #[arg(long, default_value = "day")]
    by: By,
    /// Only of this agent
    #[arg(long)]
    agent: Option<String>,
    /// Print comma-separated values
    #[arg(long)]
    csv: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Day,
    Model,
    Session,
    Agent,
}

impl By {
    fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Model => "model",
            Self::Session => "session",
            Self::Agent => "agent",
        }
    }
}

pub(crate) fn run(args: UsageArgs, context: &Context) -> Outcome {
    let output = context.output;
    // The days are those of whoever looks.
    let time_zone = jiff::tz::TimeZone::system().iana_name().map(str::to_owned);
    let params = UsageParams {
        days: Some(args.days.into()),
        mode: Some(if time_zone.is_some() { "specific" } else { "utc" }.to_owned()),
        time_zone,
        agent_scope: args.agent.is_none().then(|| "all".to_owned()),
        agent_id: args.agent,
        limit: Some(if args.by == By::Session { SESSIONS } else { 1 }),
        group_by: Some("family".to_owned()),
        ..UsageParams::default()
    };
    let value = context.ask("sessions.usage", params)?;
    if output.json {
        output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let result: SessionsUsageResult = decode("sessions.usage", value)?;
    let rows = rows(&result, args.by);
    if args.csv {
        output.write(&csv(args.by, &rows));
        return Ok(ExitCode::SUCCESS);
    }
    output.line(output.style(BOLD, &format!("{} to {}", result.start_date, result.end_date)));
    if result.totals.total_tokens == 0 {
        output.line("no model was called in these days");
        return Ok(ExitCode::SUCCESS);
    }
    let sum = ("all".to_owned(), result.totals);
    let heading = [args.by.as_str(), "input", "output", "cache read", "cache write", "tokens", "cost"];
    output.table(&heading, rows.iter().chain(Some(&sum)).map(|(name, totals)| cells(name, totals)));
    if result.totals.missing_cost_entries > 0 {
        output.note(format!(
            "the price of {} calls is not known, so that the cost doesn't hold them; `chela models` says which have one",
            result.totals.missing_cost_entries
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn rows(result: &SessionsUsageResult, by: By) -> Vec<(String, UsageTotals)> {
    let all = &result.aggregates;
    match by {
        By::Day => all.cost_daily.iter().map(|day| (day.date.clone(), day.totals)).collect(),
        By::Agent => all.by_agent.iter().map(|agent| (agent.agent_id.clone(), agent.totals)).collect(),
        By::Model => {
            let name = |provider: &str, model: Option<&str>| format!("{provider}/{}", model.unwrap_or("unknown"));
            all.by_model.iter().map(|one| (name(&one.provider, one.model.as_deref()), one.totals)).collect()
        }
        By::Session => {
            let row = |one: &chela_protocol::methods::usage::SessionUsageRow| {
                (one.key.clone(), one.usage.as_ref().map(|usage| usage.totals).unwrap_or_default())
            };
            result.sessions.iter().map(row).collect()
        }
    }
}

fn cells(name: &str, totals: &UsageTotals) -> Vec<String> {
    let UsageTotals { input, output, cache_read, cache_write, total_tokens, .. } = totals;
    let counts = [input, output, cache_read, cache_write, total_tokens].map(|count| grouped(*count));
    let more = if totals.missing_cost_entries > 0 { "+" } else { "" };
    let cost = format!("${:.4}{more}", totals.total_cost);
    std::iter::once(name.to_owned()).chain(counts).chain(Some(cost)).collect()
}

/// `1234567` as `1 234 567`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Numbers as programs read them; without a last row for the sum, which a spreadsheet would count twice.
fn csv(by: By, rows: &[(String, UsageTotals)]) -> String {
    let mut text =
        format!("{},input,output,cache_read,cache_write,total_tokens,cost_usd,unpriced_calls\n", by.as_str());
    for (name, totals) in rows {
        let UsageTotals { input, output, cache_read, cache_write, total_tokens, total_cost, .. } = totals;
        let name = quoted(name);
        let unpriced = totals.missing_cost_entries;
        // Writing to a string doesn't fail.
        let _ = writeln!(
            text,
            "{name},{input},{output},{cache_read},{cache_write},{total_tokens},{total_cost:.6},{unpriced}"
        );
    }
    text
}

/// A field that may hold commas and quotes (RFC 4180).
fn quoted(field: &str) -> String {
    let is_plain = !field.contains([',', '"', '\n', '\r']);
    if is_plain { field.to_owned() } else { format!("\"{}\"", field.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable_for_people_and_for_programs() {
        assert_eq!(
            ["1", "123", "1 234", "1 234 567"],
            [1, 123, 1_234, 1_234_567].map(grouped).each_ref().map(String::as_str)
        );
        let totals = UsageTotals { input: 1_200, total_tokens: 1_200, total_cost: 0.5, ..UsageTotals::default() };
        let rows = [("agent:main:x,\"y\"".to_owned(), totals)];
        let text = csv(By::Session, &rows);
        assert_eq!(text.lines().nth(1), Some("\"agent:main:x,\"\"y\"\"\",1200,0,0,0,1200,0.500000,0"));
        assert_eq!(cells("day", &totals).last().map(String::as_str), Some("$0.5000"));
    }
}
