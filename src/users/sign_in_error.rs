//! Why nobody was signed in.

use std::time::Duration;

use crate::users::password::HashError;
use crate::users::store_error::AccountStoreError;
use crate::users::throttle::NotAdmitted;
use crate::users::username::Username;

/// Why nobody was signed in.
///
/// ```
/// use portcullis::Refusal;
/// use portcullis::users::SignInError;
/// use rocket::http::Status;
///
/// fn answer(error: SignInError) -> Refusal {
///     match error {
///         SignInError::BadCredentials | SignInError::CounterFell { .. } => Refusal::new(Status::Unauthorized, "That was wrong", "bad_credentials"),
///         SignInError::Throttled { retry_after } => Refusal::throttled(retry_after),
///         SignInError::Busy | SignInError::Unavailable(_) => Refusal::unavailable(),
///     }
/// }
/// # answer(SignInError::Busy);
/// ```
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Name and password do not belong to an account that may sign in; which of them is wrong is not told.
    #[error("bad username or password")]
    BadCredentials,
    /// A passkey's authenticator counted less than it had before: somebody may have a copy of it. To the outside it is the
    /// same as the above; whoever watches the events of this account should hear of it.
    #[error("a passkey's counter fell")]
    CounterFell {
        /// Whose passkey it is.
        account: Username,
    },
    /// There were too many attempts, and this one was not evaluated; 429.
    #[error("too many attempts")]
    Throttled {
        /// After how long the next one will be.
        retry_after: Duration,
    },
    /// Too many people sign in at this moment; 503, try again.
    #[error("too many passwords are being checked at the moment")]
    Busy,
    /// The question could not be answered; 503, and never "wrong password".
    #[error("the account cannot be checked")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<AccountStoreError> for SignInError {
    fn from(error: AccountStoreError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

impl From<HashError> for SignInError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy,
            other => Self::Unavailable(Box::new(other)),
        }
    }
}

impl From<NotAdmitted> for SignInError {
    fn from(refusal: NotAdmitted) -> Self {
        match refusal {
            NotAdmitted::Wait(retry_after) => Self::Throttled { retry_after },
            NotAdmitted::Store(error) => error.into(),
        }
    }
}
