//! Security events in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::auth::{Event, EventSpan, EventStore, JournalEntry, StoreError, UnixTime, What};

#[async_trait]
impl EventStore for MemoryStore {
    async fn record(&self, events: &[JournalEntry]) -> Result<(), StoreError> {
        let mut kept = self.kept();
        for entry in events {
            if kept.event_ids.insert(entry.id) {
                kept.events.push(entry.clone());
            }
        }
        Ok(())
    }

    async fn events_of(&self, user: &str, span: EventSpan, limit: u32) -> Result<Vec<Event>, StoreError> {
        let kept = self.kept();
        let theirs = kept
            .events
            .iter()
            .map(|entry| &entry.event)
            .filter(|event| event.user.as_deref() == Some(user) && span.has(event.at));
        // The sort is stable, so of events of one second the last written stays first.
        let mut newest_first: Vec<_> = theirs.rev().cloned().collect();
        newest_first.sort_by_key(|event| std::cmp::Reverse(event.at));
        let (skip, limit) = (usize::try_from(span.skip), usize::try_from(limit));
        let rest = newest_first.into_iter().skip(skip.unwrap_or(usize::MAX));
        Ok(rest.take(limit.unwrap_or(usize::MAX)).collect())
    }

    async fn last_sign_ins(&self, users: &[&str]) -> Result<Vec<Option<UnixTime>>, StoreError> {
        let kept = self.kept();
        let last = |user: &&str| {
            let signed_in =
                |event: &&Event| event.what == What::SignedIn && event.user.as_deref() == Some(*user);
            kept.events.iter().map(|entry| &entry.event).filter(signed_in).map(|event| event.at).max()
        };
        Ok(users.iter().map(last).collect())
    }

    async fn purge_events(&self, before: UnixTime) -> Result<(), StoreError> {
        let mut kept = self.kept();
        kept.events.retain(|entry| entry.event.at >= before);
        kept.event_ids = kept.events.iter().map(|entry| entry.id).collect();
        Ok(())
    }
}
