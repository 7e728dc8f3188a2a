//! The real binary dies by `kill -9` wherever it can, starts again on the same state dir, and nothing is lost and nothing
//! doubled (G6, G7, G30, G39).
//!
//! `CHELA_KILLS=50` repeats each kill from outside fifty times instead of twice, and strikes at fifty passes of each point.
//! Run the test binary itself for that: nextest ends what takes longer than two minutes.

mod approvals;
pub(crate) mod chats;
mod compaction;
mod cron;
pub(crate) mod house;
mod lock;
mod moments;
mod once;
mod panics;
pub(crate) mod platforms;
mod points;
mod queue;
mod rollback;
mod stop;
