//! The people who may sign in, and what an operator or they themselves may do to their accounts.
//!
//! Whoever changes who may sign in ends the sessions that were begun before, in the same transaction.
//! Who somebody is, is [`sign_in`](crate::users::sign_in)'s question.

mod choosing;
mod leaving;

use std::sync::Arc;
use std::time::Duration;

use crate::auth::Clock;
use crate::users::account::{Account, AccountStore, Change, Effective, NewHash, SessionName, Warrant};
use crate::users::factors::SecondFactor;
use crate::users::mail::PostOffice;
use crate::users::password::{HashError, Hasher, Password};
use crate::users::policy::{PasswordPolicy, UnfitPassword};
use crate::users::roles::Roles;
use crate::users::sign_in_error::SignInError;
use crate::users::store_error::AccountStoreError;
use crate::users::throttle::{Attempt, AttemptStore, Failures, Gate};
use crate::users::username::Username;

pub use choosing::LeakedPasswords;
pub use leaving::Departure;

/// The people who may sign in.
///
/// ```
/// use portcullis::testing;
/// use portcullis::users::{Attempt, Password, SignInError, Roles};
///
/// let accounts = testing::accounts();
/// let password = |text: &str| Password::new(text.to_owned()).unwrap();
/// rocket::execute(async {
///     let ada = "ada".parse().unwrap();
///     accounts.add(ada, password("a heron on the weir"), Roles::parse(["staff"]).unwrap()).await.unwrap();
///     let person = accounts.authenticate("ada", password("a heron on the weir"), Attempt::default()).await;
///     assert_eq!(person.unwrap().account.roles, ["staff"]);
///     let refused = accounts.authenticate("ada", password("a heron"), Attempt::default()).await;
///     assert!(matches!(refused, Err(SignInError::BadCredentials)));
/// });
/// ```
#[derive(Clone)]
pub struct Accounts {
    pub(super) store: Arc<dyn AccountStore>,
    pub(super) hasher: Arc<Hasher>,
    pub(super) gate: Arc<Gate>,
    clock: Arc<dyn Clock>,
    policy: PasswordPolicy,
    remember: Duration,
    pub(super) code_ttl: Duration,
    pub(super) second: Option<SecondFactor>,
    pub(super) post_office: Option<PostOffice>,
    profiles: Option<leaving::Profiles>,
    leaked: Option<Arc<dyn LeakedPasswords>>,
}

/// What became of a new account.
///
/// ```
/// use portcullis::testing;
/// use portcullis::users::{Creation, Password, Roles};
///
/// let accounts = testing::accounts();
/// let password = |text: &str| Password::new(text.to_owned()).unwrap();
/// rocket::execute(async {
///     let ada = || "ada".parse().unwrap();
///     let first = accounts.create(ada(), password("correct horse"), Roles::default()).await.unwrap();
///     assert!(matches!(first, Creation::Created(_)));
///     let second = accounts.create(ada(), password("another horse"), Roles::default()).await.unwrap();
///     assert!(matches!(second, Creation::Taken));
/// });
/// ```
#[derive(Debug)]
pub enum Creation {
    /// It was made.
    Created(Account),
    /// There is one of this name already, and it is as it was.
    Taken,
}

/// Why an account was neither made nor changed.
///
/// ```
/// use portcullis::testing;
/// use portcullis::users::{ChangeError, Password, UnfitPassword, Roles};
///
/// let accounts = testing::accounts();
/// let password = |text: &str| Password::new(text.to_owned()).unwrap();
/// rocket::execute(async {
///     let refused = accounts.add("ada".parse().unwrap(), password("ada's own long password"), Roles::default()).await;
///     assert!(matches!(refused, Err(ChangeError::Unfit(UnfitPassword::ContainsName))));
/// });
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The new password may not be chosen.
    #[error(transparent)]
    Unfit(#[from] UnfitPassword),
    /// The current password was not accepted, with the reasons and the waits of a sign-in.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// The session in which it was asked for has ended, and nothing is changed.
    #[error("the session in which this was asked for has ended")]
    Unwarranted,
    /// Nobody who may sign in would have the role of [`Warrant::keeps`], and nothing is changed.
    #[error("nobody else who may sign in has this role")]
    LastOfRole,
    /// The hasher failed.
    #[error("the password cannot be hashed")]
    Hash(#[from] HashError),
    /// The store failed, and nothing is changed.
    #[error(transparent)]
    Store(#[from] AccountStoreError),
}

impl Accounts {
    /// The people in `store`, whose attempts to sign in are counted in `attempts`.
    ///
    /// `random` are unguessable bytes of the caller's: addresses are hashed with them, and names too if the store
    /// holds no secret for that yet.
    #[must_use]
    pub fn new(
        store: Arc<dyn AccountStore>,
        attempts: Arc<dyn AttemptStore>,
        hasher: Arc<Hasher>,
        clock: Arc<dyn Clock>,
        random: [u8; 32],
    ) -> Self {
        let gate = Arc::new(Gate::new(attempts, Arc::clone(&clock), random));
        let policy = PasswordPolicy::default();
        Self {
            store,
            hasher,
            gate,
            clock,
            policy,
            remember: LONGEST_ACCESS,
            code_ttl: CODE_TTL,
            second: None,
            post_office: None,
            profiles: None,
            leaked: None,
        }
    }

    /// Judges new passwords by this policy.
    #[must_use]
    pub fn with_policy(self, policy: PasswordPolicy) -> Self {
        Self { policy, ..self }
    }

    /// How long nodes must remember a session that was ended; default 25 hours, longer than any access token lives.
    #[must_use]
    pub fn remembering_ends_for(self, remember: Duration) -> Self {
        Self { remember, ..self }
    }

    /// Issues one-time codes that live this long; default one hour.
    #[must_use]
    pub fn with_code_ttl(self, code_ttl: Duration) -> Self {
        Self { code_ttl, ..self }
    }

    /// Asks people who have a second factor for it.
    #[must_use]
    pub fn with_second_factor(self, second: SecondFactor) -> Self {
        Self { second: Some(second), ..self }
    }

    /// Sends mail.
    #[must_use]
    pub fn with_post_office(self, post_office: PostOffice) -> Self {
        Self { post_office: Some(post_office), ..self }
    }

    /// What a new password must be.
    #[must_use]
    pub const fn policy(&self) -> &PasswordPolicy {
        &self.policy
    }

    /// Makes ready what the first sign-in would otherwise pay for, and tell by its delay.
    ///
    /// # Errors
    /// [`HashError`] when the machine cannot hash passwords at all.
    pub async fn prepare(&self) -> Result<(), HashError> {
        self.hasher.prepare().await
    }

    /// The account of this name, disabled or not.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn find(&self, name: &Username) -> Result<Option<Account>, AccountStoreError> {
        self.store.find(name).await
    }

    /// At most `limit` accounts whose names contain `part`, by name, beginning behind `after`.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn list(
        &self,
        part: &str,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<Vec<Account>, AccountStoreError> {
        if !Username::may_contain(part) {
            return Ok(Vec::new());
        }
        self.store.list(&part.to_ascii_lowercase(), after, limit).await
    }

    /// Whether there is no account at all.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn is_empty(&self) -> Result<bool, AccountStoreError> {
        Ok(self.store.count().await? == 0)
    }

    /// Makes an account whose password the policy allows.
    ///
    /// # Errors
    /// [`ChangeError`], except those of a sign-in. A name that is taken is an outcome, not an error.
    pub async fn add(
        &self,
        name: Username,
        password: Password,
        roles: Roles,
    ) -> Result<Creation, ChangeError> {
        self.judge(&password, &name).await?;
        self.create(name, password, roles).await
    }

    /// Makes an account with any password; for demo accounts.
    ///
    /// # Errors
    /// [`ChangeError::Hash`] and [`ChangeError::Store`].
    pub async fn create(
        &self,
        name: Username,
        password: Password,
        roles: Roles,
    ) -> Result<Creation, ChangeError> {
        let password_hash = self.hasher.hash(&password).await?;
        let (roles, created_at) = (roles.into_vec(), self.clock.now());
        let account = Account { name, password_hash, roles, disabled: false, created_at, epoch: 0 };
        let is_new = self.store.insert(&account).await?;
        Ok(if is_new { Creation::Created(account) } else { Creation::Taken })
    }

    /// Changes a password for the person who knows the current one, and ends the person's sessions but the one to
    /// keep; returns those that ended.
    ///
    /// # Errors
    /// [`ChangeError`], as it says; the current password is checked like one at a sign-in, throttling included.
    pub async fn change_password(
        &self,
        name: &Username,
        current: Password,
        new: Password,
        keep: Option<SessionName>,
        attempt: Attempt<'_>,
    ) -> Result<Vec<SessionName>, ChangeError> {
        self.judge(&new, name).await?;
        let person = self.authenticate(name.as_str(), current, attempt).await?;
        let hash = self.hasher.hash(&new).await?;
        let hash = NewHash { old: Some(&person.account.password_hash), new: &hash, keep };
        let changed = self.store.change_password(name, hash, self.moment()).await?;
        // Somebody changed it between the check and now, so the current password is no longer current.
        changed.ok_or_else(|| SignInError::BadCredentials.into())
    }

    /// Gives an account a new password, ends all sessions of the person, frees the name from its failures and forgets
    /// the devices it knew. Returns the sessions that ended; `None` when there is no such account.
    ///
    /// # Errors
    /// [`ChangeError`], except those of a sign-in.
    pub async fn set_password(
        &self,
        name: &Username,
        new: Password,
    ) -> Result<Option<Vec<SessionName>>, ChangeError> {
        self.judge(&new, name).await?;
        if self.store.find(name).await?.is_none() {
            return Ok(None);
        }
        let hash = self.hasher.hash(&new).await?;
        let hash = NewHash { old: None, new: &hash, keep: None };
        let ended = self.store.change_password(name, hash, self.moment()).await?;
        if ended.is_some() {
            self.free(name).await;
        }
        Ok(ended)
    }

    /// Keeps the person out: the account cannot sign in, and all its sessions end; returns those.
    /// `None` when there is no such account.
    ///
    /// # Errors
    /// [`ChangeError::Unwarranted`], [`ChangeError::LastOfRole`] and [`ChangeError::Store`].
    pub async fn disable(
        &self,
        name: &Username,
        warrant: Warrant<'_>,
    ) -> Result<Option<Vec<SessionName>>, ChangeError> {
        self.store.set_disabled(name, true, self.moment(), warrant).await?.into_result()
    }

    /// Lets a disabled account sign in again, and frees the name from its failures; `false` when there is none.
    ///
    /// # Errors
    /// [`ChangeError::Unwarranted`] and [`ChangeError::Store`].
    pub async fn enable(&self, name: &Username, warrant: Warrant<'_>) -> Result<bool, ChangeError> {
        let change = self.store.set_disabled(name, false, self.moment(), warrant).await?;
        let is_there = change.into_result()?.is_some();
        if is_there {
            self.free(name).await;
        }
        Ok(is_there)
    }

    /// Gives an account exactly these roles and ends all sessions of the person, whose tokens name the old ones;
    /// returns those. `None` when there is no such account.
    ///
    /// # Errors
    /// [`ChangeError::Unwarranted`], [`ChangeError::LastOfRole`] and [`ChangeError::Store`].
    pub async fn set_roles(
        &self,
        name: &Username,
        roles: &Roles,
        warrant: Warrant<'_>,
    ) -> Result<Option<Vec<SessionName>>, ChangeError> {
        self.store.set_roles(name, roles.as_slice(), self.moment(), warrant).await?.into_result()
    }

    /// What failed under this name since the last success, from devices that are not known.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn failures(&self, name: &Username) -> Result<Failures, AccountStoreError> {
        self.gate.failures(name).await
    }

    /// Forgets it, so that the next attempt is looked at; known devices stay known.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn forget_failures(&self, name: &Username) -> Result<(), AccountStoreError> {
        self.gate.free(name).await
    }

    /// Forgets the failures of a name and its devices.
    pub(super) async fn free(&self, name: &Username) {
        if let Err(error) = self.gate.forget(name).await {
            tracing::warn!(%error, "the failures of an account were not forgotten");
        }
    }

    pub(super) fn moment(&self) -> Effective {
        let at = self.clock.now();
        Effective { at, remember_until: at + self.remember }
    }
}

impl Change {
    /// The sessions that ended, `None` when there was nothing to change, or why it may not be changed.
    pub(super) fn into_result(self) -> Result<Option<Vec<SessionName>>, ChangeError> {
        match self {
            Self::Made(ended) => Ok(Some(ended)),
            Self::NotMade => Ok(None),
            Self::Unwarranted => Err(ChangeError::Unwarranted),
            Self::LastOfRole => Err(ChangeError::LastOfRole),
        }
    }
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").field("hasher", &self.hasher).finish_non_exhaustive()
    }
}

/// `auth.access_ttl` is a day at most.
const LONGEST_ACCESS: Duration = Duration::from_secs(25 * 3600);
/// What NIST SP 800-63B-4 allows a code that is sent by mail is 24 hours; an hour is enough to hand one over.
const CODE_TTL: Duration = Duration::from_secs(3600);
