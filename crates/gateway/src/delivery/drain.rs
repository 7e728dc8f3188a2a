//! The loop that empties the outbox: one try at a time for each chat, many chats at once, no account in another's way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chela_channels::Channel;
use chela_store::{OutboxId, OutboxRow, StoreError};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::reply::{Ended, ReplyDelivery};
use super::retry::{KEEP, STORE_PAUSE, millis};
use crate::app::Gateway;
use crate::channels::{AccountName, OpenAccount};

/// Replies of one account that are sent at once: a slow platform must not take the whole machine.
const AT_ONCE: usize = 32;
/// Rows that one look takes of an account. Those being sent are among them, so it is more than [`AT_ONCE`].
const LOOK: usize = 2 * AT_ONCE;
/// How often the loop looks without being told: for rows of accounts that are gone, and for a clock that jumped.
const SWEEP: Duration = Duration::from_mins(1);
/// How long an account whose credentials were refused is left alone, if nobody opens it again before.
const REFUSED_PAUSE: Duration = Duration::from_mins(5);
/// How long a part that is being sent gets when the gateway stops; what is unknown then is looked for at the next start.
const CLOSE_GRACE: Duration = Duration::from_millis(700);

pub(super) struct Drain {
    gateway: Arc<Gateway>,
    in_flight: JoinSet<(ChatName, Arc<dyn Channel>, Ended)>,
    /// Chats with a reply on its way.
    chats: BTreeSet<ChatName>,
    refused: BTreeMap<AccountName, Refused>,
    /// The newest row that an earlier process may have begun to send.
    inherited: Option<OutboxId>,
    next_sweep: Instant,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct ChatName {
    account: AccountName,
    chat: String,
}

struct Refused {
    /// The one that was refused: another one may do better.
    channel: Arc<dyn Channel>,
    until: Instant,
}

impl Drain {
    pub(super) fn new(gateway: Arc<Gateway>, inherited: Option<OutboxId>) -> Self {
        Self {
            gateway,
            in_flight: JoinSet::new(),
            chats: BTreeSet::new(),
            refused: BTreeMap::new(),
            inherited,
            next_sweep: Instant::now(),
        }
    }

    /// Delivers until the delivery is closed.
    pub(super) async fn run(mut self) {
        let gateway = self.gateway.clone();
        let delivery = &gateway.delivery;
        loop {
            let pause = self.look().await.unwrap_or_else(|error| {
                tracing::error!(%error, "the outbox can't be read; trying again");
                STORE_PAUSE
            });
            tokio::select! {
                biased;
                () = delivery.closing.cancelled() => break,
                Some(ended) = self.in_flight.join_next() => match ended {
                    Ok((chat, channel, ended)) => self.ended(&chat, channel, ended),
                    // Its chat would stay taken for ever, so the whole drain begins again.
                    Err(error) => std::panic::resume_unwind(error.into_panic()),
                },
                () = delivery.due.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        let sending = async { while self.in_flight.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(CLOSE_GRACE, sending).await;
    }

    /// Begins everything that is due and has room. Returns how long nothing more is.
    async fn look(&mut self) -> Result<Duration, StoreError> {
        let now = Instant::now();
        if now >= self.next_sweep {
            self.next_sweep = now + SWEEP;
            self.sweep().await?;
        }
        self.refused.retain(|_, refused| now < refused.until);
        for account in self.gateway.channels.all() {
            let Some(channel) = account.speaker() else { continue };
            if !self.is_refused(&account.name, &channel) {
                self.begin(&account, &channel).await?;
            }
        }
        let now_ms = self.gateway.now_ms();
        let due = self.gateway.store.next_outbox_due_after(now_ms).await?;
        let until_due = due.map_or(SWEEP, |due| Duration::from_millis(due.saturating_sub(now_ms).unsigned_abs()));
        let until_tried = self.refused.values().map(|refused| refused.until.saturating_duration_since(now)).min();
        Ok(until_due.min(SWEEP).min(until_tried.unwrap_or(SWEEP)))
    }

    async fn begin(&mut self, account: &Arc<OpenAccount>, channel: &Arc<dyn Channel>) -> Result<(), StoreError> {
        let AccountName { channel: kind, account: name } = &account.name;
        let busy = self.chats.iter().filter(|chat| chat.account == account.name).count();
        if busy >= AT_ONCE {
            return Ok(());
        }
        let rows = self.gateway.store.due_outbox_of(kind, name, self.gateway.now_ms(), LOOK).await?;
        let mut room = AT_ONCE - busy;
        for row in rows {
            let chat = ChatName { account: account.name.clone(), chat: row.chat.clone() };
            if room == 0 {
                break;
            }
            if self.chats.insert(chat.clone()) {
                room -= 1;
                self.spawn(account, channel, chat, row);
            }
        }
        Ok(())
    }

    fn spawn(&mut self, account: &Arc<OpenAccount>, channel: &Arc<dyn Channel>, chat: ChatName, row: OutboxRow) {
        let inherited = self.inherited.is_some_and(|newest| row.id <= newest);
        let delivery = ReplyDelivery {
            doubtful: inherited || self.gateway.delivery.is_doubtful(row.id),
            gateway: self.gateway.clone(),
            account: account.clone(),
            channel: channel.clone(),
            policy: account.policy.load().delivery.clone(),
            whole: None,
            row,
        };
        let channel = channel.clone();
        self.in_flight.spawn(async move { (chat, channel, delivery.run().await) });
    }

    fn ended(&mut self, chat: &ChatName, channel: Arc<dyn Channel>, ended: Ended) {
        self.chats.remove(chat);
        if ended == Ended::AccountRefused {
            let until = Instant::now() + REFUSED_PAUSE;
            self.refused.insert(chat.account.clone(), Refused { channel, until });
        }
    }

    /// Whether this very channel was refused a short while ago.
    fn is_refused(&self, name: &AccountName, channel: &Arc<dyn Channel>) -> bool {
        self.refused.get(name).is_some_and(|refused| Arc::ptr_eq(&refused.channel, channel))
    }

    /// Gives up what waits too long for accounts that the configuration no longer has.
    async fn sweep(&self) -> Result<(), StoreError> {
        let now_ms = self.gateway.now_ms();
        let store = &self.gateway.store;
        for (channel, account, oldest_ms) in store.outbox_accounts().await? {
            let too_old = |created_at_ms: i64| now_ms.saturating_sub(created_at_ms) > millis(KEEP);
            if !too_old(oldest_ms) || self.gateway.channels.get(&channel, &account).is_some() {
                continue;
            }
            let why = format!("the account {channel}/{account} is not configured any more");
            for row in store.due_outbox_of(&channel, &account, i64::MAX, LOOK).await? {
                if too_old(row.created_at_ms) {
                    tracing::error!(channel, account, chat = row.chat, "a reply is given up: {why}");
                    store.outbox_dead(row.id, &why, now_ms).await?;
                }
            }
        }
        Ok(())
    }
}
