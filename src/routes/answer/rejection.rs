//! Why something that was asked for was not done, told in one place: the word on the page, the answer for programs, and
//! the event that it is.
//!
//! A wrong password, a spent code, a name that is taken: whoever sent it may try again, so a page shows its form once more
//! and says why. What nobody here can judge, such as a store out of reach, is [`Refused`] and has a page of its own.

use std::time::Duration;

use rocket::http::Status;
use rocket_dyn_templates::Template;

use crate::auth::{AuthError, Refusal, What};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::reply::Reply;
use crate::users::{ChangeError, HashError, SignInError, UnfitPassword};

/// Why something was not done.
#[derive(Debug)]
pub(crate) struct Rejection {
    /// The key of its text on pages.
    key: &'static str,
    refusal: Refusal,
    event: Option<What>,
    /// Whose account the event is about, where the caller cannot know.
    whose: Option<String>,
}

/// Nothing was done: this was not to be had, or nobody can say.
pub(crate) enum NotDone {
    Rejected(Rejection),
    Refused(Refused),
}

impl Rejection {
    /// The answer for programs, told on pages under this key.
    pub(crate) const fn told(key: &'static str, refusal: Refusal) -> Self {
        Self { key, refusal, event: None, whose: None }
    }

    /// A rejection whose code is also its key on pages.
    pub(crate) fn new(status: Status, key: &'static str, message: &str) -> Self {
        Self::told(key, Refusal::new(status, message, key))
    }

    /// What was sent can be read and cannot be had.
    pub(crate) fn unfit(key: &'static str, error: &dyn std::error::Error) -> Self {
        Self::new(Status::UnprocessableEntity, key, &error.to_string())
    }

    /// There were too many attempts.
    pub(crate) fn throttled(wait: Duration) -> Self {
        Self::told("throttled", Refusal::throttled(wait)).noted(What::SignInThrottled)
    }

    /// Nobody had time to look at it, which says nothing about who asked.
    pub(crate) fn busy() -> Self {
        Self::told("busy", Refusal::unavailable())
    }

    /// The two new passwords of a form are not the same.
    pub(crate) fn passwords_differ() -> Self {
        Self::new(Status::UnprocessableEntity, "mismatch", "The two new passwords differ")
    }

    /// The same, as an event of this kind.
    #[must_use]
    pub(crate) fn noted(self, what: What) -> Self {
        Self { event: Some(what), ..self }
    }

    /// Why nobody was signed in; `wrong` is what a wrong password is called here.
    pub(crate) fn of_sign_in(error: SignInError, wrong: Self) -> NotDone {
        match error {
            SignInError::BadCredentials => wrong.into(),
            SignInError::CounterFell { account } => {
                Self { event: Some(What::PasskeyCounterFell), whose: Some(account.to_string()), ..wrong }
                    .into()
            }
            SignInError::Throttled { retry_after } => Self::throttled(retry_after).into(),
            SignInError::Busy => Self::busy().into(),
            error @ SignInError::Unavailable(_) => {
                NotDone::out_of_reach(&error, "no password can be checked")
            }
        }
    }

    /// Why nothing was changed; `wrong` is what a wrong password or code is called here.
    pub(crate) fn of_change(error: ChangeError, wrong: Self) -> NotDone {
        match error {
            ChangeError::Unfit(unfit) => Self::from(unfit).into(),
            ChangeError::SignIn(error) => Self::of_sign_in(error, wrong),
            ChangeError::Unwarranted => NotDone::Refused(Refused(AuthError::Revoked)),
            ChangeError::LastOfRole => {
                let message = "Nobody would be left who looks after accounts";
                Self::new(Status::Conflict, "last_administrator", message).into()
            }
            ChangeError::Hash(HashError::Busy) => Self::busy().into(),
            error => NotDone::out_of_reach(&error, "an account cannot be changed"),
        }
    }

    /// The key of its text on pages.
    pub(crate) const fn key(&self) -> &'static str {
        self.key
    }

    /// The event that it is, if it is one.
    pub(crate) const fn event(&self) -> Option<What> {
        self.event
    }

    /// Whose account the event is about, where the caller cannot know.
    pub(crate) fn whose(&self) -> Option<&str> {
        self.whose.as_deref()
    }

    /// After how many seconds another attempt may be made.
    pub(crate) const fn retry_after(&self) -> Option<u64> {
        self.refusal.retry_after
    }

    /// The answer for programs.
    pub(crate) fn into_refusal(self) -> Refusal {
        self.refusal
    }

    /// The answer: JSON for a program, and for a browser another reply, which says why.
    pub(crate) fn answer_of(self, form: Form, page: impl FnOnce() -> Reply) -> Reply {
        match form {
            Form::Data => Reply::Refused(self.refusal),
            Form::Page => page(),
        }
    }

    /// The answer: JSON for a program, and for a browser the page that says why.
    pub(crate) fn answer(self, form: Form, page: impl FnOnce(&Self) -> Template) -> Reply {
        match form {
            Form::Data => Reply::Refused(self.refusal),
            Form::Page => Reply::refused(&self.refusal, page(&self)),
        }
    }
}

impl From<UnfitPassword> for Rejection {
    fn from(unfit: UnfitPassword) -> Self {
        let key = match unfit {
            UnfitPassword::TooShort { .. } => "too_short",
            UnfitPassword::TooLong => "too_long",
            UnfitPassword::Common => "too_common",
            UnfitPassword::Leaked => "leaked",
            UnfitPassword::ContainsName => "contains_name",
            UnfitPassword::ContainsService => "contains_service",
        };
        Self::unfit(key, &unfit)
    }
}

impl NotDone {
    /// The store or the hasher failed; nobody is told that a person is not there.
    pub(crate) fn out_of_reach(error: &(dyn std::error::Error + 'static), what: &str) -> Self {
        tracing::error!(error, "{what}");
        Self::Refused(Refused(AuthError::Unavailable))
    }

    /// What the caller may mend.
    ///
    /// # Errors
    /// What nobody can.
    pub(crate) fn rejection(self) -> Result<Rejection, Refused> {
        match self {
            Self::Rejected(rejection) => Ok(rejection),
            Self::Refused(refused) => Err(refused),
        }
    }
}

impl From<Rejection> for NotDone {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<Refused> for NotDone {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<AuthError> for NotDone {
    fn from(error: AuthError) -> Self {
        Self::Refused(Refused(error))
    }
}
