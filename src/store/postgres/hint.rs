//! Growth between nodes, sooner than the log is read again: PostgreSQL's `NOTIFY`.
//!
//! It is a hint and no more. Whoever noted a revocation says so *after* the commit, by a statement of its own, because a
//! `NOTIFY` inside a transaction takes a lock on the whole database. The channel is the same for all. What is said in it is
//! the entries themselves, so that a hundred nodes need not all look at the log at the same moment; when they are too many
//! for one word, or cannot be named, it is only that the log has grown. Whoever can say something there can at most have
//! refused what is good: what was revoked is not undone by any word.
//!
//! One connection of each node listens, where the settings say so: directly and not through a pooler, which would give the
//! news to somebody else, who does not expect any.
//! Such connections die unseen: half-open, or alive and deaf. So a node that has heard nothing for five seconds says
//! something itself, by another connection, and whoever has then heard nothing for ten more takes a new connection. The
//! word of one node is heard by all, so that a hundred nodes are no louder than one. A database that never lets anything
//! be heard is asked again after pauses that grow, and followed by the poll alone.

use std::fmt::Write as _;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{AssertSqlSafe, Executor, PgPool};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::auth::{Revocation, UnixTime};

/// How the log has grown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Growth {
    /// By these entries, as far as they are known.
    entries: Vec<Revocation>,
    /// Whether it is to be read, because there is more.
    is_more: bool,
}

impl Growth {
    /// That there may be something.
    const fn unnamed() -> Self {
        Self { entries: Vec::new(), is_more: true }
    }

    /// Notes entries; none are news that cannot be named.
    pub(super) fn add(&mut self, entries: &[Revocation]) {
        self.is_more |= entries.is_empty() || self.entries.len() + entries.len() > MOST_NAMED;
        if !self.is_more {
            self.entries.extend(entries);
        }
    }

    fn join(&mut self, others: &Self) {
        self.add(if others.is_more { &[] } else { &others.entries });
    }

    /// The entries; none when the log is to be read, which tells them all.
    fn known(self) -> Vec<Revocation> {
        if self.is_more { Vec::new() } else { self.entries }
    }

    /// What is said: each entry in hexadecimal with the second until which it counts, or nothing.
    fn to_word(&self) -> String {
        let mut word = String::new();
        for entry in self.entries.iter().filter(|_| !self.is_more) {
            let id = u128::from_be_bytes(entry.id);
            let _ = write!(word, "{id:032x}.{} ", entry.until.as_secs());
        }
        word
    }

    /// What was heard; a word that is none of ours says that there is something.
    fn of_word(word: &str) -> Self {
        let entry = |text: &str| {
            let (id, until) = text.split_once('.')?;
            let id = u128::from_str_radix(id, 16).ok()?.to_be_bytes();
            Some(Revocation { id, until: UnixTime::from_secs(until.parse().ok()?) })
        };
        let entries: Option<Vec<_>> = word.split_whitespace().map(entry).collect();
        let mut news = Self::default();
        news.add(&entries.unwrap_or_default());
        news
    }
}

/// What one node says to the others and hears of them.
pub(super) struct Hints {
    /// Where to listen; `None` where nobody listens.
    listening_at: Option<PgConnectOptions>,
    heard: Arc<Unheard>,
    /// What is about to be said; what is committed until then is told by the same word.
    untold: Arc<Mutex<Option<Growth>>>,
    listener: Mutex<Option<AbortHandle>>,
}

/// What was heard and not yet taken.
#[derive(Default)]
struct Unheard {
    news: Mutex<Growth>,
    more: Notify,
}

impl Unheard {
    fn add(&self, news: &Growth) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).join(news);
        self.more.notify_one();
    }

    async fn take(&self) -> Vec<Revocation> {
        self.more.notified().await;
        std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner)).known()
    }
}

impl Hints {
    pub(super) fn new(listening_at: Option<PgConnectOptions>) -> Self {
        Self { listening_at, heard: Arc::default(), untold: Arc::default(), listener: Mutex::default() }
    }

    /// Says how the log has grown; nobody waits for it.
    pub(super) fn tell(&self, pool: &PgPool, news: &Growth) {
        tell(pool, &self.untold, news);
    }

    /// Waits for the next news; the first who waits begins to listen.
    pub(super) async fn heard(&self, pool: &PgPool) -> Vec<Revocation> {
        if let Some(options) = &self.listening_at {
            let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
            if listener.is_none() {
                let ear = Ear {
                    options: options.clone(),
                    pool: pool.clone(),
                    heard: Arc::clone(&self.heard),
                    untold: Arc::clone(&self.untold),
                };
                *listener = Some(tokio::spawn(ear.listen()).abort_handle());
            }
        }
        self.heard.take().await
    }

    /// Stops listening.
    pub(super) fn close(&self) {
        if let Some(listener) = &*self.listener.lock().unwrap_or_else(PoisonError::into_inner) {
            listener.abort();
        }
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        self.close();
    }
}

fn tell(pool: &PgPool, untold: &Arc<Mutex<Option<Growth>>>, news: &Growth) {
    {
        let mut untold = untold.lock().unwrap_or_else(PoisonError::into_inner);
        let is_awaited = untold.is_some();
        untold.get_or_insert_default().join(news);
        if is_awaited {
            return;
        }
    }
    let (pool, untold) = (pool.clone(), Arc::clone(untold));
    tokio::spawn(async move {
        let connection = pool.acquire().await;
        // Whatever is committed from here on is told by a word of its own.
        let news = untold.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
        // Digits, letters and dots of our own; nobody needs to know of the statement beforehand.
        let statement = format!("NOTIFY {CHANNEL}, '{}'", news.to_word());
        let told = match connection {
            Ok(mut connection) => {
                within(connection.execute(sqlx::raw_sql(AssertSqlSafe(statement)))).await.map(drop)
            }
            Err(error) => Err(error),
        };
        if let Err(error) = told {
            tracing::debug!(error = &error as &dyn std::error::Error, "the other nodes were not told");
        }
    });
}

/// The one who listens.
struct Ear {
    options: PgConnectOptions,
    pool: PgPool,
    heard: Arc<Unheard>,
    untold: Arc<Mutex<Option<Growth>>>,
}

impl Ear {
    async fn listen(self) {
        let mut pause = FIRST_PAUSE;
        let mut was_heard = true;
        loop {
            let (is_heard, end) = self.listen_once().await;
            pause = if is_heard { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            if is_heard || was_heard {
                tell_operator(is_heard, end.as_ref());
            }
            was_heard = is_heard;
            sleep(pause).await;
        }
    }

    /// Listens until the connection fails or falls silent; says whether anything was ever heard on it, and what failed.
    async fn listen_once(&self) -> (bool, Option<sqlx::Error>) {
        let mut is_heard = false;
        let mut listener = match self.connect().await {
            Ok(listener) => listener,
            Err(error) => return (is_heard, Some(error)),
        };
        // What was said before this connection listened is found in the log.
        self.heard.add(&Growth::unnamed());
        tell(&self.pool, &self.untold, &Growth::unnamed());
        let mut silent = 0;
        loop {
            match timeout(UNTIL_WE_SPEAK, listener.try_recv()).await {
                Ok(Ok(Some(word))) => {
                    if !is_heard {
                        tracing::info!("listening for news of other nodes");
                    }
                    (is_heard, silent) = (true, 0);
                    self.heard.add(&Growth::of_word(word.payload()));
                }
                Ok(Ok(None)) => return (is_heard, None),
                Ok(Err(error)) => return (is_heard, Some(error)),
                Err(_) if silent == MOST_UNANSWERED => return (is_heard, None),
                Err(_) => {
                    silent += 1;
                    tell(&self.pool, &self.untold, &Growth::unnamed());
                }
            }
        }
    }

    async fn connect(&self) -> Result<PgListener, sqlx::Error> {
        let options = self.options.clone().extra_float_digits(None).statement_cache_capacity(0);
        let one = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let mut listener = within(PgListener::connect_with(&one.connect_lazy_with(options))).await?;
        listener.eager_reconnect(false);
        within(listener.listen(CHANNEL)).await?;
        Ok(listener)
    }
}

/// Says once what became of a connection that listened.
fn tell_operator(is_heard: bool, end: Option<&sqlx::Error>) {
    let error = end.map(|error| error as &dyn std::error::Error);
    if is_heard {
        tracing::warn!(error, "the connection that listens for news of other nodes is replaced");
    } else {
        tracing::warn!(
            error,
            "no news of other nodes is heard, as through a pooler; the log is read four times a second all the same, and \
             app.store_listen must name a direct connection"
        );
    }
}

/// The same, or an error when it takes too long.
async fn within<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    timeout(PATIENCE, work).await.map_err(|_| sqlx::Error::PoolTimedOut)?
}

const CHANNEL: &str = "portcullis";
/// So many fit into one word, whose limit is 8,000 bytes.
const MOST_NAMED: usize = 150;
/// After so long without a word a node says one itself.
const UNTIL_WE_SPEAK: Duration = Duration::from_secs(5);
/// So many words of one's own that are not heard, and the connection counts as dead.
const MOST_UNANSWERED: u32 = 2;
const PATIENCE: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
