//! What is kept of passkeys, and of one that was shown.

use crate::auth::UnixTime;
use crate::users::factors::id::FactorId;
use crate::users::username::Username;

/// A passkey as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptPasskey {
    /// Its name here.
    pub id: FactorId,
    /// Whose it is.
    pub account: Username,
    /// Under which name authenticators keep the person; the same for all passkeys of an account, and nobody else's.
    pub handle: [u8; 32],
    /// Under which name the authenticator keeps it; nobody else's.
    pub credential: Vec<u8>,
    /// What the person calls it.
    pub label: String,
    /// When it was made.
    pub made_at: UnixTime,
    /// When it was used last.
    pub used_at: Option<UnixTime>,
    /// How often its authenticator says that it was used; zero where it does not count.
    pub counter: u32,
    /// What its signatures are verified by, as text that a store only keeps. It is no secret.
    pub public: String,
}

/// A passkey whose signature was right; it counts once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownPasskey {
    /// The passkey.
    pub id: FactorId,
    /// What its authenticator counted.
    pub counter: u32,
    /// A digest of the challenge that was signed.
    pub challenge: [u8; 32],
    /// Until when the challenge would be taken.
    pub until: UnixTime,
}
