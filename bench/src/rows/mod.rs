//! The groups of rows, one file each, in the order of the table.

mod channels;
mod commands;
mod crash;
mod failover;
mod history;
mod isolation;
mod memory;
mod shipped;
mod start;
mod store;
mod turns;

use std::future::Future;
use std::pin::Pin;

use anyhow::Result;

use crate::report::Row;

type Group = fn() -> Pin<Box<dyn Future<Output = Result<Vec<Row>>>>>;

pub(crate) const GROUPS: &[(&str, Group)] = &[
    ("start", || Box::pin(start::measure())),
    ("commands", || Box::pin(commands::measure())),
    ("memory", || Box::pin(memory::measure())),
    ("turns", || Box::pin(turns::measure())),
    ("channels", || Box::pin(channels::measure())),
    ("history", || Box::pin(history::measure())),
    ("isolation", || Box::pin(isolation::measure())),
    ("failover", || Box::pin(failover::measure())),
    ("crash", || Box::pin(crash::measure())),
    ("store", || Box::pin(store::measure())),
    ("shipped", || Box::pin(shipped::measure())),
];
