//! What the fairing attaches to a Rocket: keys, settings, the store and this node's view of it.
//!
//! Everything that begins, renews or ends a session goes through here, in an order that survives a crash:
//! first the store, durably, then this node's memory, then the answer.
//! A browser that goes away must not leave the second step undone, so each change runs as a task that nobody can cancel.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rocket::{Phase, Rocket};
use serde_json::Map;

use crate::auth::config::AuthSettings;
use crate::auth::config::proxies::{Told, TrustedProxies};
use crate::auth::id::{SessionId, TokenId};
use crate::auth::sessions::confirmed::Confirmed;
use crate::auth::sessions::event::{EventStore, What};
use crate::auth::sessions::hooks::Hooks;
use crate::auth::sessions::record::{Cursor, Ending, Revocation, Session, SessionStore, Voucher, Whose};
use crate::auth::sessions::rotation::{EndReason, Leniency, State, Verdict};
use crate::auth::sessions::store_error::StoreError;
use crate::auth::sessions::view::View;
use crate::auth::sessions::waiting::blocklist::Siblings;
use crate::auth::sessions::waiting::journal::Journal;
use crate::auth::sessions::waiting::unkept::Unkept;
use crate::auth::tokens::claims::SessionClaims;
use crate::auth::tokens::codec::{Codec, Mint};
use crate::auth::tokens::csrf_value;
use crate::auth::tokens::key_file::KeyFile;
use crate::auth::tokens::token::Token;
use crate::auth::wire::cookies::Jar;
use crate::auth::wire::error::AuthError;
use crate::auth::wire::invalid::Invalid;
use crate::auth::wire::kind::Kind;
use crate::auth::wire::origin::Origin;
use crate::auth::wire::proved::Proved;
use crate::ground::clock::{Clock, UnixTime};
use crate::ground::patience;
use crate::ground::random::Random;
use crate::ground::request::{RequestId, on_its_account};

pub(crate) struct Authority {
    pub(crate) settings: AuthSettings,
    pub(crate) codec: Codec,
    pub(crate) jar: Jar,
    pub(crate) store: Arc<dyn SessionStore>,
    /// Where events are kept, besides the log, if anywhere.
    pub(crate) events: Option<Arc<dyn EventStore>>,
    /// Whether the store answered when this node last followed it.
    pub(crate) is_reachable: AtomicBool,
    pub(crate) view: View,
    /// The list that sibling services read, if there is one.
    pub(crate) siblings: Option<Siblings>,
    pub(crate) confirmed: Confirmed,
    pub(crate) journal: Journal,
    /// The file that the keys came from, if they came from one; watched for a rotation.
    pub(crate) key_file: Option<KeyFile>,
    /// Whether its keys are those that are in use: the last look at it found none that could not be read.
    pub(crate) keys_are_read: AtomicBool,
    pub(crate) hooks: Hooks,
    pub(crate) unkept: Unkept,
    /// The operator's own proxies, and what was told of them.
    pub(crate) proxies: TrustedProxies,
    pub(crate) told: Told,
    /// The origin under which people know this application, if the operator said so.
    pub(crate) public_origin: Option<Origin>,
    /// The roles that take the second level.
    pub(crate) strong_roles: Vec<String>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    /// How far into the store's log this node has read; held while reading, so that two readers do not overlap.
    pub(crate) cursor: tokio::sync::Mutex<Cursor>,
    /// Held while the store is told what was confirmed, so that a refresh can wait for it.
    pub(crate) telling: tokio::sync::Mutex<()>,
}

/// A session that is about to begin.
#[derive(Debug)]
pub(crate) struct NewSession {
    pub(crate) user: String,
    pub(crate) roles: Vec<String>,
    pub(crate) remember: bool,
    pub(crate) user_agent: String,
    pub(crate) address: Option<IpAddr>,
    pub(crate) proved: Proved,
    /// What it begins by, if more than a password was asked for.
    pub(crate) voucher: Option<Voucher>,
}

/// An access and a refresh token of one generation, and what their cookies need.
pub(crate) struct Pair {
    pub(crate) session: SessionId,
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) csrf_access: String,
    pub(crate) csrf_refresh: String,
    /// How long the cookies last; `None` ends them with the browser session.
    pub(crate) access_age: Option<Duration>,
    pub(crate) refresh_age: Option<Duration>,
}

impl Authority {
    /// The authority of this Rocket, if the fairing is attached.
    pub(crate) fn of<P: Phase>(rocket: &Rocket<P>) -> Option<&Arc<Self>> {
        rocket.state::<Arc<Self>>()
    }

    /// Begins a session: the row is durable before the tokens exist.
    pub(crate) async fn begin(self: &Arc<Self>, new: NewSession) -> Result<Pair, AuthError> {
        let now = self.clock.now();
        let deadlines = if new.remember { self.settings.remembered } else { self.settings.session };
        let is_fresh = new.proved.is_fresh();
        let mut seed = [0; 16];
        self.random.fill(&mut seed)?;
        let session = Session {
            id: SessionId::draw(&*self.random)?,
            user: new.user,
            roles: new.roles,
            state: State::begin(now, deadlines.idle, deadlines.absolute),
            remember: new.remember,
            created_at: now,
            auth_time: if is_fresh { now } else { now - self.settings.fresh_ttl - Duration::from_secs(1) },
            last_seen: now,
            user_agent: new.user_agent,
            address: new.address,
            proved: new.proved,
        };
        let pair = self.mint(&session, &csrf_value::refresh_value(seed), now, is_fresh).await?;
        self.confirmed.begin(session.id, session.state.generation, &session.user);
        let (limit, voucher) = (self.settings.max_sessions, new.voucher);
        let has_begun = self.change(move |it| async move {
            let until = it.remember_until(now);
            let displaced = match &voucher {
                Some(voucher) => it.store.create_by(voucher, &session, limit, until).await?,
                None => Some(it.store.create(&session, limit, until).await?),
            };
            let Some(displaced) = displaced else { return Ok(false) };
            it.refuse_ended(&displaced, until);
            let (user, address) = (session.user.as_str(), session.address);
            it.note(What::SignedIn, Some(user), Some(session.id), address);
            for id in displaced {
                it.note(What::SessionEnded(EndReason::TooMany), Some(user), Some(id), address);
            }
            Ok(true)
        });
        if has_begun.await? { Ok(pair) } else { Err(AuthError::Revoked) }
    }

    /// Exchanges a refresh token for the pair of the next generation, or of the same one again.
    pub(crate) async fn renew(
        self: &Arc<Self>,
        token: &SessionClaims<'_>,
        address: Option<IpAddr>,
        patience: Duration,
    ) -> Result<(Session, Pair), AuthError> {
        let now = self.clock.now();
        let (id, generation) = (token.session_id(), token.generation());
        let leniency = self.leniency();
        let presented = self
            .change_within(patience, |it| async move {
                // What this node has seen is told first: a successor in use makes its predecessor a stolen one.
                it.tell_confirmed().await?;
                let until = it.remember_until(now);
                let presented = it.store.present(id, generation, now, leniency, until).await?;
                if let Some((session, verdict)) = &presented {
                    if *verdict == Verdict::Reused {
                        it.refuse_ended(&[id], until);
                    }
                    it.note_verdict(*verdict, session, address);
                }
                Ok(presented)
            })
            .await?;
        let Some((mut session, verdict)) = presented else { return Err(AuthError::Revoked) };
        if session.user != token.subject() {
            return Err(Invalid::Subject.into());
        }
        match verdict {
            Verdict::Rotated | Verdict::Replayed => {
                let seed =
                    token.csrf().ok_or(Invalid::MissingClaim(crate::auth::wire::invalid::Claim::Csrf))?;
                // A copy that was stolen before the owner entered the password again must not become fresh by it.
                session.auth_time = session.auth_time.min(token.auth_time());
                let pair = self.mint(&session, seed, now, false).await?;
                Ok((session, pair))
            }
            Verdict::Reused => Err(AuthError::Reused),
            Verdict::AlreadyEnded => Err(end_of(&session)),
            Verdict::Expired => Err(AuthError::Expired),
            Verdict::NeverIssued => Err(Invalid::NeverIssued.into()),
        }
    }

    /// Ends sessions; durable when this returns, and known to this node.
    pub(crate) async fn end(
        self: &Arc<Self>,
        whose: Whose,
        reason: EndReason,
        address: Option<IpAddr>,
    ) -> Result<Vec<SessionId>, AuthError> {
        let at = self.clock.now();
        self.change(|it| async move {
            let until = it.remember_until(at);
            let ending = Ending { which: whose.which(), reason, at, remember_until: until };
            let ended = it.store.end(&ending).await?;
            it.refuse_ended(&ended, until);
            for id in &ended {
                it.journal.write(whose.end_of(*id, at, reason, address));
            }
            Ok(ended)
        })
        .await
    }

    /// Revokes a single token, for one that has no session to end; durable when this returns, and known to this node.
    pub(crate) async fn revoke(self: &Arc<Self>, token: &Token) -> Result<(), AuthError> {
        let id = token.id;
        let until = self.revoked_until(token);
        self.change(move |it| async move {
            it.store.revoke(id, until).await?;
            it.refuse(Revocation { id: *id.as_bytes(), until });
            Ok(())
        })
        .await
    }

    /// The margin is the one of `remember_ends_for`: no node's clock may outlive the memory.
    pub(crate) fn revoked_until(&self, token: &Token) -> UnixTime {
        token.expires_at + (self.settings.remember_ends_for() - self.settings.access_ttl)
    }

    /// Notes that the password was entered again, and mints a pair that says so, with new CSRF values.
    pub(crate) async fn reauthenticate(
        self: &Arc<Self>,
        id: SessionId,
        proved: Proved,
        address: Option<IpAddr>,
    ) -> Result<Pair, AuthError> {
        let now = self.clock.now();
        let mut seed = [0; 16];
        self.random.fill(&mut seed)?;
        let leniency = self.leniency();
        let session = self.change(move |it| async move {
            if !it.store.reauthenticated(id, proved, now).await? {
                return Ok(None);
            }
            let Some(session) = it.store.find(id).await? else { return Ok(None) };
            it.note(What::Reauthenticated, Some(&session.user), Some(id), address);
            // A generation of its own: an answer that crosses a refresh in another tab then carries its successor or the
            // same one, never one that is abandoned already, and a copy of the old tokens shows when it is used.
            let generation = session.state.generation;
            let until = it.remember_until(now);
            let presented = it.store.present(id, generation, now, leniency, until).await?;
            Ok(presented.map(|(session, _)| session))
        });
        let session = session.await?.ok_or(AuthError::Revoked)?;
        self.mint(&session, &csrf_value::refresh_value(seed), now, true).await
    }

    /// Reads what the store's log says since the last time.
    pub(crate) async fn sync(&self) -> Result<(), StoreError> {
        let mut cursor = self.cursor.lock().await;
        let started = self.clock.monotonic();
        let news = self.store.revocations(&cursor, self.clock.now()).await?;
        self.take_in(&news, started).await;
        self.view.readings.add(self.clock.monotonic().saturating_sub(started));
        *cursor = news.cursor;
        Ok(())
    }

    /// Tells the store which generations were seen in use.
    pub(crate) async fn tell_confirmed(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.telling.lock().await;
        let seen = self.confirmed.take();
        if seen.is_empty() {
            return Ok(());
        }
        let told = self.store.confirm(&seen).await;
        if told.is_err() {
            self.confirmed.put_back(seen);
        }
        told
    }

    /// Mints the pair of a session's current generation.
    pub(crate) async fn mint(
        &self,
        session: &Session,
        csrf_seed: &str,
        now: UnixTime,
        fresh: bool,
    ) -> Result<Pair, AuthError> {
        let deadline = session.state.deadline();
        let expires_at = (now + self.settings.access_ttl).min(deadline);
        let csrf_access = csrf_value::access_value(csrf_seed);
        let (extra, none) = (self.hooks.claims_for(session).await?, Map::new());
        let mut mint = Mint {
            kind: Kind::Access,
            id: TokenId::draw(&*self.random)?,
            subject: &session.user,
            roles: &session.roles,
            session: session.id,
            generation: session.state.generation,
            fresh,
            auth_time: session.auth_time,
            issued_at: now,
            expires_at,
            csrf: &csrf_access,
            proved: session.proved,
            extra: &extra,
        };
        let access = self.codec.mint(&mint)?;
        mint.kind = Kind::Refresh;
        mint.id = TokenId::draw(&*self.random)?;
        mint.fresh = false;
        mint.expires_at = deadline;
        mint.csrf = csrf_seed;
        mint.extra = &none;
        let refresh = self.codec.mint(&mint)?;
        let age = |until: UnixTime| session.remember.then(|| now.until(until));
        Ok(Pair {
            session: session.id,
            access,
            refresh,
            csrf_refresh: csrf_seed.to_owned(),
            access_age: age(expires_at),
            refresh_age: age(deadline),
            csrf_access,
        })
    }

    pub(crate) fn leniency(&self) -> Leniency {
        Leniency { grace: self.settings.grace, lost_response: LOST_RESPONSE }
    }

    /// Until when an end of a session at `at` must be remembered.
    pub(crate) fn remember_until(&self, at: UnixTime) -> UnixTime {
        at + self.settings.remember_ends_for()
    }

    /// Runs a change to its end, whatever becomes of the request that asked for it.
    async fn change<T, F, Fut>(self: &Arc<Self>, change: F) -> Result<T, AuthError>
    where
        T: Send + 'static,
        F: FnOnce(Arc<Self>) -> Fut,
        Fut: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        self.change_within(PATIENCE, change).await
    }

    /// The same for a request that has waited before.
    async fn change_within<T, F, Fut>(self: &Arc<Self>, limit: Duration, change: F) -> Result<T, AuthError>
    where
        T: Send + 'static,
        F: FnOnce(Arc<Self>) -> Fut,
        Fut: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let change = change(Arc::clone(self));
        let it = Arc::clone(self);
        let task = tokio::spawn(on_its_account(RequestId::current(), async move {
            let outcome = change.await;
            it.tell_siblings().await;
            outcome
        }));
        match patience::answered(limit, task).await {
            Some(Ok(outcome)) => outcome.map_err(AuthError::from),
            Some(Err(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a change of a session broke off");
                Err(AuthError::Unavailable)
            }
            None => Err(late()),
        }
    }
}

/// What the caller of an ended session is told.
pub(crate) fn end_of(session: &Session) -> AuthError {
    match session.state.ended {
        Some(ended) if ended.reason == EndReason::Reused => AuthError::Reused,
        _ => AuthError::Revoked,
    }
}

/// What somebody is told who waited for the store in vain.
pub(crate) fn late() -> AuthError {
    tracing::error!("the session store did not answer in time");
    AuthError::Unavailable
}

/// How long an unanswered rotation is assumed lost rather than stolen, at most; the idle limit bounds it further.
const LOST_RESPONSE: Duration = Duration::from_secs(24 * 3600);
/// How long the store may take before the caller is told 503; a change still runs to its end.
pub(crate) const PATIENCE: Duration = Duration::from_millis(980);
