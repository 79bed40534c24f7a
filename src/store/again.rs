//! A transaction that met another one is done again, whole.
//!
//! A database that lets writers work side by side refuses one of two that disturb each other, and expects the other to
//! begin anew. Nothing that a transaction read before may be used then, so the whole of it stands in the block.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Does the work of a block, which ends with its commit, until no other transaction disturbs it.
macro_rules! again {
    ($work:block) => {{
        let mut turns = crate::store::again::Turns::default();
        loop {
            let outcome: Result<_, super::Failure> = async { $work }.await;
            match outcome {
                Err(failure) if failure.is_passing() && turns.are_left() => turns.wait().await,
                outcome => break outcome,
            }
        }
    }};
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
        tokio::time::sleep(Duration::from_millis(drawn)).await;
    }
}

/// All of them together are done within the second after which a caller hears that the store is out of reach.
const MOST: u32 = 40;
