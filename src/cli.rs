//! What the subcommands share: the store they work on, passwords, and how they speak.
//!
//! They work on the store alone and need no running server; one that runs reads the store's log and follows.
//! A password is never an argument: arguments are seen by everybody on the machine and kept in the shell's history.

pub(crate) mod backup;
pub(crate) mod doctor;
pub(crate) mod health;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod leaked;
pub(crate) mod mail;
pub(crate) mod manual;
pub(crate) mod migrate;
pub(crate) mod session;
mod speech;
pub(crate) mod user;

use std::io::{IsTerminal, Read};
use std::sync::Arc;

use portcullis::app;
use portcullis::auth::{
    Clock, EndReason, Event, JournalEntry, OsRandom, Random, SessionId, SystemClock, UnixTime, What, chain,
};
use portcullis::settings::{self, Settings};
use portcullis::store::{self, StoreUrl, Stores};
use portcullis::users::{Accounts, SealKey, Username};
use time::OffsetDateTime;
use time::macros::format_description;

pub(crate) use self::speech::{complain, print_table, say, say_once, speak_json, tell};

/// What a subcommand works with.
pub(crate) struct Workbench {
    pub(crate) settings: Settings,
    pub(crate) stores: Stores,
    pub(crate) accounts: Accounts,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What went wrong, one line each.
pub(crate) type Problems = Vec<String>;

impl Workbench {
    /// Works on the store that is there.
    pub(crate) async fn open() -> Result<Self, Problems> {
        Self::open_by(store::open_existing).await
    }

    /// The same, after a store was made where there is none.
    pub(crate) async fn open_or_make() -> Result<Self, Problems> {
        Self::open_by(store::open).await
    }

    /// Works on the store that is there, and writes messages with links, which the server sends.
    pub(crate) async fn open_with_mail() -> Result<Self, Problems> {
        let desk = Self::open().await?;
        let random: Arc<dyn Random> = Arc::new(OsRandom);
        let secret = desk.settings.factor_key.secret(&*random).map_err(|problem| vec![problem])?;
        let seal = secret.map(|secret| SealKey::derive(&secret));
        let accounts = app::accounts(&desk.settings, &desk.stores, Arc::clone(&desk.clock), &random, seal)?;
        Ok(Self { accounts, ..desk })
    }

    async fn open_by(open: fn(&StoreUrl) -> Stores) -> Result<Self, Problems> {
        let settings = settings::load(&settings::figment())?;
        if settings.store == StoreUrl::SqliteMemory {
            return Err(vec![
                "app.store: sqlite::memory: is gone when this command ends; name a file".into(),
            ]);
        }
        let stores = open(&settings.store);
        stores.sessions.ready().await.map_err(|error| vec![chain(&error)])?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let random: Arc<dyn Random> = Arc::new(OsRandom);
        let accounts = app::accounts(&settings, &stores, Arc::clone(&clock), &random, None)?;
        Ok(Self { settings, stores, accounts, clock })
    }
}

impl Workbench {
    /// Keeps what was done, and the sessions that ended by it, as security events.
    /// What was done stays done when that fails; the operator is told.
    pub(crate) async fn note(&self, what: Option<What>, user: &str, ended: &[SessionId], reason: EndReason) {
        self.note_roles(what, user, None, ended, reason).await;
    }

    /// The same, of what changed the roles of an account to these.
    pub(crate) async fn note_roles(
        &self,
        what: Option<What>,
        user: &str,
        roles: Option<&[String]>,
        ended: &[SessionId],
        reason: EndReason,
    ) {
        let event = |what, session| Event {
            at: self.clock.now(),
            what,
            user: Some(user.to_owned()).filter(|user| !user.is_empty()),
            session,
            address: None,
            by: None,
            roles: roles.map(<[String]>::to_vec).filter(|_| !matches!(what, What::SessionEnded(_))),
        };
        let ends = ended.iter().map(|id| event(What::SessionEnded(reason), Some(*id)));
        let events: Vec<_> = what.map(|what| event(what, None)).into_iter().chain(ends).collect();
        events.iter().for_each(Event::log);
        let entries: Result<Vec<_>, _> =
            events.into_iter().map(|event| JournalEntry::draw(event, &OsRandom)).collect();
        let kept = match entries {
            Ok(entries) => self.stores.events.record(&entries).await.map_err(|error| chain(&error)),
            Err(error) => Err(chain(&error)),
        };
        if let Err(error) = kept {
            complain(format!("This was done, but not kept as a security event: {error}"));
        }
    }
}

/// An error and its causes as the one problem there is.
pub(crate) fn problem(error: impl std::error::Error) -> Problems {
    vec![chain(&error)]
}

pub(crate) fn no_account(name: &Username) -> Problems {
    vec![format!("There is no account {name}.")]
}

pub(crate) fn name_of(text: &str) -> Result<Username, Problems> {
    text.parse().map_err(problem)
}

/// Asks twice at a terminal; reads the first line of anything else.
pub(crate) fn read_password() -> Result<String, Problems> {
    let failed = |error: std::io::Error| vec![format!("password: {error}")];
    if std::io::stdin().is_terminal() {
        let first = rpassword::prompt_password("Password: ").map_err(failed)?;
        let second = rpassword::prompt_password("Again: ").map_err(failed)?;
        if first != second {
            return Err(vec!["The two passwords differ.".to_owned()]);
        }
        return Ok(first);
    }
    let mut text = String::new();
    std::io::stdin().take(4096).read_to_string(&mut text).map_err(failed)?;
    let line = text.split('\n').next().unwrap_or_default();
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// "1 session", "2 sessions".
pub(crate) fn sessions(number: usize) -> String {
    format!("{number} session{}", if number == 1 { "" } else { "s" })
}

/// A moment as `2025-01-31 23:59:59Z`.
pub(crate) fn moment(at: UnixTime) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at.as_secs()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.format(format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z")).unwrap_or_default()
}
