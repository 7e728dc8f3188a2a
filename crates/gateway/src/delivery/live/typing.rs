//! The sign that an answer is being written, for as long as it is and no moment longer (G38).

use std::time::Duration;

use chela_agent::TypingMode;
use chela_channels::{Channel, SendErrorKind};
use tokio::time::Instant;

use super::after;
use super::show::{Phase, Show, State};
use crate::delivery::call::within;

/// A run of which nothing was heard for this long writes nothing, whatever it does.
const SILENCE_MAX: Duration = Duration::from_mins(10);

/// A call that is under way when the run ends may still take this long. The answer waits for it: a sign that came after the answer
/// would stay there.
const GRACE: Duration = Duration::from_secs(1);

/// The share of its time after which the sign is renewed.
const RENEW: f64 = 0.6;

/// Shortest pause between two signs, whatever a channel says of itself.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// Keeps the sign up until the run is over or its words stand in the chat.
pub(super) async fn run(show: &Show, channel: &dyn Channel, chat: &str, mode: TypingMode) {
    let every = channel.capabilities().typing_lasts.mul_f64(RENEW).max(PAUSE_MIN);
    while show.until(|state| shows(mode, state).then_some(())).await.is_some() {
        let mut pause = every;
        let call = within(channel.typing(chat));
        let answer = tokio::select! {
            biased;
            answer = call => answer,
            () = after(&show.over, GRACE) => return,
        };
        if let Err(error) = answer {
            tracing::debug!(%error, chat, "the typing sign could not be shown");
            match error.kind {
                SendErrorKind::RateLimited { after } => pause = pause.max(after),
                SendErrorKind::Refused | SendErrorKind::Auth | SendErrorKind::Gone => return,
                SendErrorKind::Unreachable | SendErrorKind::Unknown | SendErrorKind::Markup => {}
            }
        }
        if !show.pause_until(Instant::now() + pause).await {
            return;
        }
    }
}

fn shows(mode: TypingMode, state: &State) -> bool {
    let wanted = match mode {
        TypingMode::Never => false,
        TypingMode::Instant => true,
        TypingMode::Thinking => state.phase != Phase::Waiting || !state.steps.is_empty(),
        TypingMode::Message => !state.text.is_empty(),
    };
    wanted && state.works && !state.preview_stands && state.last_event.elapsed() < SILENCE_MAX
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use chela_agent::{AbortReason, DeliveryRoute, TurnEnd, TurnEventKind};
    use chela_channels::render::{Dialect, Limits};
    use chela_channels::{
        Capabilities, FetchedMedia, MediaRef, MessageId, OutboundPart, Pending, Probe, SendError, SentMessage,
    };

    use super::*;

    /// Notes when it was asked to show the sign; everything else is refused. Each call takes its time.
    struct Signs {
        capabilities: Capabilities,
        begun: Mutex<Vec<Duration>>,
        start: Instant,
        takes: Duration,
    }

    fn refused<T: Send + 'static>() -> Pending<'static, Result<T, SendError>> {
        Box::pin(async { Err(SendError::new(SendErrorKind::Refused, "only signs")) })
    }

    impl Channel for Signs {
        fn capabilities(&self) -> &Capabilities {
            &self.capabilities
        }

        fn send<'a>(&'a self, _: &'a OutboundPart) -> Pending<'a, Result<SentMessage, SendError>> {
            refused()
        }

        fn find<'a>(
            &'a self,
            _: &'a OutboundPart,
            _: Option<&'a MessageId>,
            _: &'a [MessageId],
        ) -> Pending<'a, Result<Option<SentMessage>, SendError>> {
            refused()
        }

        fn edit<'a>(&'a self, _: &'a MessageId, _: &'a OutboundPart) -> Pending<'a, Result<(), SendError>> {
            refused()
        }

        fn delete<'a>(&'a self, _: &'a str, _: &'a MessageId) -> Pending<'a, Result<(), SendError>> {
            refused()
        }

        fn react<'a>(&'a self, _: &'a str, _: &'a MessageId, _: Option<&'a str>) -> Pending<'a, Result<(), SendError>> {
            refused()
        }

        fn typing<'a>(&'a self, _: &'a str) -> Pending<'a, Result<(), SendError>> {
            Box::pin(async {
                self.begun.lock().unwrap().push(self.start.elapsed());
                tokio::time::sleep(self.takes).await;
                Ok(())
            })
        }

        fn fetch<'a>(&'a self, _: &'a MediaRef, _: u64) -> Pending<'a, Result<FetchedMedia, SendError>> {
            refused()
        }

        fn probe(&self) -> Pending<'_, Result<Probe, SendError>> {
            refused()
        }
    }

    fn show() -> Arc<Show> {
        let route = DeliveryRoute {
            channel: "telegram".into(),
            account: "default".into(),
            chat: "1".into(),
            reply_to: None,
            via: None,
        };
        Arc::new(Show::new(&route))
    }

    /// The seconds at which the sign was asked for, and when nothing was under way any more, for a run that goes as `play` does.
    async fn signs(mode: TypingMode, takes_ms: u64, play: impl AsyncFn(&Show)) -> (Vec<u64>, Duration) {
        let capabilities = Capabilities {
            dialect: Dialect::Plain,
            limits: Limits::default(),
            edit: false,
            react: false,
            buttons: false,
            upload_max_bytes: 0,
            typing_lasts: Duration::from_secs(5),
            edit_pause: Duration::from_secs(1),
        };
        let channel = Signs {
            capabilities,
            begun: Mutex::default(),
            start: Instant::now(),
            takes: Duration::from_millis(takes_ms),
        };
        let show = show();
        tokio::join!(run(&show, &channel, "1", mode), async {
            play(&show).await;
            show.close();
        });
        let begun = channel.begun.lock().unwrap().iter().map(Duration::as_secs).collect();
        (begun, channel.start.elapsed())
    }

    const STARTED: TurnEventKind = TurnEventKind::Started { at_ms: 0, resumed: false };

    #[tokio::test(start_paused = true)]
    async fn g38_typing_ends_with_the_run_on_every_path() {
        let ends = [
            Some(TurnEnd::Aborted { text: String::new(), reason: AbortReason::User }),
            Some(TurnEnd::Aborted { text: String::new(), reason: AbortReason::Shutdown }),
            Some(TurnEnd::Failed { message: "x".into(), kind: chela_agent::FailureKind::Unknown }),
            // The turn's task died: nothing is told.
            None,
        ];
        for end in ends {
            let (begun, ended) = signs(TypingMode::Instant, 50, async |show| {
                show.happened(&STARTED);
                tokio::time::sleep(Duration::from_secs(8)).await;
                if let Some(end) = &end {
                    show.happened(&TurnEventKind::Ended(end.clone()));
                }
            })
            .await;
            assert_eq!((begun, ended), (vec![0, 3, 6], Duration::from_secs(8)), "{end:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn g38_a_call_that_hangs_is_left_within_two_seconds() {
        let (begun, ended) = signs(TypingMode::Instant, 60_000, async |show| {
            show.happened(&STARTED);
            tokio::time::sleep(Duration::from_secs(4)).await;
        })
        .await;
        assert_eq!(begun, [0]);
        assert!(ended <= Duration::from_secs(6), "{ended:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_shows_for_silence_for_words_that_stand_and_before_work() {
        let minutes = |minutes| tokio::time::sleep(Duration::from_mins(minutes));
        let (begun, _) = signs(TypingMode::Instant, 0, async |show| {
            show.happened(&STARTED);
            minutes(60).await;
        })
        .await;
        assert_eq!(begun.last(), Some(&597), "ten minutes without an event are no writing");
        let (begun, _) = signs(TypingMode::Instant, 0, async |show| {
            show.happened(&STARTED);
            tokio::time::sleep(Duration::from_secs(4)).await;
            show.preview_stands();
            minutes(1).await;
        })
        .await;
        assert_eq!(begun, [0, 3]);
        let (begun, _) = signs(TypingMode::Instant, 0, async |_| minutes(1).await).await;
        assert_eq!(begun, [0; 0], "a row that was answered before begins no work");
        let (begun, _) = signs(TypingMode::Message, 0, async |show| {
            show.happened(&STARTED);
            tokio::time::sleep(Duration::from_secs(2)).await;
            show.happened(&TurnEventKind::TextDelta { text: "a".into(), replace: false });
            tokio::time::sleep(Duration::from_secs(1)).await;
        })
        .await;
        assert_eq!(begun, [2]);
    }
}
