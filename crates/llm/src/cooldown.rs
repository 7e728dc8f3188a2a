//! Which credentials and models rest after a failure, why, and until when (G33).
//!
//! One ledger lives as long as the process, whatever is reloaded. It holds no key: a credential is told from its successor by a
//! fingerprint. While everything rests, one call at a time probes, and whoever else asks waits for what becomes of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::config::CooldownConfig;
use crate::types::{LlmError, LlmErrorKind};

/// How long a model rests after its first, second and each later failure in a row, where the vendor doesn't say.
const LADDER: [Duration; 3] = [Duration::from_secs(30), Duration::from_mins(1), Duration::from_mins(5)];
/// No wish of a vendor keeps a model away for longer.
const LONGEST_WISH: Duration = Duration::from_mins(5);
/// Rests that are remembered: more than anybody has credentials and models, so that only a fault can fill it.
const RESTS_MAX: usize = 512;
const HOUR_S: f64 = 3600.0;

/// Why a credential or a model rests, in the words of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CooldownReason {
    RateLimit,
    Overloaded,
    /// No answer, or none that could be read: silence, a broken connection, a fault of the server.
    Timeout,
    Billing,
    /// The key was refused.
    Auth,
    ModelNotFound,
}

impl CooldownReason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RateLimit => "rate_limit",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::Billing => "billing",
            Self::Auth => "auth",
            Self::ModelNotFound => "model_not_found",
        }
    }

    /// Whether it says something about the credential, and not about the vendor: another one of the same vendor may do better.
    fn is_of_credential(self) -> bool {
        match self {
            Self::RateLimit | Self::Billing | Self::Auth => true,
            Self::Overloaded | Self::Timeout | Self::ModelNotFound => false,
        }
    }
}

/// A credential or a model that rests now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cooldown {
    pub provider: String,
    /// The credential's profile, `anthropic:work`.
    pub profile: String,
    /// `None`: every model of the credential.
    pub model: Option<String>,
    pub reason: CooldownReason,
    /// `None`: until the key changes or the configuration is read again.
    pub remaining: Option<Duration>,
}

/// What a call was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) profile: ProfileKey,
    pub(crate) model: String,
}

/// A credential under its name. Another key under the same name is another credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProfileKey {
    pub(crate) provider: Arc<str>,
    pub(crate) id: Arc<str>,
    pub(crate) fingerprint: u64,
}

/// The rests of all credentials.
#[derive(Default)]
pub(crate) struct Cooldowns {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    rests: Vec<Rest>,
    /// One for each target that is probed now.
    probes: Vec<(Target, watch::Receiver<Option<Verdict>>)>,
}

struct Rest {
    profile: ProfileKey,
    model: Option<String>,
    reason: CooldownReason,
    until: Until,
    /// Failures in a row, those during a rest counted as one.
    failures: u32,
    noted_at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Until {
    At(Instant),
    Changed,
}

/// What a probe found out.
#[derive(Debug, Clone)]
pub(crate) enum Verdict {
    /// The vendor answers again.
    Alive,
    Failed(Box<LlmError>),
}

/// Whose probe it is.
pub(crate) enum Probe {
    Ours(Permit),
    Theirs(Verdict),
}

/// The right to probe. Dropping it without a verdict passes it on to the next who waits.
pub(crate) struct Permit {
    cooldowns: Arc<Cooldowns>,
    target: Target,
    verdict: watch::Sender<Option<Verdict>>,
}

impl Cooldowns {
    pub(crate) fn rests(&self, target: &Target) -> bool {
        self.until(target).is_some()
    }

    /// Of targets that rest, the place of the one whose rest ends first.
    pub(crate) fn soonest<'t>(&self, targets: impl Iterator<Item = &'t Target>) -> Option<usize> {
        let ends = targets.map(|target| self.until(target)).enumerate();
        ends.min_by_key(|(_, until)| *until).map(|(place, _)| place)
    }

    /// Takes a failed call down.
    pub(crate) fn failed(&self, target: &Target, error: &LlmError, rules: &CooldownConfig) {
        let Some((reason, model, retry_after)) = read(target, error) else { return };
        let now = Instant::now();
        let mut state = self.lock();
        let window = hours(rules.failure_window_hours);
        state.rests.retain(|rest| rest.until.is_after(now) || now < rest.noted_at + window);
        let known = state.rests.iter().position(|rest| rest.is_same(&target.profile, model.as_deref(), reason));
        let before = known.map(|place| state.rests.swap_remove(place));
        let failures = match &before {
            // Calls that were under way together fail together: that is one failure.
            Some(rest) if rest.until.is_after(now) => rest.failures,
            Some(rest) => rest.failures.saturating_add(1),
            None => 1,
        };
        let until = if is_disabling(error) {
            Until::Changed
        } else {
            Until::At(now + length(reason, failures, retry_after, rules, &target.profile.provider))
        };
        if state.rests.len() >= RESTS_MAX
            && let Some(first) = (0..state.rests.len()).min_by_key(|place| state.rests[*place].until)
        {
            state.rests.swap_remove(first);
        }
        state.rests.push(Rest { profile: target.profile.clone(), model, reason, until, failures, noted_at: now });
    }

    /// The target answered a call that began at `began`: what was held against it then is over. What another call has found since
    /// stands, since an answer that was under way says nothing of it.
    pub(crate) fn answered(&self, target: &Target, began: Instant) {
        self.lock().rests.retain(|rest| rest.noted_at > began || !rest.concerns(target));
    }

    /// Gives refused keys another chance.
    pub(crate) fn forgive_keys(&self) {
        self.lock().rests.retain(|rest| rest.until != Until::Changed);
    }

    /// Waits for the right to call a target that rests, or for what somebody else's call of it comes to. That call ends by its
    /// own time limits.
    pub(crate) async fn probe(self: &Arc<Self>, target: &Target) -> Probe {
        loop {
            let mut running = match self.permit(target) {
                Ok(permit) => return Probe::Ours(permit),
                Err(running) => running,
            };
            if let Ok(verdict) = running.wait_for(Option::is_some).await
                && let Some(verdict) = verdict.clone()
            {
                return Probe::Theirs(verdict);
            }
        }
    }

    /// Everything that rests now, in no order.
    pub(crate) fn list(&self) -> Vec<Cooldown> {
        let now = Instant::now();
        let state = self.lock();
        let resting = state.rests.iter().filter(|rest| rest.until.is_after(now));
        resting
            .map(|rest| Cooldown {
                provider: rest.profile.provider.to_string(),
                profile: rest.profile.id.to_string(),
                model: rest.model.clone(),
                reason: rest.reason,
                remaining: match rest.until {
                    Until::At(until) => Some(until - now),
                    Until::Changed => None,
                },
            })
            .collect()
    }

    fn permit(self: &Arc<Self>, target: &Target) -> Result<Permit, watch::Receiver<Option<Verdict>>> {
        let mut state = self.lock();
        if let Some((_, running)) = state.probes.iter().find(|(probed, _)| probed == target) {
            return Err(running.clone());
        }
        let (verdict, running) = watch::channel(None);
        state.probes.push((target.clone(), running));
        Ok(Permit { cooldowns: Arc::clone(self), target: target.clone(), verdict })
    }

    /// The end of the longest rest that concerns the target.
    fn until(&self, target: &Target) -> Option<Until> {
        let now = Instant::now();
        let state = self.lock();
        let rests = state.rests.iter().filter(|rest| rest.until.is_after(now) && rest.concerns(target));
        rests.map(|rest| rest.until).max()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Tells those who wait, and ends the probe.
    pub(crate) fn tell(self, verdict: Verdict) {
        self.verdict.send_replace(Some(verdict));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.cooldowns.lock().probes.retain(|(target, _)| *target != self.target);
    }
}

impl Rest {
    fn concerns(&self, target: &Target) -> bool {
        let credential = if self.reason.is_of_credential() {
            self.profile == target.profile
        } else {
            self.profile.provider == target.profile.provider
        };
        credential && self.model.as_ref().is_none_or(|model| *model == target.model)
    }

    fn is_same(&self, profile: &ProfileKey, model: Option<&str>, reason: CooldownReason) -> bool {
        self.reason == reason && self.model.as_deref() == model && self.profile == *profile
    }
}

impl Until {
    fn is_after(self, now: Instant) -> bool {
        match self {
            Self::At(until) => until > now,
            Self::Changed => true,
        }
    }
}

/// Why the target has to rest, which model of it, and for how long by the vendor's wish. `None` when the error is not about the
/// target.
fn read(target: &Target, error: &LlmError) -> Option<(CooldownReason, Option<String>, Option<Duration>)> {
    let model = Some(target.model.clone());
    Some(match &error.kind {
        LlmErrorKind::RateLimited { retry_after, .. } => (CooldownReason::RateLimit, model, *retry_after),
        LlmErrorKind::Overloaded { retry_after, .. } => (CooldownReason::Overloaded, model, *retry_after),
        LlmErrorKind::Server { .. }
        | LlmErrorKind::Network { .. }
        | LlmErrorKind::Timeout(_)
        | LlmErrorKind::Protocol { .. } => (CooldownReason::Timeout, model, None),
        LlmErrorKind::Billing { .. } => (CooldownReason::Billing, None, None),
        // A key may be good for other models than a forbidden one.
        LlmErrorKind::Unauthorized { .. } => (CooldownReason::Auth, model.filter(|_| !is_disabling(error)), None),
        LlmErrorKind::UnknownModel { .. } => (CooldownReason::ModelNotFound, model, None),
        LlmErrorKind::NoKey { .. } | LlmErrorKind::ContextLength { .. } | LlmErrorKind::InvalidRequest { .. } => {
            return None;
        }
    })
}

/// A key that the vendor doesn't know: waiting mends nothing.
fn is_disabling(error: &LlmError) -> bool {
    matches!(error.kind, LlmErrorKind::Unauthorized { .. }) && error.status != Some(403)
}

fn length(
    reason: CooldownReason,
    failures: u32,
    retry_after: Option<Duration>,
    rules: &CooldownConfig,
    provider: &str,
) -> Duration {
    let steps = failures.saturating_sub(1);
    if reason == CooldownReason::Billing {
        let first =
            rules.billing_backoff_hours_by_provider.get(provider).copied().unwrap_or(rules.billing_backoff_hours);
        let longer = first * f64::from(2_u32.saturating_pow(steps));
        return hours(longer.min(rules.billing_max_hours));
    }
    let usual = LADDER[LADDER.len().min(steps as usize + 1) - 1];
    retry_after.map_or(usual, |wish| wish.min(LONGEST_WISH))
}

/// Configured numbers are checked to be positive; one that is out of all bounds is the longest that makes sense.
fn hours(hours: f64) -> Duration {
    const MOST: Duration = Duration::from_hours(24 * 365);
    Duration::try_from_secs_f64(hours * HOUR_S).map_or(MOST, |length| length.min(MOST))
}
