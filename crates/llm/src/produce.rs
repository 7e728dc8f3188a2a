//! Event streams from plain `async` code: the code emits, the stream yields, and dropping the stream drops the code.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use futures_util::stream;
use tokio::sync::mpsc;

use crate::{EventStream, LlmError, StreamEvent};

/// Events that may wait for the reader. Small: a slow reader slows the vendor down through the connection.
const QUEUE: usize = 32;

/// The writing end inside the code.
#[derive(Clone)]
pub(crate) struct Emitter(mpsc::Sender<StreamEvent>);

impl Emitter {
    /// Waits while the reader is behind. Never fails: without a reader the code itself is gone.
    pub(crate) async fn emit(&self, event: StreamEvent) {
        let _ = self.0.send(event).await;
    }
}

/// Runs `work` inside the stream, on whichever task polls it. An error that `work` returns is the stream's last item.
pub(crate) fn produce<F, W>(work: F) -> EventStream
where
    F: FnOnce(Emitter) -> W,
    W: Future<Output = Result<(), LlmError>> + Send + 'static,
{
    let (sender, mut receiver) = mpsc::channel(QUEUE);
    let mut work: Option<Pin<Box<W>>> = Some(Box::pin(work(Emitter(sender))));
    let mut failure = None;
    Box::pin(stream::poll_fn(move |context| {
        if let Some(running) = &mut work
            && let Poll::Ready(outcome) = running.as_mut().poll(context)
        {
            // Dropping the code drops its emitter, so that the queue ends after what is left in it.
            work = None;
            failure = outcome.err();
        }
        match receiver.poll_recv(context) {
            Poll::Ready(Some(event)) => Poll::Ready(Some(Ok(event))),
            Poll::Ready(None) => Poll::Ready(failure.take().map(Err)),
            Poll::Pending => Poll::Pending,
        }
    }))
}
