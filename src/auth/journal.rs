//! Events on their way to the store.
//!
//! An event is logged where it happens and waits here for the background task, so that no request waits for it.
//! What an anonymous sender can cause without limit (refused requests) is kept only up to a few a round:
//! the log line is still written, but nobody can fill the database with it.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::auth::authority::Authority;
use crate::auth::event::{Event, What};
use crate::auth::id::SessionId;
use crate::auth::rotation::{EndReason, Verdict};
use crate::auth::session::{Session, StoreError};

/// The events that the store has yet to keep.
#[derive(Default)]
pub(crate) struct Journal(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    events: Vec<Event>,
    anonymous: usize,
    dropped: usize,
}

impl Journal {
    /// Logs an event and queues it for the store.
    pub(crate) fn write(&self, event: Event) {
        event.log();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_anonymous = event.user.is_none();
        let is_surplus = is_anonymous && waiting.anonymous >= MAX_ANONYMOUS;
        if is_surplus || waiting.events.len() >= MAX_WAITING {
            waiting.dropped += 1;
            return;
        }
        waiting.anonymous += usize::from(is_anonymous);
        waiting.events.push(event);
    }

    /// What is waiting; the caller gives it back with [`put_back`](Self::put_back) if the store does not take it.
    pub(crate) fn take(&self) -> Vec<Event> {
        let waiting = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if waiting.dropped > 0 {
            tracing::warn!(
                dropped = waiting.dropped,
                "events were logged but not kept: there were too many at once"
            );
        }
        waiting.events
    }

    pub(crate) fn put_back(&self, events: Vec<Event>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_WAITING.saturating_sub(waiting.events.len());
        waiting.events.extend(events.into_iter().take(room));
    }
}

impl Authority {
    /// Writes an event into the journal.
    pub(crate) fn note(
        &self,
        what: What,
        user: Option<&str>,
        session: Option<SessionId>,
        address: Option<IpAddr>,
    ) {
        let user = user.map(str::to_owned);
        self.journal.write(Event { at: self.clock.now(), what, user, session, address });
    }

    /// Hands the store what the journal holds.
    pub(crate) async fn tell_events(&self) -> Result<(), StoreError> {
        let events = self.journal.take();
        let told = self.store.record(&events).await;
        if told.is_err() {
            self.journal.put_back(events);
        }
        told
    }

    pub(crate) fn note_verdict(&self, verdict: Verdict, session: &Session, address: Option<IpAddr>) {
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

const MAX_WAITING: usize = 4096;
const MAX_ANONYMOUS: usize = 32;
