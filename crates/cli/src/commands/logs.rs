//! `chela logs`: the gateway's log, once or as it grows.

use std::process::ExitCode;
use std::time::Duration;

use chela_protocol::methods::logs::{LogsTailParams, LogsTailResult};
use clap::Args;
use serde_json::{Value, json};

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::link::{Link, decode};
use crate::output::{DIM, Output, printable};

/// How often a followed log is asked for more.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// Go on printing as lines come
    #[arg(short, long)]
    follow: bool,
    /// How many lines to show
    #[arg(short = 'n', long, default_value_t = 200, value_name = "LINES", value_parser = clap::value_parser!(u64).range(1..=5000))]
    limit: u64,
}

pub(crate) fn run(args: LogsArgs, context: &Context) -> Outcome {
    context.block_on(async {
        let link = context.connect().await?;
        let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
        let mut cursor = None;
        loop {
            let tail = tail(&link, LogsTailParams { cursor, limit: Some(limit), max_bytes: None }).await?;
            if cursor.is_none() && !context.output.json {
                context.output.note(context.output.style_err(DIM, &tail.file));
            }
            for line in &tail.lines {
                show(context.output, line);
            }
            cursor = Some(tail.cursor);
            if !args.follow {
                return Ok(ExitCode::SUCCESS);
            }
            tokio::time::sleep(FOLLOW_INTERVAL).await;
        }
    })
}

async fn tail(link: &Link, params: LogsTailParams) -> Result<LogsTailResult, Failure> {
    decode("logs.tail", link.call("logs.tail", params).await?)
}

/// With `--json`, one document per line of the log: the log's own line where it is JSON already.
fn show(output: Output, line: &str) {
    if !output.json {
        output.line(printable(&for_people(line)));
        return;
    }
    let document = match serde_json::from_str::<Value>(line) {
        Ok(value @ Value::Object(_)) => value,
        _ => json!({"line": line}),
    };
    output.line(document.to_string());
}

/// The log file holds JSON in OpenClaw's shape; people get the line as the console shows it.
fn for_people(line: &str) -> String {
    let Ok(entry) = serde_json::from_str::<Value>(line) else { return line.to_owned() };
    let (Some(time), Some(message)) = (entry["time"].as_str(), entry["message"].as_str()) else {
        return line.to_owned();
    };
    let name = entry["_meta"]["name"].as_str().and_then(|name| serde_json::from_str::<Value>(name).ok());
    let subsystem = name.as_ref().and_then(|name| name["subsystem"].as_str()).unwrap_or("gateway");
    let level = match entry["_meta"]["logLevelName"].as_str() {
        Some("WARN") => "warning: ",
        Some("ERROR" | "FATAL") => "error: ",
        _ => "",
    };
    format!("{time} [{subsystem}] {level}{message}")
}

#[cfg(test)]
mod tests {
    use super::for_people;

    #[test]
    fn people_get_the_line_of_the_console() {
        let line =
            r#"{"_meta":{"logLevelName":"WARN","name":"{\"subsystem\":\"reload\"}"},"time":"T","message":"port"}"#;
        assert_eq!(for_people(line), "T [reload] warning: port");
        assert_eq!(for_people("plain"), "plain");
        assert_eq!(for_people("{\"a\":1}"), "{\"a\":1}");
    }
}
