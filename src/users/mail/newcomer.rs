//! Who may become somebody here, and what is kept of them until they have followed their link.

use std::fmt;

use crate::users::mail::address::EmailAddress;
use crate::users::username::Username;

/// Who may become somebody here without an administrator making the account.
///
/// ```
/// use portcullis::users::{EmailAddress, Registration};
///
/// let address: EmailAddress = "ada@example.org".parse().unwrap();
/// assert!(Registration::Open.admits(&address));
/// assert!(Registration::Domains(vec!["example.org".to_owned()]).admits(&address));
/// assert!(!Registration::Domains(vec!["example.net".to_owned()]).admits(&address));
/// assert!(!Registration::Invited.admits(&address), "nobody by themselves");
/// assert!(!Registration::Invited.is_offered() && Registration::Invited.takes_invitations());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Registration {
    /// Nobody.
    #[default]
    Closed,
    /// Whoever an administrator sends a link to.
    Invited,
    /// The same, and whoever reads mail at one of these hosts.
    Domains(Vec<String>),
    /// Whoever reads mail.
    Open,
}

/// What is kept of somebody who has no account yet, beside their address.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Newcomer {
    /// The name that they asked for, or that they were invited under; somebody else may have it by the time.
    pub name: Option<Username>,
    /// The hash of the password that they chose; whoever was invited chooses one with the link.
    pub password_hash: Option<String>,
    /// The roles that they get.
    pub roles: Vec<String>,
    /// The administrator who invited them; the link is forgotten when that person is disabled, leaves, or gets other roles or
    /// another password.
    pub invited_by: Option<Username>,
}

impl Registration {
    /// Whether anybody may register by themselves.
    #[must_use]
    pub const fn is_offered(&self) -> bool {
        matches!(self, Self::Open | Self::Domains(_))
    }

    /// Whether administrators may invite by mail.
    #[must_use]
    pub const fn takes_invitations(&self) -> bool {
        !matches!(self, Self::Closed)
    }

    /// Whether whoever reads mail there may register.
    #[must_use]
    pub fn admits(&self, address: &EmailAddress) -> bool {
        match self {
            Self::Open => true,
            Self::Domains(hosts) => hosts.iter().any(|host| address.host().eq_ignore_ascii_case(host)),
            Self::Closed | Self::Invited => false,
        }
    }
}

impl fmt::Debug for Newcomer {
    /// The hash is left out, and who it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Newcomer").field("roles", &self.roles).finish_non_exhaustive()
    }
}
