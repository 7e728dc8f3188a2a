//! `chela models`: what can be reached, and with which key.

use std::process::ExitCode;

use chela_protocol::methods::models::{
    AuthProfileRow, CooldownRow, ModelRow, ModelsAuthStatusResult, ModelsListParams, ModelsListResult,
};
use clap::{Args, Subcommand};
use serde_json::json;

use super::Outcome;
use crate::context::Context;
use crate::link::decode;
use crate::output::{self, BOLD, DIM};

/// For somebody who looks for a model before there is one.
const NO_KEY: &str = "no model has a key, so the built-in guide answers; export ANTHROPIC_API_KEY=… (or another vendor's) \
    before the gateway starts, or chela config set models.providers.anthropic.apiKey -";

#[derive(Debug, Args)]
pub(crate) struct ModelsArgs {
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// List the models that can be used now
    List {
        /// Also list models without a key
        #[arg(long)]
        all: bool,
        /// Only models of this vendor
        #[arg(long)]
        provider: Option<String>,
    },
    /// Show the model in use and where each key comes from
    Status,
}

pub(crate) fn run(args: ModelsArgs, context: &Context) -> Outcome {
    match args.command {
        ModelsCommand::List { all, provider } => list(all, provider, context),
        ModelsCommand::Status => status(context),
    }
}

fn list(all: bool, provider: Option<String>, context: &Context) -> Outcome {
    let output = context.output;
    let params = ModelsListParams { provider, view: all.then(|| "all".to_owned()), ..ModelsListParams::default() };
    let value = context.ask("models.list", params)?;
    if output.json {
        output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let result: ModelsListResult = decode("models.list", value)?;
    let shown: Vec<&ModelRow> = result.models.iter().filter(|model| all || model.available).collect();
    if shown.is_empty() {
        output.note(NO_KEY);
        return Ok(ExitCode::SUCCESS);
    }
    output.table(
        &["model", "context", "input", "key"],
        shown.into_iter().map(|model| {
            let key = if model.available { "yes" } else { "no" };
            vec![
                format!("{}/{}", model.provider, model.id),
                model.context_window.to_string(),
                model.input.join(","),
                key.to_owned(),
            ]
        }),
    );
    Ok(ExitCode::SUCCESS)
}

/// One credential of several.
fn credential(profile: &AuthProfileRow) -> String {
    let label = profile.label.as_deref().map(|label| format!("{label}, ")).unwrap_or_default();
    let status = if profile.status == "ok" { String::new() } else { format!(", {}", profile.status) };
    output::printable(&format!("{} ({label}{}{status})", profile.profile_id, profile.source))
}

/// What is not called, why, and for how long.
pub(super) fn cooldown(row: &CooldownRow) -> String {
    let what =
        row.model.as_deref().map_or_else(|| "every model".to_owned(), |model| format!("{}/{model}", row.provider));
    let end = match row.until {
        Some(until) => {
            let left_ms = u64::try_from(until.saturating_sub(output::now_ms())).unwrap_or(0);
            format!("for {}", output::duration(left_ms))
        }
        None => "until the key changes or the configuration is read again".to_owned(),
    };
    output::printable(&format!("{what} with {}: {} {end}", row.profile_id, row.reason))
}

fn status(context: &Context) -> Outcome {
    let output = context.output;
    let auth = context.ask("models.authStatus", json!({}))?;
    if output.json {
        output.document(&auth);
        return Ok(ExitCode::SUCCESS);
    }
    let auth: ModelsAuthStatusResult = decode("models.authStatus", auth)?;
    let line = |name: &str, text: &str| output.line(format!("{}{text}", output.style(BOLD, &format!("{name:10}"))));
    line("model", auth.model.as_deref().unwrap_or("none"));
    for fallback in &auth.fallbacks {
        line("fallback", fallback);
    }
    let (with_key, without): (Vec<_>, Vec<_>) = auth.providers.iter().partition(|provider| provider.status == "ok");
    let has_key = !with_key.is_empty();
    for provider in with_key {
        let source = provider.api_key.as_ref().map_or("no key needed", |key| key.source.as_str());
        match &provider.profiles[..] {
            [] | [_] => line("key", &format!("{} ({source})", provider.display_name)),
            profiles => profiles.iter().for_each(|profile| line("key", &credential(profile))),
        }
    }
    if !has_key {
        output.note(NO_KEY);
    }
    for row in &auth.cooldowns {
        line("cooldown", &cooldown(row));
    }
    if !without.is_empty() {
        let names: Vec<&str> = without.iter().map(|provider| provider.provider.as_str()).collect();
        output.line(output.style(DIM, &format!("no key for {}", names.join(", "))));
    }
    Ok(ExitCode::SUCCESS)
}
