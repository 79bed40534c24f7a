//! What a person has proved in a session, and how much that is.

use serde::{Serialize, Serializer};

/// How sure it is who somebody is: by one thing, or by two that are not stolen together.
///
/// There are these two and no third (NIST SP 800-63B-4 calls them AAL1 and AAL2). Claim `acr` of an access token names the
/// second; without it a token is of the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuthLevel {
    /// One thing: a password.
    #[default]
    One,
    /// A second factor besides, or a passkey that verified who the person is.
    Two,
}

/// What was proved when a session began, or last since.
///
/// ```
/// use portcullis::auth::{AuthLevel, Proved};
///
/// assert_eq!(Proved::Password.level(), AuthLevel::One);
/// let both = Proved::PasswordAndCode;
/// assert_eq!((both.level(), both.methods()), (AuthLevel::Two, ["pwd", "otp", "mfa"].as_slice()));
/// assert_eq!(Proved::from_text(both.to_text()), Some(both));
/// assert_eq!(Proved::Passkey.methods(), ["pop", "user", "mfa"]);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Proved {
    /// A password.
    #[default]
    Password,
    /// A password of somebody who has a factor, in a browser that they trust: the session is not fresh, so that whatever asks
    /// for something entered a moment ago asks for the factor.
    TrustedPassword,
    /// A password, and a code of an authenticator app or for recovery.
    PasswordAndCode,
    /// A password, and a passkey.
    PasswordAndPasskey,
    /// A passkey that verified who the person is.
    Passkey,
}

impl Proved {
    const ALL: [Self; 5] = [
        Self::Password,
        Self::TrustedPassword,
        Self::PasswordAndCode,
        Self::PasswordAndPasskey,
        Self::Passkey,
    ];

    /// How much that is.
    #[must_use]
    pub const fn level(self) -> AuthLevel {
        match self {
            Self::Password | Self::TrustedPassword => AuthLevel::One,
            Self::PasswordAndCode | Self::PasswordAndPasskey | Self::Passkey => AuthLevel::Two,
        }
    }

    /// Whether it was entered for the session that begins by it, so that its tokens are fresh.
    #[must_use]
    pub(crate) const fn is_fresh(self) -> bool {
        !matches!(self, Self::TrustedPassword)
    }

    /// The same as claim `amr` has it (RFC 8176). Whether a passkey is kept in hardware is known to nobody who asks for no
    /// attestation, so it is `pop`, and neither `hwk` nor `swk`.
    #[must_use]
    pub const fn methods(self) -> &'static [&'static str] {
        match self {
            Self::Password | Self::TrustedPassword => &["pwd"],
            Self::PasswordAndCode => &["pwd", "otp", "mfa"],
            Self::PasswordAndPasskey => &["pwd", "pop", "mfa"],
            Self::Passkey => &["pop", "user", "mfa"],
        }
    }

    /// The word for it, for a store.
    #[must_use]
    pub const fn to_text(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::TrustedPassword => "pwd trusted",
            Self::PasswordAndCode => "pwd otp",
            Self::PasswordAndPasskey => "pwd pop",
            Self::Passkey => "pop user",
        }
    }

    /// What a store has kept.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|proved| proved.to_text() == text)
    }
}

impl AuthLevel {
    /// The value of claim `acr` for the second level.
    pub(crate) const ACR: &'static str = "2";
}

impl Serialize for AuthLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if *self == Self::Two { Self::ACR } else { "1" })
    }
}
