//! The forms an answer can take, and the words of a refusal.

use std::time::Duration;

use rocket::http::{ContentType, Header, Status};
use rocket::response::{self, Responder};
use rocket::{Request, Response};
use rocket_dyn_templates::Template;
use serde_json::{Value, json};

use crate::auth::AuthError;

/// An answer: data for a program, or a page or a redirect for a browser.
pub enum Reply {
    /// JSON with this status.
    Json(Status, Value),
    /// A page with this status.
    Page(Status, Template),
    /// A page that asks to come back after so many seconds.
    Later(Status, Template, u64),
    /// "See other" (303): the browser asks for this path with GET, whatever it sent before.
    SeeOther(String),
    /// A refusal in JSON.
    Refused(Refusal),
    /// Nothing is here (404): the catcher gives it the form that was asked for.
    Missing,
}

/// A refusal, as programs read it.
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

    /// The refusal for a bare status, such as 404.
    #[must_use]
    pub fn of_status(status: Status) -> Self {
        let (message, code) = match status.code {
            400 => ("The request is malformed", "bad_request"),
            401 => ("You are not signed in", "missing_token"),
            403 => ("You may not do this", "forbidden"),
            404 => ("There is nothing here", "not_found"),
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
        let retry_after = (error == AuthError::Unavailable).then_some(RETRY_SECONDS);
        Self { status: error.status(), message: error.to_string(), code: error.code(), retry_after }
    }
}

impl Reply {
    /// The page of a refusal.
    pub(crate) fn refused(refusal: &Refusal, page: Template) -> Self {
        match refusal.retry_after {
            Some(seconds) => Self::Later(refusal.status, page, seconds),
            None => Self::Page(refusal.status, page),
        }
    }
}

impl<'r> Responder<'r, 'static> for Reply {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        match self {
            Self::Json(status, value) => (status, (ContentType::JSON, value.to_string())).respond_to(request),
            Self::Page(status, page) => (status, page).respond_to(request),
            Self::Later(status, page, seconds) => {
                let mut response = (status, page).respond_to(request)?;
                response.set_header(retry_after(seconds));
                Ok(response)
            }
            Self::SeeOther(path) => {
                Response::build().status(Status::SeeOther).header(Header::new("Location", path)).ok()
            }
            Self::Refused(refusal) => refusal.respond_to(request),
            Self::Missing => Err(Status::NotFound),
        }
    }
}

impl<'r> Responder<'r, 'static> for Refusal {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let body = json!({ "msg": self.message, "code": self.code }).to_string();
        let mut response = (self.status, (ContentType::JSON, body)).respond_to(request)?;
        if let Some(seconds) = self.retry_after {
            response.set_header(retry_after(seconds));
        }
        Ok(response)
    }
}

fn retry_after(seconds: u64) -> Header<'static> {
    Header::new("Retry-After", seconds.to_string())
}

/// After how many seconds a busy service is worth asking again.
pub(crate) const RETRY_SECONDS: u64 = 2;
