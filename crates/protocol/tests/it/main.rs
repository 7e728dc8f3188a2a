//! Frames in the form that stock clients send and expect.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test that can't go on fails; values read better"
)]

mod wire;
