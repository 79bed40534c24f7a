//! The driver that keeps everything in this process's memory, for tests and for library users without a disk.
//!
//! It is the contract in its plainest form: one lock around plain maps, every method one critical section, and no
//! lock held across an await.
//! It is not durable, it does not grow indexes, and it never answers "unreachable".

#[cfg(feature = "second-factor")]
mod accounts;
#[cfg(feature = "second-factor")]
mod attempts;
mod events;
#[cfg(feature = "second-factor")]
mod factors;
#[cfg(feature = "second-factor")]
mod mail;
#[cfg(feature = "second-factor")]
mod people;
#[cfg(feature = "second-factor")]
mod trust;
#[cfg(feature = "second-factor")]
mod under_way;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;

#[cfg(feature = "second-factor")]
use crate::auth::Voucher;
use crate::auth::rotation::step;
use crate::auth::{
    Cursor, EndReason, Ending, JournalEntry, Leniency, Proved, Revocation, Revocations, Session, SessionId,
    SessionStore, StoreError, TokenId, UnixTime, Verdict, Which,
};
use crate::store::{cursor_at, number_of};
#[cfg(feature = "second-factor")]
use crate::users::{Account, KeptCode, TrustedBrowser, Username};

/// Sessions and accounts in memory.
#[derive(Default)]
pub(super) struct MemoryStore {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    #[cfg(feature = "second-factor")]
    accounts: BTreeMap<Username, Account>,
    #[cfg(feature = "second-factor")]
    codes: HashMap<Username, KeptCode>,
    #[cfg(feature = "second-factor")]
    attempts: attempts::Attempts,
    #[cfg(feature = "second-factor")]
    besides: factors::Besides,
    #[cfg(feature = "second-factor")]
    post: mail::Post,
    #[cfg(feature = "second-factor")]
    people: people::People,
    /// Youngest first.
    #[cfg(feature = "second-factor")]
    trusted: Vec<TrustedBrowser>,
    sessions: HashMap<SessionId, Session>,
    log: BTreeMap<i64, Revocation>,
    logged: HashSet<[u8; 16]>,
    last_number: i64,
    /// Tells whoever waits that the log has grown.
    grown: Arc<Notify>,
    not_before: UnixTime,
    events: Vec<JournalEntry>,
    event_ids: HashSet<[u8; 16]>,
}

impl MemoryStore {
    /// A panic of one holder leaves maps that are still whole, so a poisoned lock is used on.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn log(&mut self, id: [u8; 16], until: UnixTime) {
        self.last_number += 1;
        self.log.insert(self.last_number, Revocation { id, until });
        self.logged.insert(id);
        self.grown.notify_waiters();
    }

    fn end(&mut self, ending: &Ending<'_>) -> Vec<SessionId> {
        let concerns = |session: &Session| match ending.which {
            Which::One(id) => session.id == id,
            Which::OneOf(id, user) => session.id == id && session.user == user,
            Which::AllOf(user, kept) => session.user == user && Some(session.id) != kept,
            Which::Everybody => true,
        };
        let mut ended = Vec::new();
        for session in self.sessions.values_mut() {
            if session.state.ended.is_none() && concerns(session) {
                session.state = session.state.clone().end(ending.at, ending.reason);
                ended.push(session.id);
            }
        }
        for id in &ended {
            self.log(*id.as_bytes(), ending.remember_until);
        }
        ended
    }

    fn begin(
        &mut self,
        session: &Session,
        limit: usize,
        remember_until: UnixTime,
    ) -> Result<Vec<SessionId>, StoreError> {
        if self.sessions.contains_key(&session.id) {
            return Err(StoreError::Damaged("a session of this id exists already"));
        }
        let others = self.live(&session.user, session.created_at);
        self.sessions.insert(session.id, session.clone());
        let mut ended = Vec::new();
        for other in others.iter().skip(limit.saturating_sub(1)) {
            ended.extend(self.end(&Ending {
                which: Which::One(other.id),
                reason: EndReason::TooMany,
                at: session.created_at,
                remember_until,
            }));
        }
        Ok(ended)
    }

    fn live(&self, user: &str, now: UnixTime) -> Vec<Session> {
        let is_theirs = |session: &&Session| session.user == user && session.state.is_live(now);
        let mut live: Vec<_> = self.sessions.values().filter(is_theirs).cloned().collect();
        live.sort_by(|a, b| {
            (b.last_seen, b.created_at).cmp(&(a.last_seen, a.created_at)).then(a.id.cmp(&b.id))
        });
        live
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn create(
        &self,
        session: &Session,
        limit: usize,
        remember_until: UnixTime,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.kept().begin(session, limit, remember_until)
    }

    #[cfg(feature = "second-factor")]
    async fn create_by(
        &self,
        voucher: &Voucher,
        session: &Session,
        limit: usize,
        remember_until: UnixTime,
    ) -> Result<Option<Vec<SessionId>>, StoreError> {
        let mut kept = self.kept();
        if !kept.spend_voucher(voucher, &session.user, session.created_at) {
            return Ok(None);
        }
        kept.begin(session, limit, remember_until).map(Some)
    }

    async fn find(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        Ok(self.kept().sessions.get(&id).cloned())
    }

    async fn present(
        &self,
        id: SessionId,
        generation: u64,
        now: UnixTime,
        leniency: Leniency,
        remember_until: UnixTime,
    ) -> Result<Option<(Session, Verdict)>, StoreError> {
        let mut kept = self.kept();
        let Some(session) = kept.sessions.get_mut(&id) else { return Ok(None) };
        let (state, verdict) = step(&session.state, generation, now, leniency);
        session.state = state;
        if verdict == Verdict::Rotated {
            session.last_seen = now;
        }
        let session = session.clone();
        if verdict == Verdict::Reused {
            kept.log(*id.as_bytes(), remember_until);
        }
        Ok(Some((session, verdict)))
    }

    async fn confirm(&self, seen: &[(SessionId, u64)]) -> Result<(), StoreError> {
        let mut kept = self.kept();
        for (id, generation) in seen {
            if let Some(session) = kept.sessions.get_mut(id) {
                session.state = session.state.clone().seen(*generation);
            }
        }
        Ok(())
    }

    async fn end(&self, ending: &Ending<'_>) -> Result<Vec<SessionId>, StoreError> {
        Ok(self.kept().end(ending))
    }

    async fn reauthenticated(&self, id: SessionId, proved: Proved, at: UnixTime) -> Result<bool, StoreError> {
        let mut kept = self.kept();
        let Some(session) = kept.sessions.get_mut(&id).filter(|session| session.state.is_live(at)) else {
            return Ok(false);
        };
        session.auth_time = at;
        if proved.level() >= session.proved.level() {
            session.proved = proved;
        }
        Ok(true)
    }

    async fn count_live(&self, users: &[&str], now: UnixTime) -> Result<Vec<u32>, StoreError> {
        let kept = self.kept();
        let of = |user: &&str| u32::try_from(kept.live(user, now).len()).unwrap_or(u32::MAX);
        Ok(users.iter().map(of).collect())
    }

    async fn live(&self, user: &str, now: UnixTime) -> Result<Vec<Session>, StoreError> {
        Ok(self.kept().live(user, now))
    }

    async fn revoke(&self, id: TokenId, until: UnixTime) -> Result<(), StoreError> {
        self.kept().log(*id.as_bytes(), until);
        Ok(())
    }

    async fn raise_not_before(&self, moment: UnixTime) -> Result<(), StoreError> {
        let mut kept = self.kept();
        kept.not_before = kept.not_before.max(moment);
        kept.grown.notify_waiters();
        Ok(())
    }

    async fn revocations(&self, cursor: &Cursor, now: UnixTime) -> Result<Revocations, StoreError> {
        let (kept, seen) = (self.kept(), number_of(cursor));
        let newer = kept.log.range(seen.saturating_add(1)..).map(|(_, revocation)| *revocation);
        Ok(Revocations {
            entries: newer.filter(|revocation| revocation.until > now).collect(),
            cursor: cursor_at(seen.max(kept.last_number)),
            not_before: kept.not_before,
        })
    }

    async fn changed(&self) -> Vec<Revocation> {
        let grown = Arc::clone(&self.kept().grown);
        grown.notified().await;
        Vec::new()
    }

    async fn is_revoked(&self, ids: [[u8; 16]; 2], issued_at: UnixTime) -> Result<bool, StoreError> {
        let kept = self.kept();
        Ok(issued_at < kept.not_before || ids.iter().any(|id| kept.logged.contains(id)))
    }

    async fn purge(&self, now: UnixTime) -> Result<(), StoreError> {
        let kept = &mut *self.kept();
        kept.sessions.retain(|_, session| session.state.absolute_deadline > now);
        kept.log.retain(|_, revocation| revocation.until > now);
        kept.logged = kept.log.values().map(|revocation| revocation.id).collect();
        Ok(())
    }
}
