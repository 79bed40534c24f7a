//! Sign-outs that the store could not keep when they were asked for.
//!
//! Whoever asks to leave is let go: this node refuses the session at once, and the store is told when it is back.
//! Until then another node does not know of it, and neither does this one after a restart; the answer says so.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::auth::id::{SessionId, TokenId};
use crate::ground::clock::UnixTime;

/// What waits for the store, oldest first.
#[derive(Default)]
pub(crate) struct Unkept(pub(in crate::auth::sessions) Mutex<Vec<SignOut>>);

#[derive(Clone, PartialEq, Eq)]
pub(in crate::auth::sessions) enum SignOut {
    Session {
        id: SessionId,
        user: String,
        at: UnixTime,
        address: Option<IpAddr>,
    },
    /// Of a token without a session, until it has expired.
    Token {
        id: TokenId,
        until: UnixTime,
    },
}

impl Unkept {
    pub(in crate::auth::sessions) fn add(&self, sign_out: SignOut) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !waiting.iter().any(|known| known.is_of_the_same(&sign_out));
        if is_new && waiting.len() < MOST {
            waiting.push(sign_out);
        } else if is_new {
            tracing::error!("too many sign-outs wait for the store; one more is known to this node alone");
        }
    }
}

impl SignOut {
    fn is_of_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Session { id, .. }, Self::Session { id: other, .. }) => id == other,
            (Self::Token { id, .. }, Self::Token { id: other, .. }) => id == other,
            _ => false,
        }
    }
}

/// More than a node signs out while a store is away; each is some hundred bytes.
const MOST: usize = 10_000;
