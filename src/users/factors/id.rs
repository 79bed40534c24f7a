//! What a factor is called here.

use std::fmt;
use std::str::FromStr;

/// The name of a factor: 16 random bytes, written in hexadecimal.
///
/// ```
/// use portcullis::users::FactorId;
///
/// let id = FactorId::from_bytes([0xab; 16]);
/// assert_eq!(id.to_string().parse(), Ok(id));
/// assert!("ab".parse::<FactorId>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactorId([u8; 16]);

/// The text names no factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a factor's id has 32 hexadecimal digits")]
pub struct InvalidFactorId;

impl FactorId {
    /// The id of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes, for a store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for FactorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl FromStr for FactorId {
    type Err = InvalidFactorId;

    fn from_str(text: &str) -> Result<Self, InvalidFactorId> {
        let is_hex = text.len() == 32 && text.bytes().all(|sign| sign.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).ok().filter(|_| is_hex);
        number.map(|number| Self(number.to_be_bytes())).ok_or(InvalidFactorId)
    }
}
