//! Who may look after other people's accounts, and what they do it with, as guards.
//!
//! What they do is the business of `list` and `person`.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use rocket::request::{FromRequest, Outcome, Request};
use rocket::{Ignite, Rocket, Sentinel};

use crate::auth::{
    self, AuthError, CsrfToken, FreshToken, Oversight, Random, Role, RoleToken, Sessions, SignedIn,
};
use crate::routes::admin::Admin;
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::view::frame::Frame;
use crate::users::{Accounts, CODE_BYTES, OneTimeCode, Username, Warrant};

/// Somebody with the role [`Admin`] whose password was entered recently.
/// The role is asked for first: who lacks it is told so, and not asked for a password in vain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Administrator<'r>(FreshToken<'r>);

/// What an administrator works with. Holding it is the proof that somebody is one.
pub(crate) struct Desk<'r> {
    pub(crate) administrator: Administrator<'r>,
    pub(crate) random: &'r Randomness,
    pub(crate) frame: Frame<'r>,
    pub(crate) form: Form,
    request: &'r Request<'r>,
    accounts: &'r Accounts,
    sessions: Sessions<'r>,
    own_name: Option<Username>,
}

/// Where one-time codes come from.
#[derive(Clone)]
pub(crate) struct Randomness(pub(crate) Arc<dyn Random>);

impl<'r> Desk<'r> {
    async fn of(request: &'r Request<'_>) -> Result<Self, AuthError> {
        let administrator = held(Administrator::from_request(request).await)?;
        let csrf = held(CsrfToken::from_request(request).await)?;
        let sessions = held(Sessions::from_request(request).await)?;
        let rocket = request.rocket();
        Ok(Self {
            administrator,
            random: rocket.state().ok_or(AuthError::NotAttached)?,
            frame: Frame::of(request).person(&administrator).csrf(csrf.as_str()),
            form: Form::of(request),
            request,
            accounts: rocket.state().ok_or(AuthError::NotAttached)?,
            sessions,
            own_name: administrator.subject().parse().ok(),
        })
    }

    /// The accounts, to look at.
    pub(crate) const fn accounts(&self) -> &Accounts {
        self.accounts
    }

    /// The accounts, to change them, if this is an administrator still: the body may have taken its time.
    ///
    /// # Errors
    /// Refused when the session has ended in the meantime.
    pub(crate) async fn acting(&self) -> Result<&Accounts, Refused> {
        auth::still_counts(self.request).await.map_err(Refused)?;
        Ok(self.accounts)
    }

    /// On whose word an account is changed here: in this session, and never so that no administrator is left.
    pub(crate) fn warrant(&self) -> Warrant<'_> {
        let session = Some(*self.administrator.session_id().as_bytes());
        Warrant { by: self.own_name.as_ref(), session, keeps: Some(Admin::NAME) }
    }

    /// Everybody's sessions and events, in this administrator's hands.
    pub(crate) fn overseen(&self) -> Oversight<'_> {
        self.sessions.overseen_by(self.administrator.subject())
    }
}

/// What a guard found; its failure is kept for the catcher already.
fn held<T>(outcome: Outcome<T, AuthError>) -> Result<T, AuthError> {
    match outcome {
        Outcome::Success(guard) => Ok(guard),
        Outcome::Error((_, error)) => Err(error),
        Outcome::Forward(_) => Err(AuthError::NotAttached),
    }
}

impl Randomness {
    /// A code that nobody can guess.
    ///
    /// # Errors
    /// Refused with 503 when there is no randomness.
    pub(crate) fn code(&self) -> Result<OneTimeCode, Refused> {
        self.bytes::<CODE_BYTES>().map(OneTimeCode::from_bytes)
    }

    /// Unguessable bytes.
    ///
    /// # Errors
    /// As [`code`](Self::code).
    pub(crate) fn bytes<const COUNT: usize>(&self) -> Result<[u8; COUNT], Refused> {
        let mut bytes = [0; COUNT];
        self.0.fill(&mut bytes).map_err(|error| Refused(AuthError::from(error)))?;
        Ok(bytes)
    }
}

impl fmt::Debug for Randomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Randomness")
    }
}

/// What somebody is told whose session is of the first level: to give the factor that they have, or to take one into use.
async fn lacks_factor(request: &Request<'_>) -> AuthError {
    let Some(accounts) = request.rocket().state::<Accounts>() else { return AuthError::NotAttached };
    let name = match SignedIn::from_request(request).await {
        Outcome::Success(visitor) => visitor.subject().parse::<Username>(),
        Outcome::Error((_, error)) => return error,
        Outcome::Forward(_) => return AuthError::NotAttached,
    };
    let Ok(name) = name else { return AuthError::UnknownUser };
    match accounts.methods(&name).await {
        Ok(Some(_)) => AuthError::SecondFactorRequired,
        Ok(None) => AuthError::FactorEnrolmentRequired,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "factors cannot be read");
            AuthError::Unavailable
        }
    }
}

impl<'r> Deref for Administrator<'r> {
    type Target = FreshToken<'r>;

    fn deref(&self) -> &FreshToken<'r> {
        &self.0
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Administrator<'r> {
    type Error = AuthError;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthError> {
        match RoleToken::<'r, Admin>::from_request(request).await {
            Outcome::Success(_) => FreshToken::from_request(request).await.map(Self),
            Outcome::Error((_, AuthError::SecondFactorRequired)) => lacks_factor(request).await.fail(request),
            Outcome::Error(refused) => Outcome::Error(refused),
            Outcome::Forward(status) => Outcome::Forward(status),
        }
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Desk<'r> {
    type Error = AuthError;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthError> {
        match Self::of(request).await {
            Ok(desk) => Outcome::Success(desk),
            Err(error) => Outcome::Error((error.status(), error)),
        }
    }
}

impl Sentinel for Administrator<'_> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        FreshToken::abort(rocket)
    }
}

impl Sentinel for Desk<'_> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        Administrator::abort(rocket)
    }
}
