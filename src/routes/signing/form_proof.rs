//! The CSRF proof of a form of somebody who is not signed in, and what it means when it is missing.

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use crate::auth::{AuthError, CsrfToken, FormCookie, Refusal, is_signed_in_elsewhere};
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::{NotDone, Rejection};

/// The proof for a form that is shown again; a program needs none, and gets no cookie for one.
pub(crate) struct FormProof<'r> {
    proof: Option<CsrfToken<'r>>,
    cookie: FormCookie,
    /// Whether somebody is signed in already, in another tab.
    pub(super) is_signed_in: bool,
}

impl<'r> FormProof<'r> {
    /// The value; empty for a program.
    pub(crate) fn as_str(&self) -> &'r str {
        self.proof.as_ref().map_or("", CsrfToken::as_str)
    }

    /// Why a form came back without its proof.
    pub(crate) fn lost(&self, error: AuthError) -> NotDone {
        let key = match (self.cookie, error) {
            (FormCookie::Twice, AuthError::CsrfMissing | AuthError::CsrfMismatch) => COOKIE_TWICE,
            (FormCookie::Absent, AuthError::CsrfMismatch) => COOKIE_LOST,
            // Without any proof it was no form of ours.
            (_, AuthError::CsrfMissing | AuthError::CsrfMismatch) => "form_expired",
            (_, error) => return error.into(),
        };
        Rejection::told(key, Refusal::from(error)).into()
    }
}

/// Why a form that needs no session was not taken: it was open for too long, or is none of ours.
pub(crate) fn unproved(error: AuthError) -> NotDone {
    match error {
        AuthError::CsrfMissing | AuthError::CsrfMismatch => {
            Rejection::told("form_expired", Refusal::from(error)).into()
        }
        error => error.into(),
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for FormProof<'r> {
    type Error = AuthError;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthError> {
        let cookie = FormCookie::of(request);
        match Form::of(request) {
            Form::Page => {
                let is_signed_in = is_signed_in_elsewhere(request).await;
                let proof = CsrfToken::from_request(request).await;
                proof.map(|proof| Self { proof: Some(proof), cookie, is_signed_in })
            }
            Form::Data => Outcome::Success(Self { proof: None, cookie, is_signed_in: false }),
        }
    }
}

/// The form came back without its cookie.
pub(super) const COOKIE_LOST: &str = "cookie_lost";
/// It came back with two.
pub(super) const COOKIE_TWICE: &str = "cookie_twice";
