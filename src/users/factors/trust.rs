//! Browsers that a person trusts: for thirty days at most, a password is enough there.
//!
//! What begins so is a session of the first level, so whatever takes more asks for the factor as ever. The browser holds 32
//! random bytes; the store keeps a digest of them and of whose they are, with an end that nothing moves, and the state of the
//! account for which it counts: a new password, other roles, a factor more or less, or being disabled ends it.

pub(super) mod trusted;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::users::account::Account;
use crate::users::accounts::Accounts;
use crate::users::factors::proof::out_of_reach;
use crate::users::factors::second::Trusting;
use crate::users::factors::trust::trusted::TrustedBrowser;
use crate::users::store_error::AccountStoreError;
use crate::users::username::Username;

impl Accounts {
    /// For how long a browser may be trusted; zero where none is.
    #[must_use]
    pub fn trusts_browsers_for(&self) -> Duration {
        self.second.as_ref().map_or(Duration::ZERO, |second| second.trust.min(LONGEST))
    }

    /// From now on a password is enough for this account in the browser that is given this secret; `None` where no browser is
    /// trusted. The caller has just seen the second step. `account` is the person as they are now.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach, or there is no randomness.
    pub async fn trust_browser(
        &self,
        account: &Account,
        browser: &str,
    ) -> Result<Option<(String, Duration)>, AccountStoreError> {
        let life = self.trusts_browsers_for();
        let Some(second) = self.second.as_ref().filter(|_| life > Duration::ZERO) else { return Ok(None) };
        let mut secret = [0; 32];
        second.random.fill(&mut secret).map_err(out_of_reach)?;
        let now = self.moment().at;
        if let Err(error) = second.store.purge_trust(now).await {
            tracing::warn!(%error, "browsers whose trust is over could not be purged");
        }
        let kept = TrustedBrowser {
            digest: digest(&account.name, &secret),
            account: account.name.clone(),
            epoch: account.epoch,
            made_at: now,
            until: now + life,
            browser: browser.to_owned(),
        };
        second.store.trust(&kept, MOST).await?;
        Ok(Some((URL_SAFE_NO_PAD.encode(secret), life)))
    }

    /// The browsers that somebody trusts.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn trusted_browsers(&self, name: &Username) -> Result<Vec<TrustedBrowser>, AccountStoreError> {
        match &self.second {
            Some(second) => second.store.trusted(name, self.moment().at).await,
            None => Ok(Vec::new()),
        }
    }

    /// Ends the trust in one of somebody's browsers; `false` when there is none of this name.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn distrust_browser(&self, name: &Username, id: &str) -> Result<bool, AccountStoreError> {
        let Some(second) = &self.second else { return Ok(false) };
        let trusted = second.store.trusted(name, self.moment().at).await?;
        match trusted.iter().find(|browser| browser.id() == id) {
            Some(browser) => Ok(second.store.distrust(name, Some(browser.digest)).await? > 0),
            None => Ok(false),
        }
    }

    /// Ends the trust in all of them.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn distrust_browsers(&self, name: &Username) -> Result<u64, AccountStoreError> {
        match &self.second {
            Some(second) => second.store.distrust(name, None).await,
            None => Ok(0),
        }
    }

    /// Whether this browser is trusted for this account, as far as its secret tells.
    pub(super) async fn trusts(
        &self,
        trusting: Trusting<'_>,
        account: &Account,
    ) -> Result<bool, AccountStoreError> {
        let Some(second) = &self.second else { return Ok(false) };
        let secret = trusting.0.and_then(|secret| URL_SAFE_NO_PAD.decode(secret).ok());
        let Some(secret) = secret.filter(|secret| secret.len() == 32 && second.trust > Duration::ZERO) else {
            return Ok(false);
        };
        let digest = digest(&account.name, &secret);
        second.store.is_trusted(digest, &account.name, self.moment().at).await
    }
}

/// What is kept of a browser's secret; another account's is another.
fn digest(account: &Username, secret: &[u8]) -> [u8; 32] {
    let name = account.as_str().as_bytes();
    let length = [u8::try_from(name.len()).unwrap_or(u8::MAX)];
    let text =
        Sha256::new().chain_update(PURPOSE).chain_update(length).chain_update(name).chain_update(secret);
    text.finalize().into()
}

const PURPOSE: &[u8] = b"portcullis trusted browser\0";
/// Nobody's browser is trusted for longer.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);
/// Of one account.
const MOST: u32 = 20;
