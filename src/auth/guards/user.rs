//! The application's own idea of the person who signed in.

use std::fmt;
use std::future::Future;
use std::ops::Deref;

use rocket::request::{FromRequest, Outcome, Request};
use rocket::{Ignite, Rocket, Sentinel};

use crate::auth::guards::tokens::{is_unattached, outcome, signed_in};
use crate::auth::sessions::hooks::{HookError, HookFuture};
use crate::auth::wire::error::AuthError;

/// The person, as the application knows them: looked up once a request by the hook
/// [`Portcullis::user`](crate::auth::Portcullis::user).
///
/// A person whom the application does not know (any more) is refused with 401, a look-up that fails with 503.
///
/// ```
/// use portcullis::{CurrentUser, testing::Kit};
/// use rocket::{get, routes};
///
/// struct Employee {
///     desk: u32,
/// }
///
/// #[get("/desk")]
/// fn desk(person: CurrentUser<'_, Employee>) -> String {
///     person.desk.to_string()
/// }
///
/// let kit = Kit::new();
/// let portcullis = kit
///     .portcullis()
///     .user(|name: String| async move { Ok((name == "alice").then_some(Employee { desk: 7 })) });
/// let site = kit.launch(rocket::custom(kit.figment()).attach(portcullis).mount("/", routes![desk]));
/// assert_eq!(site.signed_in("alice", &[]).get("/desk").body, "7");
/// assert_eq!(site.signed_in("mallory", &[]).get("/desk").status, 401);
/// ```
pub struct CurrentUser<'r, U>(&'r U);

/// How a Rocket looks its people up.
pub(crate) struct LookUp<U>(Box<dyn Fn(String) -> HookFuture<Option<U>> + Send + Sync>);

impl<U: Send + Sync + 'static> LookUp<U> {
    pub(crate) fn new<F, Fut>(look_up: F) -> Self
    where
        F: Fn(String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<U>, HookError>> + Send + 'static,
    {
        Self(Box::new(move |name| Box::pin(look_up(name))))
    }
}

struct LookedUp<U>(Result<U, AuthError>);

async fn look_up<U: Send + Sync + 'static>(request: &Request<'_>) -> Result<U, AuthError> {
    let claims = signed_in(request).await?;
    let hook = request.rocket().state::<LookUp<U>>().ok_or(AuthError::NotAttached)?;
    match (hook.0)(claims.subject().to_owned()).await {
        Ok(person) => person.ok_or(AuthError::UnknownUser),
        Err(error) => {
            tracing::error!(error = &*error as &dyn std::error::Error, "a person could not be looked up");
            Err(AuthError::Unavailable)
        }
    }
}

#[rocket::async_trait]
impl<'r, U: Send + Sync + 'static> FromRequest<'r> for CurrentUser<'r, U> {
    type Error = AuthError;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthError> {
        let found = request.local_cache_async(async { LookedUp(look_up::<U>(request).await) }).await;
        outcome(request, found.0.as_ref().map_err(|error| *error), CurrentUser)
    }
}

impl<U: Send + Sync + 'static> Sentinel for CurrentUser<'_, U> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        let has_no_look_up = rocket.state::<LookUp<U>>().is_none();
        if has_no_look_up {
            tracing::error!(
                "a route takes CurrentUser<{}>, but the fairing was given no look-up for it: call Portcullis::user",
                std::any::type_name::<U>()
            );
        }
        has_no_look_up || is_unattached(rocket)
    }
}

impl<U> Clone for CurrentUser<'_, U> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<U> Copy for CurrentUser<'_, U> {}

impl<U> Deref for CurrentUser<'_, U> {
    type Target = U;

    fn deref(&self) -> &U {
        self.0
    }
}

impl<U> fmt::Debug for CurrentUser<'_, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CurrentUser(…)")
    }
}
