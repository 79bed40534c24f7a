//! What a verified token says: our claims, and those that an application added.

use std::fmt;
use std::ops::Deref;

use rocket::Request;
use serde::de::DeserializeOwned;

use crate::auth::id::{SessionId, TokenId};
use crate::auth::tokens::token::{Membership, Token};
use crate::auth::wire::error::AuthError;
use crate::auth::wire::invalid::Invalid;
use crate::auth::wire::place::Location;
use crate::auth::wire::proved::AuthLevel;
use crate::ground::clock::UnixTime;

/// What a verified token says; every guard gives it by dereferencing.
///
/// ```
/// use portcullis::AccessToken;
/// use portcullis::testing::Kit;
/// use rocket::{get, routes};
///
/// #[get("/reports")]
/// fn reports(token: AccessToken<'_>) -> String {
///     format!("{} until {}", token.subject(), token.expires_at().as_secs())
/// }
///
/// let kit = Kit::new();
/// // The application's last question about a token is put to its claims.
/// let portcullis = kit.portcullis().verify(|claims| claims.has_role("staff"));
/// let site = kit.launch(rocket::custom(kit.figment()).attach(portcullis).mount("/", routes![reports]));
/// assert_eq!(site.signed_in("ada", &["staff"]).get("/reports").body, "ada until 1700000300");
/// assert_eq!(site.signed_in("bob", &[]).get("/reports").status, 403);
/// ```
#[derive(Clone, Copy)]
pub struct Claims<'r>(pub(crate) &'r Token);

impl<'r> Claims<'r> {
    /// Who signed in, claim `sub`.
    #[must_use]
    pub fn subject(&self) -> &'r str {
        self.0.subject()
    }

    /// The person's roles at sign-in, claim `roles`.
    pub fn roles(&self) -> impl Iterator<Item = &'r str> + use<'r> {
        self.0.roles()
    }

    /// Whether the person has this role.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles().any(|known| known == role)
    }

    /// The session that the token belongs to.
    /// `None` only for a token that a sibling signed with our key, where `auth.claims.foreign_ttl` accepts those.
    #[must_use]
    pub fn session(&self) -> Option<SessionClaims<'r>> {
        self.0.session.map(|session| SessionClaims { claims: *self, session })
    }

    /// This token, claim `jti`.
    #[must_use]
    pub fn token_id(&self) -> TokenId {
        self.0.id
    }

    /// When it was minted, claim `iat`.
    #[must_use]
    pub fn issued_at(&self) -> UnixTime {
        self.0.issued_at
    }

    /// When it expires, claim `exp`.
    #[must_use]
    pub fn expires_at(&self) -> UnixTime {
        self.0.expires_at
    }

    /// Where in the request the token stood.
    #[must_use]
    pub fn location(&self) -> Location {
        self.0.location
    }

    /// The claims that the application added, read anew at each call; `None` when they are not of this form.
    #[must_use]
    pub fn custom<C: CustomClaims>(&self) -> Option<C> {
        C::read(self.0.payload())
    }
}

/// What a token of a session says; the guards that need a session give it by dereferencing.
///
/// ```
/// use portcullis::AccessToken;
/// use portcullis::testing::Kit;
/// use rocket::{get, routes};
///
/// #[get("/since")]
/// fn since(token: AccessToken<'_>) -> String {
///     token.session().map_or_else(|| "no session".to_owned(), |session| session.auth_time().as_secs().to_string())
/// }
///
/// let kit = Kit::new();
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![since]));
/// assert_eq!(site.signed_in("ada", &[]).get("/since").body, "1700000000");
/// ```
#[derive(Clone, Copy)]
pub struct SessionClaims<'r> {
    claims: Claims<'r>,
    session: Membership,
}

impl<'r> SessionClaims<'r> {
    /// The claims of this token, or the refusal of one that belongs to no session.
    pub(crate) fn of(token: &'r Token) -> Result<Self, AuthError> {
        Claims(token).session().ok_or(AuthError::SessionRequired)
    }

    /// The session, claim `sid`.
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        self.session.id
    }

    /// When the password was last entered, claim `auth_time` (OpenID Connect Core §2).
    #[must_use]
    pub fn auth_time(&self) -> UnixTime {
        self.session.auth_time
    }

    /// How much the person had proved, claim `acr`; the first level where there is none.
    #[must_use]
    pub fn level(&self) -> AuthLevel {
        self.session.level
    }

    pub(crate) fn generation(&self) -> u64 {
        self.session.generation
    }

    pub(crate) fn csrf(&self) -> Option<&'r str> {
        self.claims.0.csrf()
    }
}

impl<'r> Deref for SessionClaims<'r> {
    type Target = Claims<'r>;

    fn deref(&self) -> &Claims<'r> {
        &self.claims
    }
}

impl fmt::Debug for SessionClaims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.claims.fmt(f)
    }
}

impl fmt::Debug for Claims<'_> {
    /// Who and which session; never the token or its CSRF value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("subject", &self.subject())
            .field("session", &self.0.session.map(|session| session.id))
            .finish_non_exhaustive()
    }
}

/// Claims that an application adds to its access tokens with [`Portcullis::claims`](crate::auth::Portcullis::claims)
/// and reads back with a type of its own.
///
/// ```
/// use portcullis::{AccessToken, CustomClaims};
/// use rocket::get;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Tenant {
///     tenant: String,
/// }
///
/// impl CustomClaims for Tenant {}
///
/// #[get("/tenant")]
/// fn tenant(token: AccessToken<'_, Tenant>) -> &str {
///     &token.custom().tenant
/// }
/// ```
pub trait CustomClaims: DeserializeOwned + Send + Sync + 'static {
    /// Reads the claims out of the token's payload, whose signature has been found good.
    #[must_use]
    fn read(payload: &str) -> Option<Self> {
        serde_json::from_str(payload).ok()
    }
}

/// No claims but ours.
///
/// ```
/// use portcullis::auth::NoClaims;
/// use portcullis::{AccessToken, CustomClaims};
/// use rocket::get;
///
/// // The same as `AccessToken<'_>`: this is the default of its parameter.
/// #[get("/hello")]
/// fn hello(token: AccessToken<'_, NoClaims>) -> &str {
///     token.subject()
/// }
///
/// assert_eq!(NoClaims::read(r#"{"sub": "ada"}"#), Some(NoClaims));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoClaims;

impl<'de> serde::Deserialize<'de> for NoClaims {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl CustomClaims for NoClaims {
    fn read(_: &str) -> Option<Self> {
        Some(Self)
    }
}

/// The application's claims in this request's token; read once for each type.
pub(crate) fn custom_claims<'r, C: CustomClaims>(
    request: &'r Request<'_>,
    token: &Token,
) -> Result<&'r C, AuthError> {
    struct Custom<C>(Option<C>);

    let read = request.local_cache(|| Custom(C::read(token.payload())));
    read.0.as_ref().ok_or(AuthError::Invalid(Invalid::Payload))
}
