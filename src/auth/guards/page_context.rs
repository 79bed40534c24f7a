//! What every page of an application wants to know: who is signed in, what its forms send back, and what just happened.
//!
//! It is plain data to serialize; which engine renders the page is the application's business.

use std::fmt;

use rocket::request::{FlashMessage, FromRequest, Outcome, Request};
use rocket::{Ignite, Rocket, Sentinel};
use serde::Serialize;

use crate::auth::guards::forms::CsrfToken;
use crate::auth::guards::tokens::{is_unattached, signed_in};
use crate::auth::request::verdict;
use crate::auth::wire::error::AuthError;

/// The part of a template's context that is the same on every page, also on those that anybody may see.
///
/// It serializes to four members, to be flattened into a page's own context:
///
/// - `current_user`: `name` and `roles` of the person; absent when nobody is signed in.
/// - `csrf_field` and `csrf_token`: name and value of the hidden field that every form begins with.
///   The value is empty when nobody is signed in: a form for everybody, such as the sign-in form, asks for one
///   [with a guard](Self::csrf), because it sets a cookie.
/// - `flash`: `kind` and `message` of Rocket's [`Flash`](rocket::response::Flash); absent when there is none.
///
/// Whoever cannot be told is nobody: a page that needs a person takes [`SignedIn`](crate::SignedIn) as well.
/// Only a store out of reach refuses the request, with 503, because nobody can be told then.
///
/// ```
/// use portcullis::PageContext;
/// use rocket::get;
/// use rocket_dyn_templates::Template;
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Home<'r> {
///     #[serde(flatten)]
///     page: PageContext<'r>,
///     title: &'static str,
/// }
///
/// #[get("/")]
/// fn home(page: PageContext<'_>) -> Template {
///     Template::render("home", Home { page, title: "Welcome" })
/// }
/// ```
///
/// ```html
/// {% if current_user %}{{ current_user.name }}{% else %}<a href="/login">Sign in</a>{% endif %}
/// <form method="post"><input type="hidden" name="{{ csrf_field }}" value="{{ csrf_token }}">…</form>
/// ```
#[derive(Serialize)]
pub struct PageContext<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    current_user: Option<CurrentPerson<'r>>,
    csrf_field: &'r str,
    csrf_token: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    flash: Option<FlashMessage<'r>>,
}

#[derive(Serialize)]
struct CurrentPerson<'r> {
    name: &'r str,
    roles: Vec<&'r str>,
}

impl<'r> PageContext<'r> {
    /// Gives the page's forms this value, also when nobody is signed in.
    #[must_use]
    pub const fn csrf(mut self, token: CsrfToken<'r>) -> Self {
        self.csrf_token = token.as_str();
        self
    }
}

impl fmt::Debug for PageContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PageContext(…)")
    }
}

async fn of<'r>(request: &'r Request<'_>) -> Result<PageContext<'r>, AuthError> {
    let wire = verdict::authority(request)?.jar.wire();
    let claims = match signed_in(request).await {
        Ok(claims) => Some(claims),
        Err(error @ AuthError::Unavailable) => return Err(error),
        Err(_) => None,
    };
    Ok(PageContext {
        current_user: claims
            .map(|claims| CurrentPerson { name: claims.subject(), roles: claims.roles().collect() }),
        csrf_field: &wire.csrf_field,
        csrf_token: claims.and_then(|claims| claims.0.csrf()).unwrap_or_default(),
        flash: request.guard().await.succeeded(),
    })
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for PageContext<'r> {
    type Error = AuthError;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthError> {
        match of(request).await {
            Ok(page) => Outcome::Success(page),
            Err(error) => error.fail(request),
        }
    }
}

impl Sentinel for PageContext<'_> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        is_unattached(rocket)
    }
}
