//! What an authenticator signs: a challenge that says by itself what it is for.
//!
//! Whoever opens the sign-in page gets one, so nothing is kept of those that are handed out: a challenge carries its end and
//! a code (HMAC-SHA-256) over that, its purpose and whom it is for, and every node that has the key knows its own. One that
//! was answered rightly is kept as spent until its end, by the transaction that acts on it.

use std::time::Duration;

use aws_lc_rs::hmac;
use sha2::{Digest, Sha256};

use crate::auth::Random;
use crate::auth::RandomError;
use crate::auth::UnixTime;
use crate::users::factors::seal::SealKey;
use crate::users::factors::store::PendingDigest;
use crate::users::username::Username;

/// What a challenge is for, and for whom. One for something else is worth nothing.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'a> {
    /// Signing in with nothing else.
    SignIn,
    /// The second step of this sign-in.
    Second(PendingDigest),
    /// Showing again who one is.
    StepUp(&'a Username),
    /// Making a passkey for this account, under this handle.
    Enrol(&'a Username, [u8; 32]),
}

impl Purpose<'_> {
    fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::SignIn => vec![1],
            Self::Second(digest) => [[2].as_slice(), digest.as_bytes()].concat(),
            Self::StepUp(name) => [[3].as_slice(), name.as_str().as_bytes()].concat(),
            Self::Enrol(name, handle) => [[4].as_slice(), &handle, name.as_str().as_bytes()].concat(),
        }
    }
}

/// A challenge as an authenticator gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Challenge {
    drawn: [u8; DRAWN],
    until: UnixTime,
    code: [u8; CODE],
}

impl Challenge {
    /// Draws the unguessable part of one, which a handle may be derived from before its purpose is known.
    pub(super) fn draw(random: &dyn Random) -> Result<[u8; DRAWN], RandomError> {
        let mut drawn = [0; DRAWN];
        random.fill(&mut drawn)?;
        Ok(drawn)
    }

    /// The challenge of this draw for this purpose, from now on.
    pub(super) fn new(drawn: [u8; DRAWN], purpose: Purpose<'_>, key: &SealKey, now: UnixTime) -> Self {
        let until = now + LIFE;
        let mut code = [0; CODE];
        let signed = hmac::sign(&key.mac(), &message(&drawn, until, purpose));
        code.iter_mut().zip(signed.as_ref()).for_each(|(byte, signed)| *byte = *signed);
        Self { drawn, until, code }
    }

    /// What came back of one; `None` when it has another shape. It says nothing about whose it is.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (drawn, rest) = bytes.split_first_chunk::<DRAWN>()?;
        let (until, code) = rest.split_first_chunk::<8>()?;
        let until = UnixTime::from_secs(i64::from_be_bytes(*until));
        Some(Self { drawn: *drawn, until, code: code.try_into().ok()? })
    }

    /// Whether it is ours, for this purpose, and not over.
    pub(super) fn counts(&self, purpose: Purpose<'_>, key: &SealKey, now: UnixTime) -> bool {
        let message = message(&self.drawn, self.until, purpose);
        hmac::verify(&key.mac(), &message, &self.code).is_ok() && now < self.until
    }

    /// The handle of an account that has none: unguessable, and found again when the answer comes.
    pub(super) fn handle(drawn: [u8; DRAWN], name: &Username, key: &SealKey) -> [u8; 32] {
        let mut handle = [0; 32];
        let text = [b"handle".as_slice(), &drawn, name.as_str().as_bytes()].concat();
        let signed = hmac::sign(&key.mac(), &text);
        handle.iter_mut().zip(signed.as_ref()).for_each(|(byte, signed)| *byte = *signed);
        handle
    }

    pub(super) const fn drawn(&self) -> [u8; DRAWN] {
        self.drawn
    }

    pub(super) const fn until(&self) -> UnixTime {
        self.until
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        [self.drawn.as_slice(), &self.until.as_secs().to_be_bytes(), &self.code].concat()
    }

    /// Under which it is kept as spent.
    pub(super) fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.to_bytes()).into()
    }
}

fn message(drawn: &[u8; DRAWN], until: UnixTime, purpose: Purpose<'_>) -> Vec<u8> {
    [b"challenge".as_slice(), drawn, &until.as_secs().to_be_bytes(), &purpose.to_bytes()].concat()
}

const DRAWN: usize = 16;
const CODE: usize = 32;
/// As long as a sign-in that is under way.
pub(super) const LIFE: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

    #[test]
    fn one_counts_for_its_own_purpose_until_its_end_and_no_bit_of_it_can_be_changed() {
        let (ada, bob): (Username, Username) = ("ada".parse().unwrap(), "bob".parse().unwrap());
        let key = SealKey::derive(&[7; 32]);
        let purposes = [
            Purpose::SignIn,
            Purpose::Second(PendingDigest::of(b"one")),
            Purpose::Second(PendingDigest::of(b"other")),
            Purpose::StepUp(&ada),
            Purpose::StepUp(&bob),
            Purpose::Enrol(&ada, [1; 32]),
            Purpose::Enrol(&ada, [2; 32]),
            Purpose::Enrol(&bob, [1; 32]),
        ];
        for (place, purpose) in purposes.iter().enumerate() {
            let challenge = Challenge::new([9; DRAWN], *purpose, &key, NOW);
            assert_eq!(Challenge::read(&challenge.to_bytes()), Some(challenge));
            for (other, asked) in purposes.iter().enumerate() {
                assert_eq!(challenge.counts(*asked, &key, NOW), place == other);
            }
            let last = NOW + Duration::from_secs(299);
            assert!(challenge.counts(*purpose, &key, last) && !challenge.counts(*purpose, &key, NOW + LIFE));
            assert!(!challenge.counts(*purpose, &SealKey::derive(&[8; 32]), NOW));
            let bytes = challenge.to_bytes();
            for place in 0..bytes.len() * 8 {
                let mut other = bytes.clone();
                other.get_mut(place / 8).into_iter().for_each(|byte| *byte ^= 1 << (place % 8));
                let read = Challenge::read(&other).unwrap();
                assert!(!read.counts(*purpose, &key, NOW) && read.digest() != challenge.digest());
            }
            for length in 0..bytes.len() {
                assert_eq!(Challenge::read(bytes.get(..length).unwrap()), None);
            }
            assert_eq!(Challenge::read(&[bytes, vec![0]].concat()), None);
        }
    }
}
