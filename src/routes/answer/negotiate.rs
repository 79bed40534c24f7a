//! The form of the answer as a guard: a page for browsers, data for programs.

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use crate::auth::wants_page;

/// What the caller wants back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A page or a redirect.
    Page,
    /// JSON.
    Data,
}

impl Form {
    /// The form for this request.
    #[must_use]
    pub(crate) fn of(request: &Request<'_>) -> Self {
        if wants_page(request) { Self::Page } else { Self::Data }
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Form {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        Outcome::Success(Self::of(request))
    }
}
