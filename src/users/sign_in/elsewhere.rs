//! People whose passwords are kept elsewhere: in a table of the application's own, in a directory, by another program.
//!
//! The application compares the password; the attempt is counted here, and what follows is asked here: the second factor of
//! somebody who has one, or a role that needs one. Beside the other table stands an account of the same name, made at the
//! first sign-in, which carries the factors and opens by no password.

use crate::users::account::{Account, Change, NewHash, SessionName, Warrant};
use crate::users::accounts::Accounts;
use crate::users::factors::Trusting;
use crate::users::roles::Roles;
use crate::users::sign_in::Step;
use crate::users::sign_in_error::SignInError;
use crate::users::store_error::AccountStoreError;
use crate::users::throttle::Attempt;
use crate::users::username::Username;

impl Accounts {
    /// The first step of signing in for somebody whose password is kept elsewhere.
    ///
    /// `comparison` tells the roles of whoever has this name and gave the right password, and `None` otherwise, after the same
    /// time whether or not there is somebody of this name ([`Hasher::verify`](crate::users::Hasher::verify) without a hash
    /// takes it). It is not begun for a name or an address that has to wait. Roles that are others than at the last sign-in
    /// end the person's sessions, whose tokens name the old ones.
    ///
    /// # Errors
    /// [`SignInError`], as it says.
    ///
    /// ```
    /// use portcullis::testing;
    /// use portcullis::users::{AccountStoreError, Attempt, Roles, SignInError, Step, Trusting};
    ///
    /// let accounts = testing::accounts();
    /// // A question to the application's own table.
    /// let compare = |password: &str| {
    ///     let is_right = password == "correct horse";
    ///     async move { Ok::<_, AccountStoreError>(is_right.then(Roles::default)) }
    /// };
    /// rocket::execute(async {
    ///     let (nowhere, attempt) = (Trusting::default(), Attempt::default());
    ///     let step = accounts.sign_in_with("ada", compare("correct horse"), false, nowhere, attempt).await;
    ///     assert!(matches!(step, Ok(Step::Done(_))), "ada has no second factor");
    ///     let step = accounts.sign_in_with("ada", compare("wrong"), false, nowhere, attempt).await;
    ///     assert!(matches!(step, Err(SignInError::BadCredentials)));
    /// });
    /// ```
    pub async fn sign_in_with(
        &self,
        name: &str,
        comparison: impl Future<Output = Result<Option<Roles>, AccountStoreError>> + Send,
        remember: bool,
        trusting: Trusting<'_>,
        attempt: Attempt<'_>,
    ) -> Result<Step, SignInError> {
        let pass = self.gate.admit(name, attempt).await?;
        let found = async {
            let roles = comparison.await?;
            // No name of another shape has an account of its own here; it is refused like one that is unknown.
            let known = roles.and_then(|roles| Some((name.parse::<Username>().ok()?, roles)));
            match known {
                Some((name, roles)) => self.beside(&name, roles).await,
                None => Ok(None),
            }
        };
        match found.await {
            Ok(Some(account)) => {
                let hash = account.password_hash.clone();
                self.go_on(account, &hash, remember, trusting, pass).await
            }
            Ok(None) => Err(SignInError::BadCredentials),
            Err(error) => {
                self.gate.not_evaluated(pass).await;
                Err(error.into())
            }
        }
    }

    /// The password of somebody changed where it is kept: what was begun with the old one ends, which is every session but the
    /// one to keep, sign-ins that are under way, and trust in browsers. Returns the sessions that ended.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach; nothing has ended then.
    pub async fn password_changed_elsewhere(
        &self,
        name: &Username,
        keep: Option<SessionName>,
    ) -> Result<Vec<SessionName>, AccountStoreError> {
        let hash = NewHash { old: None, new: NO_PASSWORD, keep };
        Ok(self.store.change_password(name, hash, self.moment()).await?.unwrap_or_default())
    }

    /// The account beside another table, with the roles that were told there; `None` for one that is disabled here.
    async fn beside(&self, name: &Username, roles: Roles) -> Result<Option<Account>, AccountStoreError> {
        let mut account = match self.store.find(name).await? {
            Some(account) => account,
            None => {
                let new = Account {
                    name: name.clone(),
                    password_hash: NO_PASSWORD.to_owned(),
                    roles: roles.clone().into_vec(),
                    disabled: false,
                    created_at: self.moment().at,
                    epoch: 0,
                };
                if self.store.insert(&new).await? {
                    return Ok(Some(new));
                }
                // Somebody signed in under this name at the same moment.
                let Some(account) = self.store.find(name).await? else { return Ok(None) };
                account
            }
        };
        if account.disabled {
            return Ok(None);
        }
        let roles = roles.into_vec();
        if account.roles != roles {
            let set = self.store.set_roles(name, &roles, self.moment(), Warrant::OPERATOR).await?;
            if !matches!(set, Change::Made(_)) {
                return Ok(None);
            }
            let Some(now) = self.store.find(name).await? else { return Ok(None) };
            account = now;
        }
        Ok(Some(account))
    }
}

/// No hash, so that no password is its own; the hasher reads none of what is not one.
const NO_PASSWORD: &str = "kept elsewhere";
