//! Whether an attempt to sign in may be evaluated: address, device and name, asked in this order.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::OnceCell;

use super::addresses::{Addresses, Admitted};
use super::in_flight::{Evaluated, InFlight};
use super::{
    Admission, Attempt, AttemptStore, DAY, Failures, Hashing, Key, ROW_FORGOTTEN_AFTER, Retention, Ruling,
    Subject,
};
use crate::auth::Clock;
use crate::auth::UnixTime;
use crate::users::password::Priority;
use crate::users::store_error::AccountStoreError;
use crate::users::username::Username;

/// What stands before the hashing of a password.
pub(in crate::users) struct Gate {
    store: Arc<dyn AttemptStore>,
    clock: Arc<dyn Clock>,
    addresses: Arc<Addresses>,
    in_flight: Arc<InFlight>,
    /// The secret of names, if the store has none yet.
    proposed: [u8; 32],
    hashing: OnceCell<Hashing>,
    attempts: AtomicU32,
}

/// Why an attempt is not evaluated.
pub(in crate::users) enum NotAdmitted {
    Wait(Duration),
    Store(AccountStoreError),
}

/// An attempt that is counted and may be evaluated; dropped, it has failed.
pub(in crate::users) struct Pass {
    subject: Subject,
    at: UnixTime,
    address: Option<Admitted>,
    _evaluated: Evaluated,
    pub(in crate::users) failures: u32,
    pub(in crate::users) is_known_device: bool,
    /// How soon its password is looked at when many wait.
    pub(in crate::users) priority: Priority,
}

/// An attempt that is counted against its address alone; dropped, it has failed.
pub(in crate::users) struct AddressPass(Option<Admitted>);

impl AddressPass {
    /// Takes back what was counted.
    pub(in crate::users) fn succeeded(self) {
        self.0.into_iter().for_each(Admitted::not_evaluated);
    }
}

impl Gate {
    pub(in crate::users) fn new(
        store: Arc<dyn AttemptStore>,
        clock: Arc<dyn Clock>,
        random: [u8; 32],
    ) -> Self {
        let addresses = Arc::new(Addresses::new(Hashing::new(random)));
        let (hashing, attempts) = (OnceCell::new(), AtomicU32::new(0));
        Self { store, clock, addresses, in_flight: Arc::default(), proposed: random, hashing, attempts }
    }

    /// Counts an attempt on the name that was typed, or says how long to wait.
    pub(in crate::users) async fn admit(
        &self,
        name: &str,
        attempt: Attempt<'_>,
    ) -> Result<Pass, NotAdmitted> {
        let at = self.clock.now();
        let hashing = self.hashing().await?;
        let account = hashing.name(name);
        let mut device = attempt.device.map(|secret| hashing.device(account, secret));
        if let Some(key) = device
            && !self.store.knows_device(account, key).await?
        {
            device = None;
        }
        let address = match (device, attempt.address) {
            (None, Some(address)) => Some(self.addresses.admit(address, at).map_err(NotAdmitted::Wait)?),
            _ => None,
        };
        let subject = Subject { account, device };
        let (admission, evaluated) = match self.ask(subject, at).await {
            Ok(admitted) => admitted,
            Err(refusal) => {
                // Nothing was evaluated, which says nothing against the address.
                address.into_iter().for_each(Admitted::not_evaluated);
                return Err(refusal);
            }
        };
        if self.attempts.fetch_add(1, Ordering::Relaxed).is_multiple_of(ATTEMPTS_PER_PURGE) {
            self.purge(at).await;
        }
        let Admission { failures, is_known_device, .. } = admission;
        let priority = match &address {
            _ if is_known_device => Priority::Known,
            Some(address) if !address.is_clean() => Priority::Suspect,
            _ => Priority::Clean,
        };
        Ok(Pass { priority, subject, at, address, _evaluated: evaluated, failures, is_known_device })
    }

    /// Asks the store about one more attempt; whoever is told to wait while others are being evaluated asks again when
    /// one of them has an outcome.
    async fn ask(&self, subject: Subject, at: UnixTime) -> Result<(Admission, Evaluated), NotAdmitted> {
        let handle = self.in_flight.of(subject.device.unwrap_or(subject.account));
        for _ in 0..MOST_OUTCOMES {
            let asking = handle.asking().await;
            let seen = handle.outcomes();
            let admission = self.store.attempt(subject, at).await?;
            let Ruling::Wait(wait) = admission.ruling else {
                handle.count();
                drop(asking);
                return Ok((admission, Evaluated(handle)));
            };
            drop(asking);
            // The store is not asked within the time limit: an attempt that is counted must not be dropped.
            if !tokio::time::timeout(PATIENCE, handle.wait(seen)).await.unwrap_or(false) {
                return Err(NotAdmitted::Wait(wait));
            }
        }
        Err(NotAdmitted::Wait(PATIENCE))
    }

    /// Counts an attempt of this address at something that cannot be guessed, whoever it is about: counted against a
    /// name, anybody could keep its owner waiting.
    pub(in crate::users) fn admit_address(
        &self,
        address: Option<IpAddr>,
    ) -> Result<AddressPass, NotAdmitted> {
        let at = self.clock.now();
        let admitted = address.map(|address| self.addresses.admit(address, at)).transpose();
        admitted.map(AddressPass).map_err(NotAdmitted::Wait)
    }

    /// Takes back what was counted: the password was right.
    pub(in crate::users) async fn succeeded(&self, pass: Pass) -> Result<(), AccountStoreError> {
        pass.address.into_iter().for_each(|address| address.succeeded(pass.subject.account));
        self.store.attempt_succeeded(pass.subject, pass.at).await
    }

    /// Takes back what was counted: nobody had time to look at the password.
    pub(in crate::users) async fn not_evaluated(&self, pass: Pass) {
        pass.address.into_iter().for_each(Admitted::not_evaluated);
        if let Err(error) = self.store.attempt_not_evaluated(pass.subject).await {
            tracing::warn!(%error, "an attempt that was not evaluated stays counted");
        }
    }

    /// Makes the device with this secret known to the account.
    pub(in crate::users) async fn remember_device(
        &self,
        name: &Username,
        secret: &str,
    ) -> Result<(), AccountStoreError> {
        let hashing = self.hashing().await?;
        let account = hashing.name(name.as_str());
        let device = hashing.device(account, secret);
        self.store.remember_device(account, device, self.clock.now(), DEVICES_PER_ACCOUNT).await
    }

    /// The failures under this name, as whoever is not known counts them.
    pub(in crate::users) async fn failures(&self, name: &Username) -> Result<Failures, AccountStoreError> {
        let account = self.hashing().await?.name(name.as_str());
        self.store.failures(account).await
    }

    /// Frees the name; its devices stay known.
    pub(in crate::users) async fn free(&self, name: &Username) -> Result<(), AccountStoreError> {
        let account = self.hashing().await?.name(name.as_str());
        self.store.attempt_succeeded(Subject { account, device: None }, self.clock.now()).await
    }

    /// Frees the name, and forgets its devices.
    pub(in crate::users) async fn forget(&self, name: &Username) -> Result<(), AccountStoreError> {
        let account: Key = self.hashing().await?.name(name.as_str());
        self.store.forget_attempts(account).await
    }

    async fn hashing(&self) -> Result<Hashing, AccountStoreError> {
        let secret = async || self.store.attempt_secret(self.proposed).await.map(Hashing::new);
        self.hashing.get_or_try_init(secret).await.copied()
    }

    async fn purge(&self, now: UnixTime) {
        let retention = Retention {
            attempts_since: now - ROW_FORGOTTEN_AFTER,
            at_most: NAMES,
            devices_since: now - DEVICE_FORGOTTEN_AFTER,
        };
        if let Err(error) = self.store.purge_attempts(retention).await {
            tracing::warn!(%error, "old failures to sign in could not be purged");
        }
    }
}

impl From<AccountStoreError> for NotAdmitted {
    fn from(error: AccountStoreError) -> Self {
        Self::Store(error)
    }
}

/// Between two purges the store grows by no more than this, on each node.
const ATTEMPTS_PER_PURGE: u32 = 1_000;
/// Some 10 MB in the store.
const NAMES: usize = 100_000;
const DEVICES_PER_ACCOUNT: usize = 10;
/// So many outcomes of others are waited for: those that a name has free, and a few.
const MOST_OUTCOMES: usize = 10;
/// Longer than a full queue of passwords takes.
const PATIENCE: Duration = Duration::from_secs(2);
const DEVICE_FORGOTTEN_AFTER: Duration = Duration::from_secs(180 * DAY);
