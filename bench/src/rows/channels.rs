//! Messages through Telegram and Discord: what the gateway adds to each, what ten thousand of them cost, and what rest costs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::future::try_join_all;

use crate::http::Target;
use crate::platforms::{Mistakes, Platform, Platforms, Talk, answering_model};
use crate::process::{Home, binary, drop_page_cache};
use crate::report::{Detail, Measured, Row, Verdict};
use crate::stats::Samples;

const STARTS: usize = 20;
/// Messages of each platform, one at a time.
const SEQUENTIAL: usize = 300;
/// Messages of each platform under way at once.
const AT_ONCE: usize = 16;
/// People on each platform: three that are asked for in turn for each message under way. All have written after the first tenth.
const PEOPLE: u32 = 48;
/// Of both platforms together.
const SOAK: usize = 10_000;
/// Memory is looked at, at rest, after so many messages each.
const STEP: usize = 1_000;
/// The most that memory may have grown by after the first tenth.
const FLAT: f64 = 1.1;
/// Until the kernel's counters and the gateway's own housekeeping, which looks each second, have settled.
const SETTLE: Duration = Duration::from_secs(5);

pub(super) async fn measure() -> Result<Measured> {
    let mut measured = Measured::from(start().await?);
    measured.add(one_at_a_time().await?.into());
    measured.add(soak().await?);
    Ok(measured)
}

/// How soon a gateway with both channels listens, is ready, and hears what people say.
async fn start() -> Result<Vec<Row>> {
    let (model, platforms) = (answering_model().await, Platforms::start().await?);
    let home = Home::new(&model.url(), &platforms.config())?;
    let (mut listening, mut ready) = (Samples::default(), Samples::default());
    home.start()?.kill()?;
    for _ in 0..STARTS {
        let gateway = home.start()?;
        listening.time(gateway.to_listening);
        ready.time(gateway.to_ready);
        gateway.kill()?;
    }
    Ok(vec![Row {
        name: "start with both channels",
        measured: format!(
            "{:.1} ms p50 to listening, {:.1} ms p50 to ready (n={STARTS})",
            listening.median(),
            ready.median()
        ),
        limit: "≤ 5 ms, ≤ 100 ms",
        reference: "",
        verdict: Verdict::at_most((listening.median() / 5.0).max(ready.median() / 100.0), 1.0),
    }])
}

/// From the platform's sending of a message to the answer's arrival there, less the model's part.
async fn one_at_a_time() -> Result<Vec<Row>> {
    let (model, platforms) = (answering_model().await, Platforms::start().await?);
    let home = Home::new(&model.url(), &platforms.config())?;
    let gateway = home.start()?;
    platforms.connected().await;
    let direct = Target::model(&model.url())?;
    let mut model_time = Samples::default();
    let mut rows = Vec::new();
    let kinds =
        [(Platform::Telegram, "own part of a Telegram message"), (Platform::Discord, "own part of a Discord message")];
    for (platform, name) in kinds {
        let mut talks = platforms.talks(platform, 30);
        let mut whole = Samples::default();
        for number in 0..SEQUENTIAL {
            let talk = number % talks.len();
            if let Some(time) = platforms.ask(&mut talks[talk]).await {
                whole.time(time);
            }
            model_time.time(direct.turn("direct").await?.whole);
        }
        let own = |share: f64| whole.quantile(share) - model_time.median();
        let Mistakes { lost, surplus } = platforms.mistakes(&talks);
        rows.push(Row {
            name,
            measured: format!(
                "{:.2} ms p50, {:.2} ms p95 (the model {:.2}; n={SEQUENTIAL}, {lost} lost, {surplus} doubled)",
                own(0.5),
                own(0.95),
                model_time.median()
            ),
            limit: "p95 ≤ 10 ms, each answered once",
            reference: "",
            verdict: if lost + surplus > 0 { Verdict::Missed } else { Verdict::at_most(own(0.95), 10.0) },
        });
    }
    gateway.kill()?;
    platforms.assert_clean();
    Ok(rows)
}

/// Rest, and ten thousand messages through both channels at once.
async fn soak() -> Result<Measured> {
    let (model, platforms) = (answering_model().await, Arc::new(Platforms::start().await?));
    let home = Home::new(&model.url(), &platforms.config())?;
    drop_page_cache(&binary()?)?;
    let gateway = home.start()?;
    platforms.connected().await;
    tokio::time::sleep(SETTLE).await;
    let idle = gateway.resident()?;
    let (mut moments, mut lanes) = (vec![("at rest".to_owned(), idle)], lanes(&platforms));
    let (mut elapsed, mut cpu, mut warm) = (Duration::ZERO, Duration::ZERO, None);
    for messages in (STEP..=SOAK).step_by(STEP) {
        let (begun, cpu_before) = (Instant::now(), gateway.cpu_time()?);
        run(&platforms, &mut lanes, STEP).await?;
        if warm.is_some() {
            elapsed += begun.elapsed();
            cpu += gateway.cpu_time()?.saturating_sub(cpu_before);
        }
        tokio::time::sleep(SETTLE).await;
        let resident = gateway.resident()?;
        warm.get_or_insert(resident.total());
        moments.push((format!("after {messages} messages"), resident));
    }
    let talks: Vec<Talk> = lanes.into_iter().flatten().collect();
    let Mistakes { lost, surplus } = platforms.mistakes(&talks);
    platforms.assert_clean();
    gateway.kill()?;
    let alone = without_gateway(&platforms, &Target::model(&model.url())?, talks).await?;
    let timed = (SOAK - STEP) as f64;
    let (rate, cpu_ms) = (timed / elapsed.as_secs_f64(), cpu.as_secs_f64() * 1e3 / timed);
    let warm = warm.unwrap_or_default();
    let soaked = moments.last().map_or(0.0, |(_, resident)| resident.total());
    let (idle, own) = (idle.total(), idle.heap + idle.variables + idle.stacks);
    let details =
        vec![Detail { name: "Resident memory of a gateway with both channels, in MB by what it holds", moments }];
    let rows = vec![
        Row {
            name: "idle memory with both channels (PSS)",
            measured: format!("{idle:.1} MB, of which {own:.1} MB its own data"),
            limit: "≤ 8 MB",
            reference: "",
            verdict: Verdict::at_most(idle, 8.0),
        },
        Row {
            name: "10,000 messages through both channels",
            measured: format!(
                "{lost} lost, {surplus} doubled; {rate:.0} messages/s, {} at once (the fakes alone: {alone:.0}); {cpu_ms:.2} ms of a core each",
                2 * AT_ONCE
            ),
            limit: "each answered once",
            reference: "",
            verdict: Verdict::at_most((lost + surplus) as f64, 0.0),
        },
        Row {
            name: "memory after 10,000 channel messages (PSS)",
            measured: format!("{soaked:.1} MB ({warm:.1} MB after the first 1,000)"),
            limit: "≤ 32 MB, flat",
            reference: "",
            verdict: Verdict::at_most((soaked / 32.0).max(soaked / warm / FLAT), 1.0),
        },
    ];
    Ok(Measured { rows, details })
}

/// The people of each lane, who are asked for in turn. Half of the lanes are on Telegram, half on Discord.
fn lanes(platforms: &Platforms) -> Vec<Vec<Talk>> {
    let mut lanes = Vec::new();
    for platform in [Platform::Telegram, Platform::Discord] {
        let mut talks = platforms.talks(platform, PEOPLE);
        while !talks.is_empty() {
            lanes.push(talks.split_off(talks.len() - talks.len().min(PEOPLE as usize / AT_ONCE)));
        }
    }
    lanes
}

/// So many messages in all. What is not answered is counted later, by those who look at the chats.
async fn run(platforms: &Arc<Platforms>, lanes: &mut Vec<Vec<Talk>>, messages: usize) -> Result<()> {
    let each = messages.div_ceil(lanes.len());
    let running: Vec<_> = lanes
        .drain(..)
        .map(|mut talks| {
            let platforms = platforms.clone();
            tokio::spawn(async move {
                for number in 0..each {
                    let talk = number % talks.len();
                    platforms.ask(&mut talks[talk]).await;
                }
                talks
            })
        })
        .collect();
    *lanes = try_join_all(running).await?;
    Ok(())
}

/// Messages a second where nobody stands between the model and the platforms.
async fn without_gateway(platforms: &Arc<Platforms>, model: &Target, talks: Vec<Talk>) -> Result<f64> {
    const EACH: usize = 20;
    let messages = talks.len() * EACH;
    let begun = Instant::now();
    let sending: Vec<_> = talks
        .into_iter()
        .map(|talk| {
            let (platforms, model) = (platforms.clone(), model.clone());
            tokio::spawn(async move {
                for _ in 0..EACH {
                    model.turn("direct").await?;
                    platforms.answer_directly(&talk).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for sent in try_join_all(sending).await? {
        sent?;
    }
    Ok(messages as f64 / begun.elapsed().as_secs_f64())
}
