//! What happened: the security events that operators watch and people see about their own account.
//!
//! One closed list, in the OWASP Logging Vocabulary where it has a word.
//! Each event becomes one line of JSON at once (`tracing` target [`TARGET`]) and, within a moment, a row in the store.
//! No event holds a password, a token, a cookie or a CSRF value; there is no field that could.

mod line;
pub(crate) mod tally;
mod words;

use std::net::IpAddr;

use async_trait::async_trait;

use crate::auth::id::SessionId;
use crate::auth::sessions::event::words::{Level, Row, TABLE};
use crate::auth::sessions::rotation::EndReason;
use crate::auth::sessions::store_error::StoreError;
use crate::ground::clock::UnixTime;
use crate::ground::random::{Random, RandomError};

/// Something that matters.
///
/// ```
/// use portcullis::auth::{Event, UnixTime, What};
///
/// let event = Event {
///     at: UnixTime::from_secs(1_700_000_000),
///     what: What::SignInFailed,
///     user: Some("ada".to_owned()),
///     session: None,
///     address: "192.0.2.7".parse().ok(),
///     by: None,
///     roles: None,
/// };
/// let line = event.to_json();
/// assert!(line.contains(r#""datetime":"2023-11-14T22:13:20Z""#));
/// assert!(line.contains(r#""event":"authn_login_fail""#));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: UnixTime,
    /// What.
    pub what: What,
    /// Whose account; `None` when that is not known, and for names without an account:
    /// people type passwords into the wrong field.
    pub user: Option<String>,
    /// In which session.
    pub session: Option<SessionId>,
    /// From where.
    pub address: Option<IpAddr>,
    /// Who did it, where that is somebody else than the person whose account it is: an administrator.
    pub by: Option<String>,
    /// The roles that the account has from then on, where the event is about them.
    pub roles: Option<Vec<String>>,
}

/// An event on its way to the store, under a name by which the store knows it again.
///
/// ```
/// use portcullis::auth::{Event, JournalEntry, OsRandom, UnixTime, What};
///
/// let at = UnixTime::from_secs(1_700_000_000);
/// let event = Event { at, what: What::SignedIn, user: None, session: None, address: None, by: None, roles: None };
/// let (one, other) =
///     (JournalEntry::draw(event.clone(), &OsRandom).unwrap(), JournalEntry::draw(event, &OsRandom).unwrap());
/// assert_ne!(one.id, other.id, "what happens twice is kept twice");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// Nobody else's.
    pub id: [u8; 16],
    /// What happened.
    pub event: Event,
}

impl JournalEntry {
    /// This event under a new name.
    ///
    /// # Errors
    /// [`RandomError`] when the source of randomness gives nothing.
    pub fn draw(event: Event, random: &dyn Random) -> Result<Self, RandomError> {
        let mut id = [0; 16];
        random.fill(&mut id)?;
        Ok(Self { id, event })
    }
}

/// A part of what happened to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventSpan {
    /// Nothing from before this moment.
    pub since: UnixTime,
    /// Nothing from after this one.
    pub until: UnixTime,
    /// Without so many of the newest.
    pub skip: u32,
}

impl EventSpan {
    /// Everything since a moment.
    #[must_use]
    pub const fn since(since: UnixTime) -> Self {
        Self { since, until: UnixTime::from_secs(i64::MAX), skip: 0 }
    }

    /// Whether this moment is in it.
    #[must_use]
    pub fn has(&self, moment: UnixTime) -> bool {
        self.since <= moment && moment <= self.until
    }
}

/// What can happen.
///
/// ```
/// use portcullis::auth::{EndReason, What};
///
/// let what = What::SessionEnded(EndReason::LoggedOut);
/// assert_eq!(what.as_str(), "session_ended");
/// assert_eq!(what.to_text(), "session_ended:logged_out");
/// assert_eq!(What::from_text("session_ended:logged_out"), Some(what));
/// assert_eq!(What::from_text("word of another version"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum What {
    /// Somebody signed in.
    SignedIn,
    /// Somebody signed in after attempts had failed.
    SignedInAfterFailures,
    /// A sign-in with a wrong password, or to an account that may not.
    SignInFailed,
    /// A sign-in was put off because too many had failed.
    SignInThrottled,
    /// A replaced refresh token was presented again for an honest reason, and answered with the same successor.
    Replayed,
    /// A refresh token that had long been replaced came back: somebody has a copy.
    Reused,
    /// A refresh token of a generation that was never handed out: the key is known, or the store was rolled back.
    NeverIssued,
    /// A session ended.
    SessionEnded(EndReason),
    /// The password was entered again.
    Reauthenticated,
    /// The password was entered again, wrongly.
    ReauthenticationFailed,
    /// The password was changed by its owner.
    PasswordChanged,
    /// A change of the password was refused.
    PasswordChangeRefused,
    /// The password was set by an operator.
    PasswordSet,
    /// A one-time code was issued, to be exchanged for a password.
    CodeIssued,
    /// A one-time code was withdrawn before it was exchanged.
    CodeWithdrawn,
    /// The failed attempts to sign in under a name were forgotten, so that it need not wait.
    FailuresForgotten,
    /// A one-time code was exchanged for a password.
    PasswordChosen,
    /// An exchange with a wrong code, or one that is over.
    CodeRefused,
    /// A request by cookie came without the session's CSRF proof.
    CsrfRefused,
    /// A request came from another site.
    CrossSiteRefused,
    /// A token that is none of ours, or is not whole: forged, damaged, signed with a key that is gone.
    TokenInvalid,
    /// The same credential came twice, with different values.
    TokenDoubled,
    /// A refresh token came where an access token belongs, or the other way round.
    TokenOfWrongType,
    /// Somebody asked for what takes a role that they do not have.
    RoleMissing,
    /// A sign-in was answered 503: too many passwords were being checked.
    SignInBusy,
    /// An account was made.
    AccountCreated,
    /// An account was disabled.
    AccountDisabled,
    /// An account was enabled again.
    AccountEnabled,
    /// An account's roles were changed.
    RolesChanged,
    /// An authenticator app or a passkey was taken into use.
    FactorAdded,
    /// One was taken away by its owner.
    FactorRemoved,
    /// All factors of an account were taken away by somebody else.
    FactorsReset,
    /// Recovery codes were drawn in place of those before.
    RecoveryCodesMade,
    /// Somebody signed in with a recovery code.
    RecoveryCodeUsed,
    /// A code for a second step was wrong or spent.
    SecondFactorFailed,
    /// A sign-in is over because five codes were wrong: whoever gave them has the password.
    SecondFactorExhausted,
    /// A passkey's authenticator counted less than before: somebody may have a copy of it.
    PasskeyCounterFell,
    /// Somebody said that a password is enough in their browser for a while.
    BrowserTrusted,
    /// Somebody took that back.
    BrowserDistrusted,
    /// An administrator said that this person needs a second factor.
    FactorRequired,
    /// An administrator took that back.
    FactorNotRequired,
    /// Somebody proved that they read what is sent to an address, which is the account's from then on.
    AddressProved,
    /// The address before was restored, by whoever reads it.
    AddressRestored,
    /// Whoever reads the account's mail said that something was not done by them.
    Disowned,
    /// A link in a message was followed that is none, or is over.
    LinkRefused,
    /// Somebody signed in with a password that was stolen elsewhere.
    PasswordLeaked,
    /// Somebody became somebody here, by a link that was sent to them.
    Joined,
    /// An administrator sent somebody a link by which they become somebody here.
    Invited,
    /// Somebody leaves, or an administrator sends them away: the account is deleted after a while.
    DeletionAsked,
    /// That was taken back.
    DeletionUndone,
    /// The account is gone, and these events name its person no more.
    AccountDeleted,
    /// Somebody took everything with them that is kept of them.
    DataExported,
}

impl What {
    /// Everything that can happen.
    pub fn all() -> impl Iterator<Item = Self> {
        let ends = EndReason::all().map(Self::SessionEnded);
        TABLE.iter().map(|(what, ..)| *what).chain(ends)
    }

    /// The stable word for this event, without why a session ended.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SessionEnded(_) => ENDED,
            other => other.row().map_or("unknown", |(_, word, ..)| word),
        }
    }

    /// The event in one text, as stores keep it: its word, and after a colon why a session ended.
    #[must_use]
    pub fn to_text(self) -> String {
        match self {
            Self::SessionEnded(reason) => format!("{ENDED}:{}", reason.as_str()),
            other => other.as_str().to_owned(),
        }
    }

    /// The event of a kept text; `None` for one that another version wrote.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        match text.split_once(':') {
            Some((ENDED, reason)) => EndReason::from_word(reason).map(Self::SessionEnded),
            Some(_) => None,
            None => TABLE.iter().find(|(_, word, ..)| *word == text).map(|(what, ..)| *what),
        }
    }

    /// Whether a stranger can make it happen as often as they like.
    pub(crate) const fn is_at_will(self) -> bool {
        matches!(
            self,
            Self::SignInFailed
                | Self::SignInThrottled
                | Self::Replayed
                | Self::ReauthenticationFailed
                | Self::PasswordChangeRefused
                | Self::CodeRefused
                | Self::CsrfRefused
                | Self::CrossSiteRefused
                | Self::TokenInvalid
                | Self::TokenDoubled
                | Self::TokenOfWrongType
                | Self::RoleMissing
                | Self::SignInBusy
                | Self::SecondFactorFailed
                | Self::LinkRefused
        )
    }

    fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|(what, ..)| *what == self)
    }

    /// The word of the OWASP Logging Vocabulary.
    fn owasp(self) -> &'static str {
        match self {
            Self::SessionEnded(EndReason::LoggedOut | EndReason::Replaced) => "session_logout",
            Self::SessionEnded(EndReason::TooMany) => "excess_sessions_exceeded",
            Self::SessionEnded(_) => "authn_token_revoked",
            other => other.row().map_or("unknown", |(_, _, word, _)| word),
        }
    }

    fn level(self) -> Level {
        match self {
            Self::SessionEnded(EndReason::Reused) => Level::Critical,
            other => other.row().map_or(Level::Info, |(.., level)| *level),
        }
    }
}

/// Keeps events for as long as `auth.event_ttl` says.
///
/// ```
/// use portcullis::auth::{Event, EventSpan, JournalEntry, OsRandom, UnixTime, What};
/// use portcullis::store;
///
/// rocket::execute(async {
///     let store = store::memory().events;
///     let at = UnixTime::from_secs(1_700_000_000);
///     let event = Event { at, what: What::SignedIn, user: Some("ada".to_owned()), session: None, address: None, by: None, roles: None };
///     let entry = JournalEntry::draw(event.clone(), &OsRandom).unwrap();
///     store.record(&[entry.clone()]).await.unwrap();
///     store.record(&[entry]).await.expect("somebody who did not hear the answer says it again");
///     assert_eq!(store.events_of("ada", EventSpan::since(at), 10).await.unwrap(), [event]);
/// });
/// ```
#[async_trait]
pub trait EventStore: Send + Sync + 'static {
    /// Keeps these events, except those that it has by their name already.
    async fn record(&self, events: &[JournalEntry]) -> Result<(), StoreError>;

    /// The newest `limit` events about a person's account in a span, newest first.
    async fn events_of(&self, user: &str, span: EventSpan, limit: u32) -> Result<Vec<Event>, StoreError>;

    /// When each of these people signed in last, in the same order, as far as the events that are kept tell.
    async fn last_sign_ins(&self, users: &[&str]) -> Result<Vec<Option<UnixTime>>, StoreError>;

    /// Forgets events from before a moment.
    async fn purge_events(&self, before: UnixTime) -> Result<(), StoreError>;
}

/// The `tracing` target of the lines.
pub const TARGET: &str = "portcullis::audit";
const ENDED: &str = "session_ended";
