//! Redis or Valkey beside the store: the list of what was revoked, as siblings on flask-jwt-extended read it, and a word
//! between nodes that there is something new.
//!
//! One key for each ended session and each revoked token, with nothing in it and with the time until which it matters: the
//! `jti` of a token and the `sid` of a session as their claims spell them, behind a prefix from the settings. What else is
//! kept there is another's, and is left alone.
//!
//! Redis forgets: it is emptied, restarted with an older copy, failed over to a replica that lags, or it evicts what it has
//! no room for. A mark of each node among the keys, the number of the server's run and its count of evictions tell of all
//! four; whoever adds everything again is the fairing.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Pipeline, RedisError};
use tokio::sync::{Notify, OnceCell};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::auth::{Blocklist, Revocation, SessionId, StoreError, TokenId};

/// The list in one Redis.
struct RedisList {
    client: Client,
    prefix: String,
    /// The key that this node misses when the list was emptied.
    mark: String,
    commands: OnceCell<ConnectionManager>,
    /// The state of the server in which this node last knew everything to be there.
    seen: Mutex<Option<ServerState>>,
    news: Arc<Notify>,
    listener: Mutex<Option<AbortHandle>>,
}

/// What changes when a Redis has forgotten something.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ServerState {
    run: String,
    evicted: String,
}

/// The URL of a Redis or Valkey, as in `redis://USER:PASSWORD@HOST:PORT/DATABASE`; it may hold a password and is never shown.
///
/// ```
/// use portcullis::store::RedisUrl;
///
/// let url: RedisUrl = "redis://:secret@localhost/1".parse().unwrap();
/// assert_eq!(format!("{url:?}"), "RedisUrl(..)");
/// assert!("localhost:6379".parse::<RedisUrl>().is_err());
/// ```
#[derive(Clone)]
pub struct RedisUrl(Client);

/// The text of `app.redis` names no Redis; it is not repeated, because it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no URL of a Redis, such as redis://HOST:6379; TLS is not built in")]
pub struct InvalidRedisUrl;

impl FromStr for RedisUrl {
    type Err = InvalidRedisUrl;

    fn from_str(text: &str) -> Result<Self, InvalidRedisUrl> {
        Client::open(text).map(Self).map_err(|_| InvalidRedisUrl)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUrl(..)")
    }
}

/// The list in this Redis, every key of it behind the prefix; nothing is connected yet.
///
/// ```
/// use portcullis::{Portcullis, store};
///
/// let list = store::blocklist(&"redis://localhost".parse().unwrap(), "");
/// let portcullis = Portcullis::new(store::memory().sessions).blocklist(list);
/// ```
#[must_use]
pub fn blocklist(url: &RedisUrl, prefix: &str) -> Arc<dyn Blocklist> {
    let node = RandomState::new().hash_one(0);
    Arc::new(RedisList {
        client: url.0.clone(),
        prefix: prefix.to_owned(),
        mark: format!("{prefix}portcullis:node:{node:016x}"),
        commands: OnceCell::new(),
        seen: Mutex::default(),
        news: Arc::default(),
        listener: Mutex::default(),
    })
}

impl RedisList {
    async fn commands(&self) -> Result<ConnectionManager, RedisError> {
        let made = self.commands.get_or_try_init(|| async {
            let config = ConnectionManagerConfig::new()
                .set_number_of_retries(0)
                .set_connection_timeout(Some(PATIENCE))
                .set_response_timeout(Some(PATIENCE));
            ConnectionManager::new_lazy_with_config(self.client.clone(), config)
        });
        Ok(made.await?.clone())
    }

    /// Puts entries on the list.
    fn put(&self, entries: &[Revocation]) -> Pipeline {
        let mut pipeline = redis::pipe();
        for Revocation { id, until } in entries {
            let until = until.as_secs();
            let session = SessionId::from_bytes(*id);
            pipeline.cmd("SET").arg(self.key(session)).arg("").arg("EXAT").arg(until).ignore();
            // The log says of an id not whose it is; a token's is a UUID of version 4, a session's hardly ever.
            if let Some(token) = TokenId::from_bytes(*id) {
                pipeline.cmd("SET").arg(self.key(token)).arg("").arg("EXAT").arg(until).ignore();
            }
        }
        pipeline
    }

    fn key(&self, id: impl std::fmt::Display) -> String {
        format!("{}{id}", self.prefix)
    }

    fn channel(&self) -> String {
        self.key("portcullis:news")
    }

    async fn look(&self) -> Result<(ServerState, bool), RedisError> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("INFO").arg("server").cmd("INFO").arg("stats").cmd("EXISTS").arg(&self.mark);
        pipeline.cmd("EXPIRE").arg(&self.mark).arg(MARK_LIFE).ignore();
        let (server, stats, is_marked): (String, String, bool) =
            pipeline.query_async(&mut self.commands().await?).await?;
        Ok((
            ServerState { run: value_of(&server, "run_id"), evicted: value_of(&stats, "evicted_keys") },
            is_marked,
        ))
    }
}

#[async_trait]
impl Blocklist for RedisList {
    async fn add(&self, entries: &[Revocation]) -> Result<(), StoreError> {
        let mut pipeline = self.put(entries);
        pipeline.cmd("PUBLISH").arg(self.channel()).arg("").ignore();
        let done = async { pipeline.query_async::<()>(&mut self.commands().await?).await };
        done.await.map_err(unreachable)
    }

    async fn restore(&self, entries: &[Revocation]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let done = async { self.put(entries).query_async::<()>(&mut self.commands().await?).await };
        done.await.map_err(unreachable)
    }

    async fn has_lost(&self) -> Result<bool, StoreError> {
        let (now, is_marked) = self.look().await.map_err(unreachable)?;
        let before = self.seen.lock().unwrap_or_else(PoisonError::into_inner).replace(now.clone());
        if before.is_some_and(|before| before == now) && is_marked {
            return Ok(false);
        }
        // Whatever is forgotten from here on takes the mark along, or changes what is seen.
        let done = async {
            redis::cmd("SET")
                .arg(&self.mark)
                .arg("")
                .arg("EX")
                .arg(MARK_LIFE)
                .query_async::<()>(&mut self.commands().await?)
                .await
        };
        done.await.map_err(unreachable)?;
        Ok(true)
    }

    async fn contains(&self, token: TokenId, session: Option<SessionId>) -> Result<bool, StoreError> {
        let mut exists = redis::cmd("EXISTS");
        exists.arg(self.key(token));
        if let Some(session) = session {
            exists.arg(self.key(session));
        }
        let found = async { exists.query_async::<u32>(&mut self.commands().await?).await };
        Ok(found.await.map_err(unreachable)? > 0)
    }

    async fn changed(&self) {
        {
            let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
            if listener.is_none() {
                let ear = listen(self.client.clone(), self.channel(), Arc::clone(&self.news));
                *listener = Some(tokio::spawn(ear).abort_handle());
            }
        }
        self.news.notified().await;
    }
}

impl Drop for RedisList {
    fn drop(&mut self) {
        if let Some(listener) = &*self.listener.lock().unwrap_or_else(PoisonError::into_inner) {
            listener.abort();
        }
    }
}

/// Listens for as long as there is somebody to tell, and connects again after each failure.
async fn listen(client: Client, channel: String, news: Arc<Notify>) {
    loop {
        if let Err(error) = listen_once(&client, &channel, &news).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "Redis tells no news");
        }
        sleep(BETWEEN_ATTEMPTS).await;
    }
}

async fn listen_once(client: &Client, channel: &str, news: &Notify) -> Result<(), RedisError> {
    let (mut sink, mut messages) = within(client.get_async_pubsub()).await?.split();
    within(sink.subscribe(channel)).await?;
    // What was said before is found in the log.
    news.notify_one();
    loop {
        match timeout(UNTIL_WE_ASK, messages.next()).await {
            Ok(Some(_)) => news.notify_one(),
            Ok(None) => return Ok(()),
            Err(_) => within(sink.ping::<redis::Value>()).await.map(drop)?,
        }
    }
}

/// The same, or an error when it takes too long.
async fn within<T>(work: impl Future<Output = Result<T, RedisError>>) -> Result<T, RedisError> {
    let late = |_| RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
    timeout(PATIENCE * 4, work).await.map_err(late)?
}

/// The value of a line of `INFO`; nothing where a server does not say.
fn value_of(info: &str, name: &str) -> String {
    let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_default().trim().to_owned()
}

fn unreachable(error: RedisError) -> StoreError {
    StoreError::Unreachable(Box::new(error))
}

/// In seconds; asked for once in a second.
const MARK_LIFE: u32 = 3600;
/// For how long Redis is waited for.
const PATIENCE: Duration = Duration::from_millis(500);
/// After so long without a word a listener asks whether its connection lives.
const UNTIL_WE_ASK: Duration = Duration::from_secs(5);
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(500);
