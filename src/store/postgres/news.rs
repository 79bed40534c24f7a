//! The log of revocations as PostgreSQL keeps it: each entry with the time at which it was noted, by the database's
//! clock, and in no order.
//!
//! Transactions become visible in another order than they note. So a reader asks again for everything younger than the
//! longest transaction before the newest time that it knows; what it was told already it keeps in its cursor and leaves
//! out. A clock that was set back is met the same way: the window begins at the earlier of both times.

use std::collections::BTreeSet;

use sqlx::PgConnection;

use super::sessions::id_of;
use super::{PostgresFailure, PostgresStore, query_as};
use crate::auth::{Cursor, Revocation, Revocations, UnixTime};

/// What was revoked and is not yet known at this position.
pub(super) async fn since(
    store: &PostgresStore,
    cursor: &Cursor,
    now: UnixTime,
) -> Result<Revocations, PostgresFailure> {
    revocations(&mut *store.read().await?, Position::of(cursor), now).await
}

async fn revocations(
    snapshot: &mut PgConnection,
    position: Position,
    now: UnixTime,
) -> Result<Revocations, PostgresFailure> {
    let (clock, not_before): (i64, i64) = query_as(
        "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT),
                coalesce((SELECT value FROM global_values WHERE name = 'not_before'), 0)",
    )
    .fetch_one(&mut *snapshot)
    .await?;
    let from = position.time.min(clock).saturating_sub(LONGEST_TRANSACTION);
    let rows: Vec<(Vec<u8>, i64, i64)> =
        query_as("SELECT id, until, noted_at FROM revocations WHERE noted_at > $1 ORDER BY noted_at, id")
            .bind(from)
            .fetch_all(snapshot)
            .await?;

    let newest = rows.last().map_or(0, |(.., noted_at)| *noted_at);
    let mut next =
        Position { time: position.time.max(newest).max(clock - LONGEST_TRANSACTION), told: BTreeSet::new() };
    let mut entries = Vec::new();
    for (id, until, noted_at) in rows {
        let entry = (*id_of(&id)?.as_bytes(), until);
        if noted_at > next.time - LONGEST_TRANSACTION {
            next.told.insert(entry);
        }
        let until = UnixTime::from_secs(until);
        if until > now && !position.told.contains(&entry) {
            entries.push(Revocation { id: entry.0, until });
        }
    }
    // What was purged meanwhile stays known; it does not come back.
    if next.time == position.time {
        next.told.extend(position.told);
    }
    Ok(Revocations { entries, cursor: next.cursor(), not_before: UnixTime::from_secs(not_before) })
}

/// Up to where the log is known: the newest time that was seen, and what was told of the time before it.
#[derive(Debug, Default)]
struct Position {
    /// In microseconds, by the database's clock.
    time: i64,
    told: BTreeSet<([u8; 16], i64)>,
}

impl Position {
    /// Reads a cursor; one that is none of ours is the beginning, where nothing is missed.
    fn of(cursor: &Cursor) -> Self {
        let Some((time, mut rest)) = cursor.as_bytes().split_first_chunk() else { return Self::default() };
        let mut told = BTreeSet::new();
        while let Some((id, after)) = rest.split_first_chunk() {
            let Some((until, after)) = after.split_first_chunk() else { break };
            told.insert((*id, i64::from_be_bytes(*until)));
            rest = after;
        }
        Self { time: i64::from_be_bytes(*time), told }
    }

    /// The cursor of this position. Beyond some thousand entries in one window nothing is noted of them: they are told
    /// more than once, which changes nothing.
    fn cursor(&self) -> Cursor {
        let mut bytes = self.time.to_be_bytes().to_vec();
        if self.told.len() <= MOST_NOTED {
            for (id, until) in &self.told {
                bytes.extend(id);
                bytes.extend(until.to_be_bytes());
            }
        }
        Cursor::new(&bytes)
    }
}

/// In microseconds: longer than a transaction can go on after it noted something, by the limits of its statements.
const LONGEST_TRANSACTION: i64 = 30_000_000;
const MOST_NOTED: usize = 4096;
