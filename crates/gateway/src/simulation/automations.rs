//! Automations between the people of a simulation: a few jobs by the clock, and what must hold of them after every step (G32): each time
//! that one was due is run once, or noted as missed and made up once; none is lost and none is doubled, whatever dies; and what was
//! delivered shows once.
//!
//! They throw their own dice and answer in a chat of their own, so that seeds without them mean what they meant before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chela_store::{CronRow, CronRunFilter, CronRunRow, CronRunStatus, StoreError, fault};
use serde_json::json;

use super::dice::Dice;
use super::model::END;
use super::platform::{Platform, Shown};
use super::stage::{BEGIN_MS, Sabotage, Stage, locked};
use crate::app::Gateway;
use crate::cron::Made;

/// Where they answer; nobody else speaks there.
pub(super) const CHAT: &str = "d-clock";

/// In how many seeds of a hundred there are any.
const SHARE: u64 = 30;

/// A job that begins no later than this is on time.
const ON_TIME_MS: i64 = 60_000;

/// How long a job that failed is left alone; after the third failure what is due once is given up.
const PAUSES_MS: [i64; 5] = [30_000, 60_000, 300_000, 900_000, 3_600_000];
const TRIES_AGAIN: usize = 3;

/// The automations of a run.
pub(super) struct Automations {
    stage: Arc<Stage>,
    dice: std::sync::Mutex<Dice>,
    jobs: Vec<Planned>,
    are_made: AtomicBool,
    /// One was found broken; it is told once.
    is_broken: AtomicBool,
    is_sabotaged: AtomicBool,
}

/// One job as it was meant.
struct Planned {
    id: String,
    channel: &'static str,
    /// What the model is asked about, as a message is named.
    name: String,
    when: When,
}

#[derive(Clone, Copy)]
enum When {
    Once { at_ms: i64 },
    Every { every_ms: i64, anchor_ms: i64 },
}

/// What the engine took at one moment: times that were missed, and the one that it ran or passed over.
struct Claim {
    at_ms: i64,
    /// The first time, and how many.
    missed: Option<(i64, i64)>,
    due_ms: Option<i64>,
}

impl Automations {
    pub(super) fn new(stage: &Arc<Stage>) -> Self {
        let mut dice = Dice::new(stage.seed, "automations");
        let share = match stage.sabotage {
            None => SHARE,
            Some(Sabotage::MovesDueTimes) => 100,
            Some(_) => 0,
        };
        let count = if dice.percent(share) { 1 + dice.below(3) } else { 0 };
        let jobs = (0..count).map(|number| Planned::new(number, &mut dice)).collect();
        Self {
            stage: stage.clone(),
            dice: dice.into(),
            jobs,
            are_made: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
            is_sabotaged: AtomicBool::new(false),
        }
    }

    /// Puts them into the store, once. The engine finds them when it begins.
    pub(super) async fn make(&self, gateway: &Gateway) -> Result<(), StoreError> {
        if self.are_made.load(Ordering::Relaxed) {
            return Ok(());
        }
        for job in &self.jobs {
            self.stage.note(format!("automation {} {}", job.id, job.schedule()));
            gateway.store.add_cron_job(job.row()).await?;
        }
        self.are_made.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Where this life ends instead, now and then.
    pub(super) fn point(&self) -> Option<&'static str> {
        let mut dice = locked(&self.dice);
        (!self.jobs.is_empty() && dice.percent(40)).then(|| dice.pick(fault::CRON_POINTS))
    }

    /// Turns off what would never come to rest.
    pub(super) async fn calm_down(&self, gateway: &Gateway) {
        for job in self.jobs.iter().filter(|job| matches!(job.when, When::Every { .. })) {
            // One that is turned off already, or gone, stays so.
            let _ = gateway.cron.update(gateway, &job.id, json!({ "enabled": false }), Made::ByOwner).await;
        }
    }

    pub(super) async fn are_quiet(&self, gateway: &Gateway) -> bool {
        let none_runs = gateway.store.open_cron_runs().await.is_ok_and(|open| open.is_empty());
        none_runs && gateway.store.next_cron_due().await.is_ok_and(|due| due.is_none())
    }

    /// Looks at what became of every time that was due up to now.
    pub(super) async fn look(&self, gateway: &Gateway) {
        if let Err(error) = self.judge(gateway).await
            && !matches!(error, StoreError::Closed)
        {
            self.complain(&format!("the store can't be read: {error}"));
        }
    }

    async fn judge(&self, gateway: &Gateway) -> Result<(), StoreError> {
        for job in &self.jobs {
            let before = gateway.store.cron_job(&job.id).await?;
            let runs = runs_of(gateway, job).await?;
            if gateway.store.cron_job(&job.id).await? != before {
                // The engine was faster; there is a next look.
                continue;
            }
            if let Err(what) = job.judge(&runs, before.as_ref()) {
                self.complain(&format!("{}: {what}", job.id));
            }
            if self.stage.is_sabotaged(Sabotage::MovesDueTimes)
                && let (Some(row), When::Every { every_ms, .. }) = (before, job.when)
                && let Some(due_ms) = row.due_at_ms
                && runs.len() > 1
                && !self.is_sabotaged.swap(true, Ordering::Relaxed)
            {
                gateway.store.change_cron_job(CronRow { due_at_ms: Some(due_ms + every_ms), ..row }).await?;
            }
        }
        Ok(())
    }

    /// What must hold once everything has come to rest.
    pub(super) async fn audit(&self, gateway: &Gateway, platforms: &[Arc<Platform>]) {
        self.look(gateway).await;
        for job in &self.jobs {
            let Ok(runs) = runs_of(gateway, job).await else { return self.complain("the store can't be read") };
            let row = gateway.store.cron_job(&job.id).await.ok().flatten();
            let platform = platforms.iter().find(|platform| platform.name == job.channel);
            let shown = platform.map(|platform| platform.shown()).unwrap_or_default();
            if let Err(what) = job.is_done(&runs, row.as_ref()).and_then(|()| job.shows(&runs, shown)) {
                self.complain(&format!("{}: {what}", job.id));
            }
        }
    }

    fn complain(&self, what: &str) {
        if !self.is_broken.swap(true, Ordering::Relaxed) {
            self.stage.complain(format!("G32: {what}"));
        }
    }
}

/// Whether a run is one of an automation, or tells of one.
pub(super) fn is_ours(run: &str) -> bool {
    run.starts_with("cron:")
}

impl Planned {
    fn new(number: u64, dice: &mut Dice) -> Self {
        let moment = BEGIN_MS + 2_000 + i64::try_from(dice.below(120_000)).unwrap_or_default();
        let when = if dice.percent(50) {
            When::Once { at_ms: moment }
        } else {
            When::Every { every_ms: dice.pick(&[15_000, 20_000, 45_000, 90_000]), anchor_ms: moment }
        };
        let channel = dice.pick(&["alpha", "beta"]);
        Self { id: format!("job{number}"), channel, name: format!("[mc{number}]"), when }
    }

    fn schedule(&self) -> serde_json::Value {
        match self.when {
            When::Once { at_ms } => json!({ "kind": "at", "at": at_ms.to_string() }),
            When::Every { every_ms, anchor_ms } => {
                json!({ "kind": "every", "everyMs": every_ms, "anchorMs": anchor_ms })
            }
        }
    }

    fn row(&self) -> CronRow {
        let job = json!({
            "name": self.id, "enabled": true, "schedule": self.schedule(), "sessionTarget": "isolated", "wakeMode": "now",
            "payload": { "kind": "agentTurn", "message": format!("{} please", self.name) },
            "delivery": { "mode": "announce", "channel": self.channel, "to": CHAT },
        });
        CronRow {
            id: self.id.clone(),
            job,
            state: json!({}),
            due_at_ms: None,
            created_at_ms: BEGIN_MS,
            updated_at_ms: BEGIN_MS,
        }
    }

    /// The first time of the schedule after this one.
    fn next_after(&self, at_ms: i64) -> Option<i64> {
        match self.when {
            When::Once { at_ms: once } => Some(once).filter(|once| *once > at_ms),
            When::Every { every_ms, anchor_ms } => {
                let steps = (at_ms - anchor_ms).div_euclid(every_ms) + 1;
                Some(anchor_ms + steps.max(0) * every_ms)
            }
        }
    }

    /// Every time that was due is in the history once, in a row without gaps, and the job waits for the one that comes next.
    fn judge(&self, runs: &[CronRunRow], row: Option<&CronRow>) -> Result<(), String> {
        let claims = self.claims(runs)?;
        let mut expected: Option<Vec<i64>> = match self.when {
            When::Once { at_ms } => Some(vec![at_ms]),
            // It depends on when the engine first saw it.
            When::Every { .. } => None,
        };
        for (place, claim) in claims.iter().enumerate() {
            let first_ms = claim.missed.map(|(first_ms, _)| first_ms).or(claim.due_ms).unwrap_or_default();
            if expected.as_ref().is_some_and(|expected| !expected.contains(&first_ms)) {
                return Err(format!(
                    "it was due at {}, and taken at {}",
                    shown(expected.as_deref()),
                    Stage::since_begin(first_ms)
                ));
            }
            self.is_whole(claim, first_ms)?;
            let until_ms = claims.get(place + 1).map_or(i64::MAX, |next| next.at_ms);
            expected = Some(self.comes_next(claim, runs, until_ms));
        }
        let Some(row) = row.filter(|row| row.job["enabled"] == true) else { return Ok(()) };
        let is_running = runs.iter().any(|run| run.ended_at_ms.is_none());
        match (row.due_at_ms, expected) {
            (Some(due_ms), Some(expected)) if !expected.contains(&due_ms) => {
                Err(format!("it waits for {}, and is due at {}", Stage::since_begin(due_ms), shown(Some(&expected))))
            }
            (None, _) if !runs.is_empty() && !is_running => Err("it is turned on and waits for nothing".to_owned()),
            _ => Ok(()),
        }
    }

    /// What the engine took, in the order in which it did.
    fn claims(&self, runs: &[CronRunRow]) -> Result<Vec<Claim>, String> {
        let mut claims = Vec::<Claim>::new();
        let mut taken = BTreeSet::new();
        for run in runs {
            let name = run.run.strip_prefix(&format!("cron:{}:", self.id)).unwrap_or_default();
            let is_missed = run.status == CronRunStatus::Missed;
            let time = if is_missed { name.strip_suffix(":missed") } else { Some(name) };
            let due_ms: i64 =
                time.and_then(|time| time.parse().ok()).ok_or_else(|| format!("{} is no time", run.run))?;
            if !is_missed && !taken.insert(due_ms) {
                return Err(format!("{} was taken twice", Stage::since_begin(due_ms)));
            }
            let at_ms = run.started_at_ms;
            if is_missed {
                let missed = Some((due_ms, run.record["missed"].as_i64().unwrap_or_default()));
                claims.push(Claim { at_ms, missed, due_ms: None });
            } else {
                match claims.last_mut() {
                    Some(claim) if claim.at_ms == at_ms && claim.due_ms.is_none() => claim.due_ms = Some(due_ms),
                    _ => claims.push(Claim { at_ms, missed: None, due_ms: Some(due_ms) }),
                }
            }
        }
        Ok(claims)
    }

    /// What went by is counted, and the last of it is run.
    fn is_whole(&self, claim: &Claim, first_ms: i64) -> Result<(), String> {
        let next = |last: &i64| self.next_after(*last).filter(|next| *next <= claim.at_ms);
        let times: Vec<i64> = std::iter::successors(Some(first_ms), next).collect();
        let latest_ms = times[times.len() - 1];
        if first_ms > claim.at_ms {
            return Err(format!("{} was taken before its time", Stage::since_begin(first_ms)));
        }
        let is_late = claim.at_ms - latest_ms > ON_TIME_MS;
        let went_by = i64::try_from(times.len()).unwrap_or_default() - i64::from(!is_late);
        let missed = claim.missed.map_or(0, |(_, count)| count);
        if missed != went_by || claim.due_ms != Some(latest_ms) {
            let (at, run) = (Stage::since_begin(claim.at_ms), claim.due_ms.map(Stage::since_begin));
            return Err(format!("at {at} {missed} of {went_by} times are missed, and {run:?} is run"));
        }
        Ok(())
    }

    /// The times of which one is the next after this claim: failures put it off.
    fn comes_next(&self, claim: &Claim, runs: &[CronRunRow], until_ms: i64) -> Vec<i64> {
        let next = self.next_after(claim.at_ms);
        let failed = runs.iter().filter(|run| run.status == CronRunStatus::Error);
        let ends = failed.filter_map(|run| run.ended_at_ms).filter(|end| *end >= claim.at_ms && *end <= until_ms);
        let pauses = match self.when {
            When::Once { .. } => &PAUSES_MS[..TRIES_AGAIN],
            When::Every { .. } => &PAUSES_MS,
        };
        let put_off = ends.flat_map(|end| pauses.iter().map(move |pause| end + pause));
        let put_off = put_off.filter(|time| next.is_none_or(|next| *time > next));
        next.into_iter().chain(put_off).collect()
    }

    /// What is due once came to its end: it went well once, or was given up after all its tries.
    fn is_done(&self, runs: &[CronRunRow], row: Option<&CronRow>) -> Result<(), String> {
        let When::Once { .. } = self.when else { return Ok(()) };
        let count = |status| runs.iter().filter(|run| run.status == status).count();
        let (well, failed) = (count(CronRunStatus::Ok), count(CronRunStatus::Error));
        if well > 1 || failed > 1 + TRIES_AGAIN || well + failed == 0 {
            return Err(format!("it went well {well} times and failed {failed} times"));
        }
        match row {
            Some(row) if row.job["enabled"] == true => Err("it still waits".to_owned()),
            None if well == 0 => Err("it is gone, and never went well".to_owned()),
            _ => Ok(()),
        }
    }

    /// What is said to be delivered shows whole and once, and nothing shows that no run said.
    fn shows(&self, runs: &[CronRunRow], shown: Vec<Shown>) -> Result<(), String> {
        let ours = format!("cron:{}:", self.id);
        let mut parts = BTreeMap::<String, Vec<Shown>>::new();
        for part in shown.into_iter().filter(|part| part.run.starts_with(&ours)) {
            parts.entry(part.run.split(":anew").next().unwrap_or_default().to_owned()).or_default().push(part);
        }
        let named = |run: &str| runs.iter().find(|known| known.run == run);
        if let Some(run) = parts.keys().find(|run| !run.ends_with(":alert") && named(run).is_none()) {
            return Err(format!("{run} shows, and never was"));
        }
        for run in runs.iter().filter(|run| run.record["deliveryStatus"] == "delivered") {
            let parts = parts.get(&run.run).map(Vec::as_slice).unwrap_or_default();
            let text: String = parts.iter().map(|part| part.text.as_str()).collect();
            let is_once = (0..parts.len()).all(|at| parts.iter().filter(|part| part.part as usize == at).count() == 1);
            let is_whole =
                run.status == CronRunStatus::Error || (text.contains(&self.name) && text.trim_end().ends_with(END));
            if parts.is_empty() || !is_once || !is_whole || parts.iter().any(|part| part.chat != CHAT) {
                return Err(format!("{} is delivered, and shows as {parts:?}", run.run));
            }
        }
        Ok(())
    }
}

async fn runs_of(gateway: &Gateway, job: &Planned) -> Result<Vec<CronRunRow>, StoreError> {
    let filter = CronRunFilter {
        job_id: Some(job.id.clone()),
        oldest_first: true,
        limit: usize::from(u16::MAX),
        ..CronRunFilter::default()
    };
    Ok(gateway.store.cron_runs(filter).await?.0)
}

fn shown(times: Option<&[i64]>) -> String {
    let times: Vec<String> = times.into_iter().flatten().map(|time| Stage::since_begin(*time)).collect();
    times.join(" or ")
}
