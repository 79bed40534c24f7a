//! What people say of themselves, and how they leave.
//!
//! Whoever leaves is signed out everywhere at once and signs in no more; the account itself goes after a while, so that a
//! mistake, or somebody else's deed, can be taken back. Events stay, under a name that is nobody's.

use std::sync::Arc;
use std::time::Duration;

use crate::auth::Random;
use crate::auth::UnixTime;
use crate::users::account::{Profile, ProfileStore, SessionName, Warrant};
use crate::users::accounts::{Accounts, ChangeError};
use crate::users::store_error::AccountStoreError;
use crate::users::username::Username;

/// Where profiles are kept, and how long somebody who leaves may come back.
#[derive(Clone)]
pub(in crate::users) struct Profiles {
    store: Arc<dyn ProfileStore>,
    grace: Duration,
}

/// An account whose person leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// When the account is deleted.
    pub leaves_at: UnixTime,
    /// The sessions that ended.
    pub ended: Vec<SessionName>,
}

impl Accounts {
    /// Keeps profiles here, and accounts whose people leave for so long.
    #[must_use]
    pub fn with_profiles(self, store: Arc<dyn ProfileStore>, grace: Duration) -> Self {
        Self { profiles: Some(Profiles { store, grace }), ..self }
    }

    /// For how long somebody who leaves may come back; `None` where nobody can leave.
    #[must_use]
    pub fn deletion_grace(&self) -> Option<Duration> {
        self.profiles.as_ref().map(|profiles| profiles.grace)
    }

    /// What somebody says of themselves.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn profile_of(&self, name: &Username) -> Result<Profile, AccountStoreError> {
        match &self.profiles {
            Some(profiles) => profiles.store.profile_of(name).await,
            None => Ok(Profile::default()),
        }
    }

    /// Keeps it in place of what was; `false` when there is no such account, or no place for it.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn keep_profile(&self, name: &Username, profile: &Profile) -> Result<bool, AccountStoreError> {
        match &self.profiles {
            Some(profiles) => profiles.store.keep_profile(name, profile).await,
            None => Ok(false),
        }
    }

    /// When the account is deleted, if its person leaves.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn leaves_at(&self, name: &Username) -> Result<Option<UnixTime>, AccountStoreError> {
        match &self.profiles {
            Some(profiles) => profiles.store.leaves_at(name).await,
            None => Ok(None),
        }
    }

    /// Keeps somebody out from now on and deletes the account after the grace; whoever has an address is told, with a link
    /// that takes it back. `None` when there is no such account.
    ///
    /// # Errors
    /// [`ChangeError::Unwarranted`], [`ChangeError::LastOfRole`] and [`ChangeError::Store`].
    ///
    /// ```
    /// use portcullis::auth::OsRandom;
    /// use portcullis::testing;
    /// use portcullis::users::{Attempt, Password, Roles, Warrant};
    ///
    /// let accounts = testing::accounts();
    /// let password = || Password::new("correct horse".to_owned()).unwrap();
    /// rocket::execute(async {
    ///     let ada = "ada".parse().unwrap();
    ///     accounts.create("ada".parse().unwrap(), password(), Roles::default()).await.unwrap();
    ///     let departure = accounts.leave(&ada, Warrant::OPERATOR).await.unwrap().unwrap();
    ///     assert_eq!(accounts.leaves_at(&ada).await.unwrap(), Some(departure.leaves_at));
    ///     assert!(accounts.authenticate("ada", password(), Attempt::default()).await.is_err());
    ///     assert!(accounts.enable(&ada, Warrant::OPERATOR).await.unwrap(), "which takes it back");
    ///     assert!(accounts.delete_one(&OsRandom).await.unwrap().is_none());
    /// });
    /// ```
    pub async fn leave(
        &self,
        name: &Username,
        warrant: Warrant<'_>,
    ) -> Result<Option<Departure>, ChangeError> {
        let Some(profiles) = &self.profiles else { return Ok(None) };
        self.leave_within(name, profiles.grace, warrant).await
    }

    /// The same, with a grace of its own.
    ///
    /// # Errors
    /// As [`leave`](Self::leave).
    pub async fn leave_within(
        &self,
        name: &Username,
        grace: Duration,
        warrant: Warrant<'_>,
    ) -> Result<Option<Departure>, ChangeError> {
        let Some(profiles) = &self.profiles else { return Ok(None) };
        let moment = self.moment();
        let leaves_at = moment.at + grace;
        let farewell = self.farewell(name, leaves_at).await?;
        let farewell = farewell.as_ref().map(|(message, link)| (message, link));
        let change = profiles.store.leave(name, leaves_at, farewell, moment, warrant).await?;
        self.posted();
        Ok(change.into_result()?.map(|ended| Departure { leaves_at, ended }))
    }

    /// Deletes one account whose time has come; tells the pseudonym under which its events stay, or `None` when there is
    /// none.
    ///
    /// # Errors
    /// [`ChangeError::Store`].
    pub async fn delete_one(&self, random: &dyn Random) -> Result<Option<String>, AccountStoreError> {
        let Some(profiles) = &self.profiles else { return Ok(None) };
        let mut bytes = [0; 8];
        random.fill(&mut bytes).map_err(|error| AccountStoreError(Box::new(error)))?;
        // No user name has a colon.
        let pseudonym = format!("deleted:{:016x}", u64::from_be_bytes(bytes));
        let Some(name) = profiles.store.forget_one(self.moment().at, &pseudonym).await? else {
            return Ok(None);
        };
        self.free(&name).await;
        Ok(Some(pseudonym))
    }
}
