//! What is used and what is under way.

use std::collections::{HashMap, HashSet, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chela_protocol::SessionId;
use chela_store::{Spent, Store, StoreError};
use tokio::sync::Notify;

use super::limits::Limit;
use super::{BudgetReached, BudgetRules, BudgetScope, BudgetState, BudgetUnit, Spender};
use crate::{AgentId, Clock};

/// Conversations whose sums are kept; of others the store is asked.
const SESSIONS_MAX: usize = 1024;
/// Notices that wait to be told; more than there are limits is more than anybody reads.
const NOTICES_MAX: usize = 64;

/// The sums of all turns of a process.
#[derive(Default)]
pub struct BudgetLedger {
    state: Mutex<State>,
    /// One at a time asks the store.
    loading: tokio::sync::Mutex<()>,
    /// A call is over.
    freed: Notify,
    noticed: Notify,
}

#[derive(Default)]
struct State {
    day: Option<Day>,
    sessions: HashMap<SessionId, Spent>,
    under_way: HashMap<u64, UnderWay>,
    next: u64,
    /// Limits of conversations whose owner was told.
    told: HashSet<(BudgetScope, BudgetUnit)>,
    notices: VecDeque<BudgetReached>,
}

struct Day {
    start_ms: i64,
    end_ms: i64,
    agents: HashMap<AgentId, Spent>,
    told: HashSet<(BudgetScope, BudgetUnit)>,
}

struct UnderWay {
    spender: Spender,
    estimate: Spent,
}

/// A place in the budgets. Dropping it gives the place back: the call was not made.
pub struct Reservation {
    ledger: Arc<BudgetLedger>,
    rules: Arc<BudgetRules>,
    clock: Clock,
    /// `None` where nothing is limited.
    number: Option<u64>,
}

enum Room {
    Taken(u64),
    Reached(Box<BudgetReached>),
    /// What is under way may use up the rest.
    Wait,
    /// The sums have to be read.
    Unknown,
}

impl BudgetLedger {
    pub(super) async fn reserve(
        this: &Arc<Self>,
        rules: &Arc<BudgetRules>,
        store: &Store,
        clock: &Clock,
        spender: &Spender,
        estimate: Spent,
    ) -> Result<Result<Reservation, Box<BudgetReached>>, StoreError> {
        let limits = rules.of(&spender.agent, Some(&spender.session));
        let reservation =
            |number| Reservation { ledger: Arc::clone(this), rules: Arc::clone(rules), clock: clock.clone(), number };
        if limits.is_empty() {
            return Ok(Ok(reservation(None)));
        }
        loop {
            let mut freed = pin!(this.freed.notified());
            freed.as_mut().enable();
            match this.take(rules, &limits, clock.now_ms(), spender, estimate) {
                Room::Taken(number) => return Ok(Ok(reservation(Some(number)))),
                Room::Reached(reached) => return Ok(Err(reached)),
                Room::Wait => freed.await,
                Room::Unknown => this.load(rules, store, clock, &limits).await?,
            }
        }
    }

    pub(super) async fn states(
        &self,
        rules: &BudgetRules,
        store: &Store,
        clock: &Clock,
        limits: Vec<Limit>,
    ) -> Result<Vec<BudgetState>, StoreError> {
        if limits.is_empty() {
            return Ok(Vec::new());
        }
        loop {
            {
                let mut state = self.lock();
                if state.knows(rules, clock.now_ms(), &limits) {
                    return Ok(limits.into_iter().map(|limit| state.of(limit)).collect());
                }
            }
            self.load(rules, store, clock, &limits).await?;
        }
    }

    /// Waits for a limit to be reached: once for each limit and period.
    pub async fn reached(&self) -> BudgetReached {
        loop {
            let next = self.lock().notices.pop_front();
            match next {
                Some(reached) => return reached,
                None => self.noticed.notified().await,
            }
        }
    }

    fn take(&self, rules: &BudgetRules, limits: &[Limit], now_ms: i64, spender: &Spender, estimate: Spent) -> Room {
        let mut state = self.lock();
        if !state.knows(rules, now_ms, limits) {
            return Room::Unknown;
        }
        let states: Vec<_> = limits.iter().map(|limit| state.of(limit.clone())).collect();
        if let Some(used_up) = states.iter().find(|state| state.used >= state.limit && !state.allows(estimate)) {
            let reached = BudgetReached::new(used_up.clone(), spender, rules);
            if state.is_news(used_up) {
                state.notices.truncate(NOTICES_MAX - 1);
                state.notices.push_back(reached.clone());
                self.noticed.notify_one();
            }
            return Room::Reached(Box::new(reached));
        }
        let is_tight = |known: &BudgetState| {
            !known.allows(estimate)
                && known.used.saturating_add(known.unit.of(state.under_way(&known.scope))) >= known.limit
        };
        if states.iter().any(is_tight) {
            return Room::Wait;
        }
        state.next += 1;
        let number = state.next;
        state.under_way.insert(number, UnderWay { spender: spender.clone(), estimate });
        Room::Taken(number)
    }

    /// Reads the sums that are not known. What is under way has been reserved, so that nothing is booked meanwhile that the sums
    /// here don't get to know.
    async fn load(
        &self,
        rules: &BudgetRules,
        store: &Store,
        clock: &Clock,
        limits: &[Limit],
    ) -> Result<(), StoreError> {
        let _turn = self.loading.lock().await;
        let now_ms = clock.now_ms();
        if !self.lock().knows_day(rules, now_ms) {
            let (start_ms, end_ms) = rules.day(now_ms);
            let agents = store.spent_since(start_ms).await?.into_iter().collect();
            self.lock().day = Some(Day { start_ms, end_ms, agents, told: HashSet::new() });
        }
        for (scope, ..) in limits {
            if let BudgetScope::Session(session) = scope
                && !self.lock().sessions.contains_key(session)
            {
                let spent = store.spent_in(session).await?;
                self.lock().keep(session.clone(), spent);
            }
        }
        Ok(())
    }

    fn settle(&self, rules: &BudgetRules, now_ms: i64, number: u64, spent: Option<Spent>) {
        let mut state = self.lock();
        let Some(UnderWay { spender, estimate }) = state.under_way.remove(&number) else { return };
        let spent = spent.unwrap_or(estimate);
        if state.knows_day(rules, now_ms)
            && let Some(day) = &mut state.day
        {
            day.agents.entry(spender.agent).or_default().add(spent);
        }
        if let Some(sum) = state.sessions.get_mut(&spender.session) {
            sum.add(spent);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    /// The call was answered, and used this.
    pub fn settle(mut self, spent: Spent) {
        self.end(Some(spent));
    }

    /// The call was cut off: the vendor bills it and doesn't say what, so the estimate counts.
    pub fn settle_unknown(mut self) {
        self.end(None);
    }

    fn end(&mut self, spent: Option<Spent>) {
        if let Some(number) = self.number.take() {
            self.ledger.settle(&self.rules, self.clock.now_ms(), number, spent);
            self.ledger.freed.notify_waiters();
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.end(Some(Spent::default()));
    }
}

impl State {
    /// Whether every sum that these limits need is here. A day that is over ends here.
    fn knows(&mut self, rules: &BudgetRules, now_ms: i64, limits: &[Limit]) -> bool {
        let has = |(scope, ..): &Limit| match scope {
            BudgetScope::Day | BudgetScope::Agent(_) => true,
            BudgetScope::Session(session) => self.sessions.contains_key(session),
        };
        limits.iter().all(has) && self.knows_day(rules, now_ms)
    }

    fn knows_day(&mut self, rules: &BudgetRules, now_ms: i64) -> bool {
        let (start_ms, end_ms) = rules.day(now_ms);
        match &self.day {
            Some(day) if (day.start_ms, day.end_ms) == (start_ms, end_ms) => true,
            // Every call since midnight passed here, and was the first of its day.
            Some(day) if day.end_ms == start_ms => {
                self.day = Some(Day { start_ms, end_ms, agents: HashMap::new(), told: HashSet::new() });
                true
            }
            _ => false,
        }
    }

    fn of(&self, (scope, unit, limit): Limit) -> BudgetState {
        let day = self.day.as_ref();
        let (spent, resets_at_ms) = match &scope {
            BudgetScope::Day => {
                let mut all = Spent::default();
                day.iter().flat_map(|day| day.agents.values()).for_each(|spent| all.add(*spent));
                (all, day.map(|day| day.end_ms))
            }
            BudgetScope::Agent(agent) => {
                (day.and_then(|day| day.agents.get(agent)).copied().unwrap_or_default(), day.map(|day| day.end_ms))
            }
            BudgetScope::Session(session) => (self.sessions.get(session).copied().unwrap_or_default(), None),
        };
        BudgetState { scope, unit, limit, used: unit.of(spent), unpriced: spent.unpriced, resets_at_ms }
    }

    fn under_way(&self, scope: &BudgetScope) -> Spent {
        let counts = |spender: &Spender| match scope {
            BudgetScope::Day => true,
            BudgetScope::Agent(agent) => spender.agent == *agent,
            BudgetScope::Session(session) => spender.session == *session,
        };
        let mut sum = Spent::default();
        self.under_way.values().filter(|call| counts(&call.spender)).for_each(|call| sum.add(call.estimate));
        sum
    }

    /// Whether nobody was told of this limit in its period.
    fn is_news(&mut self, reached: &BudgetState) -> bool {
        let what = (reached.scope.clone(), reached.unit);
        match (&reached.scope, &mut self.day) {
            (BudgetScope::Day | BudgetScope::Agent(_), Some(day)) => day.told.insert(what),
            _ => self.told.insert(what),
        }
    }

    fn keep(&mut self, session: SessionId, spent: Spent) {
        if self.sessions.len() >= SESSIONS_MAX {
            let used: HashSet<_> = self.under_way.values().map(|call| call.spender.session.clone()).collect();
            self.sessions.retain(|known, _| used.contains(known));
            self.told.clear();
        }
        self.sessions.insert(session, spent);
    }
}

impl BudgetState {
    /// Whether a call of this size is free in this unit: money can't limit what has no price.
    fn allows(&self, estimate: Spent) -> bool {
        self.unit == BudgetUnit::Usd && estimate.unpriced > 0
    }
}
