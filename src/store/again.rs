//! A transaction that met another one is done again, whole.
//!
//! A database that lets writers work side by side refuses one of two that disturb each other, and expects the other to
//! begin anew. Nothing that a transaction read before may be used then, so the whole of it stands in the block.
//!
//! Whatever it waits for, a connection, a lock of somebody else or an answer that was lost on the way, a caller is told
//! within a second that the store is out of reach. The work is then dropped, which rolls it back, unless its commit was on
//! its way already.
//!
//! This is the way of every question to a database, so it is where they are counted.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::auth::patience;
pub(super) use crate::auth::patience::ANSWER;
use crate::auth::spans::asking_store;
use crate::auth::{Clock, Distribution, SystemClock, Timings};

/// Does the work of a block once, or says in time that it could not be done.
macro_rules! once {
    ($work:block) => {
        once!(ANSWER, $work)
    };
    ($limit:ident, $work:block) => {
        crate::store::again::in_time(crate::store::again::$limit, async {
            let outcome: Result<_, super::Failure> = async { $work }.await;
            outcome
        })
        .await
    };
}

/// Does the work of a block, which ends with its commit, until no other transaction disturbs it. Each turn has its time: a
/// database that refuses it because of another has answered. A request that has waited for too long is told so all the same.
macro_rules! again {
    ($work:block) => {{
        let mut turns = crate::store::again::Turns::default();
        loop {
            let outcome = once!($work);
            match outcome {
                Err(failure)
                    if crate::store::again::Disturbance::is_passing(&failure) && turns.are_left() =>
                {
                    turns.wait().await
                }
                outcome => break outcome,
            }
        }
    }};
}

/// Why a driver has no answer.
pub(super) trait Disturbance {
    /// Whether another transaction was in the way, so that the same may succeed when it is begun anew.
    fn is_passing(&self) -> bool;
}

/// The questions of this process to its databases, all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreCalls {
    /// How long they took, those without an answer too.
    pub took: Distribution,
    /// How many had no answer, or another than they should.
    pub failed: u64,
    /// How many were begun anew because another transaction was in the way.
    pub disturbed: u64,
}

/// How often databases were asked since the program began.
///
/// ```
/// use portcullis::store::calls;
///
/// assert!(calls().failed <= calls().took.count());
/// ```
#[must_use]
pub fn calls() -> StoreCalls {
    StoreCalls {
        took: CALLS.took.seen(),
        failed: CALLS.failed.load(Ordering::Relaxed),
        disturbed: CALLS.disturbed.load(Ordering::Relaxed),
    }
}

struct Counted {
    took: Timings,
    failed: AtomicU64,
    disturbed: AtomicU64,
}

static CALLS: Counted =
    Counted { took: Timings::new(), failed: AtomicU64::new(0), disturbed: AtomicU64::new(0) };

/// The outcome of the work, or that it took too long. A search has its own time, whatever else its request waits for.
pub(super) async fn in_time<T, Failure: From<sqlx::Error> + Disturbance>(
    limit: Duration,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let asked = SystemClock::new();
    let outcome = asking_store(async {
        let outcome = if limit > ANSWER {
            tokio::time::timeout(limit, work).await.ok()
        } else {
            patience::answered(limit, work).await
        };
        outcome.unwrap_or_else(|| Err(sqlx::Error::PoolTimedOut.into()))
    });
    let outcome = outcome.await;
    CALLS.took.add(asked.monotonic());
    match &outcome {
        Ok(_) => {}
        Err(failure) if failure.is_passing() => drop(CALLS.disturbed.fetch_add(1, Ordering::Relaxed)),
        Err(_) => drop(CALLS.failed.fetch_add(1, Ordering::Relaxed)),
    }
    outcome
}

/// How often a transaction was begun.
#[derive(Debug, Default)]
pub(super) struct Turns(u32);

impl Turns {
    /// Counts one more, if it is not too many.
    pub(super) const fn are_left(&mut self) -> bool {
        self.0 += 1;
        self.0 <= MOST
    }

    /// Lets the other finish. Whoever met once would meet again if both waited for the same time.
    pub(super) async fn wait(&self) {
        let drawn = RandomState::new().hash_one(self.0) % (1 << self.0.min(5));
        let _ = patience::answered(ANSWER, tokio::time::sleep(Duration::from_millis(drawn))).await;
    }
}

/// Each of them lets another one finish.
const MOST: u32 = 40;
/// How long a search may take among all accounts, which may have to look at each.
#[cfg(feature = "second-factor")]
pub(super) const SEARCH: Duration = Duration::from_secs(5);
