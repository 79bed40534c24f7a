//! Secrets that must be read again are sealed before they are kept: whoever has the store alone has none of them.
//!
//! AES-256-GCM, with a key that is derived (HKDF-SHA-256) from one that is not in the store, and bound to whose secret it
//! is: a row that was copied to another account opens nothing.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::auth::Random;
use crate::auth::RandomError;
use crate::auth::UnixTime;

/// The key under which secrets of factors are sealed.
///
/// ```
/// use portcullis::users::SealKey;
///
/// let key = SealKey::derive(b"thirty-two bytes or more of something that is not in the store");
/// assert_eq!(format!("{key:?}"), "SealKey(..)", "a log learns nothing");
/// ```
#[derive(Clone)]
pub struct SealKey {
    seal: Zeroizing<[u8; 32]>,
    /// Another, for codes over what is no secret.
    mac: Zeroizing<[u8; 32]>,
    /// Another, for links.
    links: Zeroizing<[u8; 32]>,
    /// Another, for proofs that somebody has the key.
    proofs: Zeroizing<[u8; 32]>,
}

/// A sealed secret does not open: it was sealed with another key, for somebody else, or is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed secret does not open; was the key replaced?")]
pub struct SealBroken;

impl SealKey {
    /// The key that belongs to this secret, which has at least 32 unguessable bytes.
    #[must_use]
    pub fn derive(secret: &[u8]) -> Self {
        let derived = Salt::new(HKDF_SHA256, b"portcullis").extract(secret);
        let key = |purpose: &[u8]| {
            let mut bytes = Zeroizing::new([0; 32]);
            // All can only fail for lengths that are none of these.
            if let Ok(okm) = derived.expand(&[purpose], KeyLength) {
                let _ = okm.fill(&mut *bytes);
            }
            bytes
        };
        Self {
            seal: key(b"secrets of factors, 1"),
            mac: key(b"challenges, 1"),
            links: key(b"links, 1"),
            proofs: key(b"proofs, 1"),
        }
    }

    /// The key of codes over challenges.
    pub(super) fn mac(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &*self.mac)
    }

    /// The key of codes over links in messages.
    pub(in crate::users) fn links(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &*self.links)
    }

    /// A proof that whoever has it has this key, good for a minute before and after.
    ///
    /// ```
    /// use portcullis::auth::UnixTime;
    /// use portcullis::users::SealKey;
    ///
    /// let key = SealKey::derive(b"thirty-two bytes or more of something that is not in the store");
    /// let proof = key.prove(UnixTime::from_secs(1_700_000_000));
    /// assert!(key.proves(&proof, UnixTime::from_secs(1_700_000_060)));
    /// assert!(!key.proves(&proof, UnixTime::from_secs(1_700_000_061)), "it is over");
    /// ```
    #[must_use]
    pub fn prove(&self, now: UnixTime) -> String {
        let tag = hmac::sign(&self.proofs(), now.as_secs().to_string().as_bytes());
        format!("{}.{}", now.as_secs(), URL_SAFE_NO_PAD.encode(tag))
    }

    /// Whether this proves it now.
    #[must_use]
    pub fn proves(&self, proof: &str, now: UnixTime) -> bool {
        let Some((at, tag)) = proof.split_once('.') else { return false };
        let (Ok(seconds), Ok(tag)) = (at.parse().map(UnixTime::from_secs), URL_SAFE_NO_PAD.decode(tag))
        else {
            return false;
        };
        let apart = seconds.until(now).max(now.until(seconds));
        apart <= PROOF_LASTS && hmac::verify(&self.proofs(), at.as_bytes(), &tag).is_ok()
    }

    fn proofs(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &*self.proofs)
    }

    /// Seals a secret for whoever `owner` names.
    pub(super) fn seal(
        &self,
        secret: &[u8],
        owner: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, RandomError> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce)?;
        let mut sealed = secret.to_vec();
        let key = self.key().ok_or(RandomError)?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(owner), &mut sealed)
            .map_err(|_| RandomError)?;
        Ok([&[VERSION], nonce.as_slice(), &sealed].concat())
    }

    /// What was sealed for this owner.
    pub(super) fn open(&self, sealed: &[u8], owner: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealBroken> {
        let rest = sealed.strip_prefix(&[VERSION]).ok_or(SealBroken)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealBroken)?;
        let mut opened = Zeroizing::new(rest.to_vec());
        let key = self.key().ok_or(SealBroken)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = key.open_in_place(nonce, Aad::from(owner), &mut opened).map_err(|_| SealBroken)?.len();
        opened.truncate(length);
        Ok(opened)
    }

    fn key(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, &*self.seal).ok().map(LessSafeKey::new)
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(..)")
    }
}

/// Clocks of two machines may be that far apart, and not much time passes on the way.
const PROOF_LASTS: Duration = Duration::from_secs(60);

/// How much is derived.
struct KeyLength;

impl KeyType for KeyLength {
    fn len(&self) -> usize {
        32
    }
}

const VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts, so that no two are the same.
    struct Counting(std::sync::atomic::AtomicU8);

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
            bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            Ok(())
        }
    }

    const fn random() -> Counting {
        Counting(std::sync::atomic::AtomicU8::new(1))
    }

    #[test]
    fn only_the_owner_and_the_key_open_it() {
        let key = SealKey::derive(&[1; 32]);
        let random = random();
        let sealed = key.seal(b"a secret", b"ada", &random).unwrap();
        assert_eq!(key.open(&sealed, b"ada").unwrap().as_slice(), b"a secret");
        assert_eq!(key.open(&sealed, b"bob"), Err(SealBroken));
        assert_eq!(SealKey::derive(&[2; 32]).open(&sealed, b"ada"), Err(SealBroken));
        assert_ne!(sealed, key.seal(b"a secret", b"ada", &random).unwrap(), "no nonce is used twice");
    }

    #[test]
    fn no_bit_of_it_can_be_changed_and_nothing_cut_off() {
        let key = SealKey::derive(&[1; 32]);
        let sealed = key.seal(b"a secret", b"ada", &random()).unwrap();
        for place in 0..sealed.len() {
            for bit in 0..8 {
                let mut other = sealed.clone();
                other.get_mut(place).into_iter().for_each(|byte| *byte ^= 1 << bit);
                assert_eq!(key.open(&other, b"ada"), Err(SealBroken), "{place} {bit}");
            }
            let cut: Vec<_> = sealed.iter().copied().take(place).collect();
            assert_eq!(key.open(&cut, b"ada"), Err(SealBroken));
        }
    }
}
