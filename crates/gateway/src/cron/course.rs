//! What becomes of a job with each of its runs: it is counted, waits longer, is tried again, or is turned off. Pure.

use chela_protocol::methods::cron::{CronAutoDisabled, CronDelivered, CronRunEntry, CronState, CronStatus};

use super::job::Job;
use super::run::Ended;

/// How long a job that failed is left alone at least, by how often it failed in a row. As in the reference system.
const BACKOFF_MS: [i64; 5] = [30_000, 60_000, 300_000, 900_000, 3_600_000];

/// How often what is due once is tried again, after the first pauses: by then the trouble is none that passes by itself.
const TRIES_AGAIN: usize = 3;

/// Failures in a row after which a recurring job is turned off: by then a day of hourly tries has cost money for nothing.
const FAILURES_MAX: u32 = 10;

/// Whether a failure may be gone the next time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    Passing,
    /// Only a change by somebody helps.
    Lasting,
}

/// Why the house turned a job off: `autoDisabled.reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OffReason {
    Failures,
    Schedule,
}

impl Job {
    /// One of its runs is over.
    pub(super) fn ran(&mut self, ended: &Ended) {
        let started_at_ms = ended.going_on.started_at_ms;
        let before = std::mem::take(&mut self.state);
        self.state = CronState {
            running_at_ms: None,
            last_run_at_ms: Some(started_at_ms),
            last_run_status: Some(ended.status()),
            last_status: Some(ended.status()),
            last_error: ended.error.clone(),
            last_duration_ms: Some(ended.at_ms - started_at_ms),
            consecutive_skipped: 0,
            last_delivered: Some(ended.delivery == CronDelivered::Delivered),
            last_delivery_status: Some(ended.delivery),
            last_delivery_error: ended.delivery_error.clone(),
            ..before
        };
        let Some(failure) = ended.failure else {
            self.state.consecutive_errors = 0;
            self.state.last_failure_alert_at_ms = None;
            // What waits again was given a new time meanwhile.
            self.spec.enabled &= !self.is_once() || self.due_at_ms.is_some();
            return;
        };
        self.failed(failure, ended.error.as_deref().unwrap_or_default(), ended.at_ms);
    }

    /// It was due, and came to no turn; `entry` says why. It is next due at `next_ms`.
    pub(super) fn passed_over(&mut self, entry: &CronRunEntry, next_ms: Option<i64>) {
        let status = entry.status.unwrap_or(CronStatus::Skipped);
        self.due_at_ms = next_ms;
        self.state.last_status = Some(status);
        self.state.last_run_status = Some(status);
        self.state.last_error.clone_from(&entry.error);
        match status {
            CronStatus::Error => self.failed(Failure::Passing, entry.error.as_deref().unwrap_or_default(), entry.ts),
            CronStatus::Ok | CronStatus::Skipped => self.state.consecutive_skipped += 1,
        }
    }

    pub(super) fn turn_off(&mut self, reason: OffReason, error: &str, at_ms: i64) {
        self.spec.enabled = false;
        self.due_at_ms = None;
        self.state.last_error = Some(error.to_owned());
        let reason = match reason {
            OffReason::Failures => "consecutive-failures",
            OffReason::Schedule => "schedule-errors",
        };
        self.state.auto_disabled = Some(CronAutoDisabled {
            reason: reason.to_owned(),
            at_ms,
            consecutive_errors: self.state.consecutive_errors.max(1),
        });
    }

    fn failed(&mut self, failure: Failure, error: &str, at_ms: i64) {
        self.state.consecutive_errors = self.state.consecutive_errors.saturating_add(1);
        let times = self.state.consecutive_errors as usize;
        let pause_ms = BACKOFF_MS[times.min(BACKOFF_MS.len()) - 1];
        if self.is_once() {
            // What was given another time meanwhile, or runs by hand, waits for nothing.
            if self.due_at_ms.is_none() && self.spec.enabled {
                let again = failure == Failure::Passing && times <= TRIES_AGAIN;
                self.due_at_ms = again.then_some(at_ms + pause_ms);
                self.spec.enabled = again;
            }
        } else if self.state.consecutive_errors >= FAILURES_MAX && self.spec.enabled {
            self.turn_off(OffReason::Failures, error, at_ms);
        } else if let Some(due_ms) = self.due_at_ms {
            self.due_at_ms = Some(due_ms.max(at_ms + pause_ms));
        }
    }
}

#[cfg(test)]
mod tests {
    use chela_protocol::methods::cron::CronSpec;
    use serde_json::{Value, json};

    use super::*;
    use crate::cron::job::Made;
    use crate::cron::run::{GoingOn, entry_of};

    const NOW: i64 = 1_000_000_000;

    fn job(schedule: &Value, due_at_ms: Option<i64>) -> Job {
        let spec = json!({ "name": "x", "schedule": schedule, "payload": { "kind": "agentTurn", "message": "Look." } });
        Job {
            id: "id".into(),
            spec: CronSpec::read(&spec).unwrap(),
            made: Made::ByOwner,
            state: CronState::default(),
            due_at_ms,
            created_at_ms: 0,
            updated_at_ms: 0,
        }
    }

    fn once() -> Job {
        job(&json!({ "kind": "at", "at": "2026-01-01T00:00:00Z" }), None)
    }

    fn ended(job: &Job, failure: Option<Failure>) -> Ended {
        let entry = entry_of(job, "run", NOW);
        let going_on =
            GoingOn { job_id: job.id.clone(), run: "run".into(), started_at_ms: NOW, entry, is_best_effort: false };
        Ended {
            going_on,
            failure,
            error: failure.map(|_| "broken".to_owned()),
            summary: None,
            delivery: CronDelivered::NotRequested,
            delivery_error: None,
            at_ms: NOW,
            session_id: None,
            model: None,
        }
    }

    fn pauses(mut job: Job, failure: Failure) -> Vec<Option<i64>> {
        let mut pauses = Vec::new();
        for _ in 0..5 {
            job.ran(&ended(&job, Some(failure)));
            pauses.push(job.due_at_ms.map(|due| due - NOW));
            if job.is_once() {
                // It is claimed again.
                job.due_at_ms = None;
            }
        }
        assert!(!job.is_once() || (!job.spec.enabled && job.state.last_error.as_deref() == Some("broken")));
        pauses
    }

    #[test]
    fn g32_what_is_due_once_is_tried_again_so_often_and_then_kept_turned_off() {
        let again = [Some(30_000), Some(60_000), Some(300_000), None, None];
        assert_eq!(pauses(once(), Failure::Passing), again);
        assert_eq!(pauses(once(), Failure::Lasting), [None; 5]);
    }

    #[test]
    fn what_recurs_waits_longer_each_time_and_is_turned_off_at_last() {
        let mut hourly = job(&json!({ "kind": "every", "everyMs": 1_000 }), Some(NOW + 1));
        let waits = [30_000, 60_000, 300_000, 900_000, 3_600_000].map(Some);
        assert_eq!(pauses(hourly.clone(), Failure::Lasting), waits);
        for _ in 0..FAILURES_MAX {
            assert!(hourly.spec.enabled);
            hourly.ran(&ended(&hourly, Some(Failure::Passing)));
        }
        assert!(!hourly.spec.enabled && hourly.due_at_ms.is_none());
        assert_eq!(hourly.state.auto_disabled.unwrap().reason, "consecutive-failures");
    }

    #[test]
    fn one_that_goes_well_forgets_its_failures() {
        let mut hourly = job(&json!({ "kind": "every", "everyMs": 1_000 }), Some(NOW + 1));
        hourly.ran(&ended(&hourly, Some(Failure::Passing)));
        hourly.state.last_failure_alert_at_ms = Some(NOW);
        hourly.due_at_ms = Some(NOW + 1);
        hourly.ran(&ended(&hourly, None));
        assert_eq!((hourly.state.consecutive_errors, hourly.state.last_failure_alert_at_ms), (0, None));
        assert_eq!((hourly.due_at_ms, hourly.spec.enabled), (Some(NOW + 1), true));
    }

    #[test]
    fn a_run_by_hand_moves_no_time_that_is_still_to_come() {
        let mut waiting = Job { due_at_ms: Some(NOW + 5), ..once() };
        waiting.ran(&ended(&waiting, Some(Failure::Passing)));
        assert_eq!((waiting.due_at_ms, waiting.spec.enabled), (Some(NOW + 5), true));
        let mut kept = once();
        kept.spec.enabled = false;
        kept.ran(&ended(&kept, Some(Failure::Passing)));
        assert_eq!((kept.due_at_ms, kept.spec.enabled), (None, false));
    }
}
