//! Where is it kept?
//!
//! One file per driver behind the contracts that the other wings own: [`SessionStore`], [`EventStore`], [`AccountStore`],
//! [`AttemptStore`], [`FactorStore`], [`MailStore`] and [`ProfileStore`]. None of them needs another: whoever keeps accounts elsewhere brings only those.
//! This file reads the setting `app.store` and chooses the driver; nobody else names one.
//! It decides nothing: what becomes of a session is [`rotation::step`](crate::auth::rotation::step)'s business.

#[cfg(any(feature = "sqlite", feature = "postgres"))]
#[macro_use]
mod again;
mod memory;
#[cfg(all(feature = "sqlite", feature = "postgres"))]
mod moving;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "sqlite")]
use std::path::PathBuf;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use std::str::FromStr;
use std::sync::Arc;

use crate::auth::{Cursor, EventStore, SessionStore};
#[cfg(feature = "second-factor")]
use crate::users::{AccountStore, AttemptStore, FactorStore, MailStore, ProfileStore};

#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use self::again::{StoreCalls, calls};
#[cfg(feature = "redis")]
pub use self::redis::{InvalidRedisUrl, RedisUrl, blocklist};

/// Where sessions and accounts are kept, as setting `app.store` names it.
///
/// ```
/// use portcullis::store::StoreUrl;
///
/// assert!("sqlite:data/portcullis.db".parse::<StoreUrl>().is_ok());
/// assert!("redis://localhost".parse::<StoreUrl>().is_err());
/// ```
#[cfg(any(feature = "sqlite", feature = "postgres"))]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreUrl {
    /// `sqlite:PATH`: one file, made on first use; a relative path begins at the working directory.
    #[cfg(feature = "sqlite")]
    SqliteFile(PathBuf),
    /// `sqlite::memory:`: a SQLite database that is gone when the program ends.
    #[cfg(feature = "sqlite")]
    SqliteMemory,
    /// `postgres://…`: a PostgreSQL database, whose tables are made on first use.
    #[cfg(feature = "postgres")]
    Postgres(PostgresUrl),
}

/// The URL of a PostgreSQL database, as libpq takes it; it may hold a password and is never shown.
///
/// TLS is asked for as there: `?sslmode=verify-full`, with `sslrootcert=PATH` for an authority of one's own. What the
/// URL leaves out is taken from `PGHOST`, `PGUSER`, `PGPASSWORD` and their like.
///
/// News of other nodes is listened for only where [`listening_at`](Self::listening_at) says so: through a pooler it would
/// be handed to somebody else.
#[cfg(feature = "postgres")]
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    url: String,
    listening_at: Option<String>,
}

#[cfg(feature = "postgres")]
impl PostgresUrl {
    /// Listens for news of other nodes by a connection of its own, as setting `app.store_listen` names it: the URL of one
    /// that leads to the database past a pooler, or `direct` when this URL does.
    ///
    /// # Errors
    /// [`InvalidStoreUrl::Listen`] for anything else.
    pub fn listening_at(self, text: &str) -> Result<Self, InvalidStoreUrl> {
        let url = if text == "direct" { self.url.clone() } else { text.to_owned() };
        if !matches!(url.parse(), Ok(StoreUrl::Postgres(_))) {
            return Err(InvalidStoreUrl::Listen);
        }
        Ok(Self { listening_at: Some(url), ..self })
    }

    /// The store itself. The URLs were read before, so the defaults are nobody's.
    fn store(&self) -> postgres::PostgresStore {
        let options = |url: &String| url.parse::<sqlx::postgres::PgConnectOptions>().unwrap_or_default();
        postgres::PostgresStore::at(options(&self.url), self.listening_at.as_ref().map(options))
    }
}

#[cfg(feature = "postgres")]
impl std::fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresUrl(..)")
    }
}

/// The text of `app.store` names no store.
///
/// ```
/// use portcullis::store::{InvalidStoreUrl, StoreUrl};
///
/// assert_eq!("sqlite:".parse::<StoreUrl>(), Err(InvalidStoreUrl::NoPath));
/// assert!(matches!("mysql://host/db".parse::<StoreUrl>(), Err(InvalidStoreUrl::UnknownScheme(_))));
/// ```
#[cfg(any(feature = "sqlite", feature = "postgres"))]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidStoreUrl {
    /// There is no `scheme:` at the front; the text is not repeated, because it may hold a password.
    #[error("app.store: not a store URL; known are sqlite:PATH, sqlite::memory: and postgres://...")]
    NoScheme,
    /// The scheme is none of ours.
    #[error(
        "app.store: unknown store scheme {0:?}; known are sqlite:PATH, sqlite::memory: and postgres://..."
    )]
    UnknownScheme(String),
    /// A PostgreSQL URL that cannot be read; it is not repeated, because it may hold a password.
    #[error("app.store: this is no URL of a PostgreSQL database, or it has a parameter that is not known")]
    Postgres,
    /// A connection for news that is none.
    #[error("app.store_listen: must be \"direct\", or the URL of a PostgreSQL database")]
    Listen,
    /// A kind of store that this program was built without.
    #[error("app.store: this program was built without {0}")]
    NotBuiltIn(&'static str),
    /// `sqlite:` without a file.
    #[error("app.store: \"sqlite:\" is not followed by the path of a file")]
    NoPath,
    /// Something after `?`, as other programs take it.
    #[error("app.store: parameters after \"?\" are not supported")]
    Parameters,
    /// A path that SQLite would not take literally.
    #[error("app.store: the path must not begin with \"file:\" or \":\"")]
    ReservedPath,
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
impl FromStr for StoreUrl {
    type Err = InvalidStoreUrl;

    fn from_str(text: &str) -> Result<Self, InvalidStoreUrl> {
        let (scheme, rest) = text.split_once(':').ok_or(InvalidStoreUrl::NoScheme)?;
        match scheme {
            "sqlite" => sqlite_url(rest),
            "postgres" | "postgresql" => postgres_url(text),
            _ => Err(InvalidStoreUrl::UnknownScheme(scheme.to_owned())),
        }
    }
}

#[cfg(feature = "sqlite")]
fn sqlite_url(rest: &str) -> Result<StoreUrl, InvalidStoreUrl> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    match path {
        "" => Err(InvalidStoreUrl::NoPath),
        ":memory:" => Ok(StoreUrl::SqliteMemory),
        _ if path.contains('?') => Err(InvalidStoreUrl::Parameters),
        // SQLite reads the one as a URI with parameters of its own and reserves the other.
        _ if path.starts_with("file:") || path.starts_with(':') => Err(InvalidStoreUrl::ReservedPath),
        _ => Ok(StoreUrl::SqliteFile(path.into())),
    }
}

#[cfg(all(not(feature = "sqlite"), feature = "postgres"))]
const fn sqlite_url(_: &str) -> Result<StoreUrl, InvalidStoreUrl> {
    Err(InvalidStoreUrl::NotBuiltIn("SQLite"))
}

#[cfg(feature = "postgres")]
fn postgres_url(text: &str) -> Result<StoreUrl, InvalidStoreUrl> {
    // What sqlx does not know it would write into the log, and it may be a mistyped `password`.
    let parameters = text.split_once('?').map_or("", |(_, parameters)| parameters);
    let mut names = parameters.split('&').filter_map(|pair| pair.split(['=', '[']).next());
    if !names.all(|name| name.is_empty() || POSTGRES_PARAMETERS.contains(&name)) {
        return Err(InvalidStoreUrl::Postgres);
    }
    text.parse::<sqlx::postgres::PgConnectOptions>().map_err(|_| InvalidStoreUrl::Postgres)?;
    Ok(StoreUrl::Postgres(PostgresUrl { url: text.to_owned(), listening_at: None }))
}

#[cfg(feature = "postgres")]
const POSTGRES_PARAMETERS: [&str; 12] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

#[cfg(all(not(feature = "postgres"), feature = "sqlite"))]
const fn postgres_url(_: &str) -> Result<StoreUrl, InvalidStoreUrl> {
    Err(InvalidStoreUrl::NotBuiltIn("PostgreSQL"))
}

/// One driver, seen through each contract by itself: any of them can be replaced by a store of one's own.
///
/// ```
/// use portcullis::store::{StoreUrl, Stores, open};
/// use portcullis::Portcullis;
///
/// // Opened on first use; the same driver keeps all.
/// let Stores { sessions, events, .. } = open(&StoreUrl::SqliteMemory);
/// let portcullis = Portcullis::new(sessions).events(events);
/// ```
#[derive(Clone)]
pub struct Stores {
    /// Sessions and the log of revocations.
    pub sessions: Arc<dyn SessionStore>,
    /// Security events.
    pub events: Arc<dyn EventStore>,
    /// Accounts.
    #[cfg(feature = "second-factor")]
    pub accounts: Arc<dyn AccountStore>,
    /// Attempts to sign in, and the devices that are known.
    #[cfg(feature = "second-factor")]
    pub attempts: Arc<dyn AttemptStore>,
    /// What people have besides their passwords, and sign-ins that are under way.
    #[cfg(feature = "second-factor")]
    pub factors: Arc<dyn FactorStore>,
    /// Addresses, links and messages.
    #[cfg(feature = "second-factor")]
    pub mail: Arc<dyn MailStore>,
    /// What people say of themselves, and who leaves.
    #[cfg(feature = "second-factor")]
    pub profiles: Arc<dyn ProfileStore>,
}

#[cfg(not(feature = "second-factor"))]
impl Stores {
    fn of<Driver: SessionStore + EventStore>(driver: Driver) -> Self {
        let driver = Arc::new(driver);
        Self { sessions: driver.clone(), events: driver }
    }
}

#[cfg(feature = "second-factor")]
impl Stores {
    fn of<Driver>(driver: Driver) -> Self
    where
        Driver:
            SessionStore + EventStore + AccountStore + AttemptStore + FactorStore + MailStore + ProfileStore,
    {
        let driver = Arc::new(driver);
        let (sessions, events, accounts) = (driver.clone(), driver.clone(), driver.clone());
        let (attempts, factors, mail) = (driver.clone(), driver.clone(), driver.clone());
        Self { sessions, events, accounts, attempts, factors, mail, profiles: driver }
    }
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stores").finish_non_exhaustive()
    }
}

/// The store of this URL.
///
/// Nothing is read or written yet: the store opens on first use, or when
/// [`SessionStore::ready`] is called, because the runtime that uses it need not be
/// the one that made it.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
#[must_use]
pub fn open(url: &StoreUrl) -> Stores {
    match url {
        #[cfg(feature = "sqlite")]
        StoreUrl::SqliteFile(path) => Stores::of(sqlite::SqliteStore::file(path.clone())),
        #[cfg(feature = "sqlite")]
        StoreUrl::SqliteMemory => Stores::of(sqlite::SqliteStore::in_memory()),
        #[cfg(feature = "postgres")]
        StoreUrl::Postgres(url) => Stores::of(url.store()),
    }
}

/// The store of this URL; a file must be there: a new one in the place of a mistyped path would look like an empty one.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
#[must_use]
pub fn open_existing(url: &StoreUrl) -> Stores {
    match url {
        #[cfg(feature = "sqlite")]
        StoreUrl::SqliteFile(path) => Stores::of(sqlite::SqliteStore::existing(path.clone())),
        #[cfg(feature = "sqlite")]
        StoreUrl::SqliteMemory => open(url),
        #[cfg(feature = "postgres")]
        StoreUrl::Postgres(_) => open(url),
    }
}

/// Whether others may read or change what this URL names; what is not there yet is fine.
///
/// # Errors
/// One line for the operator that says what to do.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub fn check(url: &StoreUrl) -> Result<(), String> {
    match url {
        #[cfg(feature = "sqlite")]
        StoreUrl::SqliteFile(path) => sqlite::check(path),
        #[cfg(feature = "sqlite")]
        StoreUrl::SqliteMemory => Ok(()),
        #[cfg(feature = "postgres")]
        StoreUrl::Postgres(_) => Ok(()),
    }
}

/// How many bytes somebody without privileges may still write beside a store that is a file.
#[cfg(all(feature = "app", unix))]
#[must_use]
pub fn free_room(url: &StoreUrl) -> Option<u64> {
    let StoreUrl::SqliteFile(path) = url else { return None };
    let room = nix::sys::statvfs::statvfs(crate::auth::folder(path)).ok()?;
    Some(room.blocks_available() * room.fragment_size())
}

/// What time it is at the store's machine; `None` for a store on this one.
///
/// # Errors
/// One line for the operator when it does not say so.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub async fn time_of(url: &StoreUrl) -> Result<Option<crate::auth::UnixTime>, String> {
    match url {
        #[cfg(feature = "postgres")]
        StoreUrl::Postgres(url) => {
            url.store().time().await.map(Some).map_err(|error| crate::auth::chain(&error))
        }
        #[cfg(feature = "sqlite")]
        _ => Ok(None),
    }
}

/// Copies the store of this URL into a file that is not there yet, as it is at one moment; a server may go on with it
/// meanwhile, and nobody waits.
///
/// # Errors
/// One line for the operator; nothing is then left under the name of the copy.
#[cfg(feature = "sqlite")]
pub async fn backup(url: &StoreUrl, copy: &std::path::Path) -> Result<(), String> {
    let store = match url {
        StoreUrl::SqliteFile(path) => sqlite::SqliteStore::existing(path.clone()),
        StoreUrl::SqliteMemory => sqlite::SqliteStore::in_memory(),
        #[cfg(feature = "postgres")]
        StoreUrl::Postgres(_) => {
            return Err("app.store: a PostgreSQL database is copied by its own pg_dump".to_owned());
        }
    };
    store
        .copy_to(copy)
        .await
        .map_err(|problem| format!("{}: {}", copy.display(), crate::auth::chain(&problem)))
}

/// Moves what a SQLite file holds into a PostgreSQL database in which nothing is yet; nobody is signed out by it. No server
/// may run on the file. What was moved before is compared, and left as it is. Tells the rows of each table.
///
/// # Errors
/// One line for the operator; nothing was moved then.
#[cfg(all(feature = "sqlite", feature = "postgres"))]
pub async fn move_to(from: &StoreUrl, to: &StoreUrl) -> Result<Vec<(&'static str, u64)>, String> {
    let StoreUrl::SqliteFile(path) = from else {
        return Err("app.store: only a SQLite file can be moved".to_owned());
    };
    let StoreUrl::Postgres(url) = to else {
        return Err("--to: must be the URL of a PostgreSQL database".to_owned());
    };
    let moved = moving::all(&sqlite::SqliteStore::existing(path.clone()), &url.store()).await;
    moved.map_err(|problem| crate::auth::chain(&problem))
}

/// A store in the memory of this process: for tests, and for programs whose sessions may end with them.
#[must_use]
pub fn memory() -> Stores {
    Stores::of(memory::MemoryStore::default())
}

/// The position of a log whose entries are numbered.
fn cursor_at(number: i64) -> Cursor {
    Cursor::new(&number.to_be_bytes())
}

/// The number at which a position stands; one that is none of ours is the beginning, where nothing is missed.
fn number_of(cursor: &Cursor) -> i64 {
    cursor.as_bytes().try_into().map_or(0, i64::from_be_bytes)
}

#[cfg(all(test, feature = "sqlite"))]
mod tests;
