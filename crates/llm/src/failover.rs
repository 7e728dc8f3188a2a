//! Along the chain of models and their credentials: what happens when one fails.
//!
//! Before any output the next candidate is tried at once; only the last one is waited for. After output the answer begins anew:
//! once with the same model, then with the next. What failed rests (`cooldown`) and is passed over until its rest is over; when
//! everything rests, the one whose rest ends first is called all the same.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::Instant;

use crate::config::CooldownConfig;
use crate::cooldown::{Cooldowns, Permit, Probe, Target, Verdict};
use crate::produce::{Emitter, produce};
use crate::types::{LlmError, Request, RetryClass, StreamEvent};
use crate::{EventStream, Provider};

/// Calls of the last candidate, the first included. More only lengthens the silence before the error is told.
const TRIES_OF_LAST: u32 = 3;
/// Calls of a model that breaks off in the middle of its answer.
const TRIES_AFTER_OUTPUT: u32 = 2;
/// First pause; it doubles with each try and is spread by half of itself.
const PAUSE: Duration = Duration::from_secs(1);
/// A vendor that wants a longer pause gets no further call: whoever waits is told instead.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A model under one credential, and who answers for it.
pub(crate) struct Candidate {
    pub(crate) target: Target,
    pub(crate) provider: Arc<dyn Provider>,
}

/// How long a pause between two calls is, where the vendor doesn't say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pauses {
    /// Between half and one and a half of the pause, so that turns that failed together do not return together.
    Spread,
    /// Always the same, so that a simulation replays.
    Steady,
}

/// What a call goes by.
#[derive(Clone)]
pub(crate) struct Rules {
    pub(crate) cooldowns: Arc<Cooldowns>,
    pub(crate) config: Arc<CooldownConfig>,
    pub(crate) pauses: Pauses,
}

pub(crate) fn stream(candidates: Vec<Candidate>, request: Request, rules: Rules) -> EventStream {
    produce(move |emitter| async move { Walk { rules, request, emitter }.along(&candidates).await })
}

/// One call on its way along the candidates.
struct Walk {
    rules: Rules,
    request: Request,
    emitter: Emitter,
}

impl Walk {
    async fn along(&self, candidates: &[Candidate]) -> Result<(), LlmError> {
        let cooldowns = &self.rules.cooldowns;
        let (resting, awake): (Vec<_>, Vec<_>) =
            candidates.iter().partition(|candidate| cooldowns.rests(&candidate.target));
        let mut failure = None;
        for (place, candidate) in awake.iter().enumerate() {
            // What failed before it may speak for this one as well.
            if failure.is_some() && cooldowns.rests(&candidate.target) {
                continue;
            }
            self.begin_anew(failure.as_ref(), candidate).await;
            match self.exhaust(candidate, &awake[place + 1..], TRIES_OF_LAST).await {
                Ok(()) => return Ok(()),
                Err(error) if error.retry() == RetryClass::Never => return Err(error),
                Err(error) => failure = Some(error),
            }
        }
        // Nobody is told of a failure as long as there is somebody who was not asked.
        if let Some(place) = cooldowns.soonest(resting.iter().map(|candidate| &candidate.target)) {
            let tries = if awake.is_empty() { TRIES_OF_LAST } else { 1 };
            self.begin_anew(failure.as_ref(), resting[place]).await;
            return self.exhaust(resting[place], &[], tries).await;
        }
        failure.map_or(Ok(()), Err)
    }

    /// Calls one candidate until it answers or another should.
    async fn exhaust(&self, candidate: &Candidate, others: &[&Candidate], most: u32) -> Result<(), LlmError> {
        let mut tries = 0;
        loop {
            let Err(error) = self.call(candidate).await else { return Ok(()) };
            tries += 1;
            let RetryClass::Same { after } = error.retry() else { return Err(error) };
            let is_last = others.iter().all(|other| self.rules.cooldowns.rests(&other.target));
            let limit = match (error.after_output, is_last) {
                (_, true) => most,
                (true, false) => TRIES_AFTER_OUTPUT,
                (false, false) => 1,
            };
            let pause = after.unwrap_or_else(|| self.rules.pauses.of(PAUSE * (1 << (tries - 1))));
            if tries >= limit || pause > LONGEST_PAUSE {
                return Err(error);
            }
            tracing::info!(%error, ?pause, tries, "calling the same model again");
            self.void_output(&error).await;
            // A broken connection says nothing of the vendor's load.
            if !error.after_output || after.is_some() {
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// One call. Of something that rests, only one runs at a time: whoever comes meanwhile shares its failure.
    async fn call(&self, candidate: &Candidate) -> Result<(), LlmError> {
        let cooldowns = &self.rules.cooldowns;
        if !cooldowns.rests(&candidate.target) {
            return self.attempt(candidate, None).await;
        }
        match cooldowns.probe(&candidate.target).await {
            Probe::Ours(permit) => self.attempt(candidate, Some(permit)).await,
            Probe::Theirs(Verdict::Alive) => self.attempt(candidate, None).await,
            Probe::Theirs(Verdict::Failed(error)) => Err(LlmError { after_output: false, ..*error }),
        }
    }

    async fn attempt(&self, candidate: &Candidate, mut permit: Option<Permit>) -> Result<(), LlmError> {
        let Rules { cooldowns, config, .. } = &self.rules;
        let (target, began) = (&candidate.target, Instant::now());
        let alive = |permit: &mut Option<Permit>| {
            cooldowns.answered(target, began);
            if let Some(permit) = permit.take() {
                permit.tell(Verdict::Alive);
            }
        };
        let mut events = candidate.provider.stream(Request { model: target.model.clone(), ..self.request.clone() });
        let mut after_output = false;
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    if !after_output && !matches!(event, StreamEvent::Started { .. }) {
                        after_output = true;
                        alive(&mut permit);
                    }
                    self.emitter.emit(event).await;
                }
                Err(error) => {
                    let error = LlmError { after_output, ..error };
                    if error.retry() == RetryClass::Never {
                        // It looked at the request: nothing is wrong with the vendor.
                        alive(&mut permit);
                    } else {
                        cooldowns.failed(target, &error, config);
                        if let Some(permit) = permit.take() {
                            permit.tell(Verdict::Failed(Box::new(error.clone())));
                        }
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    async fn begin_anew(&self, failure: Option<&LlmError>, next: &Candidate) {
        if let Some(error) = failure {
            let Target { profile, model } = &next.target;
            tracing::info!(%error, next = %format_args!("{}/{model}", profile.provider), profile = %profile.id, "failing over");
            self.void_output(error).await;
        }
    }

    /// Tells the reader that what it has heard does not count.
    async fn void_output(&self, error: &LlmError) {
        if error.after_output {
            self.emitter.emit(StreamEvent::Restart).await;
        }
    }
}

impl Pauses {
    fn of(self, pause: Duration) -> Duration {
        match self {
            Self::Steady => pause,
            Self::Spread => {
                let random = RandomState::new().build_hasher().finish();
                pause / 2 + pause.mul_f64((random % 1024) as f64 / 1024.0)
            }
        }
    }
}

#[cfg(test)]
mod tests;
