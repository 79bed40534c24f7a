//! The failures of addresses: a table in memory that never grows.
//!
//! Behind one address may be an office, a school or a mobile carrier, so an address has room for a crowd: fifty failures
//! at once, five more for each person who signed in from there, and one more every thirty seconds. Nobody waits longer
//! than that, and nobody's right password is kept waiting by a number of mistakes that a crowd makes.
//! In IPv6 one customer has a /64 or a /56 and may change the rest with every request, and whoever has a /48 has 65,536
//! such networks: all three are counted, each with a room and a pace of its own.
//!
//! Every network belongs to one small set of slots. A newcomer takes a free or forgotten slot of its set, and otherwise
//! that with the fewest failures: a flood of other addresses cannot free the one that attacks.
//! It is lost with the process, which is why names are counted in the store.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Hashing, Key};
use crate::auth::UnixTime;

/// The failures of addresses.
pub(super) struct Addresses {
    sets: Box<[Mutex<[AddressSlot; WAYS]>]>,
    hashing: Hashing,
}

/// An attempt of an address that is being evaluated; dropped, it has failed, so hanging up early gains nothing.
pub(super) struct Admitted {
    table: Arc<Addresses>,
    networks: Networks,
    at: UnixTime,
    /// Whether the address had no failures, and few attempts under way.
    is_clean: bool,
    outcome: Outcome,
}

#[derive(Clone, Copy)]
enum Outcome {
    Failed,
    NotEvaluated,
    /// By a person, of whom this is one bit.
    Right(u32),
}

/// How much a network of some size may do.
struct Scope {
    /// How many bits of an address tell it from others.
    prefix: u32,
    /// So many failures at once.
    room: u32,
    /// For so many seconds a failure takes room.
    pace: u32,
}

/// The networks that an address lies in, each with its tag; those of an IPv4 address are one.
type Networks = [Option<(&'static Scope, u64)>; 3];

#[derive(Debug, Clone, Copy, Default)]
struct AddressSlot {
    /// Zero is a free slot.
    tag: u64,
    /// When the last failure takes no room any more.
    clear: UnixTime,
    /// How many are being evaluated.
    pending: u32,
    /// One bit for each person who signed in from there, as far as bits go.
    people: u32,
}

impl Addresses {
    pub(super) fn new(hashing: Hashing) -> Self {
        Self { sets: (0..SETS).map(|_| Mutex::default()).collect(), hashing }
    }

    /// Counts an attempt, or says how long to wait.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr, now: UnixTime) -> Result<Admitted, Duration> {
        let networks = self.networks(address);
        let mut is_clean = true;
        for (scope, tag) in networks.iter().flatten() {
            let mut set = self.set(*tag);
            let slot = slot(&mut set, *tag, now);
            slot.wait(scope, now).map_or(Ok(()), Err)?;
            is_clean &= slot.failures(scope, now) == 0 && slot.pending < FEW;
        }
        for (_, tag) in networks.iter().flatten() {
            let mut set = self.set(*tag);
            let slot = slot(&mut set, *tag, now);
            slot.pending = slot.pending.saturating_add(1);
        }
        Ok(Admitted { table: Arc::clone(self), networks, at: now, is_clean, outcome: Outcome::Failed })
    }

    fn settle(&self, admitted: &Admitted) {
        for (scope, tag) in admitted.networks.iter().flatten() {
            let mut set = self.set(*tag);
            let slot = slot(&mut set, *tag, admitted.at);
            slot.pending = slot.pending.saturating_sub(1);
            match admitted.outcome {
                Outcome::Failed => {
                    slot.clear = slot.clear.max(admitted.at) + Duration::from_secs(scope.pace.into());
                }
                Outcome::Right(person) => slot.people |= person,
                Outcome::NotEvaluated => {}
            }
        }
    }

    fn networks(&self, address: IpAddr) -> Networks {
        match address.to_canonical() {
            IpAddr::V4(address) => [Some((&SINGLE, self.tag(32, address.to_bits().into()))), None, None],
            IpAddr::V6(address) => [&SINGLE, &SITE, &PROVIDER].map(|scope| {
                let network = address.to_bits() >> (128 - scope.prefix);
                Some((scope, self.tag(scope.prefix, network)))
            }),
        }
    }

    fn tag(&self, prefix: u32, network: u128) -> u64 {
        let text = [prefix.to_be_bytes().as_slice(), &network.to_be_bytes()].concat();
        let [a, b, c, d, e, f, g, h, ..] = self.hashing.key(b"address", &text);
        u64::from_be_bytes([a, b, c, d, e, f, g, h]).max(1)
    }

    #[expect(clippy::indexing_slicing, reason = "there are SETS sets, and the index is a remainder by SETS")]
    fn set(&self, tag: u64) -> MutexGuard<'_, [AddressSlot; WAYS]> {
        self.sets[(tag % SETS as u64) as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AddressSlot {
    /// How long the next attempt must wait, if it must.
    fn wait(&self, scope: &Scope, now: UnixTime) -> Option<Duration> {
        let room = scope.room.saturating_add(ROOM_FOR_EACH.saturating_mul(self.people.count_ones()));
        if self.failures(scope, now) >= room {
            let pace = Duration::from_secs(scope.pace.into());
            return Some(now.until(self.clear).saturating_sub(pace * (room - 1)));
        }
        // All that are under way may fail, and guessing must stay within the room.
        let is_full = self.failures(scope, now).saturating_add(self.pending) >= room;
        is_full.then_some(Duration::from_secs(1))
    }

    fn failures(&self, scope: &Scope, now: UnixTime) -> u32 {
        u32::try_from(now.until(self.clear).as_secs().div_ceil(scope.pace.into())).unwrap_or(u32::MAX)
    }
}

impl Admitted {
    /// The address had no failures when this attempt began.
    pub(super) const fn is_clean(&self) -> bool {
        self.is_clean
    }

    /// The password was right; what others of the address did wrong stays, or one right password of the attacker's
    /// own would buy guesses at others. The same person makes room once.
    pub(super) fn succeeded(mut self, [first, ..]: Key) {
        self.outcome = Outcome::Right(1 << (first % 32));
    }

    /// No password was looked at.
    pub(super) fn not_evaluated(mut self) {
        self.outcome = Outcome::NotEvaluated;
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.table.settle(self);
    }
}

/// The slot of this network; a new one takes the place of the least.
///
/// No failure takes room for longer than the fullest room lasts: a moment further in the future shows that the clock was
/// set back.
fn slot(set: &mut [AddressSlot; WAYS], tag: u64, now: UnixTime) -> &mut AddressSlot {
    for slot in set.iter_mut() {
        slot.clear = slot.clear.min(now + LONGEST);
    }
    set.sort_unstable_by_key(|slot| {
        (slot.tag != tag, slot.clear.max(now), slot.pending, slot.people.count_ones())
    });
    let [first, ..] = set;
    if first.tag != tag {
        *first = AddressSlot { tag, ..AddressSlot::default() };
    }
    first
}

/// An IPv4 address, or the smallest network that a customer gets.
const SINGLE: Scope = Scope { prefix: 64, room: 50, pace: 30 };
/// What many a customer gets.
const SITE: Scope = Scope { prefix: 56, room: 100, pace: 15 };
/// What a company gets, or whoever rents a server and asks.
const PROVIDER: Scope = Scope { prefix: 48, room: 300, pace: 5 };
const ROOM_FOR_EACH: u32 = 5;
/// The fullest room, that of 32 people, at its pace.
const LONGEST: Duration = Duration::from_secs((50 + 32 * 5) * 30);
/// So many attempts under way are no flood.
const FEW: u32 = 3;
const WAYS: usize = 8;
/// 32,768 networks in 1 MiB.
const SETS: usize = 4096;

#[cfg(test)]
#[path = "addresses/tests.rs"]
mod tests;
