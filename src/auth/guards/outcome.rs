//! What becomes of a guard that fails: the error is kept for the catcher, and the event that it is gets written.

use std::sync::{Mutex, PoisonError};

use rocket::Request;
use rocket::request::Outcome;

use crate::auth::request::caller;
use crate::auth::sessions::authority::Authority;
use crate::auth::sessions::event::What;
use crate::auth::tokens::claims::Claims;
use crate::auth::wire::error::AuthError;

impl AuthError {
    /// What a guard said about this request, for catchers: Rocket does not hand them a guard's error.
    #[must_use]
    pub fn of(request: &Request<'_>) -> Option<Self> {
        *failure(request).0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a guard with this error and keeps it for the catcher.
    /// A later guard's error replaces an earlier one that the handler chose to survive.
    pub(crate) fn fail<T>(self, request: &Request<'_>) -> Outcome<T, Self> {
        self.keep(request);
        Outcome::Error((self.status(), self))
    }

    /// Keeps it for the catcher, and writes the event that it is.
    pub(crate) fn keep(self, request: &Request<'_>) {
        let earlier = failure(request).0.lock().unwrap_or_else(PoisonError::into_inner).replace(self);
        if earlier != Some(self) {
            self.note(request);
        }
    }

    /// The person of these claims lacks a role, which is an event.
    pub(crate) fn lacks_role(request: &Request<'_>, claims: Claims<'_>) -> Self {
        if let Some(authority) = Authority::of(request.rocket()) {
            let session = claims.session().map(|claims| claims.session_id());
            authority.note(What::RoleMissing, Some(claims.subject()), session, caller::address(request));
        }
        Self::Forbidden
    }

    /// Writes the event that this refusal is, if it is one.
    fn note(self, request: &Request<'_>) {
        let what = match self {
            Self::CsrfMissing | Self::CsrfMismatch => What::CsrfRefused,
            Self::CrossSite => What::CrossSiteRefused,
            Self::Invalid(_) => What::TokenInvalid,
            Self::Ambiguous => What::TokenDoubled,
            Self::WrongType(_) => What::TokenOfWrongType,
            _ => return,
        };
        if let Some(authority) = Authority::of(request.rocket()) {
            authority.note(what, None, None, caller::address(request));
        }
    }
}

struct KeptFailure(Mutex<Option<AuthError>>);

fn failure<'r>(request: &'r Request<'_>) -> &'r KeptFailure {
    request.local_cache(|| KeptFailure(Mutex::new(None)))
}
