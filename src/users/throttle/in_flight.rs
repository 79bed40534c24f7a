//! Attempts on one name that are being evaluated at this moment.
//!
//! Every attempt is counted before its password is hashed, so that many at once evaluate no more guesses than one after
//! the other would. The count cannot tell twenty guesses from one person whose twenty windows sign in together, and
//! nobody can until the first password was looked at: so whoever comes too many waits for that, and asks again.
//! A right password forgets what was counted, and all of them come in; wrong ones leave the count as it is.
//! This knows one node's attempts; those of others are answered as if they had failed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, Notify};

use super::Key;

/// The attempts under way, by name or by device.
#[derive(Default)]
pub(super) struct InFlight(Mutex<HashMap<Key, Arc<Undecided>>>);

#[derive(Default)]
struct Undecided {
    /// Held while the store is asked, so that whoever was admitted is known before the next one is told to wait.
    asking: AsyncMutex<()>,
    counts: Mutex<Counts>,
    settled: Notify,
}

#[derive(Default)]
struct Counts {
    /// Handles that exist; an entry without any is removed.
    handles: usize,
    evaluated: usize,
    /// How many had an outcome.
    outcomes: u64,
    waiting: usize,
}

/// Somebody's interest in one name.
pub(super) struct Handle {
    all: Arc<InFlight>,
    key: Key,
    entry: Arc<Undecided>,
}

/// An attempt that was counted as being evaluated; dropped, it has an outcome, and whoever waits asks again.
pub(super) struct Evaluated(pub(super) Handle);

impl InFlight {
    pub(super) fn of(self: &Arc<Self>, key: Key) -> Handle {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = Arc::clone(all.entry(key).or_default());
        entry.counts.lock().unwrap_or_else(PoisonError::into_inner).handles += 1;
        drop(all);
        Handle { all: Arc::clone(self), key, entry }
    }
}

impl Handle {
    /// Asks, one after the other.
    pub(super) async fn asking(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.entry.asking.lock().await
    }

    /// How many attempts had an outcome so far, for [`wait`](Self::wait) to see whether it missed one.
    pub(super) fn outcomes(&self) -> u64 {
        self.counts(|counts| counts.outcomes)
    }

    /// Counts one more attempt that is being evaluated; said before the next one asks, and kept as [`Evaluated`].
    pub(super) fn count(&self) {
        self.counts(|counts| counts.evaluated += 1);
    }

    /// Waits until there are more outcomes than were seen; `false` at once when none is to come, or too many wait.
    pub(super) async fn wait(&self, seen: u64) -> bool {
        let mut settled = std::pin::pin!(self.entry.settled.notified());
        // From here on an outcome is not missed.
        settled.as_mut().enable();
        let (is_there, may_wait) = self.counts(|counts| {
            let is_there = counts.outcomes > seen;
            let may_wait = !is_there && counts.evaluated > 0 && counts.waiting < MOST_WAITING;
            counts.waiting += usize::from(may_wait);
            (is_there, may_wait)
        });
        if may_wait {
            let _waiting = Waiter(self);
            settled.await;
        }
        is_there || may_wait
    }

    fn counts<T>(&self, look: impl FnOnce(&mut Counts) -> T) -> T {
        look(&mut self.entry.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Counted among those who wait, also when the request is given up.
struct Waiter<'a>(&'a Handle);

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.counts(|counts| counts.waiting -= 1);
    }
}

impl Drop for Evaluated {
    fn drop(&mut self) {
        self.0.counts(|counts| {
            counts.evaluated -= 1;
            counts.outcomes += 1;
        });
        self.0.entry.settled.notify_waiters();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_last = self.counts(|counts| {
            counts.handles -= 1;
            counts.handles == 0
        });
        if is_last {
            all.remove(&self.key);
        }
    }
}

/// More than any person has windows, and few enough that an attack on a name holds no crowd of connections.
const MOST_WAITING: usize = 32;
