//! The house's memory: one SQLite file, written by one thread, read by a few. The only crate with SQL in it.
//!
//! Every method is one transaction. Writers that wait together are committed together, and a method returns only after
//! its commit is on disk. Times are passed in as Unix milliseconds: the store never reads a clock.

mod approvals;
mod connection;
mod cron;
mod devices;
mod error;
mod examine;
pub mod fault;
mod files;
mod imports;
mod inbox;
mod items;
mod kv;
mod lock;
mod migrations;
mod openclaw;
mod outbox;
mod pairings;
mod readers;
mod search;
mod sent;
mod sessions;
mod sql;
mod stats;
mod store;
mod summaries;
mod turns;
mod usage;
mod usage_report;
mod writer;

pub use approvals::{ExecGrant, GRANTS_MAX};
pub use cron::{
    CRON_JOBS_MAX, CronAdded, CronAfter, CronClaim, CronClaimed, CronFinish, CronRow, CronRunFilter, CronRunRow,
    CronRunStatus,
};
pub use devices::{Device, DeviceToken, PairingRequest};
pub use error::StoreError;
pub use examine::examine;
pub use imports::{
    IMPORTED_PREFIX, ImportedAs, ImportedConversation, ImportedPlace, ImportedStep, ImportedUsage, StepSink,
};
pub use inbox::{Accepted, DEDUPE_KEEP_MS, InboxId, InboxRow, InboxState, NewInbound};
pub use items::{Item, ItemKind, NewItem, Reach, Tail};
pub use lock::{InstanceInfo, InstanceLock, LOCK_FILE, LockError};
pub use migrations::{Rollback, rollback};
pub use openclaw::{OpenclawDatabase, OpenclawEvent, OpenclawRow, OpenclawTable};
pub use outbox::{NewOutbound, OutboundState, OutboxId, OutboxRow};
pub use pairings::{NewPairing, Ownership, PAIRING_KEEP_MS, PAIRINGS_MAX, PairedSender, PairingAsked, PairingCode};
pub use search::SearchHit;
pub use sent::SentPart;
pub use sessions::{Session, SessionExpiry, SessionFilter, SessionPatch, SessionQueue, SessionSettings};
pub use stats::StoreStats;
pub use store::{DATABASE_FILE, OpenOptions, Store, WriterMode};
pub use summaries::{ContextStart, NewSummary};
pub use turns::{TurnFinish, TurnStart};
pub use usage::{NewUsage, Spent};
pub use usage_report::{
    DayUsage, PartUsage, SessionUsage, UsageActivity, UsagePoint, UsageQuery, UsageReport, UsageSums,
};
