//! The row of a session, and the contract of whoever keeps it.
//!
//! A session begins with a password and ends for a [reason](crate::auth::EndReason); between the two it is rotated.
//! Nothing secret is in the row: a copy of the whole store opens nobody's session.

use std::net::IpAddr;

use async_trait::async_trait;

use crate::auth::id::{SessionId, TokenId};
use crate::auth::sessions::event::{Event, What};
use crate::auth::sessions::rotation::{EndReason, Leniency, State, Verdict};
use crate::auth::sessions::store_error::StoreError;
use crate::auth::wire::proved::Proved;
use crate::ground::clock::UnixTime;

/// One signed-in browser or program of one person.
///
/// ```
/// use portcullis::AccessToken;
/// use portcullis::auth::{Session, Sessions};
/// use portcullis::testing::Kit;
/// use rocket::{get, routes};
///
/// #[get("/sessions")]
/// async fn list(token: AccessToken<'_>, sessions: Sessions<'_>) -> Result<String, portcullis::Refusal> {
///     let line = |session: &Session| format!("{} since {}", session.user, session.created_at.as_secs());
///     let live = sessions.live(token.subject()).await?;
///     Ok(live.iter().map(line).collect::<Vec<_>>().join("\n"))
/// }
///
/// let kit = Kit::new();
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![list]));
/// assert_eq!(site.signed_in("ada", &[]).get("/sessions").body, "ada since 1700000000");
/// ```
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
    /// What the person proved, at sign-in or since; claims `amr` and `acr`.
    pub proved: Proved,
}

/// What a session begins by, once: the store has given it out when everything was proved that it takes, and spends it in
/// the transaction that keeps the session. Nobody is left with a proof that is spent and no session.
///
/// ```
/// use portcullis::auth::Voucher;
///
/// let voucher = Voucher::from_bytes([7; 32]);
/// assert_eq!(format!("{voucher:?}"), "Voucher(..)", "a log learns nothing");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Voucher([u8; 32]);

impl Voucher {
    /// The voucher of these bytes, which the store has given out.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, for a store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Voucher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Voucher(..)")
    }
}

/// Which sessions are to end.
///
/// ```
/// use portcullis::auth::{SessionId, Which};
///
/// /// What a driver asks of every session it holds.
/// fn is_meant(which: &Which<'_>, id: SessionId, user: &str) -> bool {
///     match which {
///         Which::One(wanted) => id == *wanted,
///         Which::OneOf(wanted, owner) => id == *wanted && user == *owner,
///         Which::AllOf(owner, kept) => user == *owner && Some(id) != *kept,
///         Which::Everybody => true,
///     }
/// }
///
/// let (here, there) = (SessionId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]));
/// let elsewhere = Which::AllOf("ada", Some(here));
/// assert!(is_meant(&elsewhere, there, "ada") && !is_meant(&elsewhere, here, "ada"));
/// ```
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
    which: These,
    /// Who ends them, if that is not the person.
    by: Option<String>,
}

/// One session, all but one, or all.
#[derive(Debug, Clone, Copy)]
pub(crate) enum These {
    One(SessionId),
    Others(SessionId),
    All,
}

impl Whose {
    /// The person's own doing.
    pub(crate) fn own(user: &str, which: These) -> Self {
        Self { user: user.to_owned(), which, by: None }
    }

    /// The doing of an administrator, who may be the same person.
    pub(crate) fn by(self, administrator: &str) -> Self {
        let by = (self.user != administrator).then(|| administrator.to_owned());
        Self { by, ..self }
    }

    /// The event that the end of one of them is.
    pub(crate) fn end_of(
        &self,
        id: SessionId,
        at: UnixTime,
        reason: EndReason,
        address: Option<IpAddr>,
    ) -> Event {
        let (user, by) = (Some(self.user.clone()), self.by.clone());
        Event { at, what: What::SessionEnded(reason), user, session: Some(id), address, by, roles: None }
    }

    pub(crate) fn which(&self) -> Which<'_> {
        match self.which {
            These::One(id) => Which::OneOf(id, &self.user),
            These::Others(kept) => Which::AllOf(&self.user, Some(kept)),
            These::All => Which::AllOf(&self.user, None),
        }
    }
}

/// An order to end sessions.
///
/// ```
/// use portcullis::auth::{Clock, EndReason, Ending, Which};
/// use portcullis::{Portcullis, store, testing::Kit};
/// use std::time::Duration;
///
/// let (kit, store) = (Kit::new(), store::memory().sessions);
/// let portcullis = Portcullis::new(store.clone()).clock(kit.clock());
/// let site = kit.launch(rocket::custom(kit.figment()).attach(portcullis));
/// let _ada = site.signed_in("ada", &[]);
///
/// let at = kit.clock().now();
/// // An access token lives 300 s by default; the margin covers a refresh that goes on at the same time.
/// let remember_until = at + Duration::from_secs(360);
/// let ending = Ending { which: Which::AllOf("ada", None), reason: EndReason::Operator, at, remember_until };
/// assert_eq!(rocket::execute(store.end(&ending)).unwrap().len(), 1);
/// ```
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
///
/// ```
/// use portcullis::auth::{Cursor, UnixTime};
/// use portcullis::store;
///
/// rocket::execute(async {
///     let (store, now) = (store::memory().sessions, UnixTime::from_secs(1_700_000_000));
///     let first = store.revocations(&Cursor::default(), now).await.unwrap();
///     // The next read begins where this one ended.
///     assert!(store.revocations(&first.cursor, now).await.unwrap().entries.is_empty());
/// });
/// ```
///
/// What stands in it is the driver's own: a number, a snapshot, a place in a stream. Nobody else compares two of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cursor(Box<[u8]>);

impl Cursor {
    /// A position in the driver's own words.
    #[must_use]
    pub fn new(position: &[u8]) -> Self {
        Self(position.into())
    }

    /// The driver's own words; empty before anything was read.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Something revoked: the 128 bits of a session's or of a token's id, and until when it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// The id's bytes.
    pub id: [u8; 16],
    /// After this moment every token it concerns has expired.
    pub until: UnixTime,
}

/// What was revoked after a [`Cursor`].
///
/// ```
/// use portcullis::auth::{Cursor, Revocation, TokenId, UnixTime};
/// use portcullis::store;
///
/// rocket::execute(async {
///     let (store, now) = (store::memory().sessions, UnixTime::from_secs(1_700_000_000));
///     let until = UnixTime::from_secs(1_700_000_300);
///     let id: TokenId = "7f3c1f0e-9a4b-4c7d-8e21-5d6f7a8b9c0d".parse().unwrap();
///     store.revoke(id, until).await.unwrap();
///     let news = store.revocations(&Cursor::default(), now).await.unwrap();
///     assert_eq!(news.entries, [Revocation { id: *id.as_bytes(), until }]);
///     assert_ne!(news.cursor, Cursor::default());
/// });
/// ```
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
///
/// ```
/// use portcullis::auth::{Proved, Session, SessionId, State, UnixTime};
/// use portcullis::store;
/// use std::time::Duration;
///
/// rocket::execute(async {
///     let store = store::memory().sessions;
///     store.ready().await.unwrap();
///     let now = UnixTime::from_secs(1_700_000_000);
///     let state = State::begin(now, Duration::from_secs(86_400), Duration::from_secs(604_800));
///     let (id, user) = (SessionId::from_bytes([7; 16]), "ada".to_owned());
///     let session = Session {
///         id, user, state, roles: vec![], remember: false, created_at: now, auth_time: now, last_seen: now,
///         user_agent: String::new(), address: None, proved: Proved::Password,
///     };
///     store.create(&session, 10, now).await.unwrap();
///     assert_eq!(store.live("ada", now).await.unwrap(), [session]);
/// });
/// ```
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// Opens the store and brings its tables up to date; called once at launch.
    async fn ready(&self) -> Result<(), StoreError>;

    /// Gives back what it holds; called once, after the last request. By default there is nothing to give back.
    async fn close(&self) {}

    /// Keeps a new session. When the person then has more than `limit` live ones, those idle the longest are ended in
    /// the same transaction (reason [`EndReason::TooMany`], remembered until `remember_until`); their ids are returned.
    async fn create(
        &self,
        session: &Session,
        limit: usize,
        remember_until: UnixTime,
    ) -> Result<Vec<SessionId>, StoreError>;

    /// The same by spending a voucher in the same transaction; `None`, and nothing is kept, when it was spent, or is worth
    /// nothing any more. A store that has given none out takes none, which is the default.
    async fn create_by(
        &self,
        _voucher: &Voucher,
        _session: &Session,
        _limit: usize,
        _remember_until: UnixTime,
    ) -> Result<Option<Vec<SessionId>>, StoreError> {
        Ok(None)
    }

    /// The session of this name, ended or not; `None` when there never was one or it was purged.
    async fn find(&self, id: SessionId) -> Result<Option<Session>, StoreError>;

    /// Presents `generation` of a session: reads the row, asks [`rotation::step`](crate::auth::sessions::rotation::step) and
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

    /// Notes that this was proved again in this live session; `false` when it does not live. What was proved in it before
    /// is not forgotten for less.
    async fn reauthenticated(&self, id: SessionId, proved: Proved, at: UnixTime) -> Result<bool, StoreError>;

    /// How many live sessions each of these people has, in the same order.
    async fn count_live(&self, users: &[&str], now: UnixTime) -> Result<Vec<u32>, StoreError>;

    /// A person's live sessions, last used first.
    async fn live(&self, user: &str, now: UnixTime) -> Result<Vec<Session>, StoreError>;

    /// Revokes a single token until it would have expired.
    async fn revoke(&self, id: TokenId, until: UnixTime) -> Result<(), StoreError>;

    /// Refuses every token issued before `moment`; never moves backwards.
    async fn raise_not_before(&self, moment: UnixTime) -> Result<(), StoreError>;

    /// What was revoked after `cursor` and still matters at `now`.
    /// The first read asks with [`Cursor::default`].
    async fn revocations(&self, cursor: &Cursor, now: UnixTime) -> Result<Revocations, StoreError>;

    /// Waits for news, and returns what is known of them: entries that the log has grown by, or none when it may have grown
    /// and is to be read; seldom without a cause, as when a connection that was lost may have missed some.
    ///
    /// A hint that makes a sign-out travel sooner; a node reads the log four times a second whatever is said here, so
    /// that a hint which is lost costs that long and no more. By default there is never any.
    async fn changed(&self) -> Vec<Revocation> {
        std::future::pending().await
    }

    /// Whether one of these ids is in the log of revocations, or `issued_at` lies before the store's not-before time.
    async fn is_revoked(&self, ids: [[u8; 16]; 2], issued_at: UnixTime) -> Result<bool, StoreError>;

    /// Forgets revocations that no longer matter and sessions past their absolute deadline, in transactions so small that
    /// nobody waits for them, however many there are.
    async fn purge(&self, now: UnixTime) -> Result<(), StoreError>;
}
