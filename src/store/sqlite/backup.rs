//! A copy of the database, made while it is in use.
//!
//! SQLite reads one moment of the database and writes it into another file (`VACUUM INTO`): without the log, without the
//! room of what was deleted, and without anybody waiting for anybody.
//! The copy has its name from the moment when it is whole and on the disk. Until then it is called `….part`; one that was
//! interrupted is told of and left to whoever interrupted it, and nothing that is there is ever written over.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use sqlx::{Connection, SqliteConnection};

use crate::auth::{StoreError, folder};
use crate::store::sqlite::open::ending;
use crate::store::sqlite::{SqliteStore, connection};

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub(in crate::store) enum BackupError {
    #[error("app.store: sqlite::memory: is gone when its program ends; there is nothing to copy")]
    Fleeting,
    #[error("there is something already; name a file that is not there")]
    Taken,
    #[error("{} is there: another copy is being made, or one was interrupted; in that case remove it", .0.display())]
    Interrupted(PathBuf),
    #[error("the copy cannot be written")]
    File(#[source] io::Error),
    #[error("the store cannot be copied")]
    Store(#[source] sqlx::Error),
    #[error("its name must be text in UTF-8")]
    NotText,
    #[error(transparent)]
    Open(#[from] StoreError),
}

impl SqliteStore {
    /// Copies the database of one moment into a file that is not there yet.
    pub(in crate::store) async fn copy_to(&self, copy: &Path) -> Result<(), BackupError> {
        let Some((path, _)) = &self.file else { return Err(BackupError::Fleeting) };
        self.pools().await.map_err(StoreError::from)?;
        // SQLite reads a name that does not begin with a slash as it likes.
        let copy = std::path::absolute(copy).map_err(BackupError::File)?;
        let part = ending(&copy, ".part");
        reserve(&copy, &part)?;
        let written = write_to(path, &part).await.and_then(|()| keep(&part, &copy));
        // It is ours: a second name of the copy by now, or a copy of nothing.
        let _ = fs::remove_file(&part);
        written
    }
}

async fn write_to(path: &Path, part: &Path) -> Result<(), BackupError> {
    let name = part.to_str().ok_or(BackupError::NotText)?;
    // A connection of its own, which may take its time and is gone afterwards.
    let options = connection().filename(path).read_only(true);
    let mut reader = SqliteConnection::connect_with(&options).await.map_err(BackupError::Store)?;
    let copied = sqlx::query("VACUUM INTO $1").bind(name).execute(&mut reader).await;
    copied.map_err(BackupError::Store)?;
    reader.close().await.map_err(BackupError::Store)
}

/// Makes the file that is written into, for the eyes of its owner only.
fn reserve(copy: &Path, part: &Path) -> Result<(), BackupError> {
    if copy.symlink_metadata().is_ok() {
        return Err(BackupError::Taken);
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(part) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(BackupError::Interrupted(part.to_owned()))
        }
        Err(error) => Err(BackupError::File(error)),
    }
}

/// Gives the copy its name once it is on the disk, which SQLite does not see to; a name that somebody took meanwhile stays
/// theirs.
fn keep(part: &Path, copy: &Path) -> Result<(), BackupError> {
    let named = File::open(part).and_then(|file| file.sync_all()).and_then(|()| fs::hard_link(part, copy));
    named.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Taken,
        _ => BackupError::File(error),
    })?;
    #[cfg(unix)]
    if let Err(error) = File::open(folder(copy)).and_then(|folder| folder.sync_all()) {
        let _ = fs::remove_file(copy);
        return Err(BackupError::File(error));
    }
    Ok(())
}
