//! Codes from an authenticator app: time-based one-time passwords (RFC 6238).
//!
//! SHA-1, six digits, thirty seconds, because that is what every app can do, and some do whatever else they are told.
//! A code counts for its own thirty seconds and for the thirty after, so that nobody loses a race against the clock; that
//! it counts once is the store's business, which keeps the step.

use std::fmt;

use totp_rs::{Algorithm, Builder, Totp};
use zeroize::Zeroizing;

use crate::auth::UnixTime;

/// What an app and we share: 160 random bits, as RFC 4226 §4 recommends.
///
/// ```
/// use portcullis::auth::UnixTime;
/// use portcullis::users::TotpSecret;
///
/// // RFC 6238, appendix B: the last six of its eight digits.
/// let secret = TotpSecret::from_bytes(*b"12345678901234567890");
/// let then = UnixTime::from_secs(1_111_111_109);
/// assert_eq!(secret.step_of("081804", then), Some(37_037_036));
/// assert_eq!(secret.step_of("081 804", then), Some(37_037_036), "as apps show it");
/// assert_eq!(secret.step_of("081805", then), None);
/// assert_eq!(secret.to_base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
/// ```
pub struct TotpSecret(Zeroizing<[u8; SECRET_BYTES]>);

/// How long such a secret is.
pub(super) const SECRET_BYTES: usize = 20;

impl TotpSecret {
    /// The secret of these random bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its bytes, to be sealed.
    pub(super) fn as_bytes(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }

    /// The secret as people type it into an app (RFC 4648 §6).
    #[must_use]
    pub fn to_base32(&self) -> String {
        let mut text = String::with_capacity(32);
        for chunk in self.0.chunks(5) {
            let bits = chunk.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            for place in (0..8).rev() {
                let index = usize::try_from(bits >> (5 * place) & 31).unwrap_or_default();
                text.push(char::from(*BASE32.get(index).unwrap_or(&b'A')));
            }
        }
        text
    }

    /// The secret as apps read it from a picture, with the names that they show.
    #[must_use]
    pub fn to_uri(&self, service: &str, account: &str) -> String {
        // A colon would part the one name from the other.
        let name = |text: &str| encoded(&text.replace(':', " "));
        let (service, account) = (name(service), name(account));
        format!(
            "otpauth://totp/{service}:{account}?secret={}&issuer={service}&algorithm=SHA1&digits=6&period=30",
            self.to_base32()
        )
    }

    /// The step whose code this is, if it counts now; the newer of two.
    #[must_use]
    pub fn step_of(&self, code: &str, now: UnixTime) -> Option<u64> {
        let digits: String = code.chars().filter(|sign| !sign.is_whitespace()).take(DIGITS + 1).collect();
        if digits.len() != DIGITS || !digits.bytes().all(|sign| sign.is_ascii_digit()) {
            return None;
        }
        let now = u64::try_from(now.as_secs()).ok()?;
        let app = self.app();
        app.check(&digits, now).or_else(|| app.check(&digits, now.checked_sub(PERIOD)?))
    }

    /// The code of this moment, as an app shows it.
    #[must_use]
    pub fn code_at(&self, now: UnixTime) -> String {
        self.app().generate(u64::try_from(now.as_secs()).unwrap_or_default()).to_string()
    }

    fn app(&self) -> Totp {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_skew(0)
            .with_step_duration(PERIOD)
            .with_secret(self.0.to_vec())
            .build_noncompliant()
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(..)")
    }
}

/// Percent-encoded, all but letters, digits and `-._~` (RFC 3986 §2.3).
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => {
                let hex =
                    |nibble: u8| char::from_digit(u32::from(nibble), 16).map(|c| c.to_ascii_uppercase());
                out.push('%');
                out.extend([other >> 4, other & 15].into_iter().filter_map(hex));
            }
        }
    }
    out
}

const DIGITS: usize = 6;
const PERIOD: u64 = 30;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, for SHA-1; the last six of its eight digits.
    #[test]
    fn the_codes_are_those_of_the_standard() {
        let secret = TotpSecret::from_bytes(*b"12345678901234567890");
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let now = UnixTime::from_secs(time);
            assert_eq!(secret.code_at(now), code);
            let step = u64::try_from(time / 30).unwrap();
            assert_eq!(secret.step_of(code, now), Some(step), "{time}");
        }
    }

    #[test]
    fn a_code_counts_for_its_own_half_minute_and_the_next_and_never_before() {
        let secret = TotpSecret::from_bytes([7; SECRET_BYTES]);
        let begin = UnixTime::from_secs(1_700_000_010);
        let code = secret.code_at(begin);
        let step = Some(56_666_667);
        for (seconds, expected) in [(-1, None), (0, step), (29, step), (59, step), (60, None)] {
            let now = UnixTime::from_secs(begin.as_secs() + seconds);
            assert_eq!(secret.step_of(&code, now), expected, "{seconds}");
        }
    }

    #[test]
    fn what_is_no_code_is_none() {
        let secret = TotpSecret::from_bytes([7; SECRET_BYTES]);
        let now = UnixTime::from_secs(1_700_000_010);
        let code = secret.code_at(now);
        for text in
            ["", "12345", &format!("{code}0"), &code.replace(['0', '1', '2'], "x"), "١٢٣٤٥٦", "+12345"]
        {
            if text != code {
                assert_eq!(secret.step_of(text, now), None, "{text:?}");
            }
        }
        assert_eq!(secret.step_of(&code, UnixTime::from_secs(0)), None);
        assert_eq!(secret.step_of(&code, UnixTime::from_secs(-5)), None);
    }

    #[test]
    fn the_uri_holds_any_name() {
        let secret = TotpSecret::from_bytes(*b"12345678901234567890");
        assert_eq!(
            secret.to_uri("Blå: Bær & Co", "ada@example.org"),
            "otpauth://totp/Bl%C3%A5%20%20B%C3%A6r%20%26%20Co:ada%40example.org\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Bl%C3%A5%20%20B%C3%A6r%20%26%20Co\
             &algorithm=SHA1&digits=6&period=30"
        );
    }
}
