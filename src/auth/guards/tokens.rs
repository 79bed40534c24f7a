//! The guards: holding one is the proof.
//!
//! None can be built outside this module.
//! Each is a [`Sentinel`]: a route that takes one in a Rocket without the fairing stops the launch, not the request.
//! None is meant to be wrapped in `Option`: that would turn a store out of reach into "not signed in";
//! [`OptionalToken`] is there for pages that anybody may see.

pub(in crate::auth) mod strong;

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use rocket::request::{FromRequest, Outcome, Request};
use rocket::{Ignite, Rocket, Sentinel};

use crate::auth::request::negotiate::wants_page;
use crate::auth::request::{live::live, verdict};
use crate::auth::sessions::authority::Authority;
use crate::auth::tokens::claims::{Claims, CustomClaims, NoClaims, SessionClaims, custom_claims};
use crate::auth::wire::error::AuthError;
use crate::auth::wire::proved::AuthLevel;

/// A valid access token; on an unsafe method, when it came by cookie, also a CSRF proof.
///
/// A handler that takes it is protected, whatever else it does.
///
/// ```
/// use portcullis::AccessToken;
/// use rocket::get;
///
/// #[get("/hello")]
/// fn hello(token: AccessToken<'_>) -> String {
///     format!("Hello {}", token.subject())
/// }
/// ```
///
/// Claims of the application's own are read with a second parameter; see [`CustomClaims`].
pub struct AccessToken<'r, C = NoClaims> {
    claims: Claims<'r>,
    custom: &'r C,
}

/// An access token, and the password was entered within `auth.fresh_ttl` (default 900 s): for what a stolen
/// session must not do. Refreshing never makes a token fresh (OWASP ASVS 7.5.1).
///
/// ```
/// use portcullis::FreshToken;
/// use portcullis::testing::{Kit, Sample};
/// use rocket::{get, routes};
///
/// #[get("/export")]
/// fn export(token: FreshToken<'_>) -> String {
///     format!("{} entered the password at {}", token.subject(), token.auth_time().as_secs())
/// }
///
/// let kit = Kit::new();
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![export]));
/// let stale = site.token(Sample::NotFresh, "ada", &[]);
/// assert_eq!(site.anonymous().carrying(&stale).get("/export").status, 401);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct FreshToken<'r>(SessionClaims<'r>);

/// A valid refresh token of a live session, with its own CSRF proof.
///
/// ```
/// use portcullis::testing::Kit;
/// use portcullis::{RefreshToken, Refusal, Sessions};
/// use rocket::{post, routes};
///
/// #[post("/refresh")]
/// async fn refresh(token: RefreshToken<'_>, sessions: Sessions<'_>) -> Result<(), Refusal> {
///     Ok(sessions.refresh(&token).await.map(drop)?)
/// }
///
/// let kit = Kit::new();
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![refresh]));
/// assert_eq!(site.signed_in("ada", &[]).refresh("/refresh").status, 200);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct RefreshToken<'r>(SessionClaims<'r>);

/// An access token or none; an invalid one is still refused, an expired one renewed on pages as for [`SignedIn`].
///
/// ```
/// use portcullis::{OptionalToken, testing::Kit};
/// use rocket::{get, routes};
///
/// #[get("/")]
/// fn home(token: OptionalToken<'_>) -> String {
///     token.token().map_or("Hello stranger".to_owned(), |token| format!("Hello {}", token.subject()))
/// }
///
/// let kit = Kit::new();
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![home]));
/// assert_eq!(site.anonymous().get("/").body, "Hello stranger");
/// assert_eq!(site.signed_in("ada", &[]).get("/").body, "Hello ada");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct OptionalToken<'r>(Option<AccessToken<'r>>);

/// A role that a route may ask for.
///
/// ```
/// use portcullis::{Role, RoleToken};
/// use rocket::get;
///
/// struct Admin;
///
/// impl Role for Admin {
///     const NAME: &'static str = "admin";
/// }
///
/// #[get("/vault")]
/// fn vault(token: RoleToken<'_, Admin>) -> String {
///     format!("{} may look", token.subject())
/// }
/// ```
pub trait Role: Send + Sync {
    /// The role's name as it stands in claim `roles`.
    const NAME: &'static str;
}

/// An access token of somebody who has the role `R`; 403 for everybody else who is signed in.
///
/// ```
/// use portcullis::{Role, RoleToken, testing::Kit};
/// use rocket::{get, routes};
///
/// struct Admin;
/// impl Role for Admin {
///     const NAME: &'static str = "admin";
/// }
///
/// #[get("/vault")]
/// fn vault(_token: RoleToken<'_, Admin>) {}
///
/// let kit = Kit::new();
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![vault]));
/// assert_eq!(site.signed_in("ada", &["admin"]).get("/vault").status, 200);
/// assert_eq!(site.signed_in("bob", &["staff"]).get("/vault").status, 403);
/// ```
pub struct RoleToken<'r, R>(Claims<'r>, PhantomData<fn() -> R>);

/// A person looking at a page: by an access token, or, when that has expired, by the refresh token, silently renewed.
/// Otherwise the browser is sent to the sign-in page.
///
/// ```
/// use portcullis::{SignedIn, testing::Kit};
/// use rocket::{get, routes};
///
/// #[get("/dashboard")]
/// fn dashboard(person: SignedIn<'_>) -> String {
///     format!("Hello {}", person.subject())
/// }
///
/// let kit = Kit::new();
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![dashboard]));
/// let ada = site.signed_in("ada", &[]).browsing();
/// site.pass(std::time::Duration::from_secs(301));
/// assert_eq!(ada.get("/dashboard").body, "Hello ada", "the expired access token was renewed");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SignedIn<'r>(SessionClaims<'r>);

impl<'r> OptionalToken<'r> {
    /// The token, if the request carried one.
    #[must_use]
    pub fn token(&self) -> Option<&AccessToken<'r>> {
        self.0.as_ref()
    }
}

async fn fresh<'r>(request: &'r Request<'_>) -> Result<SessionClaims<'r>, AuthError> {
    let claims = in_session(request).await?;
    let authority = verdict::authority(request)?;
    let age = claims.auth_time().until(authority.clock.now());
    if age > authority.settings.fresh_ttl { Err(AuthError::NotFresh) } else { Ok(claims) }
}

/// A page's visitor may be renewed by the refresh token; a program is told that its token has expired.
pub(crate) async fn signed_in<'r>(request: &'r Request<'_>) -> Result<Claims<'r>, AuthError> {
    match verdict::access(request).await {
        Err(error) if error.leaves_hope() && wants_page(request) => {
            match verdict::renewed(request).await {
                // Without any refresh token, what was wrong with the access token says more.
                Err(AuthError::Missing(_)) => Err(error),
                renewed => renewed.map(Claims),
            }
        }
        judged => judged.map(Claims),
    }
}

/// As [`signed_in`], but only in a session of ours: a sibling's token knows of none.
async fn in_session<'r>(request: &'r Request<'_>) -> Result<SessionClaims<'r>, AuthError> {
    signed_in(request).await?.session().ok_or(AuthError::SessionRequired)
}

async fn with_role<'r, R: Role>(request: &'r Request<'_>) -> Result<Claims<'r>, AuthError> {
    let claims = signed_in(request).await?;
    if !claims.has_role(R::NAME) {
        return Err(AuthError::lacks_role(request, claims));
    }
    let is_strong = verdict::authority(request)?.strong_roles.iter().any(|role| role == R::NAME);
    let level = claims.session().map_or(AuthLevel::One, |session| session.level());
    if is_strong && level == AuthLevel::One {
        return Err(AuthError::SecondFactorRequired);
    }
    Ok(claims)
}

async fn optional<'r>(request: &'r Request<'_>) -> Result<Option<AccessToken<'r>>, AuthError> {
    match signed_in(request).await {
        Ok(claims) => Ok(Some(AccessToken { claims, custom: &NoClaims })),
        Err(AuthError::Missing(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Turns a judgement into a guard, and keeps a failure for the catcher.
pub(crate) fn outcome<T, G>(
    request: &Request<'_>,
    judged: Result<T, AuthError>,
    guard: impl FnOnce(T) -> G,
) -> Outcome<G, AuthError> {
    match judged {
        Ok(claims) => Outcome::Success(guard(claims)),
        Err(error) => error.fail(request),
    }
}

/// Whether the launch must stop: the fairing is not attached.
pub(crate) fn is_unattached(rocket: &Rocket<Ignite>) -> bool {
    let is_unattached = Authority::of(rocket).is_none();
    if is_unattached {
        tracing::error!(
            "a route takes a Portcullis guard, but the fairing is not attached: attach portcullis::Portcullis"
        );
    }
    is_unattached
}

#[rocket::async_trait]
impl<'r, C: CustomClaims> FromRequest<'r> for AccessToken<'r, C> {
    type Error = AuthError;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthError> {
        let judged = match verdict::access(request).await {
            Ok(token) => custom_claims::<C>(request, token).map(|custom| (Claims(token), custom)),
            Err(error) => Err(error),
        };
        outcome(request, judged, |(claims, custom)| Self { claims, custom })
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for FreshToken<'r> {
    type Error = AuthError;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthError> {
        outcome(request, fresh(request).await, Self)
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for RefreshToken<'r> {
    type Error = AuthError;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthError> {
        let judged = match verdict::refresh(request).await {
            Ok(token) => live(request, token).await,
            Err(error) => Err(error),
        };
        outcome(request, judged, Self)
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for OptionalToken<'r> {
    type Error = AuthError;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthError> {
        outcome(request, optional(request).await, Self)
    }
}

#[rocket::async_trait]
impl<'r, R: Role> FromRequest<'r> for RoleToken<'r, R> {
    type Error = AuthError;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthError> {
        outcome(request, with_role::<R>(request).await, |claims| Self(claims, PhantomData))
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for SignedIn<'r> {
    type Error = AuthError;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthError> {
        outcome(request, in_session(request).await, Self)
    }
}

impl<'r, C> AccessToken<'r, C> {
    /// The claims that the application added.
    #[must_use]
    pub fn custom(&self) -> &'r C {
        self.custom
    }
}

impl<C> Clone for AccessToken<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for AccessToken<'_, C> {}

impl<'r, C> Deref for AccessToken<'r, C> {
    type Target = Claims<'r>;

    fn deref(&self) -> &Claims<'r> {
        &self.claims
    }
}

impl<C> fmt::Debug for AccessToken<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AccessToken").field(&self.claims).finish()
    }
}

impl<C> Sentinel for AccessToken<'_, C> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        is_unattached(rocket)
    }
}

impl<'r> RefreshToken<'r> {
    /// The guard for claims that were found live in this module's neighbour.
    pub(crate) const fn of(claims: SessionClaims<'r>) -> Self {
        Self(claims)
    }
}

impl<R> fmt::Debug for RoleToken<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RoleToken").field(&self.0).finish()
    }
}

macro_rules! gives_claims {
    ($claims:ident: $($guard:ident $(<$role:ident>)?),*) => {$(
        impl<'r $(, $role)?> Deref for $guard<'r $(, $role)?> {
            type Target = $claims<'r>;

            fn deref(&self) -> &$claims<'r> {
                &self.0
            }
        }
    )*};
}

macro_rules! stops_launch_without_fairing {
    ($($guard:ident $(<$role:ident>)?),*) => {$(
        impl $(<$role>)? Sentinel for $guard<'_ $(, $role)?> {
            fn abort(rocket: &Rocket<Ignite>) -> bool {
                is_unattached(rocket)
            }
        }
    )*};
}

gives_claims!(SessionClaims: FreshToken, RefreshToken, SignedIn);
gives_claims!(Claims: RoleToken<R>);
stops_launch_without_fairing!(FreshToken, RefreshToken, OptionalToken, SignedIn, RoleToken<R>);
