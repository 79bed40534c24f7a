//! The door to sessions for a handler: sign in, refresh, sign out.
//!
//! Who the person is has been decided by the application before it calls [`Sessions::sign_in`];
//! this file knows no passwords.

mod browser;
mod history;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use rocket::request::{FromRequest, Outcome, Request};
use rocket::{Ignite, Rocket, Sentinel};

use crate::auth::guards::token_pair::TokenPair;
use crate::auth::guards::tokens::{RefreshToken, is_unattached};
use crate::auth::id::SessionId;
use crate::auth::request::asked::Asked;
use crate::auth::request::caller;
use crate::auth::request::location::in_line;
use crate::auth::request::verdict::{authority, clear_cookies, notes, patience, send_pair};
use crate::auth::sessions::authority::{Authority, NewSession, Pair};
use crate::auth::sessions::event::{Event, EventSpan, What};
use crate::auth::sessions::record::{Session, These, Voucher, Whose};
use crate::auth::sessions::rotation::EndReason;
use crate::auth::tokens::token::{Membership, Token};
use crate::auth::wire::cookies::{Carried, Readable};
use crate::auth::wire::error::AuthError;
use crate::auth::wire::kind::Kind;
use crate::auth::wire::place::Location;
use crate::auth::wire::proved::Proved;
use crate::ground::clock::UnixTime;

/// A guard that opens, renews and closes sessions for this request; cookies follow with the response.
///
/// ```
/// use portcullis::testing::Kit;
/// use portcullis::{AccessToken, Refusal, Sessions, SignInAttempt};
/// use rocket::{get, post, routes};
///
/// #[post("/login")]
/// async fn login(_attempt: SignInAttempt, sessions: Sessions<'_>) -> Result<(), Refusal> {
///     Ok(sessions.sign_in("ada", &[], false).await.map(drop)?)
/// }
///
/// #[post("/logout")]
/// async fn logout(_token: AccessToken<'_>, sessions: Sessions<'_>) -> Result<(), Refusal> {
///     Ok(sessions.sign_out().await?)
/// }
///
/// let kit = Kit::new();
/// let rocket = rocket::custom(kit.figment()).attach(kit.portcullis());
/// let site = kit.launch(rocket.mount("/", routes![login, logout]));
/// let ada = site.anonymous();
/// assert_eq!(ada.post_form("/login", &[]).status, 200);
/// assert_eq!(ada.post_form("/logout", &[]).status, 200);
/// assert_eq!(ada.post_form("/logout", &[]).status, 401, "the session is over");
/// ```
#[derive(Clone, Copy)]
pub struct Sessions<'r> {
    pub(super) request: &'r Request<'r>,
    pub(super) authority: &'r Arc<Authority>,
}

impl Sessions<'_> {
    /// Signs a person in: a new session with new tokens and new CSRF values, in cookies.
    /// Sessions that this browser held before are ended (OWASP ASVS 7.2.4), and nothing of theirs survives.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] when the store is out of reach; nothing has begun then.
    pub async fn sign_in(
        &self,
        user: &str,
        roles: &[String],
        remember: bool,
    ) -> Result<SessionId, AuthError> {
        self.sign_in_having(Proved::Password, None, user, roles, remember).await
    }

    /// The same for somebody who proved this, and whose session begins by this voucher, if by any.
    ///
    /// # Errors
    /// As [`sign_in`](Self::sign_in); [`AuthError::Revoked`] when the voucher is worth nothing.
    pub async fn sign_in_having(
        &self,
        proved: Proved,
        voucher: Option<Voucher>,
        user: &str,
        roles: &[String],
        remember: bool,
    ) -> Result<SessionId, AuthError> {
        // First, so that the session that is replaced does not count against the limit.
        self.end_carried(EndReason::Replaced).await?;
        let pair = self.begin(proved, voucher, user, roles, remember).await?;
        let jar = self.authority.jar;
        send_pair(self.request, jar, &pair);
        let form = &jar.wire().pre_session_cookie;
        if Asked::bare(self.request).cookie(form) != Carried::Absent {
            jar.delete(&notes(self.request).outbox, form, Readable::ByServerOnly);
        }
        Ok(pair.session)
    }

    /// Signs a program in that keeps its tokens itself; no cookie is set.
    ///
    /// # Errors
    /// As [`sign_in`](Self::sign_in).
    pub async fn sign_in_without_cookies(
        &self,
        user: &str,
        roles: &[String],
        remember: bool,
    ) -> Result<(SessionId, TokenPair), AuthError> {
        self.sign_in_without_cookies_having(Proved::Password, None, user, roles, remember).await
    }

    /// The same for somebody who proved this, by a voucher if by any.
    ///
    /// # Errors
    /// As [`sign_in_having`](Self::sign_in_having).
    pub async fn sign_in_without_cookies_having(
        &self,
        proved: Proved,
        voucher: Option<Voucher>,
        user: &str,
        roles: &[String],
        remember: bool,
    ) -> Result<(SessionId, TokenPair), AuthError> {
        let pair = self.begin(proved, voucher, user, roles, remember).await?;
        Ok((pair.session, pair.into()))
    }

    /// Takes back a [`sign_in`](Self::sign_in) of this request: the account changed while it went on.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] when the store is out of reach; its cookies are cleared all the same.
    pub async fn take_back(
        &self,
        user: &str,
        session: SessionId,
        reason: EndReason,
    ) -> Result<(), AuthError> {
        clear_cookies(self.request, self.authority.jar);
        let whose = Whose::own(user, These::One(session));
        self.authority.end(whose, reason, self.address()).await.map(drop)
    }

    /// Tells this node at once of sessions that the application has ended in the store; others read it there.
    pub fn note_ended(&self, user: &str, sessions: &[[u8; 16]], reason: EndReason) {
        let ended: Vec<_> = sessions.iter().copied().map(SessionId::from_bytes).collect();
        for id in &ended {
            self.note(What::SessionEnded(reason), Some(user), Some(*id));
        }
        self.authority.refuse_ended(&ended, self.authority.remember_until(self.now()));
    }

    /// Whether tokens are looked for in a header, so that a program can keep its tokens itself.
    #[must_use]
    pub fn takes_bearers(&self) -> bool {
        self.authority.settings.locations.contains(Location::Headers)
    }

    /// Whether tokens are looked for in cookies, so that a browser can keep them.
    #[must_use]
    pub fn takes_cookies(&self) -> bool {
        self.authority.settings.locations.contains(Location::Cookies)
    }

    /// Where the request comes from: the peer, or what the operator's proxies say
    /// ([`trusted_proxies`](crate::Portcullis::trusted_proxies)); `None` when they say nothing that can be read.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        caller::address(self.request)
    }

    /// Exchanges a refresh token for the next pair, delivered as the token came: one out of a cookie is answered with
    /// cookies, which follow with the response, any other with the pair itself.
    ///
    /// # Errors
    /// [`AuthError::Reused`] when the token had long been replaced: its session has then been ended and its cookies are
    /// cleared. [`AuthError::Revoked`], [`AuthError::Expired`] when the session is over;
    /// [`AuthError::Unavailable`] when the store is out of reach.
    pub async fn refresh(&self, token: &RefreshToken<'_>) -> Result<Option<TokenPair>, AuthError> {
        let by_cookie = token.location() == Location::Cookies;
        let patience = patience(self.request, self.authority);
        let renewal = self.authority.renew(token, self.address(), patience).await;
        if by_cookie && matches!(renewal, Err(AuthError::Reused)) {
            clear_cookies(self.request, self.authority.jar);
        }
        let (_, pair) = renewal?;
        if !by_cookie {
            return Ok(Some(pair.into()));
        }
        send_pair(self.request, self.authority.jar, &pair);
        Ok(None)
    }

    async fn begin(
        &self,
        proved: Proved,
        voucher: Option<Voucher>,
        user: &str,
        roles: &[String],
        remember: bool,
    ) -> Result<Pair, AuthError> {
        let new = NewSession {
            user: user.to_owned(),
            roles: roles.to_vec(),
            remember,
            user_agent: self.user_agent(),
            address: self.address(),
            proved,
            voucher,
        };
        self.authority.begin(new).await
    }

    /// Signs out: ends the session of every token that the request carries, expired ones too, and clears the cookies.
    /// A sibling's access token, which has no session, is revoked itself.
    /// Without any token it only clears the cookies.
    ///
    /// # Errors
    /// [`AuthError::NotKept`] when the store is out of reach: the cookies are gone and this node refuses the session, and
    /// the others do as soon as the store is back.
    pub async fn sign_out(&self) -> Result<(), AuthError> {
        let ended = self.end_carried(EndReason::LoggedOut).await;
        clear_cookies(self.request, self.authority.jar);
        ended
    }

    /// Notes that the person proved this again: this session's tokens are fresh from now on, and its CSRF values are new.
    /// The caller has checked it. What was proved before is not forgotten for less.
    ///
    /// # Errors
    /// [`AuthError::Revoked`] when the session is over, [`AuthError::Unavailable`] when the store is out of reach.
    pub async fn reauthenticated(&self, session: SessionId, proved: Proved) -> Result<(), AuthError> {
        let pair = self.authority.reauthenticate(session, proved, self.address()).await?;
        send_pair(self.request, self.authority.jar, &pair);
        Ok(())
    }

    /// A person's live sessions, last used first.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] when the store is out of reach.
    pub async fn live(&self, user: &str) -> Result<Vec<Session>, AuthError> {
        Ok(self.authority.store.live(user, self.now()).await?)
    }

    /// Ends a session of this person; `false` when there is none of this name that has not ended, or it is not theirs.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] when the store is out of reach.
    pub async fn end(&self, user: &str, session: SessionId) -> Result<bool, AuthError> {
        let whose = Whose::own(user, These::One(session));
        Ok(!self.authority.end(whose, EndReason::EndedElsewhere, self.address()).await?.is_empty())
    }

    /// Ends all sessions of this person but one; returns how many ended.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] when the store is out of reach.
    pub async fn end_others(&self, user: &str, kept: SessionId) -> Result<usize, AuthError> {
        let whose = Whose::own(user, These::Others(kept));
        Ok(self.authority.end(whose, EndReason::EndedElsewhere, self.address()).await?.len())
    }

    /// Writes a security event about a person's account; `None` when it is not known whose.
    pub fn note(&self, what: What, user: Option<&str>, session: Option<SessionId>) {
        self.authority.note(what, user, session, self.address());
    }

    /// The newest events about a person's account, newest first.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] when the store is out of reach.
    pub async fn events(&self, user: &str, limit: u32) -> Result<Vec<Event>, AuthError> {
        self.keep_newest_events().await;
        let since = self.now() - self.authority.settings.event_ttl;
        match &self.authority.events {
            Some(events) => Ok(events.events_of(user, EventSpan::since(since), limit).await?),
            None => Ok(Vec::new()),
        }
    }

    /// What cannot be written may still be read; the background task goes on trying.
    pub(super) async fn keep_newest_events(&self) {
        if let Err(error) = self.authority.tell_events().await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the newest events could not be kept yet");
        }
    }

    /// The public keys as a JSON Web Key Set (RFC 7517 §5), for services that verify our tokens; secrets are not in it.
    #[must_use]
    pub fn public_keys(&self) -> serde_json::Value {
        self.authority.codec.ring().public(self.now())
    }

    /// Until when nodes must remember a session that ends now.
    #[must_use]
    pub fn remember_until(&self) -> UnixTime {
        self.authority.remember_until(self.now())
    }

    /// The session of this name, ended or not.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] when the store is out of reach.
    pub async fn find(&self, id: SessionId) -> Result<Option<Session>, AuthError> {
        Ok(self.authority.store.find(id).await?)
    }

    /// The time, from the clock that the tokens live by.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        self.authority.clock.now()
    }

    /// The session of this person whose tokens the request carries, dead or alive; a proof only of having been given them.
    #[must_use]
    pub fn carried_session(&self, user: &str) -> Option<SessionId> {
        let tokens = self.carried_tokens();
        let theirs = tokens.iter().filter(|token| token.subject().eq_ignore_ascii_case(user));
        theirs.filter_map(|token| token.session).map(|session| session.id).next()
    }

    /// Ends the sessions of the tokens that this request carries.
    /// Only the signature is asked for: signing out must work with an expired token.
    async fn end_carried(&self, reason: EndReason) -> Result<(), AuthError> {
        let mut ended: Vec<SessionId> = Vec::new();
        let mut outcome = Ok(());
        for token in self.carried_tokens() {
            let Some(Membership { id, .. }) = token.session else {
                outcome = outcome.and(self.authority.revoke_own(&token).await);
                continue;
            };
            if !ended.contains(&id) {
                ended.push(id);
                let (user, address) = (token.subject(), self.address());
                outcome = outcome.and(self.authority.end_own(user, id, reason, address).await);
            }
            // A sibling looks for the token itself; ours know it by its session.
            if self.authority.siblings.is_some() && token.kind == Kind::Access {
                outcome = outcome.and(self.authority.revoke_own(&token).await);
            }
        }
        outcome
    }

    /// Every token in the request with a good signature, wherever it stands and however old it is.
    fn carried_tokens(&self) -> Vec<Token> {
        let wire = self.authority.jar.wire();
        let now = self.authority.clock.now();
        let asked = Asked::bare(self.request);
        let cookies = [Kind::Access, Kind::Refresh].map(|kind| asked.cookies(wire.cookie_of(kind)));
        let headers =
            self.takes_bearers().then(|| self.request.headers().get(&wire.header)).into_iter().flatten();
        let bearers = headers.filter_map(|line| in_line(line, wire)?.ok());
        // An honest request carries one of each; a few more may be somebody's, hundreds only cost.
        let texts = cookies.into_iter().flatten().chain(bearers).take(MAX_CARRIED);
        texts.filter_map(|text| self.authority.codec.read(text, now).ok()).collect()
    }

    /// What the browser calls itself, without control characters and at most 256 characters long.
    pub(crate) fn user_agent(&self) -> String {
        let given = self.request.headers().get_one("User-Agent").unwrap_or_default();
        given.chars().filter(|character| !character.is_control()).take(MAX_USER_AGENT).collect()
    }
}

impl fmt::Debug for Sessions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions(…)")
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Sessions<'r> {
    type Error = AuthError;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthError> {
        match authority(request) {
            Ok(authority) => Outcome::Success(Self { request, authority }),
            Err(error) => error.fail(request),
        }
    }
}

impl Sentinel for Sessions<'_> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        is_unattached(rocket)
    }
}

const MAX_CARRIED: usize = 8;
const MAX_USER_AGENT: usize = 256;
