//! A person who may sign in, and the contract of whoever keeps the accounts.

use async_trait::async_trait;

use crate::auth::UnixTime;
use crate::users::throttle::AttemptStore;
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

/// The 16 bytes of a session's id.
/// Who may log in ends sessions, but knows no more of them than their names.
pub type SessionName = [u8; 16];

/// When a change happens, and until when nodes must remember the sessions it ends: when the last access token of them
/// has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: UnixTime,
    /// Until when.
    pub remember_until: UnixTime,
}

/// A new password hash for an account.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NewHash<'a> {
    /// The hash that it replaces; `None` replaces any.
    pub old: Option<&'a str>,
    /// The new one.
    pub new: &'a str,
    /// The session in which the password is changed; it goes on.
    pub keep: Option<SessionName>,
}

/// Keeps accounts.
///
/// A change of an account that ends sessions is one transaction: the account, the sessions and the log of revocations
/// all change, or nothing does.
#[async_trait]
pub trait AccountStore: AttemptStore {
    /// The account of this name.
    async fn find(&self, name: &Username) -> Result<Option<Account>, AccountStoreError>;

    /// Keeps a new account; `false` when the name is taken.
    async fn insert(&self, account: &Account) -> Result<bool, AccountStoreError>;

    /// How many accounts there are.
    async fn count(&self) -> Result<u64, AccountStoreError>;

    /// At most `limit` accounts by name, beginning behind `after`.
    async fn list(&self, after: Option<&Username>, limit: usize) -> Result<Vec<Account>, AccountStoreError>;

    /// Replaces a hash by one of the same password with newer parameters, if it still is `old`.
    async fn renew_hash(&self, name: &Username, old: &str, new: &str) -> Result<bool, AccountStoreError>;

    /// Replaces the hash and ends the person's other sessions because the password was changed; returns those that
    /// ended. `None`, and nothing is changed, when there is no such account or its hash is not the old one any more.
    async fn change_password(
        &self,
        name: &Username,
        hash: NewHash<'_>,
        moment: Moment,
    ) -> Result<Option<Vec<SessionName>>, AccountStoreError>;

    /// Disables or enables an account; disabling ends all sessions of the person, and they are returned.
    /// `None` when there is no such account.
    async fn set_disabled(
        &self,
        name: &Username,
        disabled: bool,
        moment: Moment,
    ) -> Result<Option<Vec<SessionName>>, AccountStoreError>;

    /// Replaces the roles and ends all sessions of the person, whose tokens name the old ones; returns them.
    /// `None` when there is no such account.
    async fn set_roles(
        &self,
        name: &Username,
        roles: &[String],
        moment: Moment,
    ) -> Result<Option<Vec<SessionName>>, AccountStoreError>;
}
