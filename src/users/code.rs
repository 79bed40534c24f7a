//! The one-time code: what an administrator hands to a person instead of a password.
//!
//! It is exchanged once, within a short time, for a password that only the person knows.
//! Only its digest is kept; it has 120 random bits, so a fast digest is as good as a slow one (OWASP ASVS 6.5.2 asks for 112).
//! When it may be issued and exchanged is [`Accounts`](crate::users::Accounts)' business.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::auth::UnixTime;
use crate::users::username::Username;

/// A code of 120 random bits, written as 24 letters and digits in groups of four.
///
/// One of 16, which an older version issued, is read until it is over.
/// It is read as people type and paste it: in either case, with or without hyphens, blanks and full stops, `O` for `0`, `I` and `L` for `1`
/// (Crockford's base 32, which has no `U`).
///
/// ```
/// use portcullis::users::OneTimeCode;
///
/// let code = OneTimeCode::from_bytes([0x5a; 15]);
/// assert_eq!(code.to_text(), "B9D5-MPJT-B9D5-MPJT-B9D5-MPJT");
/// let typed: OneTimeCode = "b9d5 mpjt b9d5mpjt b9d5-mpjt.".parse().unwrap();
/// assert!(typed.digest().is(&code.digest()));
/// assert_eq!(format!("{code:?}"), "OneTimeCode(..)", "a log learns nothing");
/// ```
#[derive(Clone)]
pub struct OneTimeCode {
    bytes: [u8; BYTES],
    length: Length,
}

/// How long a code is.
#[derive(Clone, Copy)]
enum Length {
    Today,
    /// The first ten bytes alone.
    Old,
}

/// The text can be no code.
///
/// ```
/// use portcullis::users::{InvalidCode, OneTimeCode};
///
/// assert_eq!("B9D5-MPJT".parse::<OneTimeCode>().unwrap_err(), InvalidCode);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a one-time code has 24 letters and digits")]
pub struct InvalidCode;

/// What is kept of a code.
#[derive(Debug, Clone)]
pub struct CodeDigest([u8; 32]);

/// A code that is open for an account.
///
/// ```
/// use portcullis::auth::UnixTime;
/// use portcullis::users::{KeptCode, OneTimeCode};
///
/// let until = UnixTime::from_secs(1_700_003_600);
/// let kept = KeptCode { digest: OneTimeCode::from_bytes([1; 15]).digest(), expires_at: until, issued_by: None };
/// assert!(!kept.is_open(until), "at its end it has ended");
/// ```
#[derive(Debug, Clone)]
pub struct KeptCode {
    /// Its digest.
    pub digest: CodeDigest,
    /// From when on it is worth nothing.
    pub expires_at: UnixTime,
    /// The administrator who issued it; `None` for an operator.
    /// It is forgotten when that person is disabled, gets other roles or another password.
    pub issued_by: Option<Username>,
}

impl OneTimeCode {
    /// The code of these random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; BYTES]) -> Self {
        Self { bytes, length: Length::Today }
    }

    /// The code as it is shown, once, to whoever hands it over.
    #[must_use]
    pub fn to_text(&self) -> String {
        let bits = self.bytes.iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
        let mut text = String::with_capacity(SIGNS + SIGNS / GROUP - 1);
        for place in 0..SIGNS {
            if place > 0 && place % GROUP == 0 {
                text.push('-');
            }
            let index = (bits >> (5 * (SIGNS - 1 - place))) & 31;
            let sign = usize::try_from(index).ok().and_then(|index| ALPHABET.get(index));
            text.push(char::from(*sign.unwrap_or(&b'0')));
        }
        text
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> CodeDigest {
        let bytes = match self.length {
            Length::Today => self.bytes.as_slice(),
            Length::Old => self.bytes.get(..OLD_BYTES).unwrap_or_default(),
        };
        CodeDigest(Sha256::new().chain_update(PURPOSE).chain_update(bytes).finalize().into())
    }
}

impl FromStr for OneTimeCode {
    type Err = InvalidCode;

    fn from_str(text: &str) -> Result<Self, InvalidCode> {
        let (mut bits, mut count) = (0_u128, 0_usize);
        // Letters and digits count: what is pasted brings a full stop, a tab or a blank that nobody sees.
        for sign in text.chars().filter(|sign| sign.is_alphanumeric()) {
            let sign = u8::try_from(sign).map_err(|_| InvalidCode)?;
            let sign = match sign.to_ascii_uppercase() {
                b'O' => b'0',
                b'I' | b'L' => b'1',
                other => other,
            };
            let value = ALPHABET.iter().position(|known| *known == sign).ok_or(InvalidCode)?;
            count += 1;
            if count > SIGNS {
                return Err(InvalidCode);
            }
            bits = bits << 5 | u128::try_from(value).map_err(|_| InvalidCode)?;
        }
        let (bits, length) = match count {
            SIGNS => (bits, Length::Today),
            OLD_SIGNS => (bits << (8 * (BYTES - OLD_BYTES)), Length::Old),
            _ => return Err(InvalidCode),
        };
        let bytes = bits.to_be_bytes();
        let (_, bytes) = bytes.split_last_chunk::<BYTES>().ok_or(InvalidCode)?;
        Ok(Self { bytes: *bytes, length })
    }
}

impl fmt::Debug for OneTimeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimeCode(..)")
    }
}

impl CodeDigest {
    /// The digest that a store has kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, for a store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether it is the digest of the same code; takes the same time whatever differs.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl KeptCode {
    /// Whether it can still be exchanged.
    #[must_use]
    pub fn is_open(&self, now: UnixTime) -> bool {
        now < self.expires_at
    }
}

/// How many random bytes make a code.
pub const BYTES: usize = 15;
const SIGNS: usize = 24;
const OLD_BYTES: usize = 10;
const OLD_SIGNS: usize = 16;
const GROUP: usize = 4;
/// Crockford's: no letter that is taken for a digit.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const PURPOSE: &[u8] = b"portcullis one-time code";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_it_is_written_and_as_people_type_it() {
        for seed in 0..=255_u8 {
            let code = OneTimeCode::from_bytes(std::array::from_fn(|place| {
                seed.wrapping_mul(31).wrapping_add(u8::try_from(place).unwrap().wrapping_mul(57))
            }));
            let text = code.to_text();
            assert_eq!(text.len(), 29, "{text}");
            let typed = [text.clone(), text.to_lowercase(), text.replace('-', ""), text.replace('-', " ")];
            let pasted = [format!("{text}."), format!("\t{text}\u{a0}"), text.replace('-', "\u{200b}")];
            let typed = typed.into_iter().chain(pasted);
            for typed in typed.chain([text.replace('0', "O").replace('1', "l")]) {
                let read: OneTimeCode = typed.parse().unwrap();
                assert!(read.digest().is(&code.digest()), "{typed}");
            }
        }
    }

    #[test]
    fn a_code_of_an_older_version_is_read_until_it_is_over() {
        let old: OneTimeCode = "B9D5-MPJT-B9D5-MPJT".parse().unwrap();
        let kept: [u8; 32] = Sha256::new().chain_update(PURPOSE).chain_update([0x5a; 10]).finalize().into();
        assert!(old.digest().is(&CodeDigest::from_bytes(kept)));
        let padded: OneTimeCode = "B9D5-MPJT-B9D5-MPJT-0000-0000".parse().unwrap();
        assert!(!old.digest().is(&padded.digest()));
    }

    #[test]
    fn everything_else_is_no_code() {
        let lengths = [0, 1, 15, 17, 23, 25, 1000].map(|length| "0".repeat(length));
        let odd = ["B9D5-MPJT-B9D5-MPJU", "B9D5-MPJT-B9D5-MPJß", "ß"].map(str::to_owned);
        for text in lengths.into_iter().chain(odd) {
            assert!(text.parse::<OneTimeCode>().is_err(), "{text}");
        }
    }
}
