//! `cron.*`: automations, in the shapes of OpenClaw 2026.9. What 2026.1 wrote is read as well.
//!
//! Left out is what this house doesn't do: schedules `on-exit` and `stream`, payloads `command` and `script`, triggers, pacing,
//! and webhooks besides an answer in a chat or for failures. A job that asks for one of them is refused by name.

mod calls;
mod read;
mod spec;
mod state;

pub use calls::{
    CronIdParams, CronListParams, CronListResult, CronRemoveResult, CronRunMode, CronRunParams, CronRunResult,
    CronRunsParams, CronRunsResult, CronStatusResult, CronUpdateParams,
};
pub use read::CronSpecError;
pub use spec::{
    CronAlertChoice, CronAlertPlace, CronDelivery, CronDeliveryMode, CronFailureAlert, CronPayload, CronSchedule,
    CronSpec, CronTarget, CronWake,
};
pub use state::{
    CronAutoDisabled, CronCompletion, CronDelivered, CronEvent, CronJob, CronPlace, CronRunDelivery, CronRunEntry,
    CronState, CronStatus,
};

/// Longest name of a job, in characters.
pub const CRON_NAME_MAX: usize = 200;
/// Longest text of a job, in bytes: it goes to a model each time.
pub const CRON_TEXT_MAX: usize = 64 * 1024;
/// Most jobs or runs of one answer.
pub const CRON_LIST_MAX: usize = 200;
