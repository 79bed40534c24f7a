//! What somebody gave for a factor, read: which app, code or passkey it is of, and whether it can count at all.
//!
//! Nothing is spent by being read; the store does that, in the transaction that acts on it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::auth::Random;
use crate::auth::RandomError;
use crate::auth::UnixTime;
use crate::users::code::{CodeDigest, OneTimeCode};
use crate::users::factors::challenge::{Challenge, Purpose};
use crate::users::factors::seal::SealKey;
use crate::users::factors::store::{
    FactorId, FactorStore, KeptFactor, KeptPasskey, PendingDigest, Presented, ShownPasskey,
};
use crate::users::factors::totp::TotpSecret;
use crate::users::factors::webauthn::{PasskeySite, Response, Unfit};
use crate::users::sign_in_error::SignInError;
use crate::users::store_error::AccountStoreError;
use crate::users::username::Username;

/// What a second factor needs: where it is kept, under which key, and how apps shall call this service.
#[derive(Clone)]
pub struct SecondFactor {
    /// Who keeps factors.
    pub store: Arc<dyn FactorStore>,
    /// The key under which their secrets are sealed. Without one nobody adds an app, and whoever has one is asked all the
    /// same: no code of it is right then, and recovery codes go on.
    pub key: Option<SealKey>,
    /// Where secrets and recovery codes are drawn from.
    pub random: Arc<dyn Random>,
    /// The name of this service in somebody's app.
    pub service: String,
    /// Whoever has one of these roles needs a factor: without one, signing in leads to taking one into use, where that can be
    /// done here, and the last one stays.
    pub strong_roles: Vec<String>,
    /// For how long somebody may trust a browser, so that a password is enough there; at most thirty days, and zero for not at
    /// all.
    pub trust: Duration,
    /// The site that passkeys belong to; without one, or without a key, nobody makes or shows a passkey.
    pub site: Option<PasskeySite>,
}

impl fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecondFactor(..)")
    }
}

/// What somebody typed for the second step.
#[derive(Clone, Copy)]
pub enum SecondAnswer<'a> {
    /// A code of an authenticator app.
    Totp(&'a str),
    /// A recovery code.
    Recovery(&'a str),
    /// What a browser brings of a passkey: `credential.toJSON()`.
    Passkey(&'a str),
}

/// Why what was shown is no passkey of somebody's.
pub(super) enum NotKnown {
    /// There is none of this name.
    Unknown,
    Refused,
    /// Its authenticator counted backwards; it is this person's.
    CounterFell(Username),
}

/// What was typed, as the store compares it.
pub(super) enum TypedCode {
    Step(FactorId, u64),
    Recovery(CodeDigest),
    Passkey(ShownPasskey),
    /// A passkey whose authenticator counted backwards.
    CounterFell,
    Wrong,
}

impl TypedCode {
    pub(super) const fn presented(&self) -> Presented<'_> {
        match self {
            Self::Step(factor, step) => Presented::Step { factor: *factor, step: *step },
            Self::Recovery(digest) => Presented::Recovery(digest),
            Self::Passkey(shown) => Presented::Passkey(*shown),
            Self::CounterFell | Self::Wrong => Presented::Wrong,
        }
    }

    /// What it is called when it did not count.
    pub(super) fn wrong(&self, account: Username) -> SignInError {
        match self {
            Self::CounterFell => SignInError::CounterFell { account },
            _ => SignInError::BadCredentials,
        }
    }
}

impl SecondFactor {
    pub(super) async fn read(
        &self,
        name: &Username,
        answer: SecondAnswer<'_>,
        asked: Purpose<'_>,
        now: UnixTime,
    ) -> Result<TypedCode, AccountStoreError> {
        Ok(match answer {
            SecondAnswer::Passkey(text) => match self.known(text, asked, false, now).await? {
                Ok((kept, shown)) if kept.account == *name => TypedCode::Passkey(shown),
                Err(NotKnown::CounterFell(account)) if account == *name => TypedCode::CounterFell,
                Ok(_) | Err(_) => TypedCode::Wrong,
            },
            SecondAnswer::Recovery(text) => text
                .parse::<OneTimeCode>()
                .map_or(TypedCode::Wrong, |code| TypedCode::Recovery(code.digest())),
            SecondAnswer::Totp(text) => {
                let kept = self.store.factors(name).await?;
                let step = |kept: &KeptFactor| Some((kept.id, self.secret_of(kept)?.step_of(text, now)?));
                let step = kept.iter().filter(|kept| is_in_use(kept)).find_map(step);
                step.map_or(TypedCode::Wrong, |(id, step)| TypedCode::Step(id, step))
            }
        })
    }

    pub(super) fn secret_of(&self, kept: &KeptFactor) -> Option<TotpSecret> {
        let Some(key) = &self.key else {
            tracing::error!(factor = %kept.id, "a factor cannot be used: there is no key for its secret");
            return None;
        };
        let opened = match key.open(&kept.sealed, &owner(kept.id, &kept.account)) {
            Ok(opened) => opened,
            Err(error) => {
                // To the outside this is a wrong code; the operator learns that the key is another.
                tracing::error!(%error, factor = %kept.id, "a factor cannot be used");
                return None;
            }
        };
        opened.as_slice().try_into().ok().map(TotpSecret::from_bytes)
    }
}

/// Whose secret it is; a row that is copied to another account opens nothing.
pub(super) fn owner(id: FactorId, name: &Username) -> Vec<u8> {
    [id.as_bytes().as_slice(), name.as_str().as_bytes()].concat()
}

pub(super) fn is_in_use(kept: &KeptFactor) -> bool {
    kept.confirmed_at.is_some()
}

pub(super) fn digest_of(secret: &str) -> Option<PendingDigest> {
    let bytes = URL_SAFE_NO_PAD.decode(secret).ok()?;
    (bytes.len() == 32).then(|| PendingDigest::of(&bytes))
}

pub(super) fn out_of_reach(error: RandomError) -> AccountStoreError {
    AccountStoreError(Box::new(error))
}

impl SecondFactor {
    /// What passkeys need.
    pub(super) fn passkeys(&self) -> Option<(&PasskeySite, &SealKey)> {
        Some((self.site.as_ref()?, self.key.as_ref()?))
    }

    /// Forgets sign-ins that are over and challenges that nobody would take; what begins one, or spends the other, does it.
    pub(super) async fn purge(&self, now: UnixTime) {
        if let Err(error) = self.store.purge_pending(now).await {
            tracing::warn!(%error, "sign-ins that are over could not be purged");
        }
    }

    /// Which passkey was shown, if it was asked for by us and for this; it is not spent by being read.
    pub(super) async fn known(
        &self,
        text: &str,
        purpose: Purpose<'_>,
        alone: bool,
        now: UnixTime,
    ) -> Result<Result<(KeptPasskey, ShownPasskey), NotKnown>, AccountStoreError> {
        let Some((site, key)) = self.passkeys() else { return Ok(Err(NotKnown::Refused)) };
        let read = Response::read(text)
            .and_then(|response| Some((Challenge::read(&response.challenge)?, response)))
            .filter(|(challenge, _)| challenge.counts(purpose, key, now));
        let Some((challenge, response)) = read else { return Ok(Err(NotKnown::Refused)) };
        let Some(kept) = self.store.passkey(&response.credential).await? else {
            return Ok(Err(NotKnown::Unknown));
        };
        // Where nobody is known yet, whoever shows it says whose it is; elsewhere it may.
        let is_theirs = match &response.handle {
            Some(handle) => *handle == kept.handle,
            None => !alone,
        };
        if !is_theirs {
            return Ok(Err(NotKnown::Refused));
        }
        Ok(match site.shown(&response, &kept, alone) {
            Ok(counter) => {
                let shown = shown(&kept, counter, challenge);
                Ok((kept, shown))
            }
            Err(Unfit::Refused) => Err(NotKnown::Refused),
            Err(Unfit::CounterFell) => Err(NotKnown::CounterFell(kept.account)),
        })
    }
}

pub(super) fn shown(passkey: &KeptPasskey, counter: u32, challenge: Challenge) -> ShownPasskey {
    ShownPasskey { id: passkey.id, counter, challenge: challenge.digest(), until: challenge.until() }
}
