//! Failed sign-ins and known devices in memory.

use std::collections::HashMap;

use async_trait::async_trait;

use super::MemoryStore;
use crate::auth::UnixTime;
use crate::users::{AccountStoreError, Admission, AttemptStore, Failures, Key, Retention, Subject};

#[derive(Default)]
pub(super) struct Attempts {
    secret: Option<[u8; 32]>,
    accounts: HashMap<Key, Failures>,
    devices: HashMap<(Key, Key), Device>,
}

#[derive(Clone, Copy, Default)]
struct Device {
    last_used: UnixTime,
    failures: Failures,
}

impl Attempts {
    /// The known device of the subject, unless it failed too often to count as one.
    fn device(&mut self, subject: Subject) -> Option<&mut Device> {
        let device = self.devices.get_mut(&(subject.account, subject.device?))?;
        (!device.failures.is_at_ceiling()).then_some(device)
    }
}

#[async_trait]
impl AttemptStore for MemoryStore {
    async fn attempt_secret(&self, proposed: [u8; 32]) -> Result<[u8; 32], AccountStoreError> {
        Ok(*self.kept().attempts.secret.get_or_insert(proposed))
    }

    async fn attempt(&self, subject: Subject, at: UnixTime) -> Result<Admission, AccountStoreError> {
        let attempts = &mut self.kept().attempts;
        let of_account = attempts.accounts.get(&subject.account).copied().unwrap_or_default();
        if let Some(device) = attempts.device(subject) {
            let failures = of_account.in_a_row.saturating_add(device.failures.in_a_row);
            let (after, ruling) = device.failures.attempt(at);
            device.failures = after;
            return Ok(Admission { ruling, failures, is_known_device: true });
        }
        let (after, ruling) = of_account.attempt(at);
        attempts.accounts.insert(subject.account, after);
        Ok(Admission { ruling, failures: of_account.in_a_row, is_known_device: false })
    }

    async fn attempt_succeeded(&self, subject: Subject, at: UnixTime) -> Result<(), AccountStoreError> {
        let attempts = &mut self.kept().attempts;
        attempts.accounts.remove(&subject.account);
        if let Some(device) = attempts.device(subject) {
            *device = Device { last_used: device.last_used.max(at), failures: Failures::default() };
        }
        Ok(())
    }

    async fn attempt_not_evaluated(&self, subject: Subject) -> Result<(), AccountStoreError> {
        let attempts = &mut self.kept().attempts;
        let failures = match subject.device {
            None => attempts.accounts.get_mut(&subject.account),
            Some(device) => {
                attempts.devices.get_mut(&(subject.account, device)).map(|device| &mut device.failures)
            }
        };
        if let Some(failures) = failures {
            failures.in_a_row = failures.in_a_row.saturating_sub(1);
            failures.recent = failures.recent.saturating_sub(1);
        }
        Ok(())
    }

    async fn failures(&self, account: Key) -> Result<Failures, AccountStoreError> {
        Ok(self.kept().attempts.accounts.get(&account).copied().unwrap_or_default())
    }

    async fn knows_device(&self, account: Key, device: Key) -> Result<bool, AccountStoreError> {
        Ok(self.kept().attempts.device(Subject { account, device: Some(device) }).is_some())
    }

    async fn remember_device(
        &self,
        account: Key,
        device: Key,
        at: UnixTime,
        limit: usize,
    ) -> Result<(), AccountStoreError> {
        let devices = &mut self.kept().attempts.devices;
        let this = devices.entry((account, device)).or_default();
        this.last_used = this.last_used.max(at);
        let class = |device: &Key| device.first().is_some_and(|first| *first >= 0x80);
        let is_other =
            |key: &(Key, Key)| key.0 == account && key.1 != device && class(&key.1) == class(&device);
        let mut others: Vec<_> = devices
            .iter()
            .filter(|(key, _)| is_other(key))
            .map(|(key, other)| (std::cmp::Reverse(other.last_used), *key))
            .collect();
        others.sort_unstable();
        for (_, key) in others.into_iter().skip(limit.saturating_sub(1)) {
            devices.remove(&key);
        }
        Ok(())
    }

    async fn forget_attempts(&self, account: Key) -> Result<(), AccountStoreError> {
        let attempts = &mut self.kept().attempts;
        attempts.accounts.remove(&account);
        attempts.devices.retain(|(of, _), _| *of != account);
        Ok(())
    }

    async fn purge_attempts(&self, retention: Retention) -> Result<(), AccountStoreError> {
        let attempts = &mut self.kept().attempts;
        attempts.accounts.retain(|_, failures| failures.last >= retention.attempts_since);
        attempts.devices.retain(|_, device| device.last_used >= retention.devices_since);
        let surplus = attempts.accounts.len().saturating_sub(retention.at_most);
        if surplus > 0 {
            let weight = |(key, of): (&Key, &Failures)| (of.in_a_row, of.last, *key);
            let mut weights: Vec<_> = attempts.accounts.iter().map(weight).collect();
            weights.select_nth_unstable(surplus - 1);
            for (.., key) in weights.into_iter().take(surplus) {
                attempts.accounts.remove(&key);
            }
        }
        Ok(())
    }
}
