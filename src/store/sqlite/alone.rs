//! The file for one connection alone, while nobody else has it open.

use sqlx::sqlite::SqliteLockingMode;
use sqlx::{Connection, SqliteConnection};

use crate::auth::StoreError;
use crate::store::moving::MovingError;
use crate::store::sqlite::{SqliteStore, connection};

impl SqliteStore {
    /// A transaction that holds the file for itself, for as long as its connection lives; the tables are up to date.
    pub(in crate::store) async fn alone(&self) -> Result<SqliteConnection, MovingError> {
        let Some((path, _)) = &self.file else { return Err(MovingError::InUse) };
        self.pools().await.map_err(|failure| MovingError::From(StoreError::from(failure)))?.close().await;
        // Whoever has the file open with a write-ahead log holds a lock that this one does not get beside it.
        let options = connection().filename(path).locking_mode(SqliteLockingMode::Exclusive);
        let taken = async {
            let mut connection = SqliteConnection::connect_with(&options).await?;
            sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await?;
            Ok(connection)
        };
        taken.await.map_err(|error: sqlx::Error| {
            let code =
                error.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse().ok());
            if code.is_some_and(|code: u32| code & 0xff == BUSY) {
                MovingError::InUse
            } else {
                MovingError::Read(error)
            }
        })
    }
}

/// <https://www.sqlite.org/rescode.html#busy>
const BUSY: u32 = 5;
