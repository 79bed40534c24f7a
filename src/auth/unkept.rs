//! Sign-outs that the store could not keep when they were asked for.
//!
//! Whoever asks to leave is let go: this node refuses the session at once, and the store is told when it is back.
//! Until then another node does not know of it, and neither does this one after a restart; the answer says so.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::auth::authority::Authority;
use crate::auth::clock::UnixTime;
use crate::auth::error::AuthError;
use crate::auth::id::SessionId;
use crate::auth::rotation::EndReason;
use crate::auth::session::{Ending, StoreError, These, Whose};

/// What waits for the store, oldest first.
#[derive(Default)]
pub(crate) struct Unkept(Mutex<Vec<SignOut>>);

#[derive(Clone)]
struct SignOut {
    id: SessionId,
    user: String,
    at: UnixTime,
    address: Option<IpAddr>,
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
        let mut waiting = self.unkept.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !waiting.iter().any(|known| known.id == id);
        if is_new && waiting.len() < MOST {
            waiting.push(SignOut { id, user: user.to_owned(), at, address });
        } else if is_new {
            tracing::error!("too many sign-outs wait for the store; one more is known to this node alone");
        }
        Err(AuthError::NotKept)
    }

    /// Tells the store what it could not keep before.
    ///
    /// # Errors
    /// [`StoreError`] when it still cannot; what was not told waits on.
    pub(crate) async fn tell_unkept(&self) -> Result<(), StoreError> {
        loop {
            let next = self.unkept.0.lock().unwrap_or_else(PoisonError::into_inner).first().cloned();
            let Some(SignOut { id, user, at, address }) = next else { return Ok(()) };
            let (whose, reason) = (Whose::own(&user, These::One(id)), EndReason::LoggedOut);
            // From now on, since other nodes have accepted its tokens until now.
            let until = self.remember_until(self.clock.now());
            let ended =
                self.store.end(&Ending { which: whose.which(), reason, at, remember_until: until }).await?;
            self.forget_ended(&ended, until);
            for ended in ended {
                self.journal.write(whose.end_of(ended, at, reason, address));
            }
            self.unkept.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| known.id != id);
        }
    }
}

/// More than a node signs out while a store is away; each is some hundred bytes.
const MOST: usize = 10_000;
