//! Moving an installation from its SQLite file into a PostgreSQL database: `portcullis migrate --to`.
//!
//! The file must be nobody's at the time, which SQLite itself says: a connection that wants it for itself is refused while
//! another one is open. The database must be empty, or hold the very same already, so that a move which was broken off, or
//! ended without a word, is simply made again. Everything goes in one transaction.
//!
//! Rows travel as PostgreSQL's own `COPY` text. What the database then says it holds, in the same text, is compared with
//! what was read, table by table, by number and by a digest that does not depend on the order.

mod tables;

use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, PgConnection, Row, SqliteConnection};

use self::tables::ColumnKind::{Bytes, Integer, Text, Truth};
use self::tables::{TABLES, WholeTable};
use crate::auth::StoreError;
use crate::store::postgres::PostgresStore;
use crate::store::sqlite::SqliteStore;

/// Why nothing was moved.
#[derive(Debug, thiserror::Error)]
pub(super) enum MovingError {
    #[error("app.store cannot be read")]
    From(#[source] StoreError),
    #[error("app.store is in use; stop the server that runs on it first")]
    InUse,
    #[error("app.store cannot be read")]
    Read(#[source] sqlx::Error),
    #[error("the database cannot be used")]
    To(#[source] StoreError),
    #[error("the database cannot be written; nothing was moved")]
    Write(#[source] sqlx::Error),
    #[error("the database holds something else already, in its table {0}; nothing was changed")]
    Taken(&'static str),
    #[error("the table {0} did not arrive as it was sent; nothing was moved")]
    Garbled(&'static str),
}

/// How many rows of a table were moved.
pub(super) type Moved = (&'static str, u64);

/// Moves everything; says how much there was, whether it is there now or was already.
pub(super) async fn all(from: &SqliteStore, to: &PostgresStore) -> Result<Vec<Moved>, MovingError> {
    let mut file = from.alone().await?;
    let pool = to.opened().await.map_err(MovingError::To)?;
    let mut database =
        pool.begin_with("BEGIN ISOLATION LEVEL SERIALIZABLE").await.map_err(MovingError::Write)?;
    let mut moved = Vec::new();
    for table in &TABLES {
        let there = table.written(&mut database).await.map_err(MovingError::Write)?;
        let sent = if there == Sum::default() {
            table.send(&mut file, Some(&mut database)).await?
        } else {
            table.send(&mut file, None).await?
        };
        if there != Sum::default() && there != sent {
            return Err(MovingError::Taken(table.name));
        }
        if table.written(&mut database).await.map_err(MovingError::Write)? != sent {
            return Err(MovingError::Garbled(table.name));
        }
        moved.push((table.name, sent.rows));
    }
    database.commit().await.map_err(MovingError::Write)?;
    Ok(moved)
}

/// How many rows there are, and the sum of their digests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    digests: [u64; 4],
}

impl Sum {
    /// Counts a row, without the end of its line.
    fn add(&mut self, line: &[u8]) {
        self.rows += 1;
        let digest = Sha256::digest(line);
        for (sum, part) in self.digests.iter_mut().zip(digest.chunks(8)) {
            let part = part.try_into().map_or(0, u64::from_be_bytes);
            *sum = sum.wrapping_add(part);
        }
    }
}

impl WholeTable {
    fn column_names(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// Reads the table in the file and sends it, or only adds it up.
    async fn send(
        &self,
        file: &mut SqliteConnection,
        to: Option<&mut PgConnection>,
    ) -> Result<Sum, MovingError> {
        // The names are ours, above.
        let select = format!("SELECT {} FROM {} {}", self.column_names(), self.name, self.reading);
        let mut rows = sqlx::query(AssertSqlSafe(select)).fetch(file);
        let copy = format!("COPY {} ({}) FROM STDIN", self.name, self.column_names());
        let mut copy = match to {
            Some(database) => Some(database.copy_in_raw(&copy).await.map_err(MovingError::Write)?),
            None => None,
        };
        let (mut sum, mut waiting) = (Sum::default(), Vec::new());
        while let Some(row) = rows.try_next().await.map_err(MovingError::Read)? {
            let start = waiting.len();
            self.write_line(&row, &mut waiting).map_err(MovingError::Read)?;
            sum.add(waiting.get(start..).unwrap_or_default());
            waiting.push(b'\n');
            if waiting.len() >= AT_ONCE {
                if let Some(copy) = &mut copy {
                    copy.send(waiting.as_slice()).await.map_err(MovingError::Write)?;
                }
                waiting.clear();
            }
        }
        if let Some(mut copy) = copy {
            copy.send(waiting).await.map_err(MovingError::Write)?;
            copy.finish().await.map_err(MovingError::Write)?;
        }
        Ok(sum)
    }

    /// Adds up what the database holds.
    async fn written(&self, database: &mut PgConnection) -> Result<Sum, sqlx::Error> {
        let copy = format!("COPY {} ({}) TO STDOUT", self.name, self.column_names());
        let mut lines = database.copy_out_raw(&copy).await?;
        let (mut sum, mut line) = (Sum::default(), Vec::new());
        while let Some(bytes) = lines.try_next().await? {
            for byte in bytes {
                if byte == b'\n' {
                    sum.add(&line);
                    line.clear();
                } else {
                    line.push(byte);
                }
            }
        }
        Ok(sum)
    }

    /// A row as a line of PostgreSQL's `COPY` text.
    fn write_line(&self, row: &SqliteRow, line: &mut Vec<u8>) -> Result<(), sqlx::Error> {
        for (index, (_, kind)) in self.columns.iter().enumerate() {
            if index > 0 {
                line.push(b'\t');
            }
            let written = match kind {
                Text => row.try_get::<Option<&str>, _>(index)?.map(|text| write_text(text, line)),
                Integer => row
                    .try_get::<Option<i64>, _>(index)?
                    .map(|number| line.extend_from_slice(number.to_string().as_bytes())),
                Truth => row
                    .try_get::<Option<i64>, _>(index)?
                    .map(|truth| line.push(if truth == 0 { b'f' } else { b't' })),
                Bytes => row.try_get::<Option<&[u8]>, _>(index)?.map(|bytes| write_bytes(bytes, line)),
            };
            if written.is_none() {
                line.extend_from_slice(b"\\N");
            }
        }
        Ok(())
    }
}

/// <https://www.postgresql.org/docs/current/sql-copy.html>, "Text Format".
fn write_text(text: &str, line: &mut Vec<u8>) {
    for byte in text.bytes() {
        let sign = match byte {
            b'\\' => b'\\',
            8 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            11 => b'v',
            12 => b'f',
            b'\r' => b'r',
            plain => {
                line.push(plain);
                continue;
            }
        };
        line.extend([b'\\', sign]);
    }
}

fn write_bytes(bytes: &[u8], line: &mut Vec<u8>) {
    line.extend_from_slice(br"\\x");
    for byte in bytes {
        line.extend_from_slice(format!("{byte:02x}").as_bytes());
    }
}

const AT_ONCE: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_table_and_every_column_is_moved() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::file(folder.path().join("a.db"));
        let mut file = store.alone().await.unwrap();
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
             AND name <> '_sqlx_migrations' ORDER BY name",
        )
        .fetch_all(&mut file)
        .await
        .unwrap();
        let mut listed: Vec<_> = TABLES.iter().map(|table| table.name).collect();
        listed.sort_unstable();
        assert_eq!(names, listed);
        for table in &TABLES {
            let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
                .bind(table.name)
                .fetch_all(&mut file)
                .await
                .unwrap();
            let numbered = |name: &&String| *name != "seq" && *name != "number";
            let columns: Vec<_> = columns.iter().filter(numbered).collect();
            let listed: Vec<_> = table.columns.iter().map(|(name, _)| *name).collect();
            assert_eq!(columns, listed, "{}", table.name);
        }
    }
}
