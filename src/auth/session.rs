//! The row of a session, and the contract of whoever keeps it.
//!
//! A session begins with a password and ends for a [reason](crate::auth::EndReason); between the two it is rotated.
//! Nothing secret is in the row: a copy of the whole store opens nobody's session.

use std::net::IpAddr;

use async_trait::async_trait;

use crate::auth::clock::UnixTime;
use crate::auth::event::EventStore;
use crate::auth::id::{SessionId, TokenId};
use crate::auth::rotation::{EndReason, Leniency, State, Verdict};

/// One signed-in browser or program of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its name, claim `sid`.
    pub id: SessionId,
    /// Who signed in, claim `sub`.
    pub user: String,
    /// The roles the person had at sign-in, claim `roles`.
    pub roles: Vec<String>,
    /// Generation, deadlines, end.
    pub state: State,
    /// Whether "remember me" was chosen: its cookies then survive the closing of the browser.
    pub remember: bool,
    /// When the person signed in.
    pub created_at: UnixTime,
    /// When the password was last entered, claim `auth_time`.
    pub auth_time: UnixTime,
    /// When it was last refreshed.
    pub last_seen: UnixTime,
    /// What the browser called itself; cut to 256 characters.
    pub user_agent: String,
    /// From where the person signed in.
    pub address: Option<IpAddr>,
}

/// The store is out of reach or answered nonsense.
/// The caller answers 503; it never means "signed out".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store did not answer, or answered with an error of its own.
    #[error("the store is out of reach")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row that this version cannot read.
    #[error("the store holds a row that cannot be read: {0}")]
    Damaged(&'static str),
}

/// Which sessions are to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which<'a> {
    /// This one.
    One(SessionId),
    /// This one, if it belongs to this person.
    OneOf(SessionId, &'a str),
    /// All of a person's, but for the one to keep.
    AllOf(&'a str, Option<SessionId>),
    /// Everybody's.
    Everybody,
}

/// Which of a person's sessions are to end, for a task that outlives its request.
#[derive(Debug, Clone)]
pub(crate) struct Whose {
    pub(crate) user: String,
    pub(crate) which: These,
}

/// One session, or all but one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum These {
    One(SessionId),
    Others(SessionId),
}

impl Whose {
    pub(crate) fn which(&self) -> Which<'_> {
        match self.which {
            These::One(id) => Which::OneOf(id, &self.user),
            These::Others(kept) => Which::AllOf(&self.user, Some(kept)),
        }
    }
}

/// An order to end sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending<'a> {
    /// Which.
    pub which: Which<'a>,
    /// Why.
    pub reason: EndReason,
    /// When.
    pub at: UnixTime,
    /// Until when nodes must remember it: when the last access token of the session has expired.
    pub remember_until: UnixTime,
}

/// A position in the store's log of revocations; a node has applied all up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor(pub i64);

/// Something revoked: the 128 bits of a session's or of a token's id, and until when it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// The id's bytes.
    pub id: [u8; 16],
    /// After this moment every token it concerns has expired.
    pub until: UnixTime,
}

/// What was revoked after a [`Cursor`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Revocations {
    /// The new entries.
    pub entries: Vec<Revocation>,
    /// The position after the last of them.
    pub cursor: Cursor,
    /// Tokens issued before this moment are refused, whosever they are.
    pub not_before: UnixTime,
}

/// Keeps sessions and the log of revocations; truth, against which every node's memory is only a view.
///
/// Every method that changes something is one transaction and returns only after it is durable.
/// The contract suite in `tests/it/contract.rs` says the same in code, and every driver passes it.
#[async_trait]
pub trait SessionStore: EventStore {
    /// Opens the store and brings its tables up to date; called once at launch.
    async fn ready(&self) -> Result<(), StoreError>;

    /// Keeps a new session. When the person then has more than `limit` live ones, those idle the longest are ended in
    /// the same transaction (reason [`EndReason::TooMany`], remembered until `remember_until`); their ids are returned.
    async fn create(
        &self,
        session: &Session,
        limit: usize,
        remember_until: UnixTime,
    ) -> Result<Vec<SessionId>, StoreError>;

    /// The session of this name, ended or not; `None` when there never was one or it was purged.
    async fn find(&self, id: SessionId) -> Result<Option<Session>, StoreError>;

    /// Presents `generation` of a session: reads the row, asks [`rotation::step`](crate::auth::rotation::step) and
    /// keeps its answer with a compare-and-set, in one transaction.
    /// [`Verdict::Rotated`] also sets `last_seen`; [`Verdict::Reused`] also logs the revocation.
    /// Returns the session as it is afterwards.
    async fn present(
        &self,
        id: SessionId,
        generation: u64,
        now: UnixTime,
        leniency: Leniency,
        remember_until: UnixTime,
    ) -> Result<Option<(Session, Verdict)>, StoreError>;

    /// Notes that tokens of these generations were used; ignores those that are not current.
    async fn confirm(&self, seen: &[(SessionId, u64)]) -> Result<(), StoreError>;

    /// Ends those of `which` that have not ended and logs the revocations; returns those that ended now.
    /// One past its deadline is logged too: its last access token may still live.
    async fn end(&self, ending: &Ending<'_>) -> Result<Vec<SessionId>, StoreError>;

    /// Notes that the password was entered again in this live session; `false` when it does not live.
    async fn reauthenticated(&self, id: SessionId, at: UnixTime) -> Result<bool, StoreError>;

    /// A person's live sessions, last used first.
    async fn live(&self, user: &str, now: UnixTime) -> Result<Vec<Session>, StoreError>;

    /// Revokes a single token until it would have expired.
    async fn revoke(&self, id: TokenId, until: UnixTime) -> Result<(), StoreError>;

    /// Refuses every token issued before `moment`; never moves backwards.
    async fn raise_not_before(&self, moment: UnixTime) -> Result<(), StoreError>;

    /// What was revoked after `cursor` and still matters at `now`.
    /// The first read asks with [`Cursor::default`].
    async fn revocations(&self, cursor: Cursor, now: UnixTime) -> Result<Revocations, StoreError>;

    /// Whether one of these ids is in the log of revocations, or `issued_at` lies before the store's not-before time.
    async fn is_revoked(&self, ids: [[u8; 16]; 2], issued_at: UnixTime) -> Result<bool, StoreError>;

    /// Forgets revocations that no longer matter and sessions past their absolute deadline.
    async fn purge(&self, now: UnixTime) -> Result<(), StoreError>;
}
