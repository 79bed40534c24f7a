//! The use cases of a second factor: a sign-in's second step, and stepping up.
//!
//! Whatever is given for a code is counted like a password, against the same name and the same device
//! ([`throttle`](crate::users::throttle)), and a password that was right takes nothing back before the code was, too: whoever
//! has the password guesses codes no faster than passwords.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::auth::RandomError;
use crate::users::account::Account;
use crate::users::accounts::Accounts;
use crate::users::factors::challenge::Purpose;
use crate::users::factors::machine::{Beginning, Lack, PendingState, SecondOutcome};
use crate::users::factors::proof::{SecondAnswer, SecondFactor, digest_of};
use crate::users::factors::store::{Answered, FactorCounts, PendingDigest};
use crate::users::sign_in::Authenticated;
use crate::users::sign_in_error::SignInError;
use crate::users::store_error::AccountStoreError;
use crate::users::throttle::Attempt;
use crate::users::username::Username;

/// A sign-in that lacks its second step, as the browser holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Pending {
    /// The secret, for a cookie that only the server reads.
    pub secret: String,
    /// For how long it is open.
    pub life: Duration,
    /// What it lacks.
    pub lacks: Lack,
    /// What may be given.
    pub methods: SecondMethods,
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("methods", &self.methods).finish_non_exhaustive()
    }
}

/// What a password leads to.
pub(in crate::users) enum NextStep {
    /// To a session.
    None,
    /// To a session, where a factor is not asked for.
    Trusted,
    /// To a second step.
    Pending(Pending),
}

/// What the browser of somebody who signs in brings, if the person has said that it may be trusted.
#[derive(Clone, Copy, Default)]
pub struct Trusting<'a>(pub Option<&'a str>);

/// A sign-in that is open now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWay {
    /// Whose it is.
    pub account: Username,
    /// What it lacks.
    pub lacks: Lack,
    /// What may be given for its second step, or taken into use for it.
    pub methods: SecondMethods,
}

/// What somebody may give for the second step, or take into use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondMethods {
    /// A code of an app.
    pub app: bool,
    /// A passkey.
    pub passkey: bool,
    /// A recovery code, of which there are some left.
    pub recovery: bool,
}

impl SecondMethods {
    /// The same as words for programs.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        let all = [(self.app, "totp"), (self.passkey, "passkey"), (self.recovery, "recovery")];
        all.into_iter().filter(|(may, _)| *may).map(|(_, word)| word).collect()
    }
}

/// The second step was right; nobody is signed in until the session has begun by the voucher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondStep {
    /// Who it is.
    pub person: Authenticated,
    /// The voucher by which the session begins, in its 32 bytes.
    pub voucher: [u8; 32],
    /// Whether "remember me" was chosen with the password.
    pub remember: bool,
}

/// Why the second step was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecondStepError {
    /// There is no such sign-in, or it is over: the person begins with the password.
    #[error("this sign-in is over")]
    Over,
    /// The code was wrong, once too often, and the sign-in is over by that: whoever tries has the password.
    #[error("this sign-in is over: too many codes were wrong")]
    LastWrong,
    /// The code was wrong, or spent; or it was not looked at, for the reasons and with the waits of a sign-in.
    #[error(transparent)]
    SignIn(#[from] SignInError),
}

impl Accounts {
    /// What the password that was right for this account leads to.
    pub(in crate::users) async fn next_step(
        &self,
        account: &Account,
        remember: bool,
        trusting: Trusting<'_>,
    ) -> Result<NextStep, SignInError> {
        let Some(second) = &self.second else { return Ok(NextStep::None) };
        let counts = second.store.counts(&account.name).await?;
        let strong = second.strong();
        let is_needed = counts.is_required && second.key.is_some() || account.has_any_role(strong);
        if counts.factors() == 0 && !is_needed {
            return Ok(NextStep::None);
        }
        if counts.factors() > 0 && self.trusts(trusting, account).await? {
            return Ok(NextStep::Trusted);
        }
        let mut secret = [0; 32];
        second.random.fill(&mut secret).map_err(no_randomness)?;
        let now = self.moment().at;
        second.purge(now).await;
        let (name, digest) = (&account.name, PendingDigest::of(&secret));
        let begun = second.store.begin_sign_in(digest, name, account.epoch, remember, strong, now).await?;
        match begun {
            Some(Beginning::Pending(PendingState { lacks, .. })) => {
                let (secret, methods) = (URL_SAFE_NO_PAD.encode(secret), second.methods_for(lacks, counts));
                Ok(NextStep::Pending(Pending { secret, life: PendingState::LIFE, lacks, methods }))
            }
            // The account changed since the password was compared.
            Some(Beginning::Complete | Beginning::Refused) | None => Err(SignInError::BadCredentials),
        }
    }

    /// The sign-in of this secret; `None` when there is none or it is over.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn pending(&self, secret: &str) -> Result<Option<UnderWay>, AccountStoreError> {
        let (Some(second), Some(digest)) = (&self.second, digest_of(secret)) else { return Ok(None) };
        let Some(pending) = second.store.pending(digest, self.moment().at).await? else { return Ok(None) };
        let (account, lacks) = (pending.account, pending.state.lacks);
        let methods = second.methods_for(lacks, second.store.counts(&account).await?);
        Ok(Some(UnderWay { account, lacks, methods }))
    }

    /// What somebody who is signed in may give to show again who they are; `None` for whoever has no factor, and so gives the
    /// password.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn methods(&self, name: &Username) -> Result<Option<SecondMethods>, AccountStoreError> {
        let Some(second) = &self.second else { return Ok(None) };
        let counts = second.store.counts(name).await?;
        Ok((counts.factors() > 0).then(|| second.methods(counts)))
    }

    /// The second step of a sign-in.
    ///
    /// # Errors
    /// [`SecondStepError`], as it says.
    pub async fn second_step(
        &self,
        secret: &str,
        answer: SecondAnswer<'_>,
        attempt: Attempt<'_>,
    ) -> Result<SecondStep, SecondStepError> {
        let (Some(second), Some(digest)) = (&self.second, digest_of(secret)) else {
            return Err(SecondStepError::Over);
        };
        let now = self.moment().at;
        let pending = second.store.pending(digest, now).await.map_err(SignInError::from)?;
        let Some(pending) = pending.filter(|pending| pending.state.lacks == Lack::Factor) else {
            return Err(SecondStepError::Over);
        };
        let pass = self.gate.admit(pending.account.as_str(), attempt).await.map_err(SignInError::from)?;
        let asked = Purpose::Second(digest);
        let read = second.read(&pending.account, answer, asked, now).await.map_err(SignInError::from)?;
        let answered = second.store.answer(digest, read.presented(), now).await.map_err(SignInError::from)?;
        let Some(Answered { account, remember, outcome }) = answered else {
            self.gate.not_evaluated(pass).await;
            return Err(SecondStepError::Over);
        };
        match outcome {
            SecondOutcome::Complete => {
                let (failures, is_known_device) = (pass.failures, pass.is_known_device);
                if let Err(error) = self.gate.succeeded(pass).await {
                    tracing::warn!(%error, "the failures before a sign-in were not forgotten");
                }
                let person = Authenticated {
                    account,
                    is_known_device,
                    failures,
                    hash_renewed: false,
                    password_leaked: false,
                };
                Ok(SecondStep { person, voucher: *digest.as_bytes(), remember })
            }
            SecondOutcome::Wrong(_) => Err(read.wrong(account.name).into()),
            SecondOutcome::LastWrong => Err(SecondStepError::LastWrong),
            SecondOutcome::Over => Err(SecondStepError::Over),
        }
    }

    /// Whether this is a code of somebody who is signed in, which is spent by it.
    ///
    /// # Errors
    /// [`SignInError`], as it says; a wrong code is [`SignInError::BadCredentials`].
    pub async fn step_up(
        &self,
        name: &Username,
        answer: SecondAnswer<'_>,
        attempt: Attempt<'_>,
    ) -> Result<(), SignInError> {
        let Some(second) = &self.second else { return Err(SignInError::BadCredentials) };
        let pass = self.gate.admit(name.as_str(), attempt).await?;
        let now = self.moment().at;
        let read = second.read(name, answer, Purpose::StepUp(name), now).await?;
        if !second.store.spend(name, read.presented(), now).await? {
            return Err(read.wrong(name.clone()));
        }
        if let Err(error) = self.gate.succeeded(pass).await {
            tracing::warn!(%error, "the failures before a step up were not forgotten");
        }
        Ok(())
    }
}

impl SecondFactor {
    /// The roles that need a factor; none where nobody could take one into use.
    pub(super) fn strong(&self) -> &[String] {
        if self.key.is_some() { &self.strong_roles } else { &[] }
    }

    fn methods_for(&self, lacks: Lack, counts: FactorCounts) -> SecondMethods {
        match lacks {
            Lack::Factor => self.methods(counts),
            Lack::Enrolment => {
                SecondMethods { app: self.key.is_some(), passkey: self.takes_passkeys(), recovery: false }
            }
        }
    }

    fn methods(&self, counts: FactorCounts) -> SecondMethods {
        SecondMethods {
            app: counts.apps > 0,
            passkey: counts.passkeys > 0 && self.takes_passkeys(),
            recovery: counts.recovery_codes > 0,
        }
    }
}

fn no_randomness(error: RandomError) -> SignInError {
    SignInError::Unavailable(Box::new(error))
}
