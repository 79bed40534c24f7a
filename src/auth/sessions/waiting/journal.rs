//! Events on their way to the store.
//!
//! Each has a name of its own from here on, so that a store to which it is told twice, because the first answer was lost,
//! keeps it once. An event is logged where it happens and waits here for the background task, so that no request waits for it.
//! What a stranger can cause at will (failed sign-ins, refused requests) is kept a few times a minute for each person and
//! a few times for nobody in particular: the log line is still written, but nobody can fill the database with it, push
//! what matters out of it, or hide an attack by making it louder.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::auth::sessions::event::tally::Tally;
use crate::auth::sessions::event::{Event, JournalEntry, What};

/// The events that the store has yet to keep.
pub(crate) struct Journal {
    waiting: Mutex<Waiting>,
    /// Held while the store is told, so that a reader can wait for what is on its way.
    pub(in crate::auth::sessions) telling: tokio::sync::Mutex<()>,
    /// How often did what happen?
    pub(crate) tally: Tally,
}

#[derive(Default)]
struct Waiting {
    events: Vec<JournalEntry>,
    /// The name of the next event. They are counted from a place that nobody else begins at.
    next: u128,
    dropped: usize,
    /// Which minute the counts below are of.
    minute: i64,
    /// How often each kind happened to each person in this minute, as far as strangers can cause it.
    counts: HashMap<(What, Option<String>), u32>,
}

impl Journal {
    /// An empty one, which names its events from this random number on.
    pub(crate) fn new(first: [u8; 16]) -> Self {
        let waiting = Waiting { next: u128::from_be_bytes(first), ..Waiting::default() };
        Self { waiting: Mutex::new(waiting), telling: tokio::sync::Mutex::default(), tally: Tally::new() }
    }

    /// Logs an event and queues it for the store.
    pub(crate) fn write(&self, event: Event) {
        event.log();
        self.tally.event(event.what);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let room = if event.what.is_at_will() { MAX_WAITING / 2 } else { MAX_WAITING };
        if waiting.is_surplus(&event) || waiting.events.len() >= room {
            waiting.dropped += 1;
            return;
        }
        let id = waiting.next.to_be_bytes();
        waiting.next = waiting.next.wrapping_add(1);
        waiting.events.push(JournalEntry { id, event });
    }

    pub(in crate::auth::sessions) fn take(&self) -> Vec<JournalEntry> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = std::mem::take(&mut waiting.dropped);
        if dropped > 0 {
            tracing::debug!(dropped, "events were logged but not kept: there were many of a kind");
        }
        std::mem::take(&mut waiting.events)
    }

    pub(in crate::auth::sessions) fn put_back(&self, events: Vec<JournalEntry>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_WAITING.saturating_sub(waiting.events.len());
        waiting.events.extend(events.into_iter().take(room));
    }
}

impl Waiting {
    /// Whether this minute has seen enough events of this kind about this person.
    fn is_surplus(&mut self, event: &Event) -> bool {
        if !event.what.is_at_will() {
            return false;
        }
        let minute = event.at.as_secs() / 60;
        if minute != self.minute || self.counts.len() >= MAX_COUNTED {
            self.minute = minute;
            self.counts.clear();
        }
        let count = self.counts.entry((event.what, event.user.clone())).or_default();
        *count = count.saturating_add(1);
        *count > KEPT_A_MINUTE
    }
}

const MAX_WAITING: usize = 4096;
/// Of one kind about one person.
const KEPT_A_MINUTE: u32 = 6;
/// So many kinds and people are counted at once; a flood of more begins the minute anew.
const MAX_COUNTED: usize = 1024;
