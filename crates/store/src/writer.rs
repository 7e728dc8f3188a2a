//! The one place that writes. Owns the write connection; refuses to answer before the commit is on disk.
//!
//! Callers hand in closures. In [`WriterMode::Thread`](crate::WriterMode) one thread takes all that wait into one
//! transaction, so that many callers share one sync of the disk; each closure has a savepoint of its own and fails
//! alone.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{StoreError, WriterMode, connection, fault, sql};

/// Writes that may wait for the thread. Beyond it callers wait to hand theirs in, which bounds the memory they hold.
const QUEUE_MAX: usize = 1024;

/// Writes in one transaction. 256 already make the sync cheap against the rest; more would only delay the first.
const GROUP_MAX: usize = 256;

/// Hands writes to whoever may run them.
pub(crate) struct Writer {
    route: Route,
}

enum Route {
    Thread(mpsc::Sender<Command>),
    /// `None` once closed. Never locked over an await.
    Inline(Mutex<Option<Connection>>),
}

enum Command {
    Write(Job),
    Checkpoint(Reply),
    Close(Reply),
}

type Reply = oneshot::Sender<Result<(), StoreError>>;

/// Runs in the open transaction, or learns why there is none.
type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Ran + Send>;

/// A job that was run, and its caller, who waits for the commit.
struct Ran {
    failure: Option<StoreError>,
    answer: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

impl Writer {
    pub(crate) fn start(connection: Connection, path: &Path, mode: WriterMode) -> Result<Self, StoreError> {
        let route = match mode {
            WriterMode::Inline => Route::Inline(Mutex::new(Some(connection))),
            WriterMode::Thread => {
                let (sender, commands) = mpsc::channel(QUEUE_MAX);
                thread::Builder::new()
                    .name("store-writer".to_owned())
                    .spawn(move || serve(connection, commands))
                    .map_err(|error| StoreError::Open { path: path.to_owned(), message: error.to_string() })?;
                Route::Thread(sender)
            }
        };
        Ok(Self { route })
    }

    /// Runs `work` in a transaction and returns after its commit. An error or panic in it undoes all that it did. Once
    /// handed in, it runs to its end even if the caller goes away.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |transaction| {
            let outcome = transaction.and_then(|connection| in_savepoint(connection, work));
            Ran {
                failure: outcome.as_ref().err().cloned(),
                answer: Box::new(move |committed| {
                    // The caller may have gone away; the write stands all the same.
                    let _ = reply.send(outcome.and_then(|value| committed.map(|()| value)));
                }),
            }
        });
        match &self.route {
            Route::Thread(sender) => sender.send(Command::Write(job)).await.map_err(|_| StoreError::Closed)?,
            Route::Inline(slot) => {
                fault::alive_here().await;
                commit_group(lock(slot).as_ref().ok_or(StoreError::Closed)?, job, || None);
                fault::alive_here().await;
            }
        }
        answer.await.map_err(|_| StoreError::Closed)?
    }

    pub(crate) async fn checkpoint(&self) -> Result<(), StoreError> {
        match &self.route {
            Route::Thread(sender) => ask(sender, Command::Checkpoint).await,
            Route::Inline(slot) => connection::checkpoint(lock(slot).as_ref().ok_or(StoreError::Closed)?),
        }
    }

    /// Runs what was handed in before, empties the WAL and closes the file.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        match &self.route {
            Route::Thread(sender) => ask(sender, Command::Close).await,
            Route::Inline(slot) => finish(lock(slot).take().ok_or(StoreError::Closed)?),
        }
    }
}

async fn ask(sender: &mpsc::Sender<Command>, command: fn(Reply) -> Command) -> Result<(), StoreError> {
    let (reply, answer) = oneshot::channel();
    sender.send(command(reply)).await.map_err(|_| StoreError::Closed)?;
    answer.await.map_err(|_| StoreError::Closed)?
}

fn lock(slot: &Mutex<Option<Connection>>) -> MutexGuard<'_, Option<Connection>> {
    // Panics of jobs are caught inside the lock, so a poisoned one still guards a whole connection.
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread: ends when it is told to, or when the last handle is gone.
fn serve(connection: Connection, mut commands: mpsc::Receiver<Command>) {
    let mut set_aside = None;
    while let Some(command) = set_aside.take().or_else(|| commands.blocking_recv()) {
        match command {
            Command::Write(first) => {
                let next = || match commands.try_recv().ok()? {
                    Command::Write(job) => Some(job),
                    other => {
                        set_aside = Some(other);
                        None
                    }
                };
                commit_group(&connection, first, next);
            }
            Command::Checkpoint(reply) => {
                let _ = reply.send(connection::checkpoint(&connection));
            }
            Command::Close(reply) => {
                // What is handed in from here on goes with the receiver, and its callers learn that the store is
                // closed.
                let _ = reply.send(finish(connection));
                return;
            }
        }
    }
}

fn finish(connection: Connection) -> Result<(), StoreError> {
    connection::checkpoint(&connection)?;
    connection::close(connection)
}

/// Runs `first` and what waits behind it in one transaction, and answers all of them after its commit.
fn commit_group(connection: &Connection, first: Job, mut next: impl FnMut() -> Option<Job>) {
    if let Err(error) = sql::execute(connection, "BEGIN IMMEDIATE", []) {
        (first(Err(error.clone())).answer)(Err(error));
        return;
    }
    let mut group = Vec::with_capacity(1);
    let mut job = Some(first);
    while let Some(run) = job {
        group.push(run(Ok(connection)));
        // A full disk can make SQLite roll back the whole transaction, which takes the jobs before along.
        let lost = connection.is_autocommit();
        job = if lost || group.len() == GROUP_MAX { None } else { next() };
    }
    let committed = commit(connection, group.last().and_then(|last| last.failure.clone()));
    for ran in group {
        (ran.answer)(committed.clone());
    }
}

/// Commits, or says why everything since the begin is undone; `last_failure` is the cause if SQLite did it by itself.
fn commit(connection: &Connection, last_failure: Option<StoreError>) -> Result<(), StoreError> {
    if connection.is_autocommit() {
        let unknown = || StoreError::Database("the transaction was rolled back".to_owned());
        return Err(last_failure.unwrap_or_else(unknown));
    }
    let committed = sql::execute(connection, "COMMIT", []).map(drop);
    if committed.is_err() && !connection.is_autocommit() {
        sql::execute(connection, "ROLLBACK", [])?;
    }
    committed
}

/// Runs `work`; if it fails or panics, undoes what it did and nothing else.
fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    sql::execute(connection, "SAVEPOINT job", [])?;
    // The connection is whole after a panic: statements reset when they are dropped, and the savepoint is rolled back.
    let outcome = catch_unwind(AssertUnwindSafe(|| work(connection))).unwrap_or_else(|panic| Err(panicked(&*panic)));
    if connection.is_autocommit() {
        return outcome;
    }
    if outcome.is_err() {
        sql::execute(connection, "ROLLBACK TO job", [])?;
    }
    sql::execute(connection, "RELEASE job", [])?;
    outcome
}

fn panicked(panic: &(dyn Any + Send)) -> StoreError {
    let message = panic.downcast_ref::<&str>().copied();
    let message = message.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    tracing::error!(message, "a write panicked");
    StoreError::Database(format!("a write panicked: {message}"))
}

#[cfg(test)]
mod tests;
