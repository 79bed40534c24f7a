//! A person who may sign in, and the contract of whoever keeps the accounts.

use async_trait::async_trait;

use crate::auth::UnixTime;
use crate::users::username::Username;

/// One account as the store keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The name the person signs in with; also claim `sub`.
    pub name: Username,
    /// The password's Argon2id hash as a PHC string.
    pub password_hash: String,
    /// What the person may do.
    pub roles: Vec<String>,
    /// A disabled account cannot sign in and answers like an unknown one.
    pub disabled: bool,
    /// When it was made.
    pub created_at: UnixTime,
}

impl std::fmt::Debug for Account {
    /// The hash is left out: it is not a secret to print by accident.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("name", &self.name)
            .field("roles", &self.roles)
            .field("disabled", &self.disabled)
            .finish_non_exhaustive()
    }
}

/// The accounts' store is out of reach; answered with 503, never with "unknown user".
#[derive(Debug, thiserror::Error)]
#[error("the account store is out of reach")]
pub struct AccountStoreError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Keeps accounts.
#[async_trait]
pub trait AccountStore: Send + Sync + 'static {
    /// The account of this name.
    async fn find(&self, name: &Username) -> Result<Option<Account>, AccountStoreError>;

    /// Keeps a new account; `false` when the name is taken.
    async fn insert(&self, account: &Account) -> Result<bool, AccountStoreError>;

    /// How many accounts there are.
    async fn count(&self) -> Result<u64, AccountStoreError>;

    /// Replaces a hash by one of the same password with newer parameters, if it still is `old`.
    async fn renew_hash(&self, name: &Username, old: &str, new: &str) -> Result<bool, AccountStoreError>;
}
