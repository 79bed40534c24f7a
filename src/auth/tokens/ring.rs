//! The keys of an application: one signs, others still verify.
//!
//! A token names its key (`kid`); a token without a name is taken for one of the signing key's, because siblings that
//! share a secret, such as flask-jwt-extended, write none. An unknown name is refused, and nothing is fetched for it.
//! A replaced key verifies until the last token it signed has expired.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::auth::tokens::keys::{RingKey, SigningFailed};
use crate::auth::tokens::known::Known;
use crate::auth::wire::invalid::Invalid;
use crate::ground::clock::UnixTime;

/// What a key is for, at this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyUse {
    /// It signs.
    Signing,
    /// It will sign: others may learn of it beforehand.
    Next,
    /// It verifies what it has signed, until then.
    Verifying(UnixTime),
}

/// The keys; there is always one that signs.
pub(crate) struct Ring {
    signing: RingKey,
    others: Vec<(RingKey, KeyUse)>,
    known: Known,
}

impl Ring {
    pub(crate) fn of(signing: RingKey) -> Self {
        Self { signing, others: Vec::new(), known: Known::new() }
    }

    /// The ring of these keys; `None` unless exactly one signs and no two share a name.
    pub(crate) fn new(keys: Vec<(RingKey, KeyUse)>) -> Option<Self> {
        let (mut signing, others): (Vec<_>, Vec<_>) =
            keys.into_iter().partition(|(_, role)| *role == KeyUse::Signing);
        let (signing, _) = signing.pop().filter(|_| signing.is_empty())?;
        let mut names: Vec<_> = others.iter().map(|(key, _)| key.id()).chain([signing.id()]).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        (names.len() == count).then(|| Self { signing, others, known: Known::new() })
    }

    /// Makes a compact JWS (RFC 7515 §7.1) of these claims.
    pub(crate) fn sign(&self, claims: &[u8]) -> Result<String, SigningFailed> {
        let header = self.signing.header();
        let mut token = String::with_capacity(header.len() + claims.len() * 4 / 3 + 128);
        token.push_str(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.signing.sign(token.as_bytes())?;
        token.push('.');
        token.push_str(&signature);
        Ok(token)
    }

    /// The tokens that these keys have been found to have signed.
    pub(crate) const fn known(&self) -> &Known {
        &self.known
    }

    /// Checks a compact JWS and returns its payload, which nobody reads before the signature was found good, and until when
    /// its key counts, if that has an end.
    pub(crate) fn open(&self, token: &str, now: UnixTime) -> Result<(String, Option<UnixTime>), Invalid> {
        let (message, signature) = token.rsplit_once('.').ok_or(Invalid::Segments)?;
        let (header, payload) = message.split_once('.').ok_or(Invalid::Segments)?;
        if payload.contains('.') {
            return Err(Invalid::Segments);
        }
        let (key, until) = self.key_for(header, now)?;
        key.verify(message.as_bytes(), signature)?;
        let bytes = URL_SAFE_NO_PAD.decode(payload).map_err(|_| Invalid::Payload)?;
        if !is_object(&bytes) {
            return Err(Invalid::Payload);
        }
        String::from_utf8(bytes).map(|payload| (payload, until)).map_err(|_| Invalid::Payload)
    }

    /// A proof that only we can make, over a text that can never be a token's: it contains a NUL.
    pub(crate) fn seal(&self, purpose: &'static str, value: &str) -> String {
        self.signing.seal(&sealed_text(purpose, value))
    }

    /// Whether `seal` is the proof of [`Ring::seal`] over the same purpose and value, by any key of the ring.
    pub(crate) fn is_sealed(&self, purpose: &'static str, value: &str, seal: &str) -> bool {
        let text = sealed_text(purpose, value);
        self.keys().any(|key| key.is_sealed(&text, seal))
    }

    /// The public keys as a JSON Web Key Set (RFC 7517 §5); secrets are not in it.
    pub(crate) fn public(&self, now: UnixTime) -> Value {
        let others = self.others.iter().filter(|(_, role)| verifies(*role, now)).map(|(key, _)| key);
        let keys: Vec<_> = [&self.signing].into_iter().chain(others).filter_map(RingKey::public).collect();
        json!({ "keys": keys })
    }

    fn keys(&self) -> impl Iterator<Item = &RingKey> {
        [&self.signing].into_iter().chain(self.others.iter().map(|(key, _)| key))
    }

    /// The key that this header names, and until when it counts.
    fn key_for(&self, header: &str, now: UnixTime) -> Result<(&RingKey, Option<UnixTime>), Invalid> {
        if header == self.signing.header() {
            return Ok((&self.signing, None));
        }
        let json = URL_SAFE_NO_PAD.decode(header).map_err(|_| Invalid::Header)?;
        if !is_object(&json) {
            return Err(Invalid::Header);
        }
        let header: Header<'_> = serde_json::from_slice(&json).map_err(|_| Invalid::Header)?;
        if header.typ != "JWT" {
            return Err(Invalid::Typ);
        }
        let (key, until) = match &header.kid {
            None => (&self.signing, None),
            Some(id) if id == self.signing.id() => (&self.signing, None),
            Some(id) => {
                let known = self.others.iter().find(|(key, role)| key.id() == id && verifies(*role, now));
                known.map(|(key, role)| (key, ends(*role))).ok_or(Invalid::KeyId)?
            }
        };
        if header.alg == key.algorithm().as_str() { Ok((key, until)) } else { Err(Invalid::Algorithm) }
    }
}

/// The JOSE header members we know.
/// Any other is refused, above all `crit` (RFC 7515 §4.1.11) and those that carry or name keys (RFC 8725 §3.10).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow)]
    typ: Cow<'a, str>,
    #[serde(default, deserialize_with = "present")]
    kid: Option<String>,
}

/// A member that may be absent, but not `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// Whether JSON begins as an object; a derived reader would also take an array, member by member.
fn is_object(json: &[u8]) -> bool {
    json.trim_ascii_start().first() == Some(&b'{')
}

fn verifies(role: KeyUse, now: UnixTime) -> bool {
    ends(role).is_none_or(|until| now < until)
}

/// When a key of this use ceases to count.
const fn ends(role: KeyUse) -> Option<UnixTime> {
    match role {
        KeyUse::Signing | KeyUse::Next => None,
        KeyUse::Verifying(until) => Some(until),
    }
}

fn sealed_text(purpose: &'static str, value: &str) -> String {
    format!("portcullis\0{purpose}\0{value}")
}
