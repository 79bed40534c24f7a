//! The use case "who is this?": a name and a password go in, an account comes out.
//!
//! Every wrong answer is the same answer and costs the same: one hash, whether the name is unknown, malformed,
//! disabled, or the password wrong (OWASP ASVS 6.3.8).
//! It begins no session and knows no request; that is the caller's business.

use std::sync::Arc;

use crate::auth::Clock;
use crate::users::account::{Account, AccountStore, AccountStoreError};
use crate::users::password::{HashError, Hasher, Password};
use crate::users::username::Username;

/// The people who may sign in.
#[derive(Clone)]
pub struct Accounts {
    store: Arc<dyn AccountStore>,
    hasher: Arc<Hasher>,
    clock: Arc<dyn Clock>,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Name and password do not belong to an account that may sign in; which of them is wrong is not told.
    #[error("bad username or password")]
    BadCredentials,
    /// Too many people sign in at this moment; 503, try again.
    #[error("too many passwords are being checked at the moment")]
    Busy,
    /// The question could not be answered; 503, and never "wrong password".
    #[error("the account cannot be checked")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What became of a new account.
#[derive(Debug)]
pub enum Creation {
    /// It was made.
    Created(Account),
    /// There is one of this name already, and it is as it was.
    Taken,
}

/// Why an account could neither be made nor found to be taken.
#[derive(Debug, thiserror::Error)]
#[error("the account cannot be made")]
pub struct CreateError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl Accounts {
    /// The people in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn AccountStore>, hasher: Arc<Hasher>, clock: Arc<dyn Clock>) -> Self {
        Self { store, hasher, clock }
    }

    /// Makes ready what the first sign-in would otherwise pay for, and tell by its delay.
    ///
    /// # Errors
    /// [`HashError`] when the machine cannot hash passwords at all.
    pub async fn prepare(&self) -> Result<(), HashError> {
        self.hasher.prepare().await
    }

    /// The account of whoever typed this.
    ///
    /// A hash that was made with other parameters than today's is replaced on the way, because only now is the
    /// password at hand.
    ///
    /// # Errors
    /// [`SignInError::BadCredentials`], [`SignInError::Busy`] and [`SignInError::Unavailable`], as they say.
    pub async fn authenticate(&self, name: &str, password: Password) -> Result<Account, SignInError> {
        let found = match name.parse::<Username>() {
            Ok(name) => self.store.find(&name).await.map_err(unavailable)?,
            Err(_) => None,
        };
        let account = found.filter(|account| !account.disabled);
        let stored = account.as_ref().map(|account| account.password_hash.as_str());
        let is_right = match self.hasher.verify(&password, stored).await {
            Ok(is_right) => is_right,
            Err(HashError::Busy) => return Err(SignInError::Busy),
            Err(error @ HashError::Unreadable) => {
                // To the outside this is a wrong password: a different answer would tell that the name exists.
                tracing::error!(%error, "an account cannot sign in");
                false
            }
            Err(error) => return Err(unavailable(error)),
        };
        let Some(account) = account.filter(|_| is_right) else { return Err(SignInError::BadCredentials) };
        Ok(self.with_current_hash(account, &password).await)
    }

    /// Makes an account; for the command line.
    ///
    /// # Errors
    /// [`CreateError`] when the store or the hasher fails. A name that is taken is an outcome, not an error.
    pub async fn create(
        &self,
        name: Username,
        password: Password,
        roles: Vec<String>,
    ) -> Result<Creation, CreateError> {
        let password_hash =
            self.hasher.hash(&password).await.map_err(|error| CreateError(Box::new(error)))?;
        let account = Account { name, password_hash, roles, disabled: false, created_at: self.clock.now() };
        let is_new = self.store.insert(&account).await.map_err(|error| CreateError(Box::new(error)))?;
        Ok(if is_new { Creation::Created(account) } else { Creation::Taken })
    }

    /// Whether there is no account at all.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn is_empty(&self) -> Result<bool, AccountStoreError> {
        Ok(self.store.count().await? == 0)
    }

    /// The account with a hash of today's parameters.
    /// The person is in either way, so a failure only waits for the next time.
    async fn with_current_hash(&self, mut account: Account, password: &Password) -> Account {
        if !self.hasher.needs_renewal(&account.password_hash) {
            return account;
        }
        let new = match self.hasher.hash(password).await {
            Ok(new) => new,
            Err(error) => {
                tracing::warn!(%error, "a password hash with old parameters was not renewed");
                return account;
            }
        };
        match self.store.renew_hash(&account.name, &account.password_hash, &new).await {
            Ok(true) => account.password_hash = new,
            // The password was changed or renewed by somebody else meanwhile; theirs is the newer one.
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "a password hash with old parameters was not renewed"),
        }
        account
    }
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").field("hasher", &self.hasher).finish_non_exhaustive()
    }
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> SignInError {
    SignInError::Unavailable(Box::new(error))
}
