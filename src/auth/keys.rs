//! Signing keys; the only file that imports the JWT crate.
//!
//! A key carries its algorithm: what the token's header says about it is compared, never believed (RFC 8725 §3.1).
//! Keys come from configuration alone; `jwk`, `jku`, `x5u` and their kin are refused with every other unknown member.
//! What the claims mean is decided in `token.rs`.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto};
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::auth::token::Invalid;

/// A secret text: a signing secret of at least 32 bytes. Never printed, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// The secret is shorter than its hash: RFC 7518 §3.2 asks HS256 for 256 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be at least 32 bytes long (RFC 7518 §3.2)")]
pub struct SecretTooShort;

impl Secret {
    /// Takes the text's UTF-8 bytes as the secret, exactly as flask-jwt-extended's `JWT_SECRET_KEY`.
    ///
    /// # Errors
    /// [`SecretTooShort`] below 32 bytes.
    pub fn new(text: String) -> Result<Self, SecretTooShort> {
        let secret = Self(text);
        if secret.0.len() < MIN_SECRET_BYTES { Err(SecretTooShort) } else { Ok(secret) }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// One key with its algorithm and its name.
pub(crate) struct Key {
    id: String,
    algorithm: Algorithm,
    /// The algorithm as a header spells it (RFC 7518 §3.1).
    name: &'static str,
    /// Our own header for this key, encoded once: a token that begins with it needs no header parsing.
    header: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl Key {
    pub(crate) fn hs256(secret: &Secret) -> Self {
        // The name is a digest, so that two nodes with one secret agree on it and it tells nothing about the secret.
        let digest =
            Sha256::new().chain_update(b"portcullis kid\0").chain_update(secret.as_bytes()).finalize();
        let id: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"HS256","kid":"{id}","typ":"JWT"}}"#));
        Self {
            id,
            algorithm: Algorithm::HS256,
            name: "HS256",
            header,
            encoding: EncodingKey::from_secret(secret.as_bytes()),
            decoding: DecodingKey::from_secret(secret.as_bytes()),
        }
    }

    fn verify(&self, message: &[u8], signature: &str) -> Result<(), Invalid> {
        match crypto::verify(signature, message, &self.decoding, self.algorithm) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Invalid::Signature),
        }
    }
}

/// The keys of this application: one signs, all verify.
pub(crate) struct Ring {
    keys: Vec<Key>,
    signing: usize,
}

/// The key refused to sign.
#[derive(Debug, thiserror::Error)]
#[error("the signing key does not sign")]
pub(crate) struct SigningFailed;

impl Ring {
    pub(crate) fn new(key: Key) -> Self {
        Self { keys: vec![key], signing: 0 }
    }

    /// Makes a compact JWS (RFC 7515 §7.1) of these claims.
    pub(crate) fn sign(&self, claims: &[u8]) -> Result<String, SigningFailed> {
        let key = self.keys.get(self.signing).ok_or(SigningFailed)?;
        let mut token = String::with_capacity(key.header.len() + claims.len() * 4 / 3 + 64);
        token.push_str(&key.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature =
            crypto::sign(token.as_bytes(), &key.encoding, key.algorithm).map_err(|_| SigningFailed)?;
        token.push('.');
        token.push_str(&signature);
        Ok(token)
    }

    /// Checks a compact JWS and returns its payload, which nobody reads before the signature was found good.
    pub(crate) fn open(&self, token: &str) -> Result<String, Invalid> {
        let (message, signature) = token.rsplit_once('.').ok_or(Invalid::Segments)?;
        let (header, payload) = message.split_once('.').ok_or(Invalid::Segments)?;
        if payload.contains('.') {
            return Err(Invalid::Segments);
        }
        self.key_for(header)?.verify(message.as_bytes(), signature)?;
        let bytes = URL_SAFE_NO_PAD.decode(payload).map_err(|_| Invalid::Payload)?;
        String::from_utf8(bytes).map_err(|_| Invalid::Payload)
    }

    /// A proof that only we can make, over a text that can never be a token's: it contains a NUL.
    pub(crate) fn seal(&self, purpose: &'static str, value: &str) -> Result<String, SigningFailed> {
        let key = self.keys.get(self.signing).ok_or(SigningFailed)?;
        crypto::sign(sealed_text(purpose, value).as_bytes(), &key.encoding, key.algorithm)
            .map_err(|_| SigningFailed)
    }

    /// Whether `seal` is the proof of [`Ring::seal`] over the same purpose and value, by any key of the ring.
    pub(crate) fn is_sealed(&self, purpose: &'static str, value: &str, seal: &str) -> bool {
        let text = sealed_text(purpose, value);
        self.keys.iter().any(|key| key.verify(text.as_bytes(), seal).is_ok())
    }

    fn key_for(&self, header: &str) -> Result<&Key, Invalid> {
        if let Some(ours) = self.keys.iter().find(|key| key.header == header) {
            return Ok(ours);
        }
        let json = URL_SAFE_NO_PAD.decode(header).map_err(|_| Invalid::Header)?;
        let header: Header<'_> = serde_json::from_slice(&json).map_err(|_| Invalid::Header)?;
        if header.typ != "JWT" {
            return Err(Invalid::Typ);
        }
        let key = match &header.kid {
            Some(id) => self.keys.iter().find(|key| key.id == *id).ok_or(Invalid::KeyId)?,
            // Siblings that share the secret, such as flask-jwt-extended, write no `kid`.
            None => self.keys.get(self.signing).ok_or(Invalid::KeyId)?,
        };
        if header.alg == key.name { Ok(key) } else { Err(Invalid::Algorithm) }
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

fn sealed_text(purpose: &'static str, value: &str) -> String {
    format!("portcullis\0{purpose}\0{value}")
}

const MIN_SECRET_BYTES: usize = 32;
