//! How long does somebody wait, in all?
//!
//! A question to the store has its time. Whoever asks for a page causes several questions, and is told within a second all
//! the same: what one question used up, the next one lacks. Only waiting counts, not what this program computes meanwhile.

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use crate::ground::clock::{Clock, SystemClock};

tokio::task_local! {
    /// For how long this request may still wait.
    static LEFT: Cell<Duration>;
}

/// Does the work of one request, which waits no longer than [`ANSWER`] in all.
#[cfg(feature = "app")]
pub(crate) async fn in_all<T>(work: impl Future<Output = T>) -> T {
    LEFT.scope(Cell::new(ANSWER), work).await
}

/// The answer to a question that may take this long, if it comes while there is time; outside of a request each question
/// has its own.
pub(crate) async fn answered<T>(limit: Duration, question: impl Future<Output = T>) -> Option<T> {
    let Ok(left) = LEFT.try_with(Cell::get) else {
        return tokio::time::timeout(limit, question).await.ok();
    };
    let asked = SystemClock::new();
    let answer = tokio::time::timeout(limit.min(left), question).await.ok();
    // Nothing else of this request runs at the same time, as far as it does not begin a task of its own.
    let _ = LEFT.try_with(|left| left.set(left.get().saturating_sub(asked.monotonic())));
    answer
}

/// For how long somebody is left waiting for the store; a little less than the second that is promised.
#[cfg(any(feature = "app", feature = "sqlite", feature = "postgres"))]
pub(crate) const ANSWER: Duration = Duration::from_millis(950);
