//! Which generations have been seen in use?
//!
//! A rotation's predecessor may be replayed until its successor was used; the store must therefore learn of the first use.
//! The hot path never writes: it asks this small table of recently seen sessions, and only a miss queues one update,
//! which a background task (or the next refresh on this node) hands to the store.
//! The table also remembers whose session it is, so that a token signed with the right key but naming another person
//! under somebody's session is refused.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use crate::auth::id::SessionId;
use crate::auth::tokens::claims::SessionClaims;

/// Recently seen sessions, and what the store has yet to be told.
pub(crate) struct Confirmed {
    slots: Box<[Mutex<Option<Slot>>]>,
    pending: Mutex<Vec<(SessionId, u64)>>,
    hasher: RandomState,
}

#[derive(Clone, Copy)]
struct Slot {
    session: SessionId,
    generation: u64,
    subject: u64,
}

/// The token names another person than this session's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OtherSubject;

impl Confirmed {
    pub(crate) fn new() -> Self {
        Self {
            slots: (0..SLOTS).map(|_| Mutex::new(None)).collect(),
            pending: Mutex::new(Vec::new()),
            hasher: RandomState::new(),
        }
    }

    /// Remembers a session that begins, so that its first request finds it.
    pub(crate) fn begin(&self, session: SessionId, generation: u64, subject: &str) {
        let slot = Slot { session, generation, subject: self.hasher.hash_one(subject) };
        *self.slot(session).lock().unwrap_or_else(PoisonError::into_inner) = Some(slot);
    }

    /// Notes that a token was used.
    pub(crate) fn see(&self, claims: &SessionClaims<'_>) -> Result<(), OtherSubject> {
        let (session, generation) = (claims.session_id(), claims.generation());
        let subject = self.hasher.hash_one(claims.subject());
        {
            let mut slot = self.slot(session).lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = slot.as_ref().filter(|known| known.session == session) {
                if known.subject != subject {
                    return Err(OtherSubject);
                }
                if known.generation >= generation {
                    return Ok(());
                }
            }
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            // A store that stays away must not fill our memory. What finds no room is not noted as seen either, so that it
            // is queued by a later request; until then it only widens the window for replays.
            if pending.len() >= MAX_PENDING {
                return Ok(());
            }
            pending.push((session, generation));
            *slot = Some(Slot { session, generation, subject });
        }
        Ok(())
    }

    /// What the store has yet to be told; the caller gives it back with [`put_back`](Self::put_back) if it cannot.
    pub(crate) fn take(&self) -> Vec<(SessionId, u64)> {
        std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn put_back(&self, seen: Vec<(SessionId, u64)>) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_PENDING.saturating_sub(pending.len());
        pending.extend(seen.into_iter().take(room));
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "there are SLOTS slots, and the index is a remainder by SLOTS"
    )]
    fn slot(&self, session: SessionId) -> &Mutex<Option<Slot>> {
        let [.., low, high] = *session.as_bytes();
        &self.slots[usize::from(u16::from_le_bytes([low, high])) % SLOTS]
    }
}

const SLOTS: usize = 4096;
const MAX_PENDING: usize = 8192;
