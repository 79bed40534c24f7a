//! The first factor of somebody whose role needs one: it is taken into use in the middle of signing in, and nothing else is
//! open before.

use crate::users::accounts::{Accounts, ChangeError};
use crate::users::code::OneTimeCode;
use crate::users::factors::machine::Lack;
use crate::users::factors::own::NewCodes;
use crate::users::factors::proof::digest_of;
use crate::users::factors::second::{SecondStep, SecondStepError};
use crate::users::factors::store::{FactorId, KeptPending, PendingDigest};
use crate::users::sign_in::Authenticated;
use crate::users::sign_in_error::SignInError;
use crate::users::throttle::Attempt;

impl Accounts {
    /// Takes an app into use by a code of it, for this sign-in, which is proved by it; with the recovery codes.
    ///
    /// # Errors
    /// [`SecondStepError`], as it says.
    pub async fn confirm_first_app(
        &self,
        secret: &str,
        id: FactorId,
        code: &str,
        label: &str,
        attempt: Attempt<'_>,
    ) -> Result<(SecondStep, Vec<OneTimeCode>), SecondStepError> {
        let (digest, pending) = self.enrolling(secret).await?;
        let codes = self.confirm(Some(digest), &pending.account, id, code, label, attempt).await;
        self.enrolled(digest, &pending, codes).await
    }

    #[cfg(feature = "passkeys")]
    /// The same with a passkey that a browser has just made.
    ///
    /// # Errors
    /// As [`confirm_first_app`](Self::confirm_first_app).
    pub async fn add_first_passkey(
        &self,
        secret: &str,
        made: &str,
        label: &str,
    ) -> Result<(SecondStep, Vec<OneTimeCode>), SecondStepError> {
        let (digest, pending) = self.enrolling(secret).await?;
        let added = self.keep_passkey(Some(digest), &pending.account, made, label).await;
        self.enrolled(digest, &pending, added.map(|(_, codes)| codes)).await
    }

    /// The sign-in of this secret, if it lacks a factor to have.
    async fn enrolling(&self, secret: &str) -> Result<(PendingDigest, KeptPending), SecondStepError> {
        let (Some(second), Some(digest)) = (&self.second, digest_of(secret)) else {
            return Err(SecondStepError::Over);
        };
        let pending = second.store.pending(digest, self.moment().at).await.map_err(SignInError::from)?;
        let is_fit = |pending: &KeptPending| pending.state.lacks == Lack::Enrolment;
        Ok((digest, pending.filter(is_fit).ok_or(SecondStepError::Over)?))
    }

    async fn enrolled(
        &self,
        digest: PendingDigest,
        pending: &KeptPending,
        codes: Result<NewCodes, ChangeError>,
    ) -> Result<(SecondStep, Vec<OneTimeCode>), SecondStepError> {
        let codes = match codes {
            Ok(codes) => codes.unwrap_or_default(),
            Err(ChangeError::SignIn(error)) => return Err(error.into()),
            Err(error) => return Err(SignInError::Unavailable(Box::new(error)).into()),
        };
        let account = self.find(&pending.account).await.map_err(SignInError::from)?;
        let account = account.ok_or(SecondStepError::Over)?;
        let person = Authenticated {
            account,
            is_known_device: false,
            failures: 0,
            hash_renewed: false,
            password_leaked: false,
        };
        Ok((SecondStep { person, voucher: *digest.as_bytes(), remember: pending.remember }, codes))
    }
}
