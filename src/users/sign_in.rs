//! The use case "who is this?": a name and a password go in, an account comes out.
//!
//! Whether the attempt may be evaluated at all is asked first, and answered alike whether or not the name has an
//! account. Then every wrong answer is the same answer and costs the same: one hash, whether the name is unknown,
//! malformed, disabled, or the password wrong (OWASP ASVS 6.3.8).
//! It begins no session and knows no request; that is the caller's business.

mod elsewhere;

use crate::users::account::Account;
use crate::users::accounts::Accounts;
use crate::users::factors::{NextStep, Pending, Trusting};
use crate::users::password::{HashError, Password};
use crate::users::sign_in_error::SignInError;
use crate::users::store_error::AccountStoreError;
use crate::users::throttle::{Attempt, Pass};
use crate::users::username::Username;

/// Somebody whose name and password were right.
///
/// ```
/// use portcullis::testing;
/// use portcullis::users::{Attempt, Password, Roles};
///
/// let accounts = testing::accounts();
/// let password = |text: &str| Password::new(text.to_owned()).unwrap();
/// rocket::execute(async {
///     let ada = "ada".parse().unwrap();
///     accounts.create(ada, password("correct horse"), Roles::default()).await.unwrap();
///     let _ = accounts.authenticate("ada", password("wrong"), Attempt::default()).await;
///     let person = accounts.authenticate("ada", password("correct horse"), Attempt::default()).await.unwrap();
///     assert_eq!((person.failures, person.is_known_device), (1, false));
/// });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    /// The account.
    pub account: Account,
    /// Whether the device had signed in to this account before.
    /// If not, the caller draws a secret, gives it to the device and to [`Accounts::remember_device`].
    pub is_known_device: bool,
    /// How many attempts on the account had failed since the last success.
    pub failures: u32,
    /// Whether the stored hash was replaced by one with today's parameters.
    pub hash_renewed: bool,
    /// Whether the password was stolen elsewhere, as far as there is a list to ask
    /// ([`Accounts::with_leaked_passwords`]).
    pub password_leaked: bool,
}

/// How far somebody has come with signing in.
///
/// ```
/// use portcullis::testing;
/// use portcullis::users::{Attempt, Password, Roles, Step, Trusting};
///
/// let accounts = testing::accounts();
/// let password = |text: &str| Password::new(text.to_owned()).unwrap();
/// rocket::execute(async {
///     accounts.create("ada".parse().unwrap(), password("correct horse"), Roles::default()).await.unwrap();
///     let step = accounts.sign_in("ada", password("correct horse"), false, Trusting::default(), Attempt::default()).await.unwrap();
///     let Step::Done(person) = step else { panic!("ada has no second factor") };
///     assert_eq!(person.account.name.as_str(), "ada");
/// });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing else is asked for: a session may begin.
    Done(Authenticated),
    /// The same for somebody who has a factor, in a browser that they trust: a session may begin, and is not fresh.
    Trusted(Authenticated),
    /// Something else is asked for, and until it is given nothing is open.
    Next(Pending),
}

impl Accounts {
    /// The first step of signing in: a name and a password. Whether to remember the browser is kept for the second, if
    /// there is one; none is asked for in a browser that the person trusts.
    ///
    /// # Errors
    /// [`SignInError`], as it says.
    pub async fn sign_in(
        &self,
        name: &str,
        password: Password,
        remember: bool,
        trusting: Trusting<'_>,
        attempt: Attempt<'_>,
    ) -> Result<Step, SignInError> {
        let (account, pass) = self.compare(name, &password, attempt).await?;
        let old_hash = account.password_hash.clone();
        let account = self.with_current_hash(account, &password).await;
        let step = self.go_on(account, &old_hash, remember, trusting, pass).await?;
        let told =
            async |person| Authenticated { password_leaked: self.has_leaked(&password).await, ..person };
        Ok(match step {
            Step::Done(person) => Step::Done(told(person).await),
            Step::Trusted(person) => Step::Trusted(told(person).await),
            step @ Step::Next(_) => step,
        })
    }

    /// What follows for somebody whose password was right.
    async fn go_on(
        &self,
        account: Account,
        old_hash: &str,
        remember: bool,
        trusting: Trusting<'_>,
        pass: Pass,
    ) -> Result<Step, SignInError> {
        match self.next_step(&account, remember, trusting).await {
            Ok(NextStep::Pending(pending)) => {
                // What failed before is forgotten when the second step was right, too.
                self.gate.not_evaluated(pass).await;
                Ok(Step::Next(pending))
            }
            Ok(NextStep::None) => Ok(Step::Done(self.authenticated(account, old_hash, pass).await)),
            Ok(NextStep::Trusted) => Ok(Step::Trusted(self.authenticated(account, old_hash, pass).await)),
            Err(error) => {
                self.gate.not_evaluated(pass).await;
                Err(error)
            }
        }
    }

    /// The account of whoever typed this; it proves a password and signs nobody in.
    ///
    /// A hash that was made with other parameters than today's is replaced on the way, because only now is the
    /// password at hand.
    ///
    /// # Errors
    /// [`SignInError`], as it says.
    pub async fn authenticate(
        &self,
        name: &str,
        password: Password,
        attempt: Attempt<'_>,
    ) -> Result<Authenticated, SignInError> {
        let (account, pass) = self.compare(name, &password, attempt).await?;
        let old_hash = account.password_hash.clone();
        let account = self.with_current_hash(account, &password).await;
        Ok(self.authenticated(account, &old_hash, pass).await)
    }

    /// Compares a password, as one attempt that is counted.
    async fn compare(
        &self,
        name: &str,
        password: &Password,
        attempt: Attempt<'_>,
    ) -> Result<(Account, Pass), SignInError> {
        // Whoever has to wait takes no place from those who need not; and an attempt that nobody has time for is not
        // counted in the end, so that it does not use up the allowance.
        let known = self.name_of(name).await?;
        // Whoever types an address is counted like whoever types the name.
        let pass = self.gate.admit(known.as_ref().map_or(name, Username::as_str), attempt).await?;
        let place = match self.hasher.place(pass.priority) {
            Ok(place) => place,
            Err(error) => {
                self.gate.not_evaluated(pass).await;
                return Err(error.into());
            }
        };
        let found = match known {
            Some(name) => self.store.find(&name).await?,
            None => None,
        };
        let account = found.filter(|account| !account.disabled);
        let stored = account.as_ref().map(|account| account.password_hash.as_str());
        let is_right = match self.hasher.verify_at(place, password, stored).await {
            Ok(is_right) => is_right,
            Err(error @ HashError::Unreadable) => {
                // To the outside this is a wrong password: a different answer would tell that the name exists.
                tracing::error!(%error, "an account cannot sign in");
                false
            }
            Err(error) => return Err(error.into()),
        };
        match account.filter(|_| is_right) {
            Some(account) => Ok((account, pass)),
            None => Err(SignInError::BadCredentials),
        }
    }

    /// Forgets the failures before.
    async fn authenticated(&self, account: Account, old_hash: &str, pass: Pass) -> Authenticated {
        let (failures, is_known_device) = (pass.failures, pass.is_known_device);
        if let Err(error) = self.gate.succeeded(pass).await {
            // The person is in; the failures before are only remembered a little longer.
            tracing::warn!(%error, "the failures before a sign-in were not forgotten");
        }
        let hash_renewed = account.password_hash != old_hash;
        Authenticated { account, is_known_device, failures, hash_renewed, password_leaked: false }
    }

    /// Whether this password opens this account; for the launch, which asks before anybody is served. Nothing is counted.
    ///
    /// # Errors
    /// [`SignInError`] when the store or the hasher has no answer.
    #[cfg(feature = "app")]
    pub(crate) async fn opens(&self, name: &Username, password: &Password) -> Result<bool, SignInError> {
        let Some(account) = self.store.find(name).await?.filter(|account| !account.disabled) else {
            return Ok(false);
        };
        match self.hasher.verify(password, Some(&account.password_hash)).await {
            Err(HashError::Unreadable) => Ok(false),
            verdict => Ok(verdict?),
        }
    }

    /// Whether an account that was authenticated a moment ago is still as it was.
    ///
    /// Asked after a session was begun for it, it leaves no gap: a change before is seen here, and one after ends the
    /// session itself.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn is_current(&self, account: &Account) -> Result<bool, AccountStoreError> {
        Ok(self.store.find(&account.name).await?.is_some_and(|now| now == *account))
    }

    /// Makes the device that holds `secret` known to this account: from now on it has failures of its own, and an
    /// attack on the account does not lock it out. Of one account ten devices are known, for 180 days after their last
    /// sign-in.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn remember_device(&self, name: &Username, secret: &str) -> Result<(), AccountStoreError> {
        self.gate.remember_device(name, secret).await
    }

    /// The account with a hash of today's parameters.
    /// The person is in either way, so a failure only waits for the next time.
    async fn with_current_hash(&self, mut account: Account, password: &Password) -> Account {
        // A question that has no answer now is asked again at the next sign-in.
        let is_old = self.hasher.needs_renewal(&account.password_hash)
            || self.hasher.is_of_raw_form(password, &account.password_hash).await.unwrap_or(false);
        if !is_old {
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
            // Somebody else renewed it, or changed the password; only then is the account no longer this person's.
            Ok(false) => return self.again(&account.name, password).await.unwrap_or(account),
            Err(error) => tracing::warn!(%error, "a password hash with old parameters was not renewed"),
        }
        account
    }

    /// The account as it is now, if the password still is its own.
    async fn again(&self, name: &Username, password: &Password) -> Option<Account> {
        let now = self.store.find(name).await.ok().flatten().filter(|account| !account.disabled)?;
        let is_right = self.hasher.verify(password, Some(&now.password_hash)).await.unwrap_or(false);
        is_right.then_some(now)
    }
}
