//! What people do with factors of their own, and an administrator with other people's.
//!
//! An app counts for nothing until a code of it was given. The first brings recovery codes, which are told once; with the
//! last of them the recovery codes go, too.

mod first;

use std::time::Duration;

use crate::auth::UnixTime;
use crate::users::account::{SessionName, Warrant};
use crate::users::accounts::{Accounts, ChangeError};
use crate::users::code::{BYTES, OneTimeCode};
use crate::users::factors::proof::{SecondFactor, is_in_use, out_of_reach, owner};
use crate::users::factors::store::{Confirmation, FactorId, KeptFactor, KeptPasskey, PendingDigest, Removal};
use crate::users::factors::totp::{SECRET_BYTES, TotpSecret};
use crate::users::sign_in_error::SignInError;
use crate::users::store_error::AccountStoreError;
use crate::users::throttle::Attempt;
use crate::users::username::Username;

/// What a factor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorKind {
    /// An authenticator app.
    App,
    /// A passkey.
    Passkey,
}

/// A factor of somebody, for a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factor {
    /// Its name.
    pub id: FactorId,
    /// What it is.
    pub kind: FactorKind,
    /// What the person calls it.
    pub label: String,
    /// When it was made.
    pub made_at: UnixTime,
    /// When it was used last.
    pub used_at: Option<UnixTime>,
}

/// An app that is about to be enrolled.
#[derive(Debug)]
pub struct Enrolment {
    /// The factor that it will be.
    pub id: FactorId,
    /// What it must know.
    pub secret: TotpSecret,
    /// The same for a picture, with names.
    pub uri: String,
}

/// The recovery codes that a factor brought, if it was the first.
pub type NewCodes = Option<Vec<OneTimeCode>>;

impl Accounts {
    /// Whether an app can be added here.
    #[must_use]
    pub fn offers_second_factor(&self) -> bool {
        self.second.as_ref().is_some_and(|second| second.key.is_some())
    }

    /// The factors of somebody, and how many recovery codes are left.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn factors(&self, name: &Username) -> Result<(Vec<Factor>, u32), AccountStoreError> {
        let Some(second) = &self.second else { return Ok((Vec::new(), 0)) };
        let counts = second.store.counts(name).await?;
        let app = |kept: KeptFactor| {
            let KeptFactor { id, label, made_at, used_at, .. } = kept;
            Factor { id, kind: FactorKind::App, label, made_at, used_at }
        };
        let passkey = |kept: KeptPasskey| {
            let KeptPasskey { id, label, made_at, used_at, .. } = kept;
            Factor { id, kind: FactorKind::Passkey, label, made_at, used_at }
        };
        let mut factors: Vec<_> = Vec::new();
        if counts.apps > 0 {
            factors.extend(second.store.factors(name).await?.into_iter().filter(is_in_use).map(app));
        }
        if counts.passkeys > 0 {
            factors.extend(second.store.passkeys(name).await?.into_iter().map(passkey));
        }
        factors.sort_by_key(|factor| factor.made_at);
        Ok((factors, counts.recovery_codes))
    }

    /// Draws the secret of an app for this account; it counts for nothing until [`confirm_app`](Self::confirm_app).
    /// `None` when the account may have no more.
    ///
    /// # Errors
    /// [`ChangeError::Store`], also when there is no randomness.
    pub async fn enrol_app(&self, name: &Username) -> Result<Option<Enrolment>, ChangeError> {
        let Some(second) = &self.second else { return Ok(None) };
        let Some(key) = &second.key else { return Ok(None) };
        let (mut id, mut secret) = ([0; 16], [0; SECRET_BYTES]);
        second.random.fill(&mut id).and_then(|()| second.random.fill(&mut secret)).map_err(out_of_reach)?;
        let (id, secret) = (FactorId::from_bytes(id), TotpSecret::from_bytes(secret));
        let owner = owner(id, name);
        let sealed = key.seal(secret.as_bytes(), &owner, &*second.random).map_err(out_of_reach)?;
        let factor = KeptFactor {
            id,
            account: name.clone(),
            label: String::new(),
            made_at: self.moment().at,
            confirmed_at: None,
            used_at: None,
            sealed,
            last_step: 0,
        };
        if !second.store.enrol(&factor, MOST_FACTORS).await? {
            return Ok(None);
        }
        let uri = secret.to_uri(&second.service, name.as_str());
        Ok(Some(Enrolment { id, secret, uri }))
    }

    /// The enrolment that somebody has under way, to be shown once more; `None` when it is not this one's, or too old.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn enrolment(
        &self,
        name: &Username,
        id: FactorId,
    ) -> Result<Option<Enrolment>, AccountStoreError> {
        let Some(second) = &self.second else { return Ok(None) };
        let now = self.moment().at;
        let kept = second.store.factors(name).await?;
        let is_meant = |kept: &&KeptFactor| {
            kept.id == id && kept.confirmed_at.is_none() && kept.made_at.until(now) < ENROLMENT_LIFE
        };
        let secret = kept.iter().find(is_meant).and_then(|kept| second.secret_of(kept));
        Ok(secret.map(|secret| {
            let uri = secret.to_uri(&second.service, name.as_str());
            Enrolment { id, secret, uri }
        }))
    }

    /// Takes an app into use by a code of it, which is spent. The first factor of an account brings recovery codes.
    ///
    /// # Errors
    /// [`ChangeError::SignIn`] with [`SignInError::BadCredentials`] when the code is wrong or nothing is to be confirmed,
    /// and [`ChangeError::Store`].
    pub async fn confirm_app(
        &self,
        name: &Username,
        id: FactorId,
        code: &str,
        label: &str,
        attempt: Attempt<'_>,
    ) -> Result<NewCodes, ChangeError> {
        self.confirm(None, name, id, code, label, attempt).await
    }

    /// The same, for a sign-in that is under way if for any.
    pub(super) async fn confirm(
        &self,
        pending: Option<PendingDigest>,
        name: &Username,
        id: FactorId,
        code: &str,
        label: &str,
        attempt: Attempt<'_>,
    ) -> Result<NewCodes, ChangeError> {
        let Some(second) = &self.second else { return Err(SignInError::BadCredentials.into()) };
        let Some(enrolment) = self.enrolment(name, id).await? else {
            return Err(SignInError::BadCredentials.into());
        };
        let pass = self.gate.admit(name.as_str(), attempt).await.map_err(SignInError::from)?;
        let now = self.moment().at;
        let Some(step) = enrolment.secret.step_of(code, now) else {
            return Err(SignInError::BadCredentials.into());
        };
        let codes = second.draw_codes()?;
        let digests: Vec<_> = codes.iter().map(OneTimeCode::digest).collect();
        let first = Confirmation { factor: id, step, label: &tidy(label) };
        let confirmed = second.store.confirm(pending, name, first, &digests, now).await?;
        let Some(are_kept) = confirmed else { return Err(SignInError::BadCredentials.into()) };
        if let Err(error) = self.gate.succeeded(pass).await {
            tracing::warn!(%error, "the failures before an enrolment were not forgotten");
        }
        Ok(are_kept.then_some(codes))
    }

    /// Draws new recovery codes in place of all; `None` when the account has no factor.
    ///
    /// # Errors
    /// [`ChangeError::Store`], also when there is no randomness.
    pub async fn new_recovery_codes(&self, name: &Username) -> Result<NewCodes, ChangeError> {
        let Some(second) = &self.second else { return Ok(None) };
        let codes = second.draw_codes()?;
        let digests: Vec<_> = codes.iter().map(OneTimeCode::digest).collect();
        let are_kept = second.store.replace_recovery_codes(name, &digests, self.moment().at).await?;
        Ok(are_kept.then_some(codes))
    }

    /// Takes a factor away, app or passkey, and with the last of them the recovery codes; the last of somebody whose role needs
    /// one stays.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn remove_factor(&self, name: &Username, id: FactorId) -> Result<Removal, AccountStoreError> {
        let Some(second) = &self.second else { return Ok(Removal::NotThere) };
        second.store.remove_factor(name, id, second.strong(), self.moment().at).await
    }

    /// Whether an administrator has said that this person needs a factor, whatever the roles.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn requires_factor(&self, name: &Username) -> Result<bool, AccountStoreError> {
        match &self.second {
            Some(second) => Ok(second.store.counts(name).await?.is_required),
            None => Ok(false),
        }
    }

    /// From now on this person needs a factor, whatever the roles, or no longer. It is asked for at the next sign-in; `None`
    /// when there is no such account.
    ///
    /// # Errors
    /// [`ChangeError::Unwarranted`] and [`ChangeError::Store`].
    pub async fn require_factor(
        &self,
        name: &Username,
        is_required: bool,
        warrant: Warrant<'_>,
    ) -> Result<Option<Vec<SessionName>>, ChangeError> {
        let Some(second) = &self.second else { return Ok(None) };
        second.store.require_factor(name, is_required, warrant).await?.into_result()
    }

    /// Takes every factor and recovery code of an account away and ends all sessions of the person; returns those.
    /// `None` when there is no such account.
    ///
    /// # Errors
    /// [`ChangeError::Unwarranted`] and [`ChangeError::Store`].
    pub async fn reset_factors(
        &self,
        name: &Username,
        warrant: Warrant<'_>,
    ) -> Result<Option<Vec<SessionName>>, ChangeError> {
        let Some(second) = &self.second else { return Ok(None) };
        second.store.reset_factors(name, self.moment(), warrant).await?.into_result()
    }
}

impl SecondFactor {
    pub(super) fn draw_codes(&self) -> Result<Vec<OneTimeCode>, AccountStoreError> {
        (0..RECOVERY_CODES)
            .map(|_| {
                let mut bytes = [0; BYTES];
                self.random.fill(&mut bytes).map_err(out_of_reach)?;
                Ok(OneTimeCode::from_bytes(bytes))
            })
            .collect()
    }
}

/// What somebody calls a factor, without what no line shows.
pub(super) fn tidy(label: &str) -> String {
    label.trim().chars().filter(|sign| !sign.is_control()).take(LONGEST_LABEL).collect()
}

const RECOVERY_CODES: usize = 10;
/// One for each device that somebody has, and a few.
pub(super) const MOST_FACTORS: u32 = 10;
const LONGEST_LABEL: usize = 64;
/// For so long a picture may be looked at before its code is given.
const ENROLMENT_LIFE: Duration = Duration::from_secs(3600);
