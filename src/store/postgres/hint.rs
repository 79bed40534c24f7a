//! News between nodes, sooner than the log is read again: PostgreSQL's `NOTIFY`.
//!
//! It is a hint and no more. Whoever noted a revocation says so *after* the commit, by a statement of its own, because a
//! `NOTIFY` inside a transaction takes a lock on the whole database; the channel is the same for all, and nothing is said
//! in it but that the log has grown.
//!
//! One connection of each node listens, where the settings say so: directly and not through a pooler, which would give the
//! news to somebody else, who does not expect any.
//! Such connections die unseen: half-open, or alive and deaf. So a node that has heard nothing for five seconds says
//! something itself, by another connection, and whoever has then heard nothing for ten more takes a new connection. The
//! word of one node is heard by all, so that a hundred nodes are no louder than one. A database that never lets anything
//! be heard is asked again after pauses that grow, and followed by the poll alone.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{Executor, PgPool};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

/// What one node says to the others and hears of them.
pub(super) struct Hints {
    /// Where to listen; `None` where nobody listens.
    listening_at: Option<PgConnectOptions>,
    news: Arc<Notify>,
    /// Whether somebody is about to speak; what is committed until then is told by the same word.
    is_telling: Arc<AtomicBool>,
    listener: Mutex<Option<AbortHandle>>,
}

impl Hints {
    pub(super) fn new(listening_at: Option<PgConnectOptions>) -> Self {
        Self { listening_at, news: Arc::default(), is_telling: Arc::default(), listener: Mutex::default() }
    }

    /// Says that the log has grown; nobody waits for it.
    pub(super) fn tell(&self, pool: &PgPool) {
        tell(pool, &self.is_telling);
    }

    /// Waits for the next news; the first who waits begins to listen.
    pub(super) async fn heard(&self, pool: &PgPool) {
        if let Some(options) = &self.listening_at {
            let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
            if listener.is_none() {
                let ear = Ear {
                    options: options.clone(),
                    pool: pool.clone(),
                    news: Arc::clone(&self.news),
                    is_telling: Arc::clone(&self.is_telling),
                };
                *listener = Some(tokio::spawn(ear.listen()).abort_handle());
            }
        }
        self.news.notified().await;
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

fn tell(pool: &PgPool, is_telling: &Arc<AtomicBool>) {
    if is_telling.swap(true, Ordering::AcqRel) {
        return;
    }
    let (pool, is_telling) = (pool.clone(), Arc::clone(is_telling));
    tokio::spawn(async move {
        let connection = pool.acquire().await;
        // Whatever is committed from here on is told by a word of its own.
        is_telling.store(false, Ordering::Release);
        let told = match connection {
            Ok(mut connection) => within(connection.execute(NOTIFY)).await.map(drop),
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
    news: Arc<Notify>,
    is_telling: Arc<AtomicBool>,
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
        self.news.notify_one();
        tell(&self.pool, &self.is_telling);
        let mut silent = 0;
        loop {
            match timeout(UNTIL_WE_SPEAK, listener.try_recv()).await {
                Ok(Ok(Some(_))) => {
                    if !is_heard {
                        tracing::info!("listening for news of other nodes");
                    }
                    (is_heard, silent) = (true, 0);
                    self.news.notify_one();
                }
                Ok(Ok(None)) => return (is_heard, None),
                Ok(Err(error)) => return (is_heard, Some(error)),
                Err(_) if silent == MOST_UNANSWERED => return (is_heard, None),
                Err(_) => {
                    silent += 1;
                    tell(&self.pool, &self.is_telling);
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
const NOTIFY: &str = "NOTIFY portcullis";
/// After so long without a word a node says one itself.
const UNTIL_WE_SPEAK: Duration = Duration::from_secs(5);
/// So many words of one's own that are not heard, and the connection counts as dead.
const MOST_UNANSWERED: u32 = 2;
const PATIENCE: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
