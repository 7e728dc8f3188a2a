//! Connections that owe a request: cheap for a stranger to open, dear for the gateway to keep, since each may fill a buffer with the
//! head of a request that never ends.
//!
//! Only so many wait at once as memory has room for. One more shows out the one that has waited longest: an honest client is
//! done in milliseconds, so whoever floods the port pushes out their own.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio_util::sync::CancellationToken;

use crate::pressure::memory_limit;

/// The most that such a connection may take: a buffer that has grown to twice the largest head.
const EACH_BYTES: u64 = 64 * 1024;
/// The share of memory that all of them may take.
const SHARE: u64 = 8;
const SEATS_MIN: u64 = 64;
const SEATS_MAX: u64 = 4_096;

/// Everybody who waits, longest first.
pub(super) struct WaitingRoom {
    seats: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    by_age: BTreeMap<u64, CancellationToken>,
}

/// A connection, for as long as it lives. It waits until it has asked something, and again after each answer.
pub(super) struct Visitor {
    room: Arc<WaitingRoom>,
    seat: Mutex<Option<u64>>,
    leave: CancellationToken,
}

/// A request that is being answered. When it is dropped, its connection waits again.
pub(super) struct Busy(Arc<Visitor>);

impl WaitingRoom {
    /// As many seats as the memory of this process allows.
    pub(super) fn new() -> Self {
        let seats = memory_limit().map_or(SEATS_MAX, |bytes| bytes / SHARE / EACH_BYTES).clamp(SEATS_MIN, SEATS_MAX);
        Self::with_seats(usize::try_from(seats).unwrap_or(usize::MAX))
    }

    pub(super) fn with_seats(seats: usize) -> Self {
        Self { seats, waiting: Mutex::default() }
    }

    pub(super) fn enter(self: &Arc<Self>) -> Arc<Visitor> {
        let leave = CancellationToken::new();
        let visitor = Arc::new(Visitor { room: self.clone(), seat: Mutex::default(), leave });
        visitor.sit_down();
        visitor
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visitor {
    /// A whole head has come: the connection is somebody's now.
    pub(super) fn asked(self: &Arc<Self>) -> Busy {
        self.stand_up();
        Busy(self.clone())
    }

    /// Returns when this one has to make room.
    pub(super) async fn shown_out(&self) {
        self.leave.cancelled().await;
    }

    fn sit_down(&self) {
        let mut waiting = self.room.lock();
        let seat = waiting.next;
        waiting.next += 1;
        waiting.by_age.insert(seat, self.leave.clone());
        self.seat().replace(seat);
        if waiting.by_age.len() > self.room.seats
            && let Some((_, longest)) = waiting.by_age.pop_first()
        {
            longest.cancel();
        }
    }

    fn stand_up(&self) {
        let seat = self.seat().take();
        if let Some(seat) = seat {
            self.room.lock().by_age.remove(&seat);
        }
    }

    fn seat(&self) -> MutexGuard<'_, Option<u64>> {
        self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.stand_up();
    }
}

impl Busy {
    /// Holds on until the last byte of the answer was handed over.
    pub(super) fn until_sent(self, response: Response<Body>) -> Response<Body> {
        response.map(|body| Body::new(Answer { body, _busy: self }))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.sit_down();
    }
}

struct Answer {
    body: Body,
    _busy: Busy,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_longest_makes_room_and_whoever_is_answered_never() {
        let room = Arc::new(WaitingRoom::with_seats(2));
        let visitors: Vec<_> = (0..3).map(|_| room.enter()).collect();
        let out = |visitors: &[Arc<Visitor>]| visitors.iter().map(|one| one.leave.is_cancelled()).collect::<Vec<_>>();
        assert_eq!(out(&visitors), [true, false, false]);
        let busy = visitors[1].asked();
        let more = [room.enter(), room.enter()];
        assert_eq!((out(&visitors), out(&more)), (vec![true, false, true], vec![false, false]));
        drop(busy);
        assert_eq!((out(&visitors), out(&more)), (vec![true, false, true], vec![true, false]));
        drop((visitors, more));
        assert!(room.lock().by_age.is_empty());
    }
}
