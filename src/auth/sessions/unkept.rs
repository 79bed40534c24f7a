//! Sign-outs that the store could not keep when they were asked for.
//!
//! Whoever asks to leave is let go: this node refuses the session at once, and the store is told when it is back.
//! Until then another node does not know of it, and neither does this one after a restart; the answer says so.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::auth::sessions::authority::Authority;
use crate::ground::clock::UnixTime;
use crate::auth::wire::error::AuthError;
use crate::auth::id::{SessionId, TokenId};
use crate::auth::sessions::rotation::EndReason;
use crate::auth::sessions::record::{Ending, Revocation, StoreError, These, Whose};
use crate::auth::tokens::codec::Token;

/// What waits for the store, oldest first.
#[derive(Default)]
pub(crate) struct Unkept(Mutex<Vec<SignOut>>);

#[derive(Clone, PartialEq, Eq)]
enum SignOut {
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

impl Authority {
    /// Ends the session of whoever is here; when the person asked for it, even if the store cannot keep it yet.
    ///
    /// # Errors
    /// [`AuthError::NotKept`] when this node alone refuses the session so far, [`AuthError::Unavailable`] when the session
    /// goes on because its end was nobody's wish for itself.
    pub(crate) async fn end_own(
        self: &Arc<Self>,
        user: &str,
        id: SessionId,
        reason: EndReason,
        address: Option<IpAddr>,
    ) -> Result<(), AuthError> {
        let at = self.clock.now();
        match self.end(Whose::own(user, These::One(id)), reason, address).await {
            Err(_) if reason == EndReason::LoggedOut => {}
            ended => return ended.map(drop),
        }
        self.forget_ended(&[id], self.remember_until(at));
        self.unkept.add(SignOut::Session { id, user: user.to_owned(), at, address });
        Err(AuthError::NotKept)
    }

    /// Revokes the token without a session of whoever signs out with it.
    ///
    /// # Errors
    /// [`AuthError::NotKept`] when this node alone refuses it so far.
    pub(crate) async fn revoke_own(self: &Arc<Self>, token: &Token) -> Result<(), AuthError> {
        if self.revoke(token).await.is_ok() {
            return Ok(());
        }
        let (id, until) = (token.id, self.revoked_until(token));
        self.view.insert(Revocation { id: *id.as_bytes(), until });
        self.unkept.add(SignOut::Token { id, until });
        Err(AuthError::NotKept)
    }

    /// Tells the store what it could not keep before.
    ///
    /// # Errors
    /// [`StoreError`] when it still cannot; what was not told waits on.
    pub(crate) async fn tell_unkept(&self) -> Result<(), StoreError> {
        loop {
            let next = self.unkept.0.lock().unwrap_or_else(PoisonError::into_inner).first().cloned();
            let Some(next) = next else { return Ok(()) };
            self.tell_one(&next).await?;
            self.unkept.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| *known != next);
        }
    }

    async fn tell_one(&self, sign_out: &SignOut) -> Result<(), StoreError> {
        match sign_out {
            SignOut::Token { id, until } => self.store.revoke(*id, *until).await,
            SignOut::Session { id, user, at, address } => self.tell_end(*id, user, *at, *address).await,
        }
    }

    async fn tell_end(
        &self,
        id: SessionId,
        user: &str,
        at: UnixTime,
        address: Option<IpAddr>,
    ) -> Result<(), StoreError> {
        let (whose, reason) = (Whose::own(user, These::One(id)), EndReason::LoggedOut);
        // From now on, since other nodes have accepted its tokens until now.
        let until = self.remember_until(self.clock.now());
        let ended =
            self.store.end(&Ending { which: whose.which(), reason, at, remember_until: until }).await?;
        self.forget_ended(&ended, until);
        for ended in ended {
            self.journal.write(whose.end_of(ended, at, reason, address));
        }
        Ok(())
    }
}

impl Unkept {
    fn add(&self, sign_out: SignOut) {
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
