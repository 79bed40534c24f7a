//! Guards for routes that want a token from one certain place, or do not want revocation asked about.
//!
//! The everyday guards look where the settings say; these look where the route says.

use std::ops::Deref;

use rocket::data::{Data, FromData, Outcome as DataOutcome, ToByteUnit};
use rocket::request::{FromRequest, Outcome, Request};
use rocket::{Ignite, Rocket, Sentinel};
use serde_json::Value;

use crate::auth::guards::tokens::{RefreshToken, is_unattached, outcome};
use crate::auth::request::asked::Asked;
use crate::auth::request::live::live;
use crate::auth::request::location::Found;
use crate::auth::request::verdict::{self, RevocationIs, authority, judge, judge_access_in, refuse_second};
use crate::auth::tokens::claims::Claims;
use crate::auth::tokens::token::Token;
use crate::auth::wire::error::AuthError;
use crate::auth::wire::invalid::Invalid;
use crate::auth::wire::kind::Kind;
use crate::auth::wire::place::{Absent, Location, Locations};

/// An access token out of the `Authorization` header, wherever else the settings look.
///
/// ```
/// use portcullis::BearerToken;
/// use rocket::post;
///
/// #[post("/webhook")]
/// fn webhook(token: BearerToken<'_>) -> String {
///     token.subject().to_owned()
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct BearerToken<'r>(Claims<'r>);

/// An access token out of its cookie, wherever else the settings look; on an unsafe method with a CSRF proof.
///
/// ```
/// use portcullis::{CookieToken, testing::Kit, testing::Sample};
/// use rocket::{get, routes};
///
/// #[get("/page")]
/// fn page(_token: CookieToken<'_>) {}
///
/// let kit = Kit::new().set("auth.token_locations", ["cookies", "headers"]);
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![page]));
/// assert_eq!(site.signed_in("ada", &[]).get("/page").status, 200);
/// let token = site.token(Sample::Access, "ada", &[]);
/// assert_eq!(site.anonymous().bearing(&token).get("/page").status, 401, "not out of the header");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct CookieToken<'r>(Claims<'r>);

/// An access token out of the query string, for links that must carry their own authority.
/// Addresses end up in histories and logs: mint short-lived tokens for it.
///
/// ```
/// use portcullis::{QueryToken, testing::Kit, testing::Sample};
/// use rocket::{get, routes};
///
/// #[get("/download")]
/// fn download(token: QueryToken<'_>) -> String {
///     format!("for {}", token.subject())
/// }
///
/// let kit = Kit::new();
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![download]));
/// let link = format!("/download?jwt={}", site.token(Sample::Access, "ada", &[]));
/// assert_eq!(site.anonymous().get(&link).body, "for ada");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct QueryToken<'r>(Claims<'r>);

/// An access token that is not asked about revocation: good until it expires, even after a logout.
/// For what must answer when the store is long gone, such as a status page.
///
/// ```
/// use portcullis::{StatelessToken, testing::Kit, testing::Sample};
/// use rocket::{get, routes};
///
/// #[get("/status")]
/// fn status(_token: StatelessToken<'_>) {}
///
/// let kit = Kit::new();
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![status]));
/// let revoked = site.token(Sample::Revoked, "ada", &[]);
/// assert_eq!(site.anonymous().carrying(&revoked).get("/status").status, 200);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct StatelessToken<'r>(Claims<'r>);

/// An access token out of the member `access_token` of a JSON body.
///
/// ```
/// use portcullis::BodyToken;
/// use rocket::post;
///
/// #[post("/whoami", data = "<token>")]
/// fn whoami(token: BodyToken<'_>) -> String {
///     token.subject().to_owned()
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct BodyToken<'r>(Claims<'r>);

/// A refresh token of a live session out of the member `refresh_token` of a JSON body.
///
/// ```
/// use portcullis::testing::{Kit, Sample};
/// use portcullis::{BodyRefreshToken, Refusal, Sessions};
/// use rocket::{post, routes};
///
/// #[post("/refresh", data = "<token>")]
/// async fn refresh(token: BodyRefreshToken<'_>, sessions: Sessions<'_>) -> Result<String, Refusal> {
///     Ok(serde_json::json!(sessions.refresh(&token).await?).to_string())
/// }
///
/// let kit = Kit::new();
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![refresh]));
/// let held = serde_json::json!({"refresh_token": site.token(Sample::Refresh, "ada", &[])});
/// assert!(site.anonymous().post_json("/refresh", &held).json()["refresh_token"].is_string());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct BodyRefreshToken<'r>(RefreshToken<'r>);

struct Bearer(Result<Token, AuthError>);
struct Cookie(Result<Token, AuthError>);
struct Query(Result<Token, AuthError>);
struct Stateless(Result<Token, AuthError>);
struct InBody(Result<Token, AuthError>);

macro_rules! gives_claims {
    ($($guard:ident),*) => {$(
        impl<'r> Deref for $guard<'r> {
            type Target = Claims<'r>;

            fn deref(&self) -> &Claims<'r> {
                &self.0
            }
        }

        impl Sentinel for $guard<'_> {
            fn abort(rocket: &Rocket<Ignite>) -> bool {
                is_unattached(rocket)
            }
        }
    )*};
}

macro_rules! stands_in {
    ($($guard:ident, $cached:ident, $locations:expr, $revocation:expr;)*) => {$(
        #[rocket::async_trait]
        impl<'r> FromRequest<'r> for $guard<'r> {
            type Error = AuthError;

            async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthError> {
                let judged = request.local_cache_async(async {
                    let locations: fn(&Request<'_>) -> Locations = $locations;
                    $cached(judge_access_in(request, locations(request), $revocation).await)
                });
                outcome(request, judged.await.0.as_ref().map_err(|error| *error), |token| Self(Claims(token)))
            }
        }

        gives_claims!($guard);
    )*};
}

stands_in! {
    BearerToken, Bearer, |_| Locations::only(Location::Headers), RevocationIs::Asked;
    CookieToken, Cookie, |_| Locations::only(Location::Cookies), RevocationIs::Asked;
    QueryToken, Query, |_| Locations::only(Location::QueryString), RevocationIs::Asked;
    StatelessToken, Stateless, configured, RevocationIs::NotAsked;
}

gives_claims!(BodyToken);

impl<'r> Deref for BodyRefreshToken<'r> {
    type Target = RefreshToken<'r>;

    fn deref(&self) -> &RefreshToken<'r> {
        &self.0
    }
}

impl Sentinel for BodyRefreshToken<'_> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        is_unattached(rocket)
    }
}

#[rocket::async_trait]
impl<'r> FromData<'r> for BodyToken<'r> {
    type Error = AuthError;

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> DataOutcome<'r, Self, AuthError> {
        match in_body(request, data, Kind::Access).await {
            Ok(token) => DataOutcome::Success(Self(Claims(token))),
            Err(error) => refuse(request, error),
        }
    }
}

#[rocket::async_trait]
impl<'r> FromData<'r> for BodyRefreshToken<'r> {
    type Error = AuthError;

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> DataOutcome<'r, Self, AuthError> {
        let judged = match in_body(request, data, Kind::Refresh).await {
            Ok(token) => live(request, token).await,
            Err(error) => Err(error),
        };
        match judged {
            Ok(claims) => DataOutcome::Success(Self(RefreshToken::of(claims))),
            Err(error) => refuse(request, error),
        }
    }
}

fn configured(request: &Request<'_>) -> Locations {
    verdict::authority(request).map_or(Locations::NONE, |authority| authority.settings.locations)
}

/// Ends a data guard as [`AuthError::fail`] ends the others.
fn refuse<'r, T>(request: &Request<'_>, error: AuthError) -> DataOutcome<'r, T, AuthError> {
    match error.fail::<()>(request) {
        Outcome::Error(refused) => DataOutcome::Error(refused),
        _ => DataOutcome::Error((error.status(), error)),
    }
}

/// Judges the token in a JSON body. A request has one body, so one cache serves both kinds.
async fn in_body<'r>(request: &'r Request<'_>, data: Data<'_>, kind: Kind) -> Result<&'r Token, AuthError> {
    let verdict =
        request.local_cache_async(async { InBody(read_and_judge(request, data, kind).await) }).await;
    verdict.0.as_ref().map_err(|error| *error)
}

async fn read_and_judge(request: &Request<'_>, data: Data<'_>, kind: Kind) -> Result<Token, AuthError> {
    let wire = authority(request)?.jar.wire();
    let absent = AuthError::Missing(Absent::in_body(kind, wire));
    if !request.content_type().is_some_and(|content| content.is_json()) {
        return Err(absent);
    }
    let body = tokio::time::timeout(PATIENCE, data.open(MAX_BODY_BYTES.bytes()).into_bytes()).await;
    let Ok(Ok(body)) = body else { return Err(absent) };
    // A body that was cut is no JSON either, so it need not be told apart.
    let Ok(Value::Object(mut members)) = serde_json::from_slice::<Value>(&body) else { return Err(absent) };
    let token = match members.remove(wire.json_key_of(kind)) {
        Some(Value::String(token)) if !token.is_empty() => token,
        None | Some(Value::Null | Value::String(_)) => return Err(absent),
        Some(_) => return Err(AuthError::Invalid(Invalid::Payload)),
    };
    let found = Found { token: &token, location: Location::Json };
    // A refresh token may come with the access token that it replaces.
    if kind == Kind::Access {
        refuse_second(request, found)?;
    }
    judge(authority(request)?, &Asked::bare(request), kind, found, RevocationIs::Asked, |_, _| false).await
}

const MAX_BODY_BYTES: u64 = 8 * 1024;
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
