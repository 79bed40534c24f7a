//! Deny by default: everything under a path needs a token, whatever its handlers forgot.

use rocket::data::Data;
use rocket::http::{Method, Status};
use rocket::route::{Handler, Outcome, Route};
use rocket::{Request, get, request, routes};

use crate::auth::guards::tokens::{AccessToken, signed_in};
use crate::auth::wire::error::AuthError;

/// A fence around everything that is mounted at the same place: a request without a valid access token is refused before
/// any handler sees it, also where the handler takes no guard and where there is no handler.
///
/// Mount it at the path to fence; its order among other mounts does not matter.
/// A fence with a role may stand inside one without.
///
/// ```
/// use portcullis::{Fence, Portcullis, store};
/// use rocket::{get, routes};
///
/// /// Forgot its guard, and is safe all the same.
/// #[get("/report")]
/// fn report() -> &'static str {
///     "figures"
/// }
///
/// let rocket = rocket::build()
///     .attach(Portcullis::new(store::memory().sessions))
///     .mount("/internal", Fence::closed().open("/health").role("staff"))
///     .mount("/internal", routes![report]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Fence {
    open: Vec<String>,
    role: Option<String>,
}

impl Fence {
    /// A fence without a gap.
    #[must_use]
    pub fn closed() -> Self {
        Self::default()
    }

    /// Leaves exactly this path open; it is counted from where the fence is mounted.
    #[must_use]
    pub fn open(mut self, path: &str) -> Self {
        self.open.push(path.to_owned());
        self
    }

    /// Lets only people with this role through; others who are signed in get 403.
    #[must_use]
    pub fn role(self, role: &str) -> Self {
        Self { role: Some(role.to_owned()), ..self }
    }

    async fn judge(&self, request: &Request<'_>) -> Result<(), AuthError> {
        let base = request.route().map(|route| route.uri.base().to_owned()).unwrap_or_default();
        let path = request.uri().path();
        let inside = path.as_str().strip_prefix(base.trim_end_matches('/')).unwrap_or(path.as_str());
        // A path without its last slash is the mount point itself.
        let inside = if inside.is_empty() { "/" } else { inside };
        if self.open.iter().any(|open| open == inside) {
            return Ok(());
        }
        let claims = signed_in(request).await?;
        match &self.role {
            Some(role) if !claims.has_role(role) => Err(AuthError::lacks_role(request, claims)),
            _ => Ok(()),
        }
    }
}

#[rocket::async_trait]
impl Handler for Fence {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        match self.judge(request).await {
            Ok(()) => Outcome::Forward((data, Status::NotFound)),
            Err(error) => match error.fail::<()>(request) {
                request::Outcome::Error((status, _)) => Outcome::Error(status),
                _ => Outcome::Error(error.status()),
            },
        }
    }
}

impl From<Fence> for Vec<Route> {
    fn from(fence: Fence) -> Self {
        let methods = [
            Method::Get,
            Method::Put,
            Method::Post,
            Method::Delete,
            Method::Options,
            Method::Head,
            Method::Trace,
            Method::Connect,
            Method::Patch,
        ];
        let rank = if fence.role.is_some() { FIRST + 1 } else { FIRST };
        let mut all = Vec::new();
        for method in methods {
            for mut route in routes![guarded] {
                (route.method, route.rank) = (method, rank);
                route.handler = Box::new(fence.clone());
                all.push(route);
            }
        }
        all
    }
}

/// Its guard stops the launch of a Rocket without the fairing; the fence answers in its place.
#[get("/<_..>")]
fn guarded(_token: AccessToken<'_>) {}

/// Before every other route. A fence that asks for a role comes after one that does not, so that the one may stand
/// inside the other.
const FIRST: isize = isize::MIN;
