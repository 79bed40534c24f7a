//! What is kept of browsers that people trust, and the contract of whoever keeps it.

use std::fmt;

use async_trait::async_trait;

use crate::auth::UnixTime;
use crate::users::store_error::AccountStoreError;
use crate::users::username::Username;

/// A browser that is trusted for one account, as the store keeps it.
///
/// ```
/// use portcullis::auth::UnixTime;
/// use portcullis::users::TrustedBrowser;
///
/// let (at, until) = (UnixTime::from_secs(1_700_000_000), UnixTime::from_secs(1_702_592_000));
/// let account = "ada".parse().unwrap();
/// let browser = TrustedBrowser { digest: [0xab; 32], account, epoch: 0, made_at: at, until, browser: "curl/8".into() };
/// assert_eq!(browser.id(), "ab".repeat(16));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TrustedBrowser {
    /// A digest of the browser's secret and the account's name.
    pub digest: [u8; 32],
    /// Whose it is.
    pub account: Username,
    /// The state of the account for which it counts.
    pub epoch: u64,
    /// Since when.
    pub made_at: UnixTime,
    /// Until when, and never longer.
    pub until: UnixTime,
    /// What the browser called itself.
    pub browser: String,
}

/// Keeps which browsers are trusted.
///
/// ```
/// use portcullis::auth::UnixTime;
/// use portcullis::store::memory;
/// use portcullis::users::{Account, TrustedBrowser};
///
/// let (stores, now) = (memory(), UnixTime::from_secs(1_700_000_000));
/// let name: portcullis::users::Username = "ada".parse().unwrap();
/// let (password_hash, roles, disabled) = ("$argon2id$…".to_owned(), vec![], false);
/// let ada = Account { name: name.clone(), password_hash, roles, disabled, created_at: now, epoch: 0 };
/// let until = UnixTime::from_secs(1_700_000_100);
/// let browser = String::new();
/// let trusted = TrustedBrowser { digest: [7; 32], account: name.clone(), epoch: 0, made_at: now, until, browser };
/// rocket::execute(async {
///     stores.accounts.insert(&ada).await.unwrap();
///     stores.factors.trust(&trusted, 20).await.unwrap();
///     assert!(stores.factors.is_trusted([7; 32], &name, now).await.unwrap());
///     assert!(!stores.factors.is_trusted([7; 32], &name, until).await.unwrap());
/// });
/// ```
#[async_trait]
pub trait TrustStore: Send + Sync + 'static {
    /// Keeps one, and of the account's no more than this, the youngest.
    async fn trust(&self, browser: &TrustedBrowser, at_most: u32) -> Result<(), AccountStoreError>;

    /// Whether there is one of this digest for this account as it stands now.
    async fn is_trusted(
        &self,
        digest: [u8; 32],
        account: &Username,
        now: UnixTime,
    ) -> Result<bool, AccountStoreError>;

    /// Those that count for the account as it stands now, youngest first.
    async fn trusted(
        &self,
        account: &Username,
        now: UnixTime,
    ) -> Result<Vec<TrustedBrowser>, AccountStoreError>;

    /// Forgets one of the account's, or all; how many there were.
    async fn distrust(&self, account: &Username, which: Option<[u8; 32]>) -> Result<u64, AccountStoreError>;

    /// Forgets those that are over.
    async fn purge_trust(&self, now: UnixTime) -> Result<(), AccountStoreError>;
}

impl TrustedBrowser {
    /// Its name in lists, which opens nothing: 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        self.digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for TrustedBrowser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedBrowser")
            .field("account", &self.account)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}
