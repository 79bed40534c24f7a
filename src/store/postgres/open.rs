//! The tables of a PostgreSQL database: making them, and bringing them up to date.
//!
//! It is one transaction. Of several nodes that start together one makes the tables; the others meet it, are refused by
//! the database, begin again and find everything there. No lock outlives a transaction.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::migrate::MigrateError;

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unprepared {
    #[error("the database does not answer, or refuses us")]
    Silent(#[source] sqlx::Error),
    #[error("a newer version of this program has changed the database; this version cannot read it")]
    Newer,
    #[error("the tables cannot be made or brought up to date")]
    Tables(#[source] MigrateError),
}

impl Unprepared {
    /// Whether another node may have been in the way: what it had just made was there already, or it disturbed us.
    fn may_pass(&self) -> bool {
        let error = match self {
            Self::Silent(error) | Self::Tables(MigrateError::Execute(error)) => error,
            Self::Tables(MigrateError::ExecuteMigration(error, _)) => error,
            Self::Tables(_) | Self::Newer => return false,
        };
        let code = error.as_database_error().and_then(|error| error.code());
        code.is_some_and(|code| ["40001", "40P01", "23505", "42P07", "XX000"].contains(&&*code))
    }
}

/// Brings the tables up to date.
pub(super) async fn prepare(pool: &PgPool) -> Result<(), Unprepared> {
    let mut left = ATTEMPTS;
    loop {
        left -= 1;
        match migrate(pool).await {
            Err(failure) if left > 0 && failure.may_pass() => tokio::time::sleep(BETWEEN_ATTEMPTS).await,
            outcome => return outcome,
        }
    }
}

async fn migrate(pool: &PgPool) -> Result<(), Unprepared> {
    let mut migrations = sqlx::migrate!("src/store/migrations/postgres");
    // It would be a lock of the session, which a pooler leaves with somebody else's connection.
    migrations.set_locking(false);
    // Migrations name their statements, and behind a pooler a name may be left from an earlier start.
    let mut changes = pool.begin_with("BEGIN; DEALLOCATE ALL").await.map_err(Unprepared::Silent)?;
    migrations.run_direct(None, &mut *changes, false).await.map_err(|error| match error {
        MigrateError::VersionMissing(_) => Unprepared::Newer,
        other => Unprepared::Tables(other),
    })?;
    changes.commit().await.map_err(Unprepared::Silent)
}

const ATTEMPTS: u32 = 20;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);
