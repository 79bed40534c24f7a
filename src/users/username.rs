//! The name a person signs in with.

use std::fmt;
use std::str::FromStr;

/// A valid user name: 1 to 64 characters out of `a-z 0-9 . _ - @ +`, beginning with a letter or digit.
///
/// Upper-case ASCII letters are read as lower case, so `Alice` and `alice` are one person;
/// look-alikes from other alphabets are refused rather than folded (OWASP ASVS 2.2.1).
/// Blanks around it mean nothing: the keyboards of phones add one.
///
/// ```
/// use portcullis::users::Username;
///
/// assert_eq!("Alice".parse::<Username>().unwrap().as_str(), "alice");
/// assert!("аlice".parse::<Username>().is_err(), "that was a Cyrillic letter");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Username(String);

/// The text is not a user name.
///
/// ```
/// use portcullis::users::{InvalidUsername, Username};
///
/// assert_eq!("two words".parse::<Username>(), Err(InvalidUsername));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user name has 1 to 64 of the characters a-z 0-9 . _ - @ + and begins with a letter or digit")]
pub struct InvalidUsername;

impl Username {
    /// The name as it is stored and written into tokens.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Username {
    /// Whether a name can have this part in it.
    pub(super) fn may_contain(part: &str) -> bool {
        part.len() <= MAX_LENGTH && part.bytes().all(is_allowed)
    }
}

const fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@' | b'+')
}

impl FromStr for Username {
    type Err = InvalidUsername;

    fn from_str(text: &str) -> Result<Self, InvalidUsername> {
        let text = text.trim();
        let begins_well = text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
        if text.len() > MAX_LENGTH || !begins_well || !text.bytes().all(is_allowed) {
            return Err(InvalidUsername);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const MAX_LENGTH: usize = 64;
