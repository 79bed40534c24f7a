//! The log of revocations as SQLite keeps it: numbered in the order of its commits, since there is one writer.

use sqlx::{SqliteConnection, query_as};

use super::sessions::id_of;
use super::{Failure, SqliteStore};
use crate::auth::{Cursor, Revocation, Revocations, UnixTime};
use crate::store::{cursor_at, number_of};

/// What was revoked after a position.
pub(super) async fn since(
    store: &SqliteStore,
    cursor: &Cursor,
    now: UnixTime,
) -> Result<Revocations, Failure> {
    revocations(&mut *store.snapshot().await?, cursor, now).await
}

async fn revocations(
    snapshot: &mut SqliteConnection,
    cursor: &Cursor,
    now: UnixTime,
) -> Result<Revocations, Failure> {
    let seen = number_of(cursor);
    // The position is read before the entries: should both not come from one snapshot, an entry is read twice and
    // none is missed. It counts expired entries too, and never falls when the newest were purged.
    let (newest, not_before): (i64, i64) = query_as(
        "SELECT coalesce((SELECT max(seq) FROM revocations), 0),
                coalesce((SELECT value FROM global_values WHERE name = 'not_before'), 0)",
    )
    .fetch_one(&mut *snapshot)
    .await?;
    let rows: Vec<(Vec<u8>, i64)> =
        query_as("SELECT id, until FROM revocations WHERE seq > $1 AND until > $2 ORDER BY seq")
            .bind(seen)
            .bind(now.as_secs())
            .fetch_all(snapshot)
            .await?;
    let entries = rows
        .into_iter()
        .map(|(id, until)| Ok(Revocation { id: *id_of(&id)?.as_bytes(), until: UnixTime::from_secs(until) }));
    Ok(Revocations {
        entries: entries.collect::<Result<_, Failure>>()?,
        cursor: cursor_at(seen.max(newest)),
        not_before: UnixTime::from_secs(not_before),
    })
}
