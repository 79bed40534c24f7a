//! A refusal as programs read it: one JSON object, whoever refused.
//!
//! The pages that browsers get instead are made elsewhere.

use std::time::Duration;

use rocket::http::{ContentType, Header, Status};
use rocket::response::{self, Responder};
use rocket::{Catcher, Request, catch, catchers};
use serde_json::json;

use crate::auth::sessions::authority::Authority;
use crate::auth::wire::error::AuthError;

/// A refusal, as programs read it: `{"msg": "…", "code": "…"}`, with its status and `Retry-After`.
/// The member `msg` is called as `auth.names.error_message_key` says.
///
/// Handlers refuse with it in the words of the guards: every [`AuthError`] becomes one.
///
/// ```
/// use portcullis::{Refusal, Sessions};
/// use rocket::post;
///
/// #[post("/logout")]
/// async fn logout(sessions: Sessions<'_>) -> Result<(), Refusal> {
///     Ok(sessions.sign_out().await?)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: Status,
    /// What happened, in a sentence; flask-jwt-extended's where it has one.
    pub message: String,
    /// What happened, as a stable word.
    pub code: &'static str,
    /// After how many seconds to try again.
    pub retry_after: Option<u64>,
}

impl Refusal {
    /// The refusal of the sign-in form's and the JSON's wrong name or password.
    #[must_use]
    pub fn bad_credentials() -> Self {
        Self::new(Status::Unauthorized, "Bad username or password", "bad_credentials")
    }

    /// A refusal with these words.
    #[must_use]
    pub fn new(status: Status, message: &str, code: &'static str) -> Self {
        Self { status, message: message.to_owned(), code, retry_after: None }
    }

    /// Too many attempts; the next one counts after this wait.
    #[must_use]
    pub fn throttled(wait: Duration) -> Self {
        Self { retry_after: Some(wait.as_secs().max(1)), ..Self::of_status(Status::TooManyRequests) }
    }

    /// The service is busy or its store out of reach.
    #[must_use]
    pub fn unavailable() -> Self {
        AuthError::Unavailable.into()
    }

    /// Why a request ended with this status: what a guard said about it, or else the words for the status.
    /// For catchers; see [`catchers()`].
    #[must_use]
    pub fn of(status: Status, request: &Request<'_>) -> Self {
        let error = AuthError::of(request).filter(|error| error.status() == status);
        error.map_or_else(|| Self::of_status(status), Self::from)
    }

    /// The refusal for a bare status, such as 404.
    #[must_use]
    pub fn of_status(status: Status) -> Self {
        let (message, code) = match status.code {
            400 => ("The request is malformed", "bad_request"),
            401 => ("You are not signed in", "missing_token"),
            403 => ("You may not do this", "forbidden"),
            404 => ("There is nothing here", "not_found"),
            405 => ("This is not served with this method", "method_not_allowed"),
            413 => ("The request is too large", "too_large"),
            415 => ("The content type is not supported here", "unsupported_media_type"),
            422 => ("The request has a missing, unknown or ill-typed field", "unprocessable"),
            429 => ("Too many attempts", "throttled"),
            503 => return Self::unavailable(),
            500.. => ("Something went wrong on our side", "internal"),
            _ => ("The request was refused", "refused"),
        };
        Self::new(status, message, code)
    }
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        let retry_after =
            matches!(error, AuthError::Unavailable | AuthError::NotKept).then_some(RETRY_SECONDS);
        Self { status: error.status(), message: error.to_string(), code: error.code(), retry_after }
    }
}

impl<'r> Responder<'r, 'static> for Refusal {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let key = Authority::of(request.rocket()).map_or("msg", |it| it.jar.wire().message_key.as_str());
        let body = json!({ key: self.message, "code": self.code }).to_string();
        let mut response = (self.status, (ContentType::JSON, body)).respond_to(request)?;
        if let Some(seconds) = self.retry_after {
            response.set_header(Header::new("Retry-After", seconds.to_string()));
        }
        Ok(response)
    }
}

/// One catcher that answers every error with its [`Refusal`]: for applications that speak JSON only.
///
/// An application answers one failure in its own way with a catcher for its status, which Rocket prefers to this one,
/// and leaves the others of that status as they are:
///
/// ```
/// use portcullis::{AuthError, Portcullis, Refusal, store};
/// use rocket::http::Status;
/// use rocket::response::Redirect;
/// use rocket::{Either, Request, catch, uri};
///
/// #[catch(401)]
/// fn unauthorized(status: Status, request: &Request<'_>) -> Either<Redirect, Refusal> {
///     match AuthError::of(request) {
///         Some(AuthError::NotFresh) => Either::Left(Redirect::to(uri!("/password-please"))),
///         _ => Either::Right(Refusal::of(status, request)),
///     }
/// }
///
/// let rocket = rocket::build()
///     .attach(Portcullis::new(store::memory().sessions))
///     .register("/", portcullis::catchers())
///     .register("/", rocket::catchers![unauthorized]);
/// ```
#[must_use]
pub fn catchers() -> Vec<Catcher> {
    catchers![refused]
}

#[catch(default)]
fn refused(status: Status, request: &Request<'_>) -> Refusal {
    Refusal::of(status, request)
}

/// After how many seconds a busy service is worth asking again.
const RETRY_SECONDS: u64 = 2;
