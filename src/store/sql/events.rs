//! The SQL of security events.

use async_trait::async_trait;

use super::purge::in_pieces;
use super::sessions::{id_of, roles_of, roles_text};
use super::{Driver, query, query_as, query_scalar};
use crate::auth::{Event, EventSpan, EventStore, JournalEntry, StoreError, UnixTime, What};

type EventRow =
    (i64, String, Option<String>, Option<Vec<u8>>, Option<String>, Option<String>, Option<String>);

#[async_trait]
impl EventStore for Driver {
    async fn record(&self, events: &[JournalEntry]) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        Ok(again!({
            let mut write = self.write_rows().await?;
            for JournalEntry { id, event } in events {
                query(
                    "INSERT INTO events (at, what, user_name, sid, address, by_user, roles, id)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING",
                )
                .bind(event.at.as_secs())
                .bind(event.what.to_text())
                .bind(event.user.as_deref())
                .bind(event.session.map(|id| id.as_bytes().to_vec()))
                .bind(event.address.map(|address| address.to_string()))
                .bind(event.by.as_deref())
                .bind(event.roles.as_deref().map(roles_text).transpose()?)
                .bind(id.as_slice())
                .execute(&mut *write.0)
                .await?;
            }
            write.commit().await
        })?)
    }

    async fn events_of(&self, user: &str, span: EventSpan, limit: u32) -> Result<Vec<Event>, StoreError> {
        let rows: Vec<EventRow> = once!({
            let mut reader = self.read().await?;
            let rows = query_as(
                "SELECT at, what, user_name, sid, address, by_user, roles FROM events
                 WHERE user_name = $1 AND at >= $2 AND at <= $4 ORDER BY at DESC, number DESC LIMIT $3 OFFSET $5",
            )
            .bind(user)
            .bind(span.since.as_secs())
            .bind(i64::from(limit))
            .bind(span.until.as_secs())
            .bind(i64::from(span.skip));
            Ok(rows.fetch_all(&mut *reader).await?)
        })?;
        // An event that another version wrote is skipped: it is history, not a decision.
        Ok(rows.into_iter().filter_map(event_of).collect())
    }

    async fn last_sign_ins(&self, users: &[&str]) -> Result<Vec<Option<UnixTime>>, StoreError> {
        Ok(once!({
            let mut reader = self.read().await?;
            let mut found = Vec::with_capacity(users.len());
            for user in users {
                let last: Option<i64> = query_scalar(
                    "SELECT at FROM events WHERE user_name = $1 AND what = $2 ORDER BY at DESC LIMIT 1",
                )
                .bind(*user)
                .bind(What::SignedIn.to_text())
                .fetch_optional(&mut *reader)
                .await?;
                found.push(last.map(UnixTime::from_secs));
            }
            Ok(found)
        })?)
    }

    async fn purge_events(&self, before: UnixTime) -> Result<(), StoreError> {
        let statement = "DELETE FROM events WHERE number IN
                         (SELECT number FROM events WHERE at < $1 ORDER BY at LIMIT $2)";
        Ok(in_pieces(self, statement, before).await?)
    }
}

fn event_of((at, what, user, session, address, by, roles): EventRow) -> Option<Event> {
    Some(Event {
        at: UnixTime::from_secs(at),
        what: What::from_text(&what)?,
        user,
        session: session.and_then(|bytes| id_of(&bytes).ok()),
        address: address.and_then(|address| address.parse().ok()),
        by,
        roles: roles.and_then(|roles| roles_of(&roles).ok()),
    })
}
