//! A list of what was revoked that sibling services read by their own library, and that tells other nodes to look.
//!
//! It stands beside the store and never in its place: the store is asked about sessions, the log about revocations, and a
//! list that is away, emptied or restarted costs nothing but that siblings hear later. What is written to it was committed
//! before. Once a second a node looks whether the list has lost something, and then adds everything that still matters.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;

use crate::auth::id::{SessionId, TokenId};
use crate::auth::sessions::record::Revocation;
use crate::auth::sessions::store_error::StoreError;

/// A list of ended sessions and revoked tokens that others read, as `token_in_blocklist_loader` of flask-jwt-extended does.
///
/// ```
/// use async_trait::async_trait;
/// use portcullis::auth::{Blocklist, Revocation, SessionId, StoreError, TokenId};
/// use portcullis::testing::Kit;
/// use std::sync::{Arc, Mutex};
///
/// /// Tells somebody who wants to hear of it.
/// #[derive(Default)]
/// struct Told(Mutex<Vec<Revocation>>);
///
/// #[async_trait]
/// impl Blocklist for Told {
///     async fn add(&self, entries: &[Revocation]) -> Result<(), StoreError> {
///         self.0.lock().unwrap().extend(entries);
///         Ok(())
///     }
///     async fn restore(&self, entries: &[Revocation]) -> Result<(), StoreError> {
///         self.add(entries).await
///     }
///     async fn has_lost(&self) -> Result<bool, StoreError> {
///         Ok(false)
///     }
///     async fn contains(&self, _: TokenId, _: Option<SessionId>) -> Result<bool, StoreError> {
///         Ok(false)
///     }
/// }
///
/// let (kit, told) = (Kit::new(), Arc::new(Told::default()));
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis().blocklist(told.clone())));
/// # drop(site);
/// ```
#[async_trait]
pub trait Blocklist: Send + Sync + 'static {
    /// Adds what was revoked just now, each until its time is over, and lets other nodes know.
    async fn add(&self, entries: &[Revocation]) -> Result<(), StoreError>;

    /// Adds what was revoked before; what is there already stays. Nobody is told.
    async fn restore(&self, entries: &[Revocation]) -> Result<(), StoreError>;

    /// Whether the list may have lost something since it was last asked, or is seen for the first time.
    async fn has_lost(&self) -> Result<bool, StoreError>;

    /// Whether anybody has put this token or its session on the list.
    async fn contains(&self, token: TokenId, session: Option<SessionId>) -> Result<bool, StoreError>;

    /// Waits until another node has added something; only a hint. By default there is never any.
    async fn changed(&self) {
        std::future::pending::<()>().await;
    }
}

/// The list of one Rocket, and what is on its way there.
pub(crate) struct Siblings {
    list: Arc<dyn Blocklist>,
    /// Whether requests ask the list.
    is_asked: bool,
    waiting: Mutex<Vec<Revocation>>,
    due: Notify,
    /// Whether the list lacks something that this node would add, as far as is known.
    is_behind: AtomicBool,
}

impl Siblings {
    pub(crate) fn new(list: Arc<dyn Blocklist>, is_asked: bool) -> Self {
        let (waiting, due) = (Mutex::default(), Notify::new());
        Self { list, is_asked, waiting, due, is_behind: AtomicBool::new(true) }
    }

    /// The list, if requests ask it.
    pub(crate) fn asked(&self) -> Option<&dyn Blocklist> {
        self.is_asked.then_some(&*self.list)
    }

    /// Whether the list has everything.
    pub(crate) fn are_told(&self) -> bool {
        !self.is_behind.load(Ordering::Relaxed)
    }

    pub(crate) fn wait(&self, entries: &[Revocation]) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).extend(entries);
        self.due.notify_one();
    }

    /// Waits until something waits.
    pub(crate) async fn due(&self) {
        self.due.notified().await;
    }

    /// Waits until another node has added something.
    pub(crate) async fn changed(&self) {
        self.list.changed().await;
    }

    /// Adds what waits, if that takes no time to speak of. What cannot be added is added with everything else, later.
    pub(crate) async fn tell(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if waiting.is_empty() || self.is_behind.load(Ordering::Relaxed) {
            return;
        }
        self.soon(self.list.add(&waiting)).await;
    }

    /// Adds what the log told of other nodes' doing.
    pub(crate) async fn take_in(&self, others: &[Revocation]) {
        if !others.is_empty() && self.are_told() {
            self.soon(async { self.restore(others).await.map(drop) }).await;
        }
    }

    async fn soon(&self, work: impl Future<Output = Result<(), StoreError>>) {
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.fall_behind(&error),
            Err(late) => self.fall_behind(&StoreError::Unreachable(Box::new(late))),
        }
    }

    /// Adds everything, when the list may have lost something.
    pub(crate) async fn repair(&self, all: impl FnOnce() -> Vec<Revocation>) {
        let outcome = match self.list.has_lost().await {
            Ok(false) if self.are_told() => return,
            Ok(_) => {
                // What is revoked from here on is told by itself.
                self.is_behind.store(false, Ordering::Relaxed);
                self.restore(&all()).await
            }
            Err(error) => Err(error),
        };
        match outcome {
            Ok(number) => tracing::info!(number, "the list for sibling services has everything"),
            Err(error) => self.fall_behind(&error),
        }
    }

    async fn restore(&self, all: &[Revocation]) -> Result<usize, StoreError> {
        for some in all.chunks(AT_ONCE) {
            self.list.restore(some).await?;
        }
        Ok(all.len())
    }

    fn fall_behind(&self, error: &StoreError) {
        if !self.is_behind.swap(true, Ordering::Relaxed) {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, "the list for sibling services is out of reach; sign-outs go on");
        }
    }
}

/// How long an answer waits for the list.
const PATIENCE: Duration = Duration::from_millis(250);
const AT_ONCE: usize = 500;
