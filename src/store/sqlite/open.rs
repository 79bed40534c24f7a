//! The database file: making it, recognising it as ours, bringing its tables up to date.
//!
//! A file that is not ours is never written to: not one that is no database, not another program's database, not one
//! that a newer version of this program has changed.
//! What is found is said in one line, because it is read by whoever has just typed a path.
//!
//! An existing file is opened by SQLite alone: closing any other handle to it would take away the POSIX locks that
//! this process's other connections hold (<https://www.sqlite.org/howtocorrupt.html>, section 2.2).

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{SqliteConnection, SqlitePool};

use crate::auth::{Guarded, folder, judge};

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error("the folder cannot be made")]
    Folder(#[source] io::Error),
    #[error("the file cannot be made")]
    File(#[source] io::Error),
    #[error("the file cannot be opened; does it belong to another user?")]
    Forbidden(#[source] sqlx::Error),
    #[error("the file may only be read; does it belong to another user?")]
    ReadOnly(#[source] sqlx::Error),
    #[error("another program is busy with the database")]
    Busy(#[source] sqlx::Error),
    #[error("another program was busy with the database for too long")]
    BusyTooLong,
    #[error(
        "there is no store here; `portcullis user add NAME --role admin` makes one with its first account"
    )]
    Missing,
    #[error("{0}")]
    Unguarded(String),
    #[error("its folder {}: {}", .0.display(), .1)]
    UnguardedFolder(PathBuf, String),
    #[error("this is not a file")]
    NotAFile,
    #[error("the file is missing, but its write-ahead log {} is there; restore the file, or move the log away", .0.display())]
    OrphanedLog(PathBuf),
    #[error("this is not a SQLite database; it was left as it is")]
    NotADatabase,
    #[error("this is another program's SQLite database; it was left as it is")]
    Foreign,
    #[error("the database is damaged; restore it from a copy")]
    Damaged,
    #[error("a newer version of this program has changed the database; this version cannot read it")]
    Newer,
    #[error("the tables cannot be brought up to date")]
    Tables(#[source] MigrateError),
    #[error("the file system does not support a write-ahead log (journal mode is {0:?})")]
    NoLog(String),
    #[error("the database does not answer")]
    Unreachable(#[source] sqlx::Error),
}

impl From<sqlx::Error> for OpenError {
    /// <https://www.sqlite.org/rescode.html>: BUSY, READONLY, CORRUPT, CANTOPEN and NOTADB;
    /// the low byte is the primary code of an extended one.
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(DatabaseError::code);
        match code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff) {
            Some(5) => Self::Busy(error),
            Some(8) => Self::ReadOnly(error),
            Some(11) => Self::Damaged,
            Some(14) => Self::Forbidden(error),
            Some(26) => Self::NotADatabase,
            _ => Self::Unreachable(error),
        }
    }
}

/// What becomes of a path where nothing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// A new store is made there.
    IsMade,
    /// It is refused: the path may be mistyped, and a new, empty store would hide that.
    IsToldOf,
}

/// Makes the file if need be, recognises the database in it and brings its tables up to date.
pub(super) async fn open_file(path: &Path, missing: Missing, writer: &SqlitePool) -> Result<(), OpenError> {
    // Locks belong to the process, so whoever makes the file must have closed it before anybody else in the process
    // opens it.
    let _opening = OPENING.lock().await;
    make_file(path, missing).await?;

    // SQLite does not wait for a change of the journal mode, neither when it makes one nor when it meets one.
    let attempts = async {
        loop {
            match prepare(writer).await {
                Err(OpenError::Busy(_)) => tokio::time::sleep(BETWEEN_ATTEMPTS).await,
                other => return other,
            }
        }
    };
    tokio::time::timeout(ATTEMPTS_TIMEOUT, attempts).await.unwrap_or(Err(OpenError::BusyTooLong))?;
    // Last, so that a file that is no store of ours is called that.
    let path = path.to_owned();
    let checked = tokio::task::spawn_blocking(move || check(&path)).await;
    checked.unwrap_or_else(|stopped| Err(OpenError::File(io::Error::other(stopped))))
}

/// Makes the file and the folders above it where they are missing, for the eyes of their owner only.
async fn make_file(path: &Path, missing: Missing) -> Result<(), OpenError> {
    let path = path.to_owned();
    let made = tokio::task::spawn_blocking(move || make_file_now(&path, missing)).await;
    made.unwrap_or_else(|stopped| Err(OpenError::File(io::Error::other(stopped))))
}

/// Whether others may read or change the database, its log, or what stands in their place.
pub(super) fn check(path: &Path) -> Result<(), OpenError> {
    let beside = folder(path);
    judge(beside, Guarded::Folder)
        .map_err(|problem| OpenError::UnguardedFolder(beside.to_owned(), problem))?;
    judge(path, Guarded::Database).map_err(OpenError::Unguarded)?;
    for name in ["-wal", "-shm"].map(|name| ending(path, name)) {
        judge(&name, Guarded::Database)
            .map_err(|problem| OpenError::Unguarded(format!("its log {}: {problem}", name.display())))?;
    }
    Ok(())
}

/// The file of this name with something after it.
pub(super) fn ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

fn make_file_now(path: &Path, missing: Missing) -> Result<(), OpenError> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => return Ok(()),
        Ok(_) => return Err(OpenError::NotAFile),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(OpenError::File(error)),
    }

    // SQLite would delete the log of a missing database, and with it whatever was not yet copied out of it.
    let log = ending(path, "-wal");
    if std::fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        return Err(OpenError::OrphanedLog(log));
    }
    if missing == Missing::IsToldOf {
        return Err(OpenError::Missing);
    }

    let mut folders = std::fs::DirBuilder::new();
    folders.recursive(true);
    let mut file = std::fs::OpenOptions::new();
    file.read(true).write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        folders.mode(0o700);
        // SQLite gives the log and its index the mode of the database.
        file.mode(0o600);
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        folders.create(parent).map_err(OpenError::Folder)?;
    }
    match file.open(path) {
        // The command line and the server may start together; whoever was faster has made it.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(OpenError::File(error)),
        _ => Ok(()),
    }
}

/// Recognises the database behind the writing pool and brings its tables up to date.
///
/// It happens in one transaction that holds the writing lock: two programs that start together do not disturb each
/// other, and one that is stopped in the middle leaves the tables as they were.
pub(super) async fn prepare(writer: &SqlitePool) -> Result<(), OpenError> {
    let mut changes = writer.begin_with("BEGIN IMMEDIATE").await?;
    recognise(&mut changes).await?;
    // `run` takes the same path, but its signature makes every future above it "not general enough" to be sent.
    MIGRATIONS.run_direct(None, &mut *changes, false).await.map_err(|error| match error {
        MigrateError::VersionMissing(_) => OpenError::Newer,
        MigrateError::Execute(error) => error.into(),
        other => OpenError::Tables(other),
    })?;
    changes.commit().await?;

    // The mode is written into the file, so it waits until the file is known to be ours.
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode = WAL").fetch_one(writer).await?;
    if mode != "wal" && mode != "memory" {
        return Err(OpenError::NoLog(mode));
    }
    Ok(())
}

/// Marks an empty database as ours, and looks for that mark and for damage in any other.
async fn recognise(database: &mut SqliteConnection) -> Result<(), OpenError> {
    let owner: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *database).await?;
    let objects: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_master").fetch_one(&mut *database).await?;
    if owner == 0 && objects == 0 {
        sqlx::query("PRAGMA application_id = 1346587731").execute(&mut *database).await?;
        return Ok(());
    }
    if owner != APPLICATION_ID {
        return Err(OpenError::Foreign);
    }

    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *database).await?;
    if pages <= CHECKED_PAGES {
        let verdict: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut *database).await?;
        if verdict != "ok" {
            return Err(OpenError::Damaged);
        }
    }
    Ok(())
}

static OPENING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
static MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations/sqlite");

/// "PCLS" as a number: how SQLite databases say which program they belong to.
const APPLICATION_ID: i64 = 0x5043_4c53;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(10);
/// Longer than SQLite waits by itself, so that an ordinary long transaction elsewhere is waited for.
const ATTEMPTS_TIMEOUT: Duration = Duration::from_secs(10);
/// Up to this size (8 MiB) a start checks every page, which takes some 10 ms; beyond it damage shows when it is met.
const CHECKED_PAGES: i64 = 2048;
