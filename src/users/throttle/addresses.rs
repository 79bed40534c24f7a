//! The failures of addresses: a table in memory that never grows.
//!
//! Every address belongs to one small set of slots. A newcomer takes a free or forgotten slot of its set, and otherwise
//! that with the fewest failures: a flood of other addresses cannot free the one that attacks.
//! It is lost with the process, which is why names are counted in the store.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{FREE_FAILURES, Hashing, WAITS_FORGOTTEN_AFTER, wait_after};
use crate::auth::UnixTime;

/// The failures of addresses.
pub(super) struct Addresses {
    sets: Box<[Mutex<[Slot; WAYS]>]>,
    hashing: Hashing,
}

/// An attempt of an address that is being evaluated; dropped, it has failed, so hanging up early gains nothing.
pub(super) struct Admitted {
    table: Arc<Addresses>,
    tag: u64,
    at: UnixTime,
    has_failed: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// Zero is a free slot.
    tag: u64,
    failures: u32,
    /// How many are being evaluated.
    pending: u32,
    last: UnixTime,
}

impl Addresses {
    pub(super) fn new(hashing: Hashing) -> Self {
        Self { sets: (0..SETS).map(|_| Mutex::default()).collect(), hashing }
    }

    /// Counts an attempt, or says how long to wait.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr, now: UnixTime) -> Result<Admitted, Duration> {
        let tag = self.tag(address);
        let mut set = self.set(tag);
        age(&mut set, now);
        let slot = slot(&mut set, tag);
        let (wait, passed) = (wait_after(slot.failures), slot.last.until(now));
        if passed < wait {
            return Err(wait.saturating_sub(passed));
        }
        if slot.pending >= MOST_AT_ONCE {
            return Err(Duration::from_secs(1));
        }
        if slot.failures >= FREE_FAILURES {
            // The next wait begins with this attempt, not with its end, or many could begin together.
            slot.last = now;
        }
        slot.pending = slot.pending.saturating_add(1);
        Ok(Admitted { table: Arc::clone(self), tag, at: now, has_failed: true })
    }

    fn settle(&self, admitted: &Admitted) {
        let mut set = self.set(admitted.tag);
        let slot = slot(&mut set, admitted.tag);
        slot.pending = slot.pending.saturating_sub(1);
        if admitted.has_failed {
            slot.failures = slot.failures.saturating_add(1);
            slot.last = slot.last.max(admitted.at);
        }
    }

    fn tag(&self, address: IpAddr) -> u64 {
        let network = match address.to_canonical() {
            IpAddr::V4(address) => address.to_bits().into(),
            // One customer has at least a /64, and may change the rest with every request.
            IpAddr::V6(address) => address.to_bits() >> 64 << 64,
        };
        let [a, b, c, d, e, f, g, h, ..] = self.hashing.key(b"address", &network.to_be_bytes());
        u64::from_be_bytes([a, b, c, d, e, f, g, h]).max(1)
    }

    #[expect(clippy::indexing_slicing, reason = "there are SETS sets, and the index is a remainder by SETS")]
    fn set(&self, tag: u64) -> MutexGuard<'_, [Slot; WAYS]> {
        self.sets[(tag % SETS as u64) as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Admitted {
    /// The password was right; what others of the address did wrong stays, or one right password of the attacker's
    /// own would buy five guesses at others.
    pub(super) fn succeeded(mut self) {
        self.has_failed = false;
    }

    /// No password was looked at.
    pub(super) fn not_evaluated(mut self) {
        self.has_failed = false;
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.table.settle(self);
    }
}

/// The slot of this address; a new one takes the place of the least.
fn slot(set: &mut [Slot; WAYS], tag: u64) -> &mut Slot {
    set.sort_unstable_by_key(|slot| (slot.tag != tag, slot.failures, slot.pending, slot.last));
    let [first, ..] = set;
    if first.tag != tag {
        *first = Slot { tag, ..Slot::default() };
    }
    first
}

/// Forgets what is old, and takes a moment that lies in the future for now: the clock was set back.
fn age(set: &mut [Slot; WAYS], now: UnixTime) {
    for slot in set {
        slot.last = slot.last.min(now);
        if slot.last.until(now) >= WAITS_FORGOTTEN_AFTER {
            slot.failures = 0;
        }
    }
}

const WAYS: usize = 8;
/// 32,768 addresses in 1 MiB.
const SETS: usize = 4096;
/// So many people behind one address may sign in at the same moment.
const MOST_AT_ONCE: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

    fn table() -> Arc<Addresses> {
        Arc::new(Addresses::new(Hashing::new([7; 32])))
    }

    fn wait(table: &Arc<Addresses>, address: &str, now: UnixTime) -> u64 {
        table.admit(address.parse().unwrap(), now).map_or_else(|wait| wait.as_secs(), |_| 0)
    }

    #[test]
    fn after_five_failures_an_address_waits_ever_longer() {
        let (table, mut now) = (table(), NOW);
        assert_eq!([(); 5].map(|()| wait(&table, "192.0.2.1", now)), [0; 5]);
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(wait(&table, "192.0.2.1", now), expected);
            assert_eq!(wait(&table, "192.0.2.2", now), 0, "another address");
            now = now + Duration::from_secs(expected);
            assert_eq!(wait(&table, "192.0.2.1", now), 0);
        }
        assert_eq!(wait(&table, "192.0.2.1", now + Duration::from_secs(15 * 60)), 0);
        assert_eq!(wait(&table, "192.0.2.1", now + Duration::from_secs(15 * 60)), 0, "all is forgotten");
    }

    #[test]
    fn a_v6_network_and_a_mapped_v4_address_are_one_address() {
        let table = table();
        for host in 0..5 {
            assert_eq!(wait(&table, &format!("2001:db8:0:1::{host}"), NOW), 0);
        }
        assert_eq!(wait(&table, "2001:db8:0:1:ffff::9", NOW), 1);
        assert_eq!(wait(&table, "2001:db8:0:2::9", NOW), 0);
        for _ in 0..5 {
            assert_eq!(wait(&table, "::ffff:192.0.2.1", NOW), 0);
        }
        assert_eq!(wait(&table, "192.0.2.1", NOW), 1);
    }

    #[test]
    fn of_two_hundred_at_once_twenty_are_evaluated_and_success_takes_back_only_its_own() {
        let table = table();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let admitted: Vec<_> = (0..200).filter_map(|_| table.admit(address, NOW).ok()).collect();
        assert_eq!(admitted.len(), 20);
        admitted.into_iter().for_each(Admitted::succeeded);
        assert_eq!([(); 5].map(|()| wait(&table, "192.0.2.1", NOW)), [0; 5]);
        table.admit(address, NOW + Duration::from_secs(1)).ok().unwrap().succeeded();
        assert_eq!(wait(&table, "192.0.2.1", NOW + Duration::from_secs(1)), 1, "the five failures stay");
    }

    #[test]
    fn a_clock_set_back_neither_frees_nor_locks() {
        let table = table();
        assert_eq!([(); 5].map(|()| wait(&table, "192.0.2.1", NOW)), [0; 5]);
        let before = NOW - Duration::from_secs(3600);
        assert_eq!(wait(&table, "192.0.2.1", before), 1);
        assert_eq!(wait(&table, "192.0.2.1", before + Duration::from_secs(1)), 0);
    }

    #[test]
    fn a_million_other_addresses_neither_grow_the_table_nor_free_the_one_that_attacks() {
        let table = table();
        for second in 0..7 {
            let _ = table.admit("192.0.2.1".parse().unwrap(), NOW + Duration::from_secs(second * 60));
        }
        let now = NOW + Duration::from_secs(360);
        for host in 0..1_000_000_u32 {
            let _ = table.admit(std::net::Ipv4Addr::from(0x0a00_0000 + host).into(), now);
        }
        assert_eq!(wait(&table, "192.0.2.1", now), 4);
        let bytes = std::mem::size_of_val(&*table.sets);
        assert!(bytes <= 1024 * 1024, "{bytes} bytes for {} addresses", SETS * WAYS);
    }
}
