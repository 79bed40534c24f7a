//! What this node knows to be revoked.
//!
//! The store keeps the truth; this is its shadow in memory, asked on every request and never slow.
//! An entry lives until the last token it concerns has expired, so memory follows the rate of revocations, not history.
//! The view knows how old its knowledge is and says so: too old means "ask the store", never "probably fine".

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use crate::auth::sessions::record::{Revocation, Revocations};
use crate::ground::clock::UnixTime;
use crate::ground::timings::Timings;

/// The revoked ids, in shards so that a growing table copies a sixteenth at a time.
pub(crate) struct View {
    shards: [RwLock<Shard>; SHARDS],
    not_before: AtomicI64,
    /// Monotonic milliseconds of the last word from the store.
    synced: AtomicU64,
    /// How long the store took to say it.
    pub(crate) readings: Timings,
}

type Shard = HashMap<[u8; 16], u32, BuildHasherDefault<Fold>>;

impl View {
    pub(crate) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| RwLock::new(Shard::default())),
            not_before: AtomicI64::new(i64::MIN),
            synced: AtomicU64::new(0),
            readings: Timings::default(),
        }
    }

    /// Whether the session, or the token itself, or everything of its time is revoked.
    pub(crate) fn is_revoked(&self, session: &[u8; 16], token: &[u8; 16], issued_at: UnixTime) -> bool {
        issued_at.as_secs() < self.not_before.load(Ordering::Acquire)
            || self.knows(session)
            || self.knows(token)
    }

    pub(crate) fn insert(&self, entry: Revocation) {
        // 2106 is the end of this clock; an entry that claims to last longer lasts until then.
        let until = u32::try_from(entry.until.as_secs()).unwrap_or(u32::MAX);
        let mut shard = self.shard(&entry.id).write().unwrap_or_else(PoisonError::into_inner);
        shard.entry(entry.id).and_modify(|known| *known = until.max(*known)).or_insert(until);
    }

    /// Takes in what the store reported at monotonic time `at`.
    pub(crate) fn apply(&self, news: &Revocations, at: Duration) {
        self.hear(&news.entries);
        self.not_before.fetch_max(news.not_before.as_secs(), Ordering::AcqRel);
        self.synced.fetch_max(millis(at), Ordering::AcqRel);
    }

    /// Takes in what another node said that it has revoked; nothing is known by it of what others did.
    pub(crate) fn hear(&self, entries: &[Revocation]) {
        for entry in entries {
            self.insert(*entry);
        }
    }

    /// How old this node's knowledge is at monotonic time `now`.
    pub(crate) fn age(&self, now: Duration) -> Duration {
        Duration::from_millis(millis(now).saturating_sub(self.synced.load(Ordering::Acquire)))
    }

    /// Forgets what no longer matters, one shard at a time.
    pub(crate) fn sweep(&self, now: UnixTime) {
        let now = u32::try_from(now.as_secs()).unwrap_or(0);
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, until| *until >= now);
            if shard.capacity() > 64 && shard.len() < shard.capacity() / 4 {
                shard.shrink_to_fit();
            }
        }
    }

    /// Every entry.
    pub(crate) fn all(&self) -> Vec<Revocation> {
        let mut all = Vec::with_capacity(self.len());
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            let until = |until: &u32| UnixTime::from_secs(i64::from(*until));
            all.extend(shard.iter().map(|(id, end)| Revocation { id: *id, until: until(end) }));
        }
        all
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    /// Whether this session or token is revoked.
    pub(crate) fn knows(&self, id: &[u8; 16]) -> bool {
        self.shard(id).read().unwrap_or_else(PoisonError::into_inner).contains_key(id)
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "there are SHARDS shards, and the index is a remainder by SHARDS"
    )]
    fn shard(&self, id: &[u8; 16]) -> &RwLock<Shard> {
        let [first, ..] = id;
        &self.shards[usize::from(*first) % SHARDS]
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// A one-multiply hash. It is safe here because only ids that we, or a sibling with our key, drew at random are ever
/// looked up or kept:
/// their token's signature was checked first, so nobody can choose them to collide.
#[derive(Default)]
struct Fold(u64);

impl Hasher for Fold {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let word = chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
            let product = u128::from(self.0 ^ word) * 0x9e37_79b9_7f4a_7c15;
            self.0 = (product >> 64) as u64 ^ product as u64;
        }
    }

    /// The length of an id says nothing.
    fn write_usize(&mut self, _: usize) {}
}

const SHARDS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

    fn after(seconds: u64) -> UnixTime {
        NOW + Duration::from_secs(seconds)
    }

    #[test]
    fn an_entry_is_kept_until_its_last_second_is_over() {
        let view = View::new();
        for (first, until) in [(1, 10), (2, 20)] {
            view.insert(Revocation { id: [first; 16], until: after(until) });
        }
        for (now, left) in [(9, 2), (10, 2), (11, 1), (20, 1), (21, 0)] {
            view.sweep(after(now));
            assert_eq!(view.len(), left, "{now}");
            assert_eq!(view.is_revoked(&[1; 16], &[3; 16], NOW), now <= 10, "{now}");
        }
    }

    #[test]
    fn an_entry_told_twice_lasts_as_long_as_the_longer_one_said() {
        for told in [[10, 20], [20, 10]] {
            let view = View::new();
            for until in told {
                view.insert(Revocation { id: [1; 16], until: after(until) });
            }
            view.sweep(after(20));
            assert_eq!(view.len(), 1, "{told:?}");
            view.sweep(after(21));
            assert_eq!(view.len(), 0, "{told:?}");
        }
    }
}
