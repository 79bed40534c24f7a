//! Whether a password may be chosen: by the policy, and by what has leaked elsewhere.

use std::sync::Arc;

use async_trait::async_trait;

use crate::users::accounts::{Accounts, ChangeError};
use crate::users::password::{HashLoad, Password};
use crate::users::policy::UnfitPassword;
use crate::users::store_error::AccountStoreError;
use crate::users::username::Username;

/// Knows passwords that others have chosen elsewhere, and that attackers have.
#[async_trait]
pub trait LeakedPasswords: Send + Sync + 'static {
    /// Whether this is one of them.
    async fn has(&self, password: &Password) -> Result<bool, AccountStoreError>;
}

impl Accounts {
    /// How busy the hasher is.
    #[must_use]
    pub fn hash_load(&self) -> HashLoad {
        self.hasher.load()
    }

    /// Asks this list about every password that somebody chooses.
    #[must_use]
    pub fn with_leaked_passwords(self, leaked: Arc<dyn LeakedPasswords>) -> Self {
        Self { leaked: Some(leaked), ..self }
    }

    /// Whether a password has leaked elsewhere; `false` where there is no list to ask, and where it has no answer, which is
    /// told to the operator.
    pub async fn has_leaked(&self, password: &Password) -> bool {
        let Some(leaked) = &self.leaked else { return false };
        leaked.has(password).await.unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the list of leaked passwords cannot be read");
            false
        })
    }

    /// Makes a new password of what the person `name` typed.
    pub(in crate::users) async fn new_password(
        &self,
        typed: String,
        name: &Username,
    ) -> Result<Password, ChangeError> {
        let password = self.policy.password(typed, name)?;
        self.judge(&password, name).await.map(|()| password)
    }

    /// Judges a password that the person `name` wants to have.
    pub(super) async fn judge(&self, password: &Password, name: &Username) -> Result<(), ChangeError> {
        self.policy.judge(password, name)?;
        if self.has_leaked(password).await {
            return Err(UnfitPassword::Leaked.into());
        }
        Ok(())
    }
}
