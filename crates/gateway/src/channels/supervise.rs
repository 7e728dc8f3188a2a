//! Keeps accounts open: one task each, which opens it, runs its worker, and opens it again after a pause.
//!
//! One account's failure or panic touches no other. What only a change of the configuration mends waits for one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chela_channels::{
    Account, ChannelFailure, ConnectionState, FailureKind, OpenChannel, OpenError, Pending, StatusSnapshot,
};
use chela_config::{Environment, Secret, SecretResolver};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::wanted::{self, Wanted, WantedState};
use super::{AccountName, Channels, OpenAccount, context};
use crate::app::Gateway;
use crate::auth::secret_digest;

/// Pause before an account is opened again; it doubles with each failure.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// A platform that is down is asked once a minute.
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// A worker that ran this long was well: the next failure is a first one.
const HEALTHY_AFTER: Duration = Duration::from_mins(5);
/// A worker ends within a second when asked; one that doesn't is dropped where it stands.
const STOP_GRACE: Duration = Duration::from_millis(900);

/// The accounts of the configuration in force, and their tasks.
#[derive(Default)]
pub(super) struct Supervisor(Mutex<State>);

#[derive(Default)]
struct State {
    environment: Environment,
    /// In the table's order.
    order: Vec<AccountName>,
    accounts: BTreeMap<AccountName, Supervised>,
}

struct Supervised {
    wanted: Wanted,
    running: Option<RunningAccount>,
    /// Somebody stopped it; it stays so until it is started or the gateway is.
    is_stopped_by_hand: bool,
}

struct RunningAccount {
    stop: CancellationToken,
    task: JoinHandle<()>,
    fetched: Arc<FetchedSecrets>,
}

/// The secrets with which an account was last opened: where each stood, and a digest of what it was.
type FetchedSecrets = Mutex<Vec<(Secret, [u8; 32])>>;

/// One account as lists show it, open or not.
#[expect(clippy::struct_excessive_bools, reason = "four facts that don't depend on each other")]
pub(crate) struct Listed {
    pub(crate) name: AccountName,
    pub(crate) label: &'static str,
    pub(crate) is_enabled: bool,
    pub(crate) is_stopped_by_hand: bool,
    /// Somebody keeps it open.
    pub(crate) is_running: bool,
    /// Why it must not be opened.
    pub(crate) closed: Option<String>,
    /// The environment's token is used.
    pub(crate) has_environment_token: bool,
    pub(crate) status: StatusSnapshot,
}

/// What can be done to accounts by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByHand {
    Start,
    Stop,
}

impl Channels {
    /// Puts the configuration in force: opens what is new, closes what is gone, opens again what connects differently, and gives
    /// all others their new policy. Connects nothing before it returns.
    pub(crate) fn apply(&self, gateway: &Arc<Gateway>, environment: &Environment) {
        if gateway.shutdown.is_cancelled() {
            return;
        }
        let loaded = gateway.loaded.load_full();
        let all = wanted::all(gateway.outside.kinds, &loaded, environment);
        let mut state = self.supervisor.state();
        state.environment = environment.clone();
        state.order = all.iter().map(Wanted::name).collect();
        let order = state.order.clone();
        let gone: Vec<AccountName> = state.accounts.keys().filter(|name| !order.contains(name)).cloned().collect();
        for name in gone {
            if let Some(supervised) = state.accounts.remove(&name) {
                self.shut(&name, supervised.running);
            }
        }
        for wanted in all {
            self.put_in_force(gateway, &mut state, wanted);
        }
    }

    /// Opens accounts again whose secrets are other ones by now, though the configuration says the same about them. One that can't be
    /// fetched at the moment is no other one.
    pub(crate) async fn renew_secrets(&self, gateway: &Arc<Gateway>, environment: &Environment) {
        let opened: Vec<(AccountName, Arc<FetchedSecrets>)> = {
            let state = self.supervisor.state();
            let running = |(name, supervised): (&AccountName, &Supervised)| {
                Some((name.clone(), supervised.running.as_ref()?.fetched.clone()))
            };
            state.accounts.iter().filter_map(running).collect()
        };
        let loaded = gateway.loaded.load_full();
        let resolver = SecretResolver::new(&loaded, environment, &gateway.places, &mut Vec::new());
        let comparing = gateway.outside.off_thread(move || {
            let is_other = |(secret, digest): &(Secret, [u8; 32])| {
                resolver.resolve(secret).is_ok_and(|fetched| secret_digest(fetched.expose_secret()) != *digest)
            };
            let changed = opened.into_iter().filter(|(_, fetched)| {
                // Programs may be asked below, so the lock is not held.
                let fetched = fetched.lock().unwrap_or_else(PoisonError::into_inner).clone();
                fetched.iter().any(is_other)
            });
            changed.map(|(name, _)| name).collect::<Vec<_>>()
        });
        for name in comparing.await.unwrap_or_default() {
            tracing::info!(target: "channels", "{name}: its secret changed; it is opened again");
            self.by_hand(gateway, &name.channel, Some(&name.account), ByHand::Start);
        }
    }

    /// Starts or stops accounts of a channel until the next start of the gateway. Returns those it names.
    pub(crate) fn by_hand(
        &self,
        gateway: &Arc<Gateway>,
        channel: &str,
        account: Option<&str>,
        what: ByHand,
    ) -> Vec<AccountName> {
        let mut state = self.supervisor.state();
        let is_meant = |name: &&AccountName| name.channel == channel && account.is_none_or(|one| name.account == one);
        let names: Vec<AccountName> = state.order.iter().filter(is_meant).cloned().collect();
        for name in &names {
            let Some(mut supervised) = state.accounts.remove(name) else { continue };
            supervised.is_stopped_by_hand = what == ByHand::Stop;
            let stopped = supervised.running.take();
            let last = self.shut(name, stopped);
            if what == ByHand::Start && matches!(supervised.wanted.state, WantedState::Open(_)) {
                supervised.running = self.run(gateway, &supervised.wanted, &state.environment, last);
            } else {
                self.show_closed(&supervised.wanted);
            }
            state.accounts.insert(name.clone(), supervised);
        }
        names
    }

    /// Every account of the configuration, in the table's order.
    pub(crate) fn listed(&self) -> Vec<Listed> {
        let state = self.supervisor.state();
        let of = |name: &AccountName| {
            let supervised = state.accounts.get(name)?;
            let open = self.get(&name.channel, &name.account);
            Some(Listed {
                name: name.clone(),
                label: supervised.wanted.kind.label,
                is_enabled: supervised.wanted.config.enabled,
                is_stopped_by_hand: supervised.is_stopped_by_hand,
                is_running: supervised.running.as_ref().is_some_and(|running| !running.task.is_finished()),
                closed: match &supervised.wanted.state {
                    WantedState::Closed(reason) => Some(reason.clone()),
                    WantedState::Open(_) | WantedState::Disabled => None,
                },
                has_environment_token: supervised.wanted.token.is_some(),
                status: open.map(|open| open.status.read()).unwrap_or_default(),
            })
        };
        state.order.iter().filter_map(of).collect()
    }

    fn put_in_force(&self, gateway: &Arc<Gateway>, state: &mut State, wanted: Wanted) {
        let name = wanted.name();
        let before = state.accounts.remove(&name);
        let is_stopped_by_hand = before.as_ref().is_some_and(|before| before.is_stopped_by_hand);
        let running = match before {
            Some(before) if wanted.needs_no_new_connection(&before.wanted) => {
                if let Some(open) = self.get(&name.channel, &name.account) {
                    open.policy.store(Arc::new(wanted.policy()));
                }
                before.running
            }
            before => {
                let last = self.shut(&name, before.and_then(|before| before.running));
                let environment = state.environment.clone();
                match &wanted.state {
                    WantedState::Open(_) if !is_stopped_by_hand => self.run(gateway, &wanted, &environment, last),
                    _ => {
                        self.show_closed(&wanted);
                        None
                    }
                }
            }
        };
        state.accounts.insert(name, Supervised { wanted, running, is_stopped_by_hand });
    }

    /// Asks an account's task to end, and makes it unknown. The task that follows waits for what is returned.
    fn shut(&self, name: &AccountName, running: Option<RunningAccount>) -> Option<JoinHandle<()>> {
        if let Some(open) = self.get(&name.channel, &name.account) {
            open.close();
        }
        self.remove(name);
        let running = running?;
        running.stop.cancel();
        Some(running.task)
    }

    /// An account that is enabled and not opened is known all the same, so that what waits for it waits.
    fn show_closed(&self, wanted: &Wanted) {
        if matches!(wanted.state, WantedState::Disabled) {
            return;
        }
        let account = OpenAccount::new(wanted.name(), wanted.policy());
        if let WantedState::Closed(reason) = &wanted.state {
            tracing::error!(target: "channels", "{} stays closed: {reason}", account.name);
            account.status.update(|status| {
                status.state = ConnectionState::Failed;
                status.last_error = Some(reason.clone());
            });
        }
        self.insert(account);
    }

    fn run(
        &self,
        gateway: &Arc<Gateway>,
        wanted: &Wanted,
        environment: &Environment,
        last: Option<JoinHandle<()>>,
    ) -> Option<RunningAccount> {
        let WantedState::Open(source) = &wanted.state else { return None };
        let account = OpenAccount::new(wanted.name(), wanted.policy());
        self.insert(account.clone());
        let stop = gateway.shutdown.child_token();
        let fetched = Arc::<FetchedSecrets>::default();
        let task = Task {
            gateway: gateway.clone(),
            account,
            source: source.clone(),
            token: wanted.token.clone(),
            environment: environment.clone(),
            stop: stop.clone(),
            fetched: fetched.clone(),
        };
        Some(RunningAccount { stop, task: gateway.tasks.spawn(task.keep_open(last)), fetched })
    }
}

impl Supervisor {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What keeps one account open.
struct Task {
    gateway: Arc<Gateway>,
    account: Arc<OpenAccount>,
    source: Arc<dyn Account>,
    token: Option<SecretString>,
    environment: Environment,
    stop: CancellationToken,
    fetched: Arc<FetchedSecrets>,
}

/// How an attempt ended.
enum Ended {
    Asked,
    Failed(ChannelFailure),
}

impl Task {
    async fn keep_open(self, last: Option<JoinHandle<()>>) {
        if let Some(last) = last {
            // Two connections with one token would take each other's messages. It ends within a second.
            let _ = last.await;
        }
        let mut pause = PAUSE_FIRST;
        let mut told = None;
        while !self.stop.is_cancelled() {
            let begun = Instant::now();
            let Ended::Failed(failure) = self.once().await else { break };
            self.tell(&failure, &mut told);
            if failure.kind != FailureKind::Broken {
                self.stop.cancelled().await;
                break;
            }
            if begun.elapsed() >= HEALTHY_AFTER {
                pause = PAUSE_FIRST;
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                () = sleep(pause) => {}
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
        // While the gateway stops, what turns still say may go out.
        if !self.gateway.shutdown.is_cancelled() {
            self.account.close();
        }
        self.account.status.update(|status| status.state = ConnectionState::Stopped);
    }

    /// Opens the account and runs its worker to its end.
    async fn once(&self) -> Ended {
        self.account.status.update(|status| {
            status.state = match status.connected_at_ms {
                Some(_) => ConnectionState::Reconnecting,
                None => ConnectionState::Connecting,
            };
        });
        let halt = self.stop.child_token();
        let opened = match self.open(halt.clone()).await {
            Ok(opened) => opened,
            Err(failure) => return Ended::Failed(failure),
        };
        let OpenChannel { worker, channel, webhook } = opened;
        self.account.open(channel, webhook, self.gateway.now_ms());
        self.gateway.delivery.wake();
        let ended = self.work(worker).await;
        halt.cancel();
        if matches!(ended, Ended::Failed(_)) {
            self.account.close();
        }
        ended
    }

    /// Opening reads secrets, which may run a program: so it has a thread that may wait.
    async fn open(&self, halt: CancellationToken) -> Result<OpenChannel, ChannelFailure> {
        let loaded = self.gateway.loaded.load_full();
        let resolver = SecretResolver::new(&loaded, &self.environment, &self.gateway.places, &mut Vec::new());
        let context = context::of(&self.gateway, &self.account, halt);
        let (source, token, logs) = (self.source.clone(), self.token.clone(), self.gateway.logs.clone());
        let all_fetched = self.fetched.clone();
        let opening = self.gateway.outside.off_thread(move || {
            if let Some(token) = &token {
                logs.hide(token.expose_secret());
            }
            all_fetched.lock().unwrap_or_else(PoisonError::into_inner).clear();
            let fetch = |secret: &Secret| {
                let fetched = resolver.resolve(secret).map_err(|error| error.to_string())?;
                logs.hide(fetched.expose_secret());
                let opened_with = (secret.clone(), secret_digest(fetched.expose_secret()));
                all_fetched.lock().unwrap_or_else(PoisonError::into_inner).push(opened_with);
                Ok(fetched)
            };
            source.open(token, &fetch, context)
        });
        match opening.await {
            Ok(Ok(opened)) => Ok(opened),
            Ok(Err(error)) => Err(failure_of(&error)),
            Err(_) => Err(ChannelFailure { kind: FailureKind::Broken, message: "opening it failed inside".to_owned() }),
        }
    }

    /// The worker has a task of its own, so that one that panics dies alone.
    async fn work(&self, worker: Pending<'static, Result<(), ChannelFailure>>) -> Ended {
        let mut working = tokio::spawn(worker);
        let joined = tokio::select! {
            biased;
            joined = &mut working => joined,
            () = self.stop.cancelled() => {
                if timeout(STOP_GRACE, &mut working).await.is_err() {
                    tracing::warn!(target: "channels", "{} did not stop in time", self.account.name);
                    working.abort();
                }
                return Ended::Asked;
            }
        };
        let broken = |message: &str| ChannelFailure { kind: FailureKind::Broken, message: message.to_owned() };
        match joined {
            _ if self.stop.is_cancelled() => Ended::Asked,
            Ok(Ok(())) => Ended::Failed(broken("the connection ended")),
            Ok(Err(failure)) => Ended::Failed(failure),
            Err(_) => Ended::Failed(broken("it failed inside; see the log of the gateway")),
        }
    }

    /// Puts a failure into the status, and into the log when it is another one than before.
    fn tell(&self, failure: &ChannelFailure, told: &mut Option<ChannelFailure>) {
        let ChannelFailure { kind, message } = failure;
        let is_final = *kind != FailureKind::Broken;
        self.account.status.update(|status| {
            status.state = if is_final { ConnectionState::Failed } else { ConnectionState::Reconnecting };
            status.last_error = Some(message.clone());
            status.failure = Some(*kind);
            status.reconnects += u32::from(!is_final);
        });
        if told.as_ref() == Some(failure) {
            return;
        }
        let name = &self.account.name;
        if is_final {
            tracing::error!(target: "channels", "{name}: {message}. It waits for a change of the configuration");
        } else {
            tracing::warn!(target: "channels", "{name}: {message}. Trying again");
        }
        *told = Some(failure.clone());
    }
}

fn failure_of(error: &OpenError) -> ChannelFailure {
    let kind = match error {
        // A program or a file that is not there yet may be soon.
        OpenError::Secret(_) => FailureKind::Broken,
        OpenError::NoToken { .. } => FailureKind::NoToken,
        OpenError::Setup(_) => FailureKind::Setup,
    };
    ChannelFailure { kind, message: error.to_string() }
}

#[cfg(test)]
mod tests;
