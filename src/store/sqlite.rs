//! The SQLite driver: one file, two pools.
//!
//! Everything that writes goes through **one** connection, in transactions begun with `BEGIN IMMEDIATE`; readers have
//! connections of their own and, thanks to the write-ahead log, never wait for it.
//! A deferred transaction that reads first and writes later fails at once when somebody else wrote in between,
//! whatever the busy timeout; with the writing lock taken at the beginning that cannot happen.
//!
//! A future that is dropped half-way leaves nothing half done: sqlx rolls back a transaction that is dropped
//! before its commit was processed, and a commit that was already on its way is whole.
//! A connection whose transaction did not end, because its commit or its rollback failed, is thrown away: after a full
//! disk SQLite has rolled back by itself, sqlx's own rollback fails, and sqlx would take every later transaction on that
//! connection for an inner one.
//!
//! The folder beside this file holds what is SQLite's own: `open` the file and its tables, `alone` the same for a
//! move away, `backup` a copy of it, `news` the log of revocations. The statements stand in `sql`, once for every database; see there.

#[cfg(feature = "second-factor")]
#[path = "sql/accounts.rs"]
mod accounts;
#[cfg(feature = "postgres")]
mod alone;
#[cfg(feature = "second-factor")]
#[path = "sql/factors/apps.rs"]
mod apps;
#[cfg(feature = "second-factor")]
#[path = "sql/attempts.rs"]
mod attempts;
pub(super) mod backup;
#[cfg(feature = "second-factor")]
#[path = "sql/codes.rs"]
mod codes;
#[path = "sql/events.rs"]
mod events;
#[cfg(feature = "second-factor")]
#[path = "sql/factors.rs"]
mod factors;
#[cfg(feature = "second-factor")]
#[path = "sql/mail.rs"]
mod mail;
mod news;
mod open;
#[cfg(feature = "second-factor")]
#[path = "sql/mail/outbox.rs"]
mod outbox;
#[cfg(feature = "second-factor")]
#[path = "sql/factors/passkeys.rs"]
mod passkeys;
#[cfg(feature = "second-factor")]
#[path = "sql/people.rs"]
mod people;
#[path = "sql/purge.rs"]
mod purge;
#[path = "sql/sessions.rs"]
mod sessions;
#[cfg(feature = "second-factor")]
#[path = "sql/factors/trust.rs"]
mod trust;
#[cfg(feature = "second-factor")]
#[path = "sql/factors/under_way.rs"]
mod under_way;
#[cfg(feature = "second-factor")]
#[path = "sql/warrant.rs"]
mod warrant;

use std::path::PathBuf;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, Sqlite, SqliteConnection as Connection, SqlitePool, Transaction};
use sqlx::{query, query_as, query_scalar};
use tokio::sync::OnceCell;

use crate::auth::{Revocation, StoreError};
use crate::store::again::Disturbance;
use crate::store::sqlite::SqliteStore as Driver;
use crate::store::sqlite::open::Missing;
#[cfg(feature = "second-factor")]
use crate::users::AccountStoreError;

/// Whether the file of a store may be used as it is found, if it is found.
///
/// # Errors
/// One line that says what to do.
pub(super) fn check(path: &std::path::Path) -> Result<(), String> {
    open::check(path).map_err(|problem| format!("{}: {problem}", path.display()))
}

/// Sessions and accounts in one SQLite database.
pub(super) struct SqliteStore {
    file: Option<(PathBuf, Missing)>,
    pools: OnceCell<Pools>,
}

impl SqliteStore {
    /// The store in this file, which is made where there is none; nothing is opened yet.
    pub(super) fn file(path: PathBuf) -> Self {
        Self { file: Some((path, Missing::IsMade)), pools: OnceCell::new() }
    }

    /// The store in this file, which must be there.
    pub(super) fn existing(path: PathBuf) -> Self {
        Self { file: Some((path, Missing::IsToldOf)), pools: OnceCell::new() }
    }

    /// A store that lasts as long as this value.
    pub(super) fn in_memory() -> Self {
        Self { file: None, pools: OnceCell::new() }
    }

    /// A transaction that holds the writing lock.
    async fn write(&self) -> Result<Write, Failure> {
        let pools = self.pools().await?;
        let begun = tokio::time::timeout(LOCK_TIMEOUT, pools.writer.begin_with("BEGIN IMMEDIATE")).await;
        Ok(Write(begun.map_err(|_| sqlx::Error::PoolTimedOut)??))
    }

    /// The same; others may do with less.
    async fn write_rows(&self) -> Result<Write, Failure> {
        self.write().await
    }

    /// A connection that only reads.
    async fn read(&self) -> Result<PoolConnection<Sqlite>, Failure> {
        Ok(self.pools().await?.reader.acquire().await?)
    }

    /// Everything as it is at one moment.
    async fn snapshot(&self) -> Result<Transaction<'static, Sqlite>, Failure> {
        Ok(self.pools().await?.reader.begin().await?)
    }

    async fn ready_now(&self) -> Result<(), Failure> {
        self.pools().await.map(|_| ())
    }

    /// SQLite tells nobody anything.
    async fn changed_now(&self) -> Vec<Revocation> {
        std::future::pending().await
    }

    async fn close_now(&self) {
        if let Some(pools) = self.pools.get() {
            pools.close().await;
        }
    }

    /// Opens on first use, and again after a failure; whoever comes meanwhile waits for the same attempt.
    async fn pools(&self) -> Result<&Pools, Failure> {
        self.pools.get_or_try_init(|| Pools::open(self.file.as_ref())).await
    }
}

struct Pools {
    writer: SqlitePool,
    reader: SqlitePool,
}

impl Pools {
    async fn open(file: Option<&(PathBuf, Missing)>) -> Result<Self, Failure> {
        let Some((path, missing)) = file else {
            // Every connection to `:memory:` has a database of its own, so a single one both reads and writes.
            // It is never thrown away, since the database would go with it; there is no disk that could be full.
            let writer = pool(1).connect_lazy_with(connection());
            open::prepare(&writer).await?;
            return Ok(Self { reader: writer.clone(), writer });
        };
        let writer = pool(1)
            .before_acquire(|connection, _| {
                Box::pin(async move {
                    // The rollback of a dropped transaction is on its way to the connection's thread; the answer to a
                    // ping comes after it.
                    connection.ping().await?;
                    let is_clean = !connection.is_in_transaction();
                    if !is_clean {
                        tracing::warn!("a transaction of the store did not end; its connection is replaced");
                    }
                    Ok(is_clean)
                })
            })
            .connect_lazy_with(connection().filename(path));
        open::open_file(path, *missing, &writer)
            .await
            .map_err(|error| Failure::Open(path.to_owned(), error))?;
        let reader = pool(READERS).connect_lazy_with(connection().filename(path).read_only(true));
        Ok(Self { writer, reader })
    }

    /// Closes all connections, the writer last: it folds the log back into the file.
    async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

/// The journal mode is missing here: it is a property of the file and set by `open::prepare`, after it is known that
/// the file is ours.
fn connection() -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        // With a write-ahead log, anything less may lose the last commits when the power fails,
        // and a lost revocation is a token that lives again.
        .synchronous(SqliteSynchronous::Full)
}

/// Connections are never closed for their age: a local file does not grow stale, and a database in memory would be gone.
fn pool(size: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

/// A transaction that holds the writing lock; dropped, it is rolled back.
struct Write(Transaction<'static, Sqlite>);

impl Write {
    /// Others read the log by themselves.
    const fn is_news(&self, _: &[Revocation]) {}

    async fn commit(self) -> Result<(), Failure> {
        Ok(self.0.commit().await?)
    }
}

impl Disturbance for Failure {
    /// Never: it held the writing lock.
    fn is_passing(&self) -> bool {
        false
    }
}

impl Failure {
    /// What it means that a row is not the one any more that was read in this transaction: with the writing lock held since,
    /// only a broken database comes here.
    const fn overtaken() -> Self {
        Self::Damaged("a session changed under the writing lock")
    }
}

/// Why this driver has no answer.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{}", .0.display())]
    Open(PathBuf, #[source] open::OpenError),
    #[error(transparent)]
    Prepare(#[from] open::OpenError),
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error("the store holds a row that cannot be read: {0}")]
    Damaged(&'static str),
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Damaged(what) => Self::Damaged(what),
            other => Self::Unreachable(Box::new(other)),
        }
    }
}

#[cfg(feature = "second-factor")]
impl From<Failure> for AccountStoreError {
    fn from(failure: Failure) -> Self {
        Self(Box::new(failure))
    }
}

const READERS: u32 = 4;
/// For how long a request waits for a connection before it is told that the store is out of reach.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(900);
/// For how long a request waits for the writing lock, in this process and in others, before it is told the same.
const LOCK_TIMEOUT: Duration = Duration::from_millis(900);
/// For how long SQLite itself waits for another process, such as the command line, to finish writing.
const BUSY_TIMEOUT: Duration = Duration::from_millis(800);
