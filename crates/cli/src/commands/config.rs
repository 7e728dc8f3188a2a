//! `chela config`: reads and edits the file, without a running gateway. Comments and order stay.

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use chela_config::{
    EditError, FIRST_FILE, KeyPath, Loaded, Problem, REDACTED, Severity, check, edit, needing_restart, parse, redact,
    write,
};
use chela_store::InstanceLock;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::keyboard;
use crate::output::{BAD, DIM, GOOD, Output, WARN};

/// Most that is read from standard input: far more than a configuration holds.
const INPUT_MAX_BYTES: u64 = 2 * 1024 * 1024;

/// What people see in the place of a secret.
const HIDDEN: &str = "***";

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print the path of the file in use
    File,
    /// Print what is in force, all of it or at a path; secrets are hidden
    Get {
        /// For example agents.defaults.model.primary
        path: Option<String>,
    },
    /// Set one value
    Set {
        /// For example gateway.port
        path: String,
        /// JSON5, or plain text; `-` reads it from the keyboard or a pipe, which keeps secrets out of the shell's history
        #[arg(allow_hyphen_values = true)]
        value: String,
        /// Take the value as text even when it looks like JSON
        #[arg(long)]
        string: bool,
    },
    /// Merge an object into the file; null takes a key out
    Patch {
        /// JSON5; `-` reads it from a pipe
        #[arg(required_unless_present = "file")]
        patch: Option<String>,
        /// Read the patch from a file
        #[arg(long, conflicts_with = "patch")]
        file: Option<PathBuf>,
    },
    /// Take one value out
    Unset { path: String },
    /// Say everything that is wrong with the file
    Validate,
    /// Print the JSON Schema of the file
    Schema,
}

pub(crate) fn run(args: ConfigArgs, context: &Context) -> Outcome {
    match args.command {
        ConfigCommand::File => {
            file(context);
            Ok(ExitCode::SUCCESS)
        }
        ConfigCommand::Get { path } => get(path.as_deref(), context),
        ConfigCommand::Set { path, value, string } => set(&path, &value, string, context),
        ConfigCommand::Patch { patch, file } => patch_file(patch, file, context),
        ConfigCommand::Unset { path } => unset(&path, context),
        ConfigCommand::Validate => Ok(validate(context)),
        ConfigCommand::Schema => {
            context.output.document(&chela_gateway::config::schema());
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn file(context: &Context) {
    let path = &context.places.config_path;
    if context.output.json {
        context.output.document(&json!({"path": path, "exists": context.places.config_exists}));
    } else {
        context.output.line(path.display().to_string());
    }
}

fn get(path: Option<&str>, context: &Context) -> Outcome {
    let (loaded, _) = context.load();
    refuse_broken(&loaded)?;
    let shown = redact(&loaded.value, &chela_gateway::config::schema());
    let value = match path {
        None => Some(&shown),
        Some(path) => path.parse::<KeyPath>().map_err(|error| Failure::usage(error.to_string()))?.get(&shown),
    };
    let Some(value) = value else {
        let path = path.unwrap_or_default();
        return Err(
            Failure::new("not_set", format!("{path} is not set")).hint("chela config get shows all that is set")
        );
    };
    match value {
        _ if context.output.json => context.output.document(value),
        Value::String(text) => context.output.line(if text == REDACTED { HIDDEN } else { text }),
        _ => context.output.line(pretty(value).replace(REDACTED, HIDDEN)),
    }
    Ok(ExitCode::SUCCESS)
}

fn set(path: &str, value: &str, string: bool, context: &Context) -> Outcome {
    let key: KeyPath = path.parse().map_err(|error: chela_config::PathError| Failure::usage(error.to_string()))?;
    let text = if value == "-" { keyboard::secret(path)? } else { value.to_owned() };
    let value = match parse(&text) {
        Ok(value) if !string && !text.trim().is_empty() => value,
        _ => Value::String(text),
    };
    change(context, &[path.to_owned()], |raw| edit::set(raw, &key, &value))
}

fn unset(path: &str, context: &Context) -> Outcome {
    let key: KeyPath = path.parse().map_err(|error: chela_config::PathError| Failure::usage(error.to_string()))?;
    change(context, &[path.to_owned()], |raw| edit::unset(raw, &key))
}

fn patch_file(patch: Option<String>, file: Option<PathBuf>, context: &Context) -> Outcome {
    let text = match (patch, file) {
        (Some(text), _) if text != "-" => text,
        (_, Some(file)) => {
            fs::read_to_string(&file).map_err(|error| Failure::file(format!("read {}", file.display()), &error))?
        }
        _ => standard_input()?,
    };
    let patch = parse(&text).map_err(|error| Failure::usage(format!("the patch has a mistake at {error}")))?;
    let mut paths = Vec::new();
    leaves(&patch, &KeyPath::root(), &mut paths);
    change(context, &paths, |raw| edit::merge_patch(raw, &patch))
}

/// Edits the text, checks what it says now, stores it, and says what that does.
fn change(context: &Context, paths: &[String], edit: impl FnOnce(&str) -> Result<String, EditError>) -> Outcome {
    let (loaded, _) = context.load();
    let before = if loaded.exists { &loaded.raw } else { FIRST_FILE };
    let text = edit(before).map_err(Failure::edit)?;
    let schema = chela_gateway::config::schema();
    let new_problems = new_problems(&loaded.written, &text, &schema)?;
    if let Some(problem) = new_problems.iter().find(|problem| problem.severity == Severity::Error) {
        return Err(Failure::new("invalid", format!("nothing is changed: {problem}"))
            .hint("chela config schema prints what each key takes"));
    }
    let config = &context.places.config_path;
    let hash = write(config, &text, Some(&loaded.hash)).map_err(Failure::write)?;
    let restart: Vec<String> = match (parse(before), parse(&text)) {
        (Ok(before), Ok(after)) => needing_restart(&schema, &before, &after).iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    };
    if context.output.json {
        let document = json!({
            "ok": true, "path": config, "hash": hash, "changedPaths": paths, "requiresRestart": restart,
            "problems": new_problems,
        });
        context.output.document(&document);
        return Ok(ExitCode::SUCCESS);
    }
    context.output.note(format!("{} {}", context.output.style_err(GOOD, "saved"), config.display()));
    for problem in &new_problems {
        context.output.note(format!("{} {problem}", context.output.style_err(WARN, "warning")));
    }
    if InstanceLock::is_held(&context.places.state_dir) {
        context.output.note(if restart.is_empty() {
            "the running gateway takes it up now".to_owned()
        } else {
            format!("{} needs a restart of the gateway", restart.join(", "))
        });
    }
    Ok(ExitCode::SUCCESS)
}

/// What is wrong only since a change: what was wrong before is nothing to refuse it for, and was told then.
fn new_problems(before: &Value, text: &str, schema: &Value) -> Result<Vec<Problem>, Failure> {
    let Ok(after) = parse(text) else { return Err(Failure::new("config", "the changed file can't be read")) };
    let known = check(before, schema, &KeyPath::root());
    let problems = check(&after, schema, &KeyPath::root());
    Ok(problems.into_iter().filter(|problem| !known.contains(problem)).collect())
}

fn refuse_broken(loaded: &Loaded) -> Result<(), Failure> {
    match loaded.problems.first() {
        Some(problem) if loaded.safe_mode => {
            Err(Failure::config(format!("{}: {}", loaded.path.display(), problem.message))
                .hint(problem.hint.clone().unwrap_or_default()))
        }
        _ => Ok(()),
    }
}

/// Prints all problems. Exit code 78 when a section is off or closed because of one.
fn validate(context: &Context) -> ExitCode {
    let (loaded, _) = context.load();
    let problems = loaded.check(&chela_gateway::config::schema());
    let wrong = problems.iter().any(|problem| problem.severity == Severity::Error);
    if context.output.json {
        let document = json!({"path": loaded.path, "exists": loaded.exists, "valid": !wrong, "problems": problems});
        context.output.document(&document);
    } else {
        for problem in &problems {
            show_problem(context.output, problem);
        }
        let words = match (loaded.exists, problems.len()) {
            (false, _) => "there is no file yet".to_owned(),
            (true, 0) => "nothing is wrong".to_owned(),
            (true, 1) => "1 problem".to_owned(),
            (true, count) => format!("{count} problems"),
        };
        context.output.note(format!("{}: {words}", loaded.path.display()));
    }
    if wrong { ExitCode::from(78) } else { ExitCode::SUCCESS }
}

fn show_problem(output: Output, problem: &Problem) {
    let word = match problem.severity {
        Severity::Error => output.style(BAD, "error  "),
        Severity::Warning => output.style(WARN, "warning"),
        Severity::Note => output.style(DIM, "note   "),
    };
    output.line(format!("{word}  {problem}"));
}

/// Paths of everything that a patch sets.
fn leaves(value: &Value, path: &KeyPath, out: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                leaves(value, &path.key(key), out);
            }
        }
        _ => out.push(path.to_string()),
    }
}

fn standard_input() -> Result<String, Failure> {
    let mut text = String::new();
    io::stdin()
        .take(INPUT_MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| Failure::file("read standard input", &error))?;
    Ok(text)
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a JSON value serialises")
}
