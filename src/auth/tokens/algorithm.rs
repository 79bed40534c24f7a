//! The algorithms that sign, and what makes a key unfit for one.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A signature algorithm (RFC 7518 §3.1, RFC 8037).
///
/// HS256 when issuer and verifier are one; EdDSA or ES256 when others verify; RS256 and PS256 only to interoperate.
///
/// ```
/// use portcullis::auth::Algorithm;
///
/// assert_eq!("EdDSA".parse(), Ok(Algorithm::EdDSA));
/// assert!(Algorithm::HS256.is_symmetric() && !Algorithm::ES256.is_symmetric());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the algorithm of that name")]
pub enum Algorithm {
    HS256,
    HS384,
    HS512,
    EdDSA,
    ES256,
    ES384,
    RS256,
    PS256,
}

/// Why a key cannot be used.
///
/// ```
/// use portcullis::auth::{Algorithm, Secret, UnfitKey};
///
/// let error = Secret::new("too short".to_owned()).unwrap_err();
/// assert_eq!(error, UnfitKey::SecretTooShort { algorithm: Algorithm::HS256, least: 32 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnfitKey {
    /// An HMAC secret shorter than its hash.
    #[error("the secret must be at least {least} bytes long for {} (RFC 7518 §3.2)", .algorithm.as_str())]
    SecretTooShort {
        /// What it is for.
        algorithm: Algorithm,
        /// How long it must be.
        least: usize,
    },
    /// An HMAC secret that says the same over and over, or has few different characters: it is quickly guessed.
    #[error("the secret repeats itself; make one with openssl rand -base64 48")]
    SecretRepeats,
    /// A secret where a private key belongs.
    #[error("{} needs a private key, not a secret", .0.as_str())]
    NeedsPrivateKey(Algorithm),
    /// A key in PEM where a secret belongs: its text would sign, and a public one is known to everybody.
    #[error("{} needs a secret, not a key in PEM", .0.as_str())]
    NeedsSecret(Algorithm),
    /// The PEM text holds no private key of this type and curve.
    #[error("the private key is not a PKCS#8 PEM key of the right type for {}", .0.as_str())]
    WrongType(Algorithm),
    /// An RSA key that is too short for anything.
    #[error("the RSA key must have at least 2048 bits (RFC 7518 §3.3)")]
    RsaTooShort,
    /// An RSA key of less than 128 bits of strength (OWASP ASVS 11.2.3), which has to be asked for.
    #[error("the RSA key must have at least 3072 bits; auth.short_rsa_keys = true accepts 2048")]
    RsaShort,
    /// The key could not be made.
    #[error("no key can be made: the system's source of randomness failed")]
    NotMade,
}

impl Algorithm {
    const ALL: [Self; 8] = [
        Self::HS256,
        Self::HS384,
        Self::HS512,
        Self::EdDSA,
        Self::ES256,
        Self::ES384,
        Self::RS256,
        Self::PS256,
    ];

    /// The algorithm's name as a token's header spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
            Self::EdDSA => "EdDSA",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
        }
    }

    /// Whether one secret both signs and verifies.
    #[must_use]
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::HS256 | Self::HS384 | Self::HS512)
    }

    pub(super) const fn least_secret(self) -> usize {
        match self {
            Self::HS384 => 48,
            Self::HS512 => 64,
            _ => MIN_SECRET_BYTES,
        }
    }
}

impl FromStr for Algorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text);
        found
            .ok_or_else(|| format!("unknown algorithm; known are {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

const MIN_SECRET_BYTES: usize = 32;
