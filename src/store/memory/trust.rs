//! Browsers that people trust, in memory.

use async_trait::async_trait;

use super::{Kept, MemoryStore};
use crate::auth::UnixTime;
use crate::users::{AccountStoreError, TrustStore, TrustedBrowser, Username};

#[async_trait]
impl TrustStore for MemoryStore {
    async fn trust(&self, browser: &TrustedBrowser, at_most: u32) -> Result<(), AccountStoreError> {
        let mut kept = self.kept();
        if kept.trusted.iter().any(|other| other.digest == browser.digest) {
            return Ok(());
        }
        kept.trusted.insert(0, browser.clone());
        let mut left = at_most;
        kept.trusted.retain(|other| {
            let is_theirs = other.account == browser.account;
            let stays = !is_theirs || left > 0;
            left = left.saturating_sub(u32::from(is_theirs));
            stays
        });
        Ok(())
    }

    async fn is_trusted(
        &self,
        digest: [u8; 32],
        account: &Username,
        now: UnixTime,
    ) -> Result<bool, AccountStoreError> {
        let kept = self.kept();
        let is_open = kept.accounts.get(account).is_some_and(|account| !account.disabled);
        Ok(is_open && kept.trusted_by(account, now).any(|browser| browser.digest == digest))
    }

    async fn trusted(
        &self,
        account: &Username,
        now: UnixTime,
    ) -> Result<Vec<TrustedBrowser>, AccountStoreError> {
        Ok(self.kept().trusted_by(account, now).cloned().collect())
    }

    async fn distrust(&self, account: &Username, which: Option<[u8; 32]>) -> Result<u64, AccountStoreError> {
        let mut kept = self.kept();
        let before = kept.trusted.len();
        let is_meant = |browser: &TrustedBrowser| {
            browser.account == *account && which.is_none_or(|digest| browser.digest == digest)
        };
        kept.trusted.retain(|browser| !is_meant(browser));
        Ok(u64::try_from(before - kept.trusted.len()).unwrap_or(u64::MAX))
    }

    async fn purge_trust(&self, now: UnixTime) -> Result<(), AccountStoreError> {
        self.kept().trusted.retain(|browser| now < browser.until);
        Ok(())
    }
}

impl Kept {
    fn trusted_by<'a>(
        &'a self,
        account: &'a Username,
        now: UnixTime,
    ) -> impl Iterator<Item = &'a TrustedBrowser> + 'a {
        let epoch = self.accounts.get(account).map(|account| account.epoch);
        self.trusted.iter().filter(move |browser| {
            browser.account == *account && Some(browser.epoch) == epoch && now < browser.until
        })
    }
}
