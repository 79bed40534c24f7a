//! The PostgreSQL driver: one database for as many nodes as there are.
//!
//! Little is asked of the engine, so that others which speak its protocol serve as well. Every transaction is
//! `SERIALIZABLE` and is begun anew when another disturbed it ([`again`](crate::store::again)): the rules that SQLite
//! keeps by letting one write at a time hold here without a lock of ours. What changes single rows on condition, as a
//! refresh does, is content with `READ COMMITTED`: with the condition in the statement nobody can come in between, and
//! neighbours in a page of an index do not disturb each other.
//!
//! Nothing is left on a connection: statements have no names, settings hold for their transaction, and what reads
//! stands in a transaction too. So a pooler may give every transaction another connection.
//!
//! A text with U+0000 in it is refused, because PostgreSQL's texts have no such sign; no request can carry one to here.
//!
//! The folder beside this file holds what is PostgreSQL's own: `open` its tables, `news` the log of
//! revocations, `hint` a word to other nodes that it has grown.
//! The statements stand in `sql`, once for every database.

#[cfg(feature = "second-factor")]
#[path = "sql/accounts.rs"]
mod accounts;
#[cfg(feature = "second-factor")]
#[path = "sql/factors/apps.rs"]
mod apps;
#[cfg(feature = "second-factor")]
#[path = "sql/attempts.rs"]
mod attempts;
#[cfg(feature = "second-factor")]
#[path = "sql/codes.rs"]
mod codes;
#[path = "sql/events.rs"]
mod events;
#[cfg(feature = "second-factor")]
#[path = "sql/factors.rs"]
mod factors;
mod hint;
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

use std::sync::Arc;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::query::{Query, QueryAs, QueryScalar};
use sqlx::{
    AssertSqlSafe, Connection as _, FromRow, PgConnection as Connection, PgPool, Postgres, Transaction,
};
use tokio::sync::OnceCell;

use self::hint::{Growth, Hints};
use crate::auth::{Revocation, StoreError, UnixTime};
use crate::store::again::{self, Disturbance};
use crate::store::postgres::{PostgresFailure as Failure, PostgresStore as Driver, Writing as Write};
#[cfg(feature = "second-factor")]
use crate::users::AccountStoreError;

/// Everything in one PostgreSQL database.
pub(super) struct PostgresStore {
    options: PgConnectOptions,
    pool: OnceCell<PgPool>,
    hints: Arc<Hints>,
}

impl PostgresStore {
    /// The store in this database, and where to listen for news of other nodes, if at all; nothing is connected yet.
    pub(super) fn at(options: PgConnectOptions, listening_at: Option<PgConnectOptions>) -> Self {
        Self { options, pool: OnceCell::new(), hints: Arc::new(Hints::new(listening_at)) }
    }

    /// A transaction that others do not disturb.
    async fn write(&self) -> Result<Writing, Failure> {
        let pool = self.pool().await?;
        let begun = begin(pool, WRITE).await?;
        Ok(Writing(begun, Telling { hints: Arc::clone(&self.hints), pool: pool.clone(), news: None }))
    }

    /// A transaction whose every statement changes what it names on condition, and reads nothing else that counts.
    async fn write_rows(&self) -> Result<Writing, Failure> {
        let pool = self.pool().await?;
        let begun = begin(pool, WRITE_ROWS).await?;
        Ok(Writing(begun, Telling { hints: Arc::clone(&self.hints), pool: pool.clone(), news: None }))
    }

    /// A transaction that reads what is committed.
    async fn read(&self) -> Result<Transaction<'static, Postgres>, Failure> {
        begin(self.pool().await?, READ).await
    }

    /// Its connections, once the tables are up to date.
    #[cfg(feature = "sqlite")]
    pub(super) async fn opened(&self) -> Result<&PgPool, StoreError> {
        Ok(self.pool().await?)
    }

    /// The rows of one text that stands for itself; nobody needs to know of its statements beforehand.
    async fn ask_once(&self, text: &str) -> Result<Vec<PgRow>, Failure> {
        let pool = self.pool().await?;
        let asked = async {
            match sqlx::raw_sql(AssertSqlSafe(text)).fetch_all(pool).await {
                // A connection that the database has closed.
                Err(sqlx::Error::Io(_)) => sqlx::raw_sql(AssertSqlSafe(text)).fetch_all(pool).await,
                outcome => outcome,
            }
        };
        let asked = tokio::time::timeout(ONCE_TIMEOUT, asked).await;
        Ok(asked.map_err(|_| sqlx::Error::PoolTimedOut)??)
    }

    /// What time it is there.
    pub(super) async fn time(&self) -> Result<UnixTime, StoreError> {
        let asked = async {
            let mut reader = self.read().await?;
            let now = query_scalar::<i64>("SELECT extract(epoch FROM clock_timestamp())::bigint");
            Ok::<_, Failure>(now.fetch_one(&mut *reader).await?)
        };
        Ok(UnixTime::from_secs(again::in_time(again::ANSWER, asked).await?))
    }

    async fn ready_now(&self) -> Result<(), Failure> {
        self.pool().await.map(|_| ())
    }

    async fn changed_now(&self) -> Vec<Revocation> {
        match self.pool().await {
            Ok(pool) => self.hints.heard(pool).await,
            // Whoever reads the log is told of it, and asks again.
            Err(_) => std::future::pending().await,
        }
    }

    async fn close_now(&self) {
        self.hints.close();
        if let Some(pool) = self.pool.get() {
            pool.close().await;
        }
    }

    /// Connects on first use, and again after a failure; whoever comes meanwhile waits for the same attempt.
    async fn pool(&self) -> Result<&PgPool, Failure> {
        self.pool
            .get_or_try_init(|| async {
                // TLS to the database; whoever has chosen a provider before is content with it.
                let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
                // A pooler refuses a connection that asks for digits of numbers that we do not keep, and knows no names
                // of statements.
                let options = self.options.clone().extra_float_digits(None).statement_cache_capacity(0);
                let pool = PgPoolOptions::new()
                    .max_connections(CONNECTIONS)
                    .acquire_timeout(ACQUIRE_TIMEOUT)
                    .test_before_acquire(false)
                    .before_acquire(|connection, idle| {
                        Box::pin(async move {
                            // One that was used just now is not asked whether it lives: it would cost as much as the work.
                            if idle.idle_for > USED_JUST_NOW {
                                connection.ping().await?;
                            }
                            Ok(true)
                        })
                    })
                    .connect_lazy_with(options);
                open::prepare(&pool).await?;
                Ok(pool)
            })
            .await
    }
}

/// Begins a transaction, or says in time that the database does not answer.
async fn begin(pool: &PgPool, how: &'static str) -> Result<Transaction<'static, Postgres>, Failure> {
    let begun = async {
        let mut left = CONNECTIONS;
        loop {
            left -= 1;
            match pool.begin_with(how).await {
                // A connection that the database has closed; nothing was done on it, and the next one is another.
                Err(sqlx::Error::Io(_)) if left > 0 => {}
                Err(sqlx::Error::Database(error)) if left > 0 && is_shutting_down(&*error) => {}
                outcome => return outcome,
            }
        }
    };
    let begun = tokio::time::timeout(ACQUIRE_TIMEOUT, begun).await;
    Ok(begun.map_err(|_| sqlx::Error::PoolTimedOut)??)
}

/// Whether the database said goodbye on this connection: `admin_shutdown` and `crash_shutdown`.
fn is_shutting_down(error: &dyn DatabaseError) -> bool {
    error.code().is_some_and(|code| code == "57P01" || code == "57P02")
}

/// A statement without a name, as are the two below.
fn query<'q>(sql: &'static str) -> Query<'q, Postgres, PgArguments> {
    sqlx::query(sql).persistent(false)
}

fn query_as<'q, Row>(sql: &'static str) -> QueryAs<'q, Postgres, Row, PgArguments>
where
    Row: for<'r> FromRow<'r, PgRow>,
{
    sqlx::query_as(sql).persistent(false)
}

fn query_scalar<'q, Value>(sql: &'static str) -> QueryScalar<'q, Postgres, Value, PgArguments>
where
    (Value,): for<'r> FromRow<'r, PgRow>,
{
    sqlx::query_scalar(sql).persistent(false)
}

/// A transaction that may change something; dropped, it is rolled back.
struct Writing(Transaction<'static, Postgres>, Telling);

/// What it says to other nodes once it is committed.
struct Telling {
    hints: Arc<Hints>,
    pool: PgPool,
    news: Option<Growth>,
}

impl Writing {
    /// Notes that the log grows by these entries, or by none that could be named.
    fn is_news(&mut self, entries: &[Revocation]) {
        self.1.news.get_or_insert_default().add(entries);
    }

    async fn commit(self) -> Result<(), Failure> {
        let Self(transaction, Telling { hints, pool, news }) = self;
        transaction.commit().await?;
        if let Some(news) = news {
            hints.tell(&pool, &news);
        }
        Ok(())
    }
}

/// Why this driver has no answer.
#[derive(Debug, thiserror::Error)]
enum PostgresFailure {
    #[error("PostgreSQL")]
    Open(#[from] open::Unprepared),
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error("the store holds a row that cannot be read: {0}")]
    Damaged(&'static str),
    #[error("others changed the row again and again")]
    Overtaken,
}

impl Disturbance for PostgresFailure {
    /// A serialization failure, a deadlock, or a row that another transaction changed first.
    fn is_passing(&self) -> bool {
        match self {
            Self::Sql(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| code == "40001" || code == "40P01")
            }
            Self::Overtaken => true,
            _ => false,
        }
    }
}

impl PostgresFailure {
    /// What it means that a row is not the one any more that was read in this transaction.
    const fn overtaken() -> Self {
        Self::Overtaken
    }
}

impl From<PostgresFailure> for StoreError {
    fn from(failure: PostgresFailure) -> Self {
        match failure {
            PostgresFailure::Damaged(what) => Self::Damaged(what),
            other => Self::Unreachable(Box::new(other)),
        }
    }
}

#[cfg(feature = "second-factor")]
impl From<PostgresFailure> for AccountStoreError {
    fn from(failure: PostgresFailure) -> Self {
        Self(Box::new(failure))
    }
}

/// What keeps a transaction from becoming visible later than `news` looks for what it noted, and a node that stopped in the
/// middle from holding others up; and a lock that somebody holds from keeping a connection longer than a caller waits.
macro_rules! limits {
    () => {
        "SET LOCAL statement_timeout = '5s'; SET LOCAL idle_in_transaction_session_timeout = '5s'; \
         SET LOCAL lock_timeout = '800ms'"
    };
}
const WRITE: &str = concat!("BEGIN ISOLATION LEVEL SERIALIZABLE; ", limits!());
const WRITE_ROWS: &str = concat!("BEGIN ISOLATION LEVEL READ COMMITTED; ", limits!());
const READ: &str = concat!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ", limits!());
/// Per node; hashing bounds sign-ins, and everything else is short.
const CONNECTIONS: u32 = 8;
/// For how long the answer to a single question is waited for.
const ONCE_TIMEOUT: Duration = Duration::from_secs(5);
/// For so long a connection is believed to live without being asked.
const USED_JUST_NOW: Duration = Duration::from_millis(500);
/// For how long a request waits for a connection before it is told that the store is out of reach.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(900);
