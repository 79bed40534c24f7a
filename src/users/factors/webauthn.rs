//! Passkeys as WebAuthn (level 3) has them: what a browser is asked, and whether its answer is one.
//!
//! The only file that knows the crate which verifies them. It is asked about one credential of one account at a time, with
//! the challenge that was handed out; whose credential it is, and that nothing counts twice, is decided where it is called.
//! Whatever is wrong with an answer, the caller learns that it is, and no more; only a counter that did not grow is told
//! apart, because it may mean that somebody has a copy.
//!
//! No attestation is asked for: nobody is kept from using the authenticator they have. CBOR is read more strictly than the
//! crate does, as CTAP 2 wants it written: nothing follows it, and no key comes twice.

use std::fmt;
use std::sync::Arc;

use ciborium::Value as Cbor;
use passki::{
    AuthenticationCredential, AuthenticationOptions, AuthenticationState, Passki, PasskiError,
    RegistrationCredential, RegistrationOptions, RegistrationState, ResidentKeyRequirement, StoredPasskey,
    UserVerificationRequirement,
};
use serde::Deserialize;
use serde_json::Value;

use crate::users::factors::challenge::LIFE;
use crate::users::factors::store::KeptPasskey;

/// The site that passkeys belong to.
///
/// ```
/// use portcullis::users::PasskeySite;
///
/// assert!(PasskeySite::of("https://portal.example.org", "The portal").is_some());
/// assert!(PasskeySite::of("http://localhost:8000", "The portal").is_some());
/// assert!(PasskeySite::of("http://portal.example.org", "The portal").is_none(), "browsers refuse there");
/// assert!(PasskeySite::of("https://192.0.2.7", "The portal").is_none(), "an address has no passkeys");
/// ```
#[derive(Clone)]
pub struct PasskeySite(Arc<Passki>);

/// The answer is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Malformed, unsigned, for somebody else, or for something else.
    Refused,
    /// The authenticator counted less than before: somebody may have a copy of it.
    CounterFell,
}

/// What a browser brings, read as far as it must be to find out what it is about.
pub(super) struct Response {
    /// As it came, for the crate.
    whole: Value,
    /// Under which name the authenticator keeps the passkey.
    pub(super) credential: Vec<u8>,
    /// The challenge that it says it answers.
    pub(super) challenge: Vec<u8>,
    /// Under which name it says it keeps the person.
    pub(super) handle: Option<Vec<u8>>,
}

/// A passkey that was just made.
pub(super) struct Made {
    pub(super) credential: Vec<u8>,
    pub(super) counter: u32,
    pub(super) public: String,
}

impl PasskeySite {
    /// The site at this origin; `None` where browsers know no passkeys, which is without HTTPS, except on this machine, and
    /// where the host is no name.
    #[must_use]
    pub fn of(origin: &str, service: &str) -> Option<Self> {
        let (scheme, rest) = origin.split_once("://")?;
        let host = rest.split_once(':').map_or(rest, |(host, _)| host);
        let is_local = host == "localhost" || host.ends_with(".localhost");
        let is_name = host.starts_with(|sign: char| sign.is_ascii_alphanumeric())
            && host.parse::<std::net::Ipv4Addr>().is_err();
        let is_secure = scheme == "https" || scheme == "http" && is_local;
        (is_name && is_secure).then(|| Self(Arc::new(Passki::new(host, &[origin], service))))
    }

    /// The host's name, to which browsers bind passkeys.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.rp_id
    }

    /// What a browser is asked to make a passkey by, as `PublicKeyCredential.parseCreationOptionsFromJSON` reads it.
    pub(super) fn creation(
        &self,
        challenge: &[u8],
        handle: &[u8; 32],
        name: &str,
        known: &[KeptPasskey],
    ) -> Option<Value> {
        let known: Vec<_> = known.iter().filter_map(stored).collect();
        let mut options = RegistrationOptions::default();
        options.timeout = timeout();
        // One that the authenticator can list is found again without a name; a key without room for it still is a factor.
        options.resident_key = ResidentKeyRequirement::Preferred;
        options.user_verification = UserVerificationRequirement::Preferred;
        options.exclude_credentials = Some(&known);
        let (mut asked, _) = self.0.start_passkey_registration(handle, name, name, options).ok()?;
        asked.challenge = Passki::base64_encode(challenge);
        serde_json::to_value(asked).ok()
    }

    /// What a browser is asked to show a passkey by, as `PublicKeyCredential.parseRequestOptionsFromJSON` reads it: one of
    /// these, or where there are none whichever it has.
    pub(super) fn request(&self, challenge: &[u8], known: &[KeptPasskey], alone: bool) -> Option<Value> {
        let known: Vec<_> = known.iter().filter_map(stored).collect();
        let mut options = AuthenticationOptions::default();
        options.timeout = timeout();
        options.user_verification = verification(alone);
        let (mut asked, _) = self.0.start_passkey_authentication(&known, options).ok()?;
        asked.challenge = Passki::base64_encode(challenge);
        serde_json::to_value(asked).ok()
    }

    /// Whether this is a new passkey of whoever was asked by this challenge.
    pub(super) fn made(&self, response: &Response, handle: &[u8; 32], name: &str) -> Result<Made, Unfit> {
        let refused = |_| Unfit::Refused;
        let credential = RegistrationCredential::deserialize(&response.whole).map_err(|_| Unfit::Refused)?;
        let attested = Passki::base64_decode(&credential.response.attestation_object).map_err(refused)?;
        if !is_strict(&attested) {
            return Err(Unfit::Refused);
        }
        // The crate would begin it with a challenge of its own; its state is what it lets everybody read and write.
        let (_, mut state): (_, RegistrationState) = self
            .0
            .start_passkey_registration(handle, name, name, RegistrationOptions::default())
            .map_err(refused)?;
        state.challenge.clone_from(&response.challenge);
        state.user_verification = UserVerificationRequirement::Preferred;
        let made = self.0.finish_passkey_registration(&credential, &state).map_err(refused)?;
        let is_known = ALGORITHMS.contains(&made.algorithm);
        if !is_known
            || !is_strict(&made.public_key)
            || !(1..=LONGEST_CREDENTIAL).contains(&made.credential_id.len())
        {
            return Err(Unfit::Refused);
        }
        let public = serde_json::to_string(&made).map_err(|_| Unfit::Refused)?;
        Ok(Made { credential: made.credential_id, counter: made.counter, public })
    }

    /// Whether this was signed by this passkey, for this challenge; what its authenticator counted. Where it stands alone,
    /// the authenticator must have made sure who the person is.
    pub(super) fn shown(&self, response: &Response, kept: &KeptPasskey, alone: bool) -> Result<u32, Unfit> {
        let refused = |_| Unfit::Refused;
        let credential =
            AuthenticationCredential::deserialize(&response.whole).map_err(|_| Unfit::Refused)?;
        let passkey = stored(kept).ok_or(Unfit::Refused)?;
        let said = Passki::base64_decode(&credential.response.authenticator_data).map_err(refused)?;
        let flags = *said.get(FLAGS).ok_or(Unfit::Refused)?;
        let rest = said.get(HEAD..).ok_or(Unfit::Refused)?;
        let is_whole = match (flags & ATTESTED != 0, flags & EXTENDED != 0) {
            // Nothing is attested when one is shown.
            (true, _) => false,
            (false, true) => is_strict(rest),
            (false, false) => rest.is_empty(),
        };
        // Whether a passkey can be copied by its owner is settled when it is made (section 7.2, step 18).
        if !is_whole || (flags & MAY_BE_BACKED_UP != 0) != passkey.be {
            return Err(Unfit::Refused);
        }
        let (_, mut state): (_, AuthenticationState) = self
            .0
            .start_passkey_authentication(std::slice::from_ref(&passkey), AuthenticationOptions::default())
            .map_err(refused)?;
        state.challenge.clone_from(&response.challenge);
        state.user_verification = verification(alone);
        match self.0.finish_passkey_authentication(&credential, &state, &passkey) {
            Ok(shown) => Ok(shown.counter),
            Err(PasskiError::CounterRegression) => {
                // Told apart only for whoever has the key: the crate looks at the counter before the signature.
                let mut uncounted = passkey;
                uncounted.counter = 0;
                match self.0.finish_passkey_authentication(&credential, &state, &uncounted) {
                    Ok(_) | Err(PasskiError::CounterRegression) => Err(Unfit::CounterFell),
                    Err(_) => Err(Unfit::Refused),
                }
            }
            Err(_) => Err(Unfit::Refused),
        }
    }
}

impl fmt::Debug for PasskeySite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PasskeySite").field(&self.0.rp_id).finish()
    }
}

impl Response {
    /// Reads what `credential.toJSON()` of a browser gives.
    pub(super) fn read(text: &str) -> Option<Self> {
        let whole: Value = serde_json::from_str(text).ok()?;
        let said = PublicKeyCredential::deserialize(&whole).ok()?;
        if said.kind != "public-key" || said.id != said.raw_id {
            return None;
        }
        let client: ClientData =
            serde_json::from_slice(&Passki::base64_decode(&said.response.client_data).ok()?).ok()?;
        let credential = Passki::base64_decode(&said.raw_id).ok()?;
        let challenge = Passki::base64_decode(&client.challenge).ok()?;
        let handle = said.response.handle.as_deref().map(Passki::base64_decode).transpose().ok()?;
        Some(Self { whole, credential, challenge, handle })
    }
}

#[derive(Deserialize)]
struct PublicKeyCredential {
    id: String,
    #[serde(rename = "rawId")]
    raw_id: String,
    #[serde(rename = "type")]
    kind: String,
    response: AuthenticatorResponse,
}

#[derive(Deserialize)]
struct AuthenticatorResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(rename = "userHandle", default)]
    handle: Option<String>,
}

#[derive(Deserialize)]
struct ClientData {
    challenge: String,
}

/// What the crate has kept of it, with what was counted since.
fn stored(kept: &KeptPasskey) -> Option<StoredPasskey> {
    let mut stored: StoredPasskey = serde_json::from_str(&kept.public).ok()?;
    stored.counter = kept.counter;
    Some(stored)
}

const fn verification(alone: bool) -> UserVerificationRequirement {
    if alone { UserVerificationRequirement::Required } else { UserVerificationRequirement::Preferred }
}

/// Whether this is one value, with nothing after it, and no key in it comes twice.
fn is_strict(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    matches!(ciborium::from_reader::<Cbor, _>(&mut rest), Ok(value) if rest.is_empty() && is_unambiguous(&value))
}

fn is_unambiguous(value: &Cbor) -> bool {
    match value {
        Cbor::Map(entries) => entries.iter().enumerate().all(|(place, (key, value))| {
            let is_first = !entries.iter().take(place).any(|(earlier, _)| earlier == key);
            is_first && is_unambiguous(key) && is_unambiguous(value)
        }),
        Cbor::Array(values) => values.iter().all(is_unambiguous),
        Cbor::Tag(_, value) => is_unambiguous(value),
        _ => true,
    }
}

fn timeout() -> u64 {
    u64::try_from(LIFE.as_millis()).unwrap_or(u64::MAX)
}

/// The flags of authenticator data stand after the digest of the site's id, and a counter after them.
const FLAGS: usize = 32;
const HEAD: usize = 37;
const MAY_BE_BACKED_UP: u8 = 0x08;
const ATTESTED: u8 = 0x40;
const EXTENDED: u8 = 0x80;
/// EdDSA, ES256, ES384, RS256, RS384: those that are offered. Without the last two, old TPMs of Windows have nothing.
const ALGORITHMS: [i32; 5] = [-8, -7, -35, -257, -258];
/// CTAP 2 knows no longer ones.
const LONGEST_CREDENTIAL: usize = 1023;
