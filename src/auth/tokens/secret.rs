//! Secret texts: what signs with a MAC, and private keys in PEM.
//!
//! A secret must be random, which nobody can measure; what is plainly not, as one letter or one word over and over, is
//! refused. 48 random bytes in any notation never are.

use std::fmt;

use zeroize::Zeroize;

use crate::auth::tokens::algorithm::{Algorithm, UnfitKey};

/// A secret text: a signing secret of at least 32 bytes. Never printed, wiped when dropped.
///
/// ```
/// use portcullis::auth::Secret;
///
/// let secret = Secret::new("thirty-two bytes, or a few more…".to_owned()).unwrap();
/// assert_eq!(format!("{secret:?}"), "Secret(…)");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text's UTF-8 bytes as the secret, exactly as flask-jwt-extended's `JWT_SECRET_KEY`.
    ///
    /// # Errors
    /// [`UnfitKey::SecretTooShort`] below 32 bytes, [`UnfitKey::SecretRepeats`] for a word over and over.
    pub fn new(text: String) -> Result<Self, UnfitKey> {
        let secret = Self(text);
        secret.check(Algorithm::HS256).map(|()| secret)
    }

    /// A text whose fitness is judged when it becomes a key.
    pub(crate) const fn unchecked(text: String) -> Self {
        Self(text)
    }

    /// # Errors
    /// [`UnfitKey::SecretTooShort`] when it is shorter than the algorithm's hash, [`UnfitKey::SecretRepeats`] when it says
    /// the same over and over.
    pub(crate) fn check(&self, algorithm: Algorithm) -> Result<(), UnfitKey> {
        let least = algorithm.least_secret();
        if self.0.len() < least {
            return Err(UnfitKey::SecretTooShort { algorithm, least });
        }
        if repeats(self.0.as_bytes()) { Err(UnfitKey::SecretRepeats) } else { Ok(()) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
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

/// Whether a text is one shorter text over and over, or has few different characters.
fn repeats(text: &[u8]) -> bool {
    let is_period =
        |period: usize| text.iter().zip(text.iter().skip(period)).all(|(one, other)| one == other);
    let mut signs = text.to_vec();
    signs.sort_unstable();
    signs.dedup();
    let variety = signs.len();
    signs.zeroize();
    variety < FEWEST || (variety < OF_A_WORD && (1..=text.len() / 2).any(is_period))
}

/// Of 64 random hexadecimal digits there are fewer different ones once in 10^18 times.
const FEWEST: usize = 6;
/// A word has fewer different letters.
const OF_A_WORD: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_itself_is_no_secret() {
        for text in [
            "a".repeat(32),
            "ab".repeat(20),
            "password".repeat(4),
            "changeme-changeme-changeme-changeme".to_owned(),
            "12345678".repeat(5),
            format!("{}bcd", "a".repeat(40)),
        ] {
            assert_eq!(Secret::new(text.clone()).unwrap_err(), UnfitKey::SecretRepeats, "{text}");
        }
    }

    #[test]
    fn random_bytes_in_any_notation_are_a_secret() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            u8::try_from(state >> 56).unwrap()
        };
        for _ in 0..2_000 {
            let bytes: Vec<u8> = (0..16).map(|_| random()).collect();
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let digits: String = (0..39).map(|_| char::from(b'0' + random() % 10)).collect();
            for text in [hex, digits] {
                assert!(Secret::new(text.clone()).is_ok(), "{text}");
            }
        }
    }
}
