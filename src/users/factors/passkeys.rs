//! The use cases of passkeys: signing in with nothing else, making one, and reading one that is shown.
//!
//! A passkey that verified who the person is, by a finger, a face or a number, is two things at once, and begins a session of
//! the second level by itself. As a second step, or to show again who one is, it stands beside something else, and holding
//! it is enough.
//! It cannot be guessed, so attempts are counted against the address alone: counted against a name, anybody could keep its
//! owner waiting.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::auth::UnixTime;
use crate::users::accounts::{Accounts, ChangeError};
use crate::users::code::OneTimeCode;
use crate::users::factors::challenge::{Challenge, Purpose};
use crate::users::factors::own::{MOST_FACTORS, NewCodes, tidy};
use crate::users::factors::proof::{SecondFactor, TypedCode, digest_of, out_of_reach};
use crate::users::factors::seal::SealKey;
use crate::users::factors::second::SecondStep;
use crate::users::factors::store::{FactorId, KeptPasskey, PendingDigest, ShownPasskey};
use crate::users::factors::webauthn::{PasskeySite, Response, Unfit};
use crate::users::sign_in::Authenticated;
use crate::users::sign_in_error::SignInError;
use crate::users::store_error::AccountStoreError;
use crate::users::username::Username;

/// Why a passkey signed nobody in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PasskeyError {
    /// There is no such passkey here: it was removed, and whoever keeps it need not offer it any more.
    #[error("there is no such passkey")]
    Unknown,
    /// It was wrong, which [`SignInError::BadCredentials`] is; or it was not looked at.
    #[error(transparent)]
    SignIn(#[from] SignInError),
}

/// Why what was shown is no passkey of somebody's.
pub(super) enum NotKnown {
    /// There is none of this name.
    Unknown,
    Refused,
    /// Its authenticator counted backwards; it is this person's.
    CounterFell(Username),
}

impl Accounts {
    /// Whether passkeys can be made and shown here.
    #[must_use]
    pub fn offers_passkeys(&self) -> bool {
        self.second.as_ref().is_some_and(|second| second.takes_passkeys())
    }

    /// What the browser of somebody who is not known yet is asked, as `PublicKeyCredential.parseRequestOptionsFromJSON` reads
    /// it; `None` where passkeys are not offered.
    ///
    /// # Errors
    /// [`AccountStoreError`] when there is no randomness.
    pub fn passkey_request(&self) -> Result<Option<Value>, AccountStoreError> {
        let Some(second) = &self.second else { return Ok(None) };
        second.request(Purpose::SignIn, &[], true, self.moment().at)
    }

    /// The same for the second step of a sign-in that is under way; `None` also when it is over.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach, or there is no randomness.
    pub async fn second_passkey_request(&self, secret: &str) -> Result<Option<Value>, AccountStoreError> {
        let (Some(second), Some(digest)) = (&self.second, digest_of(secret)) else { return Ok(None) };
        let now = self.moment().at;
        let Some(pending) = second.store.pending(digest, now).await? else { return Ok(None) };
        let known = second.store.passkeys(&pending.account).await?;
        if known.is_empty() { Ok(None) } else { second.request(Purpose::Second(digest), &known, false, now) }
    }

    /// The same for somebody who is signed in and shows again who they are; `None` also when they have no passkey.
    ///
    /// # Errors
    /// As [`second_passkey_request`](Self::second_passkey_request).
    pub async fn own_passkey_request(&self, name: &Username) -> Result<Option<Value>, AccountStoreError> {
        let Some(second) = &self.second else { return Ok(None) };
        let known = second.store.passkeys(name).await?;
        let now = self.moment().at;
        if known.is_empty() { Ok(None) } else { second.request(Purpose::StepUp(name), &known, false, now) }
    }

    /// A sign-in by a passkey and nothing else.
    ///
    /// # Errors
    /// [`PasskeyError`], as it says.
    pub async fn sign_in_by_passkey(
        &self,
        shown: &str,
        remember: bool,
        address: Option<IpAddr>,
    ) -> Result<SecondStep, PasskeyError> {
        let Some(second) = &self.second else { return Err(SignInError::BadCredentials.into()) };
        let pass = self.gate.admit_address(address).map_err(SignInError::from)?;
        let now = self.moment().at;
        let known = second.known(shown, Purpose::SignIn, true, now).await.map_err(SignInError::from)?;
        let (kept, shown) = match known {
            Ok(known) => known,
            Err(NotKnown::Unknown) => return Err(PasskeyError::Unknown),
            Err(NotKnown::Refused) => return Err(SignInError::BadCredentials.into()),
            Err(NotKnown::CounterFell(account)) => return Err(SignInError::CounterFell { account }.into()),
        };
        second.purge(now).await;
        let mut secret = [0; 32];
        second.random.fill(&mut secret).map_err(|error| SignInError::from(out_of_reach(error)))?;
        let digest = PendingDigest::of(&secret);
        let arrived = second.store.arrive(digest, &kept.account, shown, remember, now).await;
        let Some(account) = arrived.map_err(SignInError::from)? else {
            return Err(SignInError::BadCredentials.into());
        };
        pass.succeeded();
        let person = Authenticated {
            account,
            is_known_device: false,
            failures: 0,
            hash_renewed: false,
            password_leaked: false,
        };
        Ok(SecondStep { person, voucher: *digest.as_bytes(), remember })
    }

    /// What the browser of somebody who makes a passkey is asked, as `PublicKeyCredential.parseCreationOptionsFromJSON` reads
    /// it; `None` where passkeys are not offered, and for whoever has as many factors as they may.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach, or there is no randomness.
    pub async fn passkey_creation(&self, name: &Username) -> Result<Option<Value>, AccountStoreError> {
        let Some((second, (site, key))) = self.second.as_ref().and_then(|it| Some((it, it.passkeys()?)))
        else {
            return Ok(None);
        };
        if second.store.counts(name).await?.factors() >= MOST_FACTORS {
            return Ok(None);
        }
        let known = second.store.passkeys(name).await?;
        let drawn = Challenge::draw(&*second.random).map_err(out_of_reach)?;
        let handle = handle(&known, drawn, name, key);
        let challenge = Challenge::new(drawn, Purpose::Enrol(name, handle), key, self.moment().at);
        Ok(site.creation(&challenge.to_bytes(), &handle, name.as_str(), &known))
    }

    /// Takes a passkey into use that a browser has just made. The first factor of an account brings recovery codes.
    ///
    /// # Errors
    /// [`ChangeError::SignIn`] with [`SignInError::BadCredentials`] when it is none that was asked for, and
    /// [`ChangeError::Store`].
    pub async fn add_passkey(
        &self,
        name: &Username,
        made: &str,
        label: &str,
    ) -> Result<(FactorId, NewCodes), ChangeError> {
        self.keep_passkey(None, name, made, label).await
    }

    /// The same, for a sign-in that is under way if for any.
    pub(super) async fn keep_passkey(
        &self,
        pending: Option<PendingDigest>,
        name: &Username,
        made: &str,
        label: &str,
    ) -> Result<(FactorId, NewCodes), ChangeError> {
        let refused = || ChangeError::SignIn(SignInError::BadCredentials);
        let (second, (site, key)) =
            self.second.as_ref().and_then(|it| Some((it, it.passkeys()?))).ok_or_else(refused)?;
        let now = self.moment().at;
        let response = Response::read(made).ok_or_else(refused)?;
        let challenge = Challenge::read(&response.challenge).ok_or_else(refused)?;
        let known = second.store.passkeys(name).await?;
        let handle = handle(&known, challenge.drawn(), name, key);
        if !challenge.counts(Purpose::Enrol(name, handle), key, now) {
            return Err(refused());
        }
        let made = site.made(&response, &handle, name.as_str()).map_err(|_| refused())?;
        let mut id = [0; 16];
        second.random.fill(&mut id).map_err(out_of_reach)?;
        let passkey = KeptPasskey {
            id: FactorId::from_bytes(id),
            account: name.clone(),
            handle,
            credential: made.credential,
            label: tidy(label),
            made_at: now,
            used_at: None,
            counter: made.counter,
            public: made.public,
        };
        let codes = second.draw_codes()?;
        let digests: Vec<_> = codes.iter().map(OneTimeCode::digest).collect();
        let spent = shown(&passkey, passkey.counter, challenge);
        let added = second.store.add_passkey(pending, &passkey, spent, &digests, MOST_FACTORS).await?;
        let are_kept = added.ok_or_else(refused)?;
        Ok((passkey.id, are_kept.then_some(codes)))
    }

    /// What those who keep somebody's passkeys are told, so that they offer those alone that count here
    /// (`PublicKeyCredential.signalAllAcceptedCredentials`); `None` for whoever has none.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn accepted_passkeys(&self, name: &Username) -> Result<Option<Value>, AccountStoreError> {
        let Some((second, (site, _))) = self.second.as_ref().and_then(|it| Some((it, it.passkeys()?))) else {
            return Ok(None);
        };
        let known = second.store.passkeys(name).await?;
        let Some(first) = known.first() else { return Ok(None) };
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let ids: Vec<_> = known.iter().map(|passkey| text(&passkey.credential)).collect();
        Ok(Some(json!({ "rpId": site.id(), "userId": text(&first.handle), "allAcceptedCredentialIds": ids })))
    }

    /// The same about one that is not known here (`PublicKeyCredential.signalUnknownCredential`).
    #[must_use]
    pub fn unknown_passkey(&self, shown: &str) -> Option<Value> {
        let (site, _) = self.second.as_ref()?.passkeys()?;
        let credential = URL_SAFE_NO_PAD.encode(Response::read(shown)?.credential);
        Some(json!({ "rpId": site.id(), "credentialId": credential }))
    }
}

impl SecondFactor {
    /// What passkeys need.
    fn passkeys(&self) -> Option<(&PasskeySite, &SealKey)> {
        Some((self.site.as_ref()?, self.key.as_ref()?))
    }

    /// What somebody who is known shows, as the store compares it.
    pub(super) async fn read_passkey(
        &self,
        name: &Username,
        text: &str,
        asked: Purpose<'_>,
        now: UnixTime,
    ) -> Result<TypedCode, AccountStoreError> {
        Ok(match self.known(text, asked, false, now).await? {
            Ok((kept, shown)) if kept.account == *name => TypedCode::Passkey(shown),
            Err(NotKnown::CounterFell(account)) if account == *name => TypedCode::CounterFell,
            Ok(_) | Err(_) => TypedCode::Wrong,
        })
    }

    /// Which passkey was shown, if it was asked for by us and for this; it is not spent by being read.
    async fn known(
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

    fn request(
        &self,
        purpose: Purpose<'_>,
        known: &[KeptPasskey],
        alone: bool,
        now: UnixTime,
    ) -> Result<Option<Value>, AccountStoreError> {
        let Some((site, key)) = self.passkeys() else { return Ok(None) };
        let drawn = Challenge::draw(&*self.random).map_err(out_of_reach)?;
        let challenge = Challenge::new(drawn, purpose, key, now);
        Ok(site.request(&challenge.to_bytes(), known, alone))
    }
}

/// Under which name authenticators keep somebody: the one that they know, or a new one.
fn handle(known: &[KeptPasskey], drawn: [u8; 16], name: &Username, key: &SealKey) -> [u8; 32] {
    known.first().map_or_else(|| Challenge::handle(drawn, name, key), |passkey| passkey.handle)
}

fn shown(passkey: &KeptPasskey, counter: u32, challenge: Challenge) -> ShownPasskey {
    ShownPasskey { id: passkey.id, counter, challenge: challenge.digest(), until: challenge.until() }
}
