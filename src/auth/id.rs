//! The names of sessions and of single tokens: 128 bits, unguessable, and never a credential by themselves.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::ground::random::{Random, RandomError};

/// The name of a session, claim `sid`: 16 random bytes, written as 32 lower-case hexadecimal digits.
///
/// It may be shown to its owner: without a signed token around it, it opens nothing.
///
/// ```
/// use portcullis::auth::SessionId;
///
/// let id: SessionId = "00112233445566778899aabbccddeeff".parse().unwrap();
/// assert_eq!(id.to_string(), "00112233445566778899aabbccddeeff");
/// assert!("00112233445566778899AABBCCDDEEFF".parse::<SessionId>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId([u8; 16]);

/// The name of one token, claim `jti`: a version 4 UUID, as flask-jwt-extended writes it.
///
/// ```
/// use portcullis::auth::TokenId;
///
/// let id: TokenId = "7f3c1f0e-9a4b-4c7d-8e21-5d6f7a8b9c0d".parse().unwrap();
/// assert_eq!(id.to_string(), "7f3c1f0e-9a4b-4c7d-8e21-5d6f7a8b9c0d");
/// assert!("7F3C1F0E-9A4B-4C7D-8E21-5D6F7A8B9C0D".parse::<TokenId>().is_err(), "one token, one spelling");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId([u8; 16]);

/// The text is not an identifier of this kind.
///
/// ```
/// use portcullis::auth::{InvalidId, SessionId};
///
/// assert_eq!("../../etc".parse::<SessionId>(), Err(InvalidId));
/// assert_eq!(InvalidId.to_string(), "not an identifier");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier")]
pub struct InvalidId;

impl SessionId {
    pub(crate) fn draw(random: &dyn Random) -> Result<Self, RandomError> {
        let mut bytes = [0; 16];
        random.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The id whose bytes these are, as a store keeps them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes, as a store keeps them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl FromStr for SessionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digits = text.as_bytes();
        if digits.len() != 32 {
            return Err(InvalidId);
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = pair else { return Err(InvalidId) };
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl TokenId {
    pub(crate) fn draw(random: &dyn Random) -> Result<Self, RandomError> {
        let mut bytes = [0; 16];
        random.fill(&mut bytes)?;
        Ok(Self(uuid::Builder::from_random_bytes(bytes).into_uuid().into_bytes()))
    }

    /// The id of these bytes, if they are a UUID of version 4 (RFC 9562 §5.4), as every token of ours has.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        (Uuid::from_bytes(bytes).get_version_num() == 4).then_some(Self(bytes))
    }

    /// The 16 bytes, as a store keeps them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl FromStr for TokenId {
    type Err = InvalidId;

    /// Only the form that we write is read: lower case, with dashes.
    /// A second spelling of one token would be a second token to whoever compares texts.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let is_canonical = text.len() == 36 && !text.bytes().any(|byte| byte.is_ascii_uppercase());
        if !is_canonical {
            return Err(InvalidId);
        }
        Uuid::try_parse(text).map(|uuid| Self(uuid.into_bytes())).map_err(|_| InvalidId)
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_bytes(self.0).hyphenated().fmt(f)
    }
}

fn nibble(digit: u8) -> Result<u8, InvalidId> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(InvalidId),
    }
}
