//! `chela sessions`: the conversations that the gateway keeps.

use std::process::ExitCode;

use chela_protocol::methods::chat::{ChatHistoryParams, ChatHistoryResult};
use chela_protocol::methods::sessions::{
    SessionRow, SessionsDeleteParams, SessionsDeleteResult, SessionsListParams, SessionsListResult,
    SessionsResetParams, SessionsSearchParams, SessionsSearchResult,
};
use clap::{Args, Subcommand};

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::link::{decode, message_text};
use crate::markdown::MarkdownStream;
use crate::output::{self, BOLD};

#[derive(Debug, Args)]
pub(crate) struct SessionsArgs {
    #[command(subcommand)]
    command: Option<SessionsCommand>,
}

#[derive(Debug, Subcommand)]
enum SessionsCommand {
    /// List sessions, newest first
    List {
        /// Only sessions whose key or label holds this
        #[arg(long)]
        search: Option<String>,
        /// Only sessions of this agent
        #[arg(long)]
        agent: Option<String>,
        /// How many to show
        #[arg(short = 'n', long, default_value_t = 50)]
        limit: usize,
    },
    /// Find what was said, in all conversations and also before a reset
    Search {
        /// What holds all of the words is shown, or, where nothing does, what holds some
        #[arg(required = true)]
        words: Vec<String>,
        /// How many passages to show
        #[arg(short = 'n', long, default_value_t = 20)]
        limit: usize,
    },
    /// Print a session's conversation
    Show {
        /// For example `main` or `agent:main:main`
        key: String,
        /// How many messages, newest kept
        #[arg(short = 'n', long, default_value_t = 50)]
        limit: usize,
    },
    /// Begin a new conversation under the same key; the old one can still be searched
    Reset { key: String },
    /// Forget a session and its conversation
    Delete {
        key: String,
        /// Keep the conversation's messages
        #[arg(long)]
        keep_transcript: bool,
        /// Do it without being asked
        #[arg(long)]
        yes: bool,
    },
}

pub(crate) fn run(args: SessionsArgs, context: &Context) -> Outcome {
    match args.command {
        None => list(SessionsListParams::default(), context),
        Some(SessionsCommand::List { search, agent, limit }) => {
            let params =
                SessionsListParams { search, agent_id: agent, limit: Some(limit), ..SessionsListParams::default() };
            list(params, context)
        }
        Some(SessionsCommand::Search { words, limit }) => search(&words, limit, context),
        Some(SessionsCommand::Show { key, limit }) => show(key, limit, context),
        Some(SessionsCommand::Reset { key }) => reset(key, context),
        Some(SessionsCommand::Delete { key, keep_transcript, yes }) => delete(key, keep_transcript, yes, context),
    }
}

fn list(params: SessionsListParams, context: &Context) -> Outcome {
    let value = context.ask("sessions.list", params)?;
    if context.output.json {
        context.output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let result: SessionsListResult = decode("sessions.list", value)?;
    context.output.table(&["key", "updated", "status", "model", "tokens", "label"], result.sessions.iter().map(row));
    Ok(ExitCode::SUCCESS)
}

fn row(session: &SessionRow) -> Vec<String> {
    let updated = session.updated_at.map_or_else(String::new, |at| output::ago(at, output::now_ms()));
    let model = match (&session.model_provider, &session.model) {
        (Some(provider), Some(model)) => format!("{provider}/{model}"),
        (None, Some(model)) => model.clone(),
        _ => String::new(),
    };
    vec![
        session.key.clone(),
        updated,
        session.status.clone().unwrap_or_default(),
        model,
        session.total_tokens.map_or_else(String::new, |count| count.to_string()),
        session.label.clone().or_else(|| session.derived_title.clone()).unwrap_or_default(),
    ]
}

fn search(words: &[String], limit: usize, context: &Context) -> Outcome {
    let output = context.output;
    let params = SessionsSearchParams { query: words.join(" "), limit: Some(limit) };
    let value = context.ask("sessions.search", params)?;
    if output.json {
        output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let result: SessionsSearchResult = decode("sessions.search", value)?;
    if result.results.is_empty() {
        output.note("no conversation holds these words");
    }
    for hit in result.results {
        let heading = format!("{}, {} ({})", hit.key, output::ago(hit.at, output::now_ms()), hit.kind);
        output.line(output.style(BOLD, &output::printable(&heading)));
        output.line(format!("{}\n", output::printable(&hit.snippet)));
    }
    Ok(ExitCode::SUCCESS)
}

fn show(key: String, limit: usize, context: &Context) -> Outcome {
    let output = context.output;
    let params = ChatHistoryParams { session_key: key, limit: Some(limit), ..ChatHistoryParams::default() };
    let value = context.ask("chat.history", params)?;
    if output.json {
        output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let history: ChatHistoryResult = decode("chat.history", value)?;
    for message in &history.messages {
        let text = message_text(message);
        if text.is_empty() {
            continue;
        }
        let role = message["role"].as_str().unwrap_or("message");
        let mut markdown = MarkdownStream::new(output.colour);
        let shown = markdown.push(&text) + &markdown.finish();
        output.line(format!("{}\n{}\n", output.style(BOLD, role), shown.trim_end()));
    }
    Ok(ExitCode::SUCCESS)
}

fn reset(key: String, context: &Context) -> Outcome {
    let said = format!("session {key} begins a new conversation");
    let params = SessionsResetParams { key, reason: Some("reset".into()), ..SessionsResetParams::default() };
    context.done(&context.ask("sessions.reset", params)?, &said);
    Ok(ExitCode::SUCCESS)
}

fn delete(key: String, keep_transcript: bool, yes: bool, context: &Context) -> Outcome {
    if !yes {
        let message = format!("deleting session {key} can't be undone");
        return Err(Failure::usage(message).hint("repeat the command with --yes"));
    }
    let params = SessionsDeleteParams {
        key: key.clone(),
        delete_transcript: Some(!keep_transcript),
        ..SessionsDeleteParams::default()
    };
    let value = context.ask("sessions.delete", params)?;
    let result: SessionsDeleteResult = decode("sessions.delete", value.clone())?;
    if !result.deleted {
        return Err(Failure::new("not_found", format!("no session has the key {key}")).hint("chela sessions list"));
    }
    context.done(&value, &format!("session {key} is deleted"));
    Ok(ExitCode::SUCCESS)
}
