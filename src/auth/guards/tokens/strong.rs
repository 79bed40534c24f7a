//! The guard of what a password alone must not open.

use std::ops::Deref;

use rocket::request::{FromRequest, Outcome, Request};
use rocket::{Ignite, Rocket, Sentinel};

use super::{in_session, is_unattached, outcome};
use crate::auth::tokens::claims::SessionClaims;
use crate::auth::wire::error::AuthError;
use crate::auth::wire::proved::AuthLevel;

/// An access token of a session of the second level: a second factor was proved in it, at sign-in or since. 401
/// `second_factor_required` for everybody else who is signed in.
///
/// ```
/// use portcullis::StrongToken;
/// use portcullis::testing::Kit;
/// use rocket::{get, routes};
///
/// #[get("/vault")]
/// fn vault(token: StrongToken<'_>) -> String {
///     format!("{} may look", token.subject())
/// }
///
/// let kit = Kit::new();
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![vault]));
/// assert_eq!(site.signed_in("ada", &[]).get("/vault").status, 401, "a password was all that was asked for");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct StrongToken<'r>(SessionClaims<'r>);

async fn strong<'r>(request: &'r Request<'_>) -> Result<SessionClaims<'r>, AuthError> {
    let claims = in_session(request).await?;
    if claims.level() == AuthLevel::Two { Ok(claims) } else { Err(AuthError::SecondFactorRequired) }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for StrongToken<'r> {
    type Error = AuthError;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthError> {
        outcome(request, strong(request).await, Self)
    }
}

impl<'r> Deref for StrongToken<'r> {
    type Target = SessionClaims<'r>;

    fn deref(&self) -> &SessionClaims<'r> {
        &self.0
    }
}

impl Sentinel for StrongToken<'_> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        is_unattached(rocket)
    }
}
