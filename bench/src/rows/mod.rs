//! The groups of rows, one file each, in the order of the table.

mod channels;
mod commands;
mod crash;
mod failover;
mod history;
mod isolation;
mod memory;
mod shipped;
mod small;
mod spawn;
mod start;
mod store;
mod turns;

use std::future::Future;
use std::pin::Pin;

use anyhow::Result;

use crate::report::{Measured, Row};

type Group = fn() -> Pin<Box<dyn Future<Output = Result<Measured>>>>;

pub(crate) const GROUPS: &[(&str, Group)] = &[
    ("start", || Box::pin(rows(start::measure()))),
    ("commands", || Box::pin(rows(commands::measure()))),
    ("memory", || Box::pin(memory::measure())),
    ("small machine", || Box::pin(rows(small::measure()))),
    ("turns", || Box::pin(rows(turns::measure()))),
    ("channels", || Box::pin(channels::measure())),
    ("history", || Box::pin(rows(history::measure()))),
    ("isolation", || Box::pin(rows(isolation::measure()))),
    ("spawn", || Box::pin(rows(spawn::measure()))),
    ("failover", || Box::pin(rows(failover::measure()))),
    ("crash", || Box::pin(rows(crash::measure()))),
    ("store", || Box::pin(rows(store::measure()))),
    ("shipped", || Box::pin(rows(shipped::measure()))),
];

/// What a group without details measured.
async fn rows(measure: impl Future<Output = Result<Vec<Row>>>) -> Result<Measured> {
    Ok(measure.await?.into())
}
