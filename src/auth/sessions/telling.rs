//! What is told beside and after the requests: the store hears of events, and of sign-outs that it could not keep before;
//! this node's memory and sibling services hear of what was revoked.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::auth::id::SessionId;
use crate::auth::sessions::authority::Authority;
use crate::auth::sessions::event::{Event, What};
use crate::auth::sessions::record::{Ending, Revocation, Revocations, Session, These, Whose};
use crate::auth::sessions::rotation::{EndReason, Verdict};
use crate::auth::sessions::store_error::StoreError;
use crate::auth::sessions::waiting::unkept::SignOut;
use crate::auth::tokens::token::Token;
use crate::auth::wire::error::AuthError;
use crate::ground::clock::UnixTime;

impl Authority {
    /// Writes an event into the journal.
    pub(crate) fn note(
        &self,
        what: What,
        user: Option<&str>,
        session: Option<SessionId>,
        address: Option<IpAddr>,
    ) {
        let (at, user) = (self.clock.now(), user.map(str::to_owned));
        self.journal.write(Event { at, what, user, session, address, by: None, roles: None });
    }

    /// Hands the store what the journal holds.
    pub(crate) async fn tell_events(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.journal.telling.lock().await;
        let events = self.journal.take();
        let Some(store) = &self.events else { return Ok(()) };
        let told = store.record(&events).await;
        if told.is_err() {
            self.journal.put_back(events);
        }
        told
    }

    pub(crate) fn note_verdict(&self, verdict: Verdict, session: &Session, address: Option<IpAddr>) {
        self.journal.tally.verdict(verdict);
        let what: &[What] = match verdict {
            Verdict::Replayed => &[What::Replayed],
            Verdict::Reused => &[What::Reused, What::SessionEnded(EndReason::Reused)],
            Verdict::NeverIssued => &[What::NeverIssued],
            Verdict::Rotated | Verdict::AlreadyEnded | Verdict::Expired => &[],
        };
        for what in what {
            self.note(*what, Some(&session.user), Some(session.id), address);
        }
    }
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
        self.refuse_ended(&[id], self.remember_until(at));
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
        self.refuse(Revocation { id: *id.as_bytes(), until });
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
        self.refuse_ended(&ended, until);
        for ended in ended {
            self.journal.write(whose.end_of(ended, at, reason, address));
        }
        Ok(())
    }
}

impl Authority {
    /// Makes this node refuse the tokens of ended sessions at once.
    pub(crate) fn refuse_ended(&self, ended: &[SessionId], until: UnixTime) {
        for id in ended {
            self.refuse(Revocation { id: *id.as_bytes(), until });
        }
    }

    /// Makes this node refuse a session or a token at once, and siblings soon.
    pub(crate) fn refuse(&self, entry: Revocation) {
        self.view.insert(entry);
        if let Some(siblings) = &self.siblings {
            siblings.wait(&[entry]);
        }
    }

    /// Takes in what the log said.
    pub(crate) async fn take_in(&self, news: &Revocations, at: Duration) {
        let others = self.unknown(&news.entries);
        self.view.apply(news, at);
        self.pass_on(&others).await;
    }

    /// Takes in what another node said that it has revoked.
    pub(crate) async fn hear(&self, entries: &[Revocation]) {
        let others = self.unknown(entries);
        self.view.hear(entries);
        self.pass_on(&others).await;
    }

    /// What siblings may lack of it: a node adds its own entries before they stand in the log.
    fn unknown(&self, entries: &[Revocation]) -> Vec<Revocation> {
        let is_unknown = |entry: &&Revocation| !self.view.knows(&entry.id);
        if self.siblings.is_some() {
            entries.iter().filter(is_unknown).copied().collect()
        } else {
            Vec::new()
        }
    }

    async fn pass_on(&self, others: &[Revocation]) {
        if let Some(siblings) = &self.siblings {
            siblings.take_in(others).await;
        }
    }

    /// Lets siblings know before the caller is answered.
    pub(crate) async fn tell_siblings(&self) {
        if let Some(siblings) = &self.siblings {
            siblings.tell().await;
        }
    }
}
