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
use crate::users::factors::challenge::Purpose;
use crate::users::factors::seal::SealKey;
use crate::users::factors::store::{
    FactorId, FactorStore, KeptFactor, PendingDigest, Presented, ShownPasskey,
};
use crate::users::factors::totp::TotpSecret;
#[cfg(feature = "passkeys")]
use crate::users::factors::webauthn::PasskeySite;
use crate::users::sign_in_error::SignInError;
use crate::users::store_error::AccountStoreError;
use crate::users::username::Username;

/// What a second factor needs: where it is kept, under which key, and how apps shall call this service.
#[derive(Clone)]
pub struct SecondFactor {
    pub(super) store: Arc<dyn FactorStore>,
    pub(super) key: Option<SealKey>,
    pub(super) random: Arc<dyn Random>,
    pub(super) service: String,
    pub(super) strong_roles: Vec<String>,
    pub(super) trust: Duration,
    #[cfg(feature = "passkeys")]
    pub(super) site: Option<PasskeySite>,
}

impl SecondFactor {
    /// Factors that are kept in `store`, by a service that people's apps shall call so; secrets and recovery codes are drawn
    /// from `random`. Nobody needs one, and nobody adds one before there is a [key](Self::sealed_by).
    #[must_use]
    pub fn new(store: Arc<dyn FactorStore>, random: Arc<dyn Random>, service: &str) -> Self {
        Self {
            store,
            key: None,
            random,
            service: service.to_owned(),
            strong_roles: Vec::new(),
            trust: Duration::ZERO,
            #[cfg(feature = "passkeys")]
            site: None,
        }
    }

    /// Seals the secrets of apps, and knows its own challenges, by this key. Without one nobody adds a factor, and whoever has
    /// one is asked all the same: no code and no passkey is right then, and recovery codes go on.
    #[must_use]
    pub fn sealed_by(self, key: Option<SealKey>) -> Self {
        Self { key, ..self }
    }

    /// Whoever has one of these roles needs a factor: without one, signing in leads to taking one into use, where that can be
    /// done here, and the last one stays.
    #[must_use]
    pub fn needed_for(self, strong_roles: Vec<String>) -> Self {
        Self { strong_roles, ..self }
    }

    /// For so long somebody may trust a browser, so that a password is enough there; at most thirty days, and zero, the
    /// default, for not at all.
    #[must_use]
    pub fn trusting_for(self, trust: Duration) -> Self {
        Self { trust, ..self }
    }

    /// Passkeys belong to this site; without one nobody makes or shows a passkey.
    #[cfg(feature = "passkeys")]
    #[must_use]
    pub fn on_site(self, site: Option<PasskeySite>) -> Self {
        Self { site, ..self }
    }

    /// Whether passkeys can be made and shown.
    #[cfg(feature = "passkeys")]
    pub(super) const fn takes_passkeys(&self) -> bool {
        self.site.is_some() && self.key.is_some()
    }

    #[cfg(not(feature = "passkeys"))]
    #[expect(clippy::unused_self, reason = "it is one when passkeys are built in")]
    pub(super) const fn takes_passkeys(&self) -> bool {
        false
    }
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

/// What was typed, as the store compares it.
#[cfg_attr(not(feature = "passkeys"), expect(dead_code, reason = "nothing is read as a passkey then"))]
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
            #[cfg(feature = "passkeys")]
            SecondAnswer::Passkey(text) => self.read_passkey(name, text, asked, now).await?,
            #[cfg(not(feature = "passkeys"))]
            SecondAnswer::Passkey(_) => {
                let _ = asked;
                TypedCode::Wrong
            }
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
    /// Forgets sign-ins that are over and challenges that nobody would take; what begins one, or spends the other, does it.
    pub(super) async fn purge(&self, now: UnixTime) {
        if let Err(error) = self.store.purge_pending(now).await {
            tracing::warn!(%error, "sign-ins that are over could not be purged");
        }
    }
}
