//! Before there is a session: is this an honest attempt to sign in?
//!
//! A form needs a proof too, or somebody could sign a victim into an account of their own (login CSRF).
//! The proof is bound to a cookie that holds nothing but a random value.

use std::fmt;

use rocket::request::{FromRequest, Outcome, Request};
use rocket::{Ignite, Rocket, Sentinel};

use crate::auth::guards::tokens::{is_unattached, signed_in};
use crate::auth::id::SessionId;
use crate::auth::request::asked::Asked;
use crate::auth::request::csrf::{Proof, Provenance};
use crate::auth::request::verdict;
use crate::auth::sessions::authority::Authority;
use crate::auth::wire::cookies::{Carried, Readable};
use crate::auth::wire::error::AuthError;
use crate::auth::wire::place::Location;

/// The value a form must send back in its first field, `csrf_token`.
///
/// Signed in, it is the session's; before, one bound to a cookie that this guard sets.
///
/// ```
/// use portcullis::{CsrfToken, testing::Kit};
/// use rocket::{get, response::content::RawHtml, routes};
///
/// #[get("/login")]
/// fn form(csrf: CsrfToken<'_>) -> RawHtml<String> {
///     let field = format!("<input type=hidden name=csrf_token value=\"{}\">", csrf.as_str());
///     RawHtml(format!("<form method=post>{field}<input name=name><button>Sign in</button></form>"))
/// }
///
/// let kit = Kit::new();
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![form]));
/// assert!(site.anonymous().get("/login").body.contains("name=csrf_token"));
/// ```
#[derive(Clone, Copy)]
pub struct CsrfToken<'r>(&'r str);

/// A request that did not come from another site, as far as the browser tells; for signing out, which must work when
/// nothing else does.
///
/// ```
/// use portcullis::auth::SameOrigin;
/// use portcullis::testing::Kit;
/// use rocket::http::{Header, Method};
/// use rocket::{post, routes};
///
/// #[post("/logout")]
/// fn logout(_request: SameOrigin) {}
///
/// let kit = Kit::new();
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![logout]));
/// let visitor = site.anonymous();
/// let foreign = visitor.request(Method::Post, "/logout").header(Header::new("Sec-Fetch-Site", "cross-site"));
/// assert_eq!(visitor.send(foreign).status, 403);
/// assert_eq!(visitor.post_form("/logout", &[]).status, 200);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SameOrigin(());

/// An honest attempt to sign in: not from another site, and, when it is a form, our own form in this browser.
///
/// ```
/// use portcullis::{Refusal, Sessions, SignInAttempt, testing::Kit};
/// use rocket::http::{ContentType, Method};
/// use rocket::{post, routes};
///
/// #[post("/login")]
/// async fn login(_attempt: SignInAttempt, sessions: Sessions<'_>) -> Result<(), Refusal> {
///     Ok(sessions.sign_in("ada", &[], false).await.map(drop)?)
/// }
///
/// let kit = Kit::new();
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![login]));
/// let visitor = site.anonymous();
/// assert_eq!(visitor.post_form("/login", &[]).status, 200);
/// let unproven = visitor.request(Method::Post, "/login").header(ContentType::Form).body("name=ada");
/// assert_eq!(visitor.send(unproven).status, 403, "a form of somebody else's making");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SignInAttempt(());

impl<'r> CsrfToken<'r> {
    /// The value.
    #[must_use]
    pub const fn as_str(&self) -> &'r str {
        self.0
    }
}

impl fmt::Debug for CsrfToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfToken(…)")
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for CsrfToken<'r> {
    type Error = AuthError;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthError> {
        match signed_in(request).await {
            Ok(claims) => {
                if let Some(value) = claims.0.csrf() {
                    return Outcome::Success(Self(value));
                }
            }
            // Whether there is a session cannot be told now, so neither value can be the right one.
            Err(error @ AuthError::Unavailable) => return error.fail(request),
            Err(_) => {}
        }
        let proof = request.local_cache(|| PreSession(before_session(request)));
        match &proof.0 {
            Ok(value) => Outcome::Success(Self(value)),
            Err(error) => error.fail(request),
        }
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for SameOrigin {
    type Error = AuthError;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthError> {
        let checked = verdict::authority(request)
            .and_then(|authority| Provenance::check(&Asked::bare(request), authority));
        match checked {
            Ok(()) => Outcome::Success(Self(())),
            Err(error) => error.fail(request),
        }
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for SignInAttempt {
    type Error = AuthError;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthError> {
        match attempt(request) {
            Ok(()) => Outcome::Success(Self(())),
            Err(error) => error.fail(request),
        }
    }
}

fn attempt(request: &Request<'_>) -> Result<(), AuthError> {
    let authority = verdict::authority(request)?;
    // Tokens that travel by header alone are nobody's by accident.
    if !authority.settings.locations.contains(Location::Cookies) {
        return Ok(());
    }
    Provenance::check(&Asked::bare(request), authority)?;
    let is_form = request.content_type().is_some_and(|kind| kind.is_form() || kind.is_form_data());
    // A browser that says so has proved what the form's value proves, and goes on saying it when that value is old: in a
    // second tab, after a night, after cookies were cleared.
    if !is_form || Provenance::is_said_to_be_own(&Asked::bare(request), authority) {
        return Ok(());
    }
    let Proof::Once(seal) = Proof::required(&Asked::bare(request), &authority.jar.wire().csrf_header)? else {
        return Err(AuthError::CsrfMismatch);
    };
    let Carried::Once(nonce) = Asked::bare(request).cookie(&authority.jar.wire().pre_session_cookie) else {
        return Err(AuthError::CsrfMismatch);
    };
    let is_ours = authority.codec.ring().is_sealed(PURPOSE, nonce, seal);
    if is_ours { Ok(()) } else { Err(AuthError::CsrfMismatch) }
}

/// The proof for a visitor without a session, and the cookie it is bound to.
fn before_session(request: &Request<'_>) -> Result<String, AuthError> {
    let authority = verdict::authority(request)?;
    let name = &authority.jar.wire().pre_session_cookie;
    if let Carried::Once(nonce) = Asked::bare(request).cookie(name)
        && nonce.parse::<SessionId>().is_ok()
    {
        return seal(authority, nonce);
    }
    // The form that this browser has open has a cookie, which does not travel with what another site sends.
    if Asked::bare(request).is_unsafe() {
        Provenance::check(&Asked::bare(request), authority)?;
    }
    // A session's id has the shape of 16 random bytes; this one names no session.
    let nonce = SessionId::draw(&*authority.random)?.to_string();
    authority.jar.set(&verdict::notes(request).outbox, name, &nonce, Readable::ByServerOnly, None);
    seal(authority, &nonce)
}

/// The proof that is bound to a cookie with this value.
pub(crate) fn seal(authority: &Authority, nonce: &str) -> Result<String, AuthError> {
    Ok(authority.codec.ring().seal(PURPOSE, nonce))
}

struct PreSession(Result<String, AuthError>);

impl Sentinel for CsrfToken<'_> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        is_unattached(rocket)
    }
}

impl Sentinel for SameOrigin {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        is_unattached(rocket)
    }
}

impl Sentinel for SignInAttempt {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        is_unattached(rocket)
    }
}

/// What the seal is for; a seal made for anything else is none.
const PURPOSE: &str = "sign-in form";
