//! Who may try how often: the rule, and the contract of whoever keeps the counters.
//!
//! An attempt is counted **before** its password is hashed and the count is taken back by success, so two hundred
//! parallel guesses evaluate no more than one after the other would.
//!
//! | counter | kept | after 5 failures | after 100 in a row |
//! |---|---|---|---|
//! | of a name, whether or not an account has it | in the store | 1, 2, 4 … 60 s between attempts | one an hour, and known devices |
//! | of a device that signed in before | in the store | the same waits, of its own | the device is unknown again |
//! | of an address, IPv6 by /64, /56 and /48 | in memory | none; after 50, one every 30 s | |
//!
//! Waits are forgotten after 15 minutes without an attempt, the count towards 100 by a success or after 30 days.
//! A known device is exempt from the first and the last line: an attack on an account or from behind the same
//! address does not lock its person out.
//!
//! Names are kept as keyed hashes: people type passwords into the wrong field.
//! `addresses` is the table in memory, `in_flight` the attempts that have no outcome yet, `gate` asks all in their order.

mod addresses;
mod gate;
mod in_flight;

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::auth::UnixTime;
use crate::users::store_error::AccountStoreError;

pub(super) use gate::{Gate, NotAdmitted, Pass};

/// What is known of whoever tries to sign in, beside name and password.
///
/// ```
/// use portcullis::users::Attempt;
///
/// let attempt = Attempt { address: "192.0.2.7".parse().ok(), device: None };
/// assert_eq!(format!("{attempt:?}"), "Attempt(..)");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// From where; `None` counts for no address.
    pub address: Option<IpAddr>,
    /// The secret that this device was given at an earlier sign-in, as
    /// [`remember_device`](crate::users::Accounts::remember_device) was told it.
    pub device: Option<&'a str>,
}

impl std::fmt::Debug for Attempt<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Attempt(..)")
    }
}

/// The failures of one name or one device, as the store keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// How many in a row since the last success; attempts that are still being evaluated count.
    pub in_a_row: u32,
    /// How many of them decide the next wait.
    pub recent: u32,
    /// When the newest was counted.
    pub last: UnixTime,
}

/// What the rule says to one more attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// It may be evaluated, and is counted.
    Evaluate,
    /// It is not evaluated; try again after this time.
    Wait(Duration),
}

impl Failures {
    /// One more attempt at `now`: the counter afterwards, and the ruling.
    ///
    /// A moment of the past that lies in the future shows that the clock was set back; it is taken for now, so that
    /// the wait neither vanishes nor lasts until then.
    #[must_use]
    pub fn attempt(self, now: UnixTime) -> (Self, Ruling) {
        let mut kept = self.at(now);
        let wait = if kept.is_at_ceiling() { CEILING_WAIT } else { wait_after(kept.recent) };
        let passed = kept.last.until(now);
        if passed < wait {
            return (kept, Ruling::Wait(wait.saturating_sub(passed)));
        }
        kept.in_a_row = kept.in_a_row.saturating_add(1);
        kept.recent = kept.recent.saturating_add(1);
        kept.last = now;
        (kept, Ruling::Evaluate)
    }

    /// How long the next attempt has to wait, if it has to.
    #[must_use]
    pub fn wait(self, now: UnixTime) -> Option<Duration> {
        match self.attempt(now).1 {
            Ruling::Evaluate => None,
            Ruling::Wait(wait) => Some(wait),
        }
    }

    /// Whether so many failed in a row that one attempt an hour is evaluated and no more.
    #[must_use]
    pub const fn is_at_ceiling(self) -> bool {
        self.in_a_row >= CEILING
    }

    fn at(self, now: UnixTime) -> Self {
        let passed = self.last.until(now);
        Self {
            in_a_row: if passed >= ROW_FORGOTTEN_AFTER { 0 } else { self.in_a_row },
            recent: if passed >= WAITS_FORGOTTEN_AFTER { 0 } else { self.recent },
            last: self.last.min(now),
        }
    }
}

/// A name or a device in the store: the first half of a keyed hash.
pub type Key = [u8; 16];

/// Whose attempt it is.
///
/// ```
/// use portcullis::users::Subject;
///
/// let stranger = Subject { account: [1; 16], device: None };
/// let known = Subject { device: Some([2; 16]), ..stranger };
/// assert_ne!(stranger, known);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// The name that was typed.
    pub account: Key,
    /// The device, when it is one that signed in to this account before.
    pub device: Option<Key>,
}

/// The store's answer to an attempt.
///
/// ```
/// use portcullis::auth::UnixTime;
/// use portcullis::store;
/// use portcullis::users::{Ruling, Subject};
///
/// let people = store::memory().attempts;
/// let subject = Subject { account: [1; 16], device: None };
/// let admission = rocket::execute(people.attempt(subject, UnixTime::from_secs(1_700_000_000))).unwrap();
/// assert_eq!((admission.ruling, admission.failures), (Ruling::Evaluate, 0));
/// assert!(!admission.is_known_device);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// What the rule said.
    pub ruling: Ruling,
    /// How many failed in a row before this one, on the account and on the known device together.
    pub failures: u32,
    /// Whether it was counted for a known device.
    pub is_known_device: bool,
}

/// What [`AttemptStore::purge_attempts`] leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Counters last used before this moment go.
    pub attempts_since: UnixTime,
    /// When there are more counters than this, those with the fewest failures go, the oldest first:
    /// a flood of other names cannot free a name that is under attack.
    pub at_most: usize,
    /// Devices last used before this moment go.
    pub devices_since: UnixTime,
}

/// Keeps the counters of names, and the devices that signed in; shared by every node.
///
/// ```
/// use portcullis::store;
///
/// let people = store::memory().attempts;
/// rocket::execute(async {
///     assert_eq!(people.attempt_secret([1; 32]).await.unwrap(), [1; 32]);
///     assert_eq!(people.attempt_secret([2; 32]).await.unwrap(), [1; 32], "the first one stays");
/// });
/// ```
#[async_trait]
pub trait AttemptStore: Send + Sync + 'static {
    /// The secret that names and devices are hashed with: the first that was ever proposed.
    async fn attempt_secret(&self, proposed: [u8; 32]) -> Result<[u8; 32], AccountStoreError>;

    /// Asks [`Failures::attempt`] about one more attempt and keeps the answer, in one transaction.
    /// Of a known device its own counter is asked, of anybody else the name's.
    /// A device that is not known, or at the ceiling, counts as anybody else.
    async fn attempt(&self, subject: Subject, at: UnixTime) -> Result<Admission, AccountStoreError>;

    /// Forgets the failures of the name and of the known device, and notes when the device was used.
    async fn attempt_succeeded(&self, subject: Subject, at: UnixTime) -> Result<(), AccountStoreError>;

    /// Takes one counted attempt back: it was never evaluated.
    async fn attempt_not_evaluated(&self, subject: Subject) -> Result<(), AccountStoreError>;

    /// The failures of a name, as devices count that are not known; none where nothing is kept.
    async fn failures(&self, account: Key) -> Result<Failures, AccountStoreError>;

    /// Whether the device has signed in to this account and is not at the ceiling.
    async fn knows_device(&self, account: Key, device: Key) -> Result<bool, AccountStoreError>;

    /// Keeps a device of an account; beyond `limit` of its class those unused the longest are forgotten. The first bit of a
    /// device's key is its class: browsers and programs do not push each other out.
    async fn remember_device(
        &self,
        account: Key,
        device: Key,
        at: UnixTime,
        limit: usize,
    ) -> Result<(), AccountStoreError>;

    /// Forgets the failures of the name and every device of the account.
    async fn forget_attempts(&self, account: Key) -> Result<(), AccountStoreError>;

    /// Forgets what is old, or too much.
    async fn purge_attempts(&self, retention: Retention) -> Result<(), AccountStoreError>;
}

/// The hash of names and devices.
#[derive(Clone, Copy)]
pub(super) struct Hashing([u8; 32]);

impl Hashing {
    pub(super) const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// The key of a name, whether or not it could be one; every spelling of a name is one name.
    fn name(self, typed: &str) -> Key {
        self.key(b"name", typed.trim().to_ascii_lowercase().as_bytes())
    }

    /// The key of a device; the same secret is another device to another account.
    fn device(self, account: Key, secret: &str) -> Key {
        let mut key = self.key(b"device", &[account.as_slice(), secret.as_bytes()].concat());
        let [class, ..] = &mut key;
        // The first bit is the class, for the store's limit; 127 bits are enough to tell devices apart.
        *class = if secret.starts_with(OF_A_PROGRAM) { *class | 0x80 } else { *class & 0x7f };
        key
    }

    fn key(self, kind: &[u8], text: &[u8]) -> Key {
        let digest =
            Sha256::new().chain_update(self.0).chain_update(kind).chain_update([0]).chain_update(text);
        let digest: [u8; 32] = digest.finalize().into();
        let mut key = Key::default();
        key.iter_mut().zip(digest).for_each(|(byte, of_digest)| *byte = of_digest);
        key
    }
}

/// How long after so many failures the next attempt must wait.
fn wait_after(failures: u32) -> Duration {
    let Some(beyond) = failures.checked_sub(FREE_FAILURES) else { return Duration::ZERO };
    Duration::from_secs(1_u64.checked_shl(beyond).unwrap_or(u64::MAX)).min(LONGEST_WAIT)
}

/// A program is known by its session, and by no secret of its own.
pub(crate) const OF_A_PROGRAM: &str = "session ";
const FREE_FAILURES: u32 = 5;
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const WAITS_FORGOTTEN_AFTER: Duration = Duration::from_secs(15 * 60);
/// NIST SP 800-63B-4 §3.2.2: no more than 100 consecutive failures.
const CEILING: u32 = 100;
const CEILING_WAIT: Duration = Duration::from_secs(3600);
const ROW_FORGOTTEN_AFTER: Duration = Duration::from_secs(30 * DAY);
const DAY: u64 = 24 * 3600;

#[cfg(test)]
mod tests;
