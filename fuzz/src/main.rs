//! `cargo xtask fuzz`: feeds every target, or those that are named, for a time each.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chela_fuzz::{Findings, Mutator, TARGETS, Target, corpus, run, target};
use clap::Parser;

/// The panics of a run, told apart from what else a program says.
const QUOTED_CHARS: usize = 2000;

#[derive(Parser)]
#[command(about = "Feeds the fuzz targets", max_term_width = 100)]
struct Arguments {
    /// Time for each target.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Inputs come from this seed alone.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The number of the first input.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Run one file instead.
    #[arg(long)]
    file: Option<std::path::PathBuf>,
    /// Print one input of the seed, by its number, instead.
    #[arg(long)]
    print: Option<u64>,
    /// Targets; all of them when none is named.
    targets: Vec<String>,
}

fn main() -> ExitCode {
    match feed(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn feed(arguments: &Arguments) -> Result<()> {
    let named =
        arguments.targets.iter().map(|name| target(name).with_context(|| format!("there is no target `{name}`")));
    let mut targets: Vec<&Target> = named.collect::<Result<_>>()?;
    if targets.is_empty() {
        targets = TARGETS.iter().collect();
    }
    if let (Some(file), [one]) = (&arguments.file, &targets[..]) {
        (one.check)(&std::fs::read(file).with_context(|| file.display().to_string())?);
        return Ok(());
    }
    if let (Some(index), [one]) = (arguments.print, &targets[..]) {
        let files: Vec<Vec<u8>> = corpus(one)?.into_iter().map(|(_, bytes)| bytes).collect();
        let input = Mutator::new(arguments.seed, index).input(&files, one.words);
        std::io::Write::write_all(&mut std::io::stdout(), &input)?;
        return Ok(());
    }
    // What a target says of itself is in the finding; the default hook would say it in between.
    std::panic::set_hook(Box::new(|_| {}));
    let mut broken = 0;
    for one in targets {
        let findings = Findings::of(one);
        if let Some((seed, index)) = findings.died_at() {
            eprintln!("{}: a run with the seed {seed} died at input {index} or one of the next", one.name);
        }
        let outcome = run(one, arguments.seed, arguments.from, Duration::from_secs(arguments.seconds), &findings)
            .with_context(|| format!("the corpus of {}", one.name))?;
        println!("{}: {} inputs, {} findings", one.name, outcome.runs, outcome.findings.len());
        for finding in &outcome.findings {
            let words: String = finding.words.chars().take(QUOTED_CHARS).collect();
            println!("  input {}: {words}", finding.index);
        }
        broken += outcome.findings.len();
    }
    if broken > 0 {
        bail!("{broken} inputs break a promise; they stand in fuzz/findings");
    }
    Ok(())
}
