//! The fake vendor on its own, for the bench and for trying things by hand. Prints its address and serves until it is stopped.
//!
//! `--port N` (default: a free one), `--delay-ms N` before each answer (default 0), `--reply TEXT` (default: echoes the user).

use std::time::Duration;

use chela_testkit::FakeModel;
use chela_testkit::model::{Part, Reply};

#[derive(Default)]
struct Options {
    port: u16,
    delay: Duration,
    reply: Option<String>,
}

#[tokio::main]
async fn main() {
    let options = match parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("fake_model: {problem}\nusage: fake_model [--port N] [--delay-ms N] [--reply TEXT]");
            std::process::exit(2);
        }
    };
    let fake = FakeModel::start_on(options.port, []).await;
    fake.forget_requests();
    fake.respond_with(move |request| {
        let text = options.reply.clone().unwrap_or_else(|| format!("echo: {}", request.last_user_text()));
        let pause = (!options.delay.is_zero()).then_some(Part::Pause(options.delay));
        Reply::new(pause.into_iter().chain([Part::Text(text)])).into()
    });
    println!("{}", fake.url());
    std::future::pending::<()>().await;
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    while let Some(name) = words.next() {
        let value = words.next().ok_or_else(|| format!("{name} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{name}: expected a number, found \"{value}\""));
        match name.as_str() {
            "--port" => options.port = u16::try_from(number()?).map_err(|_| format!("no such port: {value}"))?,
            "--delay-ms" => options.delay = Duration::from_millis(number()?),
            "--reply" => options.reply = Some(value),
            _ => return Err(format!("unknown option {name}")),
        }
    }
    Ok(options)
}
