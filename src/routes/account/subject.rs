//! Whose account it is, and what is said when it cannot be read.

use crate::auth::AuthError;
use crate::routes::answer::errors::Refused;
use crate::users::Username;

pub(super) fn own_name(subject: &str) -> Result<Username, Refused> {
    subject.parse().map_err(|_| Refused(AuthError::UnknownUser))
}

pub(super) fn unreadable(error: &(dyn std::error::Error + 'static)) -> Refused {
    tracing::error!(error, "an account cannot be read or changed");
    Refused(AuthError::Unavailable)
}
