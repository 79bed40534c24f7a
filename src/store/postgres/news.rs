//! The log of revocations as PostgreSQL keeps it: each entry with the time at which it was noted, by the database's
//! clock, and in no order.
//!
//! Transactions become visible in another order than they note. So a reader asks again for everything younger than the
//! longest transaction before the newest time that it knows; what it was told already it keeps in its cursor and leaves
//! out. It does so once a second; the reads in between, by the clock and for each hint, look no further back than a
//! transaction takes that nothing delays. A clock that was set back is met the same way: the window begins at the earlier
//! of both times, and every read is a thorough one.

use std::collections::BTreeSet;

use sqlx::{PgConnection, Row};

use super::sessions::id_of;
use super::{PostgresFailure, PostgresStore, query_as};
use crate::auth::{Cursor, Revocation, Revocations, UnixTime};

/// What was revoked and is not yet known at this position.
pub(super) async fn since(
    store: &PostgresStore,
    cursor: &Cursor,
    now: UnixTime,
) -> Result<Revocations, PostgresFailure> {
    let position = Position::of(cursor);
    let read = match little(store, &position).await? {
        Some(read) => read,
        None => whole(&mut *store.read().await?, &position).await?,
    };
    Ok(news(read, position, now))
}

/// What one read found: the database's clock, the time before which nothing counts, and the entries by their age.
struct Read {
    clock: i64,
    not_before: i64,
    rows: Vec<([u8; 16], i64, i64)>,
}

/// Reads what is new by one statement, and in one exchange with the database; nothing when there is more than a page of it.
async fn little(store: &PostgresStore, position: &Position) -> Result<Option<Read>, PostgresFailure> {
    let Position { time, thorough_at, .. } = position;
    if *time == 0 {
        return Ok(None);
    }
    // Numbers of our own; the limit of time stands in the same implicit transaction.
    let statement = format!(
        "SET LOCAL statement_timeout = '5s';
         WITH now AS (
             SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) AS clock,
                    coalesce((SELECT value FROM global_values WHERE name = 'not_before'), 0) AS not_before
         )
         SELECT now.clock, now.not_before, revocations.id, revocations.until, revocations.noted_at
         FROM now LEFT JOIN revocations ON revocations.noted_at > least({time}, now.clock)
             - CASE WHEN now.clock - {thorough_at} BETWEEN 0 AND {} THEN {USUAL_TRANSACTION}
               ELSE {LONGEST_TRANSACTION} END
         ORDER BY revocations.noted_at LIMIT {PAGE}",
        BETWEEN_THOROUGH - 1
    );
    let found = store.ask_once(&statement).await?;
    if i64::try_from(found.len()).unwrap_or(i64::MAX) >= PAGE {
        return Ok(None);
    }
    let mut read = Read { clock: 0, not_before: 0, rows: Vec::with_capacity(found.len()) };
    for row in found {
        (read.clock, read.not_before) = (row.try_get(0)?, row.try_get(1)?);
        if let Some(id) = row.try_get::<Option<Vec<u8>>, _>(2)? {
            read.rows.push((*id_of(&id)?.as_bytes(), row.try_get(3)?, row.try_get(4)?));
        }
    }
    Ok(Some(read))
}

/// Reads all that may be new, in pages, since a statement may not take long and millions of rows would.
async fn whole(snapshot: &mut PgConnection, position: &Position) -> Result<Read, PostgresFailure> {
    let (clock, not_before): (i64, i64) = query_as(
        "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT),
                coalesce((SELECT value FROM global_values WHERE name = 'not_before'), 0)",
    )
    .fetch_one(&mut *snapshot)
    .await?;
    let mut read = Read { clock, not_before, rows: Vec::new() };
    let from = position.time.min(clock).saturating_sub(position.window(clock));
    let mut last = (from + 1, Vec::new(), i64::MIN);
    loop {
        let page: Vec<(Vec<u8>, i64, i64)> = query_as(
            "SELECT id, until, noted_at FROM revocations
             WHERE noted_at >= $1 AND (noted_at > $1 OR id > $2 OR (id = $2 AND until > $3))
             ORDER BY noted_at, id, until LIMIT $4",
        )
        .bind(last.0)
        .bind(last.1.as_slice())
        .bind(last.2)
        .bind(PAGE)
        .fetch_all(&mut *snapshot)
        .await?;
        let is_last = i64::try_from(page.len()).unwrap_or(i64::MAX) < PAGE;
        for (id, until, noted_at) in page {
            read.rows.push((*id_of(&id)?.as_bytes(), until, noted_at));
            last = (noted_at, id, until);
        }
        if is_last {
            return Ok(read);
        }
    }
}

/// What of it was not told before, and where the next read begins.
fn news(read: Read, position: Position, now: UnixTime) -> Revocations {
    let Read { clock, not_before, rows } = read;
    let is_thorough = position.is_thorough(clock);
    let newest = rows.last().map_or(0, |(.., noted_at)| *noted_at);
    let mut next = Position {
        time: position.time.max(newest).max(clock - LONGEST_TRANSACTION),
        thorough_at: if is_thorough { clock } else { position.thorough_at },
        told: BTreeSet::new(),
    };
    let mut entries = Vec::new();
    for (id, until, noted_at) in rows {
        if noted_at > next.time - LONGEST_TRANSACTION {
            next.told.insert((id, until));
        }
        let time = UnixTime::from_secs(until);
        if time > now && !position.told.contains(&(id, until)) {
            entries.push(Revocation { id, until: time });
        }
    }
    // What was not read again, or was purged meanwhile, stays known.
    if !is_thorough || next.time == position.time {
        next.told.extend(position.told);
    }
    Revocations { entries, cursor: next.cursor(), not_before: UnixTime::from_secs(not_before) }
}

/// Up to where the log is known: the newest time that was seen, and what was told of the time before it.
#[derive(Debug, Default)]
struct Position {
    /// In microseconds, by the database's clock.
    time: i64,
    /// When everything was read again that a long transaction may have noted, by the same clock.
    thorough_at: i64,
    told: BTreeSet<([u8; 16], i64)>,
}

impl Position {
    /// Whether a read at this time, by the database's clock, looks as far back as the longest transaction. A clock that was
    /// set back makes the time since the last such read negative, and this one thorough.
    fn is_thorough(&self, clock: i64) -> bool {
        !(0..BETWEEN_THOROUGH).contains(&clock.saturating_sub(self.thorough_at))
    }

    fn window(&self, clock: i64) -> i64 {
        if self.is_thorough(clock) { LONGEST_TRANSACTION } else { USUAL_TRANSACTION }
    }

    /// Reads a cursor; one that is none of ours is the beginning, where nothing is missed.
    fn of(cursor: &Cursor) -> Self {
        let Some((time, rest)) = cursor.as_bytes().split_first_chunk() else { return Self::default() };
        let Some((thorough_at, mut rest)) = rest.split_first_chunk() else { return Self::default() };
        let mut told = BTreeSet::new();
        while let Some((id, after)) = rest.split_first_chunk() {
            let Some((until, after)) = after.split_first_chunk() else { break };
            told.insert((*id, i64::from_be_bytes(*until)));
            rest = after;
        }
        let [time, thorough_at] = [time, thorough_at].map(|number| i64::from_be_bytes(*number));
        Self { time, thorough_at, told }
    }

    /// The cursor of this position. Beyond some thousand entries in one window nothing is noted of them: they are told
    /// more than once, which changes nothing.
    fn cursor(&self) -> Cursor {
        let mut bytes = [self.time, self.thorough_at].map(i64::to_be_bytes).concat();
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
/// Longer than one goes on that nothing delays.
const USUAL_TRANSACTION: i64 = 1_000_000;
const BETWEEN_THOROUGH: i64 = 1_000_000;
const MOST_NOTED: usize = 4096;
const PAGE: i64 = 50_000;
