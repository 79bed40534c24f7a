//! A token that was found good: what it says, and where in a request it stood.
//!
//! What it says is true for as long as its key counts, and shared by all requests that carry it.
//! What changes with time (expiry, revocation) is asked of every request anew.

use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::auth::id::{SessionId, TokenId};
use crate::auth::wire::kind::Kind;
use crate::auth::wire::place::Location;
use crate::auth::wire::proved::AuthLevel;
use crate::ground::clock::UnixTime;

/// A token of one request.
#[derive(Clone)]
pub(crate) struct Token {
    said: Arc<Said>,
    /// Where in the request it stood; the reader of a token does not know, and whoever found it says so.
    pub(crate) location: Location,
}

/// The claims of a token whose signature was found good.
///
/// One buffer holds the payload; the texts are ranges of it, so reading a token allocates twice, not once a claim.
pub(crate) struct Said {
    pub(super) text: String,
    pub(super) payload_bytes: usize,
    pub(super) subject: Range<usize>,
    pub(super) csrf: Option<Range<usize>>,
    pub(super) roles: Vec<Range<usize>>,
    pub(crate) kind: Kind,
    pub(crate) id: TokenId,
    /// Its place in a session of ours; a sibling's token, where those are accepted, has none.
    pub(crate) session: Option<Membership>,
    pub(crate) issued_at: UnixTime,
    pub(super) not_before: UnixTime,
    pub(crate) expires_at: UnixTime,
}

/// A token's place in a session of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) id: SessionId,
    pub(crate) generation: u64,
    pub(crate) auth_time: UnixTime,
    pub(crate) level: AuthLevel,
}

impl Token {
    /// A token that says this, from wherever its text was taken.
    pub(super) const fn of(said: Arc<Said>) -> Self {
        Self { said, location: Location::Cookies }
    }
}

impl Deref for Token {
    type Target = Said;

    fn deref(&self) -> &Said {
        &self.said
    }
}

impl Said {
    pub(crate) fn subject(&self) -> &str {
        self.slice(&self.subject)
    }

    pub(crate) fn csrf(&self) -> Option<&str> {
        self.csrf.as_ref().map(|range| self.slice(range))
    }

    pub(crate) fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(|range| self.slice(range))
    }

    /// The JSON that the claims were read from. A tail of unescaped texts may follow it in the buffer.
    pub(crate) fn payload(&self) -> &str {
        self.text.get(..self.payload_bytes).unwrap_or_default()
    }

    fn slice(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }
}
