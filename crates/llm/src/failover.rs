//! Along the chain of models: what happens when one fails.
//!
//! Before any output the next model is tried at once; only the last one is waited for. After output the answer begins anew:
//! once with the same model, then with the next. Remembers nothing between calls.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;

use crate::models::ModelRef;
use crate::produce::{Emitter, produce};
use crate::types::{LlmError, Request, RetryClass, StreamEvent};
use crate::{EventStream, Provider};

/// Calls of the last model, the first included. More only lengthens the silence before the error is told.
const TRIES_OF_LAST: u32 = 3;
/// Calls of a model that breaks off in the middle of its answer.
const TRIES_AFTER_OUTPUT: u32 = 2;
/// First pause; it doubles with each try and is spread by half of itself.
const PAUSE: Duration = Duration::from_secs(1);
/// A vendor that wants a longer pause gets no further call: whoever waits is told instead.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A model and who answers for it.
pub(crate) type Candidate = (ModelRef, Arc<dyn Provider>);

/// How long a pause between two calls is, where the vendor doesn't say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pauses {
    /// Between half and one and a half of the pause, so that turns that failed together do not return together.
    Spread,
    /// Always the same, so that a simulation replays.
    Steady,
}

pub(crate) fn stream(candidates: Vec<Candidate>, request: Request, pauses: Pauses) -> EventStream {
    produce(move |emitter| async move {
        let last = candidates.len().saturating_sub(1);
        for (position, candidate) in candidates.iter().enumerate() {
            let place = if position == last { Place::Last } else { Place::Before };
            match exhaust(candidate, place, &request, pauses, &emitter).await {
                Ok(()) => return Ok(()),
                Err(error) if place == Place::Last || error.retry() == RetryClass::Never => return Err(error),
                Err(error) => {
                    tracing::info!(%error, next = %candidates[position + 1].0, "failing over to another model");
                    void_output(&error, &emitter).await;
                }
            }
        }
        Ok(())
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Before,
    Last,
}

/// Calls one model until it answers or another should.
async fn exhaust(
    candidate: &Candidate,
    place: Place,
    request: &Request,
    pauses: Pauses,
    emitter: &Emitter,
) -> Result<(), LlmError> {
    let mut tries = 0;
    loop {
        let Err(error) = attempt(candidate, request, emitter).await else { return Ok(()) };
        tries += 1;
        let RetryClass::Same { after } = error.retry() else { return Err(error) };
        let limit = match (error.after_output, place) {
            (_, Place::Last) => TRIES_OF_LAST,
            (true, Place::Before) => TRIES_AFTER_OUTPUT,
            (false, Place::Before) => 1,
        };
        let pause = after.unwrap_or_else(|| pauses.of(PAUSE * (1 << (tries - 1))));
        if tries >= limit || pause > LONGEST_PAUSE {
            return Err(error);
        }
        tracing::info!(%error, ?pause, tries, "calling the same model again");
        void_output(&error, emitter).await;
        // A broken connection says nothing of the vendor's load.
        if !error.after_output || after.is_some() {
            tokio::time::sleep(pause).await;
        }
    }
}

async fn attempt((model, provider): &Candidate, request: &Request, emitter: &Emitter) -> Result<(), LlmError> {
    let mut events = provider.stream(Request { model: model.model.clone(), ..request.clone() });
    let mut after_output = false;
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                after_output |= !matches!(event, StreamEvent::Started { .. });
                emitter.emit(event).await;
            }
            Err(error) => return Err(LlmError { after_output, ..error }),
        }
    }
    Ok(())
}

/// Tells the reader that what it has heard does not count.
async fn void_output(error: &LlmError, emitter: &Emitter) {
    if error.after_output {
        emitter.emit(StreamEvent::Restart).await;
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
mod tests {
    use super::*;

    #[test]
    fn pauses_are_spread_around_the_middle() {
        let pauses: Vec<Duration> = (0..200).map(|_| Pauses::Spread.of(PAUSE)).collect();
        assert!(pauses.iter().all(|pause| *pause >= PAUSE / 2 && *pause < PAUSE * 3 / 2));
        assert!(pauses.iter().any(|pause| *pause < PAUSE) && pauses.iter().any(|pause| *pause > PAUSE));
    }
}
