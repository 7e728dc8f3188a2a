//! The house's memory: one SQLite file, written by one thread, read by a few. The only crate with SQL in it.
//!
//! Every method is one transaction. Writers that wait together are committed together, and a method returns only after
//! its commit is on disk. Times are passed in as Unix milliseconds: the store never reads a clock.

mod devices;
mod error;
pub mod fault;
mod inbox;
mod items;
mod kv;
mod outbox;
mod sessions;
mod store;
mod usage;

pub use devices::{Device, DeviceToken, PairingRequest};
pub use error::StoreError;
pub use inbox::{Accepted, InboxId, InboxRow, InboxState, NewInbound};
pub use items::{Item, ItemKind, NewItem, SearchHit, TurnFinish, TurnStart};
pub use outbox::{NewOutbound, OutboxId, OutboxRow};
pub use sessions::{Session, SessionFilter, SessionPatch, SessionSettings};
pub use store::{DATABASE_FILE, OpenOptions, Store, WriterMode};
pub use usage::{NewUsage, UsageDay};
