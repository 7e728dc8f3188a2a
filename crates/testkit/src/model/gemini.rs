//! Not served yet.
use super::script::Reply;
use super::wire::{Frame, Verdict};
use super::{Recorded, State};
pub(super) fn check(_: &Recorded, _: &axum::http::Uri, _: &State) -> Verdict {
    Err("not served yet".into())
}
pub(super) fn frames(_: &Recorded, _: &Reply, _: &mut State) -> Vec<Frame> {
    Vec::new()
}
